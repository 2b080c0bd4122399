//! Any record at all, for property tests.
#![allow(clippy::unwrap_used)]

mod call_outs;

use std::{sync::Arc, time::Duration};

use dispatch_core::{
    aeds::{Access, Aed, AedState, Level, Locality, OpeningHours},
    alert::{PlannedAlert, Role, StandDownReason},
    attendance::{AbortReason, Attendance},
    choose::arrival::Arrival,
    coarse::{CoarseCell, DistanceBand},
    command::{Answer, EndAnswer, ReportAnswer, Warning},
    ids::{AedId, AlertId, CallDate, DeviceId, IncidentId, IncidentKey, Reference, ResponderId, TenantId, TrunkId},
    incident::{EndCause, IncidentKind, IncidentState},
    input::{DeclineReason, DeliveryStage, Place, RequestId},
    policy::Policy,
    position::{Metres, Position},
    record::{AedWay, Calling, Candidate, Decision, InPlay, IncidentReported, PolicyRef, Record, Verdict},
    responder::{Device, Purpose, QuietHours, ResponderProfile, Skill, TravelMode},
    scene::{Scene, SceneWord},
    time::Timestamp,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

pub use call_outs::{call_out, taken};

pub fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        any::<u64>().prop_map(|epoch| Record::Started { epoch }),
        profile().prop_map(Record::ResponderPut),
        (device(), responder(), purpose(), any::<bool>()).prop_map(|(device, responder, purpose, alertable)| {
            Record::DevicePut(Device {
                device,
                responder,
                purpose,
                alertable,
            })
        }),
        device().prop_map(Record::DeviceRevoked),
        (trunk(), tenant()).prop_map(|(trunk, tenant)| Record::TrunkPut { trunk, tenant }),
        trunk().prop_map(Record::TrunkRevoked),
        aed().prop_map(Record::AedPut),
        any::<[u8; 16]>().prop_map(|id| Record::AedRemoved(AedId::from_bytes(id))),
        about_incident(),
        policy().prop_map(|policy| Record::PolicyAdopted(Box::new(policy))),
        decision().prop_map(Record::Decided),
        about_alert(),
        (tenant(), reference(), any::<[u8; 32]>(), answer()).prop_map(|(tenant, id, fingerprint, answer)| {
            Record::RequestAnswered {
                tenant,
                request: RequestId { id, fingerprint },
                answer,
            }
        }),
    ]
}

fn about_incident() -> impl Strategy<Value = Record> {
    prop_oneof![
        reported().prop_map(Record::IncidentReported),
        (incident(), key(), any::<u32>(), moment(), cause()).prop_map(|(incident, key, revision, sent_at, cause)| {
            Record::IncidentEnded {
                incident,
                key,
                revision,
                sent_at,
                cause,
            }
        }),
        (incident(), state()).prop_map(|(incident, state)| Record::IncidentStateChanged { incident, state }),
        incident().prop_map(|incident| Record::CouldNotAlert { incident }),
        incident().prop_map(|incident| Record::IncidentForgotten { incident }),
    ]
}

fn about_alert() -> impl Strategy<Value = Record> {
    let version = any::<u32>;
    prop_oneof![
        (alert(), version(), device(), stage()).prop_map(|(alert, version, device, stage)| Record::MessageProgress {
            alert,
            version,
            device,
            stage
        }),
        (alert(), version()).prop_map(|(alert, version)| Record::MessageResent { alert, version }),
        (alert(), version()).prop_map(|(alert, version)| Record::MessageUnheard { alert, version }),
        (alert(), version()).prop_map(|(alert, version)| Record::MessageLapsed { alert, version }),
        alert().prop_map(|alert| Record::AlertLapsed { alert }),
        (alert(), attendance(), taken(), version()).prop_map(|(alert, attendance, shift, version)| {
            Record::AlertAccepted {
                alert,
                attendance,
                shift,
                version,
            }
        }),
        (alert(), decline()).prop_map(|(alert, reason)| Record::AlertDeclined { alert, reason }),
        alert().prop_map(|alert| Record::AlertExpired { alert }),
        alert().prop_map(|alert| Record::AlertUndeliverable { alert }),
        (alert(), stand_down(), version()).prop_map(|(alert, reason, version)| Record::AlertWithdrawn {
            alert,
            reason,
            version
        }),
        (alert(), position(), band(), version()).prop_map(|(alert, centre, band, version)| Record::AlertRelocated {
            alert,
            cell: CoarseCell { centre },
            band,
            version
        }),
        (alert(), attendance()).prop_map(|(alert, attendance)| Record::AttendanceChanged { alert, attendance }),
        (alert(), stand_down(), version()).prop_map(|(alert, reason, version)| Record::AttendanceStoodDown {
            alert,
            reason,
            version
        }),
        alert().prop_map(|alert| Record::HelpNeeded { alert }),
        alert().prop_map(|alert| Record::AttendanceStalled { alert }),
        (alert(), role(), version()).prop_map(|(alert, role, version)| Record::AlertReassigned {
            alert,
            role,
            version
        }),
    ]
}

fn profile() -> impl Strategy<Value = ResponderProfile> {
    let skill = "[a-z0-9_]{1,32}".prop_map(|name| Skill::new(&name).unwrap());
    let modes = [
        TravelMode::Unknown,
        TravelMode::Foot,
        TravelMode::Bicycle,
        TravelMode::Car,
    ];
    let skills = proptest::collection::btree_set(skill, 0..4);
    (
        responder(),
        tenant(),
        skills,
        moment(),
        select(modes.to_vec()),
        any::<[bool; 2]>(),
        option::of((0..1_440_u16, 0..1_440_u16)),
    )
        .prop_map(
            |(responder, tenant, skills, credential_valid_until, travel_mode, [on_duty, suspended], quiet)| {
                ResponderProfile {
                    responder,
                    tenant,
                    skills: skills.into(),
                    credential_valid_until,
                    travel_mode,
                    on_duty,
                    suspended,
                    quiet_hours: quiet.and_then(|(from, to)| QuietHours::new(from, to)),
                }
            },
        )
}

pub fn aed() -> impl Strategy<Value = Aed> {
    use Access::*;
    let access = select(&[Unknown, Public, Permissive, Private][..]);
    let state = select(&[AedState::Available, AedState::OutOfService][..]);
    let level = "[A-Za-z0-9.,;-]{1,16}".prop_map(|text| Level::new(&text).unwrap());
    let rest = (
        option::of(any::<bool>()),
        option::of(level),
        state,
        option::of(moment()),
    );
    (
        any::<[u8; 16]>(),
        tenant(),
        place(),
        access,
        option::of(opening()),
        rest,
    )
        .prop_map(
            |(id, tenant, place, access, opening, (indoor, level, state, confirmed_at))| Aed {
                aed: AedId::from_bytes(id),
                tenant,
                position: place.position,
                accuracy: place.accuracy,
                access,
                opening,
                indoor,
                level,
                state,
                confirmed_at,
            },
        )
}

/// Also hours that mean nothing, as one understood by another version of the parser.
fn opening() -> impl Strategy<Value = OpeningHours> {
    let words = prop_oneof![
        select(&["24/7", "Mo-Fr 09:00-17:00; PH off", "sunrise-sunset"][..]).prop_map(str::to_owned),
        "[ -~]{1,40}",
        ".{1,40}",
    ];
    let places = [
        ("GB", "Europe/London"),
        ("FR", "Europe/Paris"),
        ("NL", "Europe/Amsterdam"),
    ];
    (words, select(places.to_vec()))
        .prop_map(|(words, (country, zone))| OpeningHours::new(&words, Locality::new(country, zone).unwrap()).unwrap())
}

fn reported() -> impl Strategy<Value = IncidentReported> {
    let kind = "[a-z0-9_]{1,64}".prop_map(|name| IncidentKind::new(&name).unwrap());
    let when = (moment(), option::of(moment()), option::of(moment()), scene());
    let wants = (purpose(), option::of(call_out().prop_map(Arc::new)), any::<bool>());
    (incident(), key(), any::<u32>(), kind, option::of(place()), when, wants).prop_map(
        |(
            incident,
            key,
            revision,
            kind,
            place,
            (sent_at, call_connected_at, ambulance_at, scene),
            (purpose, call_out, alerting),
        )| IncidentReported {
            incident,
            key,
            revision,
            kind,
            purpose,
            place,
            sent_at,
            call_connected_at,
            scene,
            ambulance_at,
            call_out,
            alerting,
        },
    )
}

pub fn decision() -> impl Strategy<Value = Decision> {
    let policy =
        (".{0,20}", any::<u32>(), any::<u32>()).prop_map(|(name, version, number)| PolicyRef { name, version, number });
    let people = (vec(candidate(), 0..4), vec(planned(), 0..4), vec(in_play(), 0..3));
    let calling = option::of(any::<bool>().prop_map(|wake| Calling { wake }));
    let when = (
        moment(),
        span(),
        option::of(moment()),
        option::of(any::<[u8; 32]>()),
        calling,
    );
    (incident(), any::<[u32; 4]>(), policy, place(), people, when).prop_map(
        |(incident, [revision, wave, sought, asked_before], policy, place, people, when)| {
            let (candidates, alerts, in_play) = people;
            let (decided_at, since_report, ambulance_at, roads, call_out) = when;
            Decision {
                incident,
                revision,
                wave,
                policy,
                decided_at,
                place,
                sought,
                asked_before,
                since_report,
                ambulance_at,
                roads,
                call_out,
                in_play,
                candidates,
                alerts,
            }
        },
    )
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let verdicts = [
        Verdict::Asked,
        Verdict::EnoughSooner,
        Verdict::OffDuty,
        Verdict::Suspended,
        Verdict::CredentialExpired,
        Verdict::LacksSkill,
        Verdict::NoDevice,
        Verdict::PhoneOffline,
        Verdict::Busy,
        Verdict::AlreadyAsked,
        Verdict::AmbulanceSooner,
        Verdict::Quiet,
        Verdict::SceneExcluded,
        Verdict::NotVetted,
        Verdict::Resting,
        Verdict::Fatigued,
    ];
    let choosing = (
        mode(),
        option::of(any::<u64>()),
        aeds(),
        any::<[u16; 2]>(),
        any::<bool>(),
    );
    (
        responder(),
        any::<[u64; 2]>(),
        [span(), span()],
        select(verdicts.to_vec()),
        choosing,
    )
        .prop_map(
            |(responder, [distance, accuracy], [fix_age, estimated_arrival], verdict, choosing)| Candidate {
                responder,
                distance: Metres::from_mm(distance),
                accuracy: Metres::from_mm(accuracy),
                fix_age,
                mode: choosing.0,
                way: choosing.1.map(Metres::from_mm),
                aeds: choosing.2,
                acceptance_permille: choosing.3[0],
                recent_alerts: choosing.3[1],
                quiet: choosing.4,
                estimated_arrival,
                verdict,
            },
        )
}

fn aeds() -> impl Strategy<Value = [Option<AedWay>; 2]> {
    let way = || {
        (any::<[u8; 16]>(), any::<u64>(), any::<u16>()).prop_map(|(aed, way, chance_permille)| AedWay {
            aed: AedId::from_bytes(aed),
            way: Metres::from_mm(way),
            chance_permille,
        })
    };
    prop_oneof![
        Just([None, None]),
        way().prop_map(|first| [Some(first), None]),
        (way(), way()).prop_map(|(first, second)| [Some(first), Some(second)]),
    ]
}

fn in_play() -> impl Strategy<Value = InPlay> {
    (responder(), role(), any::<u16>(), arrival()).prop_map(|(responder, role, chance_permille, arrival)| InPlay {
        responder,
        role,
        chance_permille,
        arrival,
    })
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![
        Just(Role::Direct),
        Just(Role::Guide),
        Just(Role::Shift),
        any::<[u8; 16]>().prop_map(|aed| Role::FetchAed(AedId::from_bytes(aed))),
    ]
}

fn arrival() -> impl Strategy<Value = Arrival> {
    (span(), span(), span()).prop_map(|(fast, median, slow)| Arrival { fast, median, slow })
}

pub fn scene() -> impl Strategy<Value = Scene> {
    let word = || "[a-z0-9_]{1,32}".prop_map(|word| SceneWord::new(&word).unwrap());
    let hazards = proptest::collection::btree_set(word(), 0..4);
    (option::of(word()), hazards, option::of(word())).prop_map(|(place_kind, hazards, age_band)| Scene {
        place_kind,
        hazards,
        age_band,
    })
}

pub fn policy() -> impl Strategy<Value = Policy> {
    let other = ("[a-z]{1,20}", 1..=100_u32, 1..=u32::MAX, any::<[bool; 2]>());
    let changed = other.prop_map(|(name, alert_count, version, [declined, silent])| Policy {
        name,
        version,
        alert_count,
        wanted: 1,
        going_min: 1,
        replace_declined: declined,
        replace_silent: silent,
        alerts_max: 100,
        ..Policy::default()
    });
    prop_oneof![Just(Policy::default()), changed]
}

fn mode() -> impl Strategy<Value = TravelMode> {
    use TravelMode::*;
    select(&[Unknown, Foot, Bicycle, Car][..])
}

pub fn planned() -> impl Strategy<Value = PlannedAlert> {
    let choosing = (role(), arrival(), any::<u16>());
    (
        alert(),
        responder(),
        any::<u32>(),
        band(),
        position(),
        choosing,
        moment(),
    )
        .prop_map(
            |(alert, responder, attempt, band, centre, (role, arrival, acceptance_permille), expires_at)| {
                PlannedAlert {
                    alert,
                    responder,
                    role,
                    attempt,
                    band,
                    cell: CoarseCell { centre },
                    arrival,
                    acceptance_permille,
                    expires_at,
                }
            },
        )
}

fn band() -> impl Strategy<Value = DistanceBand> {
    (any::<u32>(), any::<Option<u32>>()).prop_map(|(from_m, to_m)| DistanceBand { from_m, to_m })
}

pub fn answer() -> impl Strategy<Value = Answer> {
    let common = || (incident(), state(), vec(warning(), 0..4), any::<bool>(), any::<u64>());
    prop_oneof![
        (common(), any::<[u32; 2]>()).prop_map(|(common, [revision, alerts_planned])| {
            let (incident, state, warnings, duplicate, sequence) = common;
            Answer::Reported(ReportAnswer {
                incident,
                revision,
                duplicate,
                state,
                alerts_planned,
                warnings,
                sequence,
            })
        }),
        (common(), any::<[u32; 4]>()).prop_map(|(common, counts)| {
            let (incident, state, warnings, duplicate, sequence) = common;
            let [revision, alerts_withdrawn, attendances_stood_down, with_patient] = counts;
            Answer::Ended(EndAnswer {
                incident,
                revision,
                duplicate,
                state,
                alerts_withdrawn,
                attendances_stood_down,
                with_patient,
                warnings,
                sequence,
            })
        }),
        reference().prop_map(|id| Answer::RequestIdReused { id }),
        purpose().prop_map(|was| Answer::PurposeChanged { was }),
    ]
}

fn warning() -> impl Strategy<Value = Warning> {
    prop_oneof![
        any::<i64>().prop_map(|age_ms| Warning::LateNotAlerted { age_ms }),
        any::<i64>().prop_map(|age_ms| Warning::PerhapsLate { age_ms }),
        Just(Warning::NoLocation),
        Just(Warning::StaleRevision),
        Just(Warning::IncidentEnded),
        Just(Warning::NobodyToAsk),
        Just(Warning::SceneNotUnderstood),
        Just(Warning::SceneForVettedOnly),
        Just(Warning::SceneExcluded),
    ]
}

pub fn key() -> impl Strategy<Value = IncidentKey> {
    let date = (2000..2200u16, 1..=12u8, 1..=28u8)
        .prop_map(|(year, month, day)| CallDate::parse(&format!("{year:04}-{month:02}-{day:02}")).unwrap());
    (tenant(), reference(), reference(), date).prop_map(|(tenant, cad_system, cad_incident_number, call_date)| {
        IncidentKey {
            tenant,
            cad_system,
            cad_incident_number,
            call_date,
        }
    })
}

pub fn place() -> impl Strategy<Value = Place> {
    (position(), any::<u64>()).prop_map(|(position, accuracy)| Place {
        position,
        accuracy: Metres::from_mm(accuracy),
    })
}

fn position() -> impl Strategy<Value = Position> {
    (-900_000_000..=900_000_000, -1_800_000_000..=1_800_000_000)
        .prop_map(|(latitude, longitude)| Position::from_e7(latitude, longitude).unwrap())
}

pub fn incident() -> impl Strategy<Value = IncidentId> {
    any::<[u8; 16]>().prop_map(IncidentId::from_bytes)
}

fn alert() -> impl Strategy<Value = AlertId> {
    any::<[u8; 16]>().prop_map(AlertId::from_bytes)
}

pub fn responder() -> impl Strategy<Value = ResponderId> {
    any::<[u8; 16]>().prop_map(ResponderId::from_bytes)
}

fn trunk() -> impl Strategy<Value = TrunkId> {
    any::<[u8; 16]>().prop_map(TrunkId::from_bytes)
}

fn device() -> impl Strategy<Value = DeviceId> {
    any::<[u8; 16]>().prop_map(DeviceId::from_bytes)
}

pub fn tenant() -> impl Strategy<Value = TenantId> {
    "[a-z0-9-]{1,32}".prop_map(|name| TenantId::new(&name).unwrap())
}

pub fn reference() -> impl Strategy<Value = Reference> {
    "[A-Za-z0-9._-]{1,64}".prop_map(|text| Reference::new(&text).unwrap())
}

pub fn moment() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_unix_ms)
}

fn span() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_millis)
}

pub fn purpose() -> impl Strategy<Value = Purpose> {
    select(&[Purpose::Live, Purpose::Exercise][..])
}

fn cause() -> impl Strategy<Value = EndCause> {
    select(&[EndCause::Cancelled, EndCause::CrewOnScene, EndCause::Closed][..])
}

pub fn state() -> impl Strategy<Value = IncidentState> {
    use IncidentState::*;
    select(&[Recorded, Searching, Covered, Exhausted, StoodDown, Closed][..])
}

pub fn stage() -> impl Strategy<Value = DeliveryStage> {
    use DeliveryStage::*;
    select(&[Failed, Published, BrokerAcked, Received, Shown][..])
}

pub fn decline() -> impl Strategy<Value = DeclineReason> {
    use DeclineReason::*;
    select(&[Unstated, TooFar, Busy, Unsafe][..])
}

pub fn stand_down() -> impl Strategy<Value = StandDownReason> {
    use StandDownReason::*;
    select(
        &[
            Enough,
            Cancelled,
            Closed,
            CrewOnScene,
            Relocated,
            Suspended,
            SceneExcluded,
            Replaced,
        ][..],
    )
}

pub fn attendance() -> impl Strategy<Value = Attendance> {
    use Attendance::*;
    let all = [
        Confirmed,
        EnRoute,
        AtScene,
        WithPatient,
        AedAttached,
        Finished,
        Aborted(AbortReason::CannotContinue),
        Aborted(AbortReason::AedNotThere),
        StoodDown,
        NotNeeded,
        TooLate,
        PresumedOver,
    ];
    select(all.to_vec())
}
