//! What an accepted alert becomes: a person on the way. A small explicit state machine.
//!
//! ```text
//! accept ──> Confirmed ──> EnRoute ──> AtScene ──> WithPatient ──> AedAttached
//!    │           └───────────┴───────────┴─────────────┴──────────────┴──> Finished | Aborted | PresumedOver
//!    │           └───────────┴───────────┴──> StoodDown    (never once with the patient)
//!    └──> NotNeeded | TooLate
//! ```
//! A phone may skip stages (no signal in the stairwell), so a stage may follow any earlier one.

/// Why somebody on the way stops.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AbortReason {
    /// Cannot go on; no reason given.
    CannotContinue,
    /// The defibrillator is not where it should be.
    AedNotThere,
}

/// How far a person who accepted got.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Attendance {
    /// Told to go, with the exact place.
    Confirmed,
    /// Set off.
    EnRoute,
    /// At the scene.
    AtScene,
    /// With the patient.
    WithPatient,
    /// With the patient, defibrillator attached.
    AedAttached,
    /// Ended: handed over.
    Finished,
    /// Ended: could not go on.
    Aborted(AbortReason),
    /// Ended: called off.
    StoodDown,
    /// Ended by the clock: the person never said that they had finished. Nobody is told to stop, and nobody else is
    /// asked, since the patient has long been taken over.
    PresumedOver,
    /// Ended at once: enough others were going.
    NotNeeded,
    /// Ended at once: the accept came after the end.
    TooLate,
}

impl Attendance {
    /// Whether the person is going or there, so that they count towards the number wanted and are busy.
    pub fn is_active(self) -> bool {
        self.progress().is_some()
    }

    /// Whether the person is with the patient: from then on no machine calls them off.
    pub fn is_with_patient(self) -> bool {
        matches!(self, Self::WithPatient | Self::AedAttached)
    }

    /// Whether `next` may follow. Nothing follows an end; stages only go forward; nobody with a patient is stood down.
    pub fn may_become(self, next: Self) -> bool {
        let Some(here) = self.progress() else {
            return false;
        };
        match next {
            Self::Finished | Self::Aborted(_) | Self::PresumedOver => true,
            Self::StoodDown => !self.is_with_patient(),
            Self::NotNeeded | Self::TooLate => false,
            stage => stage.progress() > Some(here),
        }
    }

    /// Order of the active stages; `None` once ended.
    fn progress(self) -> Option<u8> {
        match self {
            Self::Confirmed => Some(0),
            Self::EnRoute => Some(1),
            Self::AtScene => Some(2),
            Self::WithPatient => Some(3),
            Self::AedAttached => Some(4),
            Self::Finished
            | Self::Aborted(_)
            | Self::StoodDown
            | Self::PresumedOver
            | Self::NotNeeded
            | Self::TooLate => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Attendance::*, *};

    const ALL: [Attendance; 11] = [
        Confirmed,
        EnRoute,
        AtScene,
        WithPatient,
        AedAttached,
        Finished,
        Aborted(AbortReason::CannotContinue),
        StoodDown,
        PresumedOver,
        NotNeeded,
        TooLate,
    ];

    #[test]
    fn nothing_follows_an_end() {
        for end in ALL.into_iter().filter(|state| !state.is_active()) {
            assert!(ALL.iter().all(|&next| !end.may_become(next)), "{end:?}");
        }
    }

    #[test]
    fn stages_may_be_skipped_but_never_go_back() {
        assert!(Confirmed.may_become(WithPatient));
        assert!(!AtScene.may_become(EnRoute));
        assert!(!AtScene.may_become(AtScene));
    }

    #[test]
    fn nobody_with_the_patient_is_stood_down() {
        assert!(AtScene.may_become(StoodDown));
        assert!(!WithPatient.may_become(StoodDown));
        assert!(!AedAttached.may_become(StoodDown));
    }
}
