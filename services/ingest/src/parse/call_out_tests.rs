//! What a call-out may not say, and what it means.

use dispatch_core::{call_out::ShiftNumber, ids::TenantId, input::Report, position::Position, time::Timestamp};
use muster_engine::registry::Address;
use muster_proto::{
    google,
    v1::{self as wire, Live, Location, Wgs84, location::Point, report_incident_request::Purpose as Branch},
};

use crate::parse::{fields::caller, report};

/// A quarter of a minute before the caller's clock.
const SENT: i64 = 1_772_366_385;
const HOUR: i64 = 3_600;

fn at(seconds: i64) -> Option<google::Timestamp> {
    Some(google::Timestamp { seconds, nanos: 0 })
}

fn point(latitude_deg: f64, longitude_deg: f64) -> Location {
    Location {
        point: Some(Point::Wgs84(Wgs84 {
            latitude_deg,
            longitude_deg,
        })),
        accuracy_m: Some(5.0),
        address: Some(wire::Address {
            text: "Town Hall".into(),
            ..wire::Address::default()
        }),
    }
}

fn shift(number: u32, from_h: i64, to_h: i64, wanted: u32) -> wire::Shift {
    wire::Shift {
        number,
        starts_at: at(SENT + from_h * HOUR),
        ends_at: at(SENT + to_h * HOUR),
        wanted,
    }
}

fn corners(places: &[(f64, f64)]) -> Vec<wire::Corner> {
    let corner = |&(latitude_deg, longitude_deg): &(f64, f64)| wire::Corner {
        latitude_deg,
        longitude_deg,
    };
    places.iter().map(corner).collect()
}

fn good() -> wire::CallOut {
    wire::CallOut {
        muster_point: Some(point(51.5, -0.1)),
        area: corners(&[(51.4, -0.2), (51.4, 0.0), (51.6, 0.0), (51.6, -0.2)]),
        skill: "boat".into(),
        shifts: vec![shift(2, 8, 16, 20), shift(1, 1, 9, 30)],
        wake: true,
    }
}

fn request(call_out: wire::CallOut) -> wire::ReportIncidentRequest {
    wire::ReportIncidentRequest {
        request_id: "req-1".into(),
        key: Some(wire::IncidentKey {
            tenant: String::new(),
            cad_system: "cad-a".into(),
            cad_incident_number: "77".into(),
            call_date: "2026-03-01".into(),
        }),
        revision: 1,
        sent_at: at(SENT),
        kind: "flood".into(),
        purpose: Some(Branch::Live(Live {})),
        call_out: Some(call_out),
        ..wire::ReportIncidentRequest::default()
    }
}

fn tenant() -> TenantId {
    TenantId::new("london").expect("valid")
}

fn parsed(call_out: wire::CallOut) -> (Report, Option<Address>) {
    report(request(call_out), caller(&tenant())).expect("accepted")
}

fn faults(request: wire::ReportIncidentRequest) -> Vec<(String, &'static str)> {
    let refusal = report(request, caller(&tenant())).expect_err("refused");
    let fields = refusal.fields().iter();
    fields.map(|fault| (fault.field.clone(), fault.reason)).collect()
}

fn only_fault(call_out: wire::CallOut) -> (String, &'static str) {
    let mut faults = faults(request(call_out));
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn a_call_out_is_taken_whole() {
    let (report, address) = parsed(good());
    let muster_point = report.place.expect("people gather there");
    assert_eq!(
        muster_point.position,
        Position::from_degrees(51.5, -0.1).expect("valid")
    );
    assert_eq!(address.expect("given").text, "Town Hall");
    let call_out = report.call_out.expect("given");
    assert_eq!(call_out.outline().len(), 4);
    assert_eq!(call_out.skill().expect("given").as_str(), "boat");
    assert!(call_out.wakes());
    let first = call_out.shifts()[0];
    assert_eq!((first.number, first.wanted), (ShiftNumber::new(1).expect("valid"), 30));
    assert_eq!(first.starts_at, Timestamp::from_unix_ms((SENT + HOUR) * 1000));
}

#[test]
fn area_skill_and_waking_may_be_left_out() {
    let (report, _) = parsed(wire::CallOut {
        area: vec![],
        skill: String::new(),
        wake: false,
        ..good()
    });
    let call_out = report.call_out.expect("given");
    assert_eq!(
        (call_out.outline().len(), call_out.skill(), call_out.wakes()),
        (0, None, false)
    );
}

#[test]
fn people_are_sent_to_the_muster_point_and_nowhere_else() {
    let both = wire::ReportIncidentRequest {
        location: Some(point(51.5, -0.1)),
        ..request(good())
    };
    assert_eq!(faults(both), [("location".to_owned(), "NOT_WITH_CALL_OUT")]);
    let nowhere = wire::CallOut {
        muster_point: None,
        ..good()
    };
    assert_eq!(only_fault(nowhere), ("call_out.muster_point".to_owned(), "REQUIRED"));
    let unknown = wire::CallOut {
        muster_point: Some(point(0.0, 0.0)),
        ..good()
    };
    assert_eq!(
        only_fault(unknown),
        ("call_out.muster_point.wgs84".to_owned(), "NULL_ISLAND")
    );
}

#[test]
fn each_field_has_its_rule() {
    let wrong_skill = wire::CallOut {
        skill: "Boat!".into(),
        ..good()
    };
    assert_eq!(only_fault(wrong_skill), ("call_out.skill".to_owned(), "MALFORMED"));
    let area = |places: &[(f64, f64)]| {
        only_fault(wire::CallOut {
            area: corners(places),
            ..good()
        })
    };
    assert_eq!(
        area(&[(51.4, -0.2), (51.4, 0.0)]),
        ("call_out.area".to_owned(), "OUT_OF_RANGE")
    );
    let pole = area(&[(51.4, -0.2), (91.0, 0.0), (51.6, 0.0)]);
    assert_eq!(pole, ("call_out.area[1]".to_owned(), "OUT_OF_RANGE"));
    let nan = area(&[(51.4, -0.2), (51.4, 0.0), (f64::NAN, 0.0)]);
    assert_eq!(nan, ("call_out.area[2]".to_owned(), "OUT_OF_RANGE"));
    let far = area(&[(51.4, -0.2), (51.4, 0.0), (54.0, 0.0)]);
    assert_eq!(far, ("call_out.area[2]".to_owned(), "OUT_OF_RANGE"));
    let detailed = area(&[(51.4, -0.2); 1_001]);
    assert_eq!(detailed, ("call_out.area".to_owned(), "OUT_OF_RANGE"));

    let shifts = |shifts: Vec<wire::Shift>| only_fault(wire::CallOut { shifts, ..good() });
    let named = |field: &str, reason| (format!("call_out.shifts{field}"), reason);
    assert_eq!(shifts(vec![]), named("", "OUT_OF_RANGE"));
    assert_eq!(shifts(vec![shift(1, 0, 1, 1); 33]), named("", "OUT_OF_RANGE"));
    assert_eq!(
        shifts(vec![shift(1, 0, 1, 1), shift(33, 0, 1, 1)]),
        named("[1].number", "OUT_OF_RANGE")
    );
    assert_eq!(
        shifts(vec![shift(1, 0, 1, 1), shift(1, 1, 2, 1)]),
        named("", "OUT_OF_RANGE")
    );
    assert_eq!(shifts(vec![shift(1, 2, 1, 1)]), named("", "OUT_OF_RANGE"));
    assert_eq!(shifts(vec![shift(1, 0, 1, 0)]), named("", "OUT_OF_RANGE"));
    assert_eq!(shifts(vec![shift(1, 0, 1, 1_251)]), named("", "OUT_OF_RANGE"));
    assert_eq!(
        shifts(vec![shift(1, 0, 31 * 24 + 1, 1)]),
        named("[0].ends_at", "OUT_OF_RANGE")
    );
    let mut timeless = shift(1, 0, 1, 1);
    timeless.starts_at = None;
    assert_eq!(shifts(vec![timeless]), named("[0].starts_at", "REQUIRED"));
}

#[test]
fn faults_of_all_parts_are_named_at_once() {
    let all = wire::CallOut {
        muster_point: Some(point(51.5, -0.1)),
        area: corners(&[(100.0, 0.0)]),
        skill: "?".into(),
        shifts: vec![wire::Shift::default()],
        wake: false,
    };
    let fields: Vec<String> = faults(request(all)).into_iter().map(|(field, _)| field).collect();
    let wanted = [
        "call_out.area[0]",
        "call_out.skill",
        "call_out.shifts[0].number",
        "call_out.shifts[0].starts_at",
        "call_out.shifts[0].ends_at",
    ];
    assert_eq!(fields, wanted);
}

#[test]
fn a_retry_is_the_same_and_another_wish_is_not() {
    let print = |call_out| parsed(call_out).0.request.fingerprint;
    let first = print(good());
    let mut turned = good();
    turned.shifts.reverse();
    assert_eq!(print(turned), first, "the order of shifts says nothing");
    let mut others: Vec<wire::CallOut> = vec![good(); 6];
    others[0].wake = false;
    others[1].skill = String::new();
    others[2].shifts[0].wanted = 21;
    others[3].area[0].latitude_deg = 51.41;
    others[4].muster_point = Some(point(51.5, -0.11));
    others[5].shifts[1].ends_at = at(SENT + 10 * HOUR);
    for other in others {
        assert_ne!(print(other.clone()), first, "{other:?}");
    }
}
