//! The fields that many records share: ids, references, places, spans.

use std::time::Duration;

use dispatch_core::{
    ids::{AedId, AlertId, CallDate, DeviceId, IncidentId, IncidentKey, Reference, ResponderId, TenantId, TrunkId},
    incident::IncidentKind,
    input::Place,
    position::{Metres, Position},
};
use muster_proto::journal::v1 as stored;

use super::InvalidRecord;

/// Most characters of a damaged text that an error repeats.
const SHOWN_MAX: usize = 80;

/// An error about a field that holds what it cannot hold.
pub fn wrong(field: &'static str, found: impl ToString, wanted: &'static str) -> InvalidRecord {
    let found = found.to_string().chars().take(SHOWN_MAX).collect();
    InvalidRecord::Field { field, found, wanted }
}

/// The field, or an error that it is missing.
pub fn required<T>(field: &'static str, value: Option<T>) -> Result<T, InvalidRecord> {
    value.ok_or(InvalidRecord::Missing { field })
}

/// Ids are stored as their 16 bytes.
pub trait Id: Sized {
    fn of(bytes: [u8; 16]) -> Self;
}

macro_rules! ids {
    ($($name:ident),*) => {$(
        impl Id for $name {
            fn of(bytes: [u8; 16]) -> Self {
                Self::from_bytes(bytes)
            }
        }
    )*};
}

ids!(AedId, AlertId, DeviceId, IncidentId, ResponderId, TrunkId);

pub fn id<T: Id>(field: &'static str, bytes: &[u8]) -> Result<T, InvalidRecord> {
    let bytes = bytes
        .try_into()
        .map_err(|_| wrong(field, format_args!("{} bytes long", bytes.len()), "16 bytes long"))?;
    Ok(T::of(bytes))
}

pub fn tenant(field: &'static str, name: &str) -> Result<TenantId, InvalidRecord> {
    TenantId::new(name).map_err(|_| wrong(field, format_args!("'{name}'"), "1 to 32 characters of a-z 0-9 -"))
}

pub fn reference(field: &'static str, text: &str) -> Result<Reference, InvalidRecord> {
    Reference::new(text).map_err(|_| {
        let wanted = "1 to 64 characters of A-Z a-z 0-9 . _ -";
        wrong(field, format_args!("'{text}'"), wanted)
    })
}

pub fn call_date(field: &'static str, text: &str) -> Result<CallDate, InvalidRecord> {
    CallDate::parse(text).map_err(|_| {
        let wanted = "a date YYYY-MM-DD between 2000 and 2199";
        wrong(field, format_args!("'{text}'"), wanted)
    })
}

pub fn kind(field: &'static str, name: &str) -> Result<IncidentKind, InvalidRecord> {
    IncidentKind::new(name).ok_or_else(|| wrong(field, format_args!("'{name}'"), "1 to 64 characters of a-z 0-9 _"))
}

pub fn key(key: &IncidentKey) -> stored::IncidentKey {
    stored::IncidentKey {
        tenant: key.tenant.as_str().to_owned(),
        cad_system: key.cad_system.as_str().to_owned(),
        cad_incident_number: key.cad_incident_number.as_str().to_owned(),
        call_date: key.call_date.to_string(),
    }
}

pub fn from_key(key: &stored::IncidentKey) -> Result<IncidentKey, InvalidRecord> {
    Ok(IncidentKey {
        tenant: tenant("IncidentKey.tenant", &key.tenant)?,
        cad_system: reference("IncidentKey.cad_system", &key.cad_system)?,
        cad_incident_number: reference("IncidentKey.cad_incident_number", &key.cad_incident_number)?,
        call_date: call_date("IncidentKey.call_date", &key.call_date)?,
    })
}

pub fn position(position: Position) -> stored::Position {
    let (latitude_e7, longitude_e7) = position.to_e7();
    stored::Position {
        latitude_e7,
        longitude_e7,
    }
}

pub fn from_position(field: &'static str, position: stored::Position) -> Result<Position, InvalidRecord> {
    let stored::Position {
        latitude_e7,
        longitude_e7,
    } = position;
    Position::from_e7(latitude_e7, longitude_e7).map_err(|_| {
        wrong(
            field,
            format_args!("{latitude_e7}, {longitude_e7} e7"),
            "a place on the globe",
        )
    })
}

pub fn place(place: Place) -> stored::Place {
    stored::Place {
        position: Some(position(place.position)),
        accuracy_mm: place.accuracy.mm(),
    }
}

pub fn from_place(place: stored::Place) -> Result<Place, InvalidRecord> {
    Ok(Place {
        position: from_position("Place.position", required("Place.position", place.position)?)?,
        accuracy: Metres::from_mm(place.accuracy_mm),
    })
}

/// A span in milliseconds. The core computes in whole milliseconds, so that nothing is lost here.
pub fn span_ms(span: Duration) -> u64 {
    debug_assert_eq!(span.subsec_nanos() % 1_000_000, 0, "spans are whole milliseconds");
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
