//! What must hold of every choice, in any town: nobody who may not be asked is; a better person is never passed over for a
//! worse one; and the same record gives the same choice.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{collections::BTreeSet, time::Duration};

use dispatch_core::{
    alert::Role,
    choose::{Chosen, arrival::Arrival, decide},
    ids::{AedId, IncidentId, ResponderId},
    input::Place,
    policy::{Policy, Ranking},
    position::{Metres, Position},
    record::{AedWay, Candidate, Decision, InPlay, PolicyRef, Verdict},
    responder::TravelMode,
    survival::SurvivalCurve,
    time::Timestamp,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

fn responder(n: usize) -> ResponderId {
    ResponderId::from_bytes([u8::try_from(n).unwrap(); 16])
}

fn verdict() -> impl Strategy<Value = Verdict> {
    use Verdict::*;
    let no = [
        OffDuty,
        Suspended,
        CredentialExpired,
        LacksSkill,
        NoDevice,
        PhoneOffline,
        Busy,
        AlreadyAsked,
    ];
    let no = no.into_iter().chain([SceneExcluded, NotVetted, Resting, Fatigued]);
    prop_oneof![6 => Just(Asked), 1 => select(no.collect::<Vec<_>>())]
}

fn candidate() -> impl Strategy<Value = Candidate> {
    use TravelMode::*;
    let place = (
        0..3_000_u32,
        0..500_u32,
        0..100_000_u64,
        option::of(1_000..5_000_000_u64),
    );
    let aed = (0..6_u8, 100..4_000_000_u64, 100..=1_000_u16).prop_map(|(aed, way, chance_permille)| AedWay {
        aed: AedId::from_bytes([aed; 16]),
        way: Metres::from_mm(way),
        chance_permille,
    });
    let aeds = (option::of(aed.clone()), option::of(aed)).prop_map(|ways| match ways {
        (Some(first), Some(second)) if first.aed == second.aed => [Some(first), None],
        (Some(first), second) => [Some(first), second],
        (None, second) => [second, None],
    });
    let likely = (1..=1_000_u16, 0..20_u16, any::<bool>());
    (
        place,
        select(&[Unknown, Foot, Bicycle, Car][..]),
        aeds,
        likely,
        verdict(),
    )
        .prop_map(
            |((distance, accuracy, age_s, way), mode, aeds, (acceptance_permille, recent_alerts, quiet), verdict)| {
                Candidate {
                    distance: Metres::new(distance),
                    accuracy: Metres::new(accuracy),
                    fix_age: Duration::from_secs(age_s),
                    mode,
                    way: way.map(Metres::from_mm),
                    aeds,
                    acceptance_permille,
                    recent_alerts,
                    quiet,
                    ..Candidate::new(responder(0), verdict)
                }
            },
        )
}

fn policy() -> impl Strategy<Value = Policy> {
    let curves = SurvivalCurve::PUBLISHED.map(|(_, curve)| curve);
    let rankings = [Ranking::Nearest, Ranking::Soonest, Ranking::Survival];
    let prices = (0..20_000_u32, 0..2_000_u32, 0..=2_u32);
    (
        select(rankings.to_vec()),
        select(curves.to_vec()),
        prices,
        any::<bool>(),
    )
        .prop_map(
            |(ranking, curve, (alert_price_ppm, fairness_permille, guides), filters)| {
                let mut policy = Policy {
                    ranking,
                    ambulance_margin: filters.then_some(Duration::ZERO),
                    ..Policy::default()
                };
                policy.joint.curve = curve;
                policy.joint.alert_price_ppm = alert_price_ppm;
                policy.joint.fairness_permille = fairness_permille;
                policy.joint.guides = guides;
                policy
            },
        )
}

fn in_play() -> impl Strategy<Value = InPlay> {
    let role = prop_oneof![
        Just(Role::Direct),
        Just(Role::Guide),
        (10..13_u8).prop_map(|aed| Role::FetchAed(AedId::from_bytes([aed; 16]))),
    ];
    (role, 0..=1_000_u16, 0..1_200_u64, 0..400_u64).prop_map(|(role, chance_permille, fast, more)| InPlay {
        responder: responder(255),
        role,
        chance_permille,
        arrival: Arrival {
            fast: Duration::from_secs(fast),
            median: Duration::from_secs(fast + more),
            slow: Duration::from_secs(fast + 2 * more),
        },
    })
}

fn decision() -> impl Strategy<Value = Decision> {
    let ambulance = option::of(0..1_500_u64);
    (
        vec(candidate(), 0..25),
        vec(in_play(), 0..4),
        ambulance,
        0..8_u32,
        0..900_u64,
    )
        .prop_map(|(mut candidates, in_play, ambulance, sought, since_s)| {
            for (n, candidate) in candidates.iter_mut().enumerate() {
                candidate.responder = responder(n);
            }
            let place = Place {
                position: Position::from_degrees(51.5, -0.12).unwrap(),
                accuracy: Metres::new(0),
            };
            let at = Timestamp::from_unix_ms(1_790_000_000_000);
            let policy = PolicyRef {
                name: "any".to_owned(),
                version: 1,
                number: 1,
            };
            Decision {
                sought,
                since_report: Duration::from_secs(since_s),
                ambulance_at: ambulance.map(|s| at + Duration::from_secs(s)),
                in_play,
                candidates,
                ..Decision::new(IncidentId::from_bytes([1; 16]), place, policy, at)
            }
        })
}

/// Who was chosen for what.
fn choose(policy: &Policy, mut decision: Decision) -> (Vec<(ResponderId, Role)>, Vec<Candidate>) {
    let chosen = decide(policy, &mut decision);
    let of = |chosen: &Chosen| (decision.candidates[chosen.candidate].responder, chosen.role);
    (chosen.iter().map(of).collect(), decision.candidates)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nobody_who_may_not_be_asked_is_and_every_one_has_a_verdict(policy in policy(), decision in decision()) {
        let asked_for_no: BTreeSet<ResponderId> = decision.candidates.iter()
            .filter(|candidate| !candidate.verdict.is_of_choice())
            .map(|candidate| candidate.responder)
            .collect();
        let sought = decision.sought as usize;
        let before = decision.candidates.clone();
        let (chosen, after) = choose(&policy, decision);
        prop_assert!(chosen.len() <= sought);
        let people: BTreeSet<ResponderId> = chosen.iter().map(|(who, _)| *who).collect();
        prop_assert_eq!(people.len(), chosen.len(), "nobody is asked twice");
        prop_assert!(people.is_disjoint(&asked_for_no));
        let aeds: Vec<AedId> = chosen.iter().filter_map(|(_, role)| role.aed()).collect();
        prop_assert_eq!(aeds.iter().collect::<BTreeSet<_>>().len(), aeds.len(), "each defibrillator is fetched once");
        prop_assert_eq!(after.len(), before.len());
        for candidate in &after {
            let was = before.iter().find(|other| other.responder == candidate.responder).unwrap();
            if was.verdict.is_of_choice() {
                prop_assert_eq!(candidate.verdict == Verdict::Asked, people.contains(&candidate.responder));
            } else {
                prop_assert_eq!(candidate.verdict, was.verdict);
            }
        }
    }

    /// One of two who are alike in everything but how near they are: the farther is never asked without the nearer.
    #[test]
    fn a_better_person_is_never_passed_over_for_a_worse_one(
        policy in policy(),
        decision in decision(),
        worse in candidate(),
        nearer_by in 1..400_u32,
        likelier_by in 0..300_u16,
    ) {
        let (better_id, worse_id) = (responder(200), responder(100));
        let worse = Candidate {
            responder: worse_id,
            distance: Metres::from_mm(worse.distance.mm() + u64::from(nearer_by) * 1_000),
            verdict: Verdict::Asked,
            ..worse
        };
        let better = Candidate {
            responder: better_id,
            distance: Metres::from_mm(worse.distance.mm() - u64::from(nearer_by) * 1_000),
            way: worse.way.map(|way| Metres::from_mm(way.mm().saturating_sub(u64::from(nearer_by) * 1_000))),
            acceptance_permille: (worse.acceptance_permille + likelier_by).min(1_000),
            ..worse
        };
        let mut decision = decision;
        decision.candidates.extend([worse, better]);
        let (chosen, _) = choose(&policy, decision);
        let asked = |who| chosen.iter().any(|(asked, _)| *asked == who);
        prop_assert!(asked(better_id) || !asked(worse_id), "{:?}", chosen);
    }

    #[test]
    fn the_same_record_gives_the_same_choice_in_whatever_order_it_is_read(policy in policy(), decision in decision()) {
        let (chosen, candidates) = choose(&policy, decision.clone());
        let mut turned = decision.clone();
        turned.candidates.reverse();
        prop_assert_eq!(&choose(&policy, turned), &(chosen.clone(), candidates.clone()));
        // Once more from what the first choice left behind.
        let again = Decision { candidates, ..decision };
        prop_assert_eq!(choose(&policy, again.clone()), (chosen, again.candidates));
    }

    /// The rest being equal, a higher price never asks more.
    #[test]
    fn a_higher_price_asks_no_more(policy in policy(), decision in decision()) {
        let mut dearer = policy.clone();
        dearer.joint.alert_price_ppm *= 3;
        dearer.joint.guides = policy.joint.guides;
        if policy.ranking == Ranking::Survival && policy.joint.guides == 0 {
            let (cheap, _) = choose(&policy, decision.clone());
            let (dear, _) = choose(&dearer, decision);
            prop_assert!(dear.len() <= cheap.len());
        }
    }
}
