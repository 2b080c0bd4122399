//! What comes in: things that happened, already parsed into types that cannot be wrong.

use std::sync::Arc;

use crate::{
    aeds::Aed,
    attendance::AbortReason,
    call_out::{CallOut, ShiftChoice},
    ids::{AedId, AlertId, DeviceId, IncidentKey, Reference, ResponderId, TenantId, TrunkId},
    incident::{EndCause, IncidentKind},
    position::{Fix, Metres, Position},
    responder::{Device, Purpose, ResponderProfile},
    scene::Scene,
    time::Timestamp,
};

/// Names the caller's waiting request; the answer carries it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestToken(pub u64);

/// SHA-256 over the parsed fields of a request, to tell a retry from another request under the same id.
pub type Fingerprint = [u8; 32];

/// Which request of a control room something came with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestId {
    /// The caller's id; unique within the tenant.
    pub id: Reference,
    /// Over everything the request said.
    pub fingerprint: Fingerprint,
}

/// A report of a control room: the whole known state of an incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Which request.
    pub request: RequestId,
    /// Which incident.
    pub key: IncidentKey,
    /// From 1, growing.
    pub revision: u32,
    /// When the dispatch system made this revision, by its own clock.
    pub sent_at: Timestamp,
    /// The kind of emergency.
    pub kind: IncidentKind,
    /// Live or exercise.
    pub purpose: Purpose,
    /// Where, and within what radius; `None` = unknown.
    pub place: Option<Place>,
    /// When the call was connected, by the dispatch system's clock; `None` = unknown.
    pub call_connected_at: Option<Timestamp>,
    /// What is known of the scene.
    pub scene: Scene,
    /// When the ambulance is expected, on Muster's clock; `None` = unknown.
    pub ambulance_at: Option<Timestamp>,
    /// Many people are wanted for shifts, and `place` is where they gather; `None` = the soonest few. The same in every
    /// revision: a call-out or none.
    pub call_out: Option<Arc<CallOut>>,
    /// Ask people even if the event is late.
    pub alert_although_late: bool,
}

/// Where an incident is. Address parts stay at the edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The point.
    pub position: Position,
    /// Radius within which the true place lies; 0 = exact.
    pub accuracy: Metres,
}

/// A control room's stand-down or close.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// Which request.
    pub request: RequestId,
    /// Which incident.
    pub key: IncidentKey,
    /// Higher than the last report's.
    pub revision: u32,
    /// By the dispatch system's clock.
    pub sent_at: Timestamp,
    /// Why.
    pub cause: EndCause,
}

/// How far a down message got.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DeliveryStage {
    /// The bus could not take it or the broker refused it.
    Failed,
    /// Handed to the broker.
    Published,
    /// The broker has it. Proves nothing about the phone.
    BrokerAcked,
    /// The phone has it.
    Received,
    /// It is on the screen.
    Shown,
}

/// What a person said.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// I will go; to a call-out: whenever people are wanted.
    Accept,
    /// I will come to one of these shifts of a call-out.
    AcceptShifts(ShiftChoice),
    /// I will not.
    Decline(DeclineReason),
    /// I have set off.
    EnRoute,
    /// I am at the scene.
    AtScene,
    /// I am with the patient.
    WithPatient,
    /// A defibrillator is attached.
    AedAttached,
    /// I have handed over.
    Finished,
    /// I accepted but cannot go on.
    Abort(AbortReason),
    /// I need help here.
    NeedHelp,
}

/// Why a person said no.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeclineReason {
    /// Not stated, or a reason this version does not know.
    Unstated,
    /// Too far away.
    TooFar,
    /// Busy.
    Busy,
    /// Not safe.
    Unsafe,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A control room reports an incident.
    Report {
        /// Who waits for the answer.
        token: RequestToken,
        /// What is reported.
        report: Report,
    },
    /// A control room stands down or closes an incident.
    End {
        /// Who waits for the answer.
        token: RequestToken,
        /// What is ended.
        ending: Ending,
    },
    /// A control room registers or changes a responder; the whole new profile.
    PutResponder {
        /// The profile.
        profile: ResponderProfile,
    },
    /// A control room enrols a device.
    PutDevice {
        /// The device.
        device: Device,
    },
    /// A control room ends a device's access.
    RevokeDevice {
        /// Which.
        device: DeviceId,
    },
    /// A control room enrols a trunk. It may not alert anybody, so the core only writes it down.
    PutTrunk {
        /// Which.
        trunk: TrunkId,
        /// Whose.
        tenant: TenantId,
    },
    /// A control room ends a trunk's access.
    RevokeTrunk {
        /// Which.
        trunk: TrunkId,
    },
    /// A control room registers or changes a defibrillator; all that is now known of it.
    PutAed {
        /// The defibrillator.
        aed: Aed,
    },
    /// A control room strikes a defibrillator off.
    RemoveAed {
        /// Which.
        aed: AedId,
    },
    /// A phone says where it is.
    Fix {
        /// Which phone.
        device: DeviceId,
        /// Where, `taken_at` already on Muster's clock.
        fix: Fix,
    },
    /// A trunk says where a person is, for whom it may speak.
    TrunkFix {
        /// Who.
        responder: ResponderId,
        /// Where, `taken_at` already on Muster's clock.
        fix: Fix,
    },
    /// A phone connected and listens on its down topic.
    DeviceOnline {
        /// Which phone.
        device: DeviceId,
    },
    /// A phone is gone.
    DeviceOffline {
        /// Which phone.
        device: DeviceId,
    },
    /// The broker is back, or there for the first time. What was to be sent meanwhile may not have left, and what phones
    /// said meanwhile may be lost with a session that it forgot.
    BrokerBack,
    /// A down message got further.
    Delivery {
        /// To which phone.
        device: DeviceId,
        /// Which alert.
        alert: AlertId,
        /// Which version of it.
        version: u32,
        /// How far.
        stage: DeliveryStage,
    },
    /// A person answered.
    Reply {
        /// From which phone.
        device: DeviceId,
        /// Which alert.
        alert: AlertId,
        /// What they said.
        reply: Reply,
    },
    /// The service has replayed its journal and starts to act.
    Started,
}

impl Input {
    /// Whether it says where somebody is: soft, so it leaves no record and nothing follows from it at once.
    pub const fn is_position(&self) -> bool {
        matches!(self, Self::Fix { .. } | Self::TrunkFix { .. })
    }
}
