//! Whether a person may be asked at all: yes, or a named no. What they are worth is another question.

use std::collections::BTreeMap;

use crate::{
    alert::{Alert, AlertState, Role},
    attendance::Attendance,
    call_out::CallOut,
    ids::ResponderId,
    incident::{Incident, Reported},
    policy::Policy,
    record::Verdict,
    responder::Skills,
    roster::{Person, Reach},
    scene::SceneRule,
    state::State,
    time::Timestamp,
};

/// What the answer depends on besides the person; the same for everybody considered for one incident.
pub struct Eligibility<'a> {
    state: &'a State,
    policy: &'a Policy,
    incident: &'a Incident,
    reported: &'a Reported,
    scene: SceneRule,
    asked: BTreeMap<ResponderId, Asked>,
    now: Timestamp,
}

/// What a person was asked about one incident before.
struct Asked {
    times: u32,
    /// Every request ended without a no: they were willing, or had no say.
    may_be_asked_again: bool,
}

impl<'a> Eligibility<'a> {
    /// Prepares for one incident; `region` is what is said of scenes where it is.
    pub fn new(
        state: &'a State,
        policy: &'a Policy,
        incident: &'a Incident,
        reported: &'a Reported,
        region: SceneRule,
        now: Timestamp,
    ) -> Self {
        Self {
            state,
            policy,
            incident,
            reported,
            scene: policy.scenes.rule(reported.kind.as_str(), &reported.scene, region),
            asked: attempts(state, incident),
            now,
        }
    }

    /// How often a person has been asked for this incident.
    pub fn times_asked(&self, responder: ResponderId) -> u32 {
        self.asked.get(&responder).map_or(0, |asked| asked.times)
    }

    /// Whether a person was asked for this incident and is not to be asked for it again.
    pub fn was_asked_enough(&self, responder: ResponderId) -> bool {
        let asked = self.asked.get(&responder);
        asked.is_some_and(|asked| !asked.may_be_asked_again)
    }

    /// Yes, or a named no. The order tells the reader the most lasting reason first.
    pub fn verdict(&self, person: &Person) -> Verdict {
        if let Some(no) = self.scene_no(person) {
            return no;
        }
        let profile = &person.profile;
        if profile.suspended {
            return Verdict::Suspended;
        }
        if self.now >= profile.credential_valid_until {
            return Verdict::CredentialExpired;
        }
        if !self.has_skill(&profile.skills) {
            return Verdict::LacksSkill;
        }
        let reach = person.reach(self.reported.purpose);
        if reach == Reach::NoDevice {
            return Verdict::NoDevice;
        }
        if !profile.on_duty {
            return Verdict::OffDuty;
        }
        if self.was_asked_enough(profile.responder) {
            return Verdict::AlreadyAsked;
        }
        if self.is_busy(profile.responder) {
            return Verdict::Busy;
        }
        if let Some(no) = self.rest_no(profile.responder) {
            return no;
        }
        if reach == Reach::Offline {
            return Verdict::PhoneOffline;
        }
        Verdict::Asked
    }

    /// The no that the scene calls for, also for people asked before it was known.
    pub fn scene_no(&self, person: &Person) -> Option<Verdict> {
        match self.scene {
            SceneRule::Everybody => None,
            SceneRule::VettedOnly => {
                let vetted = person.profile.skills.any_of(&self.policy.skills_vetted);
                (!vetted).then_some(Verdict::NotVetted)
            }
            SceneRule::Nobody => Some(Verdict::SceneExcluded),
        }
    }

    /// A skill that a call-out names stands in place of those that the policy asks for.
    fn has_skill(&self, skills: &Skills) -> bool {
        match self.reported.call_out.as_deref().and_then(CallOut::skill) {
            Some(skill) => skills.contains(skill),
            None => self.policy.skills_any.is_empty() || skills.any_of(&self.policy.skills_any),
        }
    }

    fn is_busy(&self, responder: ResponderId) -> bool {
        self.state
            .live_alerts(responder)
            .filter(|alert| alert.incident != self.incident.id && (alert.is_pending() || alert.is_attended()))
            .any(|alert| self.reported.call_out.is_some() || !self.can_leave(alert))
    }

    /// Whether somebody can go to a patient all the same: a call-out that they have not answered, or a shift that has not
    /// begun, keeps nobody from that.
    fn can_leave(&self, alert: &Alert) -> bool {
        if alert.plan.role != Role::Shift {
            return false;
        }
        let begins = || {
            let incident = self.state.incident(alert.incident)?;
            let call_out = incident.reported.as_ref()?.call_out.as_ref()?;
            Some(call_out.shift(alert.shift?)?.starts_at)
        };
        match alert.attendance {
            None => true,
            Some(Attendance::Confirmed) => begins().is_some_and(|begins| self.now < begins),
            Some(_) => false,
        }
    }

    fn rest_no(&self, responder: ResponderId) -> Option<Verdict> {
        let history = self.state.history(responder)?;
        let rest = &self.policy.rest;
        let helped = history
            .helped_until
            .filter(|&until| self.now < until + rest.after_attendance);
        // Whoever helped at this very incident is not tired of it: they turned back, or were called off.
        if helped.is_some() && self.times_asked(responder) == 0 {
            return Some(Verdict::Resting);
        }
        let recent = history.alerts_since(self.now - rest.alerts_within);
        (recent >= rest.alerts_max as usize).then_some(Verdict::Fatigued)
    }
}

fn attempts(state: &State, incident: &Incident) -> BTreeMap<ResponderId, Asked> {
    let mut asked = BTreeMap::new();
    for alert in state.alerts_of(incident) {
        let entry = asked.entry(alert.plan.responder).or_insert(Asked {
            times: 0,
            may_be_asked_again: true,
        });
        entry.times += 1;
        let willing_or_unasked = match alert.attendance {
            // They can take none of the shifts that want people still.
            Some(Attendance::NotNeeded) if alert.plan.role == Role::Shift && alert.state == AlertState::Accepted => {
                false
            }
            // Offered to go when it was not their turn, or when it was over for them, or were called back.
            Some(attendance) => matches!(
                attendance,
                Attendance::NotNeeded | Attendance::TooLate | Attendance::StoodDown
            ),
            None => matches!(alert.state, AlertState::Undeliverable | AlertState::Withdrawn(_)),
        };
        entry.may_be_asked_again &= willing_or_unasked;
    }
    asked
}
