//! F31: `kill -9` at random moments under load. After each, everything acknowledged is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::{Scene, data_dir, ready_max};
use crate::{bench::Bench, outcome::Outcome, reckoning::Reckoning, server::Setup, watcher::Told};

/// How long the service lives before the next kill. Short lives too: a crash while recovering from a crash.
const LIFE_MS: std::ops::Range<u64> = 100..2_500;

/// An acknowledgement that does not come is not waited for longer than this.
const LIFE_MAX: Duration = Duration::from_secs(2);

pub(super) async fn run(bench: &Bench) -> Result<Outcome> {
    let mut outcome = Outcome::new(ready_max(bench));
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    let setup = Setup::new(bench, data_dir(bench));
    let mut scene = Scene::start(&setup).await?;
    let mut over = BTreeSet::new();
    for _ in 0..bench.pick(10, 200) {
        sleep(Duration::from_millis(dice.random_range(LIFE_MS))).await;
        let armed = scene.running.arm("KILL")?;
        if dice.random() {
            // The worst moment: right after an acknowledgement.
            scene.load.ledger.next_answer(LIFE_MAX).await;
        }
        armed.fire().await?;
        // What the next life tells is judged after the next crash.
        let mut stories = scene.load.ledger.stories();
        scene.running.kill().await?;
        outcome.runs += 1;
        let (running, took) = setup.start().await?;
        outcome.recovery.push(took);
        scene.running = running;

        stories.retain(|number, _| !over.contains(number));
        over.extend(
            stories
                .iter()
                .filter(|(_, s)| s.ended.is_some())
                .map(|(n, _)| n.clone()),
        );
        let reckoning = Reckoning {
            desk: &scene.desk,
            town: &scene.town,
            stories,
            told: Told::new(),
            broker_speaks_for_disk: true,
            in_trouble_since: None,
        };
        reckoning.acknowledgements(&mut outcome, &mut BTreeMap::new()).await?;
    }
    scene.reckon(&mut outcome, true).await?;
    Ok(outcome)
}
