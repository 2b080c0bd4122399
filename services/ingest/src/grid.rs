//! British National Grid (OSGB36) to WGS84 and back, by Ordnance Survey's OSTN15 shifts.
//!
//! OSTN15 is defined on ETRS89; WGS84 and ETRS89 now differ by less than a metre in Britain and are taken as equal, as
//! every satellite receiver's user does.

use dispatch_core::position::Position;

/// Greatest easting that OSTN15 covers, in metres.
pub const EASTING_MAX_M: f64 = 700_000.0;
/// Greatest northing that OSTN15 covers, in metres.
pub const NORTHING_MAX_M: f64 = 1_250_000.0;

/// A place that OSTN15 does not cover.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the place is outside Great Britain: OSTN15 does not cover it")]
pub struct OutsideGreatBritain;

/// The position of a grid reference in metres east and north of the false origin, rounded as every [`Position`] is.
pub fn to_wgs84(easting_m: f64, northing_m: f64) -> Result<Position, OutsideGreatBritain> {
    let (latitude, longitude) = to_degrees(easting_m, northing_m)?;
    Position::from_degrees(latitude, longitude).map_err(|_| OutsideGreatBritain)
}

/// The grid reference of a position: easting and northing in metres, to the millimetre.
pub fn to_grid(position: Position) -> Result<(f64, f64), OutsideGreatBritain> {
    from_degrees(position.latitude(), position.longitude())
}

/// Latitude and longitude in degrees of a grid reference in metres, unrounded.
pub fn to_degrees(easting_m: f64, northing_m: f64) -> Result<(f64, f64), OutsideGreatBritain> {
    // The library looks shifts up by row and column and does not mind a column of the next row.
    if !((0.0..=EASTING_MAX_M).contains(&easting_m) && (0.0..=NORTHING_MAX_M).contains(&northing_m)) {
        return Err(OutsideGreatBritain);
    }
    lonlat_bng::convert_osgb36_to_ll(easting_m, northing_m)
        .map(|(longitude, latitude)| (latitude, longitude))
        .map_err(|_| OutsideGreatBritain)
}

/// Easting and northing in metres, to the millimetre, of a latitude and longitude in degrees.
pub fn from_degrees(latitude: f64, longitude: f64) -> Result<(f64, f64), OutsideGreatBritain> {
    lonlat_bng::convert_osgb36(longitude, latitude).map_err(|_| OutsideGreatBritain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outside_great_britain_are_refused() {
        for (easting, northing) in [
            (-1.0, 200_000.0),
            (700_001.0, 200_000.0),
            (300_000.0, 1_250_001.0),
            (f64::NAN, 200_000.0),
            (300_000.0, f64::INFINITY),
        ] {
            assert_eq!(
                to_degrees(easting, northing),
                Err(OutsideGreatBritain),
                "{easting} {northing}"
            );
        }
        for (latitude, longitude) in [(48.86, 2.35), (53.35, -9.5), (f64::NAN, 0.0)] {
            assert_eq!(
                from_degrees(latitude, longitude),
                Err(OutsideGreatBritain),
                "{latitude} {longitude}"
            );
        }
    }

    #[test]
    fn a_position_keeps_its_place_to_the_centimetre() {
        let position = to_wgs84(530_034.0, 180_381.0).expect("in London");
        let (easting, northing) = to_grid(position).expect("in London");
        assert!((easting - 530_034.0).abs() < 0.01 && (northing - 180_381.0).abs() < 0.01);
    }
}
