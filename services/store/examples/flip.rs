//! Flips every byte of the last 64 KB of a store's log, and of its file, one at a time, and looks what becomes of it: the
//! damage is reported, or the flip changed nothing. Anything else is a silent loss, and the exit code is 1.
//!
//! `cargo run --release -p muster-store --example flip [-- every]`; `every` 16 flips one byte in 16.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    fs, path::Path, process::ExitCode, sync::atomic::AtomicUsize, sync::atomic::Ordering, thread, time::Instant,
};

use dispatch_core::{
    ids::{CallDate, IncidentKey, Reference, TenantId},
    incident::{EndCause, IncidentKind, IncidentState},
    input::Place,
    position::{Metres, Position},
    record::{Entry, IncidentReported, Record},
    responder::Purpose,
    time::Timestamp,
};
use muster_engine::ports::{Commit, Journal, JournalNews};
use muster_store::{SqliteStore, StoreOptions, verify};

const LAST: usize = 64 * 1024;
/// Enough that the log is far longer than 64 KB, few enough that it has not been emptied into the file.
const INCIDENTS: u32 = 40;
const STORE: &str = "journal.sqlite";
const LOG: &str = "journal.sqlite-wal";

/// The files of a store, as a crash would leave them.
type Files = Vec<(String, Vec<u8>)>;

#[derive(Default)]
struct Tally {
    reported: AtomicUsize,
    harmless: AtomicUsize,
    lost: AtomicUsize,
}

fn main() -> ExitCode {
    let every: usize = std::env::args().nth(1).map_or(1, |every| every.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let written = fill(folder.path());
    let crashed = files(folder.path());
    // Opened and closed in order: the log is emptied into the file.
    let settled = {
        let copy = tempfile::tempdir().unwrap();
        put(copy.path(), &crashed);
        assert_eq!(read(copy.path()).unwrap(), written);
        files(copy.path())
    };
    let mut lost = 0;
    for (name, files) in [(LOG, &crashed), (STORE, &settled)] {
        let began = Instant::now();
        let tally = flip_all(name, files, &written, every);
        lost += tally.lost.load(Ordering::Relaxed);
        println!(
            "{name}: {} flips: {} reported, {} changed nothing, {} silent losses; {:.0} s",
            tally.reported.load(Ordering::Relaxed)
                + tally.harmless.load(Ordering::Relaxed)
                + tally.lost.load(Ordering::Relaxed),
            tally.reported.load(Ordering::Relaxed),
            tally.harmless.load(Ordering::Relaxed),
            tally.lost.load(Ordering::Relaxed),
            began.elapsed().as_secs_f64()
        );
    }
    if lost == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn flip_all(name: &str, files: &Files, written: &[Entry], every: usize) -> Tally {
    let length = files.iter().find(|(file, _)| file == name).unwrap().1.len();
    let offsets: Vec<usize> = (length.saturating_sub(LAST)..length).step_by(every).collect();
    let tally = Tally::default();
    thread::scope(|scope| {
        for part in offsets.chunks(offsets.len().div_ceil(2)) {
            let tally = &tally;
            scope.spawn(move || {
                let folder = tempfile::tempdir().unwrap();
                let mut files = files.clone();
                for &offset in part {
                    let at = files.iter().position(|(file, _)| file == name).unwrap();
                    files[at].1[offset] ^= 0xFF;
                    let count = judge(folder.path(), &files, written, tally);
                    count.fetch_add(1, Ordering::Relaxed);
                    files[at].1[offset] ^= 0xFF;
                }
            });
        }
    });
    tally
}

fn judge<'a>(folder: &Path, files: &Files, written: &[Entry], tally: &'a Tally) -> &'a AtomicUsize {
    put(folder, files);
    if !verify(&folder.join(STORE)).is_ok_and(|report| report.is_intact()) {
        return &tally.reported;
    }
    match read(folder) {
        Some(entries) if entries == written => &tally.harmless,
        // A start that refuses is loud too.
        None => &tally.reported,
        Some(_) => &tally.lost,
    }
}

/// Writes a journal and keeps it open, so that its log stays as it is; what was acknowledged.
fn fill(folder: &Path) -> Vec<Entry> {
    let (mut journal, _, _) = SqliteStore::open(&folder.join(STORE)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut written = Vec::new();
    for record in (0..INCIDENTS).flat_map(story) {
        let sequence = written.len() as u64 + 1;
        let at = Timestamp::from_unix_ms(1_790_000_000_000 + i64::try_from(sequence).unwrap());
        let entry = Entry { sequence, at, record };
        written.push(entry.clone());
        let commit = Commit {
            entries: vec![entry],
            registry: Vec::new(),
        };
        journal.submit(commit).unwrap();
        while runtime.block_on(journal.news()).unwrap() != JournalNews::Durable(sequence) {}
    }
    // A crash: nothing is closed.
    std::mem::forget(journal);
    written
}

fn story(number: u32) -> Vec<Record> {
    let key = IncidentKey {
        tenant: TenantId::new("london").unwrap(),
        cad_system: Reference::new("cad").unwrap(),
        cad_incident_number: Reference::new(&number.to_string()).unwrap(),
        call_date: CallDate::parse("2026-09-21").unwrap(),
    };
    let incident = key.id();
    let sent_at = Timestamp::from_unix_ms(1_790_000_000_000);
    let place = Place {
        position: Position::from_degrees(51.5, -0.12).unwrap(),
        accuracy: Metres::new(0),
    };
    vec![
        Record::IncidentReported(IncidentReported {
            call_out: None,
            incident,
            key: key.clone(),
            revision: 1,
            kind: IncidentKind::new("cardiac_arrest").unwrap(),
            purpose: Purpose::Live,
            place: Some(place),
            sent_at,
            call_connected_at: None,
            scene: Default::default(),
            ambulance_at: None,
            alerting: true,
        }),
        Record::IncidentStateChanged {
            incident,
            state: IncidentState::Exhausted,
        },
        Record::CouldNotAlert { incident },
        Record::IncidentEnded {
            incident,
            key,
            revision: 2,
            sent_at,
            cause: EndCause::Closed,
        },
    ]
}

/// What a start reads; `None` when it refuses.
fn read(folder: &Path) -> Option<Vec<Entry>> {
    let options = StoreOptions {
        reserve_bytes: 0,
        ..StoreOptions::default()
    };
    let (_journal, _reader, mut recovery) = SqliteStore::open_with(&folder.join(STORE), &options).ok()?;
    let mut entries = Vec::new();
    recovery.entries(|entry| entries.push(entry)).ok()?;
    Some(entries)
}

/// The store, its log and its side file.
fn files(folder: &Path) -> Files {
    let names = [STORE, LOG, "journal.head"];
    let read = |name: &str| fs::read(folder.join(name)).ok().map(|bytes| (name.to_owned(), bytes));
    names.into_iter().filter_map(read).collect()
}

/// Puts the files, and nothing else, into a folder.
fn put(folder: &Path, files: &Files) {
    for file in fs::read_dir(folder).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}
