//! Where people live: a place, `residents`, and `radius_m` of a circle of the area's size.

use std::io;

use muster_people::population::Area;

use super::{
    place::{self, position},
    rows::{BadRow, ReadError, Row, Rows, has, read},
};
use crate::scene::place_of;

/// London by its census of 2011, for want of another file: see `deploy/demo/README.md`.
pub const LONDON: &str = include_str!("../../../../deploy/demo/london-population.csv");

const RESIDENTS: &[&str] = &["residents"];
const RADIUS: &[&str] = &["radius_m"];
const RESIDENTS_ACCEPTED: &str = "a whole number of people from 0 to 100000000";
const RADIUS_ACCEPTED: &str = "metres from 0 to 100000";

/// Reads areas with their residents.
///
/// # Errors
/// A file that cannot be read, a header that lacks a column, and bad rows unless they are to be skipped.
pub fn population(file: impl io::Read, skip_bad: bool) -> Result<Rows<Area>, ReadError> {
    let known = [RESIDENTS, RADIUS, place::COLUMNS].concat();
    let check = |header: &csv::StringRecord| match (has(header, RESIDENTS), has(header, RADIUS)) {
        (false, _) => Some("residents"),
        (_, false) => Some("radius_m"),
        _ => place::lacking(header),
    };
    read(file, skip_bad, &known, check, area)
}

fn area(row: &Row<'_>) -> Result<Area, BadRow> {
    let residents = row.number(RESIDENTS, 0.0..=1e8, RESIDENTS_ACCEPTED)?;
    let residents = residents.filter(|residents| residents.fract() == 0.0);
    let residents = residents.ok_or_else(|| {
        row.bad(
            RESIDENTS[0],
            row.text(RESIDENTS).unwrap_or_default(),
            RESIDENTS_ACCEPTED,
        )
    })?;
    let radius_m = row.number(RADIUS, 0.0..=100_000.0, RADIUS_ACCEPTED)?;
    Ok(Area {
        centre: place_of(position(row)?),
        residents: residents as u32,
        radius_m: radius_m.ok_or_else(|| row.bad(RADIUS[0], "", RADIUS_ACCEPTED))?,
    })
}
