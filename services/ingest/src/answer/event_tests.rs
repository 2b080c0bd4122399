//! Records and what a watcher hears of them.

use std::time::Duration;

use dispatch_core::{
    alert::{PlannedAlert, Role, StandDownReason},
    choose::arrival::Arrival,
    coarse::{CoarseCell, DistanceBand},
    ids::{AedId, CallDate, DeviceId, IncidentKey, Reference, ResponderId, TenantId},
    incident::{EndCause, IncidentKind},
    input::{DeliveryStage, Place},
    position::{Metres, Position},
    record::{Decision, Entry, IncidentReported, PolicyRef},
    responder::Purpose,
    time::Timestamp,
};

use super::*;

const ALERT: AlertId = AlertId::from_bytes([7; 16]);
const RESPONDER: ResponderId = ResponderId::from_bytes([8; 16]);
const DEVICE: DeviceId = DeviceId::from_bytes([9; 16]);

fn key() -> IncidentKey {
    IncidentKey {
        tenant: TenantId::new("london").expect("valid"),
        cad_system: Reference::new("cad").expect("valid"),
        cad_incident_number: Reference::new("1").expect("valid"),
        call_date: CallDate::parse("2026-03-01").expect("valid"),
    }
}

fn place() -> Place {
    Place {
        position: Position::from_degrees(51.5, -0.1).expect("valid"),
        accuracy: Metres::default(),
    }
}

fn reported() -> Record {
    Record::IncidentReported(IncidentReported {
        call_out: None,
        incident: key().id(),
        key: key(),
        revision: 1,
        kind: IncidentKind::new("cardiac_arrest").expect("valid"),
        purpose: Purpose::Live,
        place: Some(place()),
        sent_at: Timestamp::from_unix_ms(1),
        call_connected_at: None,
        scene: Default::default(),
        ambulance_at: None,
        alerting: true,
    })
}

fn decided() -> Record {
    let policy = PolicyRef {
        name: "default".into(),
        version: 1,
        number: 1,
    };
    Record::Decided(Decision {
        sought: 1,
        alerts: vec![PlannedAlert {
            alert: ALERT,
            responder: RESPONDER,
            role: Role::Direct,
            attempt: 1,
            band: DistanceBand::of(Metres::new(400)),
            cell: CoarseCell::around(place().position),
            arrival: Arrival::certain(Duration::from_secs(300)),
            acceptance_permille: 287,
            expires_at: Timestamp::from_unix_ms(300_000),
        }],
        ..Decision::new(key().id(), place(), policy, Timestamp::from_unix_ms(1))
    })
}

fn progress(stage: DeliveryStage) -> Record {
    Record::MessageProgress {
        alert: ALERT,
        version: 1,
        device: DEVICE,
        stage,
    }
}

/// The events of the records, told one by one, as (sequence, event).
fn told(records: Vec<Record>) -> Vec<(u64, Event)> {
    let entries: Vec<_> = (1..)
        .zip(records)
        .map(|(sequence, record)| IncidentEntry {
            incident: key().id(),
            key: key(),
            entry: Entry {
                sequence: sequence * 10,
                at: Timestamp::from_unix_ms(1000),
                record,
            },
        })
        .collect();
    let mut story = Story::begun(key().id(), []);
    let responses = entries.iter().flat_map(|entry| story.tell(entry));
    responses
        .map(|response| (response.sequence, response.event.expect("always there")))
        .collect()
}

fn alert_changed(state: wire::AlertState) -> Event {
    Event::AlertChanged(wire::AlertChanged {
        alert_id: ALERT.to_string(),
        state: state.into(),
    })
}

fn attendance_changed(state: wire::AttendanceState) -> Event {
    Event::AttendanceChanged(wire::AttendanceChanged {
        shift: 0,
        alert_id: ALERT.to_string(),
        responder_id: RESPONDER.to_string(),
        state: state.into(),
    })
}

fn state_changed(state: wire::IncidentState) -> Event {
    Event::StateChanged(wire::IncidentStateChanged { state: state.into() })
}

#[test]
fn an_incident_from_report_to_close() {
    let records = vec![
        reported(),
        decided(),
        progress(DeliveryStage::Published),
        progress(DeliveryStage::Received),
        Record::AlertAccepted {
            shift: None,
            alert: ALERT,
            attendance: Attendance::Confirmed,
            version: 2,
        },
        Record::AttendanceChanged {
            alert: ALERT,
            attendance: Attendance::AtScene,
        },
        Record::HelpNeeded { alert: ALERT },
        Record::IncidentEnded {
            incident: key().id(),
            key: key(),
            revision: 2,
            sent_at: Timestamp::from_unix_ms(1),
            cause: EndCause::Closed,
        },
    ];
    let expected = [
        (
            9,
            Event::Reported(wire::IncidentReported {
                revision: 1,
                alerting: true,
            }),
        ),
        (10, state_changed(wire::IncidentState::Searching)),
        (
            20,
            Event::AlertsPlanned(wire::AlertsPlanned {
                wave: 1,
                alert_ids: vec![ALERT.to_string()],
                candidates: 0,
            }),
        ),
        (30, alert_changed(wire::AlertState::Published)),
        (40, alert_changed(wire::AlertState::Received)),
        (49, alert_changed(wire::AlertState::Accepted)),
        (50, attendance_changed(wire::AttendanceState::Confirmed)),
        (60, attendance_changed(wire::AttendanceState::AtScene)),
        (
            70,
            Event::HelpNeeded(wire::HelpNeeded {
                alert_id: ALERT.to_string(),
                responder_id: RESPONDER.to_string(),
            }),
        ),
        (80, state_changed(wire::IncidentState::Closed)),
    ];
    assert_eq!(told(records), expected);
}

#[test]
fn a_new_task_and_a_standstill_are_told() {
    let aed = AedId::from_bytes([0xae; 16]);
    let reassigned = |role, version| Record::AlertReassigned {
        alert: ALERT,
        role,
        version,
    };
    let records = vec![
        reported(),
        decided(),
        reassigned(Role::FetchAed(aed), 2),
        Record::AlertAccepted {
            shift: None,
            alert: ALERT,
            attendance: Attendance::Confirmed,
            version: 3,
        },
        reassigned(Role::Direct, 4),
        Record::AttendanceStalled { alert: ALERT },
    ];
    let told_of = |responder_id: &str, role: wire::Role, defibrillator_id: &str| {
        Event::AlertReassigned(wire::AlertReassigned {
            alert_id: ALERT.to_string(),
            responder_id: responder_id.to_owned(),
            role: role.into(),
            defibrillator_id: defibrillator_id.to_owned(),
        })
    };
    let events = told(records);
    let person = RESPONDER.to_string();
    // Nobody is named before they accept.
    assert_eq!(events[3], (30, told_of("", wire::Role::FetchAed, &aed.to_string())));
    let stalled = Event::AttendanceStalled(wire::AttendanceStalled {
        alert_id: ALERT.to_string(),
        responder_id: person.clone(),
    });
    let last = [(50, told_of(&person, wire::Role::Direct, "")), (60, stalled)];
    assert_eq!(events[events.len() - 2..], last);
}

#[test]
fn what_somebody_fetches_and_that_they_do_not_move_is_seen() {
    let aed = AedId::from_bytes([0xae; 16]);
    let reassigned = Record::AlertReassigned {
        alert: ALERT,
        role: Role::FetchAed(aed),
        version: 2,
    };
    let accepted = Record::AlertAccepted {
        shift: None,
        alert: ALERT,
        attendance: Attendance::Confirmed,
        version: 3,
    };
    let seen = |records: Vec<Record>| {
        let incident = crate::answer::incident(key().id(), &entries(records), &|_, _, _| 3);
        incident.expect("there").alerts.remove(0)
    };
    let before = seen(vec![reported(), decided()]);
    assert_eq!(
        (before.role(), before.defibrillator_id),
        (wire::Role::Direct, String::new())
    );
    assert!(!before.stalled);
    let stalled = Record::AttendanceStalled { alert: ALERT };
    let after = seen(vec![reported(), decided(), reassigned, accepted, stalled]);
    assert_eq!(
        (after.role(), after.defibrillator_id),
        (wire::Role::FetchAed, aed.to_string())
    );
    assert!(after.stalled);
}

/// The records as a reader gives them.
fn entries(records: Vec<Record>) -> Vec<IncidentEntry> {
    (1..)
        .zip(records)
        .map(|(sequence, record)| IncidentEntry {
            incident: key().id(),
            key: key(),
            entry: Entry {
                sequence,
                at: Timestamp::from_unix_ms(1000),
                record,
            },
        })
        .collect()
}

#[test]
fn a_late_accept_does_not_undo_the_end_of_an_alert() {
    let withdrawn = Record::AlertWithdrawn {
        alert: ALERT,
        reason: StandDownReason::Enough,
        version: 2,
    };
    let late = Record::AlertAccepted {
        shift: None,
        alert: ALERT,
        attendance: Attendance::TooLate,
        version: 3,
    };
    let events = told(vec![reported(), decided(), withdrawn, late]);
    let last: Vec<_> = events.into_iter().skip(3).collect();
    let expected = [
        (30, alert_changed(wire::AlertState::Withdrawn)),
        (40, attendance_changed(wire::AttendanceState::TooLate)),
    ];
    assert_eq!(last, expected);
}

#[test]
fn a_tombstone_and_steps_nobody_sees() {
    let ended = Record::IncidentEnded {
        incident: key().id(),
        key: key(),
        revision: 1,
        sent_at: Timestamp::from_unix_ms(1),
        cause: EndCause::Cancelled,
    };
    assert_eq!(told(vec![ended]), [(10, state_changed(wire::IncidentState::StoodDown))]);
    let lapsed = Record::AlertLapsed { alert: ALERT };
    let resent = Record::MessageResent {
        alert: ALERT,
        version: 1,
    };
    let unheard = Record::CouldNotAlert { incident: key().id() };
    let events = told(vec![reported(), decided(), lapsed, resent, unheard]);
    assert_eq!(
        events.last(),
        Some(&(50, Event::CouldNotAlert(wire::CouldNotAlert { alerts_planned: 1 })))
    );
    assert_eq!(events.len(), 4);
}

#[test]
fn nobody_is_named_who_did_not_accept() {
    let asked = entries(vec![reported(), decided(), progress(DeliveryStage::Received)]);
    let incident = crate::answer::incident(key().id(), &asked, &|_, _, _| 3).expect("there");
    assert_eq!((incident.wanted, incident.alerts.len()), (3, 1));
    assert_eq!(incident.alerts[0].responder_id, "");
    assert_eq!(incident.alerts[0].state(), wire::AlertState::Received);
    let at = Some(crate::answer::moment(Timestamp::from_unix_ms(1000)));
    let times = |alert: &wire::IncidentAlert| (alert.published_at, alert.received_at, alert.answered_at);
    assert_eq!(times(&incident.alerts[0]), (None, at, None));
    let accepted = Record::AlertAccepted {
        shift: None,
        alert: ALERT,
        attendance: Attendance::Confirmed,
        version: 2,
    };
    let accepted = entries(vec![reported(), decided(), accepted]);
    let incident = crate::answer::incident(key().id(), &accepted, &|_, _, _| 3).expect("there");
    assert_eq!(incident.alerts[0].responder_id, RESPONDER.to_string());
    assert_eq!(incident.alerts[0].attendance(), wire::AttendanceState::Confirmed);
    assert_eq!(times(&incident.alerts[0]), (None, None, at));
}
