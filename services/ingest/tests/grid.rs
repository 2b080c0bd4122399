//! The grid conversion against Ordnance Survey's own 40 points, and against real calls converted by others.
#![allow(clippy::unwrap_used, missing_docs)]

use muster_ingest::grid;

/// What the published figures allow: they are rounded to the millimetre, and so are our eastings and northings.
const ONE_MILLIMETRE: f64 = 0.001 + 1e-9;
const METRES_PER_DEGREE: f64 = 111_320.0;

/// The point's name and two numbers of each line that `keep` takes, from the given columns.
fn points(file: &str, columns: [usize; 2], keep: impl Fn(&[&str]) -> bool) -> Vec<(String, f64, f64)> {
    let path = format!("{}/tests/data/ostn15/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .skip(1)
        .map(|line| line.trim().split(',').collect::<Vec<_>>())
        .filter(|cells| cells.len() > 2 && keep(cells))
        .map(|cells| {
            let number = |column: usize| cells[column].parse().unwrap();
            (cells[0].to_owned(), number(columns[0]), number(columns[1]))
        })
        .collect()
}

#[test]
fn ordnance_survey_points_to_the_grid() {
    let from = points("OSTN15_OSGM15_TestInput_ETRStoOSGB.txt", [1, 2], |_| true);
    let to = points("OSTN15_OSGM15_TestOutput_ETRStoOSGB.txt", [1, 2], |_| true);
    assert_eq!((from.len(), to.len()), (40, 40));
    for ((name, latitude, longitude), (same, easting, northing)) in from.into_iter().zip(to) {
        assert_eq!(name, same);
        let (e, n) = grid::from_degrees(latitude, longitude).unwrap();
        let (off_east, off_north) = ((e - easting).abs(), (n - northing).abs());
        assert!(
            off_east <= ONE_MILLIMETRE && off_north <= ONE_MILLIMETRE,
            "{name}: {off_east} {off_north} m"
        );
    }
}

#[test]
fn ordnance_survey_points_from_the_grid() {
    let from = points("OSTN15_OSGM15_TestInput_OSGBtoETRS.txt", [1, 2], |_| true);
    let to = points("OSTN15_OSGM15_TestOutput_OSGBtoETRS.txt", [2, 3], |cells| {
        cells[1] == "RESULT"
    });
    assert_eq!((from.len(), to.len()), (40, 40));
    for ((name, easting, northing), (same, latitude, longitude)) in from.into_iter().zip(to) {
        assert_eq!(name, same);
        let (lat, lon) = grid::to_degrees(easting, northing).unwrap();
        let off_north = (lat - latitude).abs() * METRES_PER_DEGREE;
        let off_east = (lon - longitude).abs() * METRES_PER_DEGREE * latitude.to_radians().cos();
        assert!(
            off_east <= ONE_MILLIMETRE && off_north <= ONE_MILLIMETRE,
            "{name}: {off_east} {off_north} m"
        );
    }
}

#[test]
fn real_calls_converted_by_the_fire_brigade() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/lfb-animal-rescue/points.csv");
    let mut rows = 0;
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let (easting, northing, latitude, longitude) = (number(1), number(2), number(3), number(4));
        let (e, n) = grid::from_degrees(latitude, longitude).unwrap();
        assert!(
            (e - easting).abs() < 0.05 && (n - northing).abs() < 0.05,
            "{}: {e} {n}",
            &row[0]
        );
        let position = grid::to_wgs84(easting, northing).unwrap();
        let off_north = (position.latitude() - latitude).abs() * METRES_PER_DEGREE;
        let off_east = (position.longitude() - longitude).abs() * METRES_PER_DEGREE * latitude.to_radians().cos();
        assert!(
            off_north < 0.05 && off_east < 0.05,
            "{}: {off_east} {off_north} m",
            &row[0]
        );
        rows += 1;
    }
    assert_eq!(rows, 100);
}
