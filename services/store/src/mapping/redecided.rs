//! A decision can be decided again from what the store holds: nothing that choosing looks at is lost or rounded.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use dispatch_core::{
    alert::PlannedAlert,
    choose::{Redecided, decide, redecide},
    policy::{Policy, Ranking},
    position::Metres,
    record::{Decision, Record},
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{decode, encode, strategies};

/// Anything, brought into the ranges that the core gives.
fn sensible(mut decision: Decision) -> Decision {
    const DAY_MS: u64 = 86_400_000;
    let short = |span: Duration| Duration::from_millis(u64::try_from(span.as_millis()).unwrap() % DAY_MS);
    let near = |metres: Metres| Metres::from_mm(metres.mm() % 5_000_000);
    decision.sought %= 8;
    decision.asked_before %= 100;
    decision.since_report = short(decision.since_report);
    decision.ambulance_at = decision
        .ambulance_at
        .map(|at| decision.decided_at + Duration::from_millis(at.unix_ms().unsigned_abs() % 1_800_000));
    for person in &mut decision.in_play {
        person.chance_permille %= 1_001;
        for time in [
            &mut person.arrival.fast,
            &mut person.arrival.median,
            &mut person.arrival.slow,
        ] {
            // The core gives whole milliseconds.
            *time = Duration::from_millis(u64::try_from((short(*time) / 96).as_millis()).unwrap());
        }
    }
    for candidate in &mut decision.candidates {
        candidate.distance = near(candidate.distance);
        candidate.accuracy = Metres::from_mm(candidate.accuracy.mm() % 200_000);
        candidate.fix_age = short(candidate.fix_age);
        candidate.way = candidate.way.map(near);
        candidate.acceptance_permille %= 1_001;
        for option in candidate.aeds.iter_mut().flatten() {
            option.way = near(option.way);
            option.chance_permille %= 1_001;
        }
    }
    decision
}

/// Decides as the core does, with the plans that follow.
fn decided(policy: &Policy, mut decision: Decision, plan: PlannedAlert) -> Decision {
    let chosen = decide(policy, &mut decision);
    let planned = chosen.iter().map(|chosen| PlannedAlert {
        responder: decision.candidates[chosen.candidate].responder,
        role: chosen.role,
        arrival: chosen.arrival,
        ..plan
    });
    decision.alerts = planned.collect();
    decision
}

fn stored(record: &Record) -> Record {
    decode(&encode(record)).unwrap()
}

proptest! {
    #[test]
    fn what_is_stored_is_decided_again_to_the_bit(
        parts in vec(strategies::decision(), 4),
        policy in strategies::policy(),
        ranking in select(vec![Ranking::Nearest, Ranking::Soonest, Ranking::Survival]),
        plan in strategies::planned(),
    ) {
        let policy = Policy { ranking, ..policy };
        // One decision with the people of several, so that there is a choice.
        let candidates = parts.iter().flat_map(|part| part.candidates.clone()).collect();
        let open = sensible(Decision { candidates, ..parts[0].clone() });
        let made = Record::Decided(decided(&policy, open, plan));
        let adopted = Record::PolicyAdopted(Box::new(policy));
        match (stored(&adopted), stored(&made)) {
            (Record::PolicyAdopted(policy), Record::Decided(made)) => {
                prop_assert_eq!(redecide(&policy, &made), Redecided::Same);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
