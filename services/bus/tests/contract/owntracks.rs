//! A stock app: MQTT 3.1.1, its retain flag, its wildcard subscription.

use dispatch_core::input::Input;

use crate::{
    on_embedded, on_mosquitto,
    raw::{PINGRESP, PUBACK, PUBLISH_QOS_1, PUBLISH_QOS_1_RETAINED, Raw, SUBACK, Version},
    world::{NOW, World, fix},
};

on_embedded!(
    a_retained_position_is_used,
    its_wildcard_subscription_is_refused_and_it_stays,
    it_reaches_no_other_topic,
);
on_mosquitto!(a_retained_position_is_used, it_reaches_no_other_topic);

fn location(latitude: f64) -> String {
    let tst = NOW.unix_ms() / 1000;
    format!(
        r#"{{"_type":"location","acc":5,"alt":154,"batt":53,"conn":"w","lat":{latitude},"lon":2.292713,"tid":"j1",
            "tst":{tst},"vel":0}}"#
    )
}

async fn connect(world: &World) -> Raw {
    Raw::connect(world, &world.owntracks, "my-phone", Version::V3_1_1).await
}

async fn a_retained_position_is_used(mut world: World) {
    let mut app = connect(&world).await;
    let topic = world.owntracks.owntracks();
    app.publish(
        PUBLISH_QOS_1,
        topic.as_bytes(),
        br#"{"_type":"lwt","tst":"1440363922"}"#,
    )
    .await;
    assert_eq!(app.receive().await, Some((PUBACK, vec![0, 7])));
    for latitude in [48.85, 48.86] {
        app.publish(PUBLISH_QOS_1_RETAINED, topic.as_bytes(), location(latitude).as_bytes())
            .await;
        assert_eq!(app.receive().await, Some((PUBACK, vec![0, 7])));
        let expected = Input::Fix {
            device: world.owntracks.id(),
            fix: fix(latitude, 2.292713, 5, NOW),
        };
        assert_eq!(world.next().await, expected);
    }
    assert_eq!(world.counters.count("muster_mqtt_ignored_total not_a_location"), 1);
}

async fn its_wildcard_subscription_is_refused_and_it_stays(mut world: World) {
    let mut app = connect(&world).await;
    for filter in ["owntracks/+/+", "#", &world.owntracks.owntracks(), &world.json.down()] {
        app.subscribe(filter).await;
        assert_eq!(app.receive().await, Some((SUBACK, vec![0, 8, 0x80])), "{filter}");
    }
    app.ping().await;
    assert_eq!(app.receive().await, Some((PINGRESP, vec![])));
    let topic = world.owntracks.owntracks();
    app.publish(PUBLISH_QOS_1, topic.as_bytes(), location(48.85).as_bytes())
        .await;
    assert!(matches!(world.next().await, Input::Fix { .. }));
}

async fn it_reaches_no_other_topic(mut world: World) {
    let mut app = connect(&world).await;
    let own = world.owntracks.owntracks();
    let forbidden = [
        world.json.up(),
        world.json.owntracks(),
        world.other_owntracks.owntracks(),
        own.clone() + "/event",
        own.replace("/phone", ""),
    ];
    for topic in &forbidden {
        app.publish(PUBLISH_QOS_1, topic.as_bytes(), location(1.0).as_bytes())
            .await;
        // MQTT 3.1.1 has no way to say no.
        assert_eq!(app.receive().await, Some((PUBACK, vec![0, 7])), "{topic}");
    }
    app.publish(PUBLISH_QOS_1, own.as_bytes(), location(48.85).as_bytes())
        .await;
    let expected = Input::Fix {
        device: world.owntracks.id(),
        fix: fix(48.85, 2.292713, 5, NOW),
    };
    assert_eq!(world.next().await, expected);
    if world.is_embedded() {
        assert_eq!(world.counters.refused("publish"), forbidden.len() as u64);
    }
}
