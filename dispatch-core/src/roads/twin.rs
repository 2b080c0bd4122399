//! The searches beside slow and obvious twins: all pairs by Floyd and Warshall on a graph in which every person and
//! defibrillator is a junction; the nearest street by walking along all of them.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{position::Position, responder::TravelMode};

const MODES: [TravelMode; 4] = [
    TravelMode::Unknown,
    TravelMode::Foot,
    TravelMode::Bicycle,
    TravelMode::Car,
];
const FAR: u64 = u64::MAX / 4;

/// Streets within 1 km, some one-way, some loops, some parallel, with bends.
fn parts_at(latitude: f64, longitude: f64) -> impl Strategy<Value = RoadParts> {
    let place = (-0.005..0.005f64, -0.005..0.005f64).prop_map(move |(north, east)| {
        let east = (longitude + east + 180.0).rem_euclid(360.0) - 180.0;
        Position::from_degrees(latitude + north, east).expect("on the globe")
    });
    let stretch = (0..9u32, 0..9u32, 0..64u8, vec(place.clone(), 0..3));
    (vec(place, 9), vec(stretch, 1..16)).prop_map(|(junctions, stretches)| {
        let mut parts = RoadParts {
            digest: [7; 32],
            junctions,
            ..RoadParts::default()
        };
        for (from, to, bits, bends) in stretches {
            parts.stretches.push(StretchPart {
                from,
                to,
                passage: Passage::from_bits(bits).expect("six bits"),
                bends: bends.len() as u32,
            });
            parts.bends.extend(bends);
        }
        parts
    })
}

/// A share of the way along some stretch; every fourth at an end.
fn spot() -> impl Strategy<Value = (usize, u32)> {
    (
        any::<prop::sample::Index>(),
        prop_oneof![3 => 0..=1000u32, 1 => Just(0), 1 => Just(1000)],
    )
        .prop_map(|(stretch, share)| (stretch.index(1 << 20), share))
}

fn snap_at(graph: &RoadGraph, (stretch, share): (usize, u32)) -> Snap {
    let number = stretch % graph.stretch_count();
    let (_, length, _) = graph.stretches().nth(number).expect("counted");
    Snap::for_test(graph, number as u32, (length.mm() * u64::from(share) / 1000) as u32)
}

/// All ways between junctions and these points of streets: the points are numbered after the junctions.
fn all_pairs(graph: &RoadGraph, points: &[Snap], mode: TravelMode) -> Vec<Vec<u64>> {
    let junctions = graph.junctions().len();
    let size = junctions + points.len();
    let mut ways = vec![vec![FAR; size]; size];
    (0..size).for_each(|place| ways[place][place] = 0);
    for (number, (part, length, _)) in graph.stretches().enumerate() {
        let mut stops = vec![(0, part.from as usize), (length.mm(), part.to as usize)];
        let on_it = points.iter().enumerate().filter(|(_, point)| point.stretch() == number);
        stops.extend(on_it.map(|(point, snap)| (snap.along().mm(), junctions + point)));
        for (a_mm, a) in &stops {
            for (b_mm, b) in &stops {
                let direction = if a_mm < b_mm {
                    Direction::Along
                } else {
                    Direction::Against
                };
                if a_mm == b_mm || part.passage.allows(mode, direction) {
                    ways[*a][*b] = ways[*a][*b].min(a_mm.abs_diff(*b_mm));
                }
            }
        }
    }
    for by in 0..size {
        for a in 0..size {
            for b in 0..size {
                ways[a][b] = ways[a][b].min(ways[a][by] + ways[by][b]);
            }
        }
    }
    ways
}

/// The best two by brute force, with the same order.
fn best_two(ways: impl Iterator<Item = u64>, bound: Metres) -> [Option<(usize, Metres)>; 2] {
    let mut all: Vec<(u64, usize)> = ways.zip(0..).filter(|(mm, _)| *mm <= bound.mm()).collect();
    all.sort_unstable();
    let named = |place: usize| all.get(place).map(|(mm, aed)| (*aed, Metres::from_mm(*mm)));
    [named(0), named(1)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn both_searches_equal_the_shortest_of_all_ways(
        parts in parts_at(51.5, -0.12),
        spots in vec(spot(), 3..12),
        bound_m in 0..4_000u32,
        aed_count in 0..6usize,
        surcharge in vec(0..300u32, 6),
    ) {
        let graph = RoadGraph::new(parts).expect("sound parts");
        let points: Vec<Snap> = spots.iter().map(|spot| snap_at(&graph, *spot)).collect();
        let bound = Metres::new(bound_m);
        let (mut scratch, mut aed_scratch) = (ToPatientScratch::default(), ViaAedsScratch::default());
        for mode in MODES {
            let ways = all_pairs(&graph, &points, mode);
            let way = |from: usize, to: usize| ways[graph.junctions().len() + from][graph.junctions().len() + to];
            ToPatient::search(&graph, &mut scratch, mode, &points[1], WAY_MAX);
            let to_patient = ToPatient::search(&graph, &mut scratch, mode, &points[0], bound);
            for (number, point) in points.iter().enumerate() {
                let twin = way(number, 0);
                let expected = (twin <= bound.mm()).then_some(Metres::from_mm(twin));
                prop_assert_eq!(to_patient.distance_from(point), expected, "{:?} from {}", mode, number);
            }
            let aeds: Vec<AedWay> = points.iter().zip(&surcharge).take(aed_count)
                .map(|(snap, m)| AedWay { snap: *snap, to_patient: Metres::new(*m) }).collect();
            let via = ViaAeds::search(&graph, &mut aed_scratch, mode, &aeds, bound);
            for (number, point) in points.iter().enumerate() {
                let all = aeds.iter().enumerate().map(|(aed, seed)| way(number, aed) + seed.to_patient.mm());
                prop_assert_eq!(via.best_two_from(point), best_two(all, bound), "{:?} from {}", mode, number);
            }
        }
    }

    #[test]
    fn the_nearest_street_is_the_nearest_of_all(
        (place, parts) in prop_oneof![Just((51.5, -0.12)), Just((-17.0, 179.999)), Just((70.0, -180.0)), Just((0.0, 0.0))]
            .prop_flat_map(|place| (Just(place), parts_at(place.0, place.1))),
        north in -0.007..0.007f64,
        east in -0.007..0.007f64,
    ) {
        let graph = RoadGraph::new(parts).expect("sound parts");
        let east = (place.1 + east + 180.0_f64).rem_euclid(360.0) - 180.0;
        let here = Position::from_degrees(place.0 + north, east).expect("on the globe");
        for mode in MODES {
            let walked = nearest_by_walking(&graph, here, mode);
            match graph.snap(here, mode) {
                Some(snap) => {
                    prop_assert!((snap.off_street().as_f64() - walked).abs() < 0.05, "{snap:?} {walked}");
                    let (part, _, _) = graph.stretches().nth(snap.stretch()).expect("there");
                    prop_assert!(part.passage.serves(mode));
                    let there = point_at(&graph, snap.stretch(), snap.along());
                    prop_assert!((there.distance_to(here).as_f64() - walked).abs() < 0.05);
                }
                None => prop_assert!(walked > SNAP_MAX.as_f64() - 0.05, "{walked} m from a street"),
            }
        }
    }

    #[test]
    fn a_graph_gives_back_the_parts_it_was_built_from(parts in parts_at(51.5, -0.12)) {
        let graph = RoadGraph::new(parts.clone()).expect("sound parts");
        prop_assert_eq!(graph.junctions(), &parts.junctions);
        let (given, bends): (Vec<_>, Vec<_>) = graph.stretches().map(|(part, _, bends)| (part, bends)).unzip();
        prop_assert_eq!(given, parts.stretches);
        prop_assert_eq!(bends.concat(), parts.bends);
    }

    #[test]
    fn damaged_parts_are_refused_or_searched(
        parts in parts_at(51.5, -0.12),
        bytes in vec((any::<prop::sample::Index>(), any::<i32>(), 0..6u8), 1..4),
    ) {
        let mut parts = parts;
        bytes.iter().for_each(|(at, value, what)| damage(&mut parts, at, *value, *what));
        let Ok(graph) = RoadGraph::new(parts) else { return Ok(()) };
        let here = Position::from_degrees(51.5, -0.12).expect("on the globe");
        let mut scratch = ToPatientScratch::default();
        if let Some(snap) = graph.snap(here, TravelMode::Foot) {
            let ways = ToPatient::search(&graph, &mut scratch, TravelMode::Foot, &snap, WAY_MAX);
            prop_assert_eq!(ways.distance_from(&snap), Some(Metres::default()));
        }
    }
}

fn damage(parts: &mut RoadParts, at: &prop::sample::Index, value: i32, what: u8) {
    let stretch = at.index(parts.stretches.len());
    let junction = at.index(parts.junctions.len());
    match what {
        0 => parts.stretches[stretch].from = value as u32,
        1 => parts.stretches[stretch].to = value as u32,
        2 => parts.stretches[stretch].bends = value as u32,
        3 => {
            parts.junctions[junction] = Position::from_e7(value % 900_000_001, value % 1_800_000_001).expect("in range")
        }
        4 => drop(parts.bends.pop()),
        _ => drop(parts.junctions.pop()),
    }
}

/// By thirds: along a straight piece the distance first falls, then rises.
fn nearest_by_walking(graph: &RoadGraph, here: Position, mode: TravelMode) -> f64 {
    let mut nearest = f64::INFINITY;
    for (number, (part, _, _)) in graph.stretches().enumerate() {
        if !part.passage.serves(mode) {
            continue;
        }
        for piece in graph.points_of(number).windows(2) {
            let (mut first, mut last) = (0.0, 1.0);
            for _ in 0..40 {
                let third = (last - first) / 3.0;
                let away = |share| between(piece[0], piece[1], share).distance_to(here);
                if away(first + third) <= away(last - third) {
                    last -= third;
                } else {
                    first += third;
                }
            }
            nearest = nearest.min(between(piece[0], piece[1], first).distance_to(here).as_f64());
        }
    }
    nearest
}

fn point_at(graph: &RoadGraph, stretch: usize, along: Metres) -> Position {
    let mut left = along.as_f64();
    let points = graph.points_of(stretch);
    for piece in points.windows(2) {
        let length = piece[0].distance_to(piece[1]).as_f64();
        if left <= length && length > 0.0 {
            return between(piece[0], piece[1], left / length);
        }
        left -= length;
    }
    points[points.len() - 1]
}

fn between(a: Position, b: Position, share: f64) -> Position {
    let east = graph::east_of(a, b) as f64 / 1e7 * share;
    let longitude = (a.longitude() + east + 180.0).rem_euclid(360.0) - 180.0;
    Position::from_degrees(a.latitude() + (b.latitude() - a.latitude()) * share, longitude).expect("on the globe")
}

/// A 1 km square of one-way streets, driven round clockwise; a footpath across.
///
/// ```text
/// 1 ───> 2
/// ^ ╲    │
/// │   ╲  v
/// 0 <─── 3
/// ```
fn square() -> RoadGraph {
    let corner = |north: f64, east: f64| Position::from_degrees(51.5 + north, -0.12 + east).expect("on the globe");
    let one_way = Passage::ALL.without(TravelMode::Car, Direction::Against);
    let path = Passage::NONE
        .with(TravelMode::Foot, Direction::Along)
        .with(TravelMode::Foot, Direction::Against);
    let stretch = |from, to, passage| StretchPart {
        from,
        to,
        passage,
        bends: 0,
    };
    RoadGraph::new(RoadParts {
        digest: [1; 32],
        junctions: vec![
            corner(0.0, 0.0),
            corner(0.009, 0.0),
            corner(0.009, 0.0145),
            corner(0.0, 0.0145),
        ],
        stretches: vec![
            stretch(0, 1, one_way),
            stretch(1, 2, one_way),
            stretch(2, 3, one_way),
            stretch(3, 0, one_way),
            stretch(1, 3, path),
        ],
        bends: Vec::new(),
    })
    .expect("sound parts")
}

#[test]
fn a_car_goes_round_where_somebody_on_foot_turns_back() {
    let graph = square();
    let patient = graph
        .snap(
            Position::from_degrees(51.5045, -0.12).expect("on the globe"),
            TravelMode::Car,
        )
        .expect("in the western street");
    let driver = graph
        .snap(
            Position::from_degrees(51.506, -0.12).expect("on the globe"),
            TravelMode::Car,
        )
        .expect("past the patient");
    let mut scratch = ToPatientScratch::default();
    let on_foot = ToPatient::search(&graph, &mut scratch, TravelMode::Foot, &patient, WAY_MAX);
    assert_eq!(on_foot.distance_from(&driver).map(|way| way.mm() / 1000), Some(166));
    let by_car = ToPatient::search(&graph, &mut scratch, TravelMode::Car, &patient, WAY_MAX);
    let round = by_car.distance_from(&driver).expect("round the block");
    assert!(round > Metres::new(3_800), "{round}");
    let short = ToPatient::search(&graph, &mut scratch, TravelMode::Car, &patient, Metres::new(3_000));
    assert_eq!(short.distance_from(&driver), None, "the bound");
}

#[test]
fn a_point_of_one_graph_means_nothing_in_another() {
    let graph = square();
    let here = graph.junctions()[0];
    let snap = graph.snap(here, TravelMode::Foot).expect("at a corner");
    let other = RoadGraph::new(RoadParts {
        digest: [2; 32],
        ..RoadParts::default()
    })
    .expect("an empty graph");
    let mut scratch = ToPatientScratch::default();
    let ways = ToPatient::search(&other, &mut scratch, TravelMode::Foot, &snap, WAY_MAX);
    assert_eq!(ways.distance_from(&snap), None);
    assert_eq!(other.snap(here, TravelMode::Foot), None);
    assert_eq!(size_of::<Snap>(), 16);
}

#[test]
fn parts_that_do_not_fit_together_are_named() {
    let parts = RoadParts {
        stretches: vec![StretchPart {
            from: 0,
            to: 3,
            passage: Passage::ALL,
            bends: 0,
        }],
        junctions: vec![Position::from_degrees(51.5, 0.0).expect("on the globe"); 3],
        ..RoadParts::default()
    };
    let error = RoadGraph::new(parts.clone()).expect_err("no junction 3");
    assert_eq!(error.to_string(), "stretch 0 ends at junction 3; there are 3");
    let mut far = parts;
    far.junctions
        .push(Position::from_degrees(52.5, 0.0).expect("on the globe"));
    assert!(matches!(
        RoadGraph::new(far),
        Err(InvalidRoads::PieceTooLong { stretch: 0, .. })
    ));
}
