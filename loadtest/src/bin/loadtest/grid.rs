//! British National Grid to WGS84, for files that give places in it.

use anyhow::bail;
use muster_loadtest::people::place::Place;

/// The place of a grid reference in metres.
pub fn place(easting_m: f64, northing_m: f64) -> anyhow::Result<Place> {
    // The library looks shifts up by row and column and does not mind a column of the next row.
    let covered = (0.0..=700_000.0).contains(&easting_m) && (0.0..=1_250_000.0).contains(&northing_m);
    match lonlat_bng::convert_osgb36_to_ll(easting_m, northing_m) {
        Ok((longitude, latitude)) if covered => Ok(Place::new(latitude, longitude)?),
        _ => bail!("easting {easting_m} m, northing {northing_m} m is not in Great Britain"),
    }
}
