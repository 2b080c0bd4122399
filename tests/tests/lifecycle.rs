//! Starting and stopping: a safe first start, an orderly end, one service for one data directory.
#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt as _};

use muster_proto::v1::{ListIncidentsRequest, incident_service_client::IncidentServiceClient};
use muster_tests::{
    control_room::{ControlRoom, Point2d, cardiac_arrest, channel},
    phone::{Person, Phone},
    service::{Service, serve_expecting_refusal},
    wait,
};

const PLACE: Point2d = Point2d {
    latitude_deg: 51.5080,
    longitude_deg: -0.1281,
};

#[tokio::test]
async fn a_stop_is_orderly_and_the_next_start_knows_everything() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let service = Service::start(&data_dir).await.unwrap();
    let authority = fs::read(&service.endpoints.ca_certificate).unwrap();
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let enrolled = control_room.enrol("one").await.unwrap();
    let report = cardiac_arrest("before", PLACE);
    let reported = control_room.report(&report).await.unwrap();
    assert_eq!(service.stop().await.unwrap().code(), Some(0));

    let service = Service::start(&data_dir).await.unwrap();
    assert_eq!(fs::read(&service.endpoints.ca_certificate).unwrap(), authority);
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let incident = control_room.incident("before").await.unwrap();
    assert_eq!(incident.incident_id, reported.incident_id);
    Phone::connect(&service.endpoints.mqtt, &enrolled, PLACE, Person::StaysSilent)
        .await
        .expect("a password outlives a restart");
    let again = control_room.report(&report).await.unwrap();
    assert!(again.duplicate, "a request id outlives a restart");
    assert_eq!(again.sequence, reported.sequence);
}

#[tokio::test]
async fn after_a_restart_people_are_where_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let service = Service::start(&data_dir).await.unwrap();
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let enrolled = control_room.enrol("one").await.unwrap();
    let phone = Phone::connect(&service.endpoints.mqtt, &enrolled, PLACE, Person::StaysSilent).await;
    wait::until("the phone's position is taken in", async || {
        let (_, counters) = service.page("/metrics")?;
        let taken = r#"muster_positions_total{outcome="taken"} 1"#;
        Ok(counters.contains(taken).then_some(()))
    })
    .await
    .unwrap();
    drop(phone);
    assert_eq!(service.stop().await.unwrap().code(), Some(0));

    // Before any phone has said anything.
    let service = Service::start(&data_dir).await.unwrap();
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let reported = control_room.report(&cardiac_arrest("after", PLACE)).await.unwrap();
    assert_eq!(reported.alerts_planned, 1);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_connected_phones_and_watchers() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(&dir.path().join("data")).await.unwrap();
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let enrolled = control_room.enrol("one").await.unwrap();
    let phone = Phone::connect(&service.endpoints.mqtt, &enrolled, PLACE, Person::StaysSilent).await;
    let watch = control_room
        .incidents
        .watch_incidents(muster_proto::v1::WatchIncidentsRequest::default())
        .await;
    assert_eq!(service.stop().await.unwrap().code(), Some(0));
    drop((phone.unwrap(), watch.unwrap()));
}

#[tokio::test]
async fn two_services_do_not_share_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let service = Service::start(&data_dir).await.unwrap();
    let announced = fs::read(data_dir.join("endpoints.json")).unwrap();

    let second = serve_expecting_refusal(&data_dir).await.unwrap();
    assert_eq!(second.code, Some(1), "{}", second.stderr);
    assert!(second.stderr.contains(data_dir.to_str().unwrap()), "{}", second.stderr);

    assert_eq!(fs::read(data_dir.join("endpoints.json")).unwrap(), announced);
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    control_room
        .report(&cardiac_arrest("still-served", PLACE))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_first_start_is_safe() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let service = Service::start(&data_dir).await.unwrap();
    let endpoints = &service.endpoints;
    assert_eq!(endpoints.control_room.tenant, "dev");
    for address in [&endpoints.grpc, &endpoints.mqtt, &endpoints.http] {
        assert!(address.starts_with("127.0.0.1:"), "{address}");
    }
    for file in [data_dir.join("endpoints.json"), endpoints.control_room.key.clone()] {
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{} is readable by others", file.display());
    }

    // With no certificate the handshake fails, at the latest when the first request is sent.
    let refused = match channel(endpoints, None).await {
        Ok(stranger) => {
            let mut incidents = IncidentServiceClient::new(stranger);
            incidents.list_incidents(ListIncidentsRequest::default()).await.is_err()
        }
        Err(_) => true,
    };
    assert!(refused, "a control room without a certificate is refused");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(&dir.path().join("data")).await.unwrap();
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let mut enrolled = control_room.enrol("one").await.unwrap();
    enrolled.password = "0".repeat(64);
    let refused = Phone::connect(&service.endpoints.mqtt, &enrolled, PLACE, Person::StaysSilent).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn probes_and_metrics_answer() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(&dir.path().join("data")).await.unwrap();
    for path in ["/livez", "/readyz"] {
        assert_eq!(service.page(path).unwrap().0, 200, "{path}");
    }
    let (code, version) = service.page("/version").unwrap();
    assert_eq!(code, 200);
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");

    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    control_room.report(&cardiac_arrest("counted", PLACE)).await.unwrap();
    let (code, metrics) = service.page("/metrics").unwrap();
    assert_eq!(code, 200);
    assert!(metrics.contains("muster_"), "{metrics}");
    assert_eq!(service.page("/no-such-page").unwrap().0, 404);
}
