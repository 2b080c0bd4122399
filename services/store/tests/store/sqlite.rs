//! The contract on SQLite, and what is SQLite's own: files, reopening, reading from the command line.

use std::{fs, path::PathBuf};

use dispatch_core::{incident::EndCause, record::Entry};
use muster_engine::registry::RegistryChange;
use muster_store::{Recovery, SqliteReader, SqliteStore, StoreError};
use tempfile::TempDir;

use crate::{contract, scenes::*};

pub fn new_store() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("muster.db");
    (dir, path)
}

pub fn recovered(mut recovery: Recovery) -> Vec<Entry> {
    let mut entries = Vec::new();
    recovery.entries(|entry| entries.push(entry)).unwrap();
    entries
}

macro_rules! contract {
    ($($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            let (_dir, path) = new_store();
            let (journal, reader, _) = SqliteStore::open(&path).unwrap();
            contract::$name(journal, reader).await;
        }
    )*};
}

contract! {
    acknowledges_in_order
    waiting_may_be_given_up
    tells_an_incidents_story
    tenants_see_their_own
    lists_come_in_pages
    keeps_the_register
    knows_who_was_never_called
    keeps_the_defibrillators
    finds_the_nearest_defibrillators
    lists_what_the_core_knows
}

#[tokio::test]
async fn a_reopened_store_has_everything() {
    let (_dir, path) = new_store();
    let (mut journal, _, mut recovery) = SqliteStore::open(&path).unwrap();
    assert_eq!(recovery.entries(|_| ()).unwrap(), 0);
    let mut pen = Pen::default();
    let (open, over) = (key("london", "1"), key("london", "2"));
    let address_of = |key: &dispatch_core::ids::IncidentKey| RegistryChange::PutAddress {
        incident: key.id(),
        address: address("1 High Street"),
    };
    let people = [
        RegistryChange::PutResponder(person("london", 2, "Zoë")),
        RegistryChange::PutResponder(person("london", 1, "")),
        RegistryChange::PutDevice(access("london", 1, 2)),
        RegistryChange::PutTrunk(trunk_access("london", 7)),
        put_aed(aed("london", 2, 0.0)),
        put_aed(aed("london", 1, 0.0)),
    ];
    let mut written = Vec::new();
    for key in [&open, &over] {
        let mut commit = pen.commit([reported(key, 1, true), decided(key.id(), &[1])]);
        commit.registry = people.iter().cloned().chain([address_of(key)]).collect();
        written.extend(commit.entries.clone());
        muster_engine::ports::Journal::submit(&mut journal, commit).unwrap();
    }
    let mut end = pen.commit([ended(&over, 2, EndCause::Closed)]);
    let gone = trunk_access("london", 8);
    end.registry = vec![
        RegistryChange::PutTrunk(gone.clone()),
        RegistryChange::RevokeTrunk(gone.trunk),
        put_aed(aed("london", 3, 0.0)),
        RegistryChange::RemoveAed(aed("london", 3, 0.0).aed.aed),
    ];
    written.extend(end.entries.clone());
    muster_engine::ports::Journal::submit(&mut journal, end).unwrap();
    // Dropping writes what waits.
    drop(journal);

    let (mut journal, _, recovery) = SqliteStore::open(&path).unwrap();
    let mut expected = people.to_vec();
    expected.push(address_of(&open));
    assert_eq!(recovery.registry().unwrap(), expected);
    assert_eq!(recovered(recovery), written);
    // The watermark goes on from there, and alerts of before are still known.
    let lapsed = dispatch_core::record::Record::AlertLapsed {
        alert: alert(open.id(), 1),
    };
    pen.write(&mut journal, [lapsed]).await;
    let reader = SqliteReader::open_read_only(&path).unwrap();
    assert_eq!(reader.entries_of_incident(open.id()).unwrap().len(), 3);
}

#[tokio::test]
async fn one_store_has_one_service() {
    let (_dir, path) = new_store();
    let first = SqliteStore::open(&path).unwrap();
    let refused = SqliteStore::open(&path).err().unwrap();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(first);
    SqliteStore::open(&path).unwrap();
}

#[tokio::test]
async fn the_command_line_reads_beside_the_service_and_without_it() {
    let (_dir, path) = new_store();
    let (mut journal, reader, recovery) = SqliteStore::open(&path).unwrap();
    let (london, leeds) = (key("london", "7"), key("leeds", "7"));
    let mut pen = Pen::default();
    let check = |pen: &Pen| {
        let command_line = SqliteReader::open_read_only(&path).unwrap();
        let found = command_line.find_incidents("cad", "7").unwrap();
        assert!(found.iter().map(|row| &row.key).eq([&leeds, &london]));
        assert_eq!(command_line.find_incidents("cad", "8").unwrap(), []);
        assert_eq!(command_line.incident_by_id(leeds.id()).unwrap().unwrap(), found[0]);
        let story = command_line.entries_of_incident(leeds.id()).unwrap();
        assert_eq!(story.last().unwrap().entry.sequence, pen.last);
    };
    pen.write(&mut journal, [reported(&london, 1, true), reported(&leeds, 1, true)])
        .await;
    check(&pen);
    // The writer goes before the readers, so its log stays behind.
    drop((journal, reader, recovery));
    assert!(path.with_extension("db-wal").exists());
    check(&pen);
    let (journal, reader, recovery) = SqliteStore::open(&path).unwrap();
    drop((reader, recovery, journal));
    assert!(!path.with_extension("db-wal").exists());
    check(&pen);
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, path) = new_store();
    let _open = SqliteStore::open(&path).unwrap();
    for file in ["muster.db", "muster.db-wal", "muster.db-shm"] {
        let mode = fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
