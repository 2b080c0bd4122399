//! The shifts of a call-out, and how they fill.

use dispatch_core::{
    alert::Alert,
    call_out::{Shift, ShiftNumber},
    incident::Incident,
    state::State,
};
use muster_proto::v1 as wire;

/// A shift.
pub(crate) fn shift(shift: &Shift) -> wire::Shift {
    wire::Shift {
        number: shift.number.get(),
        starts_at: Some(super::moment(shift.starts_at)),
        ends_at: Some(super::moment(shift.ends_at)),
        wanted: shift.wanted,
    }
}

/// The shifts of an incident, none unless it is a call-out.
pub(super) fn shifts(state: &State, incident: &Incident) -> Vec<wire::ShiftStanding> {
    let call_out = incident
        .reported
        .as_ref()
        .and_then(|reported| reported.call_out.as_deref());
    let standing = |known: &Shift| wire::ShiftStanding {
        shift: Some(shift(known)),
        taken: state.shift_taken(incident.id, known.number),
    };
    call_out.map_or_else(Vec::new, |call_out| call_out.shifts().iter().map(standing).collect())
}

/// The number of the shift that somebody took; 0 = none.
pub(super) fn taken(alert: &Alert) -> u32 {
    alert.shift.map_or(0, ShiftNumber::get)
}
