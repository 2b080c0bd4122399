//! Any decision that is still open, and policies to decide it by, for property tests.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{Candidate, Decision, Policy, Verdict};
use crate::{
    ids::{AedId, IncidentId, ResponderId},
    input::Place,
    position::{Metres, Position},
    record::{AedWay, PolicyRef},
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

pub fn decision() -> impl Strategy<Value = Decision> {
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

pub fn policy() -> impl Strategy<Value = Policy> {
    let curves = SurvivalCurve::PUBLISHED.map(|(_, curve)| curve).to_vec();
    (select(curves), 0..8_000_u32, 0..500_u32).prop_map(|(curve, alert_price_ppm, fairness_permille)| {
        let mut policy = Policy::default();
        policy.joint.curve = curve;
        policy.joint.alert_price_ppm = alert_price_ppm;
        policy.joint.fairness_permille = fairness_permille;
        policy
    })
}
