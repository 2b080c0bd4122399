//! What a report may not say, and what makes two requests the same.

use dispatch_core::ids::TenantId;
use muster_proto::v1::{Exercise, Live, Location, Wgs84, location::Point, report_incident_request::Purpose as Branch};

use super::*;
use crate::parse::fields::caller;

fn tenant() -> TenantId {
    TenantId::new("london").expect("valid")
}

fn at(seconds: i64) -> Option<google::Timestamp> {
    Some(google::Timestamp { seconds, nanos: 0 })
}

/// A quarter of a minute before the caller's clock.
const SENT: i64 = 1_772_366_385;

fn good() -> wire::ReportIncidentRequest {
    wire::ReportIncidentRequest {
        request_id: "req-1".into(),
        key: Some(wire::IncidentKey {
            tenant: String::new(),
            cad_system: "cad-a".into(),
            cad_incident_number: "000123-01032026".into(),
            call_date: "2026-03-01".into(),
        }),
        revision: 1,
        sent_at: at(SENT),
        kind: "cardiac_arrest".into(),
        purpose: Some(Branch::Live(Live {})),
        location: Some(Location {
            point: Some(Point::Wgs84(Wgs84 {
                latitude_deg: 51.5,
                longitude_deg: -0.1,
            })),
            accuracy_m: Some(10.0),
            address: Some(wire::Address {
                text: "1 High Street".into(),
                ..wire::Address::default()
            }),
        }),
        call_connected_at: at(SENT - 60),
        alert_although_late: false,
        ..wire::ReportIncidentRequest::default()
    }
}

fn parsed(request: wire::ReportIncidentRequest) -> (Report, Option<Address>) {
    report(request, caller(&tenant())).expect("accepted")
}

/// Field and reason of every fault.
fn faults(request: wire::ReportIncidentRequest) -> Vec<(String, &'static str)> {
    let refusal = report(request, caller(&tenant())).expect_err("refused");
    let fields = refusal.fields().iter();
    fields.map(|fault| (fault.field.clone(), fault.reason)).collect()
}

fn only_fault(request: wire::ReportIncidentRequest) -> (String, &'static str) {
    let mut faults = faults(request);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn a_good_report_is_taken_whole() {
    let (report, address) = parsed(good());
    assert_eq!(report.key.tenant, tenant());
    assert_eq!(report.sent_at, Timestamp::from_unix_ms(SENT * 1000));
    assert_eq!(
        report.call_connected_at,
        Some(Timestamp::from_unix_ms((SENT - 60) * 1000))
    );
    assert_eq!(report.purpose, Purpose::Live);
    assert_eq!(
        report.place.expect("placed").position.to_e7(),
        (515_000_000, -1_000_000)
    );
    assert_eq!(address.expect("given").text, "1 High Street");
}

#[test]
fn only_the_location_and_the_time_of_the_call_may_be_unknown() {
    let request = wire::ReportIncidentRequest {
        location: None,
        call_connected_at: None,
        ..good()
    };
    let (report, address) = parsed(request);
    assert_eq!((report.place, report.call_connected_at, address), (None, None, None));
}

#[test]
fn everything_missing_is_named_at_once() {
    let empty = wire::ReportIncidentRequest {
        key: Some(wire::IncidentKey::default()),
        location: Some(Location::default()),
        ..wire::ReportIncidentRequest::default()
    };
    let fields: Vec<_> = faults(empty).into_iter().map(|(field, _)| field).collect();
    let wanted = [
        "request_id",
        "key.cad_system",
        "key.cad_incident_number",
        "key.call_date",
        "revision",
        "sent_at",
        "kind",
        "purpose",
        "location",
    ];
    assert_eq!(fields, wanted);
    let no_key = wire::ReportIncidentRequest { key: None, ..good() };
    assert_eq!(only_fault(no_key), ("key".to_owned(), "REQUIRED"));
}

#[test]
fn each_field_has_its_rule() {
    let mut other_tenant = good();
    other_tenant.key.as_mut().expect("there").tenant = "leeds".into();
    let mut no_date = good();
    no_date.key.as_mut().expect("there").call_date = "2026-02-30".into();
    let refused = [
        (
            wire::ReportIncidentRequest {
                request_id: "a b".into(),
                ..good()
            },
            "request_id",
            "MALFORMED",
        ),
        (
            wire::ReportIncidentRequest {
                request_id: "x".repeat(65),
                ..good()
            },
            "request_id",
            "MALFORMED",
        ),
        (other_tenant, "key.tenant", "OTHER_TENANT"),
        (no_date, "key.call_date", "MALFORMED"),
        (
            wire::ReportIncidentRequest { revision: 0, ..good() },
            "revision",
            "OUT_OF_RANGE",
        ),
        (
            wire::ReportIncidentRequest {
                kind: "Cardiac Arrest".into(),
                ..good()
            },
            "kind",
            "MALFORMED",
        ),
        (
            wire::ReportIncidentRequest {
                purpose: None,
                ..good()
            },
            "purpose",
            "REQUIRED",
        ),
    ];
    for (request, field, reason) in refused {
        assert_eq!(only_fault(request), (field.to_owned(), reason));
    }
    let mut own_tenant = good();
    own_tenant.key.as_mut().expect("there").tenant = "london".into();
    assert_eq!(parsed(own_tenant).0, parsed(good()).0);
}

#[test]
fn moments_lie_between_2000_and_an_hour_from_now() {
    let now = SENT + 15;
    for (sent_at, reason) in [
        (at(now + 3601), "IN_THE_FUTURE"),
        (at(946_684_799), "OUT_OF_RANGE"),
        (at(0), "OUT_OF_RANGE"),
        (at(i64::MAX), "OUT_OF_RANGE"),
        (at(i64::MIN), "OUT_OF_RANGE"),
        (
            Some(google::Timestamp {
                seconds: SENT,
                nanos: -1,
            }),
            "MALFORMED",
        ),
        (
            Some(google::Timestamp {
                seconds: SENT,
                nanos: 1_000_000_000,
            }),
            "MALFORMED",
        ),
    ] {
        let request = wire::ReportIncidentRequest { sent_at, ..good() };
        assert_eq!(only_fault(request), ("sent_at".to_owned(), reason));
        let request = wire::ReportIncidentRequest {
            call_connected_at: sent_at,
            ..good()
        };
        assert_eq!(only_fault(request), ("call_connected_at".to_owned(), reason));
    }
    for seconds in [now + 3600, 946_684_800, now - 15 * 60] {
        parsed(wire::ReportIncidentRequest {
            sent_at: at(seconds),
            ..good()
        });
    }
}

#[test]
fn the_name_of_an_exercise_is_bounded() {
    let drill = |name: &str| wire::ReportIncidentRequest {
        purpose: Some(Branch::Exercise(Exercise { name: name.into() })),
        ..good()
    };
    assert_eq!(parsed(drill("Night drill 7")).0.purpose, Purpose::Exercise);
    assert_eq!(only_fault(drill(&"x".repeat(101))), ("purpose".to_owned(), "TOO_LONG"));
    assert_eq!(only_fault(drill("a\nb")), ("purpose".to_owned(), "CONTROL_CHARACTER"));
}

#[test]
fn the_fingerprint_covers_every_field_but_the_request_id() {
    let of = |request| parsed(request).0.request.fingerprint;
    let same = of(good());
    assert_eq!(
        of(wire::ReportIncidentRequest {
            request_id: "req-2".into(),
            ..good()
        }),
        same
    );
    let with_location = |change: fn(&mut Location)| {
        let mut request = good();
        change(request.location.as_mut().expect("there"));
        request
    };
    let mut other_number = good();
    other_number.key.as_mut().expect("there").cad_incident_number = "2".into();
    let changed = [
        other_number,
        wire::ReportIncidentRequest { revision: 2, ..good() },
        wire::ReportIncidentRequest {
            sent_at: at(SENT + 1),
            ..good()
        },
        wire::ReportIncidentRequest {
            kind: "fall".into(),
            ..good()
        },
        wire::ReportIncidentRequest {
            purpose: Some(Branch::Exercise(Exercise::default())),
            ..good()
        },
        wire::ReportIncidentRequest {
            location: None,
            ..good()
        },
        wire::ReportIncidentRequest {
            call_connected_at: None,
            ..good()
        },
        wire::ReportIncidentRequest {
            alert_although_late: true,
            ..good()
        },
        with_location(|location| location.accuracy_m = None),
        with_location(|location| location.address = None),
        with_location(|location| {
            location.point = Some(Point::Wgs84(Wgs84 {
                latitude_deg: 51.500_001,
                longitude_deg: -0.1,
            }));
        }),
        with_location(|location| location.address.as_mut().expect("there").access_notes = "code 1".into()),
    ];
    for request in changed {
        assert_ne!(of(request.clone()), same, "{request:?}");
    }
}

#[test]
fn what_parses_to_the_same_has_the_same_fingerprint() {
    let exact = |accuracy_m| {
        let mut request = good();
        request.location.as_mut().expect("there").accuracy_m = accuracy_m;
        parsed(request).0.request.fingerprint
    };
    assert_eq!(exact(None), exact(Some(0.0)));
    let mut finer = good();
    finer.sent_at.as_mut().expect("there").nanos = 999_999;
    assert_eq!(parsed(finer).0.request, parsed(good()).0.request);
}

#[test]
fn endings_say_why_and_differ_from_each_other() {
    let stand_down_of = |cause: i32| {
        let request = wire::StandDownIncidentRequest {
            request_id: "req-9".into(),
            key: good().key,
            revision: 2,
            sent_at: at(SENT),
            cause,
        };
        stand_down(request, caller(&tenant())).expect("accepted")
    };
    let cancelled = stand_down_of(wire::StandDownCause::Cancelled.into());
    let crew = stand_down_of(wire::StandDownCause::CrewOnScene.into());
    assert_eq!(
        (cancelled.cause, crew.cause),
        (EndCause::Cancelled, EndCause::CrewOnScene)
    );
    let closed = wire::CloseIncidentRequest {
        request_id: "req-9".into(),
        key: good().key,
        revision: 2,
        sent_at: at(SENT),
    };
    let closed = close(closed, caller(&tenant())).expect("accepted");
    assert_eq!(closed.cause, EndCause::Closed);
    assert_ne!(closed.request.fingerprint, stand_down_of(0).request.fingerprint);
    assert_ne!(cancelled.request.fingerprint, crew.request.fingerprint);
}

#[test]
fn a_cause_from_a_newer_client_still_calls_everybody_off() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let cause = metrics::with_local_recorder(&recorder, || cause(77).1);
    assert_eq!(cause, EndCause::Cancelled);
    let counted = r#"muster_grpc_unknown_values_total{field="cause"} 1"#;
    assert!(handle.render().contains(counted), "{}", handle.render());
}

#[test]
fn an_ending_needs_its_fields_too() {
    let refusal = close(wire::CloseIncidentRequest::default(), caller(&tenant())).expect_err("refused");
    let fields: Vec<_> = refusal.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["request_id", "key", "revision", "sent_at"]);
}
