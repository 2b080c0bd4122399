//! A small fixed decision for tests: one person in play, twelve considered, a defibrillator at hand.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use dispatch_core::{
    alert::{PlannedAlert, Role},
    call_out::CallOut,
    choose::{Chosen, arrival::Arrival, decide},
    coarse::CoarseCell,
    ids::{AedId, AlertId, CallDate, IncidentId, IncidentKey, Reference, ResponderId, TenantId},
    incident::IncidentKind,
    input::Place,
    policy::Policy,
    position::{Metres, Position},
    record::{AedWay, Candidate, Decision, InPlay, IncidentReported, PolicyRef, Verdict},
    responder::{Purpose, TravelMode},
    scene::Scene,
    time::Timestamp,
};

/// 2026-09-21, in the afternoon.
pub const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

pub fn responder(n: u8) -> ResponderId {
    ResponderId::from_bytes([n; 16])
}

/// A policy that stays as it is when the shipped one changes, as far as the sample shows.
pub fn policy() -> Policy {
    let mut policy = Policy {
        name: "sample".to_owned(),
        version: 5,
        alert_count: 3,
        ..Policy::default()
    };
    policy.joint.alert_price_ppm = 2_000;
    policy.joint.guides = 0;
    policy
}

/// Decided by the policy above, which is number 1.
pub fn decision() -> Decision {
    decided_by(&policy())
}

/// Decided by a policy, which is number 1.
pub fn decided_by(policy: &Policy) -> Decision {
    let mut decision = open(policy);
    let chosen = decide(policy, &mut decision);
    decision.alerts = planned(policy, &decision, &chosen);
    decision
}

/// The alerts of those chosen.
pub fn planned(policy: &Policy, decision: &Decision, chosen: &[Chosen]) -> Vec<PlannedAlert> {
    let planned = chosen.iter().map(|chosen| {
        let candidate = &decision.candidates[chosen.candidate];
        let cell = CoarseCell::around(decision.place.position);
        PlannedAlert {
            alert: AlertId::derive(decision.incident, 1, candidate.responder, 1),
            responder: candidate.responder,
            role: chosen.role,
            attempt: 1,
            band: cell.band_from(decision.place.position),
            cell,
            arrival: chosen.arrival,
            acceptance_permille: candidate.acceptance_permille,
            expires_at: NOW + policy.alert_expiry,
        }
    });
    planned.collect()
}

/// A report that calls people out.
pub fn report_of(call_out: CallOut) -> IncidentReported {
    let key = IncidentKey {
        tenant: TenantId::new("london").unwrap(),
        cad_system: Reference::new("cad").unwrap(),
        cad_incident_number: Reference::new("1").unwrap(),
        call_date: CallDate::parse("2026-09-21").unwrap(),
    };
    IncidentReported {
        incident: key.id(),
        key,
        revision: 1,
        kind: IncidentKind::new("flood").unwrap(),
        purpose: Purpose::Live,
        place: None,
        sent_at: NOW,
        call_connected_at: None,
        scene: Scene::default(),
        ambulance_at: None,
        call_out: Some(Arc::new(call_out)),
        alerting: true,
    }
}

fn open(policy: &Policy) -> Decision {
    let place = Place {
        position: Position::from_degrees(51.5, -0.12).unwrap(),
        accuracy: Metres::new(10),
    };
    let named = PolicyRef {
        name: policy.name.clone(),
        version: policy.version,
        number: 1,
    };
    let coming = InPlay {
        responder: responder(200),
        role: Role::Direct,
        chance_permille: 950,
        arrival: Arrival {
            fast: Duration::from_secs(240),
            median: Duration::from_secs(360),
            slow: Duration::from_secs(600),
        },
    };
    Decision {
        wave: 2,
        sought: policy.alert_count,
        asked_before: 1,
        since_report: Duration::from_secs(15),
        ambulance_at: Some(NOW + Duration::from_secs(540)),
        in_play: vec![coming],
        candidates: people(),
        ..Decision::new(IncidentId::from_bytes([1; 16]), place, named, NOW)
    }
}

fn people() -> Vec<Candidate> {
    let verdicts = [
        (1, 90, Verdict::OffDuty),
        (2, 120, Verdict::Asked),
        (3, 180, Verdict::Asked),
        (4, 200, Verdict::Busy),
        (5, 260, Verdict::Asked),
        (6, 300, Verdict::PhoneOffline),
        (7, 420, Verdict::Asked),
        (8, 500, Verdict::Asked),
        (9, 650, Verdict::OffDuty),
        (10, 700, Verdict::OffDuty),
        (11, 800, Verdict::OffDuty),
        (12, 1_900, Verdict::Asked),
    ];
    let mut people: Vec<Candidate> = verdicts.into_iter().map(person).collect();
    // One passes a defibrillator, one hardly ever accepts, one accepts readily.
    people[4].aeds[0] = Some(AedWay {
        aed: AedId::from_bytes([9; 16]),
        way: Metres::new(410),
        chance_permille: 900,
    });
    people[2].acceptance_permille = 30;
    people[6].acceptance_permille = 500;
    people
}

fn person((n, metres, verdict): (u8, u32, Verdict)) -> Candidate {
    Candidate {
        distance: Metres::new(metres),
        accuracy: Metres::new(20),
        fix_age: Duration::from_secs(u64::from(n) * 7),
        mode: TravelMode::Foot,
        acceptance_permille: 287,
        ..Candidate::new(responder(n), verdict)
    }
}
