//! What a watcher is told of each record.
//!
//! Most events are differences: the incident is folded up to a record, the record is applied, and what changed is told.
//! So a watcher never hears of a change that the core did not make, such as an accept that came after the alert's end.

use dispatch_core::{
    alert::AlertState,
    attendance::Attendance,
    ids::{AlertId, IncidentId},
    incident::IncidentState,
    record::Record,
    state::State,
};
use muster_engine::ports::IncidentEntry;
use muster_proto::v1::{self as wire, watch_incidents_response::Event};

/// One incident from its first record on, read along with a watch.
pub(crate) struct Story {
    incident: IncidentId,
    state: State,
}

/// What differences are taken of.
#[derive(Clone, Copy, PartialEq)]
struct Look {
    incident: Option<IncidentState>,
    alert: Option<(AlertState, Option<Attendance>)>,
}

impl Story {
    /// The story up to a record: `before` are all those about one incident before it, in order.
    pub fn begun<'a>(incident: IncidentId, before: impl IntoIterator<Item = &'a IncidentEntry>) -> Self {
        let mut state = State::default();
        for entry in before {
            state.retell(&entry.entry);
        }
        Self { incident, state }
    }

    /// Whether this is the service's own drill, as far as the story has been told.
    pub fn is_canary(&self) -> bool {
        let incident = self.state.incident(self.incident);
        let reported = incident.and_then(|incident| incident.reported.as_ref());
        reported.is_some_and(|reported| reported.kind.is_canary())
    }

    /// What the incident's next record means to a watcher, in order.
    pub fn tell(&mut self, entry: &IncidentEntry) -> Vec<wire::WatchIncidentsResponse> {
        let record = &entry.entry.record;
        let alert = record.alert();
        let before = self.look(alert);
        self.state.retell(&entry.entry);
        let after = self.look(alert);
        let mut events: Vec<Event> = self.event_of(record).into_iter().collect();
        events.extend(
            alert
                .into_iter()
                .flat_map(|alert| self.alert_events(alert, before, after)),
        );
        if after.incident != before.incident {
            let state = after
                .incident
                .map_or(wire::IncidentState::Unspecified, super::incident_state);
            events.push(Event::StateChanged(wire::IncidentStateChanged { state: state.into() }));
        }
        responses(entry, events)
    }

    fn look(&self, alert: Option<AlertId>) -> Look {
        Look {
            incident: self.state.incident(self.incident).map(|incident| incident.state),
            alert: alert
                .and_then(|id| self.state.alert(id))
                .map(|alert| (alert.state, alert.attendance)),
        }
    }

    /// What a record says beyond the changes it makes.
    fn event_of(&self, record: &Record) -> Option<Event> {
        match record {
            Record::IncidentReported(report) => Some(Event::Reported(wire::IncidentReported {
                revision: report.revision,
                alerting: report.alerting,
            })),
            Record::Decided(decision) => Some(Event::AlertsPlanned(wire::AlertsPlanned {
                wave: decision.wave,
                alert_ids: decision.alerts.iter().map(|plan| plan.alert.to_string()).collect(),
                candidates: u32::try_from(decision.candidates.len()).unwrap_or(u32::MAX),
            })),
            Record::CouldNotAlert { incident } => {
                let asked = self
                    .state
                    .incident(*incident)
                    .map_or(0, |incident| incident.alerts.len());
                Some(Event::CouldNotAlert(wire::CouldNotAlert {
                    alerts_planned: u32::try_from(asked).unwrap_or(u32::MAX),
                }))
            }
            Record::MessageUnheard { alert, version } => Some(Event::MessageUnheard(wire::MessageUnheard {
                alert_id: alert.to_string(),
                alert_version: *version,
            })),
            Record::HelpNeeded { alert } => Some(Event::HelpNeeded(wire::HelpNeeded {
                alert_id: alert.to_string(),
                responder_id: self.responder(*alert),
            })),
            Record::AlertReassigned { alert, role, .. } => Some(Event::AlertReassigned(wire::AlertReassigned {
                alert_id: alert.to_string(),
                responder_id: self.attending(*alert),
                role: super::role(*role).into(),
                defibrillator_id: super::to_fetch(*role),
            })),
            Record::AttendanceStalled { alert } => Some(Event::AttendanceStalled(wire::AttendanceStalled {
                alert_id: alert.to_string(),
                responder_id: self.attending(*alert),
            })),
            _ => None,
        }
    }

    fn alert_events(&self, alert: AlertId, before: Look, after: Look) -> Vec<Event> {
        let (Some((state_before, attendance_before)), Some((state, attendance))) = (before.alert, after.alert) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        if state != state_before {
            events.push(Event::AlertChanged(wire::AlertChanged {
                alert_id: alert.to_string(),
                state: super::alert_state(state).into(),
            }));
        }
        if let Some(attendance) = attendance.filter(|_| attendance != attendance_before) {
            events.push(Event::AttendanceChanged(wire::AttendanceChanged {
                alert_id: alert.to_string(),
                responder_id: self.responder(alert),
                state: super::attendance_state(attendance).into(),
                shift: self.state.alert(alert).map_or(0, super::call_out::taken),
            }));
        }
        events
    }

    /// Who, of somebody who has accepted: that others were asked is nobody's business but the auditor's.
    fn attending(&self, alert: AlertId) -> String {
        let known = self.state.alert(alert);
        let attending = known.is_some_and(|alert| alert.attendance.is_some());
        if attending {
            self.responder(alert)
        } else {
            String::new()
        }
    }

    fn responder(&self, alert: AlertId) -> String {
        let alert = self.state.alert(alert);
        alert.map(|alert| alert.plan.responder.to_string()).unwrap_or_default()
    }
}

/// Of several events of one record only the last carries its sequence, the others the one before: a watcher cut off
/// between them resumes with all of them again, rather than without the rest.
fn responses(entry: &IncidentEntry, events: Vec<Event>) -> Vec<wire::WatchIncidentsResponse> {
    let last = events.len().saturating_sub(1);
    let numbered = events.into_iter().enumerate();
    numbered
        .map(|(index, event)| wire::WatchIncidentsResponse {
            sequence: if index == last {
                entry.entry.sequence
            } else {
                entry.entry.sequence.saturating_sub(1)
            },
            at: Some(super::moment(entry.entry.at)),
            incident_id: entry.incident.to_string(),
            key: Some(super::key(&entry.key)),
            event: Some(event),
        })
        .collect()
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
