//! How long an import and the searches of an incident take on a real map:
//!
//! ```sh
//! cargo run --release -p muster-maps --example street_times -- MAP [RADIUS_M] [PEOPLE] [AEDS]
//! ```
//!
//! The patient is at a street in the middle of the map, people and defibrillators are scattered evenly over the streets.
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

fn measure(graph: &RoadGraph, mode: TravelMode, patient: Position, radius: Metres, places: &[Position], aeds: usize) {
    let Some(patient) = graph.snap(patient, mode) else {
        return println!("{mode:?}: no street near the middle");
    };
    let snapping = median_us(|| places.iter().filter_map(|place| graph.snap(*place, mode)).count());
    let snaps: Vec<Snap> = places.iter().filter_map(|place| graph.snap(*place, mode)).collect();
    let (mut scratch, mut aed_scratch) = (ToPatientScratch::default(), ViaAedsScratch::default());
    let searching = median_us(|| {
        black_box(ToPatient::search(graph, &mut scratch, mode, &patient, radius));
    });
    let direct = ToPatient::search(graph, &mut scratch, mode, &patient, radius);
    let step = (snaps.len() / aeds.max(1)).max(1);
    let aeds: Vec<AedWay> = snaps
        .iter()
        .step_by(step)
        .filter_map(|snap| {
            let to_patient = direct.distance_from(snap)?;
            Some(AedWay {
                snap: *snap,
                to_patient,
            })
        })
        .collect();
    let via_us = median_us(|| {
        black_box(ViaAeds::search(graph, &mut aed_scratch, mode, &aeds, radius));
    });
    let via = ViaAeds::search(graph, &mut aed_scratch, mode, &aeds, radius);
    let asking = median_us(|| {
        snaps
            .iter()
            .filter_map(|snap| direct.distance_from(snap))
            .map(Metres::mm)
            .sum::<u64>()
    });
    let asking_via = median_us(|| snaps.iter().filter(|snap| via.best_two_from(snap)[0].is_some()).count());
    let in_reach = snaps.iter().filter(|snap| direct.distance_from(snap).is_some()).count();
    println!(
        "{mode:?}: {} snaps {snapping} us; to patient {searching} us; by {} defibrillators {via_us} us; asked for all: \
         {asking} + {asking_via} us; {in_reach} in reach",
        snaps.len(),
        aeds.len(),
    );
}

fn median_us<T>(mut run: impl FnMut() -> T) -> u128 {
    let mut times: Vec<u128> = (0..101)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed().as_nanos() / 1000
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}
