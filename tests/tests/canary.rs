//! The canary: comes through by itself, and its silence is told.
#![allow(clippy::unwrap_used)]

use muster_proto::v1::{ListRespondersRequest, UpdateResponderRequest};
use muster_tests::{control_room::ControlRoom, service::Service, wait};

/// The value of a counter or gauge on the metrics page, by the beginning of its line.
fn metric(service: &Service, line: &str) -> Option<f64> {
    let (_, page) = service.page("/metrics").ok()?;
    let found = page.lines().find(|candidate| candidate.starts_with(line))?;
    found.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn a_canary_that_is_not_asked_raises_the_alarm_until_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start_with(&dir.path().join("data"), &["--canary-every-s", "5"])
        .await
        .unwrap();
    let well = r#"muster_canary_rounds_total{outcome="well"}"#;
    let rounds = wait::until("the canary comes through", async || Ok(metric(&service, well)))
        .await
        .unwrap();

    // Breaks one hop alone: the service no longer asks the canary's person.
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let listed = control_room
        .responders
        .list_responders(ListRespondersRequest::default())
        .await
        .unwrap();
    let canary = listed.into_inner().responders.into_iter().find(|one| {
        one.profile
            .as_ref()
            .is_some_and(|profile| profile.external_ref == "muster-canary")
    });
    let responder_id = canary.unwrap().responder_id;
    let mut on_duty = async |on_duty| {
        let request = UpdateResponderRequest {
            responder_id: responder_id.clone(),
            on_duty: Some(on_duty),
            ..UpdateResponderRequest::default()
        };
        control_room.responders.update_responder(request).await.unwrap();
    };
    on_duty(false).await;
    let alarm = r#"muster_alarm{alarm="canary_silent"}"#;
    wait::until("the alarm is up", async || {
        Ok(metric(&service, alarm).filter(|&up| up == 1.0))
    })
    .await
    .unwrap();
    on_duty(true).await;
    wait::until("the alarm is over", async || {
        Ok(metric(&service, alarm).filter(|&up| up == 0.0))
    })
    .await
    .unwrap();
    assert!(metric(&service, well).unwrap() > rounds);
    assert_eq!(service.stop().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_canary_keeps_its_phone_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let mut credentials = Vec::new();
    for _ in 0..2 {
        let service = Service::start_with(&data_dir, &["--canary-every-s", "5"])
            .await
            .unwrap();
        let well = r#"muster_canary_rounds_total{outcome="well"}"#;
        wait::until("the canary comes through", async || Ok(metric(&service, well)))
            .await
            .unwrap();
        service.kill().await.unwrap();
        credentials.push(std::fs::read_to_string(data_dir.join("canary.json")).unwrap());
    }
    assert_eq!(credentials[0], credentials[1]);
}
