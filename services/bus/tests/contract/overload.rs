//! One that says too much, or listens too little, costs itself and nobody else.

use std::time::Duration;

use dispatch_core::input::{DeliveryStage, Input, Reply};
use muster_proto::v1::{self, ReplyKind, up::Kind};

use crate::{
    on_embedded, on_mosquitto,
    phone::{Introduction, Phone, position},
    raw::{PUBACK, PUBLISH_QOS_1, Raw, Version},
    world::{NOW, World, alert_id, delivery, fix, outbound},
};

on_embedded!(
    a_noisy_phone_is_shed_and_its_accept_is_heard,
    an_answer_beyond_the_budget_is_not_acknowledged,
    a_phone_that_never_reads_holds_up_nobody,
    what_expired_while_a_phone_was_away_is_not_sent,
);
on_mosquitto!(a_noisy_phone_is_shed_and_its_accept_is_heard,);

const LIFE: Duration = Duration::from_secs(300);
/// Positions a phone may send at once.
const BURST: u64 = 30;
/// Answers a phone may send at once.
const ANSWERS: u64 = 50;

async fn a_noisy_phone_is_shed_and_its_accept_is_heard(mut world: World) {
    let (noisy, other) = (world.json.clone(), world.binary.clone());
    let phone = Phone::connect(&world, &noisy).await;
    for _ in 0..BURST + 20 {
        phone.say(position(51.5)).await;
    }
    phone.say(accept()).await;
    let device = noisy.id();
    let (mut positions, mut accepts) = (0, 0);
    while (positions, accepts) != (BURST, 1) {
        match world.next_said().await {
            Input::Fix { .. } => positions += 1,
            Input::Reply {
                reply: Reply::Accept, ..
            } => accepts += 1,
            heard => panic!("nobody said {heard:?}"),
        }
    }
    assert_eq!(shed(&world, "position"), 20);
    assert_eq!(shed(&world, "reply"), 0);

    // The others have budgets of their own.
    Phone::connect(&world, &other).await.is_heard_next(&mut world).await;
    // The next second brings the next position, the newest.
    world.clock.pass(Duration::from_secs(1));
    phone.say(position(51.6)).await;
    phone.say(position(51.7)).await;
    let fix = fix(51.6, -0.1, 10, NOW + Duration::from_secs(1));
    assert_eq!(world.next_said().await, Input::Fix { device, fix });
}

/// An acknowledged answer is one that counts; so what is not taken is not acknowledged, and the phone says it again.
async fn an_answer_beyond_the_budget_is_not_acknowledged(mut world: World) {
    let me = world.json.clone();
    let mut raw = Raw::connect(&world, &me, &me.username(), Version::V5).await;
    let up = v1::Up {
        sent_at: None,
        kind: Some(accept()),
    };
    let payload = serde_json::to_vec(&up).unwrap();
    let mut acknowledged = 0;
    loop {
        raw.publish(PUBLISH_QOS_1, me.up().as_bytes(), &payload).await;
        match raw.receive().await {
            Some((kind, _)) if kind == PUBACK => acknowledged += 1,
            Some((kind, _)) => panic!("packet {kind:#x}"),
            None => break,
        }
        assert!(matches!(world.next_said().await, Input::Reply { .. }));
    }
    assert_eq!((acknowledged, shed(&world, "reply")), (ANSWERS, 1));

    world.clock.pass(Duration::from_secs(1));
    let phone = Phone::connect(&world, &me).await;
    phone.say(accept()).await;
    assert!(matches!(world.next_said().await, Input::Reply { .. }));
}

fn shed(world: &World, what: &str) -> u64 {
    world.counters.count(&format!("muster_device_budget_shed_total {what}"))
}

fn accept() -> Kind {
    Kind::Reply(v1::Reply {
        shifts: Vec::new(),
        alert_id: alert_id().to_string(),
        kind: ReplyKind::Accept.into(),
        decline_reason: 0,
    })
}

async fn a_phone_that_never_reads_holds_up_nobody(mut world: World) {
    const SAID: u32 = 1_000;
    // In flight, and waiting.
    const KEPT: u32 = 16 + 16;
    let (slow, quick) = (world.binary.clone(), world.json.clone());
    let mut deaf = Raw::connect(&world, &slow, &slow.username(), Version::V5).await;
    deaf.subscribe(&slow.down()).await;
    deaf.receive().await;
    let mut phone = Phone::listening(&world, &quick).await;
    for version in 1..=SAID {
        world.publish(outbound(&slow, version, LIFE));
        if version % 100 == 0 {
            world.publish(outbound(&quick, version, LIFE));
            assert_eq!(phone.next_down().await.alert_version, version);
        }
    }
    let (mut acked, mut failed) = (0, Vec::new());
    while acked < SAID {
        match world.next_said().await {
            Input::Delivery { device, .. } if device == quick.id() => {}
            Input::Delivery {
                stage: DeliveryStage::BrokerAcked,
                ..
            } => acked += 1,
            Input::Delivery {
                version,
                stage: DeliveryStage::Failed,
                ..
            } => failed.push(version),
            heard => panic!("nobody said {heard:?}"),
        }
    }
    let dropped = u32::try_from(failed.len()).unwrap();
    assert_eq!(dropped, SAID - KEPT, "all but what is in flight and what waits");
    assert_eq!(
        u64::from(dropped),
        world.counters.count("muster_bus_queue_dropped_total full")
    );
    let newest = SAID - 16;
    assert!(
        failed.is_sorted() && failed.iter().all(|version| *version <= newest),
        "the oldest go first"
    );

    // It wakes up, elsewhere: the newest are there for it, in order, and the last is the last.
    drop(deaf);
    let resume = Introduction {
        resume: true,
        ..Introduction::of(&slow)
    };
    let mut awake = Phone::introduce(&world, &slow, resume).await.unwrap();
    let mut heard = Vec::new();
    while heard.last() != Some(&SAID) {
        heard.push(awake.next_down().await.alert_version);
    }
    assert_eq!(heard.len() as u32, KEPT);
    assert!(heard.is_sorted());
}

async fn what_expired_while_a_phone_was_away_is_not_sent(mut world: World) {
    let me = world.binary.clone();
    let resume = || Introduction {
        resume: true,
        ..Introduction::of(&me)
    };
    let phone = Phone::introduce(&world, &me, resume()).await.unwrap();
    phone.subscribe(&[&me.down()]).await;
    phone.leave().await;
    world.publish(outbound(&me, 1, Duration::from_secs(100)));
    world.publish(outbound(&me, 2, LIFE));
    for version in [1, 2] {
        assert_eq!(
            world.next_said().await,
            delivery(&me, version, DeliveryStage::BrokerAcked)
        );
    }
    world.clock.pass(Duration::from_secs(100));
    let mut phone = Phone::introduce(&world, &me, resume()).await.unwrap();
    assert_eq!(phone.next_down().await.alert_version, 2);
    assert_eq!(world.next_said().await, delivery(&me, 1, DeliveryStage::Failed));
    assert_eq!(world.counters.count("muster_bus_queue_dropped_total expired"), 1);
}
