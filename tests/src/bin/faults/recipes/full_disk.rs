//! F34: the disk is full. What saves a life goes on, everything else is refused with a hint when to try again, and when
//! there is room again the service goes on without a restart.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use muster_tests::control_room::Point2d;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{PEOPLE, PER_SECOND, PHONES_BACK_MAX, ready_max};
use crate::{
    bench::{Bench, Mount},
    desk::{Desk, arrest},
    ledger::{Ending, Ledger},
    log::{Kind, What},
    outcome::Outcome,
    reckoning::Reckoning,
    server::Setup,
    town::{Load, Town, finish, place_in},
    watcher::Watcher,
};

/// Holds a town, a load of a minute, and whatever reserve the service keeps.
const DISK_SIZE: &str = "96m";
/// Under load before the disk is full.
const LIFE: Duration = Duration::from_secs(2);
/// A report, an ending: answered within this even on a full disk.
const ANSWERED_MAX: Duration = Duration::from_secs(5);
/// A report made on a full disk is on a phone within this.
const ALERTED_MAX: Duration = Duration::from_secs(5);
/// More registrations than fit in the pages a database has allocated ahead.
const REGISTRATIONS_MAX: usize = 3_000;
/// Refused requests are taken again within this once there is room.
const ROOM_AGAIN_MAX: Duration = Duration::from_secs(10);
/// Between two tries.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) async fn run(bench: &Bench) -> Result<Outcome> {
    let mut outcome = Outcome::new(ROOM_AGAIN_MAX.max(ready_max(bench)));
    let disk = Mount::memory(bench.scratch.join("disk"), DISK_SIZE)?;
    let setup = Setup::new(bench, disk.at.join("data"));
    let (mut running, _) = setup.start().await?;
    let desk = Desk::new(&setup.endpoints()?)?;
    let mut town = Town::settle(&setup, &desk, PEOPLE).await?;
    town.all_connected(PHONES_BACK_MAX).await?;
    let watcher = Watcher::start(&desk);
    let load = Load::start(&desk, PER_SECOND, bench.seed);
    sleep(LIFE).await;

    let filler = disk.at.join("filler");
    fill(&filler)?;
    outcome.runs += 1;
    let mut full = Full {
        desk: &desk,
        town: &town,
        ledger: load.ledger.clone(),
        dice: ChaCha8Rng::seed_from_u64(bench.seed),
    };
    // Uses up what the database has allocated ahead: only now is the disk full for everybody.
    full.everything_else(&mut outcome).await;
    for case in 0..bench.pick(3, 20) {
        full.life_threatening(case, &mut outcome).await;
    }
    full.everything_else(&mut outcome).await;
    let alive = running.ended(Duration::from_millis(1)).await?;
    fs::remove_file(&filler).context("making room")?;
    match alive {
        Some(status) => outcome
            .broken
            .push(format!("on a full disk the service ended with {status}")),
        None => room_again(&desk, &mut outcome).await,
    }

    // What was alerted without being on the disk is to be there by now: a crash shows it.
    let told = watcher.told();
    drop(watcher);
    let ledger = load.abandon().await;
    running.kill().await?;
    let (running, took) = setup.start().await?;
    outcome.recovery.push(took);
    town.all_connected(PHONES_BACK_MAX).await?;
    finish(&desk, &ledger).await;
    let mut stories = ledger.stories();
    for story in stories.values_mut() {
        let answers = [&mut story.reported, &mut story.ended];
        answers.into_iter().flatten().for_each(|answer| answer.durable = true);
    }
    let reckoning = Reckoning {
        desk: &desk,
        town: &town,
        stories,
        told,
        broker_speaks_for_disk: true,
        in_trouble_since: None,
    };
    reckoning.add_to(&mut outcome).await?;
    town.leave().await;
    // Before the disk it lives on goes away.
    running.kill().await?;
    Ok(outcome)
}

/// What is tried while the disk is full.
struct Full<'a> {
    desk: &'a Desk,
    town: &'a Town,
    ledger: Ledger,
    dice: ChaCha8Rng,
}

impl Full<'_> {
    /// A new report is answered and alerted, and can be ended.
    async fn life_threatening(&mut self, case: usize, outcome: &mut Outcome) {
        let number = format!("disk-full-{case}");
        let place: Point2d = place_in(case, &mut self.dice);
        let report = arrest(&number, place);
        self.ledger.open(&number, report.clone());
        let give_up = Instant::now() + ANSWERED_MAX;
        let Some(answer) = self.desk.report_until_answered(&report, give_up).await else {
            let said = self.desk.report(&report).await.err().map(|status| status.to_string());
            outcome
                .broken
                .push(format!("the report of {number} is not answered: {said:?}"));
            return;
        };
        let planned = answer.alerts_planned;
        self.ledger.reported(&number, answer);
        if planned > 0 && !self.alerted(&number).await {
            outcome.broken.push(format!("{number} was answered and alerted nobody"));
        }
        let (ending, sent_at) = (
            if case.is_multiple_of(2) {
                Ending::Close
            } else {
                Ending::StandDown
            },
            SystemTime::now(),
        );
        self.ledger.ending(&number, ending, sent_at);
        let give_up = Instant::now() + ANSWERED_MAX;
        match self.desk.end_until_answered(&number, ending, sent_at, give_up).await {
            Some(answer) => self.ledger.ended(&number, answer),
            None => outcome.broken.push(format!("the end of {number} is not answered")),
        }
    }

    /// Whether an alert of this incident reaches a phone in time.
    async fn alerted(&self, number: &str) -> bool {
        let until = Instant::now() + ALERTED_MAX;
        while Instant::now() < until {
            if let Ok(Some(incident)) = self.desk.incident(number).await {
                let ids: Vec<&String> = incident.alerts.iter().map(|alert| &alert.alert_id).collect();
                let here = |what: &What| matches!(what, What::Got { alert_id, kind: Kind::Alert, .. } if ids.contains(&alert_id));
                if self.town.log.any(|line| here(&line.what)) {
                    return true;
                }
            }
            sleep(LOOK_EVERY).await;
        }
        false
    }

    /// A request that may wait is refused in the right words.
    async fn everything_else(&self, outcome: &mut Outcome) {
        for number in 0..REGISTRATIONS_MAX {
            let Err(status) = self.desk.register(&format!("on-full-disk-{number}")).await else {
                continue;
            };
            if status.code() != Code::ResourceExhausted {
                outcome
                    .broken
                    .push(format!("a registration on a full disk gets {status}"));
            } else if status.get_details_retry_info().is_none() {
                outcome
                    .broken
                    .push("a registration on a full disk is refused without a hint when to try again".to_owned());
            }
            return;
        }
        outcome
            .broken
            .push(format!("{REGISTRATIONS_MAX} registrations were taken on a full disk"));
    }
}

async fn room_again(desk: &Desk, outcome: &mut Outcome) {
    let began = Instant::now();
    loop {
        match desk.register("room-again").await {
            Ok(()) => return outcome.recovery.push(began.elapsed()),
            Err(status) if began.elapsed() > ROOM_AGAIN_MAX => {
                return outcome.broken.push(format!(
                    "{ROOM_AGAIN_MAX:?} after there is room again a registration gets {status}"
                ));
            }
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}

/// Writes until nothing more fits, in ever smaller pieces.
fn fill(path: &Path) -> Result<()> {
    let mut file = File::create(path)?;
    for size in [1 << 20, 1 << 12, 1] {
        let piece = vec![0_u8; size];
        while file.write_all(&piece).is_ok() {}
    }
    Ok(())
}
