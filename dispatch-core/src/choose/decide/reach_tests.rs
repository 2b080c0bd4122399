//! What is left out of the search changes no choice.

use proptest::prelude::*;

use super::*;
use crate::{
    choose::decide::{
        any::{decision, policy},
        decide,
    },
    ids::{IncidentId, ResponderId},
    input::Place,
    position::{Metres, Position},
    record::{Candidate, PolicyRef},
    time::Timestamp,
};

/// Ways are no shorter than straight lines, and those by a defibrillator no shorter than the others.
fn as_on_earth(decision: &mut Decision) {
    for candidate in &mut decision.candidates {
        candidate.way = candidate.way.map(|way| way.max(candidate.distance));
        let least = candidate.way.unwrap_or(candidate.distance);
        for option in candidate.aeds.iter_mut().flatten() {
            option.way = option.way.max(least);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn who_is_not_looked_at_would_not_have_been_asked(policy in policy(), decision in decision()) {
        let mut full = decision;
        as_on_earth(&mut full);
        let mut short = full.clone();
        rule_out_the_far(&policy, &mut short);
        let longest = longest_useful_way(&policy, &short);
        let mut left_out = 0;
        for candidate in &mut short.candidates {
            if candidate.verdict == Verdict::AmbulanceSooner {
                (candidate.way, candidate.aeds) = (None, [None; 2]);
                left_out += 1;
            }
            let Some(longest) = longest.filter(|_| candidate.way.is_some()) else { continue };
            candidate.way = candidate.way.map(|way| way.min(longest));
            for option in &mut candidate.aeds {
                *option = option.filter(|option| option.way <= longest);
            }
        }
        let who = |decision: &mut Decision| -> Vec<_> {
            let chosen = decide(&policy, decision);
            let who = chosen.iter().map(|chosen| {
                (decision.candidates[chosen.candidate].responder, chosen.role, chosen.arrival)
            });
            who.collect()
        };
        full.sought = 4;
        short.sought = 4;
        prop_assert_eq!(who(&mut full), who(&mut short));
        let sooner = full.candidates.iter().filter(|candidate| candidate.verdict == Verdict::AmbulanceSooner);
        prop_assert!(left_out <= sooner.count(), "somebody was ruled out who was not too late");
    }
}

#[test]
fn with_an_ambulance_on_its_way_there_is_such_a_way_and_without_word_of_it_none() {
    let policy = Policy::default();
    let decision = |ambulance_s: Option<u64>| {
        let candidate = Candidate::new(ResponderId::from_bytes([1; 16]), Verdict::EnoughSooner);
        let candidate = Candidate {
            acceptance_permille: 287,
            ..candidate
        };
        let place = Place {
            position: Position::from_degrees(51.5, -0.12).expect("on the globe"),
            accuracy: Metres::new(0),
        };
        let named = PolicyRef {
            name: "any".to_owned(),
            version: 1,
            number: 1,
        };
        let at = Timestamp::from_unix_ms(1_790_000_000_000);
        Decision {
            candidates: vec![candidate],
            ambulance_at: ambulance_s.map(|s| at + Duration::from_secs(s)),
            ..Decision::new(IncidentId::from_bytes([1; 16]), place, named, at)
        }
    };
    let longest = |ambulance_s| longest_useful_way(&policy, &decision(ambulance_s));
    assert_eq!(longest(None), None);
    let (soon, late) = (longest(Some(240)).expect("one"), longest(Some(480)).expect("one"));
    assert!(soon < late && late < Metres::new(2_000), "{soon} {late}");
}
