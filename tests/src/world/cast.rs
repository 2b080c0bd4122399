//! Who is in a world: control rooms, people and their phones, incidents; and by which rules they are served. All of it
//! follows from the plan.

use std::{sync::Arc, time::Duration};

use dispatch_core::{
    call_out::{CallOut, Shift, ShiftNumber},
    ids::{CallDate, IncidentId, IncidentKey, Reference, TenantId},
    incident::{EndCause, IncidentKind},
    input::{Ending, Place as IncidentPlace, Report, RequestId},
    policy::{CallOutRules, Policy, PolicyBook},
    position::{Metres, Position},
    responder::{Purpose, QuietHours, Skill, TravelMode},
    time::Timestamp,
};
use muster_engine::{
    registry::{Address, Encoding},
    requests::Registration,
};
use muster_people::place::Place;

use super::{
    agenda::Ms,
    dice::{Dice, Thing},
    plan::{Cause, Event, Plan, What},
};

/// The true time at which a world begins: noon on 21 September 2026, UTC.
pub const BEGIN: Timestamp = Timestamp::from_unix_ms(1_789_992_000_000);

/// True time at a moment of the world.
pub fn true_time(at: Ms) -> Timestamp {
    BEGIN + Duration::from_millis(at)
}

/// One person.
#[derive(Clone, Debug)]
pub struct PersonCast {
    /// Index of the control room.
    pub tenant: u32,
    /// Where the person lives.
    pub home: Place,
    /// As the control room registers them.
    pub registration: Registration,
    /// The phones: what for, in which encoding.
    pub phones: Vec<PhoneCast>,
}

/// One phone.
#[derive(Clone, Copy, Debug)]
pub struct PhoneCast {
    /// What it may be asked for.
    pub purpose: Purpose,
    /// How it reads and writes.
    pub encoding: Encoding,
    /// How far its clock is ahead.
    pub skew_ms: i64,
}

/// The middle of a tenant's area. Areas overlap, so that people of one live among incidents of another.
pub fn middle(tenant: u32) -> Place {
    Place::new(51.5, -0.12)
        .expect("in range")
        .towards(90.0, 700.0 * f64::from(tenant))
}

/// A control room's name.
pub fn tenant_name(tenant: u32) -> TenantId {
    TenantId::new(&format!("room-{tenant}")).expect("small letters, a dash and digits")
}

/// Draws a person.
pub fn person(plan: &Plan, number: u32) -> PersonCast {
    let mut dice = Dice::new(plan.seed, Thing::Person, number.into());
    let tenant = number % plan.tenants.max(1);
    let live = Purpose::Live;
    let purposes: &[Purpose] = match dice.between(0, 9) {
        0 => &[live, live],
        1 => &[Purpose::Exercise],
        2 => &[live, Purpose::Exercise],
        _ => &[live],
    };
    let phones = purposes.iter().map(|&purpose| PhoneCast {
        purpose,
        encoding: dice.one_of(&[Encoding::Binary, Encoding::Binary, Encoding::Binary, Encoding::Json]),
        skew_ms: match dice.between(0, 9) {
            0 => dice.signed(-600_000, 600_000),
            1..=3 => dice.signed(-5_000, 5_000),
            _ => 0,
        },
    });
    let phones = phones.collect();
    let valid_for = match dice.between(0, 29) {
        0 => plan.heal_at / 2,
        _ => 365 * 86_400_000,
    };
    let (bearing, distance) = (dice.between(0, 359), dice.between(20, 1500));
    PersonCast {
        tenant,
        #[allow(clippy::cast_precision_loss)]
        home: middle(tenant).towards(bearing as f64, distance as f64),
        registration: Registration {
            tenant: tenant_name(tenant),
            external_ref: format!("person-{number}"),
            name: format!("Person {number}"),
            skills: Skill::new(if dice.permille(950) { "cpr" } else { "first_aid" })
                .into_iter()
                .collect(),
            credential_valid_until: true_time(valid_for),
            travel_mode: dice.one_of(&[
                TravelMode::Unknown,
                TravelMode::Foot,
                TravelMode::Bicycle,
                TravelMode::Car,
            ]),
            on_duty: dice.permille(900),
            quiet_hours: dice.permille(100).then(|| QuietHours::new(22 * 60, 7 * 60)).flatten(),
        },
        phones,
    }
}

/// Whether an incident is an exercise: one in four.
pub fn purpose(incident: u32) -> Purpose {
    if incident % 4 == 3 {
        Purpose::Exercise
    } else {
        Purpose::Live
    }
}

/// What a control room calls an incident.
pub fn incident_key(plan: &Plan, incident: u32) -> IncidentKey {
    IncidentKey {
        tenant: tenant_name(incident % plan.tenants.max(1)),
        cad_system: Reference::new("cad").expect("a word"),
        cad_incident_number: Reference::new(&incident.to_string()).expect("digits"),
        call_date: CallDate::parse("2026-09-21").expect("a date"),
    }
}

/// Muster's name of an incident.
pub fn incident_id(plan: &Plan, incident: u32) -> IncidentId {
    incident_key(plan, incident).id()
}

/// One in eight is of a kind no life depends on, one in eight calls people out.
fn kind(incident: u32) -> IncidentKind {
    let name = match incident % 8 {
        5 => "welfare_check",
        4 => "flood",
        _ => "cardiac_arrest",
    };
    IncidentKind::new(name).expect("a policy word")
}

/// What a report of a flood calls people out for: one shift now, which a revision may drop, and one later.
fn call_out(plan: &Plan, incident: u32, ordinal: u64) -> Option<Arc<CallOut>> {
    if incident % 8 != 4 {
        return None;
    }
    let mut dice = Dice::new(plan.seed, Thing::CallOut, ordinal);
    let mut of_all = Dice::new(plan.seed, Thing::CallOut, 1_000_000 + u64::from(incident));
    let middle_of_it = of_all.between(4, 14) * 60_000;
    let shift = |number, from, to, dice: &mut Dice| Shift {
        number: ShiftNumber::new(number).expect("1 or 2"),
        starts_at: true_time(from),
        ends_at: true_time(to),
        wanted: dice.between(1, 3) as u32,
    };
    let mut shifts = vec![shift(2, middle_of_it, 70 * 60_000, &mut dice)];
    if dice.permille(800) {
        shifts.push(shift(1, 0, middle_of_it, &mut dice));
    }
    let outline = of_all.permille(600).then(|| {
        let corners = [(-1_200, -900), (-1_200, 900), (1_200, 900), (1_200, -900)];
        corners.map(|corner| position(plan, incident, corner)).to_vec()
    });
    let skill = of_all.permille(500).then(|| Skill::new("cpr")).flatten();
    let call_out = CallOut::new(outline.unwrap_or_default(), skill, dice.permille(500), shifts);
    Some(Arc::new(call_out.expect("drawn within the bounds")))
}

/// The position this far from the middle of the area an incident lies in.
pub fn position(plan: &Plan, incident: u32, (north_m, east_m): (i32, i32)) -> Position {
    let place = middle(incident % plan.tenants.max(1))
        .towards(0.0, f64::from(north_m))
        .towards(90.0, f64::from(east_m));
    Position::from_degrees(place.latitude_deg(), place.longitude_deg()).expect("near London")
}

/// How far a control room's clock is ahead: one in three is off, by up to an hour.
pub fn room_skew_ms(plan: &Plan, tenant: u32) -> i64 {
    let mut dice = Dice::new(plan.seed, Thing::Person, 10_000 + u64::from(tenant));
    if dice.permille(333) {
        dice.signed(-3_600_000, 3_600_000)
    } else {
        0
    }
}

/// What stands in an address, so that it can be searched for in what phones are sent.
pub fn secret_words(incident: u32) -> String {
    format!("Secret House {incident} of the world")
}

/// The request that an event of the plan makes of a control room.
pub enum Said {
    /// A report, and the address that comes with it.
    Report(Box<Report>, Option<Address>),
    /// An ending.
    End(Ending),
}

/// What a control room says because of an event, with its own clock; `None` when the event is of another sort.
pub fn said(plan: &Plan, event: &Event) -> Option<Said> {
    let incident = match event.what {
        What::Report { incident, .. } | What::End { incident, .. } => incident,
        _ => return None,
    };
    let key = incident_key(plan, incident);
    let skew = room_skew_ms(plan, incident % plan.tenants.max(1));
    let sent_at = Timestamp::from_unix_ms(true_time(event.at).unix_ms() + skew);
    let mut fingerprint = [0; 32];
    fingerprint[..8].copy_from_slice(&event.ordinal.to_le_bytes());
    let request = RequestId {
        id: Reference::new(&format!("event-{:x}", event.ordinal)).expect("letters, a dash and digits"),
        fingerprint,
    };
    Some(match event.what {
        What::End { revision, cause, .. } => Said::End(Ending {
            request,
            key,
            revision,
            sent_at,
            cause: match cause {
                Cause::Cancelled => EndCause::Cancelled,
                Cause::CrewOnScene => EndCause::CrewOnScene,
                Cause::Closed => EndCause::Closed,
            },
        }),
        What::Report { revision, place, .. } => {
            let call_out = call_out(plan, incident, event.ordinal);
            // A call-out has a muster point, or it is refused at the door.
            let place = place.or(call_out.as_ref().map(|_| (17, -23)));
            let address = place.map(|_| Address {
                text: secret_words(incident),
                ..Address::default()
            });
            let place = place.map(|from_middle| IncidentPlace {
                position: position(plan, incident, from_middle),
                accuracy: Metres::new(20),
            });
            let report = Report {
                request,
                key,
                revision,
                sent_at,
                kind: kind(incident),
                purpose: purpose(incident),
                place,
                call_connected_at: None,
                scene: Default::default(),
                ambulance_at: None,
                call_out,
                alert_although_late: false,
            };
            Said::Report(Box::new(report), address)
        }
        _ => return None,
    })
}

/// The policies in force: the default, a small one by arrival for the second control room, a kind no life depends on, and
/// floods.
pub fn policies() -> PolicyBook {
    // Nobody is let rest or sleep by arrival, so that the judge can tell who must be asked.
    let mut tireless = Policy {
        wake_among: 100,
        ..Policy::soonest()
    };
    tireless.rest.after_attendance = Duration::ZERO;
    tireless.rest.alerts_within = Duration::ZERO;
    let mut book = PolicyBook::new(Policy::default()).expect("the default is valid");
    let small = Policy {
        name: "small".to_owned(),
        alert_count: 3,
        wanted: 1,
        ..tireless.clone()
    };
    let calm = Policy {
        name: "calm".to_owned(),
        life_threatening: false,
        ..tireless
    };
    let mut shifts = Policy {
        name: "shifts".to_owned(),
        ..calm.clone()
    };
    shifts.call_out = CallOutRules {
        asked_per_place: 2,
        alerts_max: 40,
        answer_wait: Duration::from_secs(45),
        alert_expiry: Duration::from_secs(400),
    };
    let welfare = IncidentKind::new("welfare_check");
    book.add(None, IncidentKind::new("flood"), shifts).expect("valid");
    book.add(Some(tenant_name(1)), None, small).expect("valid");
    book.add(None, welfare, calm).expect("valid");
    book
}

/// Names the streams of the endings that control rooms say by themselves at the end.
pub const CLOSING_ORDINAL: u64 = 1 << 50;
/// Between two such endings.
pub const QUIET_INCIDENT_END: Ms = 100;
