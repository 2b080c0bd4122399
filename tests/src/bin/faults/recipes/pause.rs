//! F11: the process stands still, as a virtual machine does that is moved, and goes on. Nothing expired is shown, the
//! waits go on where they were, and incidents settle.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::{Scene, data_dir};
use crate::{bench::Bench, desk::arrest, outcome::Outcome, server::Setup, town::place_in};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Alerts that expire within the pause, so that there is something that must not be shown afterwards.
const SHORT_LIVED: &str = "[policy]\nreceipt_resend_s = 1\nreceipt_wait_s = 2\nanswer_wait_s = 3\nalert_expiry_s = 4\n";
/// Under load before and after.
const LIFE: Duration = Duration::from_secs(3);
/// Long enough for alerts to phones that have just vanished, shorter than those alerts are valid.
const OUT_BEFORE: Duration = Duration::from_millis(1_500);
/// A report is answered within this of going on.
const ANSWERED_MAX: Duration = Duration::from_secs(2);
/// What takes longer than this is never answered.
const ANSWER_WAIT: Duration = Duration::from_secs(20);
/// For an unoptimised binary on a busy machine.
const ANSWERED_MAX_SHORT: Duration = Duration::from_secs(6);

pub(super) async fn run(bench: &Bench) -> Result<Outcome> {
    let mut outcome = Outcome::new(bench.pick(ANSWERED_MAX_SHORT, ANSWERED_MAX));
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    let mut setup = Setup::new(bench, data_dir(bench));
    setup.config = SHORT_LIVED.to_owned();
    let scene = Scene::start(&setup).await?;
    let pause = Duration::from_secs(bench.pick(6, 30));
    for run in 0..bench.pick(1, 3) {
        sleep(LIFE).await;
        // What the broker keeps for a phone out of coverage expires while the process stands still.
        scene.town.coverage.send_replace(true);
        sleep(OUT_BEFORE).await;
        scene.running.pause().await?;
        sleep(pause).await;
        scene.running.resume();
        scene.town.coverage.send_replace(false);
        outcome.runs += 1;

        let began = Instant::now();
        let number = format!("after-pause-{run}");
        let report = arrest(&number, place_in(run, &mut dice));
        scene.load.ledger.open(&number, report.clone());
        match scene.desk.report_until_answered(&report, began + ANSWER_WAIT).await {
            None => outcome
                .broken
                .push(format!("no report is answered within {ANSWER_WAIT:?} of a pause")),
            Some(answer) => {
                outcome.recovery.push(began.elapsed());
                scene.load.ledger.reported(&number, answer);
            }
        }
    }
    sleep(LIFE).await;
    scene.reckon(&mut outcome, true).await?;
    Ok(outcome)
}
