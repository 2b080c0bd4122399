//! What control rooms ask of the engine, and the handle through which they ask. An answer arrives once what it says is
//! durable, or says that it is not.

use std::time::Duration;

use dispatch_core::{
    aeds::{Access, AedState, Level, OpeningHours},
    command::Answer,
    ids::{AedId, DeviceId, ResponderId, TenantId, TrunkId},
    input::{Ending, Place, Report},
    position::Fix,
    responder::{Purpose, QuietHours, Skills, TravelMode},
    time::Timestamp,
};
use tokio::sync::{oneshot, watch};

use crate::{
    alarms::AlarmBoard,
    inlet::{Inlet, Stopped},
    registry::{Address, AedRow, DeviceAccess, DeviceKind, Encoding, ResponderRow, TrunkAccess},
};

/// What a control room says about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Whose register.
    pub tenant: TenantId,
    /// The control room's own reference, unique within the tenant.
    pub external_ref: String,
    /// Name.
    pub name: String,
    /// What the person can do.
    pub skills: Skills,
    /// Never asked from this moment on.
    pub credential_valid_until: Timestamp,
    /// How the person usually travels.
    pub travel_mode: TravelMode,
    /// Whether the person wants to be asked now.
    pub on_duty: bool,
    /// When the person does not want to be woken.
    pub quiet_hours: Option<QuietHours>,
}

/// Fields to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponderPatch {
    /// New name.
    pub name: Option<String>,
    /// New skills; replaces all.
    pub skills: Option<Skills>,
    /// New end of validity.
    pub credential_valid_until: Option<Timestamp>,
    /// New travel mode.
    pub travel_mode: Option<TravelMode>,
    /// On or off duty.
    pub on_duty: Option<bool>,
    /// New quiet hours; `Some(None)` = none any more.
    pub quiet_hours: Option<Option<QuietHours>>,
    /// Out of service.
    pub suspended: Option<bool>,
}

/// What a control room says about a defibrillator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AedRegistration {
    /// Whose register.
    pub tenant: TenantId,
    /// The control room's own reference, unique within the tenant.
    pub external_ref: String,
    /// What it is called.
    pub name: String,
    /// Where.
    pub place: Place,
    /// Where to look for it, in words.
    pub address: Address,
    /// What opens its cabinet.
    pub cabinet_code: String,
    /// Who may get at it.
    pub access: Access,
    /// When, understood or not; `None` = not known.
    pub hours: Option<OpeningHours>,
    /// Whether it is inside a building.
    pub indoor: Option<bool>,
    /// On which floor.
    pub level: Option<Level>,
    /// Whether it can be used.
    pub state: AedState,
    /// When somebody last saw that all this is so.
    pub confirmed_at: Option<Timestamp>,
}

/// Fields of a defibrillator to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AedPatch {
    /// New name.
    pub name: Option<String>,
    /// New place, with its address.
    pub place: Option<(Place, Address)>,
    /// New code.
    pub cabinet_code: Option<String>,
    /// New access.
    pub access: Option<Access>,
    /// New hours; `Some(None)` = not known.
    pub hours: Option<Option<OpeningHours>>,
    /// Inside a building.
    pub indoor: Option<bool>,
    /// New floor; `Some(None)` = not known.
    pub level: Option<Option<Level>>,
    /// New state.
    pub state: Option<AedState>,
    /// Seen again.
    pub confirmed_at: Option<Timestamp>,
}

/// A defibrillator as registered, and what became of the registration.
pub type RegisteredAed = Result<(AedRow, RegistrationOutcome), RegistryRefusal>;

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationOutcome {
    /// New.
    Created,
    /// Already there with the same fields.
    Unchanged,
    /// Already there; fields changed.
    Updated,
}

/// What to do when the reference is taken by a person with other fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuse.
    Refuse,
    /// Take the new fields.
    Update,
}

/// Why a change to the register was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryRefusal {
    /// The tenant has no such person.
    #[error("there is no such responder")]
    NoSuchResponder,
    /// The tenant has no such device.
    #[error("there is no such device")]
    NoSuchDevice,
    /// The tenant has no such defibrillator.
    #[error("there is no such defibrillator")]
    NoSuchAed,
    /// The tenant has no such trunk.
    #[error("there is no such trunk")]
    NoSuchTrunk,
    /// The reference belongs to somebody or something with other fields.
    #[error("the reference is already registered with other fields")]
    AlreadyRegistered,
}

/// A device just enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedDevice {
    /// Its access.
    pub access: DeviceAccess,
    /// Its password, shown this once.
    pub password: String,
}

/// A device to enrol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Whose register.
    pub tenant: TenantId,
    /// Whose device.
    pub responder: ResponderId,
    /// What runs on it.
    pub kind: DeviceKind,
    /// How it writes and reads.
    pub encoding: Encoding,
    /// What it may be asked for.
    pub purpose: Purpose,
}

/// A trunk to enrol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkEnrolment {
    /// Whose register.
    pub tenant: TenantId,
    /// How the references of the people begin for whom it may speak.
    pub external_ref_prefix: String,
}

/// A trunk just enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedTrunk {
    /// Its access.
    pub access: TrunkAccess,
    /// Its password, shown this once.
    pub password: String,
}

/// Where some of all registered people are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixesPage {
    /// Who and where; people whose whereabouts are not known are left out.
    pub fixes: Vec<(ResponderId, Fix)>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<usize>,
}

/// A person as registered, and what became of the registration.
pub type Registered = Result<(ResponderRow, RegistrationOutcome), RegistryRefusal>;

/// The answer to a report or an ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What the core says.
    pub answer: Answer,
    /// Whether it is on disk. If not, a power cut may still undo it; the request should be repeated until it is.
    pub durable: bool,
}

/// Why a request was not taken in, or got no answer in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The engine has stopped.
    #[error("the service is stopping")]
    Stopped,
    /// The store did not make it durable in time; it may still. A retry gets the same answer.
    #[error("the store is slow")]
    StoreSlow,
    /// The store has no space left; only what a life depends on is taken in.
    #[error("the store is full")]
    StoreFull,
    /// Too much is waiting before it.
    #[error("the service is overloaded")]
    Overloaded,
}

impl From<Stopped> for Refused {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Where the answer to a request goes.
pub type ReplyTo<T> = oneshot::Sender<Result<T, Refused>>;

/// A request of a control room.
pub enum Request {
    /// Are you there?
    Ping {
        /// Told at once.
        reply: ReplyTo<()>,
    },
    /// Where is everybody?
    Fixes {
        /// Page by page, from 0.
        from: usize,
        /// Told at once; positions are soft.
        reply: ReplyTo<FixesPage>,
    },
    /// An incident or a newer revision of one.
    Report {
        /// What is reported.
        report: Box<Report>,
        /// Address parts that came with it.
        address: Option<Address>,
        /// Told once it is durable, or sooner while the store is slow.
        reply: ReplyTo<Answered>,
    },
    /// A stand-down or a close.
    End {
        /// What is ended.
        ending: Ending,
        /// Told once it is durable, or sooner while the store is slow.
        reply: ReplyTo<Answered>,
    },
    /// People to register.
    Register {
        /// Each on its own.
        rows: Vec<Registration>,
        /// What to do about those known already.
        on_conflict: OnConflict,
        /// Told once all is durable.
        reply: ReplyTo<Vec<Registered>>,
    },
    /// Changes to a person.
    Update {
        /// Whose register.
        tenant: TenantId,
        /// Who.
        responder: ResponderId,
        /// What changes.
        patch: ResponderPatch,
        /// Told once it is durable.
        reply: ReplyTo<Result<ResponderRow, RegistryRefusal>>,
    },
    /// Defibrillators to register.
    RegisterAeds {
        /// Each on its own.
        rows: Vec<AedRegistration>,
        /// What to do about those known already.
        on_conflict: OnConflict,
        /// Told once all is durable.
        reply: ReplyTo<Vec<RegisteredAed>>,
    },
    /// Changes to a defibrillator.
    UpdateAed {
        /// Whose register.
        tenant: TenantId,
        /// Which.
        aed: AedId,
        /// What changes.
        patch: Box<AedPatch>,
        /// Told once it is durable.
        reply: ReplyTo<Result<AedRow, RegistryRefusal>>,
    },
    /// A defibrillator to strike off.
    RemoveAed {
        /// Whose register.
        tenant: TenantId,
        /// Which.
        aed: AedId,
        /// Told once it is durable.
        reply: ReplyTo<Result<(), RegistryRefusal>>,
    },
    /// A device to enrol.
    Issue {
        /// Which.
        enrolment: Enrolment,
        /// Told once it is durable.
        reply: ReplyTo<Result<IssuedDevice, RegistryRefusal>>,
    },
    /// A trunk to enrol.
    IssueTrunk {
        /// Which.
        enrolment: TrunkEnrolment,
        /// Told once it is durable.
        reply: ReplyTo<IssuedTrunk>,
    },
    /// A trunk that loses its access.
    RevokeTrunk {
        /// Whose register.
        tenant: TenantId,
        /// Which.
        trunk: TrunkId,
        /// Told once it is durable.
        reply: ReplyTo<Result<(), RegistryRefusal>>,
    },
    /// A device that loses its access.
    Revoke {
        /// Whose register.
        tenant: TenantId,
        /// Which.
        device: DeviceId,
        /// Told once it is durable.
        reply: ReplyTo<Result<(), RegistryRefusal>>,
    },
}

impl Request {
    pub(crate) fn is_critical(&self) -> bool {
        matches!(self, Self::Report { .. } | Self::End { .. })
    }
}

/// How long a report or an ending is waited for. Far above what an overloaded owner needs; below the patience of a
/// dispatcher who would otherwise look at a screen that says nothing.
const CRITICAL_PATIENCE: Duration = Duration::from_secs(10);
/// How long anything else is waited for while the store is slow (DESIGN section 5: waits, then UNAVAILABLE).
const ORDINARY_PATIENCE: Duration = Duration::from_secs(5);

/// How long a request waits for a place in its lane. Lanes hold seconds of the busiest hour on record, so a full one is
/// far behind: whoever asks is better told soon, and tries again.
const PLACE_WITHIN: Duration = Duration::from_secs(1);

/// Where control rooms ask.
#[derive(Clone)]
pub struct EngineHandle {
    inlet: Inlet,
    durable: watch::Receiver<u64>,
    located: watch::Receiver<usize>,
    alarms: AlarmBoard,
}

impl EngineHandle {
    pub(crate) fn new(
        inlet: Inlet,
        durable: watch::Receiver<u64>,
        located: watch::Receiver<usize>,
        alarms: AlarmBoard,
    ) -> Self {
        Self {
            inlet,
            durable,
            located,
            alarms,
        }
    }

    /// Reports an incident or a newer revision. `address` replaces what was known when the report is the newest.
    pub async fn report(&self, report: Report, address: Option<Address>) -> Result<Answered, Refused> {
        let report = Box::new(report);
        self.ask(CRITICAL_PATIENCE, |reply| Request::Report { report, address, reply })
            .await
    }

    /// Stands down or closes an incident.
    pub async fn end(&self, ending: Ending) -> Result<Answered, Refused> {
        self.ask(CRITICAL_PATIENCE, |reply| Request::End { ending, reply })
            .await
    }

    /// Registers people, each on its own, in one commit.
    pub async fn register(&self, rows: Vec<Registration>, on_conflict: OnConflict) -> Result<Vec<Registered>, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::Register {
            rows,
            on_conflict,
            reply,
        })
        .await
    }

    /// Changes a person.
    pub async fn update(
        &self,
        tenant: TenantId,
        responder: ResponderId,
        patch: ResponderPatch,
    ) -> Result<Result<ResponderRow, RegistryRefusal>, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::Update {
            tenant,
            responder,
            patch,
            reply,
        })
        .await
    }

    /// Registers defibrillators, each on its own, in one commit.
    pub async fn register_aeds(
        &self,
        rows: Vec<AedRegistration>,
        on_conflict: OnConflict,
    ) -> Result<Vec<RegisteredAed>, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::RegisterAeds {
            rows,
            on_conflict,
            reply,
        })
        .await
    }

    /// Changes a defibrillator.
    pub async fn update_aed(
        &self,
        tenant: TenantId,
        aed: AedId,
        patch: AedPatch,
    ) -> Result<Result<AedRow, RegistryRefusal>, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::UpdateAed {
            tenant,
            aed,
            patch: Box::new(patch),
            reply,
        })
        .await
    }

    /// Strikes a defibrillator off.
    pub async fn remove_aed(&self, tenant: TenantId, aed: AedId) -> Result<Result<(), RegistryRefusal>, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::RemoveAed { tenant, aed, reply })
            .await
    }

    /// Enrols a device.
    pub async fn issue(&self, enrolment: Enrolment) -> Result<Result<IssuedDevice, RegistryRefusal>, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::Issue { enrolment, reply })
            .await
    }

    /// Ends a device's access; its open session is closed.
    pub async fn revoke(&self, tenant: TenantId, device: DeviceId) -> Result<Result<(), RegistryRefusal>, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::Revoke { tenant, device, reply })
            .await
    }

    /// Enrols a trunk.
    pub async fn issue_trunk(&self, enrolment: TrunkEnrolment) -> Result<IssuedTrunk, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::IssueTrunk { enrolment, reply })
            .await
    }

    /// Ends a trunk's access; nothing more is taken from it.
    pub async fn revoke_trunk(&self, tenant: TenantId, trunk: TrunkId) -> Result<Result<(), RegistryRefusal>, Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::RevokeTrunk { tenant, trunk, reply })
            .await
    }

    /// Where everybody is whose whereabouts are known. Asks page by page, so that nothing waits for all of it; who moves
    /// meanwhile is told from before or after.
    pub async fn fixes(&self) -> Result<Vec<(ResponderId, Fix)>, Refused> {
        let mut all = Vec::new();
        let mut from = Some(0);
        while let Some(page) = from {
            let page = self
                .ask(ORDINARY_PATIENCE, |reply| Request::Fixes { from: page, reply })
                .await?;
            all.extend(page.fixes);
            from = page.next;
        }
        Ok(all)
    }

    /// Returns once the owner has looked at its lanes.
    pub async fn ping(&self) -> Result<(), Refused> {
        self.ask(ORDINARY_PATIENCE, |reply| Request::Ping { reply }).await
    }

    /// Returns once the owner's task has come round. Unlike [`EngineHandle::ping`] it waits for no lane, so a store that
    /// is slow does not make the owner look dead. Waits for as long as it takes.
    pub async fn pulse(&self) -> Result<(), Refused> {
        Ok(self.inlet.pulse().await?)
    }

    /// The highest durable sequence, as it grows.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.durable.clone()
    }

    /// How many people have said where they are since the service started, as it changes.
    pub fn located(&self) -> watch::Receiver<usize> {
        self.located.clone()
    }

    /// What is wrong with the service as a whole.
    pub fn alarms(&self) -> &AlarmBoard {
        &self.alarms
    }

    /// How long what was last taken from the lanes had waited in them: the measure by which less important requests are
    /// refused.
    pub fn lag(&self) -> Duration {
        self.inlet.lag()
    }

    async fn ask<T>(&self, patience: Duration, request: impl FnOnce(ReplyTo<T>) -> Request) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            tokio::time::timeout(PLACE_WITHIN, self.inlet.request(request(reply)))
                .await
                .map_err(|_| Refused::Overloaded)??;
            answer.await.map_err(|_| Refused::Stopped)?
        };
        tokio::time::timeout(patience, asked)
            .await
            .map_err(|_| Refused::StoreSlow)?
    }
}
