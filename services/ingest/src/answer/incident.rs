//! An incident as it stands, folded from its records; and as one line of a list.

use dispatch_core::{
    alert::Alert,
    ids::{IncidentId, TenantId},
    incident::IncidentKind,
    position::Position,
    responder::Purpose,
    state::State,
};
use muster_engine::ports::{IncidentEntry, IncidentRow};
use muster_proto::v1::{self as wire, incident::Purpose as WirePurpose};

use super::call_out;

/// The incident that `entries`, all the records about it in order, make; `None` when there are none.
pub(crate) fn incident(
    id: IncidentId,
    entries: &[IncidentEntry],
    wanted: &dyn Fn(&TenantId, &IncidentKind, Option<Position>) -> u32,
) -> Option<wire::Incident> {
    let mut state = State::default();
    for entry in entries {
        state.retell(&entry.entry);
    }
    let incident = state.incident(id)?;
    let reported = incident.reported.as_ref();
    Some(wire::Incident {
        incident_id: id.to_string(),
        key: Some(super::key(&incident.key)),
        revision: incident.revision,
        kind: reported.map(|reported| reported.kind.to_string()).unwrap_or_default(),
        purpose: reported.map(|reported| purpose(reported.purpose)),
        state: super::incident_state(incident.state).into(),
        wanted: reported.map_or(0, |reported| match &reported.call_out {
            Some(call_out) => call_out.wanted(),
            None => wanted(&incident.key.tenant, &reported.kind, reported.position()),
        }),
        received_at: Some(super::moment(incident.received_at)),
        alerts: state.alerts_of(incident).map(alert).collect(),
        shifts: call_out::shifts(&state, incident),
    })
}

/// One line of a list.
pub(crate) fn summary(row: &IncidentRow) -> wire::IncidentSummary {
    wire::IncidentSummary {
        incident_id: row.incident.to_string(),
        key: Some(super::key(&row.key)),
        revision: row.revision,
        kind: row.kind.as_ref().map(ToString::to_string).unwrap_or_default(),
        state: super::incident_state(row.state).into(),
        received_at: Some(super::moment(row.received_at)),
    }
}

fn alert(alert: &Alert) -> wire::IncidentAlert {
    // Who was asked and did not answer, or said no, is nobody's business but the auditor's.
    let told = alert.attendance.map(|_| alert.plan.responder.to_string());
    wire::IncidentAlert {
        alert_id: alert.plan.alert.to_string(),
        responder_id: told.unwrap_or_default(),
        role: super::role(alert.plan.role).into(),
        state: super::alert_state(alert.state).into(),
        attendance: alert
            .attendance
            .map_or(wire::AttendanceState::Unspecified, super::attendance_state)
            .into(),
        planned_at: Some(super::moment(alert.planned_at)),
        published_at: alert.request.published.map(super::moment),
        broker_acked_at: alert.request.broker_acked.map(super::moment),
        received_at: alert.request.received.map(super::moment),
        shown_at: alert.request.shown.map(super::moment),
        answered_at: alert.answered_at.map(super::moment),
        defibrillator_id: super::to_fetch(alert.plan.role),
        stalled: alert.stalled,
        shift: call_out::taken(alert),
        estimated_arrival_s: u32::try_from(alert.plan.arrival.median.as_secs()).unwrap_or(u32::MAX),
    }
}

// The name of an exercise is not kept: nothing is decided by it.
fn purpose(purpose: Purpose) -> WirePurpose {
    match purpose {
        Purpose::Live => WirePurpose::Live(wire::Live {}),
        Purpose::Exercise => WirePurpose::Exercise(wire::Exercise::default()),
    }
}
