//! Records and register rows to write, and waiting for them.

use std::time::Duration;

use dispatch_core::{
    aeds::{Access, Aed, AedState, Level, Locality, OpeningHours},
    alert::{PlannedAlert, Role},
    choose::arrival::Arrival,
    coarse::{CoarseCell, DistanceBand},
    ids::{AedId, AlertId, CallDate, DeviceId, IncidentId, IncidentKey, Reference, ResponderId, TenantId, TrunkId},
    incident::{EndCause, IncidentKind, IncidentState},
    input::Place,
    position::{Metres, Position},
    record::{Decision, Entry, IncidentReported, PolicyRef, Record},
    responder::{Device, Purpose, ResponderProfile, Skill, TravelMode},
    time::Timestamp,
};
use muster_engine::{
    ports::{Commit, Journal, JournalNews},
    registry::{Address, AedRow, DeviceAccess, DeviceKind, Encoding, RegistryChange, ResponderRow, TrunkAccess},
};

/// Longer than any disk needs; reached only by a failing test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Numbers records as the core does.
#[derive(Default)]
pub struct Pen {
    pub last: u64,
}

impl Pen {
    pub fn entry(&mut self, record: Record) -> Entry {
        self.last += 1;
        Entry {
            sequence: self.last,
            at: Timestamp::from_unix_ms(1_700_000_000_000 + i64::try_from(self.last).unwrap()),
            record,
        }
    }

    pub fn commit(&mut self, records: impl IntoIterator<Item = Record>) -> Commit {
        Commit {
            entries: records.into_iter().map(|record| self.entry(record)).collect(),
            registry: Vec::new(),
        }
    }

    /// Writes and waits.
    pub async fn write(&mut self, journal: &mut impl Journal, records: impl IntoIterator<Item = Record>) {
        journal.submit(self.commit(records)).unwrap();
        until(journal, self.last).await;
    }

    /// Writes changes to the register, with the record that every commit has.
    pub async fn register(&mut self, journal: &mut impl Journal, registry: Vec<RegistryChange>) {
        let commit = Commit {
            registry,
            ..self.commit([Record::Started { epoch: 1 }])
        };
        journal.submit(commit).unwrap();
        until(journal, self.last).await;
    }
}

/// Waits until `sequence` is durable; gives every watermark told on the way.
pub async fn until(journal: &mut impl Journal, sequence: u64) -> Vec<u64> {
    let mut told = Vec::new();
    while told.last() != Some(&sequence) {
        if let JournalNews::Durable(durable) = in_time(journal.news()).await.unwrap() {
            told.push(durable);
        }
    }
    told
}

/// Waits until this is told.
pub async fn until_told(journal: &mut impl Journal, news: JournalNews) {
    in_time(async { while journal.news().await.unwrap() != news {} }).await;
}

pub async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect("in time")
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub fn key(tenant_name: &str, number: &str) -> IncidentKey {
    IncidentKey {
        tenant: tenant(tenant_name),
        cad_system: Reference::new("cad").unwrap(),
        cad_incident_number: Reference::new(number).unwrap(),
        call_date: CallDate::parse("2026-11-22").unwrap(),
    }
}

pub fn place() -> Place {
    Place {
        position: Position::from_degrees(51.5, -0.12).unwrap(),
        accuracy: Metres::new(10),
    }
}

pub fn reported(key: &IncidentKey, revision: u32, alerting: bool) -> Record {
    Record::IncidentReported(IncidentReported {
        call_out: None,
        incident: key.id(),
        key: key.clone(),
        revision,
        kind: IncidentKind::new("cardiac_arrest").unwrap(),
        purpose: Purpose::Live,
        place: Some(place()),
        sent_at: Timestamp::from_unix_ms(1_700_000_000_000),
        call_connected_at: None,
        scene: Default::default(),
        ambulance_at: None,
        alerting,
    })
}

pub fn ended(key: &IncidentKey, revision: u32, cause: EndCause) -> Record {
    Record::IncidentEnded {
        incident: key.id(),
        key: key.clone(),
        revision,
        sent_at: Timestamp::from_unix_ms(1_700_000_000_000),
        cause,
    }
}

pub fn became(key: &IncidentKey, state: IncidentState) -> Record {
    Record::IncidentStateChanged {
        incident: key.id(),
        state,
    }
}

pub fn alert(incident: IncidentId, person: u8) -> AlertId {
    AlertId::derive(incident, 1, responder(person), 1)
}

pub fn decided(incident: IncidentId, people: &[u8]) -> Record {
    let alerts = people.iter().map(|&person| PlannedAlert {
        alert: alert(incident, person),
        responder: responder(person),
        role: Role::Direct,
        attempt: 1,
        band: DistanceBand {
            from_m: 250,
            to_m: Some(500),
        },
        cell: CoarseCell::around(place().position),
        arrival: Arrival::certain(Duration::from_secs(240)),
        acceptance_permille: 287,
        expires_at: Timestamp::from_unix_ms(1_700_000_300_000),
    });
    let policy = PolicyRef {
        name: "cardiac_arrest".to_owned(),
        version: 1,
        number: 1,
    };
    Record::Decided(Decision {
        sought: 1,
        alerts: alerts.collect(),
        ..Decision::new(incident, place(), policy, Timestamp::from_unix_ms(1))
    })
}

pub fn responder(person: u8) -> ResponderId {
    ResponderId::from_bytes([person; 16])
}

pub fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

pub fn person(tenant_name: &str, number: u8, name: &str) -> ResponderRow {
    ResponderRow {
        external_ref: format!("ref {number}"),
        name: name.to_owned(),
        profile: ResponderProfile {
            responder: responder(number),
            tenant: tenant(tenant_name),
            skills: ["cpr", "aed"].map(|name| Skill::new(name).unwrap()).into(),
            credential_valid_until: Timestamp::from_unix_ms(1_900_000_000_000),
            travel_mode: TravelMode::Bicycle,
            on_duty: true,
            suspended: false,
            quiet_hours: None,
        },
    }
}

pub fn access(tenant_name: &str, number: u8, person: u8) -> DeviceAccess {
    DeviceAccess {
        device: Device {
            device: device(number),
            responder: responder(person),
            purpose: Purpose::Exercise,
            alertable: true,
        },
        tenant: tenant(tenant_name),
        kind: DeviceKind::OwnTracks,
        encoding: Encoding::Binary,
        topic_id: format!("{number:032x}"),
        secret_hash: [number; 32],
    }
}

pub fn trunk_access(tenant_name: &str, number: u8) -> TrunkAccess {
    TrunkAccess {
        trunk: TrunkId::from_bytes([number; 16]),
        tenant: tenant(tenant_name),
        external_ref_prefix: "partner-".to_owned(),
        topic_id: format!("{number:032x}"),
        secret_hash: [number; 32],
    }
}

/// The `number`-th of the tenant, so many metres north of [`place`].
pub fn aed(tenant_name: &str, number: u8, north_m: f64) -> AedRow {
    let tenant = tenant(tenant_name);
    let external_ref = format!("aed {number}");
    let uk = Locality::new("GB", "Europe/London").unwrap();
    let hours = OpeningHours::new("Mo-Fr 09:00-17:00; PH off", uk);
    AedRow {
        name: "Town hall".to_owned(),
        address: address("by the door"),
        cabinet_code: "C159".to_owned(),
        aed: Aed {
            aed: AedId::derive(&tenant, &external_ref),
            tenant,
            position: Position::from_degrees(51.5 + north_m / 111_195.0, -0.12).unwrap(),
            accuracy: Metres::new(10),
            access: Access::Permissive,
            opening: hours.clone(),
            indoor: Some(true),
            level: Level::new("-1"),
            state: AedState::OutOfService,
            confirmed_at: Some(Timestamp::from_unix_ms(1_700_000_000_000)),
        },
        hours,
        external_ref,
    }
}

pub fn put_aed(row: AedRow) -> RegistryChange {
    RegistryChange::PutAed(Box::new(row))
}

pub fn address(text: &str) -> Address {
    Address {
        text: text.to_owned(),
        uprn: "100".to_owned(),
        postcode: "N1 1AA".to_owned(),
        floor: "2".to_owned(),
        access_notes: "code 1234".to_owned(),
    }
}
