//! A broker outside that is away, silent, or does not keep its word.

use std::time::Duration;

use dispatch_core::input::{DeliveryStage, Input};
use tokio::time::{interval, timeout};

use crate::{
    on_mosquitto,
    phone::Phone,
    stub::Manner,
    world::{Broker, World, delivery, outbound, ready},
};

on_mosquitto!(a_broker_restarted_under_load_accounts_for_every_message,);

const LIFE: Duration = Duration::from_secs(300);
/// By when a broker that answers nothing must have been given up.
const NOTICED: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_lying_broker_is_believed_no_further_than_its_word() {
    let mut world = World::stub().await;
    let device = world.binary.clone();
    for version in 1..=3 {
        world.publish(outbound(&device, version, LIFE));
        assert_eq!(
            world.next().await,
            delivery(&device, version, DeliveryStage::BrokerAcked)
        );
    }
    // A message that cannot go out is the next thing heard: nothing more was claimed of the others.
    world.publish(outbound(&device, 4, Duration::ZERO));
    assert_eq!(world.next().await, delivery(&device, 4, DeliveryStage::Failed));
}

#[tokio::test]
async fn an_idle_broker_that_falls_silent_is_noticed() {
    let mut world = World::stub().await;
    is_noticed(&mut world).await;
    let device = world.binary.clone();
    world.publish(outbound(&device, 1, LIFE));
    assert_eq!(world.next().await, delivery(&device, 1, DeliveryStage::Failed));
}

#[tokio::test]
async fn a_busy_broker_that_falls_silent_is_noticed() {
    let mut world = World::stub().await;
    let device = world.binary.clone();
    let (stub, bus) = world.stubbed();
    let mut ready = bus.ready();
    stub.manner.send_replace(Manner::Silent);
    let mut said = 0;
    let say = async {
        // More often than the client would ask whether the broker is there.
        let mut often = interval(Duration::from_millis(100));
        loop {
            often.tick().await;
            said += 1;
            world.publish(outbound(&device, said, LIFE));
        }
    };
    let noticed = timeout(NOTICED, ready.wait_for(|ready| !ready));
    tokio::select! {
        noticed = noticed => assert!(noticed.is_ok(), "not noticed in time"),
        () = say => unreachable!("it never stops"),
    }
    let mut failed = Vec::new();
    while failed.len() < said as usize {
        match world.next().await {
            Input::Delivery {
                version,
                stage: DeliveryStage::Failed,
                ..
            } => failed.push(version),
            heard => panic!("the broker said nothing, and yet {heard:?}"),
        }
    }
    failed.sort_unstable();
    assert_eq!(failed, (1..=said).collect::<Vec<_>>(), "each fails once");
}

#[tokio::test]
async fn nothing_of_before_goes_out_when_the_broker_is_back() {
    let mut world = World::stub().await;
    let device = world.binary.clone();
    world.stubbed().0.manner.send_replace(Manner::Hesitates);
    world.publish(outbound(&device, 1, Duration::from_secs(1)));
    world.stubbed().0.has_taken(&[1]).await;
    let (stub, bus) = world.stubbed();
    let mut is_ready = bus.ready();
    stub.manner.send_replace(Manner::Gone);
    let lost = timeout(NOTICED, is_ready.wait_for(|ready| !ready)).await;
    lost.expect("noticed in time").expect("the bus lives");
    assert_eq!(world.next().await, delivery(&device, 1, DeliveryStage::Failed));

    // The broker remembers the session, which is when a client library sends again what was not acknowledged.
    let (stub, bus) = world.stubbed();
    stub.manner.send_replace(Manner::Lies);
    ready(bus).await;
    world.publish(outbound(&device, 2, LIFE));
    assert_eq!(world.next().await, delivery(&device, 2, DeliveryStage::BrokerAcked));
    world.stubbed().0.has_taken(&[1, 2]).await;
}

async fn is_noticed(world: &mut World) {
    let (stub, bus) = world.stubbed();
    let mut ready = bus.ready();
    stub.manner.send_replace(Manner::Silent);
    let noticed = timeout(NOTICED, ready.wait_for(|ready| !ready)).await;
    noticed.expect("noticed in time").expect("the bus lives");
}

async fn a_broker_restarted_under_load_accounts_for_every_message(mut world: World) {
    const SAID: u32 = 600;
    let device = world.json.clone();
    let phone = Phone::listening(&world, &device).await;
    let mut outcomes = vec![0_u32; SAID as usize];
    let mut often = interval(Duration::from_millis(2));
    for version in 1..=SAID {
        often.tick().await;
        world.publish(outbound(&device, version, LIFE));
        let Broker::Mosquitto(mosquitto, _) = &mut world.broker else {
            panic!("needs a broker that can be stopped");
        };
        if version % 200 == 100 {
            mosquitto.stop();
        }
        if version % 200 == 0 {
            mosquitto.run().await;
        }
    }
    drop(phone);
    while outcomes.contains(&0) {
        match world.next_said().await {
            Input::Delivery {
                version,
                stage: DeliveryStage::BrokerAcked | DeliveryStage::Failed,
                ..
            } => outcomes[version as usize - 1] += 1,
            heard => panic!("nobody said {heard:?}"),
        }
    }
    assert!(outcomes.iter().all(|outcome| *outcome == 1), "each ends once");

    let Broker::Mosquitto(_, bus) = &world.broker else {
        unreachable!("it was Mosquitto above");
    };
    ready(bus).await;
    let mut phone = Phone::listening(&world, &device).await;
    world.publish(outbound(&device, SAID + 1, LIFE));
    assert_eq!(phone.next_down().await.alert_version, SAID + 1);
}
