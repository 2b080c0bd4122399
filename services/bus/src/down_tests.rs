//! What a phone is told of a defibrillator or a shift, and when.

use std::sync::Arc;

use dispatch_core::{
    aeds::{Access, Aed, AedState, Level, Locality, OpeningHours},
    call_out::ShiftNumber,
    command::DownMessage,
    ids::{AedId, DeviceId, IncidentId, ResponderId, TenantId},
    position::{Metres, Position},
    responder::{Device, Skill},
};
use muster_engine::registry::{DeviceAccess, DeviceKind};

use super::*;

const AED: AedId = AedId::from_bytes([0xae; 16]);
const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

fn place() -> Place {
    Place {
        position: Position::from_degrees(51.5, -0.12).expect("in range"),
        accuracy: Metres::new(5),
    }
}

fn row() -> AedRow {
    let hours = OpeningHours::new(
        "Mo-Fr 08:00-18:00; PH off",
        Locality::new("GB", "Europe/London").expect("known"),
    );
    AedRow {
        external_ref: "box/7".into(),
        name: "Library".into(),
        address: Address {
            text: "left of the lift".into(),
            postcode: "WC2B 4AB".into(),
            ..Address::default()
        },
        cabinet_code: "C159X".into(),
        aed: Aed {
            aed: AED,
            tenant: TenantId::new("dev").expect("valid"),
            position: Position::from_degrees(51.501, -0.119).expect("in range"),
            accuracy: Metres::new(10),
            access: Access::Public,
            opening: hours.clone(),
            indoor: Some(true),
            level: Level::new("-1"),
            state: AedState::Available,
            confirmed_at: None,
        },
        hours,
    }
}

fn outbound(encoding: Encoding, body: DownBody, aed: Option<AedRow>) -> Outbound {
    let device = DeviceId::from_bytes([1; 16]);
    let access = DeviceAccess {
        device: Device {
            device,
            responder: ResponderId::from_bytes([1; 16]),
            purpose: Purpose::Live,
            alertable: true,
        },
        tenant: TenantId::new("dev").expect("valid"),
        kind: DeviceKind::Muster,
        encoding,
        topic_id: "ab".into(),
        secret_hash: [0; 32],
    };
    Outbound {
        to: Arc::new(access),
        message: DownMessage {
            device,
            about: Some((AlertId::from_bytes([2; 16]), 2)),
            owner_epoch: 1,
            expires_at: Timestamp::from_unix_ms(NOW.unix_ms() + 300_000),
            purpose: Purpose::Live,
            body,
        },
        address: None,
        aed: aed.map(Box::new),
    }
}

fn go(role: Role) -> DownBody {
    DownBody::Confirmed {
        shift: None,
        incident: IncidentId::from_bytes([3; 16]),
        place: place(),
        role,
    }
}

/// What a phone reads in a confirmation.
fn read(encoding: Encoding, body: DownBody, aed: Option<AedRow>) -> v1::Confirmed {
    let payload = letter(&outbound(encoding, body, aed), NOW).expect("alive").payload;
    let down: v1::Down = match encoding {
        Encoding::Json => serde_json::from_slice(&payload).expect("JSON"),
        Encoding::Binary => v1::Down::decode(&payload[..]).expect("binary"),
    };
    let Some(down::Purpose::Live(v1::Body {
        content:
            Some(Content::Plain(v1::Plain {
                kind:
                    Some(plain::Kind::Confirm(v1::Confirm {
                        outcome: Some(Outcome::Confirmed(confirmed)),
                    })),
            })),
    })) = down.purpose
    else {
        panic!("not a confirmation: {down:?}")
    };
    confirmed
}

#[test]
fn who_fetches_a_defibrillator_is_told_all_about_it_in_both_encodings() {
    for encoding in [Encoding::Json, Encoding::Binary] {
        let confirmed = read(encoding, go(Role::FetchAed(AED)), Some(row()));
        assert_eq!(confirmed.role(), v1::Role::FetchAed);
        let wanted = v1::DefibrillatorToFetch {
            defibrillator_id: AED.to_string(),
            latitude_deg: 51.501,
            longitude_deg: -0.119,
            accuracy_m: 10.0,
            name: "Library".into(),
            address: Some(v1::Address {
                text: "left of the lift".into(),
                postcode: "WC2B 4AB".into(),
                ..v1::Address::default()
            }),
            cabinet_code: "C159X".into(),
            level: "-1".into(),
            indoor: Some(true),
            opening_hours: "Mo-Fr 08:00-18:00; PH off".into(),
        };
        assert_eq!(confirmed.defibrillator, Some(wanted));
    }
}

#[test]
fn what_is_not_known_of_it_is_left_out() {
    let mut bare = row();
    (bare.hours, bare.aed.opening, bare.aed.indoor, bare.aed.level) = (None, None, None, None);
    (bare.name, bare.cabinet_code, bare.address) = (String::new(), String::new(), Address::default());
    let told = read(Encoding::Json, go(Role::FetchAed(AED)), Some(bare)).defibrillator;
    let told = told.expect("it is there");
    assert_eq!((told.address, told.indoor), (None, None));
    assert_eq!((told.level, told.opening_hours), (String::new(), String::new()));
}

#[test]
fn others_are_told_of_none() {
    for (role, wanted) in [(Role::Direct, v1::Role::Direct), (Role::Guide, v1::Role::Guide)] {
        let confirmed = read(Encoding::Binary, go(role), None);
        assert_eq!((confirmed.role(), confirmed.defibrillator), (wanted, None));
    }
    // It has just been struck off: the person is still told where the patient is.
    let confirmed = read(Encoding::Json, go(Role::FetchAed(AED)), None);
    assert_eq!((confirmed.latitude_deg, confirmed.defibrillator), (51.5, None));
}

#[test]
fn before_an_accept_nobody_learns_which_one() {
    let ask = DownBody::Alert {
        call_out: None,
        kind: IncidentKind::new("cardiac_arrest").expect("valid"),
        role: Role::FetchAed(AED),
        cell: CoarseCell::around(place().position),
        band: DistanceBand::of(Metres::new(400)),
    };
    for aed in [None, Some(row())] {
        let payload = letter(&outbound(Encoding::Json, ask.clone(), aed), NOW)
            .expect("alive")
            .payload;
        let text = String::from_utf8(payload).expect("JSON");
        assert!(text.contains("ROLE_FETCH_AED"), "{text}");
        for secret in ["aed-", "C159X", "Library", "51.501", "WC2B"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn who_is_called_out_reads_the_shifts_and_where_to_come_only_after_accepting() {
    let shift = |number: u32, wanted| Shift {
        number: ShiftNumber::new(number).expect("1 to 32"),
        starts_at: NOW,
        ends_at: Timestamp::from_unix_ms(NOW.unix_ms() + 3_600_000),
        wanted,
    };
    let ask = DownBody::Alert {
        kind: IncidentKind::new("flood").expect("valid"),
        role: Role::Shift,
        cell: CoarseCell::around(place().position),
        band: DistanceBand::of(Metres::new(400)),
        call_out: Some(Offer {
            skill: Skill::new("boat"),
            shifts: vec![shift(1, 40), shift(7, 2)],
        }),
    };
    let payload = letter(&outbound(Encoding::Json, ask, None), NOW)
        .expect("alive")
        .payload;
    let text = String::from_utf8(payload).expect("JSON");
    let down: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let alert = &down["live"]["plain"]["alert"];
    assert_eq!(
        (alert["role"].as_str(), alert["callOut"]["skill"].as_str()),
        (Some("ROLE_SHIFT"), Some("boat"))
    );
    let shifts = alert["callOut"]["shifts"].as_array().expect("a list");
    let numbers: Vec<_> = shifts.iter().map(|shift| shift["number"].as_u64()).collect();
    assert_eq!(numbers, [Some(1), Some(7)]);
    assert!(!text.contains("51.501") && !text.contains("40"), "{text}");

    let go = DownBody::Confirmed {
        incident: IncidentId::from_bytes([3; 16]),
        place: place(),
        role: Role::Shift,
        shift: Some(shift(7, 2)),
    };
    let confirmed = read(Encoding::Binary, go, None);
    assert_eq!((confirmed.role(), confirmed.latitude_deg), (v1::Role::Shift, 51.5));
    let shift = confirmed.shift.expect("taken");
    assert_eq!(shift.number, 7);
    assert_eq!(
        shift.ends_at.expect("told").seconds - shift.starts_at.expect("told").seconds,
        3_600
    );
}
