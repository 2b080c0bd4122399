//! What the engine needs from the world, as traits; each has a memory twin in [`crate::memory`].

use std::sync::Arc;

use async_trait::async_trait;
use dispatch_core::{
    aeds::AedSearch,
    command::DownMessage,
    ids::{AedId, DeviceId, IncidentId, IncidentKey, ResponderId, TenantId, TrunkId},
    incident::{IncidentKind, IncidentState},
    position::Metres,
    record::Entry,
    time::Timestamp,
};

use crate::registry::{Address, AedRow, DeviceAccess, RegistryChange, ResponderRow, TrunkAccess};

/// A clock that never runs backwards.
pub trait Clock: Send + Sync + 'static {
    /// The present moment, UTC.
    fn now(&self) -> Timestamp;
}

/// A source of random bytes for ids and secrets.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with bytes nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// A message with all that its delivery needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbound {
    /// Where to and in which encoding.
    pub to: Arc<DeviceAccess>,
    /// What.
    pub message: DownMessage,
    /// With a confirmation: the address parts to show.
    pub address: Option<Address>,
    /// With the confirmation of somebody who is to fetch a defibrillator: which, if it is still in the register.
    pub aed: Option<Box<AedRow>>,
}

/// Carries messages to phones.
///
/// What becomes of a message comes back through the [`Inlet`](crate::inlet::Inlet) as
/// [`Input::Delivery`](dispatch_core::input::Input::Delivery): `Published` once handed to the broker, `BrokerAcked` once
/// the broker took it, `Failed` when it could not be taken. Messages to one device arrive in the order of the calls.
pub trait MessageBus: Send + Sync + 'static {
    /// Takes a message. Never waits for the network.
    fn publish(&self, message: Outbound);
    /// Ends a device's session, if it has one.
    fn close_session(&self, device: DeviceId);
}

/// Tells whether a device is what it says.
pub trait Credentials: Send + Sync + 'static {
    /// The device's access if `password` is its secret. Compares in constant time, from memory.
    fn verify(&self, device: DeviceId, password: &[u8]) -> Option<Arc<DeviceAccess>>;
    /// The device's access, for a device that has proved itself.
    fn access(&self, device: DeviceId) -> Option<Arc<DeviceAccess>>;
    /// The access of the device whose topics carry this segment.
    fn access_by_topic(&self, topic_id: &str) -> Option<Arc<DeviceAccess>>;
    /// The trunk's access if `password` is its secret. Compares in constant time, from memory.
    fn verify_trunk(&self, trunk: TrunkId, password: &[u8]) -> Option<Arc<TrunkAccess>>;
    /// The trunk's access, for a trunk that has proved itself.
    fn trunk(&self, trunk: TrunkId) -> Option<Arc<TrunkAccess>>;
    /// The access of the trunk whose topic carries this segment.
    fn trunk_by_topic(&self, topic_id: &str) -> Option<Arc<TrunkAccess>>;
    /// Whether a trunk may tell where a person is.
    fn speaks_for(&self, trunk: &TrunkAccess, responder: ResponderId) -> bool;
}

/// What is written together, all or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// Records in order; sequences without gaps from commit to commit.
    pub entries: Vec<Entry>,
    /// Changes to the register that go with them.
    pub registry: Vec<RegistryChange>,
}

/// The journal cannot be written or read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the journal failed while {doing}: {cause}")]
pub struct JournalError {
    /// What was being attempted.
    pub doing: &'static str,
    /// What the store said.
    pub cause: String,
}

/// What a journal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalNews {
    /// Everything up to this sequence is durable.
    Durable(u64),
    /// There is no ordinary space left; what is handed over is written into the reserve or waits for space. Nothing is
    /// lost.
    Full,
    /// There is space again, and the reserve is whole.
    SpaceAgain,
}

/// The durable truth.
#[async_trait]
pub trait Journal: Send + 'static {
    /// Queues a commit; never waits. Commits become durable in the order of the calls.
    fn submit(&mut self, commit: Commit) -> Result<(), JournalError>;
    /// Waits for something new: more is durable than was told before, space ran out, space came back. Cancel-safe. An
    /// error is final: nothing more becomes durable.
    async fn news(&mut self) -> Result<JournalNews, JournalError>;
}

/// A record about an incident, with the incident's key.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentEntry {
    /// Which incident.
    pub incident: IncidentId,
    /// Its key.
    pub key: IncidentKey,
    /// The record.
    pub entry: Entry,
}

/// How often somebody was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// So often, at least 1.
    pub times: u32,
    /// The last time.
    pub last_at: Timestamp,
}

/// An incident in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentRow {
    /// Which.
    pub incident: IncidentId,
    /// Its key.
    pub key: IncidentKey,
    /// Newest revision known.
    pub revision: u32,
    /// `None` for a tombstone.
    pub kind: Option<IncidentKind>,
    /// Where it stands.
    pub state: IncidentState,
    /// When Muster first heard of it.
    pub received_at: Timestamp,
    /// Sequence of its first record; lists run from high to low.
    pub first_sequence: u64,
}

/// Reads what is durable, away from the owner's queue. Calls block; use them from a blocking thread.
pub trait JournalReader: Send + Sync + 'static {
    /// All records about one incident of a tenant, in order; empty when there is none.
    fn incident_entries(&self, tenant: &TenantId, incident: IncidentId) -> Result<Vec<IncidentEntry>, JournalError>;
    /// Up to `limit` records about a tenant's incidents after `after`, in order.
    fn entries_after(
        &self,
        tenant: &TenantId,
        after: u64,
        incident: Option<IncidentId>,
        limit: usize,
    ) -> Result<Vec<IncidentEntry>, JournalError>;
    /// Up to `limit` incidents of a tenant that were first heard of before sequence `before`, newest first; without those
    /// of the canary.
    fn incidents_before(
        &self,
        tenant: &TenantId,
        before: u64,
        open_only: bool,
        limit: usize,
    ) -> Result<Vec<IncidentRow>, JournalError>;
    /// One person of a tenant.
    fn responder(&self, tenant: &TenantId, responder: ResponderId) -> Result<Option<ResponderRow>, JournalError>;
    /// Up to `limit` people of a tenant after the `after`-th registered, in order of registration; with each person's
    /// number in that order, from 1. If `never_called`, only of those who were never asked.
    fn responders_after(
        &self,
        tenant: &TenantId,
        after: u64,
        never_called: bool,
        limit: usize,
    ) -> Result<Vec<(u64, ResponderRow)>, JournalError>;
    /// How often a person was asked; `None` = never. Drills do not count.
    fn calls(&self, responder: ResponderId) -> Result<Option<Calls>, JournalError>;
    /// The devices of a person that have access, in order of enrolment.
    fn devices(&self, responder: ResponderId) -> Result<Vec<DeviceAccess>, JournalError>;
    /// One defibrillator of a tenant.
    fn aed(&self, tenant: &TenantId, aed: AedId) -> Result<Option<AedRow>, JournalError>;
    /// Up to `limit` defibrillators of a tenant after the one with number `after`, in order of registration; with each
    /// one's number, which grows in that order.
    fn aeds_after(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<(u64, AedRow)>, JournalError>;
    /// The nearest defibrillators of a tenant, nearest first; of those equally far, the lower id first.
    fn aeds_near(&self, search: AedSearch<'_>) -> Result<Vec<(Metres, AedRow)>, JournalError>;
}
