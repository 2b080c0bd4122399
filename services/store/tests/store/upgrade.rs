//! A store that an older Muster wrote.

use std::fs;

use dispatch_core::responder::QuietHours;
use muster_engine::{
    ports::JournalReader as _,
    registry::{RegistryChange, ResponderRow},
};
use muster_store::{SqliteReader, SqliteStore, StoreError, digest::seal_table, head::read_slots, mapping::encode};
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

/// Takes a store back to schema 4, as the release that knew no quiet hours would have left it.
fn back_to_schema_4(path: &std::path::Path) -> Connection {
    let old = Connection::open(path).unwrap();
    old.execute_batch(&format!(
        "ALTER TABLE responder RENAME TO responder_5;
         {}
         ALTER TABLE responder ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
         INSERT INTO responder SELECT responder, tenant, number, external_ref, name, skills, credential_valid_until_ms,
                                      travel_mode, on_duty, suspended, x'' FROM responder_5;
         DROP TABLE responder_5;
         DROP TABLE called;
         PRAGMA user_version = 4;",
        people_of_the_first_schema()
    ))
    .unwrap();
    seal_table(&old, "responder", "responder").unwrap();
    old
}

fn people_of_the_first_schema() -> &'static str {
    let from = SCHEMA_1.find("CREATE TABLE responder").unwrap();
    let length = SCHEMA_1[from..].find(';').unwrap() + 1;
    &SCHEMA_1[from..from + length]
}

#[tokio::test]
async fn people_of_schema_4_keep_their_number_and_have_no_quiet_hours() {
    let (_dir, path) = new_store();
    let (mut pen, people) = (Pen::default(), [4, 1, 2].map(|number| person("london", number, "A")));
    let (mut journal, _, _) = SqliteStore::open(&path).unwrap();
    let changes = people.iter().cloned().map(RegistryChange::PutResponder).collect();
    pen.register(&mut journal, changes).await;
    drop(journal);
    drop(back_to_schema_4(&path));
    let error = SqliteReader::open_read_only(&path).err().unwrap();
    assert!(matches!(error, StoreError::OlderSchema { found: 4, .. }), "{error}");

    let (mut journal, reader, recovery) = SqliteStore::open(&path).unwrap();
    assert_eq!(recovery.registry().unwrap().len(), 3, "sealed rows are believed");
    let london = tenant("london");
    let numbered = |people: [ResponderRow; 3]| (1..).zip(people).collect::<Vec<_>>();
    let read = |reader: &SqliteReader| reader.responders_after(&london, 0, false, 10).unwrap();
    assert_eq!(read(&reader), numbered(people.clone()));
    let mut changed = people;
    changed[1].profile.quiet_hours = QuietHours::new(22 * 60, 7 * 60);
    pen.register(&mut journal, vec![RegistryChange::PutResponder(changed[1].clone())])
        .await;
    assert_eq!(read(&reader), numbered(changed));
}

#[tokio::test]
async fn a_damaged_person_of_schema_4_is_named_and_not_sealed_again() {
    let (_dir, path) = new_store();
    let mut pen = Pen::default();
    let (mut journal, _, _) = SqliteStore::open(&path).unwrap();
    let people = [1, 2].map(|number| RegistryChange::PutResponder(person("london", number, "A")));
    pen.register(&mut journal, people.into()).await;
    drop(journal);
    let old = back_to_schema_4(&path);
    old.execute(
        "UPDATE responder SET skills = 'aed' WHERE responder = ?",
        [responder(2).as_bytes()],
    )
    .unwrap();
    drop(old);
    let error = SqliteStore::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Migrate { .. }), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains(&responder(2).to_string()["rsp-".len()..]), "{cause}");
    let version = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version, Ok(4));
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

#[tokio::test]
async fn who_was_called_before_schema_6_is_counted_from_the_journal() {
    let (_dir, path) = new_store();
    let (mut pen, key) = (Pen::default(), key("london", "1"));
    let (mut journal, _, _) = SqliteStore::open(&path).unwrap();
    let records = [
        reported(&key, 1, true),
        decided(key.id(), &[1, 2]),
        decided(key.id(), &[1]),
    ];
    pen.write(&mut journal, records).await;
    drop(journal);
    let old = Connection::open(&path).unwrap();
    old.execute_batch("DROP TABLE called; PRAGMA user_version = 5;")
        .unwrap();
    drop(old);
    let (_journal, reader, _) = SqliteStore::open(&path).unwrap();
    let times = |person| reader.calls(responder(person)).unwrap().map(|calls| calls.times);
    assert_eq!([1, 2, 3].map(times), [Some(2), Some(1), None]);
}
