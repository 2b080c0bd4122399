//! Stories of what is sent again: the most urgent first, and nothing that is not true any more. That nothing untrue is
//! ever sent is checked by the world itself, for every message of every story.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use dispatch_core::{
    alert::StandDownReason,
    attendance::AbortReason,
    command::{DownBody, Refusal},
    incident::EndCause,
    input::{DeclineReason, Input, Place, Reply},
    position::Metres,
};
use world::*;

fn people(count: u8) -> World {
    let mut world = World::new();
    (1..=count).for_each(|n| world.add(n, f64::from(n) * 50.0));
    world
}

/// Whom the messages since `before` went to.
fn told_since(world: &World, before: usize) -> Vec<u8> {
    let about = world.sent[before..]
        .iter()
        .filter(|(_, message)| message.about.is_some());
    about.map(|(_, message)| message.device.as_bytes()[0]).collect()
}

#[test]
fn an_accept_repeated_when_nothing_is_true_any_more_is_refused() {
    let mut world = people(7);
    world.reported(report(1, 1));
    world.reply(1, Reply::Accept);
    world.reply(2, Reply::Accept);
    world.reply(1, Reply::Abort(AbortReason::CannotContinue));
    world.end(ending(1, 2, EndCause::Cancelled));
    world.reply(3, Reply::Accept);
    assert_eq!(world.last_sent_to(3), &DownBody::TooLate);
    let before = world.sent.len();
    // The first gave up, so that "go" is not true any more; the others are told again what they were told.
    [1, 2, 3].into_iter().for_each(|n| world.reply(n, Reply::Accept));
    assert_eq!(told_since(&world, before), [2, 3]);
    assert_eq!(world.refusals, [Refusal::OutOfTurn]);
    world.seconds(3_600);
    let before = world.sent.len();
    [1, 2, 3].into_iter().for_each(|n| world.reply(n, Reply::Accept));
    assert_eq!(world.sent.len(), before);
    assert_eq!(world.refusals, [Refusal::OutOfTurn; 4]);
}

#[test]
fn a_service_that_was_paused_sends_nothing_that_expired_meanwhile() {
    let mut world = people(7);
    world.reported(report(1, 1));
    world.reply(1, Reply::Accept);
    let before = world.sent.len();
    world.pause(301);
    // The confirmation still holds; whoever else hears something is asked anew.
    assert_eq!(told_since(&world, before)[0], 1);
    let anew = |n: u8| world.alert_of(n).plan.attempt == 2;
    assert!(told_since(&world, before)[1..].iter().all(|&n| anew(n)));
    world.end(ending(1, 2, EndCause::Cancelled));
    let before = world.sent.len();
    world.pause(3_601);
    assert_eq!(world.sent.len(), before);
}

#[test]
fn a_correction_that_comes_after_the_expiry_but_before_its_turn_asks_nobody_anew() {
    let mut world = people(7);
    world.reported(report(1, 1));
    world.everyone_receives();
    world.now = world.now + Duration::from_secs(301);
    let before = world.sent.len();
    let mut corrected = report(1, 2);
    corrected.place = Some(Place {
        position: place(50.0),
        accuracy: Metres::new(0),
    });
    world.reported(corrected);
    assert_eq!(world.sent.len(), before);
    // A phone that comes back is not asked either.
    world.input(Input::DeviceOnline { device: device(2) });
    assert_eq!(world.sent.len(), before);
}

#[test]
fn nobody_with_the_patient_is_sent_to_an_incident_that_is_closed() {
    let mut world = people(7);
    world.reported(report(1, 1));
    world.reply(1, Reply::Accept);
    world.reply(1, Reply::WithPatient);
    world.end(ending(1, 2, EndCause::Closed));
    let before = world.sent_to(1).len();
    world.reply(1, Reply::Accept);
    world.input(Input::DeviceOnline { device: device(1) });
    world.seconds(30);
    assert_eq!(world.sent_to(1).len(), before);
    world.crash_and_restart();
    assert_eq!(world.sent_to(1).len(), 0);
    world.seconds(3_600);
    assert_eq!(world.dispatcher.state().ledger().open(), 0);
}

#[test]
fn after_a_restart_the_most_urgent_go_out_first_and_of_those_the_newest() {
    let mut world = people(21);
    for (incident, who) in [(1, 3), (2, 10), (3, 17)] {
        world.reported(report(incident, 1));
        world.pass(Duration::from_millis(100));
        world.reply(who, Reply::Accept);
    }
    world.end(ending(1, 2, EndCause::Cancelled));
    world.crash_and_restart();
    let rank = |body: &DownBody| match body {
        DownBody::Confirmed { .. } => 0,
        DownBody::Alert { .. } => 1,
        _ => 2,
    };
    let order: Vec<(u8, u32)> = world
        .sent
        .iter()
        .map(|(_, message)| (rank(&message.body), u32::from(message.device.as_bytes()[0])))
        .collect();
    let group = |rank: u8| {
        order
            .iter()
            .filter(|(r, _)| *r == rank)
            .map(|(_, n)| *n)
            .collect::<Vec<_>>()
    };
    assert!(order.is_sorted_by_key(|(rank, _)| *rank), "{order:?}");
    assert_eq!(group(0), [17, 10], "newest first");
    let alerts = group(1);
    assert_eq!(alerts.len(), 12);
    assert!(alerts[..6].iter().all(|&n| n > 14), "{alerts:?}");
    assert_eq!(group(2).len(), 7);
}

#[test]
fn a_phone_that_is_back_hears_the_most_urgent_first() {
    // The two alerts of one person are in either order by their ids, so several people are looked at.
    let mut world = people(7);
    world.reported(report(1, 1));
    world.seconds(1);
    world.end(ending(1, 2, EndCause::Cancelled));
    world.seconds(1);
    world.reported(report(2, 1));
    for n in 1..=7 {
        let before = world.sent.len();
        world.input(Input::DeviceOnline { device: device(n) });
        let told: Vec<&DownBody> = world.sent[before..].iter().map(|(_, message)| &message.body).collect();
        assert!(matches!(told[0], DownBody::Alert { .. }), "{told:?}");
        assert_eq!(told[1], &DownBody::StandDown(StandDownReason::Cancelled));
    }
}

#[test]
fn a_broker_that_is_back_makes_everybody_repeat_where_they_stand() {
    let mut world = people(4);
    world.reported(report(1, 1));
    for n in 1..=4 {
        world.receive(n);
    }
    world.reply(1, Reply::Accept);
    world.receive(1);
    world.reply(2, Reply::Decline(DeclineReason::Busy));
    let before = world.sent.len();
    world.input(Input::BrokerBack);
    let again: Vec<(u8, &DownBody)> = world.sent[before..]
        .iter()
        .map(|(_, message)| (message.device.as_bytes()[0], &message.body))
        .collect();
    // The one who goes may have said since that they are there; the two who have not answered may have.
    assert!(matches!(again[0], (1, DownBody::Confirmed { .. })), "{again:?}");
    assert_eq!(again.len(), 3, "{again:?}");
    assert!(
        again[1..]
            .iter()
            .all(|(n, body)| *n > 2 && matches!(body, DownBody::Alert { .. }))
    );
}
