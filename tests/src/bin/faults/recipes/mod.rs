//! The recipes, one fault each.

mod brokers;
mod flip;
mod fsync_error;
mod full_disk;
mod kill;
mod lying_broker;
mod pause;
mod power_cut;
mod sessions;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;

use crate::{
    bench::Bench,
    desk::Desk,
    ledger::Ledger,
    outcome::Outcome,
    reckoning::Reckoning,
    server::{Running, Setup},
    town::{Load, Town, finish},
    watcher::Watcher,
};

/// In the order in which they run.
pub const NAMES: [&str; 10] = [
    "kill",
    "power-cut",
    "fsync-error",
    "full-disk",
    "flip",
    "broker-embedded",
    "broker-mosquitto",
    "lying-broker",
    "pause",
    "sessions",
];

/// A process on a data directory of this size is ready within 2 s; an unoptimised one, on a machine that builds something
/// else beside, within 10.
fn ready_max(bench: &Bench) -> Duration {
    bench.pick(Duration::from_secs(10), Duration::from_secs(2))
}

/// Phones in a town. Enough that some are always free, few enough that the machine is not what is tested.
const PEOPLE: usize = 240;
/// Incidents a second: ten times what the busiest hour on record brought all of England's services.
const PER_SECOND: f64 = 6.0;
/// A town's phones are back within this once the broker is.
const PHONES_BACK_MAX: Duration = Duration::from_secs(20);

/// Runs one recipe.
pub async fn run(name: &str, bench: &Bench) -> Result<Outcome> {
    match name {
        "kill" => kill::run(bench).await,
        "power-cut" => power_cut::run(bench).await,
        "fsync-error" => fsync_error::run(bench).await,
        "full-disk" => full_disk::run(bench).await,
        "flip" => flip::run(bench).await,
        "broker-embedded" => brokers::embedded(bench).await,
        "broker-mosquitto" => brokers::mosquitto(bench).await,
        "lying-broker" => lying_broker::run(bench).await,
        "pause" => pause::run(bench).await,
        "sessions" => sessions::run(bench).await,
        other => anyhow::bail!("there is no recipe {other}"),
    }
}

/// A service under load with a town around it, as most recipes need.
struct Scene {
    running: Running,
    desk: Desk,
    town: Town,
    load: Load,
    watcher: Watcher,
}

impl Scene {
    /// Starts everything; returns once all phones are connected and incidents come in.
    async fn start(setup: &Setup<'_>) -> Result<Self> {
        let (running, _) = setup.start().await?;
        let desk = Desk::new(&setup.endpoints()?)?;
        let town = Town::settle(setup, &desk, PEOPLE).await?;
        town.all_connected(PHONES_BACK_MAX).await?;
        let watcher = Watcher::start(&desk);
        let load = Load::start(&desk, PER_SECOND, setup.bench.seed);
        Ok(Self {
            running,
            desk,
            town,
            load,
            watcher,
        })
    }

    /// The faults are over: the load stops, everything settles, and all is matched.
    async fn reckon(self, outcome: &mut Outcome, broker_speaks_for_disk: bool) -> Result<()> {
        let back = self.town.all_connected(PHONES_BACK_MAX).await;
        if let Err(error) = back {
            outcome.broken.push(format!("{error:#}"));
        }
        let ledger = self.load.stop().await?;
        // Stories that a recipe wrote itself end here.
        finish(&self.desk, &ledger).await;
        unanswered(&ledger, outcome);
        let reckoning = Reckoning {
            desk: &self.desk,
            town: &self.town,
            stories: ledger.stories(),
            told: self.watcher.told(),
            broker_speaks_for_disk,
            in_trouble_since: None,
        };
        reckoning.add_to(outcome).await?;
        drop(self.running);
        Ok(())
    }
}

/// Everything that was asked is answered in the end.
fn unanswered(ledger: &Ledger, outcome: &mut Outcome) {
    for (number, story) in ledger.stories() {
        if story.reported.is_none() {
            outcome
                .broken
                .push(format!("the report of {number} was never answered"));
        } else if story.ended.is_none() {
            outcome.broken.push(format!("the end of {number} was never answered"));
        }
    }
}

fn data_dir(bench: &Bench) -> PathBuf {
    bench.scratch.join("data")
}
