//! Defibrillators.

use dispatch_core::{
    aeds::{Aed, InvalidLocality, Level, Locality, OpeningHours},
    input::Place,
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::{
    InvalidRecord, Word,
    fields::{from_place, id, place, required, tenant, wrong},
    words::word,
};

pub fn aed(aed: &Aed) -> stored::AedPut {
    stored::AedPut {
        aed: aed.aed.as_bytes().to_vec(),
        tenant: aed.tenant.as_str().to_owned(),
        place: Some(place(Place {
            position: aed.position,
            accuracy: aed.accuracy,
        })),
        access: aed.access.to_stored(),
        opening: aed.opening.as_ref().map(opening),
        indoor: aed.indoor,
        level: aed
            .level
            .as_ref()
            .map(|level| level.as_str().to_owned())
            .unwrap_or_default(),
        state: aed.state.to_stored(),
        confirmed_at_ms: aed.confirmed_at.map(Timestamp::unix_ms),
    }
}

pub fn from_aed(aed: stored::AedPut) -> Result<Aed, InvalidRecord> {
    let place = from_place(required("AedPut.place", aed.place)?)?;
    Ok(Aed {
        aed: id("AedPut.aed", &aed.aed)?,
        tenant: tenant("AedPut.tenant", &aed.tenant)?,
        position: place.position,
        accuracy: place.accuracy,
        access: word("AedPut.access", aed.access)?,
        opening: aed.opening.map(|hours| from_opening(&hours)).transpose()?,
        indoor: aed.indoor,
        level: level("AedPut.level", &aed.level)?,
        state: word("AedPut.state", aed.state)?,
        confirmed_at: aed.confirmed_at_ms.map(Timestamp::from_unix_ms),
    })
}

fn opening(hours: &OpeningHours) -> stored::OpeningHours {
    stored::OpeningHours {
        expression: hours.expression().to_owned(),
        country: hours.locality().country().to_owned(),
        time_zone: hours.locality().time_zone().to_owned(),
    }
}

/// Hours that this version does not understand are no damage: another one did.
fn from_opening(hours: &stored::OpeningHours) -> Result<OpeningHours, InvalidRecord> {
    let locality = locality("OpeningHours", &hours.country, &hours.time_zone)?;
    opening_hours("OpeningHours.expression", &hours.expression, locality)
}

/// The locality by its names; `field` is where they stand.
pub fn locality(field: &'static str, country: &str, time_zone: &str) -> Result<Locality, InvalidRecord> {
    Locality::new(country, time_zone).map_err(|invalid| match invalid {
        InvalidLocality::Country(code) => wrong(field, format_args!("'{code}'"), "a country with a calendar"),
        InvalidLocality::TimeZone(name) => wrong(field, format_args!("'{name}'"), "a time zone"),
    })
}

/// Opening hours by their words.
pub fn opening_hours(field: &'static str, words: &str, locality: Locality) -> Result<OpeningHours, InvalidRecord> {
    let wanted = "1 to 512 bytes long";
    OpeningHours::new(words, locality).ok_or_else(|| wrong(field, format_args!("{} bytes long", words.len()), wanted))
}

/// A floor; empty = not known.
pub fn level(field: &'static str, text: &str) -> Result<Option<Level>, InvalidRecord> {
    if text.is_empty() {
        return Ok(None);
    }
    let wanted = "1 to 16 characters of A-Z a-z 0-9 - . , ;";
    let level = Level::new(text).ok_or_else(|| wrong(field, format_args!("'{text}'"), wanted))?;
    Ok(Some(level))
}
