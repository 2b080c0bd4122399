//! Areas against those of `geo` and against an obvious slow twin, and by hand round the globe.

use geo::{Coord, CoordinatePosition, LineString, coordinate_position::CoordPos};
use proptest::{collection::vec, prelude::*};

use super::*;

fn at(latitude: f64, longitude: f64) -> Position {
    Position::from_degrees(latitude, longitude).expect("in range")
}

fn units((latitude, longitude): (i32, i32)) -> Position {
    Position::from_e7(latitude, longitude).expect("in range")
}

/// A box, from its south-west corner round.
fn corners(south: f64, west: f64, north: f64, east: f64) -> Vec<Position> {
    let corners = [(south, west), (south, east), (north, east), (north, west)];
    corners.map(|(latitude, longitude)| at(latitude, longitude)).into()
}

fn area(outline: &[Position], holes: &[Vec<Position>]) -> Area {
    Area::new(vec![Polygon::new(outline, holes).expect("valid")]).expect("valid")
}

/// Whether a place is inside by going north from it, and whether it is on an edge; every edge is looked at.
fn slowly(ring: &[(i32, i32)], place: (i32, i32)) -> bool {
    let wide = |(latitude, longitude): (i32, i32)| (i128::from(latitude), i128::from(longitude));
    let (y, x) = wide(place);
    let mut inside = false;
    for (from, to) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let ((y1, x1), (y2, x2)) = (wide(*from), wide(*to));
        let turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1);
        if turn == 0 && (y1.min(y2)..=y1.max(y2)).contains(&y) && (x1.min(x2)..=x1.max(x2)).contains(&x) {
            return true;
        }
        // The edge is above the place: y1 + (y2 - y1) (x - x1) / (x2 - x1) > y.
        if (x1 > x) != (x2 > x) && (turn < 0) == (x2 > x1) {
            inside = !inside;
        }
    }
    inside
}

/// A ring without crossings: corners round (0, 0) in order of their direction.
fn star() -> impl Strategy<Value = Vec<(i32, i32)>> {
    vec(20..1_000i32, 5..200).prop_map(|reaches| {
        let turn = std::f64::consts::TAU / reaches.len() as f64;
        let corner = |(number, &reach): (usize, &i32)| {
            let (sin, cos) = libm::sincos(turn * number as f64);
            let along = |part: f64| libm::round(part * f64::from(reach) * 1_000.0) as i32;
            (along(sin), along(cos))
        };
        reaches.iter().enumerate().map(corner).collect()
    })
}

fn line(ring: &[(i32, i32)]) -> LineString {
    ring.iter().map(|&corner| coord(corner)).collect()
}

fn coord((latitude, longitude): (i32, i32)) -> Coord {
    Coord {
        x: longitude.into(),
        y: latitude.into(),
    }
}

fn positions(ring: &[(i32, i32)]) -> Vec<Position> {
    ring.iter().map(|&corner| units(corner)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_area_is_what_geo_takes_it_to_be(
        outline in star(),
        hole in star(),
        places in vec((-1_100_000..1_100_000i32, -1_100_000..1_100_000i32), 1..40),
    ) {
        // Half as far out in each direction, and so inside as a rule; what is left of it outside takes nothing away.
        let hole: Vec<_> = hole.iter().map(|&(latitude, longitude)| (latitude / 2, longitude / 2)).collect();
        let ours = area(&positions(&outline), &[positions(&hole)]);
        let (outer, inner) = (geo::Polygon::new(line(&outline), vec![]), geo::Polygon::new(line(&hole), vec![]));
        let corners = outline.iter().chain(&hole).copied();
        for place in places.into_iter().chain(corners) {
            let is = |polygon: &geo::Polygon| polygon.coordinate_position(&coord(place));
            let theirs = is(&outer) != CoordPos::Outside && is(&inner) != CoordPos::Inside;
            prop_assert_eq!(ours.contains(units(place)), theirs, "{:?}", place);
        }
    }

    #[test]
    fn any_ring_goes_by_the_even_odd_rule_also_on_its_edges(
        // So few places that many of them are on edges, on a line with edges, and corners of several edges.
        ring in vec((-9..10i32, -9..10i32), 3..150),
        places in vec((-10..11i32, -10..11i32), 30),
        (north, east) in (-800_000_000..800_000_000i32, -2_000_000_000..2_000_000_000i32),
        first in 0..150usize,
    ) {
        let mut different = ring.clone();
        different.sort_unstable();
        different.dedup();
        prop_assume!(different.len() >= 3);
        // Anywhere on the globe, across the 180th meridian too, the other way round and begun at another corner.
        let moved = |(latitude, longitude): (i32, i32)| {
            let half = 1_800_000_000i64;
            let longitude = (i64::from(longitude) + i64::from(east) + half).rem_euclid(2 * half) - half;
            units((latitude + north, i32::try_from(longitude).expect("in range")))
        };
        let mut turned: Vec<_> = ring.iter().copied().map(moved).collect();
        turned.rotate_left(first % ring.len());
        turned.reverse();
        let (here, there) = (area(&positions(&ring), &[]), area(&turned, &[]));
        for place in places {
            let inside = slowly(&ring, place);
            prop_assert_eq!(here.contains(units(place)), inside, "{:?}", place);
            prop_assert_eq!(there.contains(moved(place)), inside, "moved {:?}", place);
        }
    }

    #[test]
    fn no_corners_whatever_break_it(
        ring in vec((-900_000_000..=900_000_000i32, -1_800_000_000..=1_800_000_000i32), 0..20),
        place in (-900_000_000..=900_000_000i32, -1_800_000_000..=1_800_000_000i32),
    ) {
        if let Ok(polygon) = Polygon::new(&positions(&ring), &[]) {
            let area = Area::new(vec![polygon]).expect("small");
            area.contains(units(place));
            prop_assert!(ring.iter().all(|&corner| area.contains(units(corner))));
        }
    }
}

#[test]
fn a_border_is_inside_and_so_is_that_of_a_hole() {
    let area = area(&corners(51.0, -1.0, 52.0, 0.0), &[corners(51.4, -0.6, 51.6, -0.4)]);
    for (latitude, longitude) in [(51.0, -1.0), (52.0, -0.5), (51.2, 0.0), (51.4, -0.5), (51.6, -0.6)] {
        assert!(area.contains(at(latitude, longitude)), "{latitude},{longitude}");
    }
    for (latitude, longitude) in [(50.999_999_9, -1.0), (51.5, 0.000_000_1), (51.400_000_1, -0.5)] {
        assert!(!area.contains(at(latitude, longitude)), "{latitude},{longitude}");
    }
}

#[test]
fn an_outline_crosses_the_180th_meridian_or_ends_at_it() {
    // Fiji, drawn across, and as the two parts that GeoJSON asks for.
    let across = area(&corners(-20.0, 177.0, -16.0, -179.0), &[]);
    let parts = [
        corners(-20.0, 177.0, -16.0, 180.0),
        corners(-20.0, -180.0, -16.0, -179.0),
    ];
    let parts = parts.map(|part| Polygon::new(&part, &[]).expect("valid"));
    let cut = Area::new(parts.into()).expect("valid");
    for area in [across, cut] {
        for longitude in [177.0, 179.999, 180.0, -180.0, -179.5, -179.0] {
            assert!(area.contains(at(-18.0, longitude)), "{longitude}");
        }
        for longitude in [176.999, -178.999, 0.0] {
            assert!(!area.contains(at(-18.0, longitude)), "{longitude}");
        }
        assert!(area.corners().any(|corner| corner == at(-16.0, -179.0)));
        assert!(area.corners().all(|corner| area.contains(corner)));
    }
}

#[test]
fn what_goes_twice_round_is_outside_and_what_either_of_two_polygons_has_is_inside() {
    let twice = [corners(51.0, -1.0, 52.0, 0.0), corners(51.0, -1.0, 52.0, 0.0)].concat();
    assert!(!area(&twice, &[]).contains(at(51.5, -0.5)));
    let one = area(&corners(51.0, -1.0, 52.0, 0.0), &[]);
    let other = area(&corners(51.4, -0.6, 53.0, 1.0), &[]);
    let both = Area::together([&one, &other]).expect("valid");
    assert!(both.contains(at(51.5, -0.5)) && both.contains(at(51.1, -0.9)) && both.contains(at(52.9, 0.9)));
    assert!(!both.contains(at(52.9, -0.9)));
    assert_eq!(both.points(), 8);
}

#[test]
fn what_encloses_nothing_usable_is_refused_with_the_reason() {
    let refused = |ring: &[(f64, f64)]| {
        let ring: Vec<_> = ring
            .iter()
            .map(|&(latitude, longitude)| at(latitude, longitude))
            .collect();
        Polygon::new(&ring, &[]).expect_err("refused").to_string()
    };
    assert!(refused(&[]).contains("0 different corners; accepted is at least 3"));
    assert!(refused(&[(1.0, 1.0), (2.0, 2.0), (1.0, 1.0), (2.0, 2.0)]).contains("2 different corners"));
    assert!(refused(&[(89.0, 0.0), (89.0, 120.0), (89.0, -120.0)]).contains("round the whole globe"));
    assert!(refused(&[(89.0, 0.0), (90.0, 10.0), (89.0, 20.0)]).contains("pole"));
    assert!(refused(&[(1.0, 0.0), (1.0, 180.0), (2.0, 90.0)]).contains("half round the globe"));
    assert_eq!(Area::new(vec![]), Err(InvalidArea::Empty));
    let circle = |corners: i32| {
        let corner = |number: i32| units((1_000 * (number % 2), number));
        let ring: Vec<_> = (0..corners).map(corner).collect();
        Area::new(vec![Polygon::new(&ring, &[]).expect("valid")])
    };
    assert!(circle(100_000).is_ok());
    assert_eq!(circle(100_001), Err(InvalidArea::TooManyPoints(100_001)));
    let fine = area(&corners(51.0, -1.0, 52.0, 0.0), &[]);
    assert!(Region::new(&"x".repeat(64), fine.clone()).is_ok());
    assert!(Region::new("", fine).is_err());
}
