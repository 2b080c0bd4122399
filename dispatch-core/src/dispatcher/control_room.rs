//! What control rooms say: reports, endings, the register; and the start of the service.

use crate::{
    aeds::{Aed, AedState},
    alert::StandDownReason,
    attendance::Attendance,
    cad_clock::Lateness,
    command::{Answer, Command, EndAnswer, ReportAnswer, Warning},
    deadlines::Due,
    ids::{AlertId, DeviceId, IncidentId, TenantId},
    incident::{EndCause, IncidentState},
    input::{Ending, Report, RequestId, RequestToken},
    record::{IncidentReported, Record},
    responder::ResponderProfile,
    scene::SceneRule,
    state::Standing,
};

use super::{Dispatcher, messages};

impl Dispatcher {
    pub(super) fn report(&mut self, token: RequestToken, report: Report) {
        if let Some(answer) = self.answered_before(&report.key.tenant, &report.request) {
            return self.answer(token, answer);
        }
        let id = report.key.id();
        let known = self.state.incident(id).and_then(|incident| incident.reported.as_ref());
        let was = known.map(|reported| (reported.purpose, reported.call_out.is_some()));
        match was {
            Some((was, _)) if was != report.purpose => return self.answer(token, Answer::PurposeChanged { was }),
            Some((_, was)) if was != report.call_out.is_some() => {
                return self.answer(token, Answer::CallOutChanged { was });
            }
            _ => {}
        }
        let mut warnings = Vec::new();
        let unused = match self.state.standing(id) {
            Some(known) if !known.state.is_open() => Some(Warning::IncidentEnded),
            Some(known) if report.revision <= known.revision => Some(Warning::StaleRevision),
            _ => None,
        };
        let mut sequence = self.state.sequence();
        let mut alerts_planned = 0;
        match unused {
            Some(warning) => warnings.push(warning),
            None => {
                sequence += 1;
                alerts_planned = self.take_in(id, &report, &mut warnings);
            }
        }
        let standing = self.standing(id);
        let answer = ReportAnswer {
            incident: id,
            revision: standing.revision,
            duplicate: false,
            state: standing.state,
            alerts_planned,
            warnings,
            sequence,
        };
        self.answer_for_good(token, report.key.tenant, report.request, Answer::Reported(answer));
    }

    /// Takes in a report that is news; returns how many people were asked because of it.
    fn take_in(&mut self, id: IncidentId, report: &Report, warnings: &mut Vec<Warning>) -> u32 {
        let before = self.state.incident(id);
        let was_active = before.is_some_and(|incident| incident.state.is_active());
        let old_place = before
            .and_then(|incident| incident.reported.as_ref())
            .and_then(|reported| reported.place);
        let shifts_before = before.and_then(|incident| incident.reported.as_ref()?.call_out.clone());
        let asked_before = before.map_or(0, |incident| incident.alerts.len());
        // An incident that people are going to has a place; a revision that leaves it out has not unlearned it.
        let place = report.place.or(old_place.filter(|_| was_active));
        let late = !was_active && self.is_late(report, warnings);
        if place.is_none() {
            warnings.push(Warning::NoLocation);
        }
        self.record(Record::IncidentReported(IncidentReported {
            incident: id,
            key: report.key.clone(),
            revision: report.revision,
            kind: report.kind.clone(),
            purpose: report.purpose,
            place,
            sent_at: report.sent_at,
            call_connected_at: report.call_connected_at,
            scene: report.scene.clone(),
            ambulance_at: report.ambulance_at,
            call_out: report.call_out.clone(),
            alerting: was_active || (!late && place.is_some()),
        }));
        self.reschedule_incident(id);
        self.warn_of_scene(id, warnings);
        self.clear_scene(id);
        if was_active && (place != old_place || report.call_out != shifts_before) {
            self.relocate(id);
        } else {
            self.search_if_short(id);
        }
        let incident = self.incident(id);
        if incident.state == IncidentState::Exhausted {
            warnings.push(Warning::NobodyToAsk);
        }
        u32::try_from(incident.alerts.len() - asked_before).unwrap_or(u32::MAX)
    }

    fn warn_of_scene(&self, id: IncidentId, warnings: &mut Vec<Warning>) {
        let incident = self.incident(id);
        let reported = incident.reported.as_ref().expect("just reported");
        let scenes = &self.policy_for(incident, reported).scenes;
        let region = self.region_rule(incident, reported);
        if !scenes.unknown_words(&reported.scene).is_empty() {
            warnings.push(Warning::SceneNotUnderstood);
        }
        match scenes.rule(reported.kind.as_str(), &reported.scene, region) {
            SceneRule::Everybody => {}
            SceneRule::VettedOnly => warnings.push(Warning::SceneForVettedOnly),
            SceneRule::Nobody => warnings.push(Warning::SceneExcluded),
        }
    }

    fn is_late(&self, report: &Report, warnings: &mut Vec<Warning>) -> bool {
        let place = report.place.map(|place| place.position);
        let late_after = self.policies.policy(&report.key.tenant, &report.kind, place).late_after;
        let clock = self.state.cad_clock(&report.key.tenant, &report.key.cad_system);
        match clock.judge(report.sent_at, self.now, late_after) {
            Lateness::InTime => false,
            Lateness::Perhaps { age_ms } => {
                warnings.push(Warning::PerhapsLate { age_ms });
                false
            }
            Lateness::Late { .. } if report.alert_although_late => false,
            Lateness::Late { age_ms } => {
                warnings.push(Warning::LateNotAlerted { age_ms });
                true
            }
        }
    }

    pub(super) fn end(&mut self, token: RequestToken, ending: Ending) {
        if let Some(answer) = self.answered_before(&ending.key.tenant, &ending.request) {
            return self.answer(token, answer);
        }
        let id = ending.key.id();
        let unused = self.state.standing(id).and_then(|known| {
            if !known.state.is_open() && !known.state.may_become(ending.cause.state()) {
                Some(Warning::IncidentEnded)
            } else if ending.revision <= known.revision {
                Some(Warning::StaleRevision)
            } else {
                None
            }
        });
        let mut sequence = self.state.sequence();
        let (mut withdrawn, mut stood_down) = (0, 0);
        if unused.is_none() {
            sequence += 1;
            (withdrawn, stood_down) = self.call_everybody_off(id, &ending);
        }
        let standing = self.standing(id);
        let with_patient = self
            .state
            .incident(id)
            .into_iter()
            .flat_map(|incident| self.state.alerts_of(incident))
            .filter(|alert| alert.attendance.is_some_and(Attendance::is_with_patient));
        let answer = EndAnswer {
            incident: id,
            revision: standing.revision,
            duplicate: false,
            state: standing.state,
            alerts_withdrawn: withdrawn,
            attendances_stood_down: stood_down,
            with_patient: u32::try_from(with_patient.count()).unwrap_or(u32::MAX),
            warnings: unused.into_iter().collect(),
            sequence,
        };
        self.answer_for_good(token, ending.key.tenant, ending.request, Answer::Ended(answer));
    }

    fn call_everybody_off(&mut self, id: IncidentId, ending: &Ending) -> (u32, u32) {
        let Ending {
            key,
            revision,
            sent_at,
            cause,
            ..
        } = ending;
        let (cause, reason): (EndCause, StandDownReason) = (*cause, cause.reason());
        self.record(Record::IncidentEnded {
            incident: id,
            key: key.clone(),
            revision: *revision,
            sent_at: *sent_at,
            cause,
        });
        let known = self
            .state
            .incident(id)
            .is_some_and(|incident| incident.reported.is_some());
        if !known {
            return (0, 0);
        }
        self.reschedule_incident(id);
        self.release_everybody(id, reason)
    }

    /// The control room never said that an incident is over, and by now it must be: nobody is asked for it any more.
    pub(super) fn presume_over(&mut self, id: IncidentId) {
        self.change_incident(id, IncidentState::StoodDown);
        self.release_everybody(id, StandDownReason::Closed);
    }

    /// Withdraws every unanswered alert and calls off whoever is on the way; returns how many of each.
    fn release_everybody(&mut self, id: IncidentId, reason: StandDownReason) -> (u32, u32) {
        let withdrawn = self.withdraw_open(id, reason);
        let attended: Vec<AlertId> = self
            .state
            .alerts_of(self.incident(id))
            .filter(|a| a.is_attended())
            .map(|a| a.plan.alert)
            .collect();
        let stood_down = attended
            .into_iter()
            .filter(|&alert| self.stand_down(alert, reason))
            .count();
        (withdrawn, u32::try_from(stood_down).unwrap_or(u32::MAX))
    }

    pub(super) fn put_responder(&mut self, profile: ResponderProfile) {
        let responder = profile.responder;
        let suspended = profile.suspended;
        let available = profile.on_duty && !suspended;
        self.record(Record::ResponderPut(profile));
        if suspended {
            let live: Vec<(AlertId, IncidentId, bool)> = self
                .state
                .live_alerts(responder)
                .filter(|alert| alert.state.is_open() || alert.is_attended())
                .map(|alert| (alert.plan.alert, alert.incident, alert.state.is_open()))
                .collect();
            for (alert, incident, open) in live {
                if open {
                    self.withdraw(alert, StandDownReason::Suspended);
                } else {
                    self.stand_down(alert, StandDownReason::Suspended);
                }
                self.search_if_short(incident);
            }
        }
        if available {
            self.search_soon();
        }
    }

    pub(super) fn put_aed(&mut self, aed: Aed) {
        let (id, usable) = (aed.aed, aed.state == AedState::Available);
        self.record(Record::AedPut(aed));
        if !usable {
            self.give_up_aed(id);
        }
    }

    pub(super) fn revoke_device(&mut self, device: DeviceId) {
        self.record(Record::DeviceRevoked(device));
        self.follow_up.push(Command::CloseSession { device });
    }

    /// The journal has been replayed: open waits begin anew, what no phone has acknowledged and is still true is sent
    /// again, the most urgent first, and
    /// incidents with too few people look again once phones have had a moment to say where they are.
    pub(super) fn started(&mut self) {
        // A service restored from an older backup does not know how often it has started since; by the clock its number
        // is higher all the same, unless it started oftener than once a second.
        let seconds = u64::try_from(self.now.unix_ms() / 1000).unwrap_or(0);
        let epoch = seconds.max(self.state.epoch().saturating_add(1));
        self.record(Record::Started { epoch });
        let mut unheard = Vec::new();
        let incidents: Vec<IncidentId> = self.state.incidents().map(|incident| incident.id).collect();
        for &id in &incidents {
            let alerts: Vec<AlertId> = self.incident(id).alerts.clone();
            for alert in alerts {
                self.reschedule_alert(alert);
                let message = self.alert(alert).message;
                if message.is_open() && !message.reported_unheard {
                    unheard.push(*self.alert(alert));
                }
            }
            if matches!(
                self.incident(id).state,
                IncidentState::Searching | IncidentState::Exhausted
            ) {
                let again = self.now + self.policy_of(id).search_again_after;
                self.deadlines.set(Due::SearchAgain(id), Some(again));
            }
            self.reschedule_incident(id);
            self.reschedule_forgetting(id);
        }
        for alert in messages::most_urgent_first(unheard) {
            self.publish(alert);
        }
    }

    /// How an incident stands that something has just been recorded about.
    fn standing(&self, id: IncidentId) -> Standing {
        self.state
            .standing(id)
            .expect("heard of, or the request was unused for what is known")
    }

    fn answered_before(&self, tenant: &TenantId, request: &RequestId) -> Option<Answer> {
        let (fingerprint, answer) = self.state.answer(tenant, &request.id)?;
        if *fingerprint != request.fingerprint {
            return Some(Answer::RequestIdReused { id: request.id.clone() });
        }
        let mut answer = answer.clone();
        match &mut answer {
            Answer::Reported(reported) => reported.duplicate = true,
            Answer::Ended(ended) => ended.duplicate = true,
            Answer::RequestIdReused { .. } | Answer::PurposeChanged { .. } | Answer::CallOutChanged { .. } => {}
        }
        Some(answer)
    }

    fn answer(&mut self, token: RequestToken, answer: Answer) {
        self.follow_up.push(Command::Answer { token, answer });
    }

    /// Answers and writes the answer down, for retries. What the request caused to be sent leaves before it.
    fn answer_for_good(&mut self, token: RequestToken, tenant: TenantId, request: RequestId, answer: Answer) {
        self.record(Record::RequestAnswered {
            tenant,
            request,
            answer: answer.clone(),
        });
        self.answer(token, answer);
    }
}
