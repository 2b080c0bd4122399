//! What an entry of a defibrillator may not say.

use dispatch_core::aeds::Openness;
use muster_proto::google;

use super::*;

fn tenant() -> TenantId {
    TenantId::new("london").expect("valid")
}

fn location() -> wire::Location {
    wire::Location {
        point: Some(wire::location::Point::Wgs84(wire::Wgs84 {
            latitude_deg: 51.5,
            longitude_deg: -0.12,
        })),
        accuracy_m: Some(20.0),
        address: Some(wire::Address {
            access_notes: "left of the door".into(),
            ..wire::Address::default()
        }),
    }
}

fn hours(expression: &str, country: &str, time_zone: &str) -> Option<wire::OpeningHours> {
    Some(wire::OpeningHours {
        expression: expression.into(),
        country: country.into(),
        time_zone: time_zone.into(),
    })
}

fn good() -> wire::DefibrillatorProfile {
    wire::DefibrillatorProfile {
        external_ref: "circuit/4711".into(),
        location: Some(location()),
        access: wire::DefibrillatorAccess::Permissive.into(),
        opening_hours: hours("24/7", "GB", "Europe/London"),
        indoor: Some(false),
        level: "-1".into(),
        out_of_service: true,
        confirmed_at: Some(google::Timestamp {
            seconds: 1_700_000_000,
            nanos: 0,
        }),
        name: "Town hall".into(),
        cabinet_code: "C159X".into(),
    }
}

fn faults(refusal: &InvalidRequest) -> Vec<(&str, &str)> {
    let fields = refusal.fields().iter();
    fields.map(|fault| (fault.field.as_str(), fault.reason)).collect()
}

#[test]
fn a_good_profile_is_taken_whole() {
    let taken = defibrillator_registration(&good(), &tenant(), None).expect("accepted");
    assert_eq!(taken.place.accuracy, Metres::new(20));
    assert_eq!(taken.address.access_notes, "left of the door");
    assert_eq!(
        (taken.access, taken.state),
        (Access::Permissive, AedState::OutOfService)
    );
    assert_eq!(taken.level, Level::new("-1"));
    let hours = taken.hours.expect("there");
    let noon = dispatch_core::time::Timestamp::from_unix_ms(1_772_366_400_000);
    assert_eq!(hours.openness(noon, taken.place.position), Openness::Open);
}

#[test]
fn every_wrong_field_is_named() {
    let bad = wire::DefibrillatorProfile {
        external_ref: String::new(),
        location: Some(wire::Location {
            accuracy_m: Some(-1.0),
            ..wire::Location::default()
        }),
        opening_hours: hours(&"x".repeat(513), "", "Europe/Lundun"),
        level: "ground floor".into(),
        confirmed_at: Some(google::Timestamp { seconds: 0, nanos: 0 }),
        name: "SECRET".repeat(40),
        cabinet_code: "SECRET\n".into(),
        ..good()
    };
    let refusal = defibrillator_registration(&bad, &tenant(), None)
        .expect_err("refused")
        .within("profile.");
    let wanted = [
        ("profile.external_ref", "REQUIRED"),
        ("profile.location", "REQUIRED"),
        ("profile.location.accuracy_m", "OUT_OF_RANGE"),
        ("profile.opening_hours.expression", "TOO_LONG"),
        ("profile.opening_hours.country", "REQUIRED"),
        ("profile.level", "MALFORMED"),
        ("profile.confirmed_at", "OUT_OF_RANGE"),
        ("profile.name", "TOO_LONG"),
        ("profile.cabinet_code", "CONTROL_CHARACTER"),
    ];
    assert_eq!(faults(&refusal), wanted);
    assert!(!refusal.to_string().contains("SECRET"));
    let nowhere = wire::DefibrillatorProfile {
        location: None,
        ..good()
    };
    let refusal = defibrillator_registration(&nowhere, &tenant(), None).expect_err("refused");
    assert_eq!(faults(&refusal), [("location", "REQUIRED")]);
}

#[test]
fn hours_need_a_country_and_a_zone_that_exist() {
    for (country, zone, field) in [
        ("GB", "Europe/Lundun", "opening_hours.time_zone"),
        ("ZZ", "Europe/London", "opening_hours.country"),
    ] {
        let profile = wire::DefibrillatorProfile {
            opening_hours: hours("24/7", country, zone),
            ..good()
        };
        let refusal = defibrillator_registration(&profile, &tenant(), None).expect_err("refused");
        assert_eq!(faults(&refusal), [(field, "UNKNOWN_VALUE")]);
    }
    let none = wire::DefibrillatorProfile {
        opening_hours: hours("", "", ""),
        ..good()
    };
    let taken = defibrillator_registration(&none, &tenant(), None).expect("accepted");
    assert_eq!(taken.hours, None);
}

#[test]
fn a_change_changes_what_is_set() {
    let id = "aed-".to_owned() + &"ab".repeat(16);
    let nothing = wire::UpdateDefibrillatorRequest {
        defibrillator_id: id.clone(),
        ..Default::default()
    };
    let (_, patch) = defibrillator_update(&nothing, None).expect("accepted");
    assert_eq!(patch, AedPatch::default());
    let emptied = wire::UpdateDefibrillatorRequest {
        opening_hours: hours("", "", ""),
        level: Some(String::new()),
        out_of_service: Some(false),
        ..nothing
    };
    let (_, patch) = defibrillator_update(&emptied, None).expect("accepted");
    let wanted = AedPatch {
        hours: Some(None),
        level: Some(None),
        state: Some(AedState::Available),
        ..AedPatch::default()
    };
    assert_eq!(patch, wanted);
    let wrong = wire::UpdateDefibrillatorRequest {
        defibrillator_id: "4711".into(),
        name: Some("a\nb".into()),
        ..emptied
    };
    let refusal = defibrillator_update(&wrong, None).expect_err("refused");
    assert_eq!(
        faults(&refusal),
        [("defibrillator_id", "MALFORMED"), ("name", "CONTROL_CHARACTER")]
    );
}

#[test]
fn a_circle_is_told_in_one_page() {
    let near = |radius_m, page_token: &str| wire::ListDefibrillatorsRequest {
        page_token: page_token.into(),
        near: Some(wire::NearPoint {
            point: Some(wire::Wgs84 {
                latitude_deg: 51.5,
                longitude_deg: 0.0,
            }),
            radius_m,
        }),
        ..Default::default()
    };
    let listed = defibrillator_list(&near(1_500.0, "")).expect("accepted");
    let place = Position::from_degrees(51.5, 0.0).expect("on the globe");
    let wanted = Listed::Near {
        place,
        radius: Metres::new(1_500),
        limit: 50,
    };
    assert_eq!(listed, wanted);
    for radius_m in [0.0, -1.0, f64::NAN, f64::INFINITY, 100_001.0] {
        let refusal = defibrillator_list(&near(radius_m, "5")).expect_err("refused");
        let wanted = [("page_token", "NOT_WITH_NEAR"), ("near.radius_m", "OUT_OF_RANGE")];
        assert_eq!(faults(&refusal), wanted);
    }
}
