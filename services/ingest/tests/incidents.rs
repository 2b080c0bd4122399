//! Reports, endings and lists as a control room sees them.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use muster_proto::v1::{self as wire, get_incident_request::Name};
use support::{NOW, Stand, at, key, reason, report};
use tonic::Code;
use tonic_types::StatusExt;

#[tokio::test]
async fn a_report_is_answered_and_read_back() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let answer = client.report_incident(report("r1", "1")).await.unwrap().into_inner();
    assert!(answer.durable && !answer.duplicate);
    assert_eq!((answer.revision, answer.alerts_planned), (1, 0));
    assert_eq!(answer.warnings.len(), 1);
    assert_eq!(answer.warnings[0].code(), wire::WarningCode::NobodyToAsk);
    for name in [
        Name::IncidentId(answer.incident_id.clone()),
        Name::Key(key("1").unwrap()),
    ] {
        let get = wire::GetIncidentRequest { name: Some(name) };
        let incident = client.get_incident(get).await.unwrap().into_inner().incident.unwrap();
        assert_eq!(incident.incident_id, answer.incident_id);
        assert_eq!(
            (incident.kind.as_str(), incident.wanted, incident.revision),
            ("cardiac_arrest", 3, 1)
        );
        assert_eq!(incident.state(), answer.state());
        assert_eq!(incident.received_at, at(NOW));
        assert_eq!(incident.purpose, Some(wire::incident::Purpose::Live(wire::Live {})));
    }
    stand.stop().await;
}

#[tokio::test]
async fn a_retry_gets_the_same_answer_and_a_reused_id_does_not() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let first = client.report_incident(report("r1", "1")).await.unwrap().into_inner();
    let again = client.report_incident(report("r1", "1")).await.unwrap().into_inner();
    assert!(again.duplicate);
    assert_eq!(
        wire::ReportIncidentResponse {
            duplicate: false,
            ..again
        },
        first
    );
    let other = wire::ReportIncidentRequest {
        revision: 2,
        ..report("r1", "1")
    };
    let refusal = client.report_incident(other).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));
    let close = wire::CloseIncidentRequest {
        request_id: "r1".into(),
        key: key("1"),
        revision: 2,
        sent_at: at(NOW),
    };
    let refusal = client.close_incident(close).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));
    stand.stop().await;
}

#[tokio::test]
async fn a_stale_revision_changes_nothing_and_a_purpose_stays() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let newest = wire::ReportIncidentRequest {
        revision: 5,
        ..report("r1", "1")
    };
    client.report_incident(newest).await.unwrap();
    let stale = client.report_incident(report("r2", "1")).await.unwrap().into_inner();
    assert_eq!(stale.revision, 5);
    assert_eq!(stale.warnings[0].code(), wire::WarningCode::StaleRevision);
    let drill = wire::ReportIncidentRequest {
        revision: 6,
        purpose: Some(wire::report_incident_request::Purpose::Exercise(
            wire::Exercise::default(),
        )),
        ..report("r3", "1")
    };
    let refusal = client.report_incident(drill).await.unwrap_err();
    assert_eq!(
        reason(&refusal),
        (Code::FailedPrecondition, "PURPOSE_CHANGED".to_owned())
    );
    stand.stop().await;
}

#[tokio::test]
async fn a_bad_request_names_every_field() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let mut bad = wire::ReportIncidentRequest {
        revision: 0,
        kind: "Cardiac arrest".into(),
        ..report("r1", "1")
    };
    bad.location.as_mut().unwrap().point = Some(wire::location::Point::Wgs84(wire::Wgs84 {
        latitude_deg: -0.1,
        longitude_deg: 51.5,
    }));
    let refusal = client.report_incident(bad).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::InvalidArgument, "OUT_OF_RANGE".to_owned()));
    let details = refusal.get_details_bad_request().unwrap();
    let violations: Vec<_> = details
        .field_violations
        .iter()
        .map(|v| (v.field.as_str(), v.reason.as_str()))
        .collect();
    let wanted = [
        ("revision", "OUT_OF_RANGE"),
        ("kind", "MALFORMED"),
        ("location.wgs84", "LATITUDE_LONGITUDE_SWAPPED"),
    ];
    assert_eq!(violations, wanted);
    assert!(
        refusal.message().contains("latitude and longitude are swapped"),
        "{}",
        refusal.message()
    );
    assert!(
        details
            .field_violations
            .iter()
            .all(|violation| !violation.description.is_empty())
    );
    let nameless = client
        .get_incident(wire::GetIncidentRequest { name: None })
        .await
        .unwrap_err();
    assert_eq!(reason(&nameless), (Code::InvalidArgument, "REQUIRED".to_owned()));
    stand.stop().await;
}

#[tokio::test]
async fn a_stand_down_before_the_report_leaves_a_tombstone() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let stand_down = wire::StandDownIncidentRequest {
        request_id: "r1".into(),
        key: key("1"),
        revision: 2,
        sent_at: at(NOW),
        cause: wire::StandDownCause::CrewOnScene.into(),
    };
    let ending = client
        .stand_down_incident(stand_down.clone())
        .await
        .unwrap()
        .into_inner()
        .ending
        .unwrap();
    assert!(ending.durable && !ending.duplicate);
    assert_eq!((ending.state(), ending.revision), (wire::IncidentState::StoodDown, 2));
    let again = client
        .stand_down_incident(stand_down)
        .await
        .unwrap()
        .into_inner()
        .ending
        .unwrap();
    assert!(again.duplicate);
    let reported = client.report_incident(report("r2", "1")).await.unwrap().into_inner();
    assert_eq!(reported.state(), wire::IncidentState::StoodDown);
    assert_eq!(reported.warnings[0].code(), wire::WarningCode::IncidentEnded);
    let get = wire::GetIncidentRequest {
        name: Some(Name::IncidentId(ending.incident_id)),
    };
    let tombstone = client.get_incident(get).await.unwrap().into_inner().incident.unwrap();
    assert_eq!(
        (tombstone.kind.as_str(), tombstone.wanted, tombstone.purpose),
        ("", 0, None)
    );
    stand.stop().await;
}

#[tokio::test]
async fn lists_run_from_new_to_old_in_pages() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    for number in 1..=5 {
        client
            .report_incident(report(&format!("r{number}"), &number.to_string()))
            .await
            .unwrap();
    }
    let close = wire::CloseIncidentRequest {
        request_id: "c".into(),
        key: key("4"),
        revision: 2,
        sent_at: at(NOW),
    };
    client.close_incident(close).await.unwrap();
    for (open_only, wanted) in [(false, "54321"), (true, "5321")] {
        let mut numbers = String::new();
        let mut page_token = String::new();
        let mut pages = 0;
        loop {
            let request = wire::ListIncidentsRequest {
                page_size: 2,
                page_token,
                open_only,
            };
            let page = client.list_incidents(request).await.unwrap().into_inner();
            assert!(page.incidents.len() <= 2);
            numbers.extend(
                page.incidents
                    .iter()
                    .map(|row| row.key.clone().unwrap().cad_incident_number),
            );
            pages += 1;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!((numbers.as_str(), pages), (wanted, wanted.len().div_ceil(2)));
    }
    stand.stop().await;
}

#[tokio::test]
async fn when_the_engine_has_stopped_callers_are_told_when_to_try_again() {
    let mut stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    client.report_incident(report("r1", "1")).await.unwrap();
    stand.stop_engine().await;
    let refusal = client.report_incident(report("r2", "2")).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::Unavailable, "STOPPING".to_owned()));
    assert!(refusal.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs() >= 1);
    let list = wire::ListIncidentsRequest::default();
    let listed = client.list_incidents(list).await.unwrap().into_inner();
    assert_eq!(listed.incidents.len(), 1, "what is durable can still be read");
    stand.stop().await;
}

/// Two people are wanted this evening at the Town Hall.
fn call_out(request_id: &str, revision: u32) -> wire::ReportIncidentRequest {
    let report = report(request_id, "7");
    let shift = wire::Shift {
        number: 3,
        starts_at: at(NOW + 3_600),
        ends_at: at(NOW + 7_200),
        wanted: 2,
    };
    wire::ReportIncidentRequest {
        kind: "flood".into(),
        revision,
        call_out: Some(wire::CallOut {
            muster_point: report.location.clone(),
            shifts: vec![shift],
            ..wire::CallOut::default()
        }),
        location: None,
        ..report
    }
}

#[tokio::test]
async fn a_call_out_shows_its_shifts_and_stays_one() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let answer = client.report_incident(call_out("r1", 1)).await.unwrap().into_inner();
    let get = wire::GetIncidentRequest {
        name: Some(Name::IncidentId(answer.incident_id)),
    };
    let incident = client.get_incident(get).await.unwrap().into_inner().incident.unwrap();
    assert_eq!(incident.wanted, 2, "not what the policy wants");
    let shown = wire::ShiftStanding {
        shift: Some(call_out("r1", 1).call_out.unwrap().shifts[0]),
        taken: 0,
    };
    assert_eq!(incident.shifts, [shown]);

    let ordinary = wire::ReportIncidentRequest {
        revision: 2,
        ..report("r2", "7")
    };
    let refusal = client.report_incident(ordinary).await.unwrap_err();
    assert_eq!(
        reason(&refusal),
        (Code::FailedPrecondition, "CALL_OUT_CHANGED".to_owned())
    );
    assert!(refusal.message().contains("is a call-out"), "{}", refusal.message());
    client.report_incident(report("r3", "8")).await.unwrap();
    let mut other = call_out("r4", 2);
    other.key = key("8");
    let refusal = client.report_incident(other).await.unwrap_err();
    assert!(refusal.message().contains("is no call-out"), "{}", refusal.message());
    stand.stop().await;
}
