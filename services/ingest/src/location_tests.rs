//! The bad locations of other systems, each with its reason.

use super::*;

const LONDON: ServiceArea = ServiceArea {
    south: 51.2,
    west: -0.6,
    north: 51.8,
    east: 0.4,
};

fn degrees(latitude_deg: f64, longitude_deg: f64) -> Location {
    Location {
        point: Some(Point::Wgs84(Wgs84 {
            latitude_deg,
            longitude_deg,
        })),
        ..Location::default()
    }
}

fn metres(easting_m: f64, northing_m: f64) -> Location {
    Location {
        point: Some(Point::BritishNationalGrid(BritishNationalGrid {
            easting_m,
            northing_m,
        })),
        ..Location::default()
    }
}

/// Field and reason of the only fault.
fn fault(location: &Location, area: Option<&ServiceArea>) -> (&'static str, &'static str) {
    match place(location, area).expect_err("refused").as_slice() {
        [only] => (only.field(), only.reason()),
        several => panic!("one fault wanted: {several:?}"),
    }
}

#[test]
fn both_datums_name_the_same_place() {
    let from_grid = place(&metres(530_034.0, 180_381.0), Some(&LONDON)).expect("Trafalgar Square");
    let from_degrees = place(&degrees(51.507_412, -0.127_670), Some(&LONDON)).expect("Trafalgar Square");
    assert!(from_grid.position.distance_to(from_degrees.position) < Metres::new(60));
    assert_eq!(from_grid.accuracy, Metres::default());
}

#[test]
fn not_a_number_is_refused() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(fault(&degrees(bad, 0.1), None), (LATITUDE, "NOT_FINITE"));
        assert_eq!(fault(&degrees(51.5, bad), None), (LONGITUDE, "NOT_FINITE"));
        assert_eq!(fault(&metres(bad, 180_000.0), None), (EASTING, "NOT_FINITE"));
        assert_eq!(fault(&metres(530_000.0, bad), None), (NORTHING, "NOT_FINITE"));
    }
}

#[test]
fn off_the_globe_is_refused() {
    assert_eq!(fault(&degrees(90.1, 0.1), None), (LATITUDE, "OUT_OF_RANGE"));
    assert_eq!(fault(&degrees(51.5, -180.5), None), (LONGITUDE, "OUT_OF_RANGE"));
    assert_eq!(fault(&degrees(1e300, 0.0), None), (LATITUDE, "OUT_OF_RANGE"));
}

#[test]
fn null_island_is_refused() {
    assert_eq!(fault(&degrees(0.0, 0.0), None), (WGS84, "NULL_ISLAND"));
    assert_eq!(fault(&degrees(-0.0, 1e-9), None), (WGS84, "NULL_ISLAND"));
    assert_eq!(fault(&metres(0.0, 0.0), None), (GRID, "NULL_ISLAND"));
}

#[test]
fn swapped_latitude_and_longitude_are_told() {
    assert_eq!(
        fault(&degrees(-0.1276, 51.5074), Some(&LONDON)),
        (WGS84, "LATITUDE_LONGITUDE_SWAPPED")
    );
    let tonga = ServiceArea {
        south: -22.0,
        west: -176.0,
        north: -15.0,
        east: -173.0,
    };
    assert_eq!(
        fault(&degrees(-175.2, -21.1), Some(&tonga)),
        (WGS84, "LATITUDE_LONGITUDE_SWAPPED")
    );
}

#[test]
fn swapped_easting_and_northing_are_told() {
    assert_eq!(
        fault(&metres(180_381.0, 530_034.0), Some(&LONDON)),
        (GRID, "EASTING_NORTHING_SWAPPED")
    );
    // Inverness: a northing that no easting can be.
    assert_eq!(
        fault(&metres(846_176.0, 267_056.0), None),
        (GRID, "EASTING_NORTHING_SWAPPED")
    );
}

#[test]
fn elsewhere_is_refused() {
    assert_eq!(
        fault(&degrees(48.8566, 2.3522), Some(&LONDON)),
        (WGS84, "OUTSIDE_SERVICE_AREA")
    );
    assert_eq!(
        fault(&metres(325_700.0, 673_900.0), Some(&LONDON)),
        (GRID, "OUTSIDE_SERVICE_AREA")
    );
    assert!(place(&degrees(48.8566, 2.3522), None).is_ok(), "no area, no limit");
}

#[test]
fn outside_great_britain_is_refused() {
    for (easting, northing) in [(-100_000.0, 200_000.0), (800_000.0, 2_000_000.0), (1e12, -1e12)] {
        assert_eq!(fault(&metres(easting, northing), None), (GRID, "OUTSIDE_GREAT_BRITAIN"));
    }
}

#[test]
fn metres_sent_as_degrees_and_the_reverse_are_told() {
    for location in [degrees(530_034.0, 180_381.0), degrees(180_381.0, 530_034.0)] {
        assert_eq!(fault(&location, None), (WGS84, "LOOKS_LIKE_GRID_METRES"));
    }
    assert_eq!(fault(&metres(-0.1276, 51.5074), None), (GRID, "LOOKS_LIKE_DEGREES"));
}

#[test]
fn accuracy_is_a_radius() {
    let with = |accuracy_m| Location {
        accuracy_m: Some(accuracy_m),
        ..degrees(51.5, -0.1)
    };
    // Half the diagonal of the 100 m cells in which dwellings are published.
    let cell = place(&with(70.711), Some(&LONDON)).expect("fits");
    assert_eq!(cell.accuracy, Metres::from_mm(70_711));
    assert!(place(&with(0.0), None).is_ok() && place(&with(ACCURACY_MAX_M), None).is_ok());
    for bad in [-1.0, 100_000.1, f64::NAN, f64::INFINITY] {
        assert_eq!(fault(&with(bad), None), ("location.accuracy_m", "OUT_OF_RANGE"));
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let both = Location {
        accuracy_m: Some(-1.0),
        ..Location::default()
    };
    let faults = place(&both, None).expect_err("refused");
    assert_eq!(faults, [InvalidLocation::NoPoint, InvalidLocation::Accuracy]);
}
