//! The register as a control room sees it.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use muster_proto::v1::{self as wire, ImportOutcome};
use support::{Stand, profile, reason};
use tonic::Code;

fn register(external_ref: &str) -> wire::RegisterResponderRequest {
    wire::RegisterResponderRequest {
        profile: Some(profile(external_ref)),
    }
}

#[tokio::test]
async fn registering_twice_is_registering_once() {
    let stand = Stand::new().await;
    let mut client = stand.responders("london").await;
    let first = client.register_responder(register("a")).await.unwrap().into_inner();
    assert!(!first.duplicate);
    let again = client.register_responder(register("a")).await.unwrap().into_inner();
    assert!(again.duplicate);
    assert_eq!(again.responder, first.responder);
    let mut other = register("a");
    other.profile.as_mut().unwrap().name = "Somebody else".into();
    let refusal = client.register_responder(other).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::AlreadyExists, "ALREADY_REGISTERED".to_owned()));
    let empty = client
        .register_responder(wire::RegisterResponderRequest::default())
        .await
        .unwrap_err();
    assert_eq!(reason(&empty), (Code::InvalidArgument, "REQUIRED".to_owned()));
    stand.stop().await;
}

#[tokio::test]
async fn one_bad_row_does_not_stop_the_others() {
    let stand = Stand::new().await;
    let mut client = stand.responders("london").await;
    client.register_responder(register("same")).await.unwrap();
    client.register_responder(register("changed")).await.unwrap();
    let no_validity = wire::ResponderProfile {
        credential_valid_until: None,
        ..profile("bad")
    };
    let off_duty = wire::ResponderProfile {
        on_duty: false,
        ..profile("changed")
    };
    let twice = wire::ResponderProfile {
        name: "Other".into(),
        ..profile("new")
    };
    let profiles = vec![profile("new"), no_validity, profile("same"), twice, off_duty];
    let import = wire::ImportRespondersRequest { profiles };
    let rows = client
        .import_responders(import.clone())
        .await
        .unwrap()
        .into_inner()
        .rows;
    let outcomes: Vec<_> = rows.iter().map(|row| (row.row, row.outcome())).collect();
    let wanted = [
        (0, ImportOutcome::Created),
        (1, ImportOutcome::Refused),
        (2, ImportOutcome::Unchanged),
        (3, ImportOutcome::Refused),
        (4, ImportOutcome::Updated),
    ];
    assert_eq!(outcomes, wanted);
    assert!(
        rows[1].message.starts_with("credential_valid_until: required"),
        "{}",
        rows[1].message
    );
    assert!(
        rows[3].message.starts_with("external_ref: an earlier row"),
        "{}",
        rows[3].message
    );
    assert!(
        rows.iter()
            .all(|row| row.responder_id.is_empty() == (row.outcome() == ImportOutcome::Refused))
    );
    let again = client.import_responders(import).await.unwrap().into_inner().rows;
    assert_eq!(again[0].outcome(), ImportOutcome::Unchanged);
    assert_eq!(again[0].responder_id, rows[0].responder_id);

    let none = client
        .import_responders(wire::ImportRespondersRequest::default())
        .await
        .unwrap_err();
    assert_eq!(none.code(), Code::InvalidArgument);
    let all_bad = vec![wire::ResponderProfile::default()];
    let rows = client
        .import_responders(wire::ImportRespondersRequest { profiles: all_bad })
        .await
        .unwrap();
    assert_eq!(rows.into_inner().rows[0].outcome(), ImportOutcome::Refused);
    stand.stop().await;
}

#[tokio::test]
async fn an_import_of_a_thousand_fits() {
    let stand = Stand::new().await;
    let mut client = stand.responders("london").await;
    let profiles: Vec<_> = (0..1000).map(|n| profile(&format!("staff-{n:06}"))).collect();
    let rows = client
        .import_responders(wire::ImportRespondersRequest { profiles })
        .await
        .unwrap()
        .into_inner()
        .rows;
    assert_eq!(
        rows.iter()
            .filter(|row| row.outcome() == ImportOutcome::Created)
            .count(),
        1000
    );
    stand.stop().await;
}

#[tokio::test]
async fn people_change_and_are_suspended() {
    let stand = Stand::new().await;
    let mut client = stand.responders("london").await;
    let person = client
        .register_responder(register("a"))
        .await
        .unwrap()
        .into_inner()
        .responder
        .unwrap();
    let id = person.responder_id.clone();
    let update = wire::UpdateResponderRequest {
        responder_id: id.clone(),
        name: Some("New".into()),
        skills: Some(wire::SkillSet {
            skills: vec!["aed".into()],
        }),
        ..Default::default()
    };
    let updated = client
        .update_responder(update)
        .await
        .unwrap()
        .into_inner()
        .responder
        .unwrap();
    let before = person.profile.unwrap();
    let wanted = wire::ResponderProfile {
        name: "New".into(),
        skills: vec!["aed".into()],
        ..before
    };
    assert_eq!(updated.profile, Some(wanted.clone()));
    let suspend = wire::SuspendResponderRequest {
        responder_id: id.clone(),
    };
    assert!(
        client
            .suspend_responder(suspend)
            .await
            .unwrap()
            .into_inner()
            .responder
            .unwrap()
            .suspended
    );
    let get = wire::GetResponderRequest { responder_id: id };
    let read = client.get_responder(get).await.unwrap().into_inner().responder.unwrap();
    assert_eq!((read.suspended, read.profile), (true, Some(wanted)));
    let wrong = wire::GetResponderRequest {
        responder_id: "4711".into(),
    };
    assert_eq!(
        client.get_responder(wrong).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    stand.stop().await;
}

#[tokio::test]
async fn quiet_hours_are_kept_and_cleared_by_an_update() {
    let stand = Stand::new().await;
    let mut client = stand.responders("london").await;
    let hours = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        Some(wire::QuietHours { from, to })
    };
    let mut wanted = register("a");
    wanted.profile.as_mut().unwrap().quiet_hours = hours("22:30", "07:05");
    let registered = client.register_responder(wanted.clone()).await.unwrap().into_inner();
    let person = registered.responder.unwrap();
    assert_eq!(person.profile, wanted.profile);
    let update = |quiet_hours| wire::UpdateResponderRequest {
        responder_id: person.responder_id.clone(),
        quiet_hours,
        ..Default::default()
    };
    for (given, kept) in [
        (None, hours("22:30", "07:05")),
        (hours("00:00", "06:00"), hours("00:00", "06:00")),
        (hours("", ""), None),
    ] {
        client.update_responder(update(given)).await.unwrap();
        let get = wire::GetResponderRequest {
            responder_id: person.responder_id.clone(),
        };
        let read = client.get_responder(get).await.unwrap().into_inner().responder.unwrap();
        assert_eq!(read.profile.unwrap().quiet_hours, kept);
    }
    let refusal = client
        .update_responder(update(hours("25:00", "07:00")))
        .await
        .unwrap_err();
    assert_eq!(reason(&refusal), (Code::InvalidArgument, "MALFORMED".to_owned()));
    assert!(refusal.message().contains("quiet_hours.from"), "{}", refusal.message());
    stand.stop().await;
}

#[tokio::test]
async fn people_are_listed_in_order_of_registration() {
    let stand = Stand::new().await;
    let mut client = stand.responders("london").await;
    for external_ref in ["c", "a", "b"] {
        client.register_responder(register(external_ref)).await.unwrap();
    }
    let mut names = String::new();
    let mut page_token = String::new();
    loop {
        let request = wire::ListRespondersRequest {
            never_called: false,
            page_size: 2,
            page_token,
        };
        let page = client.list_responders(request).await.unwrap().into_inner();
        names.extend(
            page.responders
                .into_iter()
                .map(|person| person.profile.unwrap().external_ref),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, "cab");
    stand.stop().await;
}

#[tokio::test]
async fn a_device_gets_its_topics_and_loses_its_access() {
    let stand = Stand::new().await;
    let mut client = stand.responders("london").await;
    let person = client
        .register_responder(register("a"))
        .await
        .unwrap()
        .into_inner()
        .responder
        .unwrap();
    let issue = |kind: wire::DeviceKind| wire::IssueCredentialRequest {
        responder_id: person.responder_id.clone(),
        kind: kind.into(),
        purpose: Some(wire::issue_credential_request::Purpose::Exercise(
            wire::Exercise::default(),
        )),
        ..Default::default()
    };
    let phone = client
        .issue_credential(issue(wire::DeviceKind::Unspecified))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(phone.password.len(), 64);
    let topic = phone.up_topic.strip_suffix("/up").unwrap();
    assert!(topic.starts_with("muster/v1/london/d/"), "{topic}");
    assert_eq!(phone.down_topic, format!("{topic}/down"));
    assert!(
        !phone.up_topic.contains(&phone.device_id[4..]),
        "topics are not derived from the user name"
    );
    let tracker = client
        .issue_credential(issue(wire::DeviceKind::Owntracks))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(tracker.up_topic, format!("owntracks/{}/phone", tracker.device_id));
    assert_eq!(tracker.down_topic, "");

    let get = wire::GetResponderRequest {
        responder_id: person.responder_id.clone(),
    };
    let devices = |person: wire::GetResponderResponse| person.responder.unwrap().devices;
    let enrolled = devices(client.get_responder(get.clone()).await.unwrap().into_inner());
    let kinds: Vec<_> = enrolled
        .iter()
        .map(|device| (device.kind(), device.encoding()))
        .collect();
    let json = wire::PayloadEncoding::Json;
    assert_eq!(
        kinds,
        [(wire::DeviceKind::Muster, json), (wire::DeviceKind::Owntracks, json)]
    );
    let revoke = wire::RevokeCredentialRequest {
        device_id: phone.device_id,
    };
    client.revoke_credential(revoke.clone()).await.unwrap();
    assert_eq!(devices(client.get_responder(get).await.unwrap().into_inner()).len(), 1);
    assert_eq!(
        client.revoke_credential(revoke).await.unwrap_err().code(),
        Code::NotFound
    );
    stand.stop().await;
}

#[tokio::test]
async fn a_trunk_is_enrolled_and_revoked_like_a_device() {
    let stand = Stand::new().await;
    let mut client = stand.responders("london").await;
    let wanted = wire::IssueTrunkCredentialRequest {
        external_ref_prefix: "partner-".into(),
    };
    let issued = client.issue_trunk_credential(wanted).await.unwrap().into_inner();
    assert!(issued.trunk_id.starts_with("trk-") && issued.password.len() == 64);
    assert!(issued.up_topic.starts_with("muster/v1/london/t/") && issued.up_topic.ends_with("/up"));

    let nobody = wire::IssueTrunkCredentialRequest::default();
    let refusal = client.issue_trunk_credential(nobody).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::InvalidArgument, "REQUIRED".to_owned()));

    let revoke = |device_id: &str| wire::RevokeCredentialRequest {
        device_id: device_id.into(),
    };
    let mut stranger = stand.responders("leeds").await;
    let refusal = stranger.revoke_credential(revoke(&issued.trunk_id)).await.unwrap_err();
    assert_eq!(reason(&refusal).0, Code::NotFound);
    client.revoke_credential(revoke(&issued.trunk_id)).await.unwrap();
    let refusal = client.revoke_credential(revoke(&issued.trunk_id)).await.unwrap_err();
    assert_eq!(reason(&refusal).0, Code::NotFound);
    let refusal = client.revoke_credential(revoke("gateway")).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::InvalidArgument, "MALFORMED".to_owned()));
    stand.stop().await;
}
