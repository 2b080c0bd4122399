//! Stories of the delivery ledger: every message ends in one counted outcome, and each stage has its time.
#![allow(clippy::unwrap_used)]

mod world;

use dispatch_core::{
    alert::{MessageKind, StandDownReason},
    attendance::Attendance,
    incident::EndCause,
    input::{DeclineReason, DeliveryStage, Input, Place, Reply},
    ledger::MessageOutcome::{self, Heard, Lapsed, Superseded},
    position::Metres,
    record::Record,
    time::Timestamp,
};
use world::*;

const ENOUGH: MessageKind = MessageKind::StandDown(StandDownReason::Enough);
const CANCELLED: MessageKind = MessageKind::StandDown(StandDownReason::Cancelled);

/// As many people as are asked at a time, and an incident they are asked for.
fn seven() -> World {
    let mut world = World::new();
    (1..=7).for_each(|n| world.add(n, f64::from(n) * 100.0));
    world.reported(report(1, 1));
    world
}

fn stage(world: &mut World, n: u8, stage: DeliveryStage) {
    let (alert, version) = (world.alert_of(n).plan.alert, world.alert_of(n).message.version);
    world.input(Input::Delivery {
        device: device(n),
        alert,
        version,
        stage,
    });
}

fn outcomes(world: &World) -> Vec<(MessageKind, MessageOutcome, u64)> {
    world.dispatcher.state().ledger().settled().collect()
}

#[test]
fn each_stage_has_its_own_time_in_whatever_order_they_come() {
    let mut world = seven();
    let at = |seconds: i64| Timestamp::from_unix_ms(START.unix_ms() + seconds * 1000);
    let order = [
        DeliveryStage::Published,
        DeliveryStage::Received,
        DeliveryStage::BrokerAcked,
        DeliveryStage::Shown,
    ];
    for next in order {
        world.seconds(1);
        stage(&mut world, 1, next);
        stage(&mut world, 1, next);
    }
    world.seconds(1);
    world.reply(1, Reply::Accept);
    let alert = *world.alert_of(1);
    assert_eq!(
        (alert.request.published, alert.request.received),
        (Some(at(1)), Some(at(2)))
    );
    assert_eq!(
        (alert.request.broker_acked, alert.request.shown),
        (Some(at(3)), Some(at(4)))
    );
    assert_eq!(alert.answered_at, Some(at(5)));
    assert_eq!(
        world.records(|r| matches!(r, Record::MessageProgress { .. })),
        4,
        "once each"
    );
    // The confirmation has times of its own.
    assert_eq!(alert.message.times.published, None);
    world.seconds(1);
    stage(&mut world, 1, DeliveryStage::Received);
    let alert = world.alert_of(1);
    assert_eq!(alert.message.times.received, Some(at(6)));
    assert_eq!(alert.request.received, Some(at(2)));
}

#[test]
fn messages_end_heard_superseded_or_lapsed_and_are_counted() {
    let mut world = seven();
    world.receive(1);
    world.reply(1, Reply::Accept);
    world.reply(2, Reply::Accept);
    world.reply(3, Reply::Accept);
    // Two answers and a receipt prove that the phone had the request; four requests were replaced unheard.
    let alert = MessageKind::Alert;
    assert_eq!(outcomes(&world), [(alert, Heard, 3), (alert, Superseded, 4)]);
    world.receive(1);
    world.receive(4);
    world.end(ending(1, 2, EndCause::Cancelled));
    let confirmed = MessageKind::Confirmed;
    assert_eq!(
        outcomes(&world)[2..],
        [(confirmed, Heard, 1), (confirmed, Superseded, 2), (ENOUGH, Heard, 1)]
    );
    world.seconds(3_599);
    assert_eq!(world.dispatcher.state().ledger().open(), 6);
    assert_eq!(world.records(|r| matches!(r, Record::MessageUnheard { .. })), 6);
    world.seconds(1);
    assert_eq!(world.dispatcher.state().ledger().open(), 0);
    assert_eq!(
        outcomes(&world)[4..],
        [(ENOUGH, Heard, 1), (ENOUGH, Lapsed, 3), (CANCELLED, Lapsed, 3)]
    );
    assert_eq!(
        world.records(|r| matches!(r, Record::MessageUnheard { .. })),
        6,
        "told once"
    );
    // A receipt after that is noted, and takes nothing back.
    world.receive(5);
    assert!(world.alert_of(5).message.is_heard());
    assert_eq!(world.alert_of(5).message.outcome, Some(Lapsed));
    assert_eq!(outcomes(&world).len(), 7);
}

#[test]
fn a_request_nobody_answers_lapses_with_its_alert() {
    let mut world = seven();
    world.receive(1);
    world.seconds(300);
    let alert = MessageKind::Alert;
    assert_eq!(outcomes(&world), [(alert, Heard, 1), (alert, Lapsed, 6)]);
}

#[test]
fn an_answer_proves_only_a_request_that_had_one_version() {
    let mut world = seven();
    let mut corrected = report(1, 2);
    corrected.place = Some(Place {
        position: place(50.0),
        accuracy: Metres::new(0),
    });
    world.reported(corrected);
    world.reply(1, Reply::Decline(DeclineReason::Busy));
    world.reply(2, Reply::Accept);
    // The answers may be to the first version.
    let alert = MessageKind::Alert;
    assert_eq!(outcomes(&world), [(alert, Superseded, 8), (alert, Lapsed, 1)]);
    assert_eq!(world.alert_of(2).attendance, Some(Attendance::Confirmed));
    assert_eq!(world.alert_of(2).message.outcome, None);
}

#[test]
fn to_go_is_not_repeated_to_somebody_who_has_gone_home() {
    let mut world = seven();
    world.reply(1, Reply::Accept);
    world.reply(1, Reply::WithPatient);
    world.reply(1, Reply::Finished);
    assert_eq!(world.alert_of(1).message.outcome, Some(Lapsed));
    let before = world.sent_to(1).len();
    world.seconds(60);
    assert_eq!(world.sent_to(1).len(), before);
    assert_eq!(world.records(|r| matches!(r, Record::MessageUnheard { .. })), 0);
}

#[test]
fn an_outage_longer_than_a_stand_downs_life_is_told_to_the_control_room() {
    let mut world = seven();
    world.reply(1, Reply::Accept);
    world.receive(1);
    world.everyone_receives();
    world.end(ending(1, 2, EndCause::Cancelled));
    world.now = world.now + std::time::Duration::from_secs(7_200);
    world.crash_and_restart();
    world.seconds(0);
    assert_eq!(world.records(|r| matches!(r, Record::MessageUnheard { .. })), 7);
    assert_eq!(world.dispatcher.state().ledger().open(), 0);
    assert!(world.sent.is_empty(), "nothing untrue is sent");
}
