//! Who gets in, and who reaches which topic.

use std::time::Duration;

use dispatch_core::input::Input;
use rumqttc::{
    LastWill, PublishNoticeError,
    mqttbytes::{
        QoS,
        v5::{ConnectReturnCode, PubAckReason, SubscribeReasonCode},
    },
};

use crate::{
    on_embedded, on_mosquitto,
    phone::{Introduction, Phone},
    raw::{PUBLISH_QOS_1_RETAINED, Raw, Version},
    world::{Enrolled, World, outbound},
};

on_embedded!(
    another_phones_topics_are_out_of_reach,
    only_the_own_down_topic_can_be_subscribed,
    retained_publications_are_refused,
    wills_elsewhere_are_refused,
    strangers_are_refused_and_nobody_is_thrown_out,
    a_closed_session_stays_closed,
);
on_mosquitto!(
    another_phones_topics_are_out_of_reach,
    only_the_own_down_topic_can_be_subscribed,
    retained_publications_are_refused,
    a_closed_session_stays_closed,
);

const LIFE: Duration = Duration::from_secs(300);
const POSITION: &[u8] = br#"{"position":{"latitudeDeg":51.5,"longitudeDeg":-0.1,"accuracyM":5}}"#;

async fn another_phones_topics_are_out_of_reach(mut world: World) {
    let (me, other) = (world.json.clone(), world.binary.clone());
    let phone = Phone::connect(&world, &me).await;
    let forbidden = [
        other.up(),
        other.down(),
        me.down(),
        me.up() + "/more",
        me.up().replace("/north/", "/south/"),
        world.owntracks.owntracks(),
        me.owntracks(),
        "$SYS/broker/uptime".into(),
        "muster/nowhere".into(),
    ];
    for topic in &forbidden {
        let reason = phone.publish(topic, POSITION).await;
        assert_eq!(reason, PubAckReason::NotAuthorized, "{topic}");
    }
    phone.is_heard_next(&mut world).await;
    if world.is_embedded() {
        assert_eq!(world.counters.refused("publish"), forbidden.len() as u64);
    }
}

async fn only_the_own_down_topic_can_be_subscribed(mut world: World) {
    let (me, other) = (world.json.clone(), world.binary.clone());
    let mut phone = Phone::listening(&world, &me).await;
    let forbidden = [
        other.down(),
        other.up(),
        "#".into(),
        "+/+/+/+/+/+".into(),
        "$SYS/#".into(),
        format!("$share/fleet/{}", me.down()),
        format!("$share/fleet/{}", other.down()),
        other.down().replace(&other.access.topic_id, "+"),
        "muster/v1/north/#".into(),
        "owntracks/+/+".into(),
    ];
    for filter in &forbidden {
        let codes = phone.subscribe(&[filter]).await;
        // Mosquitto's access list says yes to a subscription and holds back the messages.
        if world.is_embedded() {
            assert_eq!(codes, [SubscribeReasonCode::NotAuthorized], "{filter}");
        }
    }
    if world.is_embedded() {
        assert_eq!(world.counters.refused("subscribe"), forbidden.len() as u64);
        // Each filter of one packet is looked at.
        let codes = phone.subscribe(&[&me.down(), &other.down(), "#"]).await;
        let no = SubscribeReasonCode::NotAuthorized;
        assert_eq!(codes, [SubscribeReasonCode::Success(QoS::AtLeastOnce), no, no]);
    }
    no_message_of_another_arrives(&mut world, &mut phone, &other).await;
    phone.is_heard_next(&mut world).await;
}

async fn no_message_of_another_arrives(world: &mut World, phone: &mut Phone, other: &Enrolled) {
    world.publish(outbound(other, 1, LIFE));
    world.publish(outbound(&phone.device, 2, LIFE));
    for _ in 0..2 {
        assert!(matches!(world.next_said().await, Input::Delivery { .. }));
    }
    assert_eq!(phone.next_down().await.alert_version, 2);
}

async fn retained_publications_are_refused(mut world: World) {
    let (me, other) = (world.json.clone(), world.binary.clone());
    let phone = Phone::connect(&world, &me).await;
    let answer = phone.try_publish(&me.up(), POSITION, true).await;
    if !world.is_embedded() {
        // A foreign broker may retain it; the bus does not use it.
        assert!(answer.is_ok());
        phone.is_heard_next(&mut world).await;
        assert_eq!(world.counters.refused("retained"), 1);
        return;
    }
    // The phone's library refuses, because the broker said at the connect that it retains nothing.
    assert_eq!(answer, Err(PublishNoticeError::RetainNotSupported));
    phone.leave().await;

    let mut raw = Raw::connect(&world, &me, &me.username(), Version::V5).await;
    raw.publish(PUBLISH_QOS_1_RETAINED, me.up().as_bytes(), POSITION).await;
    let answer = raw.receive().await;
    assert_eq!(answer, None, "thrown out without an acknowledgement");
    let witness = Phone::connect(&world, &other).await;
    witness.is_heard_next(&mut world).await;
    assert_eq!(world.counters.refused("retained"), 1);
}

async fn wills_elsewhere_are_refused(world: World) {
    let (me, other) = (world.json.clone(), world.binary.clone());
    let with_will = |topic: String, retain| {
        let will = LastWill::new(topic, "{}", QoS::AtLeastOnce, retain, None);
        Introduction {
            will: Some(will),
            ..Introduction::of(&me)
        }
    };
    for topic in [other.up(), me.down(), "elsewhere".into(), me.owntracks()] {
        let refused = Phone::introduce(&world, &me, with_will(topic, false)).await.err();
        assert_eq!(refused, Some(ConnectReturnCode::NotAuthorized));
    }
    assert_eq!(world.counters.refused("will"), 4);
    let refused = Phone::introduce(&world, &me, with_will(me.up(), true)).await.err();
    assert_eq!(refused, Some(ConnectReturnCode::RetainNotSupported));
    assert!(Phone::introduce(&world, &me, with_will(me.up(), false)).await.is_ok());
}

async fn strangers_are_refused_and_nobody_is_thrown_out(mut world: World) {
    let (me, other, owntracks) = (world.json.clone(), world.binary.clone(), world.owntracks.clone());
    let phone = Phone::listening(&world, &me).await;
    let tracker_name = || Introduction {
        client_id: "my-phone".into(),
        ..Introduction::of(&owntracks)
    };
    let tracker = Phone::introduce(&world, &owntracks, tracker_name()).await.unwrap();

    let password = |text: &str| Introduction {
        password: text.into(),
        ..Introduction::of(&me)
    };
    let username = |text: Option<String>| Introduction {
        username: text,
        ..Introduction::of(&me)
    };
    let client_id = |text: String, device: &Enrolled| Introduction {
        client_id: text,
        ..Introduction::of(device)
    };
    let bad_credentials = [
        password("wrong"),
        password(""),
        username(None),
        username(Some("dev-00000000000000000000000000000000".into())),
        username(Some(me.username().replace("dev-", "DEV-"))),
        username(Some("+".into())),
        username(Some(other.username())),
    ];
    let count = bad_credentials.len() as u64;
    for introduction in bad_credentials {
        let refused = Phone::introduce(&world, &me, introduction).await.err();
        assert_eq!(refused, Some(ConnectReturnCode::BadUserNamePassword));
    }
    assert_eq!(world.counters.refused("bad_credentials"), count);
    for stolen in [
        client_id(me.username(), &other),
        client_id("anything".into(), &other),
        client_id(me.username(), &owntracks),
        client_id("my-phone".into(), &world.other_owntracks),
        client_id(format!("{}-2", me.username()), &owntracks),
        client_id(format!("{}+", other.username()), &other),
        client_id(format!("{}#", other.username()), &other),
    ] {
        let name = stolen.client_id.clone();
        let refused = Phone::introduce(&world, &other, stolen).await.err();
        assert_eq!(refused, Some(ConnectReturnCode::ClientIdentifierNotValid), "{name}");
    }
    assert_eq!(world.counters.refused("client_id"), 7);

    assert!(phone.is_connected() && tracker.is_connected());
    phone.is_heard_next(&mut world).await;
}

async fn a_closed_session_stays_closed(mut world: World) {
    let (me, other) = (world.json.clone(), world.binary.clone());
    let mut phone = Phone::listening(&world, &me).await;
    let witness = Phone::connect(&world, &other).await;
    world.revoke(&me);
    if world.is_embedded() {
        phone.is_thrown_out().await;
        let refused = Phone::introduce(&world, &me, Introduction::of(&me)).await.err();
        assert_eq!(refused, Some(ConnectReturnCode::BadUserNamePassword));
    } else {
        // The bus cannot end a session at a foreign broker; it hears nothing more from it.
        phone.publish(&me.up(), POSITION).await;
    }
    witness.is_heard_next(&mut world).await;
    if !world.is_embedded() {
        assert_eq!(world.counters.refused("no_access"), 1);
    }
}
