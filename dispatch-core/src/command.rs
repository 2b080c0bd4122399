//! What is to be done: data that leaves the core for the shell to carry out.

use crate::{
    alert::{Role, StandDownReason},
    call_out::Shift,
    coarse::{CoarseCell, DistanceBand},
    ids::{AlertId, DeviceId, IncidentId, Reference},
    incident::{IncidentKind, IncidentState},
    input::{Place, RequestToken},
    record::Entry,
    responder::{Purpose, Skill},
    time::Timestamp,
};

/// Something to do. The order matters: what follows a [`Command::Commit`] must not leave before that commit is durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Write these down, all or none.
    Commit(Vec<Entry>),
    /// Send a message to a phone.
    Publish(DownMessage),
    /// Answer a waiting request.
    Answer {
        /// Who waits.
        token: RequestToken,
        /// What to say.
        answer: Answer,
    },
    /// Close a device's session: its access has ended.
    CloseSession {
        /// Which.
        device: DeviceId,
    },
    /// Count, at least: something a phone said was not used. Positions are counted in
    /// [`Positions`](crate::roster::Positions) instead.
    Refused {
        /// Which phone.
        device: DeviceId,
        /// Why.
        refusal: Refusal,
    },
}

/// One message to one phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DownMessage {
    /// Which phone.
    pub device: DeviceId,
    /// About which alert and which version of it; `None` in a probe.
    pub about: Option<(AlertId, u32)>,
    /// Which owner speaks; phones ignore lower ones.
    pub owner_epoch: u64,
    /// The phone ignores it after this.
    pub expires_at: Timestamp,
    /// Live or exercise: different branches on the wire.
    pub purpose: Purpose,
    /// What it says.
    pub body: DownBody,
}

/// What a message to a phone says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DownBody {
    /// Will you go? Coarse on purpose.
    Alert {
        /// The kind of emergency.
        kind: IncidentKind,
        /// What the person would do.
        role: Role,
        /// The square the incident lies in.
        cell: CoarseCell,
        /// Distance to the square's centre.
        band: DistanceBand,
        /// What a call-out wants people for.
        call_out: Option<Offer>,
    },
    /// Go; here is where. The shell adds the address parts of this incident from its register.
    Confirmed {
        /// Which incident.
        incident: IncidentId,
        /// The exact place.
        place: Place,
        /// What to do; the shell adds where the defibrillator is from its register.
        role: Role,
        /// The shift that they took in a call-out.
        shift: Option<Shift>,
    },
    /// Enough others are going.
    NotNeeded,
    /// The request was over before the accept arrived.
    TooLate,
    /// Do not go, or stop.
    StandDown(StandDownReason),
    /// Say where you are.
    Probe,
}

/// What a person is told of a call-out before they answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The skill that is called for, if one is named.
    pub skill: Option<Skill>,
    /// The shifts that want people still, the earliest first.
    pub shifts: Vec<Shift>,
}

/// The answer to a control room's request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The report was taken in.
    Reported(ReportAnswer),
    /// The ending was taken in.
    Ended(EndAnswer),
    /// The request id was used before with other fields.
    RequestIdReused {
        /// The id.
        id: Reference,
    },
    /// A revision of a live incident claims to be an exercise, or the reverse.
    PurposeChanged {
        /// What the incident is.
        was: Purpose,
    },
    /// A revision makes a call-out of what was none, or the reverse.
    CallOutChanged {
        /// Whether the incident is a call-out.
        was: bool,
    },
}

/// The answer to a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportAnswer {
    /// Which incident.
    pub incident: IncidentId,
    /// Newest revision known.
    pub revision: u32,
    /// This request had been answered before.
    pub duplicate: bool,
    /// Where the incident stood then.
    pub state: IncidentState,
    /// How many people the report caused to be asked.
    pub alerts_planned: u32,
    /// What the control room should know.
    pub warnings: Vec<Warning>,
    /// The report's place in the journal; of a report that changed nothing, the newest place so far.
    pub sequence: u64,
}

/// The answer to an ending.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndAnswer {
    /// Which incident.
    pub incident: IncidentId,
    /// Newest revision known.
    pub revision: u32,
    /// This request had been answered before.
    pub duplicate: bool,
    /// Where the incident stood then.
    pub state: IncidentState,
    /// Unanswered alerts withdrawn.
    pub alerts_withdrawn: u32,
    /// People on the way called off.
    pub attendances_stood_down: u32,
    /// People with the patient, never called off by a machine.
    pub with_patient: u32,
    /// What the control room should know.
    pub warnings: Vec<Warning>,
    /// The ending's place in the journal; of one that changed nothing, the newest place so far.
    pub sequence: u64,
}

/// What a control room should know about an accepted request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Warning {
    /// Recorded, nobody asked: this many milliseconds old.
    LateNotAlerted {
        /// Corrected age in milliseconds.
        age_ms: i64,
    },
    /// Looks old, but the CAD's clock is not known well enough; people were asked.
    PerhapsLate {
        /// Apparent age in milliseconds.
        age_ms: i64,
    },
    /// No location, so nobody can be asked.
    NoLocation,
    /// A newer revision is known; nothing changed.
    StaleRevision,
    /// The incident had ended; nothing changed.
    IncidentEnded,
    /// Nobody who may be asked is within reach now.
    NobodyToAsk,
    /// Something said of the scene is not in the policy; treated as the policy says of such words.
    SceneNotUnderstood,
    /// Only vetted people are sent to such a scene.
    SceneForVettedOnly,
    /// Nobody is sent to such a scene.
    SceneExcluded,
}

/// Why something a phone said was not used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// The device is not enrolled.
    UnknownDevice,
    /// No such alert.
    UnknownAlert,
    /// Another person's alert.
    NotTheirAlert,
    /// A version that was never sent or has been replaced.
    OtherVersion,
    /// The reply does not fit the stage: for example a decline after an accept.
    OutOfTurn,
}

impl Refusal {
    /// The label of the refusal in counters.
    pub const fn label(self) -> &'static str {
        match self {
            Self::UnknownDevice => "unknown_device",
            Self::UnknownAlert => "unknown_alert",
            Self::NotTheirAlert => "not_their_alert",
            Self::OtherVersion => "other_version",
            Self::OutOfTurn => "out_of_turn",
        }
    }
}
