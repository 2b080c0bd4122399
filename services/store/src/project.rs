//! Writes a record and, in the same transaction, what lists are made from: incidents as they stand, and which incident
//! each alert belongs to. The rules are those by which the core applies records; a test compares the two.

use dispatch_core::{
    ids::{IncidentId, IncidentKey},
    incident::IncidentState,
    record::{Decision, Entry, IncidentReported, Record},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{calls, chain::Row, mapping::Word as _, rows::signed};

/// Whose and which incident's story a record is part of.
#[derive(Default, PartialEq, Eq)]
pub struct Story {
    pub tenant: Option<String>,
    pub incident: Option<[u8; 16]>,
}

/// Writes one record; `row` is its stored form.
pub fn write(connection: &Connection, entry: &Entry, row: &Row) -> rusqlite::Result<()> {
    project(connection, entry)?;
    let story = story(connection, entry)?.unwrap_or_else(|| {
        // Written all the same: losing it would be worse than not listing it.
        tracing::warn!(
            sequence = entry.sequence,
            "a record is about an incident the store has not heard of"
        );
        metrics::counter!("muster_store_records_without_incident_total").increment(1);
        Story::default()
    });
    connection
        .prepare_cached(
            "INSERT INTO journal (sequence, at_ms, tenant, incident, record, chain) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            signed(row.sequence),
            row.at_ms,
            story.tenant,
            story.incident,
            row.record,
            row.chain.0,
        ])?;
    calls::count(connection, entry)
}

/// Brings what is derived up to date with one record.
pub fn project(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    match &entry.record {
        Record::IncidentReported(report) => reported(connection, entry, report),
        Record::IncidentEnded {
            incident,
            key,
            revision,
            cause,
            ..
        } => {
            heard_of(connection, entry, *incident, key, *revision)?;
            change_state(connection, *incident, cause.state())
        }
        Record::IncidentStateChanged { incident, state } => change_state(connection, *incident, *state),
        Record::Decided(decision) => planned(connection, decision),
        _ => Ok(()),
    }
}

fn reported(connection: &Connection, entry: &Entry, report: &IncidentReported) -> rusqlite::Result<()> {
    heard_of(connection, entry, report.incident, &report.key, report.revision)?;
    // The core takes a report of an ended incident in only when it has forgotten the incident; then it begins anew.
    let recorded = IncidentState::Recorded.to_stored();
    connection
        .prepare_cached("UPDATE incident SET state = ?2, is_open = 1 WHERE incident = ?1 AND is_open = 0")?
        .execute(params![report.incident.as_bytes(), recorded])?;
    connection
        .prepare_cached("UPDATE incident SET kind = ?2 WHERE incident = ?1")?
        .execute(params![report.incident.as_bytes(), report.kind.as_str()])?;
    if report.alerting {
        let searching = IncidentState::Searching.to_stored();
        connection
            .prepare_cached("UPDATE incident SET state = ?2 WHERE incident = ?1 AND state = ?3")?
            .execute(params![report.incident.as_bytes(), searching, recorded])?;
    }
    Ok(())
}

/// Enters an incident as recorded, or raises the revision of one that is known.
fn heard_of(
    connection: &Connection,
    entry: &Entry,
    incident: IncidentId,
    key: &IncidentKey,
    revision: u32,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO incident (incident, tenant, cad_system, cad_incident_number, call_date, revision, state,
                                   is_open, received_at_ms, first_sequence)
             VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)
             ON CONFLICT (incident) DO UPDATE SET revision = excluded.revision",
        )?
        .execute(params![
            incident.as_bytes(),
            key.tenant.as_str(),
            key.cad_system.as_str(),
            key.cad_incident_number.as_str(),
            key.call_date.to_string(),
            revision,
            IncidentState::Recorded.to_stored(),
            entry.at.unix_ms(),
            signed(entry.sequence),
        ])?;
    Ok(())
}

fn change_state(connection: &Connection, incident: IncidentId, state: IncidentState) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE incident SET state = ?2, is_open = ?3 WHERE incident = ?1")?
        .execute(params![incident.as_bytes(), state.to_stored(), state.is_open()])?;
    Ok(())
}

fn planned(connection: &Connection, decision: &Decision) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO alert_incident (alert, incident) VALUES (?, ?)")?;
    for plan in &decision.alerts {
        insert.execute(params![plan.alert.as_bytes(), decision.incident.as_bytes()])?;
    }
    Ok(())
}

/// Whose story a record is part of; `None` when the store has not heard of its incident.
pub fn story(connection: &Connection, entry: &Entry) -> rusqlite::Result<Option<Story>> {
    match &entry.record {
        Record::Started { .. } | Record::DevicePut(_) | Record::DeviceRevoked(_) => Ok(Some(Story::default())),
        Record::TrunkRevoked(_) | Record::AedRemoved(_) | Record::PolicyAdopted(_) => Ok(Some(Story::default())),
        Record::AedPut(aed) => Ok(Some(Story {
            tenant: Some(aed.tenant.as_str().to_owned()),
            incident: None,
        })),
        Record::TrunkPut { tenant, .. } => Ok(Some(Story {
            tenant: Some(tenant.as_str().to_owned()),
            incident: None,
        })),
        Record::ResponderPut(profile) => Ok(Some(Story {
            tenant: Some(profile.tenant.as_str().to_owned()),
            incident: None,
        })),
        Record::RequestAnswered { tenant, .. } => Ok(Some(Story {
            tenant: Some(tenant.as_str().to_owned()),
            incident: None,
        })),
        Record::IncidentReported(IncidentReported { incident, .. })
        | Record::IncidentEnded { incident, .. }
        | Record::IncidentStateChanged { incident, .. }
        | Record::Decided(Decision { incident, .. })
        | Record::IncidentForgotten { incident }
        | Record::CouldNotAlert { incident } => {
            let found = "SELECT incident, tenant FROM incident WHERE incident = ?";
            found_story(connection, found, incident.as_bytes())
        }
        Record::MessageProgress { alert, .. }
        | Record::MessageResent { alert, .. }
        | Record::MessageUnheard { alert, .. }
        | Record::MessageLapsed { alert, .. }
        | Record::AlertLapsed { alert }
        | Record::AlertAccepted { alert, .. }
        | Record::AlertDeclined { alert, .. }
        | Record::AlertExpired { alert }
        | Record::AlertUndeliverable { alert }
        | Record::AlertWithdrawn { alert, .. }
        | Record::AlertRelocated { alert, .. }
        | Record::AttendanceChanged { alert, .. }
        | Record::AttendanceStoodDown { alert, .. }
        | Record::AttendanceStalled { alert }
        | Record::AlertReassigned { alert, .. }
        | Record::HelpNeeded { alert } => {
            let found = "SELECT incident, tenant FROM alert_incident JOIN incident USING (incident) WHERE alert = ?";
            found_story(connection, found, alert.as_bytes())
        }
    }
}

fn found_story(connection: &Connection, sql: &str, id: &[u8; 16]) -> rusqlite::Result<Option<Story>> {
    let mut select = connection.prepare_cached(sql)?;
    let story = select.query_row([id], |row| {
        Ok(Story {
            incident: row.get(0)?,
            tenant: row.get(1)?,
        })
    });
    story.optional()
}
