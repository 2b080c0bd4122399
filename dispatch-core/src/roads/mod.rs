//! Streets, and the shortest ways along them: how far each person really has to go to the patient, directly or by way of a
//! defibrillator.
//!
//! ```text
//! RoadParts ── RoadGraph::new (checked) ──> RoadGraph ── snap ──> Snap, kept beside a fix or a defibrillator
//!                                              │
//!              to_patient: once per incident ──┼── distance_from(snap)   a person's way to the patient
//!              via_aeds: once per incident ────┴── best_two_from(snap)   a person's way by the two best defibrillators
//! ```
//!
//! What must stay true: parts that were damaged or made up never panic or loop, they are refused; a search gives the exact
//! shortest way in whole millimetres, the same on any machine, ties broken by number; it looks no further than its bound.
//!
//! Absent on purpose: speeds and turnout times (the choice knows them), turn restrictions (a person gets out and walks the
//! last metres), reading maps (`services/maps`), the way as a line to show (a phone has its own navigation).

mod graph;
mod grid;
mod parts;
mod passage;
mod queue;
mod snap;
mod to_patient;
mod via_aeds;

#[cfg(test)]
mod twin;

pub use graph::RoadGraph;
pub use parts::{InvalidRoads, PIECE_MAX, RoadParts, StretchPart};
pub use passage::{Direction, Passage};
pub use snap::{SNAP_MAX, Snap};
pub use to_patient::{ToPatient, ToPatientScratch};
pub use via_aeds::{AedWay, ViaAeds, ViaAedsScratch};

use crate::position::{Metres, Position};

/// The longest way a search looks at, whatever it is told: nobody comes to a cardiac arrest from further than 100 km, and
/// sums of millimetres stay far inside 32 bits.
pub const WAY_MAX: Metres = Metres::new(100_000);

/// A number by which positions can be sorted so that neighbours, who look at the same streets, follow each other.
pub(crate) fn neighbourhood(position: Position) -> u64 {
    let (latitude, longitude) = position.to_e7();
    let (row, column) = (grid::row(latitude.into()), grid::column(longitude.into()));
    u64::try_from(row * grid::COLUMNS + column).unwrap_or(0)
}

/// A search's bound in millimetres.
fn bound_mm(bound: Metres) -> u32 {
    u32::try_from(bound.min(WAY_MAX).mm()).unwrap_or(u32::MAX)
}
