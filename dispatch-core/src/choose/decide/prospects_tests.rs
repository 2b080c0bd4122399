//! The best by the bound beside the best by working everybody out.

use proptest::prelude::*;

use super::*;
use crate::{
    alert::Role,
    choose::decide::{
        ambulance,
        any::{decision, policy},
        estimate, put_in_order, take_into_play,
    },
    policy::Ranking,
};

/// Everybody worked out.
fn best_of_all(
    policy: &Policy,
    travel: &Travel<'_>,
    decision: &Decision,
    stakes: &Stakes,
    left: impl Fn(&Offer) -> bool,
) -> Option<Offer> {
    let people = decision.candidates.iter().enumerate();
    let all = people.flat_map(|(index, candidate)| offers(policy, travel, index, candidate));
    all.filter(|offer| left(offer) && offer.may_be_worth_it(stakes) && offer.net(stakes) > 0.0)
        .max_by(|a, b| {
            let by_net = a.net(stakes).total_cmp(&b.net(stakes));
            by_net.then_with(|| tie(decision, b).cmp(&tie(decision, a)))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn the_best_is_the_best_of_all_each_time(policy in policy(), decision in decision()) {
        prop_assert_eq!(policy.ranking, Ranking::Survival);
        let mut decision = decision;
        let travel = Travel::new(&policy, decision.place.position, decision.decided_at);
        let order = estimate(&policy, policy.ranking, &travel, &mut decision);
        put_in_order(order, &mut decision.candidates);
        let mut stakes = Stakes::new(&policy, policy.joint.since_collapse, ambulance(&policy, &decision));
        // Also those whom the ambulance surely precedes: the bound must hold for them too.
        decision.candidates.iter_mut().for_each(|candidate| candidate.verdict = Verdict::EnoughSooner);
        let mut prospects = Prospects::new(&policy, &travel, &decision, &stakes);
        let (mut chosen, mut taken) = (Vec::new(), Vec::new());
        for _ in 0..6 {
            let is_free = |offer: &Offer| offer.chosen.role.aed().is_none_or(|aed| !taken.contains(&aed));
            let left = |offer: &Offer| is_free(offer) && !chosen.contains(&offer.chosen.candidate);
            let expected = best_of_all(&policy, &travel, &decision, &stakes, left);
            let best = prospects.best(&policy, &travel, &decision, &stakes, is_free);
            prop_assert_eq!(best.map(|offer| offer.chosen), expected.map(|offer| offer.chosen));
            let Some(best) = best else { break };
            let role: Role = best.chosen.role;
            take_into_play(&mut stakes, role, best.acceptance, best.aed_chance, &best.chosen.arrival);
            taken.extend(role.aed());
            chosen.push(best.chosen.candidate);
            prospects.remove(best.chosen.candidate);
        }
    }
}
