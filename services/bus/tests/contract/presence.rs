//! Who is there, as the embedded broker sees it.

use std::time::{Duration, Instant};

use dispatch_core::input::Input;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::{
    on_embedded,
    phone::{Introduction, Phone, position},
    raw::{Raw, Version},
    world::{PATIENCE, World, outbound},
};

on_embedded!(
    a_phone_is_there_while_it_listens,
    a_reconnecting_phone_does_not_end_up_away,
    a_resumed_session_hears_what_it_missed,
    one_slow_reader_does_not_hold_up_another,
);

const LIFE: Duration = Duration::from_secs(300);

async fn a_phone_is_there_while_it_listens(mut world: World) {
    let device = world.json.id();
    let phone = Phone::listening(&world, &world.json).await;
    assert_eq!(world.next().await, Input::DeviceOnline { device });
    phone.leave().await;
    assert_eq!(world.next().await, Input::DeviceOffline { device });
}

async fn a_reconnecting_phone_does_not_end_up_away(mut world: World) {
    let device = world.json.id();
    let mut old = Phone::listening(&world, &world.json).await;
    let new = Phone::listening(&world, &world.json).await;
    old.is_thrown_out().await;
    for _ in 0..2 {
        assert_eq!(world.next().await, Input::DeviceOnline { device });
    }
    // The next thing heard is its own word, not its absence.
    let (_, fix) = world.marker();
    new.say(position(fix.position.latitude())).await;
    assert_eq!(world.next().await, Input::Fix { device, fix });
    new.leave().await;
    assert_eq!(world.next().await, Input::DeviceOffline { device });
}

async fn a_resumed_session_hears_what_it_missed(mut world: World) {
    let (me, device) = (world.json.clone(), world.json.id());
    let resume = || Introduction {
        resume: true,
        ..Introduction::of(&me)
    };
    let phone = Phone::introduce(&world, &me, resume()).await.unwrap();
    phone.subscribe(&[&me.down()]).await;
    assert_eq!(world.next().await, Input::DeviceOnline { device });
    phone.leave().await;
    assert_eq!(world.next().await, Input::DeviceOffline { device });

    for version in 1..=3 {
        world.publish(outbound(&me, version, LIFE));
    }
    for _ in 1..=3 {
        world.next_said().await;
    }
    // It does not subscribe again: its session does.
    let mut phone = Phone::introduce(&world, &me, resume()).await.unwrap();
    assert_eq!(world.next().await, Input::DeviceOnline { device });
    for version in 1..=3 {
        assert_eq!(phone.next_down().await.alert_version, version);
    }
}

async fn one_slow_reader_does_not_hold_up_another(world: World) {
    let (slow, quick) = (world.binary.clone(), world.json.clone());
    let mut deaf = Raw::connect(&world, &slow, &slow.username(), Version::V5).await;
    deaf.subscribe(&slow.down()).await;
    deaf.receive().await;
    // It never acknowledges: its window, its lane and then its queue fill up.
    for version in 1..=500 {
        world.publish(outbound(&slow, version, LIFE));
    }
    let mut phone = Phone::listening(&world, &quick).await;
    world.publish(outbound(&quick, 1, LIFE));
    let heard = timeout(Duration::from_millis(1500), phone.next_down()).await;
    assert_eq!(heard.expect("not held up").alert_version, 1);
}

#[tokio::test]
async fn more_phones_than_allowed_are_turned_away() {
    let world = World::embedded_with(1, None).await;
    let first = Phone::listening(&world, &world.json).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let mut byte = [0];
    let end = timeout(PATIENCE, stream.read(&mut byte)).await;
    assert!(matches!(end.expect("turned away in time"), Ok(0) | Err(_)));
    assert!(first.is_connected());
}

#[tokio::test]
async fn a_phone_that_falls_silent_is_gone() {
    const KEEP_ALIVE: Duration = Duration::from_secs(1);
    let mut world = World::embedded_with(100, Some(KEEP_ALIVE)).await;
    let me = world.json.clone();
    let device = me.id();
    // It asks for a minute, is told a second, and says nothing more, as if its network were gone.
    let mut silent = Raw::connect(&world, &me, &me.username(), Version::V5).await;
    silent.subscribe(&me.down()).await;
    silent.receive().await;
    assert_eq!(world.next().await, Input::DeviceOnline { device });
    let since = Instant::now();
    assert_eq!(world.next().await, Input::DeviceOffline { device });
    assert!(since.elapsed() < KEEP_ALIVE.mul_f64(2.5), "{:?}", since.elapsed());
}
