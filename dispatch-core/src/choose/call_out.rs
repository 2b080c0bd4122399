//! Choosing for a call-out: those in its area who have its skill, the nearest to the muster point first. When each would
//! arrive hardly matters for a shift of hours, so ways along streets are not measured.

use super::{Chooser, decide, eligibility::Eligibility};
use crate::{
    call_out::CallOut,
    record::{Calling, Candidate, Decision, Verdict},
    roster::{NearPerson, Person},
};

/// People looked at for one wave at most, the nearest first: what the largest call-out may ask (`call_out.alerts_max`) and
/// as many again who may not be asked.
const LOOKED_AT_MAX: usize = 10_000;

impl Chooser<'_> {
    /// Considers people for a call-out until `sought` of them may be asked.
    pub(super) fn choose_for_shifts(&self, call_out: &CallOut, sought: u32) -> Decision {
        let eligibility = self.eligibility();
        let near = self.called_for(call_out, &eligibility);
        let calling = Calling { wake: call_out.wakes() };
        let minute = self.policy.minute_of_day(self.place.position, self.now);
        let mut decision = self.empty(sought);
        decision.call_out = Some(calling);
        // Nobody has to be there before an ambulance.
        decision.ambulance_at = None;
        let mut found = 0;
        for near in &near {
            if found >= sought {
                break;
            }
            let candidate = self.candidate(&eligibility, near, minute);
            found += u32::from(may_be_called(&candidate, calling));
            decision.candidates.push(candidate);
        }
        let chosen = decide(self.policy, &mut decision);
        decision.alerts = self.plan(&eligibility, &decision, &chosen);
        decision
    }

    /// Everybody whom a call-out means, nearest first, but those who have been asked for it and said no, or may still say yes.
    fn called_for(&self, call_out: &CallOut, eligibility: &Eligibility<'_>) -> Vec<NearPerson<'_>> {
        let (muster_point, within) = (self.place.position, self.policy.radius);
        let meant = |person: &Person| {
            let there = person
                .fix
                .is_some_and(|fix| call_out.reaches(muster_point, within, fix.position));
            let able = call_out
                .skill()
                .is_none_or(|skill| person.profile.skills.contains(skill));
            there && able && !eligibility.was_asked_enough(person.profile.responder)
        };
        let radius = call_out.radius(muster_point, within);
        let tenant = &self.incident.key.tenant;
        let roster = &self.state.roster;
        let mut near = roster.near_where(muster_point, radius, LOOKED_AT_MAX, tenant, meant);
        near.sort_by_key(|near| (near.distance, near.person.profile.responder));
        near
    }
}

fn may_be_called(candidate: &Candidate, calling: Calling) -> bool {
    candidate.verdict == Verdict::Asked && (calling.wake || !candidate.quiet)
}
