//! A trunk tells where the people are for whom it may speak, and can do nothing else.

use dispatch_core::{ids::ResponderId, input::Input};
use muster_engine::registry::RegistryChange;
use muster_proto::v1;
use prost::Message as _;
use rumqttc::{
    LastWill,
    mqttbytes::{
        QoS,
        v5::{ConnectReturnCode, PubAckReason, SubscribeReasonCode},
    },
};

use crate::{
    on_embedded, on_mosquitto,
    phone::{Introduction, Phone},
    world::{NOW, World, fix, person},
};

on_embedded!(
    a_trunk_speaks_for_its_people_only,
    a_trunk_reaches_nothing_else,
    a_trunk_introduces_itself_properly,
    a_revoked_trunk_is_not_heard,
);
on_mosquitto!(a_trunk_speaks_for_its_people_only, a_revoked_trunk_is_not_heard);

async fn connect(world: &World) -> Phone {
    let introduction = Introduction::of_trunk(&world.trunk);
    // Only the connection counts, not whose phone it would be.
    Phone::introduce(world, &world.json, introduction).await.unwrap()
}

fn said(people: &[(u8, f64)]) -> Vec<u8> {
    let positions = people.iter().map(|&(number, latitude_deg)| v1::TrunkPosition {
        responder: vec![number; 16],
        position: Some(v1::Position {
            latitude_deg,
            longitude_deg: -0.1,
            accuracy_m: 10.0,
            taken_at: None,
        }),
    });
    let message = v1::TrunkUp {
        sent_at: None,
        positions: positions.collect(),
    };
    message.encode_to_vec()
}

async fn a_trunk_speaks_for_its_people_only(mut world: World) {
    for (number, tenant, external_ref) in [
        (21, "dev", "partner-1"),
        (22, "dev", "other-1"),
        (23, "leeds", "partner-1"),
        (24, "dev", "partner-2"),
    ] {
        let row = person(number, tenant, external_ref);
        world.directory.apply(RegistryChange::PutResponder(row));
    }
    let trunk = connect(&world).await;
    let everybody = said(&[(21, 51.5), (22, 51.6), (23, 51.7), (99, 51.8), (24, 91.0), (24, 51.9)]);
    let reason = trunk.publish(&world.trunk.up(), &everybody).await;
    assert!(matches!(reason, PubAckReason::Success), "{reason:?}");
    for (number, latitude) in [(21, 51.5), (24, 51.9)] {
        let expected = Input::TrunkFix {
            responder: ResponderId::from_bytes([number; 16]),
            fix: fix(latitude, -0.1, 10, NOW),
        };
        assert_eq!(world.next_said().await, expected);
    }
    assert_eq!(world.counters.refused("not_theirs"), 3);
    assert_eq!(world.counters.refused("position"), 1);
}

async fn a_trunk_reaches_nothing_else(world: World) {
    let trunk = connect(&world).await;
    let (up, phone) = (world.trunk.up(), world.json.clone());
    for topic in [phone.up(), phone.down(), up.replace("/t/", "/d/"), up.replace('9', "8")] {
        let reason = trunk.publish(&topic, &said(&[])).await;
        assert_eq!(reason, PubAckReason::NotAuthorized, "{topic}");
    }
    for filter in [&up, &phone.down(), &phone.up(), "#", "muster/v1/north/t/+/up"] {
        let codes = trunk.subscribe(&[filter]).await;
        assert_eq!(codes, [SubscribeReasonCode::NotAuthorized], "{filter}");
    }
    let other = Phone::connect(&world, &phone).await;
    let reason = other.publish(&up, &said(&[])).await;
    assert_eq!(reason, PubAckReason::NotAuthorized);
}

async fn a_trunk_introduces_itself_properly(world: World) {
    let of_trunk = || Introduction::of_trunk(&world.trunk);
    let wrong_password = Introduction {
        password: "guess".into(),
        ..of_trunk()
    };
    let strange_client_id = Introduction {
        client_id: "gateway".into(),
        ..of_trunk()
    };
    let with_a_will = Introduction {
        will: Some(LastWill::new(
            world.trunk.up(),
            said(&[]),
            QoS::AtLeastOnce,
            false,
            None,
        )),
        ..of_trunk()
    };
    for (introduction, expected) in [
        (wrong_password, ConnectReturnCode::BadUserNamePassword),
        (strange_client_id, ConnectReturnCode::ClientIdentifierNotValid),
        (with_a_will, ConnectReturnCode::NotAuthorized),
    ] {
        let refused = Phone::introduce(&world, &world.json, introduction).await.err();
        assert_eq!(refused, Some(expected));
    }
}

async fn a_revoked_trunk_is_not_heard(mut world: World) {
    let row = person(21, "dev", "partner-1");
    world.directory.apply(RegistryChange::PutResponder(row));
    let trunk = connect(&world).await;
    let revoked = RegistryChange::RevokeTrunk(world.trunk.access.trunk);
    world.directory.apply(revoked);
    trunk.publish(&world.trunk.up(), &said(&[(21, 51.5)])).await;
    let phone = world.json.clone();
    let phone = Phone::connect(&world, &phone).await;
    phone.is_heard_next(&mut world).await;
}
