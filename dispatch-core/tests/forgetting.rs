//! Stories of forgetting: what is settled is forgotten, late words about it are answered, and nothing pins memory.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use dispatch_core::{
    attendance::Attendance,
    command::{Refusal, Warning},
    ids::Reference,
    incident::{EndCause, IncidentState},
    input::{DeclineReason, Input, Reply},
    record::Record,
};
use world::*;

const DAY: u64 = 86_400;

fn ten() -> World {
    let mut world = World::new();
    (1..=10).for_each(|n| world.add(n, f64::from(n) * 100.0));
    world
}

fn is_known(world: &World, number: u32) -> bool {
    world.dispatcher.state().incident(key(number).id()).is_some()
}

/// An incident that ran its course: one went, everybody acknowledged the last word.
fn over() -> World {
    let mut world = ten();
    world.reported(report(1, 1));
    world.reply(1, Reply::Accept);
    world.receive(1);
    world.reply(1, Reply::Finished);
    world.end(ending(1, 2, EndCause::CrewOnScene));
    world.everyone_receives();
    world
}

#[test]
fn a_settled_incident_is_forgotten_after_ten_minutes_and_late_words_are_answered() {
    let mut world = over();
    let alert = world.alert_of(2).plan.alert;
    world.seconds(599);
    assert!(is_known(&world, 1));
    world.seconds(1);
    assert!(!is_known(&world, 1));
    assert!(world.dispatcher.state().alert(alert).is_none());
    assert_eq!(world.dispatcher.next_deadline(), None, "nothing is left to happen");

    // A late revision is acknowledged and changes nothing, also after a restart.
    world.crash_and_restart();
    let before = world.entries.len();
    let late = world.reported(report(1, 3));
    assert_eq!((late.state, late.revision), (IncidentState::StoodDown, 2));
    assert_eq!(late.warnings, [Warning::IncidentEnded]);
    assert_eq!(world.entries.len(), before + 1, "only the answer is written down");
    // A stood-down incident may still be closed, once.
    let mut stale = ending(1, 2, EndCause::Closed);
    stale.request.id = Reference::new("another").unwrap();
    assert_eq!(world.end(stale).warnings, [Warning::StaleRevision]);
    assert_eq!(world.end(ending(1, 4, EndCause::Closed)).state, IncidentState::Closed);
    assert_eq!(
        world.end(ending(1, 5, EndCause::Closed)).warnings,
        [Warning::IncidentEnded]
    );
    assert_eq!(world.incident(1).state, IncidentState::Closed, "and its story tells so");
    // What a phone still says about it is refused and counted.
    let refused = world.refusals.len();
    world.input(Input::Reply {
        device: device(2),
        alert,
        reply: Reply::Accept,
    });
    assert_eq!(world.refusals[refused..], [Refusal::UnknownAlert]);
}

#[test]
fn nothing_is_forgotten_while_a_phone_may_still_be_told() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.everyone_receives();
    world.end(ending(1, 2, EndCause::Cancelled));
    (1..=6).for_each(|n| world.receive(n));
    world.seconds(3_600);
    assert!(is_known(&world, 1), "the stand-down of the seventh has just lapsed");
    // An accept that crossed it is answered, and that answer is waited for anew.
    world.reply(7, Reply::Accept);
    world.seconds(1_200);
    assert!(is_known(&world, 1));
    world.receive(7);
    world.seconds(600);
    assert!(!is_known(&world, 1));
}

#[test]
fn somebody_who_never_says_that_they_finished_is_presumed_to_have() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.reply(1, Reply::Accept);
    world.receive(1);
    world.reply(1, Reply::WithPatient);
    world.end(ending(1, 2, EndCause::Closed));
    world.everyone_receives();
    world.seconds(3 * 3_600);
    // A word begins the wait anew.
    world.reply(1, Reply::NeedHelp);
    let sent = world.sent.len();
    world.seconds(4 * 3_600 - 1);
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::WithPatient));
    world.seconds(1);
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::PresumedOver));
    assert_eq!(world.sent.len(), sent, "nobody with a patient is told to stop");
    world.seconds(600);
    assert!(!is_known(&world, 1));
}

#[test]
fn a_presumed_end_does_not_start_a_new_search() {
    let mut world = ten();
    world.reported(report(1, 1));
    for n in [1, 2, 3] {
        world.reply(n, Reply::Accept);
        world.reply(n, Reply::AtScene);
    }
    let asked = world.asked().len();
    (1..=10).for_each(|n| world.at(n, f64::from(n) * 100.0));
    world.seconds(5 * 3_600);
    assert_eq!(world.asked().len(), asked);
    assert_eq!(world.incident(1).state, IncidentState::Covered);
}

#[test]
fn a_revision_of_a_forgotten_tombstone_is_judged_by_when_it_was_sent() {
    let mut world = over();
    world.seconds(7 * DAY + 700);
    // The dispatch system's clock is known to be right.
    let mut fresh = report(2, 1);
    fresh.sent_at = world.now;
    world.reported(fresh);
    let mut old = report(1, 3);
    old.request.id = Reference::new("replayed").unwrap();
    let answer = world.reported(old);
    assert_eq!(answer.state, IncidentState::Recorded);
    assert!(matches!(answer.warnings[..], [Warning::LateNotAlerted { .. }]));
    // Its story goes on where it had ended.
    assert_eq!(world.incident(1).state, IncidentState::Recorded);
    assert_eq!(world.records(|r| matches!(r, Record::IncidentForgotten { .. })), 1);
}

#[test]
fn an_end_before_any_report_is_forgotten_too() {
    let mut world = ten();
    world.end(ending(1, 2, EndCause::Cancelled));
    world.pass(Duration::from_secs(600));
    assert!(!is_known(&world, 1));
    assert_eq!(world.reported(report(1, 3)).warnings, [Warning::IncidentEnded]);
}

#[test]
fn an_incident_that_the_control_room_never_ends_is_presumed_over_after_a_day() {
    let mut world = ten();
    world.reported(report(1, 1));
    (1..=10).for_each(|n| {
        world.seconds(1);
        world.reply(n, Reply::Decline(DeclineReason::Busy));
    });
    assert_eq!(world.incident(1).state, IncidentState::Exhausted);
    world.seconds(DAY - 11);
    world.crash_and_restart();
    assert!(world.incident(1).state.is_open(), "it still looks for people");
    world.seconds(1);
    assert_eq!(world.incident(1).state, IncidentState::StoodDown);
    // It is forgotten like any other, and may still be closed.
    world.seconds(600);
    assert!(!is_known(&world, 1));
    assert_eq!(world.dispatcher.next_deadline(), None, "nothing is left to happen");
    let late = world.reported(report(1, 2));
    assert_eq!((late.revision, late.warnings), (1, vec![Warning::IncidentEnded]));
    assert_eq!(world.end(ending(1, 3, EndCause::Closed)).state, IncidentState::Closed);
}
