//! Crashes, damage, misuse.

use std::fs;

use dispatch_core::record::Record;
use muster_engine::ports::{Commit, Journal, JournalReader};
use muster_store::{COMMITS_WAITING_MAX, SqliteReader, SqliteStore, StoreError};
use rusqlite::Connection;

use crate::{
    scenes::*,
    sqlite::{new_store, recovered},
};

#[tokio::test]
async fn a_crash_loses_nothing_acknowledged() {
    let (dir, path) = new_store();
    let (mut journal, _reader, _recovery) = SqliteStore::open(&path).unwrap();
    let mut pen = Pen::default();
    let key = key("london", "1");
    let mut acknowledged = Vec::new();
    let head = path.with_extension("head");
    for round in 0..20 {
        for revision in 1..=10 {
            let commit = pen.commit([reported(&key, round * 10 + revision, true)]);
            acknowledged.extend(commit.entries.clone());
            journal.submit(commit).unwrap();
        }
        until(&mut journal, pen.last).await;
        // What a crash leaves: the file, its log and the side file, without the shared memory that a living writer keeps.
        let after_crash = dir.path().join(format!("crash-{round}.db"));
        fs::copy(&path, &after_crash).unwrap();
        fs::copy(path.with_extension("db-wal"), after_crash.with_extension("db-wal")).unwrap();
        fs::copy(&head, after_crash.with_extension("head")).unwrap();
        let (_journal, reader, recovery) = SqliteStore::open(&after_crash).unwrap();
        assert_eq!(recovered(recovery), acknowledged);
        assert_eq!(reader.entries_of_incident(key.id()).unwrap().len(), acknowledged.len());
    }
}

#[tokio::test]
async fn after_an_error_nothing_is_acknowledged_again() {
    let (_dir, path) = new_store();
    let (mut journal, reader, _) = SqliteStore::open(&path).unwrap();
    let mut pen = Pen::default();
    let key = key("london", "1");
    pen.write(&mut journal, [reported(&key, 1, true)]).await;
    // A gap is refused by the journal itself, like any other failure of SQLite.
    pen.last += 1;
    let gap = pen.commit([reported(&key, 2, true)]);
    journal.submit(gap).unwrap();
    let error = in_time(journal.news()).await.unwrap_err();
    assert!(error.to_string().contains("the journal has no gaps"), "{error}");
    assert!(in_time(journal.news()).await.is_err());
    pen.last = 1;
    let refused = pen.commit([reported(&key, 3, true)]);
    // The writer goes just after it has told.
    in_time(async {
        while journal.submit(refused.clone()).is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(in_time(journal.news()).await.is_err());
    assert_eq!(reader.incident_entries(&key.tenant, key.id()).unwrap().len(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_and_loses_nothing() {
    let (_dir, path) = new_store();
    let (mut journal, _reader, _) = SqliteStore::open(&path).unwrap();
    let mut pen = Pen::default();
    // Somebody with a shell holds the file, so the writer waits.
    let shell = Connection::open(&path).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = loop {
        let commit = pen.commit([Record::Started { epoch: 1 }]);
        if let Err(error) = journal.submit(commit) {
            pen.last -= 1;
            break error;
        }
    };
    assert!(refused.to_string().contains("10240 commits wait already"), "{refused}");
    let taken = usize::try_from(pen.last).unwrap();
    assert!(
        (COMMITS_WAITING_MAX..=COMMITS_WAITING_MAX + 1025).contains(&taken),
        "{taken}"
    );
    shell.execute_batch("ROLLBACK").unwrap();
    until(&mut journal, pen.last).await;
}

#[tokio::test]
async fn the_journal_is_append_only() {
    let (_dir, path) = new_store();
    let (mut journal, _reader, _) = SqliteStore::open(&path).unwrap();
    Pen::default()
        .write(&mut journal, [reported(&key("london", "1"), 1, true)])
        .await;
    let shell = Connection::open(&path).unwrap();
    for forbidden in [
        "UPDATE journal SET at_ms = 0",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal (sequence, at_ms, record, chain) VALUES (1, 0, x'00', zeroblob(32))",
        "INSERT INTO journal (sequence, at_ms, record, chain) VALUES (3, 0, x'00', zeroblob(32))",
    ] {
        let error = shell.execute(forbidden, []).unwrap_err();
        assert!(error.to_string().contains("the journal"), "{forbidden}: {error}");
    }
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (_dir, path) = new_store();
    drop(SqliteStore::open(&path).unwrap());
    let shell = Connection::open(&path).unwrap();
    shell.pragma_update(None, "user_version", 99).unwrap();
    drop(shell);
    let before = fs::read(&path).unwrap();
    for error in [
        SqliteStore::open(&path).err().unwrap(),
        SqliteReader::open_read_only(&path).err().unwrap(),
    ] {
        assert!(
            matches!(
                error,
                StoreError::NewerSchema {
                    found: 99,
                    known: 6,
                    ..
                }
            ),
            "{error}"
        );
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_no_store_is_refused() {
    let (dir, path) = new_store();
    fs::write(&path, "not a database, but long enough to look at as one".repeat(100)).unwrap();
    for error in [
        SqliteStore::open(&path).err().unwrap(),
        SqliteReader::open_read_only(&path).err().unwrap(),
        SqliteReader::open_read_only(&dir.path().join("absent.db"))
            .err()
            .unwrap(),
    ] {
        assert!(matches!(error, StoreError::Open { .. }), "{error}");
    }
    let empty = dir.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    let error = SqliteReader::open_read_only(&empty).err().unwrap();
    assert!(matches!(error, StoreError::OlderSchema { found: 0, .. }), "{error}");
    let nowhere = SqliteStore::open(&dir.path().join("absent/muster.db")).err().unwrap();
    assert!(matches!(nowhere, StoreError::Lock { .. }), "{nowhere}");
}

#[tokio::test]
async fn a_damaged_row_names_table_and_column() {
    let (_dir, path) = new_store();
    let (mut journal, reader, _) = SqliteStore::open(&path).unwrap();
    Pen::default()
        .write(&mut journal, [reported(&key("london", "1"), 1, true)])
        .await;
    let shell = Connection::open(&path).unwrap();
    shell.execute("UPDATE incident SET state = 77", []).unwrap();
    let error = reader.find_incidents("cad", "1").unwrap_err().to_string();
    assert!(error.contains("incident.state is 77"), "{error}");
}

#[tokio::test]
async fn an_empty_commit_is_nothing() {
    let (_dir, path) = new_store();
    let (mut journal, _, _) = SqliteStore::open(&path).unwrap();
    let mut pen = Pen::default();
    journal.submit(Commit::default()).unwrap();
    pen.write(&mut journal, [Record::Started { epoch: 1 }]).await;
}
