//! The audit on the store of a real service: why, and deciding again.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use muster_tests::{
    control_room::{ControlRoom, Point2d, cardiac_arrest},
    phone::{Person, Phone},
    service::{Service, run},
    wait,
};

const PLACE: Point2d = Point2d {
    latitude_deg: 51.5080,
    longitude_deg: -0.1281,
};

/// A service that asked some of three people and was stopped.
async fn filled(data_dir: &Path) {
    let service = Service::start(data_dir).await.unwrap();
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let mut phones = Vec::new();
    for (name, north) in [("one", 0.001), ("two", 0.002), ("three", 0.003)] {
        let enrolled = control_room.enrol(name).await.unwrap();
        let place = Point2d {
            latitude_deg: PLACE.latitude_deg + north,
            ..PLACE
        };
        phones.push(
            Phone::connect(&service.endpoints.mqtt, &enrolled, place, Person::StaysSilent)
                .await
                .unwrap(),
        );
    }
    wait::until("the phones' positions are taken in", async || {
        let (_, counters) = service.page("/metrics")?;
        let taken = r#"muster_positions_total{outcome="taken"} 3"#;
        Ok(counters.contains(taken).then_some(()))
    })
    .await
    .unwrap();
    let reported = control_room.report(&cardiac_arrest("why", PLACE)).await.unwrap();
    assert!(reported.alerts_planned > 0);
    assert_eq!(service.stop().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn every_decision_of_a_service_comes_out_the_same_and_can_be_explained() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    filled(&data_dir).await;
    let data = data_dir.to_str().unwrap();
    let audit = async |words: &[&str]| run([&["audit"], words, &["--data-dir", data]].concat()).await.unwrap();

    let again = audit(&["redecide", "--all"]).await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(
        again.stdout.contains("1 decided again: 1 same bits, 0 otherwise"),
        "{}",
        again.stdout
    );

    let fewer = dir.path().join("fewer.toml");
    fs::write(
        &fewer,
        "alert_count = 1\nwanted = 1\ngoing_min = 1\nranking = 'nearest'\ndetour_permille = 2000\n",
    )
    .unwrap();
    let fewer = audit(&["redecide", "--all", "--policy", fewer.to_str().unwrap()]).await;
    assert_eq!(fewer.code, Some(0), "{}", fewer.stderr);
    assert!(
        fewer.stdout.contains("detour_permille: 1300 there, 2000 here"),
        "{}",
        fewer.stdout
    );
    assert!(fewer.stdout.contains("0 same bits, 1 otherwise"), "{}", fewer.stdout);

    let incident = fewer.stdout.split_whitespace().next().unwrap();
    let why = audit(&["show", incident, "--why"]).await;
    assert_eq!(why.code, Some(0), "{}", why.stderr);
    for said in [
        "Decision 1 at ",
        " of 3 within reach",
        "percentage points to the modelled chance of survival",
        "What happened",
    ] {
        assert!(why.stdout.contains(said), "{said}: {}", why.stdout);
    }
    let plain = audit(&["show", incident]).await;
    assert!(!plain.stdout.contains("percentage points"), "{}", plain.stdout);
}

#[tokio::test]
async fn what_to_decide_again_must_be_said_once() {
    for arguments in [&["audit", "redecide"][..], &["audit", "redecide", "cad/1", "--all"]] {
        let ended = run(arguments).await.unwrap();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("--all"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_used_is_refused_with_its_field() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("other.toml");
    fs::write(&file, "radius_m = 10\n").unwrap();
    let path = file.to_str().unwrap();
    let ended = run(["audit", "redecide", "--all", "--policy", path]).await.unwrap();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("radius_m is 10; accepted is 50 to 50000"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("other.toml"), "{}", ended.stderr);
}
