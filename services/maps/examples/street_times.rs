//! How long an import and the searches of an incident take on a real map:
//!
//! ```sh
//! cargo run --release -p muster-maps --example street_times -- MAP [RADIUS_M] [PEOPLE] [AEDS]
//! ```
//!
//! The patients are in streets in the middle of the map, people and defibrillators are scattered evenly over the streets.
//! Times are the median of 101 runs, in microseconds.
#![allow(clippy::print_stdout)]

use std::{error::Error, hint::black_box, path::Path, time::Instant};

use dispatch_core::{
    position::{Metres, Position},
    responder::TravelMode,
    roads::{AedWay, RoadGraph, Snap, ToPatient, ToPatientScratch, ViaAeds, ViaAedsScratch},
};
use muster_maps::roads;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let map = arguments.first().ok_or("which map?")?;
    let number = |place: usize, usual: u32| arguments.get(place).map_or(Ok(usual), |text| text.parse());
    let (radius, people, aeds) = (Metres::new(number(1, 2_500)?), number(2, 10_000)?, number(3, 200)?);

    let start = Instant::now();
    let import = roads::import(Path::new(map))?;
    println!("{}import: {:?}", import.report, start.elapsed());
    let file = std::env::temp_dir().join(format!("street_times_{}.roads", std::process::id()));
    roads::write(&import.graph, &file)?;
    let start = Instant::now();
    let graph = roads::read(&file)?.graph;
    println!(
        "file: {} bytes, read in {:?}",
        std::fs::metadata(&file)?.len(),
        start.elapsed()
    );
    std::fs::remove_file(&file)?;
    assert_eq!(
        graph.digest(),
        import.graph.digest(),
        "what is read is what was written"
    );

    let mut random = ChaCha8Rng::seed_from_u64(1);
    let places = scatter(&graph, people as usize, &mut random);
    let middle = middle_of(&graph).ok_or("a map without junctions")?;
    for mode in [TravelMode::Foot, TravelMode::Bicycle, TravelMode::Car] {
        measure(&graph, mode, middle, radius, &places, aeds as usize);
    }
    Ok(())
}

/// Places within 60 m of bends and junctions.
fn scatter(graph: &RoadGraph, count: usize, random: &mut ChaCha8Rng) -> Vec<Position> {
    let mut points = graph.junctions().to_vec();
    points.extend(graph.stretches().flat_map(|(_, _, bends)| bends).copied());
    let mut near = |position: Position| {
        let mut off = || random.random_range(-0.0005..0.0005);
        Position::from_degrees(position.latitude() + off(), position.longitude() + off())
    };
    let step = points.len() as f64 / count as f64;
    (0..count)
        .filter_map(|place| near(points[(place as f64 * step) as usize]).ok())
        .collect()
}

/// The junction nearest to the middle of them all.
fn middle_of(graph: &RoadGraph) -> Option<Position> {
    let mut latitudes: Vec<i32> = graph.junctions().iter().map(|place| place.to_e7().0).collect();
    let mut longitudes: Vec<i32> = graph.junctions().iter().map(|place| place.to_e7().1).collect();
    latitudes.sort_unstable();
    longitudes.sort_unstable();
    let middle = latitudes.len() / 2;
    let middle = Position::from_e7(*latitudes.get(middle)?, *longitudes.get(middle)?).ok()?;
    graph
        .junctions()
        .iter()
        .copied()
        .min_by_key(|place| place.distance_to(middle))
}

fn measure(graph: &RoadGraph, mode: TravelMode, middle: Position, radius: Metres, places: &[Position], aeds: usize) {
    let snapping = median_us(|_| places.iter().filter_map(|place| graph.snap(*place, mode)).count());
    let snapped = places
        .iter()
        .filter_map(|place| Some((*place, graph.snap(*place, mode)?)));
    let mut by_distance: Vec<(Position, Snap)> = snapped.collect();
    let snaps: Vec<Snap> = by_distance.iter().map(|(_, snap)| *snap).collect();
    if snaps.is_empty() {
        return println!("{mode:?}: nobody is near a street");
    }
    // Another patient each time, so that the processor does not learn one search by heart.
    by_distance.sort_by_key(|(place, _)| place.distance_to(middle));
    let patient = |run: usize| &by_distance[run % by_distance.len()].1;
    let (mut scratch, mut aed_scratch) = (ToPatientScratch::default(), ViaAedsScratch::default());
    let searching = median_us(|run| {
        black_box(ToPatient::search(graph, &mut scratch, mode, patient(run), radius));
    });
    let step = (snaps.len() / aeds.max(1)).max(1);
    let aeds: Vec<Snap> = snaps.iter().copied().step_by(step).collect();
    let mut in_reach = |run: usize| -> Vec<AedWay> {
        let direct = ToPatient::search(graph, &mut scratch, mode, patient(run), radius);
        let way = |snap: &Snap| Some((*snap, direct.distance_from(snap)?));
        let ways = aeds.iter().filter_map(way);
        ways.map(|(snap, to_patient)| AedWay { snap, to_patient }).collect()
    };
    let ways: Vec<Vec<AedWay>> = (0..RUNS).map(&mut in_reach).collect();
    let via_us = median_us(|run| {
        black_box(ViaAeds::search(graph, &mut aed_scratch, mode, &ways[run], radius));
    });
    let direct = ToPatient::search(graph, &mut scratch, mode, patient(0), radius);
    let via = ViaAeds::search(graph, &mut aed_scratch, mode, &ways[0], radius);
    let asking = median_us(|_| {
        snaps
            .iter()
            .filter_map(|snap| direct.distance_from(snap))
            .map(Metres::mm)
            .sum::<u64>()
    });
    let asking_via = median_us(|_| snaps.iter().filter(|snap| via.best_two_from(snap)[0].is_some()).count());
    let reached = snaps.iter().filter(|snap| direct.distance_from(snap).is_some()).count();
    println!(
        "{mode:?}: {} snaps {snapping} us; to patient {searching} us; by {} defibrillators {via_us} us; asked for all: \
         {asking} + {asking_via} us; {reached} in reach",
        snaps.len(),
        ways[0].len(),
    );
}

const RUNS: usize = 101;

fn median_us<T>(mut run: impl FnMut(usize) -> T) -> u128 {
    let mut times: Vec<u128> = (0..RUNS)
        .map(|number| {
            let start = Instant::now();
            black_box(run(number));
            start.elapsed().as_nanos() / 1000
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}
