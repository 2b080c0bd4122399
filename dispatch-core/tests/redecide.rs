//! Whatever was decided can be decided again, from the record and the policy alone, and comes out the same.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use dispatch_core::{
    alert::Role,
    choose::{Difference, Redecided, redecide, weigh},
    policy::{Policy, Ranking, RoleKind},
    position::Metres,
    record::{Decision, Record, Verdict},
};
use proptest::prelude::*;
use world::{
    events::{Event, event, happen},
    *,
};

fn decisions(world: &World) -> Vec<&Decision> {
    let decided = world.entries.iter().filter_map(|entry| match &entry.record {
        Record::Decided(decision) => Some(decision),
        _ => None,
    });
    decided.collect()
}

/// The policy a decision names, from the journal.
fn policy_of<'a>(world: &'a World, decision: &Decision) -> &'a Policy {
    let adopted = world.entries.iter().filter_map(|entry| match &entry.record {
        Record::PolicyAdopted(policy) => Some(&**policy),
        _ => None,
    });
    let at = decision.policy.number as usize - 1;
    adopted.clone().nth(at).unwrap()
}

fn town(policy: Policy, events: &[Event]) -> World {
    let mut world = World::with_policy(policy);
    (1..=12).for_each(|n| world.add(n, f64::from(n) * 90.0));
    // So that there is something to decide in most towns.
    world.reported(report(1, 1));
    events.iter().for_each(|event| happen(&mut world, event));
    world
}

fn policy() -> impl Strategy<Value = Policy> {
    let ranking = prop_oneof![Just(Ranking::Nearest), Just(Ranking::Soonest), Just(Ranking::Survival)];
    let margin = prop_oneof![Just(None), (0..300u64).prop_map(|s| Some(Duration::from_secs(s)))];
    (ranking, 1..8u32, 0..3u32, margin, any::<bool>()).prop_map(|(ranking, count, guides, margin, fetch)| {
        let mut policy = Policy {
            ranking,
            alert_count: count,
            wanted: count.min(3),
            going_min: count.min(2),
            ambulance_margin: margin,
            ..Policy::default()
        };
        policy.joint.guides = guides;
        if fetch {
            policy.roles = vec![RoleKind::FetchAed, RoleKind::Direct, RoleKind::Guide];
        }
        policy
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_decision_comes_out_the_same(policy in policy(), events in prop::collection::vec(event(), 0..60)) {
        let world = town(policy, &events);
        prop_assert!(!decisions(&world).is_empty());
        for decision in decisions(&world) {
            prop_assert_eq!(redecide(policy_of(&world, decision), decision), Redecided::Same);
        }
    }

    /// The choice took the best of all each time, so nobody left out was worth more than whoever was taken.
    #[test]
    fn whoever_was_asked_was_worth_more_than_whoever_was_not(events in prop::collection::vec(event(), 0..20)) {
        let world = town(Policy::default(), &events);
        for decision in decisions(&world) {
            let weighing = weigh(policy_of(&world, decision), decision);
            prop_assert_eq!(weighing.asked.len(), decision.alerts.len());
            for added in &weighing.asked {
                let net = added.worth.survival - added.worth.price;
                prop_assert!(net > 0.0);
                if let Some(next) = added.next {
                    prop_assert!(net >= next.survival - next.price - 1e-12);
                }
            }
            if decision.alerts.len() < decision.sought as usize {
                prop_assert!(weighing.left.iter().all(|left| left.survival <= left.price));
            }
        }
    }
}

fn seven() -> World {
    town(Policy::soonest(), &[])
}

#[test]
fn one_fewer_sought_is_named_by_whom() {
    let world = seven();
    let mut made = decisions(&world)[0].clone();
    made.sought -= 1;
    let Redecided::Differs(differences) = redecide(&Policy::soonest(), &made) else {
        panic!("one fewer is asked");
    };
    let task = Difference::Task {
        responder: responder(7),
        made: Some(dispatch_core::choose::Task {
            rank: 6,
            role: Role::Direct,
            arrival: made.alerts[6].arrival,
        }),
        again: None,
    };
    let verdict = Difference::Verdict {
        responder: responder(7),
        made: Verdict::Asked,
        again: Verdict::EnoughSooner,
    };
    assert_eq!(differences, [task, verdict]);
}

#[test]
fn another_policy_names_what_it_changes() {
    let world = seven();
    let made = decisions(&world)[0];
    let mut slower = Policy::soonest();
    slower.notice += Duration::from_secs(1);
    let Redecided::Differs(differences) = redecide(&slower, made) else {
        panic!("everybody is a second later");
    };
    let (tasks, rest): (Vec<_>, Vec<_>) = differences
        .iter()
        .partition(|difference| matches!(difference, Difference::Task { .. }));
    assert_eq!(tasks.len(), made.alerts.len());
    assert_eq!(rest.len(), made.candidates.len());
    let second = Duration::from_secs(1);
    let later = |difference: &&Difference| matches!(difference, Difference::Arrival { made, again, .. } if *again == *made + second);
    assert!(rest.iter().all(later), "{rest:?}");
}

#[test]
fn a_record_that_was_tampered_with_is_found_out() {
    let world = seven();
    let mut made = decisions(&world)[0].clone();
    made.candidates[8].distance = Metres::new(1);
    let Redecided::Differs(differences) = redecide(&Policy::soonest(), &made) else {
        panic!("somebody who stands beside the patient is asked");
    };
    assert!(
        differences.iter().any(
            |d| matches!(d, Difference::Task { responder: who, made: None, again: Some(_) } if *who == responder(9))
        )
    );
    // A decision in which the order alone was changed.
    let mut made = decisions(&world)[0].clone();
    made.candidates.swap(0, 1);
    let (first, second) = (made.candidates[0].responder, made.candidates[1].responder);
    let rank = |responder, made, again| Difference::Rank { responder, made, again };
    assert_eq!(
        redecide(&Policy::soonest(), &made),
        Redecided::Differs(vec![rank(first, 0, 1), rank(second, 1, 0)])
    );
}
