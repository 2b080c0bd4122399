//! Waiting: every deadline is derived here from the state, and acts here.

use std::time::Duration;

use crate::{
    alert::{Alert, MessageKind, Role},
    attendance::Attendance,
    deadlines::Due,
    ids::{AlertId, IncidentId},
    incident::{Incident, IncidentState},
    position::{Metres, Position},
    record::Record,
    roster::Presence,
    state::SETTLED_KEPT,
    time::Timestamp,
};

use super::Dispatcher;

/// A confirmation or stand-down not acknowledged for this long is reported to the control room.
const UNHEARD_AFTER: Duration = Duration::from_secs(60);
/// A confirmation or stand-down is sent again after 2, 4, 8, … s, at most this many times; then its phone is waited for.
const DIRECTION_RESENDS_MAX: u32 = 5;
/// Searches that a newcomer brings forward come at most this often, so that a mass reconnect costs little.
const SEARCH_SPACING: Duration = Duration::from_millis(200);

/// Somebody farther than this from where they accepted has set off: well above the noise of a fix out of doors, and below
/// the way to the next corner. (Freiburg's 20 m fence needs fixes better than most phones give indoors.)
const MOVED: Metres = Metres::new(50);

impl Dispatcher {
    /// Derives the deadlines of one alert from its state.
    pub(super) fn reschedule_alert(&mut self, id: AlertId) {
        let alert = *self.alert(id);
        let policy = self.policy_of(alert.incident);
        let open = alert.state.is_open();
        let for_shift = alert.plan.role == Role::Shift;
        let wait = match alert.reached_at {
            _ if for_shift => policy.call_out.answer_wait,
            Some(_) => policy.answer_wait,
            None => policy.receipt_wait,
        };
        let replace = alert.is_pending().then(|| alert.waits_since + wait);
        let resend = match alert.message.kind {
            _ if !alert.message.is_open() => None,
            MessageKind::Alert => (alert.is_pending() && alert.message.resends == 0)
                .then(|| alert.message.sent_at + policy.receipt_resend),
            _ => direction_due(&alert),
        };
        self.deadlines
            .set(Due::ExpireAlert(id), open.then_some(alert.plan.expires_at));
        self.deadlines.set(Due::ReplaceAlert(id), replace);
        self.deadlines.set(Due::ResendMessage(id), resend);
        // A request that waits for its outcome is an open alert, which expires.
        let direction = alert.message.is_open() && alert.message.kind != MessageKind::Alert;
        let lapse = direction.then(|| self.message_expiry(&alert));
        self.deadlines.set(Due::LapseMessage(id), lapse);
        let silent_since = alert.attendance_at.filter(|_| alert.is_attended());
        // Nobody is heard of before their shift begins.
        let silent_since =
            silent_since.map(|since| since.max(self.shift_of(&alert).map_or(since, |shift| shift.ends_at)));
        let over = silent_since.map(|since| since + self.policy_of(alert.incident).attendance_max);
        self.deadlines.set(Due::PresumeOver(id), over);
        let setting_off = matches!(alert.attendance, Some(Attendance::Confirmed | Attendance::EnRoute))
            && !alert.stalled
            && !for_shift;
        let look = alert.attendance_at.filter(|_| setting_off);
        let look = look.map(|since| since + self.policy_of(alert.incident).stall_after);
        self.deadlines.set(Due::LookForMovement(id), look);
    }

    /// Derives the deadlines of one incident from its state; when to search again is set by the search itself.
    pub(super) fn reschedule_incident(&mut self, id: IncidentId) {
        let incident = self.incident(id);
        let searching = matches!(incident.state, IncidentState::Searching | IncidentState::Exhausted);
        let began = incident
            .search_began_at
            .filter(|_| searching && !incident.told_could_not_alert);
        let tell = began.filter(|&began| {
            let reached = self
                .state
                .alerts_of(incident)
                .any(|a| a.reached_at.is_some_and(|at| at >= began));
            !reached
        });
        let tell = tell.map(|began| began + self.policy_of(id).could_not_alert_after);
        self.deadlines.set(Due::TellCouldNotAlert(id), tell);
        if !searching {
            self.deadlines.set(Due::SearchAgain(id), None);
        }
        let incident = self.incident(id);
        let open = incident.state.is_open();
        let over = open.then(|| self.presumed_over_at(incident));
        self.deadlines.set(Due::PresumeIncidentOver(id), over);
    }

    /// When an incident that nobody ends must be over.
    fn presumed_over_at(&self, incident: &Incident) -> Timestamp {
        let policy = self.policy_of(incident.id);
        let over = incident.received_at + policy.incident_max;
        let call_out = self.call_out(incident.id);
        call_out.map_or(over, |call_out| over.max(call_out.ends_at() + policy.attendance_max))
    }

    /// Derives from the state when an incident is forgotten.
    pub(super) fn reschedule_forgetting(&mut self, id: IncidentId) {
        let settled = self.state.incident(id).and_then(|incident| incident.settled_at);
        let forget = settled.map(|at| at + SETTLED_KEPT);
        self.deadlines.set(Due::ForgetIncident(id), forget);
    }

    /// Somebody became available: incidents with too few people look again soon.
    pub(super) fn search_soon(&mut self) {
        let soon = self.now + SEARCH_SPACING;
        let later: Vec<IncidentId> = self
            .deadlines
            .searches()
            .filter(|&(_, at)| at > soon)
            .map(|(incident, _)| incident)
            .collect();
        for incident in later {
            self.deadlines.set(Due::SearchAgain(incident), Some(soon));
        }
    }

    pub(super) fn fall_due(&mut self, due: Due) {
        match due {
            Due::ResendMessage(alert) => self.resend_due(alert),
            Due::LapseMessage(alert) => self.lapse(alert),
            Due::LookForMovement(alert) => self.look_for_movement(alert),
            Due::PresumeOver(alert) => self.record(Record::AttendanceChanged {
                alert,
                attendance: Attendance::PresumedOver,
            }),
            Due::PresumeIncidentOver(incident) => self.presume_over(incident),
            Due::ForgetIncident(incident) => self.record(Record::IncidentForgotten { incident }),
            Due::ReplaceAlert(alert) => {
                self.record(Record::AlertLapsed { alert });
                self.search(self.alert(alert).incident);
            }
            Due::ExpireAlert(alert) => {
                let record = match self.alert(alert).reached_at {
                    Some(_) => Record::AlertExpired { alert },
                    None => Record::AlertUndeliverable { alert },
                };
                self.record(record);
                self.search(self.alert(alert).incident);
            }
            Due::TellCouldNotAlert(incident) => {
                // The table is set anew with each receipt, but a receipt may have come since.
                self.reschedule_incident(incident);
                if self
                    .deadlines
                    .get(Due::TellCouldNotAlert(incident))
                    .is_some_and(|at| at <= self.now)
                {
                    self.record(Record::CouldNotAlert { incident });
                    self.reschedule_incident(incident);
                }
            }
            Due::SearchAgain(incident) => {
                self.search(incident);
            }
        }
    }

    /// Somebody accepted a while ago. Whose phone is there and has told of no movement since is counted on no longer: a
    /// phone on the move reports, and one in a pocket on the sofa does not.
    fn look_for_movement(&mut self, id: AlertId) {
        let alert = *self.alert(id);
        let person = self.state.roster.person(alert.plan.responder);
        let accepted_at = alert.answered_at.unwrap_or(self.now);
        let known = person.is_some_and(|person| {
            let reported_since = person
                .fix
                .is_some_and(|fix| fix.taken_at > accepted_at && self.moved(id, fix.position));
            let reachable = person
                .alertable(self.purpose_of(alert.incident))
                .any(|(_, presence)| presence == Presence::Online);
            reachable && !reported_since
        });
        if known && self.set_off_from.contains_key(&id) {
            self.record(Record::AttendanceStalled { alert: id });
            self.search_if_short(alert.incident);
        }
    }

    /// Whether a person is no longer where they were when they accepted.
    fn moved(&self, id: AlertId, position: Position) -> bool {
        let from = self.set_off_from.get(&id);
        from.is_none_or(|from| from.distance_to(position) > MOVED)
    }

    fn resend_due(&mut self, id: AlertId) {
        let alert = *self.alert(id);
        let version = alert.message.version;
        let unheard = alert.message.kind != MessageKind::Alert
            && !alert.message.reported_unheard
            && self.now >= alert.message.planned_at + UNHEARD_AFTER;
        if unheard {
            self.record(Record::MessageUnheard { alert: id, version });
        }
        if alert.message.kind == MessageKind::Alert || alert.message.resends < DIRECTION_RESENDS_MAX {
            self.resend(id);
        }
    }

    /// Gives up a confirmation or stand-down that the phone never acknowledged. The control room has heard of it by then,
    /// or hears of it now, as after an outage longer than the message's life.
    fn lapse(&mut self, id: AlertId) {
        let message = self.alert(id).message;
        let version = message.version;
        if !message.reported_unheard {
            self.record(Record::MessageUnheard { alert: id, version });
        }
        self.record(Record::MessageLapsed { alert: id, version });
    }
}

/// When an unacknowledged confirmation or stand-down is next looked at.
fn direction_due(alert: &Alert) -> Option<Timestamp> {
    let message = alert.message;
    let unheard_at = message.planned_at + UNHEARD_AFTER;
    if message.resends < DIRECTION_RESENDS_MAX {
        return Some(message.sent_at + Duration::from_secs(2 << message.resends));
    }
    (!message.reported_unheard).then_some(unheard_at)
}
