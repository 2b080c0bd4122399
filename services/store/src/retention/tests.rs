use std::path::{Path, PathBuf};

use dispatch_core::{
    ids::{CallDate, IncidentKey, Reference, TenantId},
    incident::{EndCause, IncidentKind},
    record::{Entry, IncidentReported, Record},
    responder::Purpose,
    time::Timestamp,
};
use muster_engine::{
    ports::{Commit, JournalReader as _},
    registry::{Address, RegistryChange},
};
use tempfile::TempDir;

use super::*;
use crate::{
    SqliteReader,
    commit::GroupCommit,
    disk::{self, Snapshots, SqliteDisk},
    schema, verify,
};

const DAY_MS: i64 = 24 * 3600 * 1000;
const START_MS: i64 = 1_700_000_000_000;

struct Scene {
    _dir: TempDir,
    path: PathBuf,
    group: GroupCommit<SqliteDisk>,
    covered: Arc<AtomicU64>,
    last: u64,
    at_ms: i64,
}

impl Scene {
    fn new(keep_days: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.sqlite");
        let connection = schema::open_writable(&path).expect("opens");
        let sound = soundness::settle(&connection, &path, Head::START).expect("sound");
        let covered = Arc::<AtomicU64>::default();
        let retention = Retention::new(Duration::from_secs(keep_days * 24 * 3600), Arc::clone(&covered));
        let disk = SqliteDisk::new(
            connection,
            sound.head,
            disk::reserve(&path, 0),
            retention,
            Snapshots::new(None, 1, 0),
        );
        Self {
            _dir: dir,
            path,
            group: GroupCommit::new(disk, sound.end),
            covered,
            last: 0,
            at_ms: START_MS,
        }
    }

    /// Takes a commit into the group that is written next.
    fn take(&mut self, records: impl IntoIterator<Item = Record>, registry: Vec<RegistryChange>) {
        let entries = records.into_iter().map(|record| {
            self.last += 1;
            Entry {
                sequence: self.last,
                at: Timestamp::from_unix_ms(self.at_ms),
                record,
            }
        });
        let commit = Commit {
            entries: entries.collect(),
            registry,
        };
        self.group.take(commit);
    }

    fn write_group(&mut self) {
        self.group.write(&mut |_| ()).expect("written");
        self.covered.store(self.last, Ordering::Relaxed);
    }

    fn write(&mut self, records: impl IntoIterator<Item = Record>, registry: Vec<RegistryChange>) {
        self.take(records, registry);
        self.write_group();
    }

    /// A call that is reported and over at once.
    fn call(&mut self, number: u64) {
        let key = key(number);
        self.write([reported(&key)], vec![address(&key)]);
        self.write([ended(&key)], Vec::new());
    }

    fn count(&self, table: &str) -> u64 {
        let connection = schema::open_reading(&self.path).expect("opens");
        let count = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
        count.expect("counts").unsigned_abs()
    }
}

fn key(number: u64) -> IncidentKey {
    IncidentKey {
        tenant: TenantId::new("london").expect("valid"),
        cad_system: Reference::new("cad").expect("valid"),
        cad_incident_number: Reference::new(&number.to_string()).expect("valid"),
        call_date: CallDate::parse("2026-11-22").expect("valid"),
    }
}

fn reported(key: &IncidentKey) -> Record {
    Record::IncidentReported(IncidentReported {
        call_out: None,
        incident: key.id(),
        key: key.clone(),
        revision: 1,
        kind: IncidentKind::new("cardiac_arrest").expect("valid"),
        purpose: Purpose::Live,
        place: None,
        sent_at: Timestamp::from_unix_ms(START_MS),
        call_connected_at: None,
        scene: Default::default(),
        ambulance_at: None,
        alerting: true,
    })
}

fn ended(key: &IncidentKey) -> Record {
    Record::IncidentEnded {
        incident: key.id(),
        key: key.clone(),
        revision: 2,
        sent_at: Timestamp::from_unix_ms(START_MS),
        cause: EndCause::Closed,
    }
}

fn address(key: &IncidentKey) -> RegistryChange {
    RegistryChange::PutAddress {
        incident: key.id(),
        address: Address {
            text: "1 High Street".to_owned(),
            ..Address::default()
        },
    }
}

/// Nothing is wrong but that no snapshots are made here.
fn check_sound(scene: &Scene) -> u64 {
    let mut report = verify(&scene.path).expect("read");
    report.findings.retain(|finding| !finding.contains("no sound snapshot"));
    assert!(report.is_intact(), "{report:?}");
    report.first
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

#[test]
fn many_days_fill_the_disk_to_a_plateau() {
    let mut scene = Scene::new(10);
    let mut sizes = Vec::new();
    for number in 0..60 * 40 {
        scene.at_ms = START_MS + i64::try_from(number).expect("small") * DAY_MS / 40;
        let key = key(number);
        scene.take([reported(&key)], vec![address(&key)]);
        scene.take([ended(&key)], Vec::new());
        if number % 10 == 9 {
            scene.write_group();
        }
        if number % 400 == 399 {
            sizes.push(size(&scene.path) + size(&scene.path.with_extension("sqlite-wal")));
        }
    }
    // Addresses are kept for thirty days.
    let (early, late) = (sizes[3], sizes[5]);
    assert!(late <= early + early / 10, "{sizes:?}");
    // Ten days of forty calls of two records, and what the last group let go too little.
    assert!(
        (800..=1302).contains(&scene.count("journal")),
        "{}",
        scene.count("journal")
    );
    assert!(scene.count("incident") <= 652, "{}", scene.count("incident"));
    assert!(check_sound(&scene) > 1);
}

#[test]
fn nothing_goes_that_a_start_still_needs() {
    let mut scene = Scene::new(1);
    for number in 0..10 {
        scene.call(number);
    }
    scene.at_ms += 5 * DAY_MS;
    scene.covered.store(7, Ordering::Relaxed);
    let key = key(100);
    scene.write([reported(&key)], Vec::new());
    assert_eq!(scene.count("journal"), 21 - 7);
    check_sound(&scene);
}

#[test]
fn an_incident_is_let_go_as_a_whole_unless_it_is_open() {
    let mut scene = Scene::new(1);
    let (open, over) = (key(1), key(2));
    scene.write([reported(&open), reported(&over)], Vec::new());
    scene.at_ms += DAY_MS;
    scene.write([ended(&over)], Vec::new());
    let reader = SqliteReader::open_read_only(&scene.path).expect("opens");
    assert_eq!(reader.entries_of_incident(over.id()).expect("read").len(), 2);
    scene.at_ms += DAY_MS / 2;
    scene.call(3);
    assert_eq!(reader.entries_of_incident(over.id()).expect("read").len(), 0);
    let listed = reader
        .incidents_before(&over.tenant, u64::MAX, false, 10)
        .expect("read");
    let listed: Vec<_> = listed.into_iter().map(|row| row.key).collect();
    assert_eq!(listed, [key(3), open.clone()]);
    check_sound(&scene);
    scene.at_ms += DAY_MS;
    scene.call(4);
    assert_eq!(
        scene.count("incident"),
        3,
        "the open one, and the calls of the last days"
    );
    check_sound(&scene);
}

#[test]
fn an_address_goes_a_month_after_its_incident() {
    let mut scene = Scene::new(400);
    let open = key(1000);
    scene.write([reported(&open)], vec![address(&open)]);
    for number in 0..30 {
        scene.call(number);
    }
    scene.at_ms += 29 * DAY_MS;
    scene.call(31);
    assert_eq!(scene.count("address"), 32);
    scene.at_ms += 2 * DAY_MS;
    scene.call(32);
    assert_eq!(scene.count("address"), 3, "the open one and the two latest");
    assert_eq!(scene.count("journal"), 65, "records stay");
}
