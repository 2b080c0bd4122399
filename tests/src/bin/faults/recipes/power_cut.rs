//! F32: a power cut. The data directory lies on a disk image; frozen in the middle of its work, the image as it is at that
//! moment is what a machine without power would find again.
//!
//! `kill -9` proves nothing about this: what was written and not synced survives a process, not a machine. The negative
//! control runs the same with every sync turned into nothing, and must lose something.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::{PEOPLE, PER_SECOND, PHONES_BACK_MAX, ready_max};
use crate::{
    bench::{Bench, Mount, must, need},
    desk::Desk,
    ledger::Ledger,
    outcome::Outcome,
    reckoning::Reckoning,
    server::{Running, Setup},
    town::{Load, Town, finish},
    watcher::{Told, Watcher},
};

/// Holds a town and thousands of incidents.
const IMAGE_SIZE: &str = "96M";
/// Two images and what the file system itself needs.
const MEMORY_SIZE: &str = "256m";
/// Under load before the cut. Shorter than the half minute after which a kernel writes back by itself.
const LIFE_MS: std::ops::Range<u64> = 1_500..4_000;
/// Answers on their way when the process is frozen have arrived by then.
const ARRIVED_AFTER: Duration = Duration::from_millis(300);
const STOP_MAX: Duration = Duration::from_secs(15);

pub(super) async fn run(bench: &Bench) -> Result<Outcome> {
    need("mkfs.ext4")?;
    need("eatmydata")?;
    let mut outcome = Outcome::new(ready_max(bench));
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    for _ in 0..bench.pick(2, 20) {
        cut(bench, Syncs::Kept, &mut dice, &mut outcome).await?;
        outcome.runs += 1;
    }
    let mut control = Outcome::new(ready_max(bench));
    cut(bench, Syncs::Ignored, &mut dice, &mut control).await?;
    match control.lost.len() {
        0 => outcome
            .broken
            .push("the negative control lost nothing: this test cannot see a power cut".to_owned()),
        lost => outcome
            .notes
            .push(format!("negative control, syncs ignored: {lost} losses, as it must be")),
    }
    Ok(outcome)
}

/// Whether the system does what it is told when told to sync.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syncs {
    Kept,
    Ignored,
}

async fn cut(bench: &Bench, syncs: Syncs, dice: &mut ChaCha8Rng, outcome: &mut Outcome) -> Result<()> {
    let memory = Mount::memory(bench.scratch.join("memory"), MEMORY_SIZE)?;
    let (image, copy) = (memory.at.join("disk.img"), memory.at.join("after.img"));
    must("truncate", [Path::new("-s"), Path::new(IMAGE_SIZE), &image])?;
    must("mkfs.ext4", [Path::new("-q"), Path::new("-F"), &image])?;
    let disk = Mount::image(&image, bench.scratch.join("disk"))?;
    let mut setup = Setup::new(bench, disk.at.join("data"));
    let (mut running, _) = setup.start().await?;
    let desk = Desk::new(&setup.endpoints()?)?;
    let mut town = Town::settle(&setup, &desk, PEOPLE).await?;
    if syncs == Syncs::Ignored {
        // The people are to be found again; only what follows is not.
        running.stop(STOP_MAX).await?;
        must("sync", [Path::new("-f"), &disk.at])?;
        setup.wrapper = vec!["eatmydata".to_owned()];
        running = setup.start().await?.0;
    }
    town.all_connected(PHONES_BACK_MAX).await?;
    let watcher = Watcher::start(&desk);
    let load = Load::start(&desk, PER_SECOND, dice.random());
    sleep(Duration::from_millis(dice.random_range(LIFE_MS))).await;

    let armed = running.arm("STOP")?;
    // The worst moment: right after an acknowledgement.
    load.ledger.next_answer(STOP_MAX).await;
    armed.fire().await?;
    sleep(ARRIVED_AFTER).await;
    let told = watcher.told();
    drop(watcher);
    must("cp", [Path::new("--sparse=always"), &image, &copy])?;
    running.kill().await?;
    let ledger = load.abandon().await;
    drop(disk);
    let after = Mount::image(&copy, bench.scratch.join("after"))?;
    let judged = Judged {
        town: &town,
        ledger,
        told,
    };
    judge(bench, syncs, after.at.join("data"), judged, outcome).await?;
    town.leave().await;
    Ok(())
}

/// What is to be found again.
struct Judged<'a> {
    town: &'a Town,
    ledger: Ledger,
    told: Told,
}

/// Starts the service on what was on the disk. The mount is held by the caller.
async fn judge(
    bench: &Bench,
    syncs: Syncs,
    data_dir: PathBuf,
    judged: Judged<'_>,
    outcome: &mut Outcome,
) -> Result<()> {
    let setup = Setup::new(bench, data_dir);
    let (running, took): (Running, Duration) = match setup.start().await {
        Ok(started) => started,
        Err(error) => {
            outcome
                .lost
                .push(format!("the service does not start on what was on the disk: {error:#}"));
            return Ok(());
        }
    };
    outcome.recovery.push(took);
    let desk = Desk::new(&setup.endpoints().context("it has just started")?)?;
    if syncs == Syncs::Kept {
        // Judged as it was told before the cut, not as it is told now.
        let before = judged.ledger.stories();
        check(&desk, &judged, before, outcome).await?;
        if let Err(error) = judged.town.all_connected(PHONES_BACK_MAX).await {
            outcome.lost.push(format!("phones are not known any more: {error:#}"));
            return running.kill().await;
        }
        finish(&desk, &judged.ledger).await;
        let reckoning = Reckoning {
            desk: &desk,
            town: judged.town,
            stories: judged.ledger.stories(),
            told: judged.told,
            broker_speaks_for_disk: true,
            in_trouble_since: None,
        };
        reckoning.add_to(outcome).await?;
    } else {
        check(&desk, &judged, judged.ledger.stories(), outcome).await?;
    }
    running.kill().await
}

async fn check(
    desk: &Desk,
    judged: &Judged<'_>,
    stories: BTreeMap<String, crate::ledger::Story>,
    outcome: &mut Outcome,
) -> Result<()> {
    let reckoning = Reckoning {
        desk,
        town: judged.town,
        stories,
        told: Told::new(),
        broker_speaks_for_disk: true,
        in_trouble_since: None,
    };
    reckoning.acknowledgements(outcome, &mut BTreeMap::new()).await
}
