//! Choosing: who is within reach, who of them may be asked, what each of them would be worth, and the reason for each yes
//! or no.
//!
//! ```text
//! near ─> eligibility (yes, or a named no) ─> worked out: ways, chances, defibrillators ─> decide ─> who does what
//!         └──────────────── looks at the state ──────────────────────────────────────┘   looks at the record alone
//! ```

pub mod arrival;
mod call_out;
mod decide;
mod eligibility;
mod redecide;
mod stakes;
mod ways;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    aeds::{Access, Aed, AedSearch, AedState, Openness},
    alert::{Alert, PlannedAlert},
    attendance::Attendance,
    coarse::CoarseCell,
    ids::AlertId,
    incident::{Incident, Reported},
    input::Place,
    policy::Policy,
    record::{Candidate, Decision, InPlay, PolicyRef},
    roster::NearPerson,
    scene::SceneRule,
    state::{History, State},
    time::Timestamp,
};
use arrival::Arrival;
use stakes::Stakes;
use ways::{Errand, OpenAed};

pub use decide::{Added, Chosen, Weighing, Worth, decide, weigh};
pub use eligibility::Eligibility;
pub use redecide::{Difference, Redecided, Task, redecide};
pub use ways::Streets;

/// Considers people for one incident. Changes nothing.
pub struct Chooser<'a> {
    /// What is known.
    pub state: &'a State,
    /// The rules.
    pub policy: &'a Policy,
    /// The number of the policy in the journal.
    pub policy_number: u32,
    /// For which incident.
    pub incident: &'a Incident,
    /// As last reported.
    pub reported: &'a Reported,
    /// Where.
    pub place: Place,
    /// What is said of scenes there.
    pub region: SceneRule,
    /// When.
    pub now: Timestamp,
}

impl Chooser<'_> {
    /// Considers everyone within the policy's reach and chooses up to `sought` of them.
    pub fn choose(&self, streets: Option<&mut Streets>, sought: u32) -> Decision {
        if let Some(call_out) = &self.reported.call_out {
            return self.choose_for_shifts(call_out, sought);
        }
        let eligibility = self.eligibility();
        let candidates_max = self.policy.candidates_max as usize;
        let tenant = &self.incident.key.tenant;
        let near = self
            .state
            .roster
            .near(self.place.position, self.policy.radius, candidates_max, tenant);
        let digest = streets.as_ref().map(|streets| streets.digest());
        let minute = self.policy.minute_of_day(self.place.position, self.now);
        let candidate = |near| self.candidate(&eligibility, near, minute);
        let mut decision = self.empty(sought);
        decision.roads = digest;
        decision.in_play = self.in_play();
        decision.candidates = near.iter().map(candidate).collect();
        decide::rule_out_the_far(self.policy, &mut decision);
        let errand = Errand {
            place: self.place.position,
            radius: self.policy.radius,
            // What it takes to know this only pays where streets are searched.
            longest: streets
                .as_ref()
                .and_then(|_| decide::longest_useful_way(self.policy, &decision)),
            detour_permille: self.policy.detour_permille,
            near: &near,
            aeds: &self.open_aeds(),
        };
        errand.measure(streets, &mut decision.candidates);
        let chosen = decide(self.policy, &mut decision);
        decision.alerts = self.plan(&eligibility, &decision, &chosen);
        decision
    }

    /// Weighs those who were asked and have not answered, given who is going. Who has not answered may not come; only who is
    /// going counts beside somebody who offers to.
    pub fn going(&self) -> Going<'_> {
        let going = self.state.alerts_of(self.incident);
        let going = going.filter(|alert| alert.attendance.is_some());
        let mut decision = self.empty(0);
        decision.in_play = going
            .filter_map(|alert| in_play(self.policy, alert, self.now))
            .collect();
        Going {
            policy: self.policy,
            stakes: decide::stakes(self.policy, &decision),
            now: self.now,
        }
    }

    /// What decides whether people may be asked at all.
    pub fn eligibility(&self) -> Eligibility<'_> {
        Eligibility::new(
            self.state,
            self.policy,
            self.incident,
            self.reported,
            self.region,
            self.now,
        )
    }

    /// A decision in which nobody has been considered yet.
    fn empty(&self, sought: u32) -> Decision {
        let policy = PolicyRef {
            name: self.policy.name.clone(),
            version: self.policy.version,
            number: self.policy_number,
        };
        Decision {
            revision: self.incident.revision,
            wave: self.incident.waves + 1,
            sought,
            asked_before: u32::try_from(self.incident.alerts.len()).unwrap_or(u32::MAX),
            since_report: self.now.since(self.incident.received_at),
            ambulance_at: self.reported.ambulance_at,
            ..Decision::new(self.incident.id, self.place, policy, self.now)
        }
    }

    /// The defibrillators that may be fetched: in service, not shut, and taken by nobody.
    fn open_aeds(&self) -> Vec<OpenAed> {
        let aeds = &self.policy.aeds;
        let search = AedSearch {
            tenant: &self.incident.key.tenant,
            place: self.place.position,
            radius: self.policy.radius,
            limit: aeds.considered_max as usize,
        };
        let chance = |aed: &Aed| match aed.openness(self.now) {
            Openness::Closed => None,
            Openness::Open => Some(aeds.there_permille),
            Openness::Unknown => Some(aeds.there_permille * aeds.open_unknown_permille / 1_000),
        };
        // Opening hours are read once for each.
        let mut chances = BTreeMap::new();
        let may_be_fetched = |aed: &Aed| {
            let is_there = aed.state == AedState::Available
                && aed.access != Access::Private
                && !self.state.is_aed_taken(aed.aed, self.now);
            let chance = if is_there { chance(aed) } else { None };
            chances.extend(chance.map(|chance| (aed.aed, chance)));
            chance.is_some()
        };
        let near = self.state.aeds().near_where(search, may_be_fetched);
        near.iter()
            .map(|near| OpenAed {
                aed: near.aed.aed,
                position: near.aed.position,
                chance_permille: u16::try_from(chances[&near.aed.aed]).unwrap_or(1_000),
            })
            .collect()
    }

    /// Somebody near, as far as is known without their ways; `minute` is that of the day.
    #[inline]
    fn candidate(&self, eligibility: &Eligibility<'_>, near: &NearPerson<'_>, minute: u16) -> Candidate {
        let profile = &near.person.profile;
        let history = self.state.history(profile.responder);
        let since = self.now - self.policy.rest.alerts_within;
        let recent = history.map_or(0, |history| history.alerts_since(since));
        Candidate {
            distance: near.distance,
            accuracy: near.fix.accuracy,
            fix_age: self.now.since(near.fix.taken_at),
            mode: near.mode,
            acceptance_permille: self.acceptance(history),
            recent_alerts: u16::try_from(recent).unwrap_or(u16::MAX),
            quiet: profile.quiet_hours.is_some_and(|hours| hours.contain(minute)),
            ..Candidate::new(profile.responder, eligibility.verdict(near.person))
        }
    }

    /// How likely a person is to accept: their own answers, and some of everybody's.
    fn acceptance(&self, history: Option<&History>) -> u16 {
        let prior = &self.policy.acceptance;
        let (accepted, refused) = history.map_or((0, 0), |history| {
            (u64::from(history.accepted), u64::from(history.refused))
        });
        let weight = u64::from(prior.prior_weight);
        let permille = (weight * u64::from(prior.prior_permille) + 1_000 * accepted) / (weight + accepted + refused);
        u16::try_from(permille).unwrap_or(1_000)
    }

    /// Who had been asked for this incident and may still come, is coming, or is there.
    fn in_play(&self) -> Vec<InPlay> {
        let alerts = self.state.alerts_of(self.incident);
        alerts
            .filter_map(|alert| in_play(self.policy, alert, self.now))
            .collect()
    }

    fn plan(&self, eligibility: &Eligibility<'_>, decision: &Decision, chosen: &[Chosen]) -> Vec<PlannedAlert> {
        let cell = CoarseCell::around(self.place.position);
        let plan = |chosen: &Chosen| {
            let candidate = &decision.candidates[chosen.candidate];
            let responder = candidate.responder;
            let attempt = eligibility.times_asked(responder) + 1;
            let person = self.state.roster.person(responder).expect("candidates are registered");
            let fix = person.fix.expect("candidates are those near");
            PlannedAlert {
                alert: AlertId::derive(self.incident.id, self.incident.revision, responder, attempt),
                responder,
                role: chosen.role,
                attempt,
                band: cell.band_from(fix.position),
                cell,
                arrival: chosen.arrival,
                acceptance_permille: candidate.acceptance_permille,
                expires_at: self.expires_at(),
            }
        };
        chosen.iter().map(plan).collect()
    }
}

impl Chooser<'_> {
    /// When a request made now ends by itself.
    fn expires_at(&self) -> Timestamp {
        match &self.reported.call_out {
            Some(call_out) => call_out.ends_at().min(self.now + self.policy.call_out.alert_expiry),
            None => self.now + self.policy.alert_expiry,
        }
    }
}

/// The stakes with those who are going.
pub struct Going<'a> {
    policy: &'a Policy,
    stakes: Stakes,
    now: Timestamp,
}

impl Going<'_> {
    /// The survival that somebody who was asked and has not answered adds by going.
    pub fn worth(&self, alert: &Alert) -> f64 {
        let chance = f64::from(self.policy.acceptance.arrives_permille) / 1_000.0;
        decide::worth(
            self.policy,
            &self.stakes,
            alert.plan.role,
            chance,
            &left_of(alert, self.now),
        )
    }
}

/// Somebody on the way is not taken to be at the door just because the time has passed at which they were expected.
const LEFT_MIN: Arrival = Arrival {
    fast: Duration::from_secs(10),
    median: Duration::from_secs(30),
    slow: Duration::from_secs(90),
};

/// When somebody who was asked would be there, from now on.
fn left_of(alert: &Alert, now: Timestamp) -> Arrival {
    alert.plan.arrival.after(now.since(alert.planned_at)).at_least(LEFT_MIN)
}

/// What may still be expected of an alert; `None` when nothing.
fn in_play(policy: &Policy, alert: &Alert, now: Timestamp) -> Option<InPlay> {
    let odds = &policy.acceptance;
    let acceptance = u32::from(alert.plan.acceptance_permille);
    let coming = left_of(alert, now);
    let (chance, arrival) = match alert.attendance {
        Some(Attendance::Confirmed | Attendance::EnRoute) if alert.stalled => (odds.late_permille, coming),
        Some(Attendance::Confirmed | Attendance::EnRoute) => (odds.arrives_permille, coming),
        Some(
            Attendance::AtScene
            | Attendance::WithPatient
            | Attendance::AedAttached
            | Attendance::Finished
            | Attendance::PresumedOver,
        ) => (1_000, Arrival::default()),
        Some(Attendance::Aborted(_) | Attendance::StoodDown | Attendance::NotNeeded | Attendance::TooLate) => {
            return None;
        }
        None if alert.is_pending() => (acceptance, coming),
        None if alert.state.is_open() => (acceptance * odds.late_permille / 1_000, coming),
        None => return None,
    };
    Some(InPlay {
        responder: alert.plan.responder,
        role: alert.plan.role,
        chance_permille: u16::try_from(chance).unwrap_or(1_000),
        arrival,
    })
}
