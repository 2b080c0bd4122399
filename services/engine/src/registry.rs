//! The register: personal fields, device access and addresses. The journal holds opaque ids only, so that what stands
//! here can be erased.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use dispatch_core::{
    aeds::{Aed, OpeningHours},
    ids::{AedId, DeviceId, IncidentId, ResponderId, TenantId, TrunkId},
    responder::{Device, ResponderProfile},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ports::Credentials;

/// Address parts as the control room gave them; shown to a responder only after a confirmed accept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// One or more lines.
    pub text: String,
    /// Unique Property Reference Number.
    pub uprn: String,
    /// Postcode.
    pub postcode: String,
    /// Floor and flat.
    pub floor: String,
    /// Door code, entrance, dog.
    pub access_notes: String,
}

/// A person in the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponderRow {
    /// The control room's own reference, unique within the tenant.
    pub external_ref: String,
    /// Name.
    pub name: String,
    /// Everything choosing needs; the tenant and id among it.
    pub profile: ResponderProfile,
}

/// A defibrillator in the register, with what people read about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AedRow {
    /// The control room's own reference, unique within the tenant.
    pub external_ref: String,
    /// What it is called.
    pub name: String,
    /// Where to look for it, in words.
    pub address: Address,
    /// What opens its cabinet.
    pub cabinet_code: String,
    /// The opening hours as somebody wrote them, understood or not.
    pub hours: Option<OpeningHours>,
    /// Everything choosing needs; the tenant and id among it. Of opening hours, only those that are understood.
    pub aed: Aed,
}

/// How a device writes and reads its payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// proto3 JSON.
    Json,
    /// Binary protobuf.
    Binary,
}

/// Which app runs on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Speaks Muster's envelopes.
    Muster,
    /// OwnTracks: positions only.
    OwnTracks,
}

/// A device's access to the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAccess {
    /// The device, its owner and purpose.
    pub device: Device,
    /// Whose control room.
    pub tenant: TenantId,
    /// What runs on it.
    pub kind: DeviceKind,
    /// How it writes and reads.
    pub encoding: Encoding,
    /// Its random segment in topics; 32 hexadecimal digits.
    pub topic_id: String,
    /// SHA-256 of its password.
    pub secret_hash: [u8; 32],
}

/// A trunk's access to the bus: it tells where people are, and hears nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkAccess {
    /// Which.
    pub trunk: TrunkId,
    /// Whose control room.
    pub tenant: TenantId,
    /// It may speak for the tenant's people whose `external_ref` begins with this.
    pub external_ref_prefix: String,
    /// Its random segment in topics; 32 hexadecimal digits.
    pub topic_id: String,
    /// SHA-256 of its password.
    pub secret_hash: [u8; 32],
}

/// The hash under which the password of a device or trunk is kept. The password is 256 random bits, so no salt or slow hash is needed.
pub fn secret_hash(password: &[u8]) -> [u8; 32] {
    Sha256::digest(password).into()
}

/// A change to the register, written in the same commit as the records it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryChange {
    /// A person was registered or changed.
    PutResponder(ResponderRow),
    /// A device was enrolled.
    PutDevice(DeviceAccess),
    /// A device lost its access.
    RevokeDevice(DeviceId),
    /// A trunk was enrolled.
    PutTrunk(TrunkAccess),
    /// A trunk lost its access.
    RevokeTrunk(TrunkId),
    /// A defibrillator was registered or changed.
    PutAed(Box<AedRow>),
    /// A defibrillator was struck off.
    RemoveAed(AedId),
    /// The newest report of an incident gave this address.
    PutAddress {
        /// Which incident.
        incident: IncidentId,
        /// The parts.
        address: Address,
    },
}

/// The register in memory: the shell writes it, the bus reads it to tell friend from stranger.
#[derive(Default)]
pub struct Directory(RwLock<Contents>);

#[derive(Default)]
struct Contents {
    responders: BTreeMap<ResponderId, ResponderRow>,
    by_reference: BTreeMap<(TenantId, String), ResponderId>,
    devices: HashMap<DeviceId, Arc<DeviceAccess>>,
    by_topic: HashMap<String, DeviceId>,
    trunks: HashMap<TrunkId, Arc<TrunkAccess>>,
    trunks_by_topic: HashMap<String, TrunkId>,
    aeds: BTreeMap<AedId, AedRow>,
    addresses: HashMap<IncidentId, Address>,
}

impl Directory {
    /// Takes in a change; the same in operation and in recovery.
    pub fn apply(&self, change: RegistryChange) {
        let mut contents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match change {
            RegistryChange::PutResponder(row) => {
                let reference = (row.profile.tenant.clone(), row.external_ref.clone());
                contents.by_reference.insert(reference, row.profile.responder);
                contents.responders.insert(row.profile.responder, row);
            }
            RegistryChange::PutDevice(access) => {
                contents.by_topic.insert(access.topic_id.clone(), access.device.device);
                contents.devices.insert(access.device.device, Arc::new(access));
            }
            RegistryChange::RevokeDevice(device) => {
                if let Some(access) = contents.devices.remove(&device) {
                    contents.by_topic.remove(&access.topic_id);
                }
            }
            RegistryChange::PutTrunk(access) => {
                contents.trunks_by_topic.insert(access.topic_id.clone(), access.trunk);
                contents.trunks.insert(access.trunk, Arc::new(access));
            }
            RegistryChange::RevokeTrunk(trunk) => {
                if let Some(access) = contents.trunks.remove(&trunk) {
                    contents.trunks_by_topic.remove(&access.topic_id);
                }
            }
            RegistryChange::PutAed(row) => {
                contents.aeds.insert(row.aed.aed, *row);
            }
            RegistryChange::RemoveAed(aed) => {
                contents.aeds.remove(&aed);
            }
            RegistryChange::PutAddress { incident, address } => {
                contents.addresses.insert(incident, address);
            }
        }
    }

    /// A person by id.
    pub fn responder(&self, responder: ResponderId) -> Option<ResponderRow> {
        self.read().responders.get(&responder).cloned()
    }

    /// A person by the control room's reference.
    pub fn responder_by_reference(&self, tenant: &TenantId, external_ref: &str) -> Option<ResponderRow> {
        let contents = self.read();
        let id = contents.by_reference.get(&(tenant.clone(), external_ref.to_owned()))?;
        contents.responders.get(id).cloned()
    }

    /// A defibrillator by id.
    pub fn aed(&self, aed: AedId) -> Option<AedRow> {
        self.read().aeds.get(&aed).cloned()
    }

    /// The address parts of an incident.
    pub fn address(&self, incident: IncidentId) -> Option<Address> {
        self.read().addresses.get(&incident).cloned()
    }

    /// Drops the address of an incident from memory; the store keeps it for as long as it keeps addresses.
    pub fn forget_address(&self, incident: IncidentId) {
        let mut contents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        contents.addresses.remove(&incident);
    }

    /// How many incidents have their address in memory.
    pub fn addresses_held(&self) -> usize {
        self.read().addresses.len()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Contents> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_secret(password: &[u8], kept: &[u8; 32]) -> bool {
    kept.ct_eq(&secret_hash(password)).into()
}

impl Credentials for Directory {
    fn verify(&self, device: DeviceId, password: &[u8]) -> Option<Arc<DeviceAccess>> {
        self.access(device)
            .filter(|access| is_secret(password, &access.secret_hash))
    }

    fn access(&self, device: DeviceId) -> Option<Arc<DeviceAccess>> {
        self.read().devices.get(&device).cloned()
    }

    fn access_by_topic(&self, topic_id: &str) -> Option<Arc<DeviceAccess>> {
        let contents = self.read();
        contents.devices.get(contents.by_topic.get(topic_id)?).cloned()
    }
    fn verify_trunk(&self, trunk: TrunkId, password: &[u8]) -> Option<Arc<TrunkAccess>> {
        self.trunk(trunk)
            .filter(|access| is_secret(password, &access.secret_hash))
    }

    fn trunk(&self, trunk: TrunkId) -> Option<Arc<TrunkAccess>> {
        self.read().trunks.get(&trunk).cloned()
    }

    fn trunk_by_topic(&self, topic_id: &str) -> Option<Arc<TrunkAccess>> {
        let contents = self.read();
        contents.trunks.get(contents.trunks_by_topic.get(topic_id)?).cloned()
    }

    fn speaks_for(&self, trunk: &TrunkAccess, responder: ResponderId) -> bool {
        self.read().responders.get(&responder).is_some_and(|row| {
            row.profile.tenant == trunk.tenant && row.external_ref.starts_with(&trunk.external_ref_prefix)
        })
    }
}
