//! Searching: planning waves, replacing people, and calling off those no longer needed.

use crate::{
    alert::StandDownReason,
    attendance::Attendance,
    choose::choose,
    coarse::CoarseCell,
    deadlines::Due,
    ids::{AlertId, IncidentId},
    incident::IncidentState,
    record::Record,
};

use super::Dispatcher;

impl Dispatcher {
    /// Asks as many people as are missing; returns how many were asked.
    ///
    /// At any time `alert_count` people are expected to answer or are going; each decline or silence is made up for by
    /// one other person, and once as many as wanted are going nobody else is asked.
    pub(super) fn search(&mut self, id: IncidentId) -> u32 {
        let incident = self.incident(id);
        let searchable = matches!(incident.state, IncidentState::Searching | IncidentState::Exhausted);
        let Some((reported, place)) = incident.reported.as_ref().and_then(|r| Some((r, r.place?))) else {
            return 0;
        };
        if !searchable {
            return 0;
        }
        let policy = self.policies.policy(&incident.key.tenant, &reported.kind);
        let missing = self.missing(id);
        let room = policy.alerts_max.saturating_sub(count(incident.alerts.len()));
        if missing.min(room) == 0 {
            self.deadlines.set(Due::SearchAgain(id), None);
            return 0;
        }
        let decision = choose(
            &self.state,
            policy,
            incident,
            reported,
            place,
            missing.min(room),
            self.now,
        );
        let asked: Vec<AlertId> = decision.alerts.iter().map(|plan| plan.alert).collect();
        let again = (asked.len() < missing as usize).then(|| self.now + policy.search_again_after);
        let nobody_left = asked.is_empty() && !self.anyone_pending(id);
        let was = incident.state;

        if !asked.is_empty() {
            self.record(Record::Decided(decision));
            if was == IncidentState::Exhausted {
                self.change_incident(id, IncidentState::Searching);
            }
        } else if nobody_left && was == IncidentState::Searching {
            // Why nobody could be asked is written down once, not at each look.
            self.record(Record::Decided(decision));
            self.change_incident(id, IncidentState::Exhausted);
        }
        for &alert in &asked {
            self.reschedule_alert(alert);
            self.publish(alert);
        }
        self.deadlines.set(Due::SearchAgain(id), again);
        self.reschedule_incident(id);
        count(asked.len())
    }

    /// How many more people should be asked now.
    fn missing(&self, id: IncidentId) -> u32 {
        let policy = self.policy_of(id);
        let covering = self.covering(id);
        if covering >= policy.wanted {
            return 0;
        }
        let pending = count(
            self.state
                .alerts_of(self.incident(id))
                .filter(|alert| alert.is_pending())
                .count(),
        );
        policy.alert_count.saturating_sub(covering + pending)
    }

    fn covering(&self, id: IncidentId) -> u32 {
        count(
            self.state
                .alerts_of(self.incident(id))
                .filter(|alert| alert.covers())
                .count(),
        )
    }

    fn anyone_pending(&self, id: IncidentId) -> bool {
        self.state.alerts_of(self.incident(id)).any(|alert| alert.is_pending())
    }

    /// Whether one more person is wanted on the way.
    pub(super) fn wants_another(&self, id: IncidentId) -> bool {
        self.incident(id).state.is_active() && self.covering(id) < self.policy_of(id).wanted
    }

    /// After somebody was confirmed: if that is enough, calls off everyone who has not answered.
    pub(super) fn cover_if_enough(&mut self, id: IncidentId) {
        if self.covering(id) < self.policy_of(id).wanted {
            return;
        }
        if self.incident(id).state == IncidentState::Exhausted {
            self.change_incident(id, IncidentState::Searching);
        }
        self.change_incident(id, IncidentState::Covered);
        self.withdraw_open(id, StandDownReason::Enough);
        self.deadlines.set(Due::SearchAgain(id), None);
    }

    /// After somebody on the way was lost: searches again if too few are left.
    pub(super) fn search_if_short(&mut self, id: IncidentId) {
        let incident = self.incident(id);
        if incident.state == IncidentState::Covered && self.wants_another(id) {
            self.change_incident(id, IncidentState::Searching);
        }
        self.search(id);
    }

    /// Withdraws every unanswered alert; returns how many.
    pub(super) fn withdraw_open(&mut self, id: IncidentId, reason: StandDownReason) -> u32 {
        let open: Vec<AlertId> = self
            .state
            .alerts_of(self.incident(id))
            .filter(|a| a.state.is_open())
            .map(|a| a.plan.alert)
            .collect();
        for &alert in &open {
            self.withdraw(alert, reason);
        }
        count(open.len())
    }

    /// Withdraws one unanswered alert and tells the phone.
    pub(super) fn withdraw(&mut self, alert: AlertId, reason: StandDownReason) {
        let version = self.next_version(self.alert(alert));
        self.record(Record::AlertWithdrawn { alert, reason, version });
        self.publish(alert);
    }

    /// Calls off one person on the way, unless they are with the patient; returns whether they were.
    pub(super) fn stand_down(&mut self, alert: AlertId, reason: StandDownReason) -> bool {
        let known = self.alert(alert);
        let may = known
            .attendance
            .is_some_and(|attendance| attendance.may_become(Attendance::StoodDown));
        if may {
            let version = self.next_version(known);
            self.record(Record::AttendanceStoodDown { alert, reason, version });
            self.publish(alert);
        }
        may
    }

    /// The place was corrected: those still near are told anew, the others called off.
    pub(super) fn relocate(&mut self, id: IncidentId) {
        let Some(place) = self.incident(id).reported.as_ref().and_then(|reported| reported.place) else {
            return;
        };
        let radius = self.policy_of(id).radius;
        let cell = CoarseCell::around(place.position);
        let concerned: Vec<AlertId> = self
            .state
            .alerts_of(self.incident(id))
            .filter(|alert| alert.state.is_open() || alert.is_attended())
            .map(|alert| alert.plan.alert)
            .collect();
        for alert in concerned {
            let known = *self.alert(alert);
            let fix = self
                .state
                .roster
                .person(known.plan.responder)
                .and_then(|person| person.fix);
            // Somebody whose whereabouts are not known after a restart is kept: they know best whether they can go.
            let near = fix.is_none_or(|fix| fix.position.distance_to(place.position) <= radius);
            if near || known.attendance.is_some_and(Attendance::is_with_patient) {
                let band = fix.map_or(known.plan.band, |fix| cell.band_from(fix.position));
                let version = self.next_version(&known);
                self.record(Record::AlertRelocated {
                    alert,
                    cell,
                    band,
                    version,
                });
                self.publish(alert);
            } else if known.state.is_open() {
                self.withdraw(alert, StandDownReason::Relocated);
            } else {
                self.stand_down(alert, StandDownReason::Relocated);
            }
        }
        self.search_if_short(id);
    }

    pub(super) fn change_incident(&mut self, id: IncidentId, state: IncidentState) {
        self.record(Record::IncidentStateChanged { incident: id, state });
        self.reschedule_incident(id);
    }
}

/// Counts here are bounded by `alerts_max`, far below the range of the type.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
