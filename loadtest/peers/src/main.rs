//! The live index beside other structures and servers, in one run: `loadtest/peers/run`, or `muster-peers --help`.
//!
//! Compare within one run only. Everybody has the same points; ours has them on the sphere and answers exactly there, the
//! README says which the others have.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod measure;
mod peer;
mod plot;
mod servers;
mod structures;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::{
    measure::{BATCH, Course, PATIENCE, Row, Times},
    peer::{InProcess, Peer},
    servers::{postgis::PostGis, redis_geo::RedisGeo},
    structures::{HashGrid, Kiddo, OnTheMap, OnTheSphere, Ours, PointTree},
};

/// Times the live index beside other structures and servers.
#[derive(Parser)]
struct Arguments {
    /// How many people there are; several numbers, and everything is measured with each.
    #[arg(long, value_delimiter = ',', default_value = "1000000", value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    people: Vec<u32>,
    /// How many moves they make in all, 50 m each but for one in twenty.
    #[arg(long, default_value_t = 3_000_000, value_parser = clap::value_parser!(u32).range(3..=100_000_000))]
    moves: u32,
    /// How many queries of each kind.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    queries: u32,
    /// Seed of towns, people and moves.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these.
    #[arg(long, value_delimiter = ',', value_parser = NAMES)]
    only: Vec<String>,
    /// Where to put a picture of the table.
    #[arg(long)]
    svg: Option<PathBuf>,
}

const NAMES: [&str; 7] = ["ours", "rstar", "sphere", "kiddo", "grid", "redis", "postgis"];

/// What running one peer came to.
enum Outcome {
    Rows([Row; 2]),
    Skipped(&'static str, String),
}

type Run = fn(&Course) -> Result<Outcome>;

const RUNS: [Run; 7] = [
    run::<InProcess<Ours>>,
    run::<InProcess<PointTree<2, OnTheMap>>>,
    run::<InProcess<PointTree<3, OnTheSphere>>>,
    run::<InProcess<Kiddo>>,
    run::<InProcess<HashGrid>>,
    run::<RedisGeo>,
    run::<PostGis>,
];

fn run<P: Peer>(course: &Course) -> Result<Outcome> {
    if let Some(reason) = P::missing() {
        return Ok(Outcome::Skipped(P::NAME, reason));
    }
    let rows = course.run::<P>().with_context(|| format!("measuring {}", P::NAME))?;
    Ok(Outcome::Rows(rows))
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut moved = Vec::new();
    let mut failed = false;
    for &people in &arguments.people {
        let (moves, queries) = (arguments.moves as usize, arguments.queries as usize);
        let course = Course::new(arguments.seed, people as usize, moves, queries);
        print_head(people, &arguments);
        for (name, run) in NAMES.into_iter().zip(RUNS) {
            if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
                continue;
            }
            match run(&course) {
                Ok(Outcome::Rows(rows)) => {
                    rows.iter().for_each(print);
                    moved.extend(rows.into_iter().skip(1));
                }
                Ok(Outcome::Skipped(name, reason)) => println!("{name:<18} skipped: {reason}"),
                Err(error) => {
                    eprintln!("{error:#}");
                    failed = true;
                }
            }
        }
        println!();
    }
    println!(
        "Redis and PostGIS are servers, asked through a socket by one client: a query is a round trip, {BATCH} moves are"
    );
    println!(
        "one command, and each round of moves and kind of query ends after {} s.",
        PATIENCE.as_secs()
    );
    if let Some(file) = &arguments.svg {
        fs::write(file, plot::svg(&moved)).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_head(people: u32, arguments: &Arguments) {
    let (moves, seed) = (arguments.moves, arguments.seed);
    println!(
        "{people} people, {moves} moves, seed {seed}; times in microseconds, half below the first, 99 of 100 below the second"
    );
    println!(
        "{:<18} {:>8} {:>9} {:>10} {:>18} {:>18} {:>18}",
        "structure", "build ms", "bytes/pt", "moves/s", "20 nearest dense", "20 nearest", "all in 500 m"
    );
}

fn print(row: &Row) {
    let figure = |value: f64| {
        if value.is_nan() {
            String::new()
        } else {
            format!("{value:.0}")
        }
    };
    let made = format!("  after {} moves", row.moves);
    println!(
        "{:<18} {:>8} {:>9.1} {:>10} {:>18} {:>18} {:>18}  {:.0} found",
        if row.moves == 0 { row.name } else { &made },
        figure(if row.moves == 0 { row.build_ms } else { f64::NAN }),
        row.bytes_each,
        figure(row.moves_per_s),
        pair(row.nearest_dense),
        pair(row.nearest_sparse),
        pair(row.all_dense),
        row.hits
    );
}

#[allow(clippy::cast_precision_loss)]
fn pair(times: Times) -> String {
    format!("{:.2} / {:.2}", times.p50 as f64 / 1e3, times.p99 as f64 / 1e3)
}
