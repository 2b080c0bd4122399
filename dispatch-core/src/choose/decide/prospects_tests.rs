//! The best by the bound beside the best by working everybody out.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    alert::Role,
    choose::decide::{ambulance, estimate, put_in_order, take_into_play},
    ids::{AedId, IncidentId, ResponderId},
    input::Place,
    policy::Ranking,
    position::{Metres, Position},
    record::{AedWay, Candidate, PolicyRef},
    responder::TravelMode,
    survival::SurvivalCurve,
    time::Timestamp,
};

fn candidate() -> impl Strategy<Value = Candidate> {
    // Few different values, so that there are ties.
    let metres = || (0..40_u32).prop_map(|n| Metres::new(n * 60));
    let aed = || (0..6_u8, metres(), select(vec![300_u16, 900, 1_000]));
    let mode = select(vec![TravelMode::Foot, TravelMode::Bicycle]);
    let odds = (select(vec![50_u16, 287, 290, 1_000]), 0..3_u16);
    (metres(), option::of(metres()), vec(aed(), 0..=2), mode, odds).prop_map(
        |(distance, way, aeds, mode, (acceptance_permille, recent_alerts))| {
            let mut candidate = Candidate {
                distance,
                way,
                accuracy: Metres::new(15),
                mode,
                acceptance_permille,
                recent_alerts,
                ..Candidate::new(ResponderId::from_bytes([0; 16]), Verdict::EnoughSooner)
            };
            for (known, (aed, way, chance_permille)) in candidate.aeds.iter_mut().zip(aeds) {
                *known = Some(AedWay {
                    aed: AedId::from_bytes([aed; 16]),
                    way,
                    chance_permille,
                });
            }
            candidate
        },
    )
}

fn decision() -> impl Strategy<Value = Decision> {
    (vec(candidate(), 0..80), option::of(60..1_200_u64)).prop_map(|(candidates, ambulance_s)| {
        let place = Place {
            position: Position::from_degrees(51.5, -0.12).expect("on the globe"),
            accuracy: Metres::new(0),
        };
        let policy = PolicyRef {
            name: "any".to_owned(),
            version: 1,
            number: 1,
        };
        let at = Timestamp::from_unix_ms(1_790_000_000_000);
        let mut decision = Decision {
            candidates,
            ambulance_at: ambulance_s.map(|s| at + Duration::from_secs(s)),
            ..Decision::new(IncidentId::from_bytes([1; 16]), place, policy, at)
        };
        for (number, candidate) in (0..).zip(&mut decision.candidates) {
            candidate.responder = ResponderId::from_bytes([number; 16]);
        }
        decision
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let curves = SurvivalCurve::PUBLISHED.map(|(_, curve)| curve).to_vec();
    (select(curves), 0..8_000_u32, 0..500_u32).prop_map(|(curve, alert_price_ppm, fairness_permille)| {
        let mut policy = Policy::default();
        policy.joint.curve = curve;
        policy.joint.alert_price_ppm = alert_price_ppm;
        policy.joint.fairness_permille = fairness_permille;
        policy
    })
}

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
