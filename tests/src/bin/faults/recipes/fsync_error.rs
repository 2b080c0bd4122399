//! F33: a sync fails. After the first error nothing more is acknowledged as durable, the service ends with a failure, and
//! the next start has everything that was acknowledged.
//!
//! The error comes once: the syncs after it succeed. That is what a kernel does, and what tempts a program to try again
//! and to acknowledge data that the kernel has already thrown away.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{PEOPLE, PER_SECOND, PHONES_BACK_MAX, data_dir, ready_max};
use crate::{
    bench::{Bench, need, output},
    desk::Desk,
    ledger::Ledger,
    log::{Line, What},
    outcome::{Outcome, skip},
    reckoning::Reckoning,
    server::Setup,
    town::{Load, Town, finish},
    watcher::Watcher,
};

/// Which sync of a thread fails: late enough that the service is up, early enough that the load reaches it in seconds.
const FAILS_AT: std::ops::Range<u32> = 10..120;
/// After the error, what is in flight is finished and the process ends.
const EXIT_MAX: Duration = Duration::from_secs(40);
/// An answer sent just before the error may arrive just after it.
const ON_ITS_WAY: Duration = Duration::from_millis(300);
const STOP_MAX: Duration = Duration::from_secs(15);

pub(super) async fn run(bench: &Bench) -> Result<Outcome> {
    need("strace")?;
    let traced = output("strace", ["-f", "-qq", "-o", "/dev/null", "true"])?;
    if !traced.status.success() {
        return Err(skip("tracing is refused here"));
    }
    let mut outcome = Outcome::new(ready_max(bench));
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    let mut setup = Setup::new(bench, data_dir(bench));
    let (mut running, _) = setup.start().await?;
    let desk = Desk::new(&setup.endpoints()?)?;
    let people = crate::town::enrol(&desk, PEOPLE, bench.seed).await?;
    for round in 0..bench.pick(2, 20) {
        running.stop(STOP_MAX).await?;
        let trace = bench.scratch.join(format!("syncs-{round}"));
        setup.wrapper = tracer(&trace, dice.random_range(FAILS_AT));
        running = setup.start().await?.0;
        // New phones each round, and new numbers: each round stands for itself.
        let mut town = Town::start(&setup, people.clone(), Duration::from_millis(400));
        town.all_connected(PHONES_BACK_MAX).await?;
        let watcher = Watcher::start(&desk);
        let load = Load::start_named(&desk, PER_SECOND, dice.random(), &format!("round-{round}"));
        match running.ended(EXIT_MAX).await? {
            None => outcome
                .broken
                .push(format!("still running {EXIT_MAX:?} after a load with a failing sync")),
            Some(status) if status.success() => outcome.broken.push("a failed sync ended with success".to_owned()),
            Some(_) => {}
        }
        running.kill().await?;
        let told = watcher.told();
        drop(watcher);
        let ledger = load.abandon().await;
        let in_trouble_since = after_the_error(&trace, &ledger, &town.log.lines(), &mut outcome)?;
        outcome.runs += 1;

        setup.wrapper.clear();
        let started = setup.start().await?;
        running = started.0;
        outcome.recovery.push(started.1);
        town.all_connected(PHONES_BACK_MAX).await?;
        finish(&desk, &ledger).await;
        let reckoning = Reckoning {
            desk: &desk,
            town: &town,
            stories: ledger.stories(),
            told,
            broker_speaks_for_disk: true,
            in_trouble_since,
        };
        reckoning.add_to(&mut outcome).await?;
        town.leave().await;
    }
    Ok(outcome)
}

fn tracer(trace: &Path, fails_at: u32) -> Vec<String> {
    let words = [
        "strace",
        "-f",
        "-qq",
        "-ttt",
        "-o",
        &trace.display().to_string(),
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        &format!("inject=fsync,fdatasync:error=EIO:when={fails_at}"),
    ];
    words.map(str::to_owned).to_vec()
}

/// Nothing is acknowledged as durable once a sync has failed. Returns when that was.
fn after_the_error(trace: &Path, ledger: &Ledger, lines: &[Line], outcome: &mut Outcome) -> Result<Option<Instant>> {
    let Some(failed_at) = first_error(trace)? else {
        outcome
            .broken
            .push("no sync failed: the load did not reach it".to_owned());
        return Ok(None);
    };
    // The trace has the clock of the machine, the script a monotonic one.
    let (now, clock) = (Instant::now(), SystemTime::now());
    let limit = failed_at + ON_ITS_WAY;
    let late = |at: Instant| clock.checked_sub(now - at).is_some_and(|at| at > limit);
    for (number, story) in ledger.stories() {
        let answers = [("report", story.reported), ("end", story.ended)];
        for (what, answer) in answers {
            if answer.is_some_and(|answer| answer.durable && late(answer.at)) {
                outcome.broken.push(format!(
                    "the {what} of {number} was acknowledged as durable after a sync had failed"
                ));
            }
        }
    }
    for line in lines {
        if let What::Heard { alert_id, kind } = &line.what
            && late(line.at)
        {
            outcome.broken.push(format!(
                "{kind:?} to {alert_id} was acknowledged after a sync had failed"
            ));
        }
    }
    let ago = clock.duration_since(failed_at).unwrap_or_default();
    Ok(now.checked_sub(ago))
}

/// When the first sync was made to fail, from a line like `4711 1700000000.123456 fdatasync(9) = -1 EIO (…) (INJECTED)`.
fn first_error(trace: &Path) -> Result<Option<SystemTime>> {
    let text = fs::read_to_string(trace).context("reading what strace wrote")?;
    let Some(line) = text.lines().find(|line| line.contains("(INJECTED)")) else {
        return Ok(None);
    };
    let seconds: f64 = line.split_whitespace().nth(1).context("a time")?.parse()?;
    Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds)))
}
