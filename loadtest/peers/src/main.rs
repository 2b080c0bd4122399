//! The live index beside other structures, in one run: `cargo run --release -p muster-peers -- --help`.
//!
//! Pin it to a core (`taskset -c 1`) and compare within one run only. Every structure has the same points; ours has them on
//! the sphere and answers exactly there, the others have them as flat metres.
#![allow(clippy::print_stdout)]

mod measure;
mod points;
mod structures;

use clap::Parser;

use crate::{
    measure::{Course, Row, Times},
    structures::{HashGrid, Kiddo, OnTheMap, OnTheSphere, Ours, PointTree},
};

/// Times the live index beside other structures.
#[derive(Parser)]
struct Arguments {
    /// How many people there are.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    people: u32,
    /// How many moves they make in all, 50 m each but for one in twenty.
    #[arg(long, default_value_t = 3_000_000, value_parser = clap::value_parser!(u32).range(3..=100_000_000))]
    moves: u32,
    /// How many queries of each kind.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    queries: u32,
    /// Seed of towns, people and moves.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these structures.
    #[arg(long, value_delimiter = ',', value_parser = NAMES)]
    only: Vec<String>,
}

const NAMES: [&str; 5] = ["ours", "rstar", "sphere", "kiddo", "grid"];

fn main() {
    let Arguments {
        people,
        moves,
        queries,
        seed,
        only,
    } = Arguments::parse();
    let course = Course::new(seed, people as usize, moves as usize, queries as usize);
    println!(
        "{people} people, {moves} moves, seed {seed}; times in microseconds, half below the first, 99 of 100 below the second"
    );
    println!(
        "{:<18} {:>8} {:>9} {:>10} {:>16} {:>16} {:>16}",
        "structure", "build ms", "bytes/pt", "moves/s", "20 nearest dense", "20 nearest", "all in 500 m"
    );
    let runs: [fn(&Course) -> [Row; 2]; 5] = [
        Course::run::<Ours>,
        Course::run::<PointTree<2, OnTheMap>>,
        Course::run::<PointTree<3, OnTheSphere>>,
        Course::run::<Kiddo>,
        Course::run::<HashGrid>,
    ];
    for (name, run) in NAMES.into_iter().zip(runs) {
        if only.is_empty() || only.iter().any(|only| only == name) {
            run(&course).iter().for_each(print);
        }
    }
}

fn print(row: &Row) {
    let figure = |value: f64| {
        if value.is_nan() {
            String::new()
        } else {
            format!("{value:.0}")
        }
    };
    println!(
        "{:<18} {:>8} {:>9.1} {:>10} {:>16} {:>16} {:>16}  {:.0} found",
        row.name,
        figure(row.build_ms),
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
