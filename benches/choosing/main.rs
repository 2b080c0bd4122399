//! How long it takes to choose for one incident in a crowd, with defibrillators and streets:
//!
//! ```sh
//! cargo run --release -p muster-benches --bin choosing -- [--streets MAP] [--people N] [--aeds N] [--incidents N]
//! ```
//!
//! Everybody stands within 2 km of the middle of the map, and each incident is somewhere within 300 m of it, so that all of
//! them are candidates. Without a map the streets are a grid of the size of central London. Before each incident everybody
//! moves. The service looks up where on the streets somebody is as they tell where they are; the last line is for a crowd
//! of which nobody was looked up, as after a start.
#![allow(clippy::print_stdout)]

mod grid;
mod town;

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Parser;
use dispatch_core::{choose::Streets, roads::RoadGraph};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use town::Town;

/// How long choosing takes.
#[derive(Parser)]
struct Arguments {
    /// An OpenStreetMap extract, or a folder with tables of nodes and ways.
    #[arg(long)]
    streets: Option<PathBuf>,
    /// Candidates, 1 to 10000.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    people: u32,
    /// Defibrillators, 0 to 1000.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    aeds: u32,
    /// How many of ten people come by bicycle, 0 to 10; each way of travelling is searched by itself.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10))]
    bicycles: u32,
    /// Incidents, 10 to 100000.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    incidents: u32,
    /// Decides where everything is.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let graph = match &arguments.streets {
        Some(path) => muster_maps::roads::import(path)?.graph,
        None => grid::of_streets(),
    };
    let graph = Arc::new(graph);
    let mut dice = ChaCha8Rng::seed_from_u64(arguments.seed);
    let mut town = Town::new(middle(&graph), &arguments, &mut dice);
    let mut streets = Streets::new(Arc::clone(&graph));
    let (mut chosen, mut unprepared, mut located) = (Vec::new(), Vec::new(), Vec::new());
    let (mut asked, mut fetching) = (0, 0);
    for number in 0..arguments.incidents {
        // Everybody has moved a little, so that nobody's place on the streets is known.
        town.move_everybody(dice.random_range(0.0..360.0));
        let incident = town.incident(number, &mut dice);
        let prepared = number % 2 == 0;
        if prepared {
            let began = Instant::now();
            town.locate_everybody(&mut streets);
            located.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(arguments.people));
        }
        let times = if prepared { &mut chosen } else { &mut unprepared };
        let began = Instant::now();
        let decision = town.choose(&incident, &mut streets);
        times.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(
            decision.candidates.len(),
            arguments.people as usize,
            "all are candidates"
        );
        asked = decision.alerts.len();
        fetching = decision.alerts.iter().filter(|plan| plan.role.aed().is_some()).count();
    }
    println!(
        "{} candidates, {} defibrillators, {} junctions; the last incident asked {asked}, {fetching} by a defibrillator",
        arguments.people,
        arguments.aeds,
        graph.junctions().len()
    );
    println!("choosing                        {}", quantiles(chosen, "ms"));
    println!("looking up one person's street  {}", quantiles(located, "us"));
    println!("choosing when nobody was        {}", quantiles(unprepared, "ms"));
    Ok(())
}

fn quantiles(mut times: Vec<f64>, unit: &str) -> String {
    times.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    format!(
        "p50 {:.2} {unit}, p99 {:.2} {unit}, max {:.2} {unit}",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

/// The middle of the map by its outermost junctions.
fn middle(graph: &RoadGraph) -> dispatch_core::position::Position {
    let (mut south, mut west, mut north, mut east) = (f64::MAX, f64::MAX, f64::MIN, f64::MIN);
    for junction in graph.junctions() {
        (south, north) = (south.min(junction.latitude()), north.max(junction.latitude()));
        (west, east) = (west.min(junction.longitude()), east.max(junction.longitude()));
    }
    town::position(f64::midpoint(south, north), f64::midpoint(west, east))
}
