//! Messages in both directions.

use std::time::Duration;

use dispatch_core::{
    aeds::{Access, Aed, AedState},
    alert::Role,
    attendance::AbortReason,
    call_out::ShiftNumber,
    command::DownBody,
    ids::{AedId, IncidentId, TenantId},
    input::{DeclineReason, DeliveryStage, Input, Place, Reply},
    position::{Metres, Position},
};
use muster_engine::registry::{Address, AedRow};
use muster_proto::v1::{self, ReplyKind, up::Kind};
use rumqttc::mqttbytes::QoS;
use tokio::time::timeout;

use crate::{
    on_embedded, on_mosquitto,
    phone::{Introduction, Phone, position, seconds_from_now},
    world::{Broker, NOW, PATIENCE, World, alert_id, delivery, fix, outbound, ready},
};

on_embedded!(
    messages_arrive_in_order,
    a_new_confirmation_may_say_something_else,
    what_a_phone_says_is_heard,
    the_phones_clock_is_corrected,
    a_message_whose_life_is_over_fails,
    a_message_does_not_outlive_its_time_in_the_queue,
);
on_mosquitto!(
    messages_arrive_in_order,
    a_new_confirmation_may_say_something_else,
    what_a_phone_says_is_heard,
    the_phones_clock_is_corrected,
    a_message_whose_life_is_over_fails,
    a_message_does_not_outlive_its_time_in_the_queue,
    a_broker_that_comes_back_is_subscribed_again,
    a_service_that_comes_back_hears_what_was_said_meanwhile,
);

const LIFE: Duration = Duration::from_secs(300);

/// First to fetch a defibrillator, then straight to the patient.
async fn a_new_confirmation_may_say_something_else(mut world: World) {
    for device in [world.json.clone(), world.binary.clone()] {
        let mut phone = Phone::listening(&world, &device).await;
        let row = aed_row();
        for (version, role, aed) in [
            (1, Role::FetchAed(row.aed.aed), Some(Box::new(row.clone()))),
            (2, Role::Direct, None),
        ] {
            let mut go = outbound(&device, version, LIFE);
            go.message.body = DownBody::Confirmed {
                shift: None,
                incident: IncidentId::from_bytes([3; 16]),
                place: Place {
                    position: row.aed.position,
                    accuracy: row.aed.accuracy,
                },
                role,
            };
            go.aed = aed;
            world.publish(go);
        }
        let first = confirmed(phone.next_down().await);
        assert_eq!(first.role(), v1::Role::FetchAed);
        let aed = first.defibrillator.unwrap();
        assert_eq!(aed.defibrillator_id, row.aed.aed.to_string());
        assert_eq!((aed.cabinet_code, aed.latitude_deg), ("C159X".to_owned(), 51.5));
        let second = confirmed(phone.next_down().await);
        assert_eq!((second.role(), second.defibrillator), (v1::Role::Direct, None));
        for version in [1, 2] {
            let acked = delivery(&device, version, DeliveryStage::BrokerAcked);
            assert_eq!(world.next_said().await, acked);
        }
    }
}

fn aed_row() -> AedRow {
    let tenant = TenantId::new("dev").unwrap();
    AedRow {
        external_ref: "box/7".to_owned(),
        name: "Library".to_owned(),
        address: Address::default(),
        cabinet_code: "C159X".to_owned(),
        hours: None,
        aed: Aed {
            aed: AedId::derive(&tenant, "box/7"),
            tenant,
            position: Position::from_degrees(51.5, -0.1).unwrap(),
            accuracy: Metres::new(10),
            access: Access::Public,
            opening: None,
            indoor: None,
            level: None,
            state: AedState::Available,
            confirmed_at: None,
        },
    }
}

fn confirmed(down: v1::Down) -> v1::Confirmed {
    let Some(v1::down::Purpose::Live(body)) = down.purpose else {
        panic!("{down:?}")
    };
    let Some(v1::body::Content::Plain(plain)) = body.content else {
        panic!("{body:?}")
    };
    match plain.kind {
        Some(v1::plain::Kind::Confirm(v1::Confirm {
            outcome: Some(v1::confirm::Outcome::Confirmed(confirmed)),
        })) => confirmed,
        other => panic!("{other:?}"),
    }
}

async fn messages_arrive_in_order(mut world: World) {
    for (device, content_type) in [
        (world.json.clone(), "application/json"),
        (world.binary.clone(), "application/protobuf"),
    ] {
        let mut phone = Phone::listening(&world, &device).await;
        world.publish(outbound(&device, 1, LIFE));
        let first = phone.next_publish().await;
        let properties = first.properties.clone().unwrap();
        assert_eq!((first.qos, first.retain), (QoS::AtLeastOnce, false));
        assert_eq!(properties.content_type.as_deref(), Some(content_type));
        let left = properties.message_expiry_interval.unwrap();
        assert!((299..=300).contains(&left), "{left}");
        assert_eq!(properties.user_properties, [], "nothing is said about who sent it");

        // As many at a time as may wait for a phone.
        for some in (2..=65).collect::<Vec<_>>().chunks(16) {
            for &version in some {
                world.publish(outbound(&device, version, LIFE));
            }
            for &version in some {
                let down = phone.next_down().await;
                assert_eq!((down.alert_version, down.owner_epoch), (version, 7));
                assert_eq!(down.alert_id, alert_id().to_string());
                assert!(matches!(down.purpose, Some(v1::down::Purpose::Live(_))));
            }
        }
        let mut acked = Vec::new();
        for _ in 1..=65 {
            acked.push(world.next_said().await);
        }
        for version in 1..=65 {
            assert!(acked.contains(&delivery(&device, version, DeliveryStage::BrokerAcked)));
        }
    }
}

async fn what_a_phone_says_is_heard(mut world: World) {
    for device in [world.json.clone(), world.binary.clone()] {
        let phone = Phone::connect(&world, &device).await;
        phone.say(position(51.5)).await;
        let expected = Input::Fix {
            device: device.id(),
            fix: fix(51.5, -0.1, 10, NOW),
        };
        assert_eq!(world.next().await, expected);

        for (stage, expected) in [
            (v1::ReceiptStage::Received, DeliveryStage::Received),
            (v1::ReceiptStage::Shown, DeliveryStage::Shown),
        ] {
            let receipt = v1::Receipt {
                alert_id: alert_id().to_string(),
                alert_version: 3,
                stage: stage.into(),
            };
            phone.say(Kind::Receipt(receipt)).await;
            assert_eq!(world.next().await, delivery(&device, 3, expected));
        }
        for (kind, decline_reason, reply) in replies() {
            let said = v1::Reply {
                shifts: Vec::new(),
                alert_id: alert_id().to_string(),
                kind: kind.into(),
                decline_reason: decline_reason.into(),
            };
            phone.say(Kind::Reply(said)).await;
            let expected = Input::Reply {
                device: device.id(),
                alert: alert_id(),
                reply,
            };
            assert_eq!(world.next().await, expected);
        }
        shifts(&mut world, &phone).await;
        comings_and_goings(&mut world, &phone).await;
        assert_eq!(world.counters.count("muster_mqtt_unknown_fields_total"), 0);
        assert_eq!(world.counters.count("muster_mqtt_unknown_values_total"), 0);
    }
}

/// A number that no shift can have takes nothing from the others.
async fn shifts(world: &mut World, phone: &Phone) {
    let said = v1::Reply {
        alert_id: alert_id().to_string(),
        kind: ReplyKind::Accept.into(),
        decline_reason: 0,
        shifts: vec![32, 0, 7, 33, u32::MAX],
    };
    phone.say(Kind::Reply(said)).await;
    let numbers = [7, 32].map(|number| ShiftNumber::new(number).unwrap());
    let expected = Input::Reply {
        device: phone.device.id(),
        alert: alert_id(),
        reply: Reply::AcceptShifts(numbers.into_iter().collect()),
    };
    assert_eq!(world.next().await, expected);
}

async fn comings_and_goings(world: &mut World, phone: &Phone) {
    let device = phone.device.id();
    let presence = |state: v1::PresenceState| Kind::Presence(v1::Presence { state: state.into() });
    phone.say(Kind::Hello(v1::Hello::default())).await;
    assert_eq!(world.next().await, Input::DeviceOnline { device });
    phone.say(presence(v1::PresenceState::Offline)).await;
    assert_eq!(world.next().await, Input::DeviceOffline { device });
    phone.say(presence(v1::PresenceState::Online)).await;
    assert_eq!(world.next().await, Input::DeviceOnline { device });
}

fn replies() -> Vec<(ReplyKind, v1::DeclineReason, Reply)> {
    use v1::DeclineReason::{Busy, TooFar, Unsafe, Unspecified};
    vec![
        (ReplyKind::Accept, Unspecified, Reply::Accept),
        (ReplyKind::Decline, Unspecified, Reply::Decline(DeclineReason::Unstated)),
        (ReplyKind::Decline, TooFar, Reply::Decline(DeclineReason::TooFar)),
        (ReplyKind::Decline, Busy, Reply::Decline(DeclineReason::Busy)),
        (ReplyKind::Decline, Unsafe, Reply::Decline(DeclineReason::Unsafe)),
        (ReplyKind::EnRoute, Unspecified, Reply::EnRoute),
        (ReplyKind::AtScene, Unspecified, Reply::AtScene),
        (ReplyKind::WithPatient, Unspecified, Reply::WithPatient),
        (ReplyKind::AedAttached, Unspecified, Reply::AedAttached),
        (ReplyKind::Finished, Unspecified, Reply::Finished),
        (
            ReplyKind::CannotContinue,
            Unspecified,
            Reply::Abort(AbortReason::CannotContinue),
        ),
        (ReplyKind::NeedHelp, Unspecified, Reply::NeedHelp),
        (
            ReplyKind::AedNotThere,
            Unspecified,
            Reply::Abort(AbortReason::AedNotThere),
        ),
    ]
}

async fn the_phones_clock_is_corrected(mut world: World) {
    let device = world.json.clone();
    let phone = Phone::connect(&world, &device).await;
    let place = v1::Position {
        latitude_deg: 51.5,
        longitude_deg: -0.1,
        accuracy_m: 10.0,
        taken_at: Some(seconds_from_now(3590)),
    };
    phone.say_at(Kind::Position(place), Some(seconds_from_now(3600))).await;
    let expected = Input::Fix {
        device: device.id(),
        fix: fix(51.5, -0.1, 10, NOW - Duration::from_secs(10)),
    };
    assert_eq!(world.next().await, expected);
}

async fn a_message_whose_life_is_over_fails(mut world: World) {
    let device = world.json.clone();
    let mut phone = Phone::listening(&world, &device).await;
    world.publish(outbound(&device, 1, Duration::ZERO));
    assert_eq!(world.next_said().await, delivery(&device, 1, DeliveryStage::Failed));
    world.publish(outbound(&device, 2, Duration::from_millis(1)));
    let publish = phone.next_publish().await;
    assert_eq!(publish.properties.unwrap().message_expiry_interval, Some(1));
    let down: v1::Down = serde_json::from_slice(&publish.payload).unwrap();
    assert_eq!(down.alert_version, 2);
}

async fn a_message_does_not_outlive_its_time_in_the_queue(mut world: World) {
    let me = world.json.clone();
    let resume = |forgetful| Introduction {
        resume: true,
        forgetful,
        ..Introduction::of(&me)
    };
    let phone = Phone::introduce(&world, &me, resume(false)).await.unwrap();
    phone.subscribe(&[&me.down()]).await;
    phone.leave().await;
    world.publish(outbound(&me, 1, Duration::from_secs(1)));
    world.publish(outbound(&me, 2, LIFE));
    for version in [1, 2] {
        assert_eq!(
            world.next_said().await,
            delivery(&me, version, DeliveryStage::BrokerAcked)
        );
    }
    world.clock.pass(Duration::from_secs(2));
    // A broker that goes by the real clock offers it until then, to a phone that never says that it has it.
    let expired = async {
        loop {
            let mut phone = Phone::introduce(&world, &me, resume(true)).await.unwrap();
            let first = phone.next_down().await.alert_version;
            phone.leave().await;
            if first == 2 {
                return;
            }
        }
    };
    timeout(PATIENCE, expired).await.expect("expired in time");
}

async fn a_broker_that_comes_back_is_subscribed_again(mut world: World) {
    let device = world.json.clone();
    let Broker::Mosquitto(mosquitto, bus) = &mut world.broker else {
        panic!("needs a broker that can be stopped");
    };
    mosquitto.stop();
    let mut ready_now = bus.ready();
    let lost = timeout(PATIENCE, ready_now.wait_for(|ready| !ready)).await;
    lost.expect("noticed in time").expect("the bus lives");
    let bus = bus.clone();
    world.publish(outbound(&device, 1, LIFE));
    assert_eq!(world.next_said().await, delivery(&device, 1, DeliveryStage::Failed));

    let Broker::Mosquitto(mosquitto, _) = &mut world.broker else {
        unreachable!("it was Mosquitto above");
    };
    mosquitto.run().await;
    ready(&bus).await;
    assert_eq!(world.next_of_all().await, Input::BrokerBack);
    let phone = Phone::connect(&world, &device).await;
    phone.is_heard_next(&mut world).await;
}

async fn a_service_that_comes_back_hears_what_was_said_meanwhile(mut world: World) {
    let device = world.json.clone();
    let mut phone = Phone::listening(&world, &device).await;
    world.stop_service().await;
    // Said to a broker whose other end is away.
    phone
        .say(Kind::Reply(v1::Reply {
            shifts: Vec::new(),
            alert_id: alert_id().to_string(),
            kind: ReplyKind::Accept.into(),
            decline_reason: 0,
        }))
        .await;
    world.start_service().await;
    let accepted = Input::Reply {
        device: device.id(),
        alert: alert_id(),
        reply: Reply::Accept,
    };
    assert_eq!(world.next_said().await, accepted);
    // And the new connection carries messages, acknowledged by the broker.
    world.publish(outbound(&device, 1, LIFE));
    assert_eq!(phone.next_down().await.alert_version, 1);
    assert_eq!(
        world.next_said().await,
        delivery(&device, 1, DeliveryStage::BrokerAcked)
    );
}
