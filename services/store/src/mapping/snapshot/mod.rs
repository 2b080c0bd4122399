//! Between the core's [`StateImage`] and its stored bytes. What is written reads back equal; bytes that were damaged, or
//! whose parts do not fit together, give an error and never a state that the core could stumble over. A snapshot that
//! cannot be read costs time, not data: the journal gives the same.

mod alert;
mod incident;
mod rest;
#[cfg(test)]
mod strategies;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use dispatch_core::{ids::AlertId, state::StateImage, time::Timestamp};
use muster_proto::journal::v1 as stored;
use prost::Message as _;

use super::{InvalidRecord, aed, decision};

/// The version of the stored form that this code writes, and the newest it reads. Older ones are read, since the records
/// from which they came may have been let go.
pub const SNAPSHOT_VERSION: u32 = 3;

/// Bytes that are not a snapshot this code understands.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidSnapshot {
    /// Not a protobuf message.
    #[error("the bytes are not a stored snapshot")]
    Damaged(#[source] prost::DecodeError),
    /// Written by another Muster.
    #[error("the snapshot has version {found}; this Muster reads 1 to {SNAPSHOT_VERSION}")]
    Version {
        /// What the snapshot says.
        found: u32,
    },
    /// A field is missing or holds what it cannot hold.
    #[error("the snapshot has a field that cannot be read")]
    Field(#[from] InvalidRecord),
    /// Its parts contradict each other.
    #[error("the snapshot does not fit together: {what}")]
    Unfitting {
        /// How.
        what: &'static str,
    },
}

/// The stored form of an image.
pub fn encode_snapshot(image: &StateImage) -> Vec<u8> {
    let settled = image.messages_settled.iter();
    stored::Snapshot {
        version: SNAPSHOT_VERSION,
        sequence: image.sequence,
        last_at_ms: image.last_at.unix_ms(),
        epoch: image.epoch,
        aeds: image.aeds.iter().map(aed::aed).collect(),
        incidents: image.incidents.iter().map(incident::incident).collect(),
        alerts: image.alerts.iter().map(alert::alert).collect(),
        tombstones: image.tombstones.iter().map(rest::tombstone).collect(),
        answers: image.answers.iter().map(rest::kept).collect(),
        cad_clocks: image.cad_clocks.iter().map(rest::clock).collect(),
        messages_planned: image.messages_planned.iter().map(rest::planned).collect(),
        messages_settled: settled.map(rest::settled).collect(),
        histories: image.histories.iter().map(rest::history).collect(),
        aeds_away: image.aeds_away.iter().map(rest::aed_away).collect(),
        policies: image.policies.iter().map(decision::adopted).collect(),
    }
    .encode_to_vec()
}

/// The image that these bytes hold.
pub fn decode_snapshot(bytes: &[u8]) -> Result<StateImage, InvalidSnapshot> {
    let snapshot = stored::Snapshot::decode(bytes).map_err(InvalidSnapshot::Damaged)?;
    if !(1..=SNAPSHOT_VERSION).contains(&snapshot.version) {
        return Err(InvalidSnapshot::Version {
            found: snapshot.version,
        });
    }
    let image = StateImage {
        sequence: snapshot.sequence,
        last_at: Timestamp::from_unix_ms(snapshot.last_at_ms),
        epoch: snapshot.epoch,
        aeds: all(snapshot.aeds, aed::from_aed)?,
        incidents: all(snapshot.incidents, incident::from_incident)?,
        alerts: all(snapshot.alerts, alert::from_alert)?,
        tombstones: all(snapshot.tombstones, rest::from_tombstone)?,
        answers: all(snapshot.answers, rest::from_kept)?,
        cad_clocks: all(snapshot.cad_clocks, rest::from_clock)?,
        messages_planned: all(snapshot.messages_planned, rest::from_planned)?,
        messages_settled: all(snapshot.messages_settled, rest::from_settled)?,
        histories: all(snapshot.histories, rest::from_history)?,
        aeds_away: all(snapshot.aeds_away, rest::from_aed_away)?,
        policies: all(snapshot.policies, |policy| decision::from_adopted(&policy))?,
    };
    fits(&image)?;
    Ok(image)
}

fn all<S, T>(stored: Vec<S>, read: impl Fn(S) -> Result<T, InvalidRecord>) -> Result<Vec<T>, InvalidRecord> {
    stored.into_iter().map(read).collect()
}

/// What the core takes for granted about its state.
fn fits(image: &StateImage) -> Result<(), InvalidSnapshot> {
    let unfitting = |what| Err(InvalidSnapshot::Unfitting { what });
    let alerts: BTreeSet<AlertId> = image.alerts.iter().map(|alert| alert.plan.alert).collect();
    let mut placed = BTreeMap::new();
    for incident in &image.incidents {
        if !incident.alerts.iter().all(|alert| alerts.contains(alert)) {
            return unfitting("an incident has an alert that is not there");
        }
        let has_place = incident.reported.as_ref().is_some_and(|report| report.place.is_some());
        if incident.state.is_active() && !has_place {
            return unfitting("people are asked for an incident without a place");
        }
        placed.insert(incident.id, has_place);
    }
    if !image
        .alerts
        .iter()
        .all(|alert| placed.get(&alert.incident) == Some(&true))
    {
        return unfitting("an alert is for an incident that is not there or has no place");
    }
    Ok(())
}
