//! What a register entry may not say.

use super::*;

fn tenant() -> TenantId {
    TenantId::new("london").expect("valid")
}

fn good() -> wire::ResponderProfile {
    wire::ResponderProfile {
        external_ref: "staff/4711".into(),
        name: "Zoë O'Neill".into(),
        skills: vec!["cpr".into(), "aed".into(), "cpr".into()],
        credential_valid_until: Some(google::Timestamp {
            seconds: 1_900_000_000,
            nanos: 0,
        }),
        travel_mode: wire::TravelMode::Bicycle.into(),
        on_duty: true,
        quiet_hours: None,
    }
}

fn faults(refusal: &InvalidRequest) -> Vec<(&str, &str)> {
    let fields = refusal.fields().iter();
    fields.map(|fault| (fault.field.as_str(), fault.reason)).collect()
}

#[test]
fn a_good_profile_is_taken_whole() {
    let person = registration(&good(), &tenant(), "profile.").expect("accepted");
    assert_eq!(person.skills.iter().count(), 2);
    assert_eq!((person.travel_mode, person.on_duty), (TravelMode::Bicycle, true));
    assert_eq!(person.credential_valid_until.unix_ms(), 1_900_000_000_000);
}

#[test]
fn every_wrong_field_is_named() {
    let bad = wire::ResponderProfile {
        external_ref: "x".repeat(65),
        name: "a\nb".into(),
        skills: vec!["cpr".into(), "First Aid".into(), String::new()],
        credential_valid_until: None,
        ..good()
    };
    let refusal = registration(&bad, &tenant(), "profile.").expect_err("refused");
    let wanted = [
        ("profile.external_ref", "TOO_LONG"),
        ("profile.name", "CONTROL_CHARACTER"),
        ("profile.skills[1]", "MALFORMED"),
        ("profile.skills[2]", "MALFORMED"),
        ("profile.credential_valid_until", "REQUIRED"),
    ];
    assert_eq!(faults(&refusal), wanted);
    assert!(!refusal.to_string().contains("First Aid"));
}

#[test]
fn skills_are_bounded() {
    let many = wire::ResponderProfile {
        skills: (0..17).map(|n| format!("s{n}")).collect(),
        ..good()
    };
    let refusal = registration(&many, &tenant(), "").expect_err("refused");
    assert_eq!(faults(&refusal), [("skills", "TOO_MANY")]);
}

#[test]
fn an_update_leaves_what_it_does_not_name() {
    let id = format!("rsp-{}", "0a".repeat(16));
    let nothing = wire::UpdateResponderRequest {
        responder_id: id.clone(),
        ..Default::default()
    };
    assert_eq!(update(&nothing).expect("accepted").1, ResponderPatch::default());
    let something = wire::UpdateResponderRequest {
        skills: Some(wire::SkillSet::default()),
        on_duty: Some(false),
        ..nothing.clone()
    };
    let (_, patch) = update(&something).expect("accepted");
    assert_eq!(
        (patch.skills, patch.on_duty, patch.name),
        (Some(Skills::default()), Some(false), None)
    );
    let bad = wire::UpdateResponderRequest {
        responder_id: "rsp-1".into(),
        name: Some("n".repeat(201)),
        ..nothing
    };
    let refusal = update(&bad).expect_err("refused");
    assert_eq!(faults(&refusal), [("responder_id", "MALFORMED"), ("name", "TOO_LONG")]);
}

fn quiet(from: &str, to: &str) -> Option<wire::QuietHours> {
    let (from, to) = (from.to_owned(), to.to_owned());
    Some(wire::QuietHours { from, to })
}

#[test]
fn quiet_hours_are_two_times_of_the_day() {
    let read = |from: &str, to: &str| {
        let profile = wire::ResponderProfile {
            quiet_hours: quiet(from, to),
            ..good()
        };
        registration(&profile, &tenant(), "profile.")
    };
    for (from, to, minutes) in [
        ("22:00", "07:00", Some((1320, 420))),
        ("00:00", "23:59", Some((0, 1439))),
        ("", "", None),
    ] {
        let taken = read(from, to).expect("accepted").quiet_hours;
        assert_eq!(taken.map(QuietHours::minutes), minutes);
    }
    let (from, to) = ("profile.quiet_hours.from", "profile.quiet_hours.to");
    for (bad_from, bad_to, wanted) in [
        ("24:00", "07:00", vec![(from, "MALFORMED")]),
        ("22:60", "7:00", vec![(from, "MALFORMED"), (to, "MALFORMED")]),
        ("22:00", "", vec![(to, "MALFORMED")]),
        ("", "07:00", vec![(from, "MALFORMED")]),
        ("+1:00", "07.00", vec![(from, "MALFORMED"), (to, "MALFORMED")]),
        ("07:00", "07:00", vec![(to, "OUT_OF_RANGE")]),
    ] {
        assert_eq!(faults(&read(bad_from, bad_to).expect_err("refused")), wanted);
    }
}

#[test]
fn an_update_leaves_sets_or_clears_quiet_hours() {
    let patch = |quiet_hours| {
        let request = wire::UpdateResponderRequest {
            responder_id: format!("rsp-{}", "0a".repeat(16)),
            quiet_hours,
            ..Default::default()
        };
        update(&request).map(|(_, patch)| patch.quiet_hours)
    };
    assert_eq!(patch(None).expect("accepted"), None);
    let night = QuietHours::new(1320, 420);
    assert_eq!(patch(quiet("22:00", "07:00")).expect("accepted"), Some(night));
    assert_eq!(patch(quiet("", "")).expect("accepted"), Some(None));
    let refusal = patch(quiet("late", "07:00")).expect_err("refused");
    assert_eq!(faults(&refusal), [("quiet_hours.from", "MALFORMED")]);
}

#[test]
fn an_import_has_1_to_1000_rows() {
    assert!(import_size(1).is_ok() && import_size(1000).is_ok());
    for rows in [0, 1001] {
        let refusal = import_size(rows).expect_err("refused");
        assert_eq!(faults(&refusal), [("profiles", "OUT_OF_RANGE")]);
    }
}

#[test]
fn unknown_values_are_counted_and_refused_only_where_guessing_would_do_harm() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        assert_eq!(travel_mode(99), TravelMode::Unknown);
        assert!(device_kind(99).is_err() && encoding(99).is_err());
    });
    for field in ["travel_mode", "kind", "encoding"] {
        let counted = format!(r#"muster_grpc_unknown_values_total{{field="{field}"}} 1"#);
        assert!(handle.render().contains(&counted), "{}", handle.render());
    }
}

#[test]
fn a_device_needs_a_purpose() {
    let request = wire::IssueCredentialRequest {
        responder_id: format!("rsp-{}", "0a".repeat(16)),
        ..Default::default()
    };
    let refusal = enrolment(&request, &tenant()).expect_err("refused");
    assert_eq!(faults(&refusal), [("purpose", "REQUIRED")]);
    let live = wire::IssueCredentialRequest {
        purpose: Some(issue_credential_request::Purpose::Live(wire::Live {})),
        ..request
    };
    let device = enrolment(&live, &tenant()).expect("accepted");
    assert_eq!(
        (device.kind, device.encoding, device.purpose),
        (DeviceKind::Muster, Encoding::Json, Purpose::Live)
    );
}
