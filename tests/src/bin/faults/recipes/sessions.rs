//! F23: as many phones as the machine can hold come back at once, and somebody collapses meanwhile.

use std::{
    fs,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::{data_dir, unanswered};
use crate::{
    bench::Bench,
    desk::{Desk, arrest},
    ledger::{Ending, Ledger},
    log::{Kind, What},
    outcome::Outcome,
    reckoning::Reckoning,
    server::Setup,
    town::{Town, enrol, place_in},
    watcher::Told,
};

/// Descriptors for everything that is not a phone, on either side.
const RESERVE: usize = 700;
/// A goal, and as many as one machine of this size is meant for.
const SESSIONS_MAX: usize = 19_000;
/// Phones come back over this many a second, each at a random moment: what a fleet with jitter does.
const RETURNS_PER_SECOND: usize = 500;
/// The first connects are not what is tested; they may take their time.
const CONNECTED_WAIT: Duration = Duration::from_secs(900);
/// After a restart all are back within this.
const BACK_MAX: Duration = Duration::from_secs(60);
/// A fresh incident in the middle of it is on a phone within this.
const ALERTED_MAX: Duration = Duration::from_secs(10);
/// A report is answered within this, or something is wrong.
const ANSWERED_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(super) async fn run(bench: &Bench) -> Result<Outcome> {
    let mut outcome = Outcome::new(BACK_MAX);
    let sessions = bench.pick(500, descriptors()?.saturating_sub(RESERVE).min(SESSIONS_MAX));
    outcome.notes.push(format!("{sessions} sessions"));
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    let mut setup = Setup::new(bench, data_dir(bench));
    setup.config = format!("[mqtt]\nconnections_max = {}\n", sessions + 100);
    let (mut running, _) = setup.start().await?;
    let desk = Desk::new(&setup.endpoints()?)?;
    let people = enrol(&desk, sessions, bench.seed).await?;
    let spread = Duration::from_secs_f64((sessions as f64 / RETURNS_PER_SECOND as f64).max(1.0));
    let mut town = Town::start(&setup, people, spread);
    let took = town.all_connected(CONNECTED_WAIT).await?;
    outcome
        .notes
        .push(format!("first connected in {:.1} s", took.as_secs_f64()));

    let ledger = Ledger::default();
    for run in 0..bench.pick(1, 3) {
        running.kill().await?;
        let began = Instant::now();
        let (started, ready) = setup.start().await?;
        running = started;
        outcome.runs += 1;
        let fresh = Fresh {
            desk: &desk,
            town: &town,
            ledger: &ledger,
        };
        let place = place_in(run, &mut dice);
        let number = format!("fresh-{run}");
        let report = fresh.alerted(&number, place, &mut outcome);
        let (alerted, back) = tokio::join!(report, town.all_connected(CONNECTED_WAIT));
        let (alerted, _) = (alerted?, back?);
        outcome.recovery.push(began.elapsed());
        outcome.notes.push(format!(
            "ready in {:.2} s, all back in {:.1} s, a fresh incident on a phone in {:.2} s",
            ready.as_secs_f64(),
            began.elapsed().as_secs_f64(),
            alerted.as_secs_f64()
        ));
    }
    unanswered(&ledger, &mut outcome);
    let reckoning = Reckoning {
        desk: &desk,
        town: &town,
        stories: ledger.stories(),
        told: Told::new(),
        broker_speaks_for_disk: true,
        in_trouble_since: None,
    };
    reckoning.add_to(&mut outcome).await?;
    town.leave().await;
    running.kill().await?;
    Ok(outcome)
}

/// Somebody collapses while everybody reconnects.
struct Fresh<'a> {
    desk: &'a Desk,
    town: &'a Town,
    ledger: &'a Ledger,
}

impl Fresh<'_> {
    /// Reports, waits for the first phone, and ends it; says how long the phone took.
    async fn alerted(
        &self,
        number: &str,
        place: muster_tests::control_room::Point2d,
        outcome: &mut Outcome,
    ) -> Result<Duration> {
        let report = arrest(number, place);
        self.ledger.open(number, report.clone());
        let began = Instant::now();
        let give_up = began + ANSWERED_MAX;
        let answer = self.desk.report_until_answered(&report, give_up).await;
        self.ledger
            .reported(number, answer.with_context(|| format!("{number} is not answered"))?);
        let reached = |what: &What| {
            matches!(
                what,
                What::Got {
                    kind: Kind::Alert,
                    duplicate: false,
                    ..
                }
            )
        };
        while !self.town.log.any(|line| line.at > began && reached(&line.what)) {
            if began.elapsed() > ALERTED_MAX {
                outcome
                    .broken
                    .push(format!("{number} was on no phone after {ALERTED_MAX:?}"));
                break;
            }
            sleep(LOOK_EVERY).await;
        }
        let took = began.elapsed();
        let sent_at = SystemTime::now();
        self.ledger.ending(number, Ending::Close, sent_at);
        if let Some(answer) = self
            .desk
            .end_until_answered(number, Ending::Close, sent_at, give_up)
            .await
        {
            self.ledger.ended(number, answer);
        }
        Ok(took)
    }
}

/// How many files this process may open; the service raises its own limit to the same.
fn descriptors() -> Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits").context("reading the limits of this process")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line
        .and_then(|line| line.split_whitespace().nth(3))
        .context("a limit")?;
    Ok(soft.parse().unwrap_or(SESSIONS_MAX + RESERVE))
}
