//! Where a row says something is: WGS84 degrees, or metres on the British National Grid.

use csv::StringRecord;
use dispatch_core::position::Position;

use super::rows::{BadRow, Row, has};

pub(super) const LATITUDE: &[&str] = &["lat", "latitude", "latitude_deg"];
pub(super) const LONGITUDE: &[&str] = &["lon", "longitude", "longitude_deg"];
pub(super) const EASTING: &[&str] = &["easting", "easting_m"];
pub(super) const NORTHING: &[&str] = &["northing", "northing_m"];

/// All columns that may say where.
pub(super) const COLUMNS: &[&str] = &[
    "lat",
    "latitude",
    "latitude_deg",
    "lon",
    "longitude",
    "longitude_deg",
    "easting",
    "easting_m",
    "northing",
    "northing_m",
];

/// What a header lacks to say where.
pub(super) fn lacking(header: &StringRecord) -> Option<&'static str> {
    let degrees = has(header, LATITUDE) && has(header, LONGITUDE);
    let grid = has(header, EASTING) && has(header, NORTHING);
    (!degrees && !grid).then_some("lat and lon, or easting and northing")
}

const LATITUDE_ACCEPTED: &str = "degrees from -90 to 90";
const LONGITUDE_ACCEPTED: &str = "degrees from -180 to 180";
const EASTING_ACCEPTED: &str = "metres from 0 to 700000 on the British National Grid";
const NORTHING_ACCEPTED: &str = "metres from 0 to 1250000 on the British National Grid";

/// Where a row says it is. Degrees win over grid metres where both are there.
pub(super) fn position(row: &Row<'_>) -> Result<Position, BadRow> {
    let latitude = row.number(LATITUDE, -90.0..=90.0, LATITUDE_ACCEPTED)?;
    let longitude = row.number(LONGITUDE, -180.0..=180.0, LONGITUDE_ACCEPTED)?;
    let position = match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => Position::from_degrees(latitude, longitude)
            .map_err(|_| row.bad(LATITUDE[0], &latitude.to_string(), LATITUDE_ACCEPTED))?,
        (Some(_), None) => return Err(row.bad(LONGITUDE[0], "", LONGITUDE_ACCEPTED)),
        (None, Some(_)) => return Err(row.bad(LATITUDE[0], "", LATITUDE_ACCEPTED)),
        (None, None) => on_grid(row)?,
    };
    if position.to_e7() == (0, 0) {
        // What a system writes that has no location.
        return Err(row.bad("lat, lon", "0, 0", "a place; 0/0 is what a system writes that has none"));
    }
    Ok(position)
}

fn on_grid(row: &Row<'_>) -> Result<Position, BadRow> {
    let easting = row.number(EASTING, 0.0..=700_000.0, EASTING_ACCEPTED)?;
    let northing = row.number(NORTHING, 0.0..=1_250_000.0, NORTHING_ACCEPTED)?;
    let easting = easting.ok_or_else(|| row.bad(EASTING[0], "", EASTING_ACCEPTED))?;
    let northing = northing.ok_or_else(|| row.bad(NORTHING[0], "", NORTHING_ACCEPTED))?;
    let both = || format!("{easting}, {northing}");
    // Within 180 m of the false origin there is only sea, and degrees all lie there.
    if easting <= 180.0 && northing <= 180.0 {
        return Err(row.bad(
            "easting, northing",
            &both(),
            "metres on the British National Grid; these look like degrees",
        ));
    }
    lonlat_bng::convert_osgb36_to_ll(easting, northing)
        .ok()
        .and_then(|(longitude, latitude)| Position::from_degrees(latitude, longitude).ok())
        .ok_or_else(|| {
            row.bad(
                "easting, northing",
                &both(),
                "a place that OSTN15 covers: Great Britain",
            )
        })
}
