//! How long a start takes: fills a store through the real journal, lets a snapshot be made, and times opening and recovery.
//!
//! `cargo run --release -p muster-store --example ready [-- people incidents]`; 100,000 of each unless told otherwise.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use dispatch_core::{
    alert::{PlannedAlert, Role},
    choose::arrival::Arrival,
    coarse::{CoarseCell, DistanceBand},
    dispatcher::Dispatcher,
    ids::{AlertId, CallDate, DeviceId, IncidentKey, Reference, ResponderId, TenantId},
    incident::{EndCause, IncidentKind, IncidentState},
    input::{DeclineReason, Place},
    policy::PolicyBook,
    position::{Metres, Position},
    record::{Decision, Entry, IncidentReported, PolicyRef, Record},
    responder::{Device, Purpose, ResponderProfile, Skill, TravelMode},
    time::Timestamp,
};
use muster_engine::{
    ports::{Commit, Journal, JournalNews},
    registry::{DeviceAccess, DeviceKind, Directory, Encoding, RegistryChange, ResponderRow},
};
use muster_store::{SqliteJournal, SqliteStore, StoreOptions};

/// A year of calls ends here.
const END_MS: i64 = 1_795_392_000_000;
const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

struct Fill {
    journal: SqliteJournal,
    last: u64,
    in_flight: u64,
}

impl Fill {
    async fn write(&mut self, at_ms: i64, records: impl IntoIterator<Item = Record>, registry: Vec<RegistryChange>) {
        let entries = records.into_iter().map(|record| {
            self.last += 1;
            Entry {
                sequence: self.last,
                at: Timestamp::from_unix_ms(at_ms),
                record,
            }
        });
        let entries = entries.collect();
        self.journal.submit(Commit { entries, registry }).unwrap();
        self.in_flight += 1;
        if self.in_flight == 1000 {
            self.settle().await;
        }
    }

    async fn settle(&mut self) {
        while self.in_flight > 0 {
            if self.journal.news().await.unwrap() == JournalNews::Durable(self.last) {
                self.in_flight = 0;
            }
        }
    }
}

fn number(argument: usize) -> u64 {
    std::env::args()
        .nth(argument)
        .map_or(100_000, |text| text.parse().unwrap())
}

fn id(kind: u8, number: u64) -> [u8; 16] {
    let mut id = [kind; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

fn tenant() -> TenantId {
    TenantId::new("london").unwrap()
}

fn person(number: u64) -> (ResponderRow, DeviceAccess) {
    let responder = ResponderId::from_bytes(id(1, number));
    let row = ResponderRow {
        external_ref: format!("ref {number}"),
        name: format!("Person {number}"),
        profile: ResponderProfile {
            responder,
            tenant: tenant(),
            skills: ["cpr", "aed"].map(|name| Skill::new(name).unwrap()).into(),
            credential_valid_until: Timestamp::from_unix_ms(END_MS + YEAR_MS),
            travel_mode: TravelMode::Foot,
            on_duty: true,
            suspended: false,
            quiet_hours: None,
        },
    };
    let access = DeviceAccess {
        device: Device {
            device: DeviceId::from_bytes(id(2, number)),
            responder,
            purpose: Purpose::Live,
            alertable: true,
        },
        tenant: tenant(),
        kind: DeviceKind::Muster,
        encoding: Encoding::Binary,
        topic_id: format!("{number:032x}"),
        secret_hash: [7; 32],
    };
    (row, access)
}

fn key(number: u64) -> IncidentKey {
    IncidentKey {
        tenant: tenant(),
        cad_system: Reference::new("cad").unwrap(),
        cad_incident_number: Reference::new(&number.to_string()).unwrap(),
        call_date: CallDate::parse("2026-11-22").unwrap(),
    }
}

/// One call: three people asked, none can come, the crew arrives.
fn call(number: u64, people: u64, at_ms: i64) -> Vec<Record> {
    let key = key(number);
    let incident = key.id();
    let place = Place {
        position: Position::from_degrees(51.5, -0.12).unwrap(),
        accuracy: Metres::new(10),
    };
    let asked: Vec<_> = (0..3)
        .map(|nth| ResponderId::from_bytes(id(1, (number * 3 + nth) % people.max(1))))
        .collect();
    let alert = |responder| AlertId::derive(incident, 1, responder, 1);
    let planned = asked.iter().map(|&responder| PlannedAlert {
        alert: alert(responder),
        responder,
        role: Role::Direct,
        attempt: 1,
        band: DistanceBand {
            from_m: 250,
            to_m: Some(500),
        },
        cell: CoarseCell::around(place.position),
        arrival: Arrival::certain(Duration::from_secs(240)),
        acceptance_permille: 287,
        expires_at: Timestamp::from_unix_ms(at_ms + 300_000),
    });
    let policy = PolicyRef {
        name: "cardiac_arrest".to_owned(),
        version: 1,
        number: 1,
    };
    let mut records = vec![
        Record::IncidentReported(IncidentReported {
            call_out: None,
            incident,
            key: key.clone(),
            revision: 1,
            kind: IncidentKind::new("cardiac_arrest").unwrap(),
            purpose: Purpose::Live,
            place: Some(place),
            sent_at: Timestamp::from_unix_ms(at_ms),
            call_connected_at: None,
            scene: Default::default(),
            ambulance_at: None,
            alerting: true,
        }),
        Record::Decided(Decision {
            sought: 1,
            alerts: planned.collect(),
            ..Decision::new(incident, place, policy, Timestamp::from_unix_ms(1))
        }),
    ];
    records.extend(asked.iter().map(|&responder| Record::AlertDeclined {
        alert: alert(responder),
        reason: DeclineReason::TooFar,
    }));
    records.push(Record::IncidentStateChanged {
        incident,
        state: IncidentState::Exhausted,
    });
    records.push(Record::IncidentEnded {
        incident,
        key,
        revision: 2,
        sent_at: Timestamp::from_unix_ms(at_ms),
        cause: EndCause::CrewOnScene,
    });
    records
}

async fn fill(path: &Path, people: u64, incidents: u64) -> u64 {
    let (journal, ..) = SqliteStore::open(path).unwrap();
    let mut fill = Fill {
        journal,
        last: 0,
        in_flight: 0,
    };
    for number in 0..people {
        let (row, access) = person(number);
        let records = [
            Record::ResponderPut(row.profile.clone()),
            Record::DevicePut(access.device),
        ];
        let registry = vec![RegistryChange::PutResponder(row), RegistryChange::PutDevice(access)];
        fill.write(END_MS - YEAR_MS, records, registry).await;
    }
    for number in 0..incidents {
        let at_ms = END_MS - YEAR_MS + i64::try_from(number * u64::try_from(YEAR_MS).unwrap() / incidents).unwrap();
        // One is forgotten when the twentieth after it comes in, more than an hour later.
        let forgotten = number.checked_sub(20).map(|number| Record::IncidentForgotten {
            incident: key(number).id(),
        });
        let records = call(number, people, at_ms).into_iter().chain(forgotten);
        fill.write(at_ms, records, Vec::new()).await;
    }
    fill.settle().await;
    fill.last
}

/// Time that this thread had a processor; zero where the system does not tell. On a busy machine it says more than the
/// clock.
fn cpu() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// What the service does at a start, up to the moment at which it takes things in.
fn start(path: &Path) -> (u64, u64, Duration) {
    let (began, cpu_before) = (Instant::now(), cpu());
    let (journal, _reader, mut recovery) = SqliteStore::open_with(path, &StoreOptions::default()).unwrap();
    let directory = Directory::default();
    let mut dispatcher = Dispatcher::new(PolicyBook::default());
    let opened = began.elapsed();
    let after = recovery.begins_after();
    if let Some(image) = recovery.take_image() {
        dispatcher.restore(image);
    }
    let restored = began.elapsed();
    for change in recovery.registry().unwrap() {
        match &change {
            RegistryChange::PutResponder(row) => dispatcher.recover_person(row.profile.clone()),
            RegistryChange::PutDevice(access) => dispatcher.recover_device(access.device),
            _ => {}
        }
        directory.apply(change);
    }
    let registered = began.elapsed();
    let last = recovery.entries(|entry| dispatcher.recover(&entry)).unwrap();
    let ready = began.elapsed();
    println!("{:.0?} of it on a processor", cpu() - cpu_before);
    println!(
        "opened {opened:.0?}, snapshot restored {:.0?}, register {:.0?}, records {:.0?}",
        restored - opened,
        registered - restored,
        ready - registered
    );
    drop(journal);
    (last, last - after, ready)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (people, incidents) = (number(1), number(2));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let began = Instant::now();
    let records = fill(&path, people, incidents).await;
    println!(
        "{people} people with devices, {incidents} past incidents, {records} records written in {:.1?}",
        began.elapsed()
    );
    // Running at ease for as long as the least pause between two snapshots, so that the last one can be made.
    let (mut journal, ..) = SqliteStore::open(&path).unwrap();
    thread::sleep(Duration::from_millis(100));
    let mut tail = Fill {
        journal,
        last: records,
        in_flight: 0,
    };
    tail.write(END_MS, [Record::Started { epoch: 1 }], Vec::new()).await;
    tail.settle().await;
    journal = tail.journal;
    drop(journal);
    for entry in std::fs::read_dir(dir.path()).unwrap().flatten() {
        println!(
            "{} {} bytes",
            entry.file_name().display(),
            entry.metadata().unwrap().len()
        );
    }
    for _ in 0..3 {
        let (last, applied, ready) = start(&path);
        println!("ready in {ready:.2?}: {applied} of {last} records applied after the snapshot");
    }
}
