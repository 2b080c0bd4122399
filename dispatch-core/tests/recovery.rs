//! A restart forgets nothing, and whatever happens in whatever order, promises are kept.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use dispatch_core::{
    alert::{AlertState, MessageKind},
    command::Warning,
    ids::AlertId,
    incident::{EndCause, IncidentState},
    input::{DeclineReason, Input, Place, Reply},
    position::Metres,
    record::Record,
};
use proptest::prelude::*;
use world::{
    events::{event, happen},
    *,
};

fn ten() -> World {
    let mut world = World::new();
    (1..=10).for_each(|n| world.add(n, f64::from(n) * 100.0));
    world
}

#[test]
fn a_restart_knows_what_was_known() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.everyone_receives();
    world.reply(1, Reply::Accept);
    world.reply(2, Reply::Decline(DeclineReason::Busy));
    world.seconds(20);
    let recovered = World::restarted(&world.entries, world.now);
    assert_eq!(recovered.picture(), world.picture());
}

#[test]
fn after_a_restart_what_no_phone_has_is_sent_again_and_nobody_who_answered_is_asked_again() {
    let mut world = ten();
    world.reported(report(1, 1));
    (1..=4).for_each(|n| world.receive(n));
    world.reply(1, Reply::Accept);
    world.reply(2, Reply::Decline(DeclineReason::Busy));
    let first: Vec<_> = (5..=8).map(|n| world.sent_to(n)[0].about).collect();
    world.seconds(1);
    world.crash_and_restart();
    let again: Vec<_> = (5..=8).map(|n| world.sent_to(n)[0].about).collect();
    assert_eq!(first, again, "the same id and version");
    assert!(world.sent_to(3).is_empty(), "it has the alert");
    assert!(
        matches!(
            world.last_sent_to(1),
            dispatch_core::command::DownBody::Confirmed { .. }
        ),
        "never acknowledged"
    );
    let owner = u64::try_from(START.unix_ms()).unwrap() / 1000;
    assert_eq!(world.sent_to(5)[0].owner_epoch, owner + 1);
    // Waits count from the start of the service: at once nobody is replaced, later they are.
    world.pass(Duration::from_millis(3_999));
    assert_eq!(world.asked().len(), 8);
    (1..=10).for_each(|n| world.at(n, f64::from(n) * 100.0));
    world.seconds(60);
    let asked = world.asked();
    assert_eq!(asked.iter().filter(|&&n| n == 1).count(), 1);
    assert_eq!(asked.iter().filter(|&&n| n == 2).count(), 1);
    assert!(asked.contains(&9) && asked.contains(&10));
}

#[test]
fn an_unanswered_alert_is_published_again_when_its_phone_is_back() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.crash_and_restart();
    let before = world.sent_to(7).len();
    world.input(Input::DeviceOnline { device: device(7) });
    let alert = world.sent_to(7)[before];
    assert_eq!(alert.about.unwrap().0, world.alert_of(7).plan.alert);
    // Also when the phone had confirmed receipt: its answer may have been lost.
    world.receive(7);
    let before = world.sent_to(7).len();
    world.input(Input::DeviceOnline { device: device(7) });
    assert_eq!(world.sent_to(7)[before].about.unwrap().0, world.alert_of(7).plan.alert);
    // Not once it has expired.
    world.seconds(300);
    let before = world.sent.iter().filter(|(_, m)| m.about.is_some()).count();
    world.input(Input::DeviceOnline { device: device(7) });
    assert_eq!(world.sent.iter().filter(|(_, m)| m.about.is_some()).count(), before);
}

#[test]
fn a_clock_set_back_between_two_starts_silences_nobody() {
    let mut world = World::new();
    (1..=40).for_each(|n| world.add(n, f64::from(n) * 25.0));
    world.seconds(3_600);
    world.reported(report(1, 1));
    let mut fresh = report(2, 1);
    fresh.sent_at = world.now;
    world.reported(fresh);
    // An hour back: by the journal's time, what the dispatch system sends now is an hour old.
    world.now = world.now - Duration::from_secs(3_600);
    world.crash_and_restart();
    (1..=40).for_each(|n| world.at(n, f64::from(n) * 25.0));
    let mut next = report(3, 1);
    next.sent_at = world.now;
    let answer = world.reported(next);
    assert_eq!(answer.state, IncidentState::Searching);
    assert_eq!(answer.warnings, [Warning::PerhapsLate { age_ms: 3_600_000 }]);
    let mut later = report(4, 1);
    later.sent_at = world.now + Duration::from_secs(5);
    assert_eq!(world.reported(later).warnings, [], "its clock is known again");
}

#[test]
fn a_service_restored_from_an_older_backup_is_not_ignored_by_the_phones() {
    let mut world = ten();
    let backup = world.entries.clone();
    for _ in 0..5 {
        world.seconds(10);
        world.crash_and_restart();
    }
    (1..=10).for_each(|n| world.at(n, f64::from(n) * 100.0));
    world.reported(report(1, 1));
    let heard = world.sent_to(1)[0].owner_epoch;
    world.seconds(3_600);
    let mut restored = World::restarted(&backup, world.now);
    restored.input(Input::Started);
    (1..=10).for_each(|n| restored.at(n, f64::from(n) * 100.0));
    restored.reported(report(1, 1));
    assert!(restored.sent_to(1)[0].owner_epoch > heard);
    // However often it starts within a second, and though its clock goes back, each start has a higher number.
    restored.now = restored.now - Duration::from_secs(7_200);
    let before = restored.dispatcher.state().epoch();
    restored.crash_and_restart();
    restored.crash_and_restart();
    assert_eq!(restored.dispatcher.state().epoch(), before + 2);
}

/// Any order of these events ends in the same state of the incident.
#[test]
fn every_order_of_revisions_ends_the_same() {
    fn permutations(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![vec![]];
        }
        let shorter = permutations(n - 1);
        shorter
            .iter()
            .flat_map(|p| (0..n).map(move |at| [&p[..at], &[n - 1], &p[at..]].concat()))
            .collect()
    }
    for order in permutations(5) {
        let mut world = ten();
        for event in &order {
            match event {
                0..=2 => {
                    let revision = u32::try_from(*event).unwrap() + 1;
                    let mut report = report(1, revision);
                    report.place = Some(Place {
                        position: place(f64::from(revision) * 10.0),
                        accuracy: Metres::new(0),
                    });
                    drop(world.report(report));
                }
                3 => drop(world.end(ending(1, 4, EndCause::Cancelled))),
                _ => drop(world.end(ending(1, 5, EndCause::Closed))),
            }
        }
        assert_eq!(world.incident(1).state, IncidentState::Closed, "{order:?}");
        assert_eq!(world.incident(1).revision, 5, "{order:?}");
        assert!(world.alerts().iter().all(|alert| !alert.state.is_open()), "{order:?}");
        let settled = world.asked().len();
        world.seconds(900);
        assert_eq!(world.asked().len(), settled, "{order:?}");
    }
}

/// What must be true after every step.
fn check(world: &World) {
    let (incidents, alerts) = world.picture();
    for incident in &incidents {
        let mine = || incident.alerts.iter().map(|id| alerts[id]);
        // Somebody who was counted on no longer and comes after all is not sent home.
        let stalled = world.records(|record| matches!(record, Record::AttendanceStalled { .. }));
        assert!(
            mine().filter(|alert| alert.is_attended()).count() <= 3 + stalled,
            "confirmed more than wanted"
        );
        if !incident.state.is_active() {
            assert!(
                mine().all(|alert| !alert.state.is_open()),
                "an alert outlives its incident"
            );
        }
        if incident.state == IncidentState::Covered {
            assert!(mine().all(|alert| !alert.is_pending()), "still asking though covered");
        }
        assert!(
            mine().filter(|alert| alert.is_pending()).count() <= 7,
            "asks too many at a time"
        );
        let mut pending: Vec<_> = mine().filter(|a| a.is_pending()).map(|a| a.plan.responder).collect();
        pending.dedup();
        assert_eq!(
            pending.len(),
            mine().filter(|a| a.is_pending()).count(),
            "asks somebody twice at a time"
        );
    }
    for n in 1..13 {
        let busy = alerts
            .values()
            .filter(|a| a.plan.responder == responder(n) && a.is_attended())
            .count();
        assert!(busy <= 1, "somebody is confirmed to two incidents");
    }
    assert_eq!(
        World::restarted(&world.entries, world.now).picture(),
        world.picture(),
        "a restart would forget"
    );
}

/// The messages that a record plans, by alert and version.
fn planned(record: &Record) -> Vec<(AlertId, u32)> {
    match record {
        Record::Decided(decision) => decision.alerts.iter().map(|plan| (plan.alert, 1)).collect(),
        Record::AlertAccepted { alert, version, .. }
        | Record::AlertWithdrawn { alert, version, .. }
        | Record::AlertRelocated { alert, version, .. }
        | Record::AttendanceStoodDown { alert, version, .. } => vec![(*alert, *version)],
        _ => Vec::new(),
    }
}

/// Every message planned has one outcome, or is the newest about its alert and still waits for it.
fn check_ledger(world: &World) {
    let mut outcomes = std::collections::BTreeMap::new();
    for settled in &world.settled {
        let before = outcomes.insert((settled.alert, settled.version), settled.outcome);
        assert_eq!(before, None, "two outcomes: {settled:?}");
    }
    let planned: std::collections::BTreeSet<_> =
        world.entries.iter().flat_map(|entry| planned(&entry.record)).collect();
    let mut open = 0;
    for alert in world.alerts() {
        let message = alert.message;
        let replaced = planned
            .iter()
            .filter(|(id, version)| *id == alert.plan.alert && *version < message.version);
        for &(_, version) in replaced {
            assert!(
                outcomes.contains_key(&(alert.plan.alert, version)),
                "replaced without an outcome"
            );
        }
        assert_eq!(
            outcomes.get(&(alert.plan.alert, message.version)),
            message.outcome.as_ref()
        );
        assert!(!message.is_heard() || !message.is_open(), "heard without an outcome");
        open += u64::from(message.is_open());
        let waits = message.is_open() && message.kind == MessageKind::Alert;
        assert!(!waits || alert.state.is_open(), "a request outlives its alert");
    }
    assert_eq!(world.dispatcher.state().ledger().open(), open);
}

/// Each alert has at most one outcome in the journal, and nobody who answered is asked again for the same incident.
fn check_journal(world: &World) {
    for alert in world.alerts() {
        let id = alert.plan.alert;
        let of_it = |kinds: fn(&Record) -> bool| world.records(|record| record.alert() == Some(id) && kinds(record));
        let ended = of_it(|record| {
            matches!(
                record,
                Record::AlertDeclined { .. }
                    | Record::AlertExpired { .. }
                    | Record::AlertUndeliverable { .. }
                    | Record::AlertWithdrawn { .. }
            )
        });
        let accepted = of_it(|record| matches!(record, Record::AlertAccepted { .. }));
        assert!(accepted <= 1, "{id} accepted twice");
        // An accept that comes after the end is answered and ends nothing.
        let outcomes = if ended == 0 { accepted } else { ended };
        assert_eq!(outcomes, usize::from(!alert.state.is_open()), "{id} {:?}", alert.state);
        let declined = matches!(alert.state, AlertState::Declined(_));
        if declined {
            let later = world.alerts().into_iter().filter(|other| {
                other.incident == alert.incident
                    && other.plan.responder == alert.plan.responder
                    && other.plan.attempt > alert.plan.attempt
            });
            assert_eq!(later.count(), 0, "asked again after a decline");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn promises_are_kept_whatever_happens(events in prop::collection::vec(event(), 1..80)) {
        let mut world = World::new();
        (1..=12).for_each(|n| world.add(n, f64::from(n) * 90.0));
        for event in &events {
            happen(&mut world, event);
            check(&world);
            check_ledger(&world);
        }
        check_journal(&world);
        // Left alone, everything settles: no alert stays open past its time, and no message without an outcome.
        for incident in 1..4 {
            drop(world.end(ending(incident, 100, EndCause::Closed)));
        }
        world.seconds(5 * 3_600);
        prop_assert_eq!(world.dispatcher.state().incidents().count(), 0);
        prop_assert_eq!(world.dispatcher.next_deadline(), None);
        let open = world.alerts().iter().filter(|alert| alert.state.is_open()).count();
        prop_assert_eq!(open, 0);
        check_ledger(&world);
        prop_assert_eq!(world.dispatcher.state().ledger().open(), 0);
    }

    #[test]
    fn the_same_inputs_give_the_same_commands(events in prop::collection::vec(event(), 1..60)) {
        let run = || {
            let mut world = World::new();
            (1..=12).for_each(|n| world.add(n, f64::from(n) * 90.0));
            events.iter().for_each(|event| happen(&mut world, event));
            (world.entries, world.sent, world.answers)
        };
        prop_assert_eq!(run(), run());
    }
}
