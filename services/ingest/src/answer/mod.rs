//! From the engine's types to the wire.

mod alarm;
mod call_out;
mod defibrillator;
mod event;
mod incident;
mod outcome;
mod responder;

use dispatch_core::{
    alert::{AlertState, Role},
    attendance::Attendance,
    ids::IncidentKey,
    incident::IncidentState,
    time::Timestamp,
};
use muster_proto::{google, v1 as wire};

pub(crate) use alarm::system_alarm;
pub(crate) use call_out::shift;
pub(crate) use defibrillator::defibrillator;
pub(crate) use event::Story;
pub(crate) use incident::{incident, summary};
pub(crate) use outcome::{ended, reported};
pub(crate) use responder::{device_topics, registration_outcome, responder, trunk_topic};

/// A key with its tenant.
pub(crate) fn key(key: &IncidentKey) -> wire::IncidentKey {
    wire::IncidentKey {
        tenant: key.tenant.to_string(),
        cad_system: key.cad_system.to_string(),
        cad_incident_number: key.cad_incident_number.to_string(),
        call_date: key.call_date.to_string(),
    }
}

/// A moment.
pub(crate) fn moment(at: Timestamp) -> google::Timestamp {
    let ms = at.unix_ms();
    google::Timestamp {
        seconds: ms.div_euclid(1000),
        nanos: i32::try_from(ms.rem_euclid(1000) * 1_000_000).expect("less than a thousand million"),
    }
}

fn incident_state(state: IncidentState) -> wire::IncidentState {
    match state {
        IncidentState::Recorded => wire::IncidentState::Recorded,
        IncidentState::Searching => wire::IncidentState::Searching,
        IncidentState::Covered => wire::IncidentState::Covered,
        IncidentState::Exhausted => wire::IncidentState::Exhausted,
        IncidentState::StoodDown => wire::IncidentState::StoodDown,
        IncidentState::Closed => wire::IncidentState::Closed,
    }
}

fn alert_state(state: AlertState) -> wire::AlertState {
    match state {
        AlertState::Planned => wire::AlertState::Planned,
        AlertState::Published => wire::AlertState::Published,
        AlertState::BrokerAcked => wire::AlertState::BrokerAcked,
        AlertState::Received => wire::AlertState::Received,
        AlertState::Shown => wire::AlertState::Shown,
        AlertState::Accepted => wire::AlertState::Accepted,
        AlertState::Declined(_) => wire::AlertState::Declined,
        AlertState::Expired => wire::AlertState::Expired,
        AlertState::Withdrawn(_) => wire::AlertState::Withdrawn,
        AlertState::Undeliverable => wire::AlertState::Undeliverable,
    }
}

fn attendance_state(attendance: Attendance) -> wire::AttendanceState {
    match attendance {
        Attendance::Confirmed => wire::AttendanceState::Confirmed,
        Attendance::EnRoute => wire::AttendanceState::EnRoute,
        Attendance::AtScene => wire::AttendanceState::AtScene,
        Attendance::WithPatient => wire::AttendanceState::WithPatient,
        Attendance::AedAttached => wire::AttendanceState::AedAttached,
        Attendance::Finished => wire::AttendanceState::Finished,
        Attendance::Aborted(_) => wire::AttendanceState::Aborted,
        Attendance::StoodDown => wire::AttendanceState::StoodDown,
        Attendance::NotNeeded => wire::AttendanceState::NotNeeded,
        Attendance::TooLate => wire::AttendanceState::TooLate,
        Attendance::PresumedOver => wire::AttendanceState::PresumedOver,
    }
}

fn role(role: Role) -> wire::Role {
    match role {
        Role::Direct => wire::Role::Direct,
        Role::FetchAed(_) => wire::Role::FetchAed,
        Role::Guide => wire::Role::Guide,
        Role::Shift => wire::Role::Shift,
    }
}

/// Which defibrillator somebody fetches; empty = none.
fn to_fetch(role: Role) -> String {
    role.aed().map(|aed| aed.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_before_1970_keep_their_sign() {
        let at = moment(Timestamp::from_unix_ms(-1));
        assert_eq!((at.seconds, at.nanos), (-1, 999_000_000));
    }
}
