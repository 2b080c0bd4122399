//! Real faults on the real binary: `tests/faults/run` builds and starts this.
//!
//! ```text
//! recipe ── breaks ──> muster serve <── gRPC ── desk: incidents on a schedule ──> ledger: what was acknowledged
//!                          ^ └──────── MQTT ──> town: phones that answer ──────> log: what the phones saw
//!                          └── asked again after recovery by the reckoning, which matches ledger and log id by id
//! ```
//! The service is a stranger here: a process, its sockets and its command line. Exit code 1 when anything acknowledged was
//! lost, a person was asked twice, a recovery took too long, or another promise was broken; 2 for wrong usage.
#![allow(clippy::print_stdout)]

mod bench;
mod desk;
mod ledger;
mod log;
mod outcome;
mod person;
mod phone;
mod recipes;
mod reckoning;
mod server;
mod town;
mod watcher;
mod wire;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    bench::{Bench, address_of},
    outcome::{Ended, table},
};

/// Breaks the service in every way this machine allows, and checks that nothing is lost.
#[derive(Parser)]
struct Arguments {
    /// The `muster` to break.
    #[arg(long)]
    binary: PathBuf,
    /// An empty directory for everything made on the way.
    #[arg(long)]
    scratch: PathBuf,
    /// Few faults, short waits: for continuous integration.
    #[arg(long)]
    short: bool,
    /// Only this recipe; may be given several times.
    #[arg(long, value_parser = recipes::NAMES)]
    only: Vec<String>,
    /// Seed of places, answers and moments. The order of things on a real machine is not repeated by it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("faults: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<bool> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let binary = arguments.binary.canonicalize().context("the binary")?;
    let mut ended = Vec::new();
    for (recipe, name) in (0..).zip(recipes::NAMES) {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
            continue;
        }
        let bench = Bench {
            binary: binary.clone(),
            scratch: arguments.scratch.join(name),
            short: arguments.short,
            seed: arguments.seed,
            address: address_of(std::process::id(), recipe),
        };
        std::fs::create_dir_all(&bench.scratch)?;
        println!("=== {name}");
        let began = Instant::now();
        let result = tokio::select! {
            result = recipes::run(name, &bench) => Ended::from(result),
            _ = interrupt.recv() => return stopped(&ended),
            _ = terminate.recv() => return stopped(&ended),
        };
        for line in result.details() {
            println!("{line}");
        }
        println!("--- {name}: {:.0} s", began.elapsed().as_secs_f64());
        ended.push((name, result));
    }
    report(&ended);
    Ok(ended.iter().all(|(_, ended)| ended.is_good()))
}

/// Interrupted: what was found so far is still told, and does not count as a pass.
fn stopped(ended: &[(&str, Ended)]) -> Result<bool> {
    report(ended);
    println!("stopped");
    Ok(false)
}

fn report(ended: &[(&str, Ended)]) {
    println!();
    for line in table(ended) {
        println!("{line}");
    }
}
