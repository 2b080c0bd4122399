//! What control rooms ask of the engine, and the handle through which they ask. An answer arrives once what it says is
//! durable.

use std::collections::BTreeSet;

use dispatch_core::{
    command::Answer,
    ids::{DeviceId, ResponderId, TenantId},
    input::{Ending, Report},
    responder::{Purpose, Skill, TravelMode},
    time::Timestamp,
};
use tokio::sync::{oneshot, watch};

use crate::{
    inlet::{Inlet, Stopped},
    registry::{Address, DeviceAccess, DeviceKind, Encoding, ResponderRow},
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
    pub skills: BTreeSet<Skill>,
    /// Never asked from this moment on.
    pub credential_valid_until: Timestamp,
    /// How the person usually travels.
    pub travel_mode: TravelMode,
    /// Whether the person wants to be asked now.
    pub on_duty: bool,
}

/// Fields to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponderPatch {
    /// New name.
    pub name: Option<String>,
    /// New skills; replaces all.
    pub skills: Option<BTreeSet<Skill>>,
    /// New end of validity.
    pub credential_valid_until: Option<Timestamp>,
    /// New travel mode.
    pub travel_mode: Option<TravelMode>,
    /// On or off duty.
    pub on_duty: Option<bool>,
    /// Out of service.
    pub suspended: Option<bool>,
}

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
    /// The reference belongs to a person with other fields.
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

/// A person as registered, and what became of the registration.
pub type Registered = Result<(ResponderRow, RegistrationOutcome), RegistryRefusal>;

pub(crate) enum Request {
    Ping {
        reply: oneshot::Sender<()>,
    },
    Report {
        report: Report,
        address: Option<Address>,
        reply: oneshot::Sender<Answer>,
    },
    End {
        ending: Ending,
        reply: oneshot::Sender<Answer>,
    },
    Register {
        rows: Vec<Registration>,
        on_conflict: OnConflict,
        reply: oneshot::Sender<Vec<Registered>>,
    },
    Update {
        tenant: TenantId,
        responder: ResponderId,
        patch: ResponderPatch,
        reply: oneshot::Sender<Result<ResponderRow, RegistryRefusal>>,
    },
    Issue {
        enrolment: Enrolment,
        reply: oneshot::Sender<Result<IssuedDevice, RegistryRefusal>>,
    },
    Revoke {
        tenant: TenantId,
        device: DeviceId,
        reply: oneshot::Sender<Result<(), RegistryRefusal>>,
    },
}

impl Request {
    pub fn is_critical(&self) -> bool {
        matches!(self, Self::Report { .. } | Self::End { .. })
    }
}

/// Where control rooms ask.
#[derive(Clone)]
pub struct EngineHandle {
    inlet: Inlet,
    durable: watch::Receiver<u64>,
    located: watch::Receiver<usize>,
}

impl EngineHandle {
    pub(crate) fn new(inlet: Inlet, durable: watch::Receiver<u64>, located: watch::Receiver<usize>) -> Self {
        Self {
            inlet,
            durable,
            located,
        }
    }

    /// Reports an incident or a newer revision. `address` replaces what was known when the report is the newest.
    pub async fn report(&self, report: Report, address: Option<Address>) -> Result<Answer, Stopped> {
        self.ask(|reply| Request::Report { report, address, reply }).await
    }

    /// Stands down or closes an incident.
    pub async fn end(&self, ending: Ending) -> Result<Answer, Stopped> {
        self.ask(|reply| Request::End { ending, reply }).await
    }

    /// Registers people, each on its own, in one commit.
    pub async fn register(&self, rows: Vec<Registration>, on_conflict: OnConflict) -> Result<Vec<Registered>, Stopped> {
        self.ask(|reply| Request::Register {
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
    ) -> Result<Result<ResponderRow, RegistryRefusal>, Stopped> {
        self.ask(|reply| Request::Update {
            tenant,
            responder,
            patch,
            reply,
        })
        .await
    }

    /// Enrols a device.
    pub async fn issue(&self, enrolment: Enrolment) -> Result<Result<IssuedDevice, RegistryRefusal>, Stopped> {
        self.ask(|reply| Request::Issue { enrolment, reply }).await
    }

    /// Ends a device's access; its open session is closed.
    pub async fn revoke(&self, tenant: TenantId, device: DeviceId) -> Result<Result<(), RegistryRefusal>, Stopped> {
        self.ask(|reply| Request::Revoke { tenant, device, reply }).await
    }

    /// Returns once the owner has looked at its lanes.
    pub async fn ping(&self) -> Result<(), Stopped> {
        self.ask(|reply| Request::Ping { reply }).await
    }

    /// The highest durable sequence, as it grows.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.durable.clone()
    }

    /// How many people have said where they are since the service started, as it changes.
    pub fn located(&self) -> watch::Receiver<usize> {
        self.located.clone()
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.inlet.request(request(reply)).await?;
        answer.await.map_err(|_| Stopped)
    }
}
