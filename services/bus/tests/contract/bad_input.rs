//! What is wrong costs at most the session that said it, and is counted; what is new costs nothing.

use dispatch_core::input::{DeclineReason, Input, Reply};
use muster_proto::v1::{self, up::Kind};
use prost::Message as _;
use rumqttc::mqttbytes::v5::PubAckReason;

use crate::{
    on_embedded, on_mosquitto,
    phone::{Phone, position, seconds_from_now},
    raw::{PUBACK, PUBLISH_QOS_1, Raw, Version},
    world::{World, alert_id},
};

on_embedded!(
    a_payload_over_the_limit_is_refused,
    a_topic_that_is_no_text_costs_only_its_sender,
    malformed_payloads_are_counted_and_the_session_goes_on,
    what_a_newer_app_says_is_taken_and_counted,
    fixes_that_cannot_be_are_refused_with_the_reason,
);
on_mosquitto!(
    a_payload_over_the_limit_is_refused,
    a_topic_that_is_no_text_costs_only_its_sender,
    malformed_payloads_are_counted_and_the_session_goes_on,
    what_a_newer_app_says_is_taken_and_counted,
    fixes_that_cannot_be_are_refused_with_the_reason,
);

async fn a_payload_over_the_limit_is_refused(mut world: World) {
    let (me, other) = (world.json.clone(), world.binary.clone());
    let witness = Phone::connect(&world, &other).await;
    let payload = format!(r#"{{"hello":{{"appVersion":"{}"}}}}"#, "x".repeat(8192));
    // Bytes of our own: a library might refuse them itself, having been told the limit.
    let mut raw = Raw::connect(&world, &me, &me.username(), Version::V5).await;
    raw.publish(PUBLISH_QOS_1, me.up().as_bytes(), payload.as_bytes()).await;
    let (kind, _) = raw.receive().await.unwrap();
    assert_eq!(kind, PUBACK, "taken, and of no use");
    witness.is_heard_next(&mut world).await;
    assert_eq!(world.counters.refused("too_large"), 1);
    if world.is_embedded() {
        // More than is read at all costs the session.
        let payload = [b'x'; 40 * 1024];
        raw.publish(PUBLISH_QOS_1, me.up().as_bytes(), &payload).await;
        raw.is_thrown_out().await;
    }
    witness.is_heard_next(&mut world).await;
}

async fn a_topic_that_is_no_text_costs_only_its_sender(mut world: World) {
    let (me, other) = (world.json.clone(), world.binary.clone());
    let witness = Phone::connect(&world, &other).await;
    for topic in [
        &b"muster/v1/north/d/\xff\xfe/up"[..],
        b"muster/\x00/up",
        b"muster/+/up",
        b"",
    ] {
        let mut raw = Raw::connect(&world, &me, &me.username(), Version::V5).await;
        raw.publish(PUBLISH_QOS_1, topic, b"{}").await;
        raw.is_thrown_out().await;
        assert!(witness.is_connected());
        witness.is_heard_next(&mut world).await;
    }
}

async fn malformed_payloads_are_counted_and_the_session_goes_on(mut world: World) {
    let json = Phone::connect(&world, &world.json).await;
    let binary = Phone::connect(&world, &world.binary).await;
    let wrong_json: [&[u8]; 8] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        br#"{"reply":"yes"}"#,
        br#"{"position":{"latitudeDeg":"north"}}"#,
        br#"{"hello":{}} and more"#,
    ];
    let wrong_binary: [&[u8]; 4] = [
        b"{}",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        // A reply of which half is missing.
        &[0x22, 0x10, 0x0a],
        // An alert id that is no text.
        &[0x22, 0x03, 0x0a, 0x01, 0xff],
    ];
    for (phone, payloads) in [(&json, &wrong_json[..]), (&binary, &wrong_binary[..])] {
        let before = world.counters.refused("malformed");
        for payload in payloads {
            let reason = phone.publish(&phone.device.up(), payload).await;
            assert_eq!(reason, PubAckReason::Success, "taken, and of no use");
        }
        phone.is_heard_next(&mut world).await;
        assert_eq!(world.counters.refused("malformed") - before, payloads.len() as u64);
    }
    let nobodys = br#"{"reply":{"alertId":"alt-1","kind":"REPLY_KIND_ACCEPT"}}"#;
    json.publish(&json.device.up(), nobodys).await;
    json.is_heard_next(&mut world).await;
    assert_eq!(world.counters.refused("alert_id"), 1);
}

async fn what_a_newer_app_says_is_taken_and_counted(mut world: World) {
    let json = Phone::connect(&world, &world.json).await;
    let text = format!(
        r#"{{"sentAt":"2027-01-15T08:00:00Z","mood":"calm","reply":{{"alertId":"{}","kind":"REPLY_KIND_DECLINE",
            "declineReason":"DECLINE_REASON_RAINING","company":{{"count":2}}}}}}"#,
        alert_id()
    );
    json.publish(&json.device.up(), text.as_bytes()).await;
    let declined = |phone: &Phone| Input::Reply {
        device: phone.device.id(),
        alert: alert_id(),
        reply: Reply::Decline(DeclineReason::Unstated),
    };
    assert_eq!(world.next_said().await, declined(&json));
    assert_eq!(world.counters.count("muster_mqtt_unknown_fields_total"), 2);
    assert_eq!(world.counters.count("muster_mqtt_unknown_values_total"), 1);

    let binary = Phone::connect(&world, &world.binary).await;
    let reply = v1::Reply {
        shifts: Vec::new(),
        alert_id: alert_id().to_string(),
        kind: v1::ReplyKind::Decline.into(),
        decline_reason: 99,
    };
    let up = v1::Up {
        kind: Some(Kind::Reply(reply)),
        ..v1::Up::default()
    };
    // And field 100, a varint.
    let payload = [up.encode_to_vec().as_slice(), &[0xa0, 0x06, 0x01]].concat();
    binary.publish(&binary.device.up(), &payload).await;
    assert_eq!(world.next_said().await, declined(&binary));
    assert_eq!(world.counters.count("muster_mqtt_unknown_fields_total"), 3);
    assert_eq!(world.counters.count("muster_mqtt_unknown_values_total"), 2);

    // A message or a word this version does not know at all is passed over, and the session goes on.
    json.publish(&json.device.up(), br#"{"weather":{"rain":true}}"#).await;
    json.publish(&json.device.up(), br#"{"reply":{"kind":"REPLY_KIND_TELEPORTED"}}"#)
        .await;
    json.is_heard_next(&mut world).await;
    assert_eq!(world.counters.count("muster_mqtt_ignored_total no_content"), 1);
    assert_eq!(world.counters.count("muster_mqtt_ignored_total unspecified"), 1);
}

async fn fixes_that_cannot_be_are_refused_with_the_reason(mut world: World) {
    let phone = Phone::connect(&world, &world.binary).await;
    let Kind::Position(good) = position(51.5) else {
        unreachable!("a position is a position");
    };
    let cases = [
        (
            "fix_from_future",
            v1::Position {
                taken_at: Some(seconds_from_now(121)),
                ..good
            },
        ),
        (
            "null_island",
            v1::Position {
                latitude_deg: 0.0,
                longitude_deg: 0.0,
                ..good
            },
        ),
        (
            "position",
            v1::Position {
                latitude_deg: f64::NAN,
                ..good
            },
        ),
        (
            "position",
            v1::Position {
                longitude_deg: 180.1,
                ..good
            },
        ),
        (
            "accuracy",
            v1::Position {
                accuracy_m: -1.0,
                ..good
            },
        ),
        (
            "accuracy",
            v1::Position {
                accuracy_m: f64::INFINITY,
                ..good
            },
        ),
    ];
    for (reason, wrong) in cases {
        let before = world.counters.refused(reason);
        phone.say(Kind::Position(wrong)).await;
        phone.is_heard_next(&mut world).await;
        assert_eq!(world.counters.refused(reason), before + 1, "{reason}");
    }
}
