//! What is forgotten, and when, so that memory is bounded by what is open and by seven days.
//!
//! ```text
//! ended ──> settled ──10 min──> IncidentForgotten: a tombstone ──7 days──> nothing
//!           no alert open, nobody attends, every message has its outcome
//! answered request ──7 days──> nothing
//! ```
//! An incident is forgotten by a record of its own, so that recovery forgets the same at the same place. The journal
//! forgets nothing here: whoever tells an incident's story from its records passes over that record.

use std::time::Duration;

use crate::{
    ids::IncidentId,
    incident::IncidentState,
    ledger::Settled,
    record::{Entry, Record},
    time::Timestamp,
};

use super::State;

/// How long an incident that is settled is still known in full, so that what a phone repeats finds what it is about. By
/// then every phone has acknowledged the last word or has not been heard for an hour.
pub const SETTLED_KEPT: Duration = Duration::from_secs(600);
/// How long a retry gets the same answer and a late revision of a forgotten incident is known to be late; F1 of the
/// reliability research asks for at least 7 days. A report that comes later still is judged by its `sent_at`.
const ANSWERS_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// What is left of an incident that was forgotten: enough to tell that a revision of it comes too late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tombstone {
    /// Which.
    pub incident: IncidentId,
    /// When it was forgotten.
    pub forgotten_at: Timestamp,
    /// How it stood.
    pub standing: Standing,
}

/// How an incident stands, forgotten or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Newest revision known, of a report or an ending.
    pub revision: u32,
    /// Where it stands.
    pub state: IncidentState,
}

impl State {
    /// How an incident stands, also one that has been forgotten; `None` when nothing is known of it.
    pub fn standing(&self, id: IncidentId) -> Option<Standing> {
        let known = self.incidents.get(&id).map(|incident| Standing {
            revision: incident.revision,
            state: incident.state,
        });
        known.or_else(|| self.tombstones.get(&id).map(|tombstone| tombstone.standing))
    }

    /// Applies a record of a story that is told from the journal: as [`State::apply`], but nothing is forgotten.
    pub fn retell(&mut self, entry: &Entry) -> Option<Settled> {
        match entry.record {
            Record::IncidentForgotten { .. } => None,
            _ => self.apply(entry),
        }
    }

    /// Notes whether everything about an incident is settled.
    pub(super) fn note_settled(&mut self, id: IncidentId, at: Timestamp) {
        let Some(incident) = self.incidents.get_mut(&id) else {
            return;
        };
        if incident.state.is_open() {
            return;
        }
        let mut alerts = incident.alerts.iter().filter_map(|id| self.alerts.get(id));
        let settled = alerts.all(|alert| !alert.state.is_open() && !alert.is_attended() && !alert.message.is_open());
        incident.settled_at = settled.then(|| incident.settled_at.unwrap_or(at));
    }

    /// Leaves a tombstone of an incident.
    pub(super) fn forget_incident(&mut self, id: IncidentId, at: Timestamp) {
        let Some(incident) = self.incidents.remove(&id) else {
            return;
        };
        for alert in &incident.alerts {
            let Some(alert) = self.alerts.remove(alert) else {
                continue;
            };
            self.forget_shift(&alert);
            if let Some(live) = self.live_alerts.get_mut(&alert.plan.responder) {
                live.remove(&alert.plan.alert);
                if live.is_empty() {
                    self.live_alerts.remove(&alert.plan.responder);
                }
            }
        }
        self.bury(Tombstone {
            incident: id,
            forgotten_at: at,
            standing: Standing {
                revision: incident.revision,
                state: incident.state,
            },
        });
        self.forget_old(at);
    }

    pub(super) fn bury(&mut self, tombstone: Tombstone) {
        self.tombstones.insert(tombstone.incident, tombstone);
        self.tombstones_by_age
            .push_back((tombstone.forgotten_at, tombstone.incident));
    }

    /// Forgets answers and tombstones that nobody will ask for any more.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        while let Some((at, tenant, id)) = self.answers_by_age.front() {
            if now.since(*at) <= ANSWERS_KEPT {
                break;
            }
            self.answers.remove(&(tenant.clone(), id.clone()));
            self.answers_by_age.pop_front();
        }
        while let Some(&(at, incident)) = self.tombstones_by_age.front() {
            if now.since(at) <= ANSWERS_KEPT {
                break;
            }
            self.tombstones.remove(&incident);
            self.tombstones_by_age.pop_front();
        }
    }
}
