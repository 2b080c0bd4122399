//! Responders: a place, and optionally `mode`. Other columns, such as a reference, are passed over.

use std::io;

use muster_people::travel::Mode;

use super::{
    place::{self, position},
    rows::{BadRow, ReadError, Row, Rows, read},
};
use crate::{scene::place_of, study::Resident};

const MODE: &[&str] = &["mode"];
const MODE_ACCEPTED: &str = "foot, bicycle, car, or empty to have it drawn";

/// One responder of a file.
pub type Responder = Resident;

/// Reads responders. Their order is who they are.
///
/// # Errors
/// A file that cannot be read, a header that lacks a column, and bad rows unless they are to be skipped.
pub fn responders(file: impl io::Read, skip_bad: bool) -> Result<Rows<Responder>, ReadError> {
    let known = [MODE, &["id"], place::COLUMNS].concat();
    read(file, skip_bad, &known, place::lacking, responder)
}

fn responder(row: &Row<'_>) -> Result<Responder, BadRow> {
    let mode = match row.text(MODE) {
        None => None,
        Some("foot") => Some(Mode::Foot),
        Some("bicycle") => Some(Mode::Bicycle),
        Some("car") => Some(Mode::Car),
        Some(other) => return Err(row.bad(MODE[0], other, MODE_ACCEPTED)),
    };
    Ok(Resident {
        home: place_of(position(row)?),
        mode,
    })
}
