//! How far it is any use to look: beyond, the ambulance surely comes sooner, and nobody is worth an alert. What is found out
//! here saves looking at streets and changes no choice.

use std::time::Duration;

use super::{Decision, Policy, Ranking, Travel, Verdict, permille, stakes};
use crate::position::Metres;

/// An ambulance whose announced time has passed by this much without a word of its arrival counts as one whose time is
/// unknown; until then it is taken to be about to arrive.
const OVERDUE_AFTER: Duration = Duration::from_secs(300);

/// Rules out, before any street is looked at, whoever surely could not beat the ambulance if they came in a straight line.
/// No way is shorter, so [`decide`] finds the same of them, and nobody need know their ways.
pub fn rule_out_the_far(policy: &Policy, decision: &mut Decision) {
    let Some(latest) = latest_arrival(policy, decision) else {
        return;
    };
    let travel = Travel::new(policy, decision.place.position, decision.decided_at);
    for candidate in &mut decision.candidates {
        if candidate.verdict.is_of_choice() && travel.of(candidate).fast_in_a_straight_line(candidate) > latest {
            candidate.verdict = Verdict::AmbulanceSooner;
        }
    }
}

/// A way that nobody has to go who may still be asked: whoever has farther to go surely loses to the ambulance, and is not
/// worth an alert. `None` = there is none.
pub fn longest_useful_way(policy: &Policy, decision: &Decision) -> Option<Metres> {
    let latest = latest_arrival(policy, decision).filter(|_| policy.ranking == Ranking::Survival)?;
    let open = || {
        let candidates = decision.candidates.iter();
        candidates.filter(|candidate| candidate.verdict.is_of_choice() && candidate.verdict != Verdict::AmbulanceSooner)
    };
    let chance = open().map(|candidate| candidate.acceptance_permille).max()?;
    let price = f64::from(policy.joint.alert_price_ppm) / 1e6;
    let until = stakes(policy, decision)
        .worth_until(permille(chance), price)?
        .max(latest);
    let travel = Travel::new(policy, decision.place.position, decision.decided_at);
    open().map(|candidate| travel.of(candidate).farthest_by(until)).max()
}

/// Whoever is there later than this at the best is later than the ambulance; `None` = nobody is ruled out by it.
pub(super) fn latest_arrival(policy: &Policy, decision: &Decision) -> Option<Duration> {
    let left = ambulance_left(decision).zip(policy.ambulance_margin);
    left.map(|(left, margin)| left + margin)
}

/// What is left until the ambulance comes, if that is known.
pub(super) fn ambulance_left(decision: &Decision) -> Option<Duration> {
    let at = decision.ambulance_at?;
    (decision.decided_at < at + OVERDUE_AFTER).then(|| at.since(decision.decided_at))
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
