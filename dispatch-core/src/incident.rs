//! An incident: a loop, not a line. Searching and covered alternate while it is open.
//!
//! ```text
//! Recorded ──> Searching <──> Covered
//!                 ^ v            v
//!              Exhausted ──> StoodDown | Closed   (from any open state)
//! ```

use std::{fmt, sync::Arc};

use crate::{
    alert::StandDownReason,
    call_out::CallOut,
    ids::{AlertId, IncidentId, IncidentKey, is_name, is_policy_word},
    input::Place,
    position::Position,
    responder::Purpose,
    scene::Scene,
    time::Timestamp,
};

/// The kind of emergency, such as `cardiac_arrest`: 1 to 64 characters of `a-z 0-9 _`. Data, not code: policies are
/// found by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IncidentKind(String);

impl IncidentKind {
    /// Checks a kind; `None` when it is not 1 to 64 characters of `a-z 0-9 _`.
    pub fn new(name: &str) -> Option<Self> {
        is_name(name, 64, is_policy_word).then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the service's own drill; see [`CANARY`].
    pub fn is_canary(&self) -> bool {
        self.0 == CANARY
    }
}

/// The kind of the service's own drill, which goes through every hop twice a minute. Lists and watches of all incidents
/// leave it out; asked for by name it is told like any other.
pub const CANARY: &str = "muster_canary";

impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an incident ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndCause {
    /// Stood down: not needed after all.
    Cancelled,
    /// Stood down: the ambulance is with the patient.
    CrewOnScene,
    /// Closed.
    Closed,
}

impl EndCause {
    /// The state it leads to.
    pub fn state(self) -> IncidentState {
        match self {
            Self::Cancelled | Self::CrewOnScene => IncidentState::StoodDown,
            Self::Closed => IncidentState::Closed,
        }
    }

    /// What the people called off are told.
    pub fn reason(self) -> StandDownReason {
        match self {
            Self::Cancelled => StandDownReason::Cancelled,
            Self::CrewOnScene => StandDownReason::CrewOnScene,
            Self::Closed => StandDownReason::Closed,
        }
    }
}

/// Where an incident stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IncidentState {
    /// Recorded; nobody is asked (late, or the place is unknown).
    Recorded,
    /// People are being asked.
    Searching,
    /// As many as wanted are going.
    Covered,
    /// Nobody is left to ask now.
    Exhausted,
    /// Ended.
    StoodDown,
    /// Ended.
    Closed,
}

impl IncidentState {
    /// Whether it has not ended.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::StoodDown | Self::Closed)
    }

    /// Whether people are wanted: open, and not only recorded.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Searching | Self::Covered | Self::Exhausted)
    }

    /// Whether `next` may follow.
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            // A stood-down incident may still be closed; nothing else follows an end.
            (Self::StoodDown, Self::Closed) => true,
            (Self::StoodDown | Self::Closed, _) => false,
            (_, Self::Recorded) => false,
            (Self::Recorded, Self::Covered | Self::Exhausted) => false,
            (here, there) => here != there,
        }
    }
}

/// An incident as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incident {
    /// Muster's name for it.
    pub id: IncidentId,
    /// The control room's.
    pub key: IncidentKey,
    /// Newest revision known, of a report or an ending.
    pub revision: u32,
    /// `None` for a tombstone: ended before it was reported.
    pub reported: Option<Reported>,
    /// Where it stands.
    pub state: IncidentState,
    /// When Muster first heard of it.
    pub received_at: Timestamp,
    /// When it last began to search; waits for a first receipt count from here.
    pub search_began_at: Option<Timestamp>,
    /// The control room has been told that nobody was reached since then.
    pub told_could_not_alert: bool,
    /// Waves so far.
    pub waves: u32,
    /// Everyone asked, in order.
    pub alerts: Vec<AlertId>,
    /// Since when it has ended and nothing about it is left to happen; `None` while something is.
    pub settled_at: Option<Timestamp>,
}

impl Incident {
    /// An incident of which nothing is known but its key.
    pub(crate) fn heard_of(key: &IncidentKey, at: Timestamp) -> Self {
        Self {
            id: key.id(),
            key: key.clone(),
            revision: 0,
            reported: None,
            state: IncidentState::Recorded,
            received_at: at,
            search_began_at: None,
            told_could_not_alert: false,
            waves: 0,
            alerts: Vec::new(),
            settled_at: None,
        }
    }
}

/// What the newest report said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reported {
    /// The kind of emergency.
    pub kind: IncidentKind,
    /// Live or exercise.
    pub purpose: Purpose,
    /// Where; `None` = unknown.
    pub place: Option<Place>,
    /// What is known of the scene.
    pub scene: Scene,
    /// When the ambulance is expected; `None` = unknown.
    pub ambulance_at: Option<Timestamp>,
    /// Many people are wanted for shifts; `None` = the soonest few.
    pub call_out: Option<Arc<CallOut>>,
    /// Revision of the newest report; that of an ending may be higher.
    pub revision: u32,
}

impl Reported {
    /// Where, without how surely; `None` = unknown.
    pub fn position(&self) -> Option<Position> {
        self.place.map(|place| place.position)
    }
}

#[cfg(test)]
mod tests {
    use super::IncidentState::*;

    #[test]
    fn searching_and_covered_alternate_and_ends_stay() {
        assert!(Searching.may_become(Covered) && Covered.may_become(Searching));
        assert!(Searching.may_become(Exhausted) && Exhausted.may_become(Searching));
        for end in [StoodDown, Closed] {
            assert!(
                [Recorded, Searching, Covered, Exhausted, StoodDown]
                    .iter()
                    .all(|&next| !end.may_become(next))
            );
        }
        assert!(StoodDown.may_become(Closed) && !Closed.may_become(Closed));
    }
}
