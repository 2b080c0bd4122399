//! Past incidents: `time` (RFC 3339, UTC or with an offset), a place, and optionally `accuracy_m`, `kind`, `ambulance_s`.

use std::{io, time::Duration};

use dispatch_core::{incident::IncidentKind, position::Metres, time::Timestamp};

use super::{
    place::{self, position},
    rows::{BadRow, ReadError, Row, Rows, has, read},
};
use crate::study::PastIncident;

const TIME: &[&str] = &["time"];
const ACCURACY: &[&str] = &["accuracy_m"];
const KIND: &[&str] = &["kind"];
const AMBULANCE: &[&str] = &["ambulance_s"];
const KIND_DEFAULT: &str = "cardiac_arrest";

const TIME_ACCEPTED: &str = "a moment such as 2017-01-31T14:05:00Z, with Z or an offset, from 2000 to 2199";
const ACCURACY_ACCEPTED: &str = "metres from 0 to 100000, or empty for exact";
const KIND_ACCEPTED: &str = "1 to 64 characters of a-z 0-9 _, or empty for cardiac_arrest";
const AMBULANCE_ACCEPTED: &str =
    "seconds from the report to the ambulance's arrival, 0 to 86400, or empty to have it drawn";
/// 2000-01-01 and 2200-01-01, milliseconds since 1970.
const TIMES_MS: std::ops::Range<i64> = 946_684_800_000..7_258_118_400_000;

/// Reads past incidents, sorted by time. Each is numbered by its line, so that its draws stay when others are left out.
///
/// # Errors
/// A file that cannot be read, a header that lacks a column, and bad rows unless they are to be skipped.
pub fn incidents(file: impl io::Read, skip_bad: bool) -> Result<Rows<PastIncident>, ReadError> {
    let known = [TIME, ACCURACY, KIND, AMBULANCE, place::COLUMNS].concat();
    let check = |header: &csv::StringRecord| match has(header, TIME) {
        false => Some("time"),
        true => place::lacking(header),
    };
    let mut read = read(file, skip_bad, &known, check, incident)?;
    read.rows.sort_by_key(|incident| (incident.at, incident.number));
    Ok(read)
}

fn incident(row: &Row<'_>) -> Result<PastIncident, BadRow> {
    let accuracy = row.number(ACCURACY, 0.0..=100_000.0, ACCURACY_ACCEPTED)?;
    let ambulance = row.number(AMBULANCE, 0.0..=86_400.0, AMBULANCE_ACCEPTED)?;
    let kind = row.text(KIND).unwrap_or(KIND_DEFAULT);
    Ok(PastIncident {
        number: row.line,
        at: time(row)?,
        position: position(row)?,
        accuracy: Metres::from_f64(accuracy.unwrap_or(0.0)),
        kind: IncidentKind::new(kind).ok_or_else(|| row.bad(KIND[0], kind, KIND_ACCEPTED))?,
        ambulance: ambulance.map(|seconds| Duration::from_millis((seconds * 1000.0) as u64)),
    })
}

fn time(row: &Row<'_>) -> Result<Timestamp, BadRow> {
    let text = row.text(TIME).unwrap_or_default();
    let moment = text
        .parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_millisecond);
    moment
        .filter(|ms| TIMES_MS.contains(ms))
        .map(Timestamp::from_unix_ms)
        .ok_or_else(|| row.bad(TIME[0], text, TIME_ACCEPTED))
}
