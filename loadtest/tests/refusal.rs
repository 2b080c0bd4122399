//! A broker that takes a phone in and then refuses its subscription. Mosquitto's access lists cannot do that, so a few
//! bytes play the broker.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use muster_loadtest::{Encoding, Fleet, FleetConfig, PhoneConfig, What, people::place::Place};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Reads one packet shorter than 16 KiB; returns what follows the fixed header.
async fn packet(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let _kind = stream.read_u8().await?;
    let first = stream.read_u8().await?;
    let length = match first {
        0..128 => usize::from(first),
        _ => usize::from(first - 128) + 128 * usize::from(stream.read_u8().await?),
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

async fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    packet(&mut stream).await?;
    // CONNACK: no session, success, no properties.
    stream.write_all(&[0x20, 3, 0, 0, 0]).await?;
    let subscribe = packet(&mut stream).await?;
    // SUBACK: its packet id, no properties, 0x87 not authorized.
    stream
        .write_all(&[0x90, 4, subscribe[0], subscribe[1], 0, 0x87])
        .await?;
    // Until the phone gives up.
    while packet(&mut stream).await.is_ok() {}
    Ok(())
}

#[tokio::test]
async fn a_refused_subscription_is_noticed_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(refuse(stream));
        }
    });
    let phone = PhoneConfig {
        person: 1,
        device_id: "dev-1".into(),
        password: "any".into(),
        up_topic: "t/1/up".into(),
        down_topic: "t/1/down".into(),
        encoding: Encoding::Json,
        home: Place::new(51.5, -0.1).unwrap(),
    };
    let mut fleet = Fleet::start(&FleetConfig::new("127.0.0.1", port, 1), vec![phone]);
    for _ in 0..2 {
        let event = timeout(Duration::from_secs(30), fleet.next_event())
            .await
            .expect("in time")
            .unwrap();
        assert_eq!(
            event.what,
            What::SubscriptionRefused {
                code: "[NotAuthorized]".into()
            }
        );
    }
    assert_eq!((fleet.connected(), fleet.summary().subscriptions_refused), (0, 2));
    fleet.shutdown().await;
}
