//! What records do to alerts, to the messages about them, and to the ledger of those messages.

use crate::{
    alert::{Alert, AlertState, Message, MessageKind},
    attendance::Attendance,
    ids::AlertId,
    input::DeliveryStage,
    ledger::{Ledger, MessageOutcome, Settled, Times},
    record::{Decision, Record},
    time::Timestamp,
};

use super::State;

impl State {
    pub(super) fn decided(&mut self, decision: &Decision, at: Timestamp) {
        if let Some(incident) = self.incidents.get_mut(&decision.incident) {
            incident.waves = decision.wave;
            incident.alerts.extend(decision.alerts.iter().map(|plan| plan.alert));
        }
        for plan in &decision.alerts {
            let alert = Alert {
                plan: *plan,
                incident: decision.incident,
                wave: decision.wave,
                planned_at: at,
                state: AlertState::Planned,
                reached_at: None,
                waits_since: at,
                lapsed: false,
                stalled: false,
                message: Message::planned(1, MessageKind::Alert, at),
                request: Times::default(),
                answered_at: None,
                attendance: None,
                shift: None,
                attendance_at: None,
            };
            self.ledger.first(&alert.message);
            self.note_alerted(&alert, at);
            self.note_fetching(None, &alert, at);
            self.alerts.insert(plan.alert, alert);
            self.file(plan.alert);
        }
    }

    /// Applies a record about an alert; returns the message that had its outcome by it.
    pub(super) fn alert_changed(&mut self, record: &Record, at: Timestamp) -> Option<Settled> {
        let id = record.alert()?;
        let alert = self.alerts.get_mut(&id)?;
        let before = *alert;
        let settled = change(alert, &mut self.ledger, record, at);
        let after = *alert;
        self.file(id);
        self.note_answer(&before, &after, at);
        self.note_fetching(Some(&before), &after, at);
        self.note_shift(Some(&before), &after);
        let incident = after.incident;
        self.note_settled(incident, at);
        settled
    }

    /// Keeps `live_alerts` in step with one alert.
    pub(super) fn file(&mut self, id: AlertId) {
        let alert = &self.alerts[&id];
        let responder = alert.plan.responder;
        if alert.state.is_open() || alert.is_attended() || alert.message.is_open() {
            self.live_alerts.entry(responder).or_default().insert(id);
        } else if let Some(live) = self.live_alerts.get_mut(&responder) {
            live.remove(&id);
            if live.is_empty() {
                self.live_alerts.remove(&responder);
            }
        }
    }
}

fn change(alert: &mut Alert, ledger: &mut Ledger, record: &Record, at: Timestamp) -> Option<Settled> {
    match *record {
        Record::MessageProgress { version, stage, .. } => return progress(alert, ledger, version, stage, at),
        Record::MessageResent { .. } => {
            alert.message.resends += 1;
            alert.message.sent_at = at;
        }
        Record::HelpNeeded { .. } => alert.attendance_at = Some(at),
        Record::MessageUnheard { .. } => alert.message.reported_unheard = true,
        Record::MessageLapsed { version, .. } if version == alert.message.version => {
            return ledger.settle(alert, MessageOutcome::Lapsed);
        }
        Record::AlertLapsed { .. } => alert.lapsed = true,
        Record::AlertReassigned { role, version, .. } => {
            alert.plan.role = role;
            let kind = if alert.state.is_open() {
                MessageKind::Alert
            } else {
                MessageKind::Confirmed
            };
            return ledger.replace(alert, Message::planned(version, kind, at));
        }
        Record::AttendanceStalled { .. } => alert.stalled = true,
        Record::AlertAccepted {
            attendance,
            shift,
            version,
            ..
        } => {
            alert.shift = shift;
            return accepted(alert, ledger, attendance, version, at);
        }
        Record::AlertDeclined { reason, .. } => {
            end(alert, AlertState::Declined(reason));
            let heard = answered(alert, ledger, at);
            // The request is answered, in whichever version; nothing is left to be told.
            return heard.or_else(|| ledger.settle(alert, MessageOutcome::Lapsed));
        }
        Record::AlertExpired { .. } => {
            end(alert, AlertState::Expired);
            return ledger.settle(alert, MessageOutcome::Lapsed);
        }
        Record::AlertUndeliverable { .. } => {
            end(alert, AlertState::Undeliverable);
            return ledger.settle(alert, MessageOutcome::Lapsed);
        }
        Record::AlertWithdrawn { reason, version, .. } => {
            end(alert, AlertState::Withdrawn(reason));
            let next = Message::planned(version, MessageKind::StandDown(reason), at);
            return ledger.replace(alert, next);
        }
        Record::AlertRelocated {
            cell, band, version, ..
        } => {
            alert.plan.cell = cell;
            alert.plan.band = band;
            let kind = if alert.state.is_open() {
                MessageKind::Alert
            } else {
                MessageKind::Confirmed
            };
            return ledger.replace(alert, Message::planned(version, kind, at));
        }
        Record::AttendanceChanged { attendance, .. } => {
            alert.attendance = Some(attendance);
            alert.attendance_at = Some(at);
            alert.stalled = false;
            // To go is not true any more for somebody who has gone home.
            if !attendance.is_active() && alert.message.kind == MessageKind::Confirmed {
                return ledger.settle(alert, MessageOutcome::Lapsed);
            }
        }
        Record::AttendanceStoodDown { reason, version, .. } => {
            alert.attendance = Some(Attendance::StoodDown);
            alert.attendance_at = Some(at);
            let next = Message::planned(version, MessageKind::StandDown(reason), at);
            return ledger.replace(alert, next);
        }
        _ => {}
    }
    None
}

fn accepted(
    alert: &mut Alert,
    ledger: &mut Ledger,
    attendance: Attendance,
    version: u32,
    at: Timestamp,
) -> Option<Settled> {
    // An accept after the alert's end is answered, but the alert has had its outcome.
    if alert.state.is_open() {
        alert.state = AlertState::Accepted;
    }
    alert.attendance = Some(attendance);
    alert.attendance_at = Some(at);
    let kind = match attendance {
        Attendance::NotNeeded => MessageKind::NotNeeded,
        Attendance::TooLate => MessageKind::TooLate,
        _ => MessageKind::Confirmed,
    };
    let heard = answered(alert, ledger, at);
    let superseded = ledger.replace(alert, Message::planned(version, kind, at));
    heard.or(superseded)
}

/// Notes an answer to the request. It proves that the phone had the message, if only one version was ever sent.
fn answered(alert: &mut Alert, ledger: &mut Ledger, at: Timestamp) -> Option<Settled> {
    alert.answered_at.get_or_insert(at);
    alert.reached_at.get_or_insert(at);
    if alert.message.kind != MessageKind::Alert || alert.message.version != 1 {
        return None;
    }
    ledger.settle(alert, MessageOutcome::Heard)
}

fn end(alert: &mut Alert, outcome: AlertState) {
    debug_assert!(alert.state.may_become(outcome), "{:?} to {outcome:?}", alert.state);
    alert.state = outcome;
}

fn progress(
    alert: &mut Alert,
    ledger: &mut Ledger,
    version: u32,
    stage: DeliveryStage,
    at: Timestamp,
) -> Option<Settled> {
    if version != alert.message.version {
        return None;
    }
    alert.message.stage = alert.message.stage.max(Some(stage));
    alert.message.times.note(stage, at);
    if alert.message.kind == MessageKind::Alert {
        alert.request.note(stage, at);
    }
    if let Some(next) = AlertState::from_stage(stage).filter(|&next| alert.state.may_become(next)) {
        alert.state = next;
    }
    if stage < DeliveryStage::Received {
        return None;
    }
    if alert.reached_at.is_none() {
        alert.reached_at = Some(at);
        // The wait for an answer begins with the receipt.
        alert.waits_since = at;
    }
    ledger.settle(alert, MessageOutcome::Heard)
}
