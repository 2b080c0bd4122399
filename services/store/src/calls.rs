//! Keeps count of how often each person was asked, so that those who never were can be found: whoever signed up and is
//! never called is capacity that nobody uses. Drills do not count.

use dispatch_core::{
    ids::IncidentId,
    record::{Decision, Entry, Record},
    responder::Purpose,
};
use rusqlite::{Connection, params};

use crate::{StoreError, error::while_doing, mapping, rows};

/// Counts those whom a record asks; the records before it about the same incident are in the journal.
pub fn count(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    match &entry.record {
        Record::Decided(decision) if !decision.alerts.is_empty() => asked(connection, decision, entry.at.unix_ms()),
        _ => Ok(()),
    }
}

fn asked(connection: &Connection, decision: &Decision, at_ms: i64) -> rusqlite::Result<()> {
    if purpose(connection, decision.incident)? != Some(Purpose::Live) {
        return Ok(());
    }
    let mut count = connection.prepare_cached(
        "INSERT INTO called (responder, times, last_at_ms) VALUES (?1, 1, ?2)
         ON CONFLICT (responder) DO UPDATE SET times = times + 1, last_at_ms = max(last_at_ms, excluded.last_at_ms)",
    )?;
    for plan in &decision.alerts {
        count.execute(params![plan.responder.as_bytes(), at_ms])?;
    }
    Ok(())
}

/// Live or exercise, by the incident's first report; `None` when the journal has none any more.
fn purpose(connection: &Connection, incident: IncidentId) -> rusqlite::Result<Option<Purpose>> {
    let mut records = connection.prepare_cached("SELECT record FROM journal WHERE incident = ? ORDER BY sequence")?;
    let mut records = records.query([incident.as_bytes()])?;
    while let Some(row) = records.next()? {
        let record: Vec<u8> = row.get(0)?;
        if let Ok(Record::IncidentReported(report)) = mapping::decode(&record) {
            return Ok(Some(report.purpose));
        }
    }
    Ok(None)
}

/// Counts everybody whom the journal asks, for the step of the schema that brought the table.
pub fn count_all(connection: &Connection) -> Result<(), StoreError> {
    let counting = while_doing("counting who was called");
    let mut records = connection
        .prepare("SELECT sequence, at_ms, record FROM journal ORDER BY sequence")
        .map_err(&counting)?;
    let mut found = records.query([]).map_err(&counting)?;
    while let Some(row) = found.next().map_err(&counting)? {
        count(connection, &rows::entry(row)?).map_err(&counting)?;
    }
    Ok(())
}
