//! Any image that fits together, for property tests.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use dispatch_core::{
    alert::{Alert, AlertState, Message, MessageKind},
    cad_clock::CadClock,
    ids::{AedId, IncidentId},
    incident::{Incident, IncidentKind, Reported},
    input::RequestId,
    ledger::{MessageOutcome, Times},
    state::{ALERTS_KEPT, History, KeptAnswer, Standing, StateImage, Tombstone},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::super::strategies::{
    aed, answer, attendance, call_out, decline, incident, key, moment, place, planned, policy, purpose, reference,
    responder, scene, stage, stand_down, state, taken, tenant,
};

pub fn image() -> impl Strategy<Value = StateImage> {
    let head = (any::<u64>(), moment(), any::<u64>());
    let aeds = vec(aed(), 0..4);
    let open = vec(incident_and_alerts(), 0..4);
    let past = (vec(tombstone(), 0..4), vec(kept(), 0..4), vec(clock(), 0..3));
    let choosing = (
        vec((responder(), history()), 0..3),
        vec(policy(), 0..2),
        vec((any_aed(), moment()), 0..3),
    );
    let counts = (
        vec((kind(), any::<u64>()), 0..4),
        vec((kind(), outcome(), any::<u64>()), 0..4),
    );
    (head, open, past, counts, choosing, aeds).prop_map(
        |(
            (sequence, last_at, epoch),
            open,
            (tombstones, answers, cad_clocks),
            counts,
            (histories, policies, aeds_away),
            aeds,
        )| {
            let (incidents, alerts): (Vec<Incident>, Vec<Vec<Alert>>) = open.into_iter().unzip();
            StateImage {
                sequence,
                last_at,
                epoch,
                aeds,
                incidents,
                alerts: alerts.into_iter().flatten().collect(),
                tombstones,
                answers,
                cad_clocks,
                messages_planned: counts.0,
                messages_settled: counts.1,
                histories,
                policies,
                aeds_away,
            }
        },
    )
}

fn any_aed() -> impl Strategy<Value = AedId> {
    any::<[u8; 16]>().prop_map(AedId::from_bytes)
}

fn history() -> impl Strategy<Value = History> {
    let moments = (vec(moment(), 0..=ALERTS_KEPT), option::of(moment()));
    (any::<[u32; 2]>(), moments).prop_map(|([accepted, refused], (alerted_at, helped_until))| History {
        accepted,
        refused,
        alerted_at: alerted_at.into(),
        helped_until,
    })
}

fn incident_and_alerts() -> impl Strategy<Value = (Incident, Vec<Alert>)> {
    let kind = "[a-z0-9_]{1,64}".prop_map(|name| IncidentKind::new(&name).unwrap());
    let scene = (scene(), option::of(moment()), option::of(call_out().prop_map(Arc::new)));
    let reported = (kind, purpose(), place(), any::<u32>(), scene).prop_map(
        |(kind, purpose, place, revision, (scene, ambulance_at, call_out))| Reported {
            kind,
            purpose,
            place: Some(place),
            scene,
            ambulance_at,
            call_out,
            revision,
        },
    );
    let times = (moment(), option::of(moment()), option::of(moment()));
    let rest = (any::<[u32; 2]>(), any::<bool>(), times);
    (key(), reported, state(), rest).prop_flat_map(|(key, reported, state, rest)| {
        let ([revision, waves], told_could_not_alert, (received_at, search_began_at, settled_at)) = rest;
        let incident = Incident {
            id: key.id(),
            key,
            revision,
            reported: Some(reported),
            state,
            received_at,
            search_began_at,
            told_could_not_alert,
            waves,
            alerts: Vec::new(),
            settled_at,
        };
        let alerts = vec(alert(incident.id), 0..3);
        (Just(incident), alerts).prop_map(|(mut incident, alerts)| {
            incident.alerts = alerts.iter().map(|alert| alert.plan.alert).collect();
            (incident, alerts)
        })
    })
}

fn alert(incident: IncidentId) -> impl Strategy<Value = Alert> {
    let moments = (
        moment(),
        moment(),
        option::of(moment()),
        option::of(moment()),
        option::of(moment()),
    );
    let going = (option::of(attendance()), taken());
    let rest = (any::<u32>(), any::<[bool; 2]>(), times(), going);
    (planned(), alert_state(), message(), moments, rest).prop_map(
        move |(plan, state, message, (planned_at, waits_since, reached_at, answered_at, attendance_at), rest)| {
            let (wave, [lapsed, stalled], request, (attendance, shift)) = rest;
            Alert {
                plan,
                incident,
                wave,
                planned_at,
                state,
                reached_at,
                waits_since,
                lapsed,
                stalled,
                message,
                request,
                answered_at,
                attendance,
                shift,
                attendance_at,
            }
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    let moments = (moment(), moment());
    let rest = (
        any::<[u32; 2]>(),
        any::<bool>(),
        option::of(stage()),
        option::of(outcome()),
    );
    (kind(), moments, times(), rest).prop_map(
        |(kind, (planned_at, sent_at), times, ([version, resends], reported_unheard, stage, outcome))| Message {
            version,
            kind,
            stage,
            planned_at,
            sent_at,
            resends,
            reported_unheard,
            times,
            outcome,
        },
    )
}

fn times() -> impl Strategy<Value = Times> {
    let maybe = || option::of(moment());
    (maybe(), maybe(), maybe(), maybe()).prop_map(|(published, broker_acked, received, shown)| Times {
        published,
        broker_acked,
        received,
        shown,
    })
}

fn kind() -> impl Strategy<Value = MessageKind> {
    use MessageKind::*;
    prop_oneof![
        select(&[Alert, Confirmed, NotNeeded, TooLate][..]),
        stand_down().prop_map(StandDown)
    ]
}

fn outcome() -> impl Strategy<Value = MessageOutcome> {
    use MessageOutcome::*;
    select(&[Heard, Superseded, Lapsed][..])
}

fn alert_state() -> impl Strategy<Value = AlertState> {
    use AlertState::*;
    let plain = [
        Planned,
        Published,
        BrokerAcked,
        Received,
        Shown,
        Accepted,
        Expired,
        Undeliverable,
    ];
    prop_oneof![
        select(plain.to_vec()),
        decline().prop_map(Declined),
        stand_down().prop_map(Withdrawn)
    ]
}

fn tombstone() -> impl Strategy<Value = Tombstone> {
    (incident(), moment(), any::<u32>(), state()).prop_map(|(incident, forgotten_at, revision, state)| Tombstone {
        incident,
        forgotten_at,
        standing: Standing { revision, state },
    })
}

fn kept() -> impl Strategy<Value = KeptAnswer> {
    let request = (reference(), any::<[u8; 32]>()).prop_map(|(id, fingerprint)| RequestId { id, fingerprint });
    (moment(), tenant(), request, answer()).prop_map(|(at, tenant, request, answer)| KeptAnswer {
        at,
        tenant,
        request,
        answer,
    })
}

fn clock() -> impl Strategy<Value = (dispatch_core::ids::TenantId, dispatch_core::ids::Reference, CadClock)> {
    let hours = vec(any::<(i64, i64)>(), 0..24).prop_map(CadClock::known);
    (tenant(), reference(), hours)
}
