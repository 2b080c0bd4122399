//! Rows to domain types. A row that holds what it cannot hold gives an error that names table and column.

use dispatch_core::{
    aeds::{Aed, OpeningHours},
    ids::IncidentKey,
    incident::IncidentState,
    position::{Metres, Position},
    record::Entry,
    responder::{Device, QuietHours, ResponderProfile, Skill, Skills},
    time::Timestamp,
};
use muster_engine::{
    ports::IncidentRow,
    registry::{Address, AedRow, DeviceAccess, DeviceKind, Encoding, ResponderRow, TrunkAccess},
};
use rusqlite::{Connection, Row, ToSql, types::FromSql};

use crate::{
    StoreError,
    chain::{self, Chain},
    digest,
    error::while_doing,
    mapping::{
        InvalidRecord,
        aed::{level, locality, opening_hours},
        decode,
        fields::{call_date, id, kind, reference, tenant, wrong},
        word,
    },
};

/// Columns of [`incident`], from table `incident`.
pub const INCIDENT: &str = "incident.incident, incident.tenant, cad_system, cad_incident_number, call_date, revision,
    kind, state, received_at_ms, first_sequence";

/// SQLite's integers are signed. Sequences never come near the end, and a bound beyond it means the end.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Runs a query and takes each row through `read`.
pub fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn ToSql],
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let reading = while_doing("reading");
    let mut statement = connection.prepare_cached(sql).map_err(&reading)?;
    let mut rows = statement.query(parameters).map_err(&reading)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(&reading)? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// A column's value.
pub fn get<T: FromSql>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    row.get(column).map_err(while_doing("reading a column"))
}

/// A record, from columns `sequence`, `at_ms`, `record`.
pub fn entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    let sequence = u64::try_from(get::<i64>(row, "sequence")?).unwrap_or(0);
    let bytes: Vec<u8> = get(row, "record")?;
    Ok(Entry {
        sequence,
        at: moment(row, "at_ms")?,
        record: decode(&bytes).map_err(|source| StoreError::Record { sequence, source })?,
    })
}

/// Columns of [`checked`], from table `journal`.
pub const CHECKED: &str = "journal.sequence, journal.at_ms, journal.record, journal.chain,
    coalesce((SELECT before.chain FROM journal AS before WHERE before.sequence = journal.sequence - 1),
             (SELECT base.chain FROM journal_base AS base)) AS chain_before";

/// A record that is what was written, from the columns [`CHECKED`].
pub fn checked(row: &Row<'_>) -> Result<Entry, StoreError> {
    checked_bytes(row)?;
    entry(row)
}

/// The stored form of a record that is what was written, from the columns [`CHECKED`].
pub fn checked_bytes(row: &Row<'_>) -> Result<Vec<u8>, StoreError> {
    let reading = while_doing("reading a record");
    let found = chain::Row {
        sequence: u64::try_from(get::<i64>(row, "sequence")?).unwrap_or(0),
        at_ms: get(row, "at_ms")?,
        record: get(row, "record")?,
        chain: Chain(row.get("chain").map_err(&reading)?),
    };
    let before = chain::Head {
        sequence: found.sequence.saturating_sub(1),
        chain: Chain(row.get("chain_before").map_err(&reading)?),
    };
    if !found.follows(before) {
        return Err(StoreError::ChangedRecord {
            sequence: found.sequence,
        });
    }
    Ok(found.record)
}

/// A record as it is stored, from columns `sequence`, `at_ms`, `record`, `chain`, in this order.
pub fn stored(row: &Row<'_>) -> rusqlite::Result<chain::Row> {
    Ok(chain::Row {
        sequence: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
        at_ms: row.get(1)?,
        record: row.get(2)?,
        chain: Chain(row.get(3)?),
    })
}

/// An incident in a list, from the columns [`INCIDENT`].
pub fn incident(row: &Row<'_>) -> Result<IncidentRow, StoreError> {
    let name: Option<String> = get(row, "kind")?;
    Ok(IncidentRow {
        incident: parsed(row, "incident", |bytes: Vec<u8>| id("incident.incident", &bytes))?,
        key: incident_key(row)?,
        revision: get(row, "revision")?,
        kind: name
            .map(|name| kind("incident.kind", &name))
            .transpose()
            .map_err(StoreError::Row)?,
        state: parsed(row, "state", |number| word::<IncidentState>("incident.state", number))?,
        received_at: moment(row, "received_at_ms")?,
        first_sequence: u64::try_from(get::<i64>(row, "first_sequence")?).unwrap_or(0),
    })
}

fn incident_key(row: &Row<'_>) -> Result<IncidentKey, StoreError> {
    let text =
        |column, check: &dyn Fn(&str) -> Result<_, InvalidRecord>| parsed(row, column, |text: String| check(&text));
    Ok(IncidentKey {
        tenant: parsed(row, "tenant", |name: String| tenant("incident.tenant", &name))?,
        cad_system: text("cad_system", &|text| reference("incident.cad_system", text))?,
        cad_incident_number: text("cad_incident_number", &|text| {
            reference("incident.cad_incident_number", text)
        })?,
        call_date: parsed(row, "call_date", |text: String| call_date("incident.call_date", &text))?,
    })
}

/// A person, from all columns of table `responder`.
pub fn responder(row: &Row<'_>) -> Result<ResponderRow, StoreError> {
    digest::check("responder", row)?;
    Ok(ResponderRow {
        external_ref: get(row, "external_ref")?,
        name: get(row, "name")?,
        profile: ResponderProfile {
            responder: parsed(row, "responder", |bytes: Vec<u8>| id("responder.responder", &bytes))?,
            tenant: parsed(row, "tenant", |name: String| tenant("responder.tenant", &name))?,
            skills: parsed(row, "skills", |names: String| skills(&names))?,
            credential_valid_until: moment(row, "credential_valid_until_ms")?,
            travel_mode: parsed(row, "travel_mode", |number| word("responder.travel_mode", number))?,
            on_duty: get(row, "on_duty")?,
            suspended: get(row, "suspended")?,
            quiet_hours: quiet_hours(row)?,
        },
    })
}

fn quiet_hours(row: &Row<'_>) -> Result<Option<QuietHours>, StoreError> {
    let minutes: (Option<i64>, Option<i64>) = (get(row, "quiet_from_minute")?, get(row, "quiet_to_minute")?);
    let Some((from, to)) = minutes.0.zip(minutes.1) else {
        return Ok(None);
    };
    let read = u16::try_from(from).ok().zip(u16::try_from(to).ok());
    let read = read.and_then(|(from, to)| QuietHours::new(from, to));
    read.map(Some).ok_or_else(|| {
        let found = format_args!("{from} to {to}").to_string();
        let wanted = "two different minutes of a day, 0 to 1,439";
        StoreError::Row(wrong("responder.quiet_from_minute", found, wanted))
    })
}

fn skills(names: &str) -> Result<Skills, InvalidRecord> {
    let skill = |name| {
        let wanted = "a skill of 1 to 32 characters of a-z 0-9 _";
        Skill::new(name).ok_or_else(|| wrong("responder.skills", format_args!("'{name}'"), wanted))
    };
    names.split_whitespace().map(skill).collect()
}

/// A device with access, from all columns of table `device`.
pub fn device(row: &Row<'_>) -> Result<DeviceAccess, StoreError> {
    digest::check("device", row)?;
    Ok(DeviceAccess {
        device: Device {
            device: parsed(row, "device", |bytes: Vec<u8>| id("device.device", &bytes))?,
            responder: parsed(row, "responder", |bytes: Vec<u8>| id("device.responder", &bytes))?,
            purpose: parsed(row, "purpose", |number| word("device.purpose", number))?,
            alertable: get(row, "alertable")?,
        },
        tenant: parsed(row, "tenant", |name: String| tenant("device.tenant", &name))?,
        kind: parsed(row, "kind", |name: String| match name.as_str() {
            "muster" => Ok(DeviceKind::Muster),
            "owntracks" => Ok(DeviceKind::OwnTracks),
            other => Err(wrong("device.kind", other, "muster or owntracks")),
        })?,
        encoding: parsed(row, "encoding", |name: String| match name.as_str() {
            "json" => Ok(Encoding::Json),
            "binary" => Ok(Encoding::Binary),
            other => Err(wrong("device.encoding", other, "json or binary")),
        })?,
        topic_id: get(row, "topic_id")?,
        secret_hash: get(row, "secret_hash")?,
    })
}

/// A trunk with access, from all columns of table `trunk`.
pub fn trunk(row: &Row<'_>) -> Result<TrunkAccess, StoreError> {
    digest::check("trunk", row)?;
    Ok(TrunkAccess {
        trunk: parsed(row, "trunk", |bytes: Vec<u8>| id("trunk.trunk", &bytes))?,
        tenant: parsed(row, "tenant", |name: String| tenant("trunk.tenant", &name))?,
        external_ref_prefix: get(row, "external_ref_prefix")?,
        topic_id: get(row, "topic_id")?,
        secret_hash: get(row, "secret_hash")?,
    })
}

/// A defibrillator, from all columns of table `aed`.
pub fn aed(row: &Row<'_>) -> Result<AedRow, StoreError> {
    digest::check("aed", row)?;
    let hours = hours(row)?;
    Ok(AedRow {
        external_ref: get(row, "external_ref")?,
        name: get(row, "name")?,
        address: Address {
            text: get(row, "address")?,
            ..address_parts(row)?
        },
        cabinet_code: get(row, "cabinet_code")?,
        aed: Aed {
            aed: parsed(row, "aed", |bytes: Vec<u8>| id("aed.aed", &bytes))?,
            tenant: parsed(row, "tenant", |name: String| tenant("aed.tenant", &name))?,
            position: aed_position(row)?,
            accuracy: Metres::from_mm(u64::try_from(get::<i64>(row, "accuracy_mm")?).unwrap_or(0)),
            access: parsed(row, "access", |number| word("aed.access", number))?,
            opening: hours.clone().filter(OpeningHours::is_understood),
            indoor: get(row, "indoor")?,
            level: parsed(row, "level", |text: String| level("aed.level", &text))?,
            state: parsed(row, "state", |number| word("aed.state", number))?,
            confirmed_at: get::<Option<i64>>(row, "confirmed_at_ms")?.map(Timestamp::from_unix_ms),
        },
        hours,
    })
}

/// Where a defibrillator is, from the columns `latitude_e7` and `longitude_e7` of table `aed`.
pub fn aed_position(row: &Row<'_>) -> Result<Position, StoreError> {
    let (latitude, longitude): (i32, i32) = (get(row, "latitude_e7")?, get(row, "longitude_e7")?);
    Position::from_e7(latitude, longitude).map_err(|_| {
        let found = format_args!("{latitude}, {longitude} e7").to_string();
        StoreError::Row(wrong("aed.latitude_e7", found, "a place on the globe"))
    })
}

fn hours(row: &Row<'_>) -> Result<Option<OpeningHours>, StoreError> {
    let words: String = get(row, "opening_hours")?;
    if words.is_empty() {
        return Ok(None);
    }
    let (country, time_zone): (String, String) = (get(row, "country")?, get(row, "time_zone")?);
    let hours = locality("aed.country", &country, &time_zone)
        .and_then(|locality| opening_hours("aed.opening_hours", &words, locality));
    hours.map(Some).map_err(StoreError::Row)
}

/// An address, from all columns of table `address`.
pub fn address(row: &Row<'_>) -> Result<Address, StoreError> {
    digest::check("address", row)?;
    Ok(Address {
        text: get(row, "text")?,
        ..address_parts(row)?
    })
}

/// All but the text, from columns that two tables have.
fn address_parts(row: &Row<'_>) -> Result<Address, StoreError> {
    Ok(Address {
        text: String::new(),
        uprn: get(row, "uprn")?,
        postcode: get(row, "postcode")?,
        floor: get(row, "floor")?,
        access_notes: get(row, "access_notes")?,
    })
}

/// A column's value, checked.
pub fn parsed<C: FromSql, T>(
    row: &Row<'_>,
    column: &str,
    check: impl FnOnce(C) -> Result<T, InvalidRecord>,
) -> Result<T, StoreError> {
    check(get(row, column)?).map_err(StoreError::Row)
}

fn moment(row: &Row<'_>, column: &str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_unix_ms(get(row, column)?))
}
