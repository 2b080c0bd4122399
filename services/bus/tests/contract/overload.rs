//! One that says too much, or listens too little, costs itself and nobody else.

use std::time::Duration;

use dispatch_core::input::{Input, Reply};
use muster_proto::v1::{self, ReplyKind, up::Kind};

use crate::{
    on_embedded, on_mosquitto,
    phone::{Phone, position},
    world::{NOW, World, alert_id, fix},
};

on_embedded!(a_noisy_phone_is_shed_and_its_accept_is_heard,);
on_mosquitto!(a_noisy_phone_is_shed_and_its_accept_is_heard,);

/// Positions a phone may send at once.
const BURST: u64 = 30;

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

fn shed(world: &World, what: &str) -> u64 {
    world.counters.count(&format!("muster_device_budget_shed_total {what}"))
}

fn accept() -> Kind {
    Kind::Reply(v1::Reply {
        alert_id: alert_id().to_string(),
        kind: ReplyKind::Accept.into(),
        decline_reason: 0,
    })
}
