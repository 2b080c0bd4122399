//! Writes a record and, in the same transaction, what lists are made from: incidents as they stand, and which incident
//! each alert belongs to. The rules are those by which the core applies records; a test compares the two.

use dispatch_core::{
    ids::{IncidentId, IncidentKey},
    incident::IncidentState,
    record::{Decision, Entry, IncidentReported, Record},
};
use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::{
    mapping::{Word as _, encode},
    rows::signed,
};

/// Whose and which incident's story a record is part of.
#[derive(Default)]
struct Story {
    tenant: Option<String>,
    incident: Option<[u8; 16]>,
}

pub fn write(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    project(transaction, entry)?;
    let story = story(transaction, entry)?;
    transaction
        .prepare_cached("INSERT INTO journal (sequence, at_ms, tenant, incident, record) VALUES (?, ?, ?, ?, ?)")?
        .execute(params![
            signed(entry.sequence),
            entry.at.unix_ms(),
            story.tenant,
            story.incident,
            encode(&entry.record),
        ])?;
    Ok(())
}

fn project(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    match &entry.record {
        Record::IncidentReported(report) => reported(transaction, entry, report),
        Record::IncidentEnded {
            incident,
            key,
            revision,
            cause,
            ..
        } => {
            heard_of(transaction, entry, *incident, key, *revision)?;
            change_state(transaction, *incident, cause.state())
        }
        Record::IncidentStateChanged { incident, state } => change_state(transaction, *incident, *state),
        Record::Decided(decision) => planned(transaction, decision),
        _ => Ok(()),
    }
}

fn reported(transaction: &Transaction<'_>, entry: &Entry, report: &IncidentReported) -> rusqlite::Result<()> {
    heard_of(transaction, entry, report.incident, &report.key, report.revision)?;
    // The core takes a report of an ended incident in only when it has forgotten the incident; then it begins anew.
    let recorded = IncidentState::Recorded.to_stored();
    transaction
        .prepare_cached("UPDATE incident SET state = ?2, is_open = 1 WHERE incident = ?1 AND is_open = 0")?
        .execute(params![report.incident.as_bytes(), recorded])?;
    transaction
        .prepare_cached("UPDATE incident SET kind = ?2 WHERE incident = ?1")?
        .execute(params![report.incident.as_bytes(), report.kind.as_str()])?;
    if report.alerting {
        let searching = IncidentState::Searching.to_stored();
        transaction
            .prepare_cached("UPDATE incident SET state = ?2 WHERE incident = ?1 AND state = ?3")?
            .execute(params![report.incident.as_bytes(), searching, recorded])?;
    }
    Ok(())
}

/// Enters an incident as recorded, or raises the revision of one that is known.
fn heard_of(
    transaction: &Transaction<'_>,
    entry: &Entry,
    incident: IncidentId,
    key: &IncidentKey,
    revision: u32,
) -> rusqlite::Result<()> {
    transaction
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

fn change_state(transaction: &Transaction<'_>, incident: IncidentId, state: IncidentState) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE incident SET state = ?2, is_open = ?3 WHERE incident = ?1")?
        .execute(params![incident.as_bytes(), state.to_stored(), state.is_open()])?;
    Ok(())
}

fn planned(transaction: &Transaction<'_>, decision: &Decision) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO alert_incident (alert, incident) VALUES (?, ?)")?;
    for plan in &decision.alerts {
        insert.execute(params![plan.alert.as_bytes(), decision.incident.as_bytes()])?;
    }
    Ok(())
}

fn story(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<Story> {
    match &entry.record {
        Record::Started { .. } | Record::DevicePut(_) | Record::DeviceRevoked(_) => Ok(Story::default()),
        Record::ResponderPut(profile) => Ok(Story {
            tenant: Some(profile.tenant.as_str().to_owned()),
            incident: None,
        }),
        Record::RequestAnswered { tenant, .. } => Ok(Story {
            tenant: Some(tenant.as_str().to_owned()),
            incident: None,
        }),
        Record::IncidentReported(IncidentReported { incident, .. })
        | Record::IncidentEnded { incident, .. }
        | Record::IncidentStateChanged { incident, .. }
        | Record::Decided(Decision { incident, .. })
        | Record::IncidentForgotten { incident }
        | Record::CouldNotAlert { incident } => {
            let found = "SELECT incident, tenant FROM incident WHERE incident = ?";
            found_story(transaction, entry, found, incident.as_bytes())
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
        | Record::HelpNeeded { alert } => {
            let found = "SELECT incident, tenant FROM alert_incident JOIN incident USING (incident) WHERE alert = ?";
            found_story(transaction, entry, found, alert.as_bytes())
        }
    }
}

/// A record about something unknown is written all the same: losing it would be worse than not listing it.
fn found_story(transaction: &Transaction<'_>, entry: &Entry, sql: &str, id: &[u8; 16]) -> rusqlite::Result<Story> {
    let mut select = transaction.prepare_cached(sql)?;
    let story = select.query_row([id], |row| {
        Ok(Story {
            incident: row.get(0)?,
            tenant: row.get(1)?,
        })
    });
    let story = story.optional()?;
    if story.is_none() {
        tracing::warn!(
            sequence = entry.sequence,
            "a record is about an incident the store has not heard of"
        );
        metrics::counter!("muster_store_records_without_incident_total").increment(1);
    }
    Ok(story.unwrap_or_default())
}
