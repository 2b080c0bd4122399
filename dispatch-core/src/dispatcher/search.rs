//! Searching: planning waves, replacing people, and calling off those no longer needed.

use crate::{
    alert::{Alert, AlertState, Role, StandDownReason},
    attendance::Attendance,
    call_out::{ShiftChoice, ShiftNumber},
    choose::Chooser,
    coarse::CoarseCell,
    deadlines::Due,
    ids::{AedId, AlertId, IncidentId},
    incident::{Incident, IncidentState},
    policy::{Policy, Ranking},
    record::{Decision, Record},
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
        let Some(reported) = incident.reported.as_ref().filter(|reported| reported.place.is_some()) else {
            return 0;
        };
        if !searchable {
            return 0;
        }
        let policy = self.policy_for(incident, reported);
        let search_again_after = policy.search_again_after;
        let alerts_max = match &reported.call_out {
            Some(_) => policy.call_out.alerts_max,
            None => policy.alerts_max,
        };
        if let Some(later) = self.next_wave_of_call_out(incident) {
            self.deadlines.set(Due::SearchAgain(id), Some(later));
            return 0;
        }
        let missing = self.missing(id);
        let room = alerts_max.saturating_sub(count(incident.alerts.len()));
        if missing.min(room) == 0 {
            self.deadlines.set(Due::SearchAgain(id), None);
            return 0;
        }
        let was = incident.state;
        let mut streets = self.streets.take();
        let chooser = self.chooser(self.incident(id));
        let chooser = chooser.expect("searchable incidents have a place");
        let decision = chooser.choose(streets.as_mut(), missing.min(room));
        self.streets = streets;
        let asked: Vec<AlertId> = decision.alerts.iter().map(|plan| plan.alert).collect();
        let again = (asked.len() < missing as usize).then(|| self.now + search_again_after);
        let nobody_left = asked.is_empty() && !self.anyone_pending(id);

        if !asked.is_empty() {
            self.record_decision(id, decision);
            if was == IncidentState::Exhausted {
                self.change_incident(id, IncidentState::Searching);
            }
        } else if nobody_left && was == IncidentState::Searching {
            // Why nobody could be asked is written down once, not at each look.
            self.record_decision(id, decision);
            let next = if self.is_covered_by_few(id) {
                IncidentState::Covered
            } else {
                IncidentState::Exhausted
            };
            self.change_incident(id, next);
        }
        for &alert in &asked {
            self.reschedule_alert(alert);
            self.publish(alert);
        }
        self.deadlines.set(Due::SearchAgain(id), again);
        self.reschedule_incident(id);
        count(asked.len())
    }

    /// Who would choose for an incident; `None` while it has no place.
    fn chooser<'a>(&'a self, incident: &'a Incident) -> Option<Chooser<'a>> {
        let reported = incident.reported.as_ref()?;
        let policy = self.policy_for(incident, reported);
        Some(Chooser {
            state: &self.state,
            policy,
            policy_number: self
                .state
                .policy_number(policy)
                .unwrap_or_else(|| self.state.policies_adopted() + 1),
            incident,
            reported,
            place: reported.place?,
            region: self.region_rule(incident, reported),
            now: self.now,
        })
    }

    /// Writes a decision down, and its policy before it when that is used for the first time.
    fn record_decision(&mut self, id: IncidentId, decision: Decision) {
        let policy = self.policy_of(id);
        if self.state.policy_number(policy).is_none() {
            let policy = Box::new(policy.clone());
            self.record(Record::PolicyAdopted(policy));
        }
        self.record(Record::Decided(decision));
    }

    /// How many more people should be asked now.
    fn missing(&self, id: IncidentId) -> u32 {
        let policy = self.policy_of(id);
        if let Some(call_out) = self.call_out(id) {
            let asked = self.open_places(id, call_out) * policy.call_out.asked_per_place;
            return asked.saturating_sub(self.pending(id));
        }
        let covering = self.covering(id);
        if covering >= policy.wanted {
            return 0;
        }
        let asked = self.state.alerts_of(self.incident(id));
        let in_place = asked.filter(|alert| holds_a_place(policy, alert));
        policy.alert_count.saturating_sub(count(in_place.count()))
    }

    fn covering(&self, id: IncidentId) -> u32 {
        count(
            self.state
                .alerts_of(self.incident(id))
                .filter(|alert| alert.covers())
                .count(),
        )
    }

    fn pending(&self, id: IncidentId) -> u32 {
        let asked = self.state.alerts_of(self.incident(id));
        count(asked.filter(|alert| alert.is_pending()).count())
    }

    fn anyone_pending(&self, id: IncidentId) -> bool {
        self.state.alerts_of(self.incident(id)).any(|alert| alert.is_pending())
    }

    /// Whether as many as wanted are going.
    fn has_enough(&self, id: IncidentId) -> bool {
        match self.call_out(id) {
            Some(call_out) => self.open_places(id, call_out) == 0,
            None => self.covering(id) >= self.policy_of(id).wanted,
        }
    }

    /// Whether one more person is wanted on the way.
    pub(super) fn wants_another(&self, id: IncidentId) -> bool {
        self.incident(id).state.is_active() && !self.has_enough(id)
    }

    /// Whether somebody who accepts now is to go, and for which shift; and, if they take another's place, whose.
    pub(super) fn welcome(&self, alert: &Alert, shifts: ShiftChoice) -> Welcome {
        let incident = self.incident(alert.incident);
        if !incident.state.is_active() {
            return Welcome::NotNeeded;
        }
        if let Some(call_out) = self.call_out(alert.incident) {
            let shift = self.open_shifts(alert.incident, call_out);
            let mut named = shift.filter(|shift| shifts.contains(shift.number));
            return named
                .next()
                .map_or(Welcome::NotNeeded, |shift| Welcome::Takes(shift.number));
        }
        let policy = self.policy_of(alert.incident);
        let covering = self.covering(alert.incident);
        if covering >= policy.wanted {
            return match self.replaced_by(alert) {
                Some(slower) => Welcome::InPlaceOf(slower),
                None => Welcome::NotNeeded,
            };
        }
        let judged = policy.ranking == Ranking::Survival && covering >= policy.going_min;
        if judged && !self.not_worth_going(alert.incident, &[*alert]).is_empty() {
            return Welcome::NotNeeded;
        }
        Welcome::Goes
    }

    /// Those of these people, asked for one incident and not answering yet, who add too little to survival for them to go
    /// when enough others are going.
    fn not_worth_going(&self, id: IncidentId, asked: &[Alert]) -> Vec<AlertId> {
        let Some(chooser) = self.chooser(self.incident(id)) else {
            return Vec::new();
        };
        let price = f64::from(self.policy_of(id).joint.going_price_ppm);
        let going = chooser.going();
        let too_little = asked.iter().filter(|alert| going.worth(alert) * 1e6 < price);
        too_little.map(|alert| alert.plan.alert).collect()
    }

    /// Whose place an accepter takes: somebody with the same task who would come clearly later and has not moved yet.
    fn replaced_by(&self, alert: &Alert) -> Option<AlertId> {
        if alert.plan.role == Role::Shift {
            return None;
        }
        let by = self.policy_of(alert.incident).improve_by?;
        let left = |alert: &Alert| {
            alert
                .plan
                .arrival
                .median
                .saturating_sub(self.now.since(alert.planned_at))
        };
        let others = self.state.alerts_of(self.incident(alert.incident));
        let slower = others
            .filter(|other| other.attendance == Some(Attendance::Confirmed))
            .filter(|other| other.plan.role.aed().is_some() == alert.plan.role.aed().is_some())
            .filter(|other| left(other) >= left(alert) + by);
        slower
            .max_by_key(|other| (left(other), other.plan.alert))
            .map(|other| other.plan.alert)
    }

    /// Whether those going are enough when nobody else is worth an alert.
    fn is_covered_by_few(&self, id: IncidentId) -> bool {
        let policy = self.policy_of(id);
        let judged = policy.ranking == Ranking::Survival && self.call_out(id).is_none();
        judged && self.covering(id) >= policy.going_min.max(1)
    }

    /// After somebody was told that they are not needed: the last one asked was not worth more.
    pub(super) fn cover_if_nobody_left(&mut self, id: IncidentId) {
        let searching = self.incident(id).state == IncidentState::Searching;
        if searching && !self.anyone_pending(id) && self.is_covered_by_few(id) {
            self.change_incident(id, IncidentState::Covered);
            self.deadlines.set(Due::SearchAgain(id), None);
        }
    }

    /// After somebody was confirmed: calls off those who have not answered and are no longer worth it.
    pub(super) fn withdraw_not_worth(&mut self, id: IncidentId) {
        let policy = self.policy_of(id);
        let judged = policy.ranking == Ranking::Survival && self.call_out(id).is_none();
        if !judged || self.covering(id) < policy.going_min {
            return;
        }
        let open = self
            .state
            .alerts_of(self.incident(id))
            .filter(|alert| alert.state.is_open());
        let open: Vec<Alert> = open.copied().collect();
        for alert in self.not_worth_going(id, &open) {
            self.withdraw(alert, StandDownReason::Enough);
        }
    }

    /// After somebody was confirmed: if that is enough, calls off everyone who has not answered, but for those who would
    /// be clearly sooner than one who has not moved yet.
    pub(super) fn cover_if_enough(&mut self, id: IncidentId) {
        if !self.has_enough(id) {
            return self.withdraw_not_worth(id);
        }
        if self.incident(id).state == IncidentState::Exhausted {
            self.change_incident(id, IncidentState::Searching);
        }
        if self.incident(id).state == IncidentState::Searching {
            self.change_incident(id, IncidentState::Covered);
        }
        let open = self
            .state
            .alerts_of(self.incident(id))
            .filter(|alert| alert.state.is_open());
        let open: Vec<Alert> = open.copied().collect();
        for alert in open {
            if self.replaced_by(&alert).is_none() {
                self.withdraw(alert.plan.alert, StandDownReason::Enough);
            }
        }
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

    /// The place was corrected: those still near are told anew, the others called off. Of a call-out everybody is told:
    /// they come from all over, and the shifts may have changed as well.
    pub(super) fn relocate(&mut self, id: IncidentId) {
        let Some(place) = self.incident(id).reported.as_ref().and_then(|reported| reported.place) else {
            return;
        };
        self.release_from_dropped_shifts(id);
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
            let near = fix.is_none_or(|fix| fix.position.distance_to(place.position) <= radius)
                || known.plan.role == Role::Shift;
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
        // A revision that wants fewer people may have enough of them.
        if self.call_out(id).is_some() {
            self.cover_if_enough(id);
        }
    }

    /// A defibrillator cannot be fetched any more: whoever was to is told to go straight to the patient, and somebody else
    /// may be asked to fetch another.
    pub(super) fn give_up_aed(&mut self, aed: AedId) {
        let alerts = self.state.fetching(aed);
        for alert in alerts {
            let known = *self.alert(alert);
            if known.attendance.is_some_and(Attendance::is_with_patient) {
                continue;
            }
            self.go_straight(alert);
            self.search_if_short(known.incident);
        }
    }

    /// Tells somebody who was to fetch a defibrillator to go straight to the patient.
    pub(super) fn go_straight(&mut self, alert: AlertId) {
        let version = self.next_version(self.alert(alert));
        self.record(Record::AlertReassigned {
            alert,
            role: Role::Direct,
            version,
        });
        self.publish(alert);
    }

    /// The scene turned out not to be for everybody: whoever may not go there is called off, but for those with the patient.
    pub(super) fn clear_scene(&mut self, id: IncidentId) {
        let incident = self.incident(id);
        let Some(chooser) = self.chooser(incident) else {
            return;
        };
        let eligibility = chooser.eligibility();
        let asked = self.state.alerts_of(incident);
        let barred = asked
            .filter(|alert| alert.state.is_open() || alert.is_attended())
            .filter(|alert| {
                let person = self.state.roster.person(alert.plan.responder);
                person.is_some_and(|person| eligibility.scene_no(person).is_some())
            });
        let barred: Vec<(AlertId, bool)> = barred.map(|alert| (alert.plan.alert, alert.state.is_open())).collect();
        for (alert, open) in barred {
            if open {
                self.withdraw(alert, StandDownReason::SceneExcluded);
            } else {
                self.stand_down(alert, StandDownReason::SceneExcluded);
            }
        }
    }

    pub(super) fn change_incident(&mut self, id: IncidentId, state: IncidentState) {
        self.record(Record::IncidentStateChanged { incident: id, state });
        self.reschedule_incident(id);
    }
}

/// What becomes of somebody who accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Welcome {
    /// They go.
    Goes,
    /// They take this shift.
    Takes(ShiftNumber),
    /// They go, and this one need not.
    InPlaceOf(AlertId),
    /// Enough are going.
    NotNeeded,
}

/// Whether an alert still takes up one of the places of those asked at a time: the person may answer, is going or there,
/// or said no and is not made up for.
fn holds_a_place(policy: &Policy, alert: &Alert) -> bool {
    if alert.is_pending() || alert.covers() {
        return true;
    }
    let silent = alert.attendance.is_none()
        && (alert.lapsed || matches!(alert.state, AlertState::Expired | AlertState::Undeliverable));
    match alert.state {
        AlertState::Declined(_) => !policy.replace_declined,
        AlertState::Withdrawn(_) => false,
        _ => silent && !policy.replace_silent,
    }
}

/// Counts here are bounded by `alerts_max`, far below the range of the type.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
