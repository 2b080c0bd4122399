//! A store that an older Muster wrote.

use std::fs;

use muster_store::{SqliteReader, SqliteStore, StoreError, head::read_slots, mapping::encode};
use rusqlite::{Connection, params};

use crate::{
    scenes::*,
    sqlite::{new_store, recovered},
};

/// The first schema as it was released.
const SCHEMA_1: &str = include_str!("../../src/schema/1.sql");

#[tokio::test]
async fn a_store_of_the_first_schema_is_chained_and_goes_on() {
    let (_dir, path) = new_store();
    let (mut pen, key) = (Pen::default(), key("london", "1"));
    let written = pen.commit([reported(&key, 1, true), decided(key.id(), &[1])]).entries;
    {
        let old = Connection::open(&path).unwrap();
        old.pragma_update(None, "journal_mode", "wal").unwrap();
        old.execute_batch(SCHEMA_1).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        for entry in &written {
            old.execute(
                "INSERT INTO journal VALUES (?, ?, 'london', ?, ?)",
                params![
                    i64::try_from(entry.sequence).unwrap(),
                    entry.at.unix_ms(),
                    key.id().as_bytes(),
                    encode(&entry.record)
                ],
            )
            .unwrap();
        }
        old.execute(
            "INSERT INTO incident VALUES (?, 'london', 'cad', '1', '2026-11-22', 1, 'cardiac_arrest', 1, 1, 1, 1)",
            [key.id().as_bytes()],
        )
        .unwrap();
        old.execute(
            "INSERT INTO responder VALUES (?, 'london', 1, 'ref 1', 'A', 'aed cpr', 1900000000000, 2, 1, 0)",
            [responder(1).as_bytes()],
        )
        .unwrap();
    }
    let error = SqliteReader::open_read_only(&path).err().unwrap();
    assert!(matches!(error, StoreError::OlderSchema { found: 1, .. }), "{error}");

    let (mut journal, _, recovery) = SqliteStore::open(&path).unwrap();
    assert_eq!(recovery.registry().unwrap().len(), 1, "sealed rows are believed");
    assert_eq!(recovered(recovery), written);
    pen.write(&mut journal, [reported(&key, 2, true)]).await;
    drop(journal);
    let (_journal, reader, recovery) = SqliteStore::open(&path).unwrap();
    assert_eq!(recovered(recovery).len(), 3);
    assert_eq!(reader.entries_of_incident(key.id()).unwrap().len(), 3);
}

#[test]
fn a_crash_during_the_upgrade_leaves_the_old_store() {
    let (_dir, path) = new_store();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(SCHEMA_1).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    // The side file cannot be made, so the step must not be taken.
    let head = path.with_extension("head");
    fs::create_dir(&head).unwrap();
    let error = SqliteStore::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Migrate { .. }), "{error}");
    fs::remove_dir(&head).unwrap();
    let version = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version, Ok(1));
    drop(SqliteStore::open(&path).unwrap());
    assert!(read_slots(&head).unwrap().iter().any(Option::is_some));
}
