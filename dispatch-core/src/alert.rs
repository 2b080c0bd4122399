//! One request to one responder for one incident, and the messages about it.
//!
//! ```text
//! Planned ─> Published ─> BrokerAcked ─> Received ─> Shown ─┬─> Accepted ─> an attendance
//!    └───────────┴────────────┴─────────────┴───────────────┼─> Declined
//!                                                           ├─> Expired         the phone had it, no answer
//!                                                           ├─> Undeliverable   the phone never had it
//!                                                           └─> Withdrawn       no longer needed
//! ```
//! Every alert ends in exactly one of the five. Outcomes of the network may arrive in any order, so a stage may be
//! skipped, and a late broker acknowledgement never takes back a phone's receipt.

use crate::{
    attendance::Attendance,
    call_out::ShiftNumber,
    choose::arrival::Arrival,
    coarse::{CoarseCell, DistanceBand},
    ids::{AedId, AlertId, IncidentId, ResponderId},
    input::{DeclineReason, DeliveryStage},
    ledger::{MessageOutcome, Times},
    time::Timestamp,
};

/// What a responder is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Go straight to the patient.
    Direct,
    /// Fetch this defibrillator on the way to the patient.
    FetchAed(AedId),
    /// Meet the crew and lead them in.
    Guide,
    /// Come to the muster point of a call-out for a shift.
    Shift,
}

impl Role {
    /// The defibrillator to fetch.
    pub fn aed(self) -> Option<AedId> {
        match self {
            Self::FetchAed(aed) => Some(aed),
            Self::Direct | Self::Guide | Self::Shift => None,
        }
    }
}

/// Why somebody is called off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StandDownReason {
    /// Enough others are going.
    Enough,
    /// The control room cancelled.
    Cancelled,
    /// The incident is closed.
    Closed,
    /// The ambulance is with the patient.
    CrewOnScene,
    /// The place was corrected.
    Relocated,
    /// The responder was suspended.
    Suspended,
    /// Nobody, or only vetted people, may go to such a scene.
    SceneExcluded,
    /// Somebody else will be there clearly sooner.
    Replaced,
}

/// How far an alert got.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AlertState {
    /// Decided.
    Planned,
    /// Handed to the broker.
    Published,
    /// The broker has it.
    BrokerAcked,
    /// The phone has it.
    Received,
    /// It is on the screen.
    Shown,
    /// Ended: the person offered to go.
    Accepted,
    /// Ended: the person said no.
    Declined(DeclineReason),
    /// Ended: reached the phone, no answer.
    Expired,
    /// Ended: no longer needed.
    Withdrawn(StandDownReason),
    /// Ended: never reached the phone.
    Undeliverable,
}

impl AlertState {
    /// Whether the person may still answer.
    pub fn is_open(self) -> bool {
        self.progress().is_some()
    }

    /// Whether `next` may follow: forward only, and nothing after an end.
    pub fn may_become(self, next: Self) -> bool {
        match (self.progress(), next.progress()) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(here), Some(there)) => there > here,
        }
    }

    fn progress(self) -> Option<u8> {
        match self {
            Self::Planned => Some(0),
            Self::Published => Some(1),
            Self::BrokerAcked => Some(2),
            Self::Received => Some(3),
            Self::Shown => Some(4),
            Self::Accepted | Self::Declined(_) | Self::Expired | Self::Withdrawn(_) | Self::Undeliverable => None,
        }
    }

    /// The state that a delivery stage of the alert's first message means; a failed hand-over means none.
    pub fn from_stage(stage: DeliveryStage) -> Option<Self> {
        match stage {
            DeliveryStage::Failed => None,
            DeliveryStage::Published => Some(Self::Published),
            DeliveryStage::BrokerAcked => Some(Self::BrokerAcked),
            DeliveryStage::Received => Some(Self::Received),
            DeliveryStage::Shown => Some(Self::Shown),
        }
    }
}

/// What the newest message about an alert says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MessageKind {
    /// Will you go?
    Alert,
    /// Go; here is where.
    Confirmed,
    /// Enough others are going.
    NotNeeded,
    /// The request was over before the accept arrived.
    TooLate,
    /// Do not go, or stop.
    StandDown(StandDownReason),
}

impl MessageKind {
    /// The label of the kind in counters; the reason of a stand-down is left out.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Confirmed => "confirmed",
            Self::NotNeeded => "not_needed",
            Self::TooLate => "too_late",
            Self::StandDown(_) => "stand_down",
        }
    }
}

/// The newest message about an alert. Newer ones replace it, so that a stand-down never waits behind an alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// From 1, growing within the alert; what `alert_version` is on the wire.
    pub version: u32,
    /// What it says.
    pub kind: MessageKind,
    /// How far it got; `None` = planned.
    pub stage: Option<DeliveryStage>,
    /// When it was first due to go out.
    pub planned_at: Timestamp,
    /// When it last went out.
    pub sent_at: Timestamp,
    /// How often it has been sent again since the service last started.
    pub resends: u32,
    /// The phone did not acknowledge it in time and the control room was told.
    pub reported_unheard: bool,
    /// When it first got to each stage.
    pub times: Times,
    /// What became of it; `None` = the phone has not acknowledged it and it is still true.
    pub outcome: Option<MessageOutcome>,
}

impl Message {
    /// A message that is due to go out.
    pub fn planned(version: u32, kind: MessageKind, at: Timestamp) -> Self {
        Self {
            version,
            kind,
            stage: None,
            planned_at: at,
            sent_at: at,
            resends: 0,
            reported_unheard: false,
            times: Times::default(),
            outcome: None,
        }
    }

    /// Whether it still waits for its outcome.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none()
    }

    /// Whether the phone has acknowledged it.
    pub fn is_heard(&self) -> bool {
        self.stage >= Some(DeliveryStage::Received)
    }
}

/// What was decided when an alert was planned; never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlannedAlert {
    /// Which alert.
    pub alert: AlertId,
    /// To whom.
    pub responder: ResponderId,
    /// For what.
    pub role: Role,
    /// 1 for the first request to this person for this incident.
    pub attempt: u32,
    /// Straight-line distance to the incident stands in the decision; the phone is told only this band.
    pub band: DistanceBand,
    /// The square the incident lies in.
    pub cell: CoarseCell,
    /// Time from alert to arrival in this role as estimated when deciding.
    pub arrival: Arrival,
    /// How likely they were to accept, thousandths.
    pub acceptance_permille: u16,
    /// The phone shows nothing after this.
    pub expires_at: Timestamp,
}

/// An alert as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alert {
    /// What was decided.
    pub plan: PlannedAlert,
    /// For which incident.
    pub incident: IncidentId,
    /// In which wave.
    pub wave: u32,
    /// When.
    pub planned_at: Timestamp,
    /// How far it got.
    pub state: AlertState,
    /// When the phone first gave a sign of having it.
    pub reached_at: Option<Timestamp>,
    /// Since when the present wait (for a receipt, then for an answer) counts.
    pub waits_since: Timestamp,
    /// The wait for a receipt or an answer ran out and somebody else was asked; a late accept is still welcome.
    pub lapsed: bool,
    /// They accepted and did not move for too long: they are not counted on.
    pub stalled: bool,
    /// The newest message about it.
    pub message: Message,
    /// When the request itself, in any version, first got to each stage; later messages about it do not count here.
    pub request: Times,
    /// When the person first answered.
    pub answered_at: Option<Timestamp>,
    /// What the person does, once they accepted.
    pub attendance: Option<Attendance>,
    /// The shift of the call-out that they took.
    pub shift: Option<ShiftNumber>,
    /// When the person last said so, or said anything about it.
    pub attendance_at: Option<Timestamp>,
}

impl Alert {
    /// Whether the person is still expected to answer in time.
    pub fn is_pending(&self) -> bool {
        self.state.is_open() && !self.lapsed
    }

    /// Whether the person is going or there.
    pub fn is_attended(&self) -> bool {
        self.attendance.is_some_and(Attendance::is_active)
    }

    /// Whether the person counts towards the number wanted: going and not stalled, there, or handed over.
    pub fn covers(&self) -> bool {
        (self.is_attended() && !self.stalled)
            || matches!(self.attendance, Some(Attendance::Finished | Attendance::PresumedOver))
    }
}

#[cfg(test)]
mod tests {
    use super::{AlertState::*, *};

    #[test]
    fn every_alert_ends_once() {
        let ends = [
            Accepted,
            Declined(DeclineReason::Busy),
            Expired,
            Withdrawn(StandDownReason::Enough),
            Undeliverable,
        ];
        for open in [Planned, Published, BrokerAcked, Received, Shown] {
            assert!(ends.iter().all(|&end| open.may_become(end)));
        }
        for end in ends {
            assert!(ends.iter().all(|&next| !end.may_become(next)));
            assert!(!end.may_become(Received));
        }
    }

    #[test]
    fn a_late_broker_ack_does_not_take_back_a_receipt() {
        assert!(Planned.may_become(Received));
        assert!(!Received.may_become(BrokerAcked));
    }
}
