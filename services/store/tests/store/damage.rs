//! A store that lost or changed something.

use std::{error::Error as _, fs, path::Path};

use muster_engine::{ports::JournalReader, registry::RegistryChange};
use muster_store::{
    SqliteReader, SqliteStore, StoreError,
    damage::Damage,
    head::{HeadFile, newest, read_slots},
};
use rusqlite::Connection;

use crate::{
    scenes::*,
    sqlite::{new_store, recovered},
};

/// Three reports, each acknowledged.
async fn write_three(path: &Path) {
    let (mut journal, _, _) = SqliteStore::open(path).unwrap();
    let key = key("london", "1");
    let mut pen = Pen::default();
    for revision in 1..=3 {
        pen.write(&mut journal, [reported(&key, revision, true)]).await;
    }
}

/// Somebody who gets past the triggers.
fn tamper(path: &Path, tampering: &str) {
    let shell = Connection::open(path).unwrap();
    shell
        .execute_batch("DROP TRIGGER journal_is_not_changed; DROP TRIGGER journal_is_not_deleted")
        .unwrap();
    shell.execute_batch(tampering).unwrap();
}

fn refused(path: &Path) -> (Damage, String) {
    let error = SqliteStore::open(path).err().unwrap();
    let told = format!("{error}: {}", error.source().unwrap());
    match error {
        StoreError::Damaged { source, .. } => (source, told),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_changed_record_is_refused_with_whom_it_concerns() {
    for change in [
        "record = x''",
        "record = x'ff'",
        "record = substr(record, 1, 20)",
        "at_ms = at_ms + 1",
        "chain = zeroblob(32)",
    ] {
        let (_dir, path) = new_store();
        write_three(&path).await;
        tamper(&path, &format!("UPDATE journal SET {change} WHERE sequence = 2"));
        let (damage, told) = refused(&path);
        assert_eq!(damage, Damage::Broken { sequence: 2 }, "{change}");
        let incident = format!("{} of london", key("london", "1").id());
        assert!(told.contains(&incident), "{told}");
    }
}

#[tokio::test]
async fn a_changed_record_is_not_shown_to_anybody() {
    for change in ["record = x'08011200'", "at_ms = at_ms + 1", "chain = zeroblob(32)"] {
        let (_dir, path) = new_store();
        let (mut journal, reader, _) = SqliteStore::open(&path).unwrap();
        let key = key("london", "1");
        let mut pen = Pen::default();
        for revision in 1..=3 {
            pen.write(&mut journal, [reported(&key, revision, true)]).await;
        }
        tamper(&path, &format!("UPDATE journal SET {change} WHERE sequence = 2"));
        for told in [
            reader.incident_entries(&key.tenant, key.id()).unwrap_err(),
            reader.entries_after(&key.tenant, 0, None, 10).unwrap_err(),
            reader.entries_after(&key.tenant, 0, Some(key.id()), 10).unwrap_err(),
        ] {
            assert!(told.to_string().contains("record 2 of the journal"), "{change}: {told}");
        }
        assert_eq!(reader.entries_after(&key.tenant, 0, None, 1).unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_missing_record_is_refused() {
    let (_dir, path) = new_store();
    write_three(&path).await;
    tamper(&path, "DELETE FROM journal WHERE sequence = 2");
    assert_eq!(refused(&path).0, Damage::Broken { sequence: 2 });
    let (_dir, path) = new_store();
    write_three(&path).await;
    tamper(&path, "DELETE FROM journal WHERE sequence > 1");
    assert_eq!(refused(&path).0, Damage::Short { last: 1, head: 3 });
}

#[tokio::test]
async fn a_log_cut_short_or_changed_anywhere_is_refused_or_complete() {
    let (dir, path) = new_store();
    let (mut journal, _reader, _recovery) = SqliteStore::open(&path).unwrap();
    let mut pen = Pen::default();
    let mut written = Vec::new();
    for revision in 1..=3 {
        let commit = pen.commit([reported(&key("london", "1"), revision, true)]);
        written.extend(commit.entries.clone());
        muster_engine::ports::Journal::submit(&mut journal, commit).unwrap();
        until(&mut journal, pen.last).await;
    }
    let log = fs::read(path.with_extension("db-wal")).unwrap();
    let copy = dir.path().join("copy.db");
    let (mut complete, mut refused) = (0, 0);
    // A step that visits every part of the log's frames.
    for at in (0..log.len()).step_by(509) {
        for cut in [false, true] {
            let mut damaged = log.clone();
            damaged[at] ^= 0x40;
            if cut {
                damaged.truncate(at);
            }
            fs::copy(&path, &copy).unwrap();
            fs::copy(path.with_extension("head"), copy.with_extension("head")).unwrap();
            fs::write(copy.with_extension("db-wal"), damaged).unwrap();
            let _ = fs::remove_file(copy.with_extension("db-shm"));
            match SqliteStore::open(&copy) {
                Ok((_journal, _, recovery)) => {
                    assert_eq!(recovered(recovery), written, "byte {at}");
                    complete += 1;
                }
                Err(StoreError::Damaged { source, .. }) => {
                    assert!(matches!(source, Damage::Short { .. }), "byte {at}: {source}");
                    refused += 1;
                }
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
    }
    assert!(refused > 100, "{complete} complete, {refused} refused");
}

#[tokio::test]
async fn records_never_acknowledged_are_kept_while_sound_and_else_cut_off() {
    let (_dir, path) = new_store();
    write_three(&path).await;
    let head = path.with_extension("head");
    let at = |sequence: i64| {
        let shell = Connection::open(&path).unwrap();
        let chain = shell.query_row("SELECT chain FROM journal WHERE sequence = ?", [sequence], |row| {
            row.get(0)
        });
        muster_store::chain::Head {
            sequence: sequence.unsigned_abs(),
            chain: muster_store::chain::Chain(chain.unwrap()),
        }
    };
    // A crash between the commit and the side file.
    HeadFile::create(&head, at(1)).unwrap();
    let (journal, _, recovery) = SqliteStore::open(&path).unwrap();
    assert_eq!(recovered(recovery).len(), 3);
    drop(journal);
    assert_eq!(newest(read_slots(&head).unwrap()), Some(at(3)));

    HeadFile::create(&head, at(1)).unwrap();
    let shell = Connection::open(&path).unwrap();
    shell.execute_batch("DROP TRIGGER journal_is_not_changed").unwrap();
    shell
        .execute("UPDATE journal SET record = x'00' WHERE sequence = 3", [])
        .unwrap();
    let (mut journal, reader, recovery) = SqliteStore::open(&path).unwrap();
    assert_eq!(recovered(recovery).len(), 2);
    let known = reader.find_incidents("cad", "1").unwrap();
    assert_eq!(known[0].revision, 2, "what was derived from the record goes with it");
    let mut pen = Pen { last: 2 };
    pen.write(&mut journal, [reported(&key("london", "1"), 4, true)]).await;
    drop(journal);
    SqliteStore::open(&path).unwrap();
}

#[tokio::test]
async fn a_side_file_that_is_gone_or_of_another_history_is_refused() {
    let (_dir, path) = new_store();
    write_three(&path).await;
    let head = path.with_extension("head");
    let saved = fs::read(&head).unwrap();
    fs::remove_file(&head).unwrap();
    assert_eq!(refused(&path).0, Damage::HeadUnreadable);
    fs::write(&head, b"MusterH1").unwrap();
    assert_eq!(refused(&path).0, Damage::HeadUnreadable);
    // One damaged slot: the other serves.
    let mut one = saved.clone();
    one[20] ^= 1;
    fs::write(&head, &one).unwrap();
    drop(SqliteStore::open(&path).unwrap());
    let other = muster_store::chain::Head {
        sequence: 2,
        chain: muster_store::chain::Chain([7; 32]),
    };
    HeadFile::create(&head, other).unwrap();
    assert_eq!(refused(&path).0, Damage::Foreign { sequence: 2 });
    // The side file remembers a journal that somebody removed.
    fs::write(&head, saved).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(refused(&path).0, Damage::Short { last: 0, head: 3 });
}

#[tokio::test]
async fn a_changed_row_of_the_register_is_refused_by_name() {
    let changes = [
        ("responder", "UPDATE responder SET suspended = 1"),
        ("responder", "UPDATE responder SET name = 'B'"),
        ("device", "UPDATE device SET secret_hash = zeroblob(32)"),
        ("trunk", "UPDATE trunk SET external_ref_prefix = ''"),
        ("address", "UPDATE address SET postcode = 'N1 1AB'"),
        ("address", "UPDATE address SET digest = x'00'"),
    ];
    for (table, change) in changes {
        let (_dir, path) = new_store();
        let (mut journal, _, _) = SqliteStore::open(&path).unwrap();
        let mut pen = Pen::default();
        let key = key("london", "1");
        let mut commit = pen.commit([reported(&key, 1, true)]);
        commit.registry = vec![
            RegistryChange::PutResponder(person("london", 1, "A")),
            RegistryChange::PutDevice(access("london", 1, 1)),
            RegistryChange::PutTrunk(trunk_access("london", 7)),
            RegistryChange::PutAddress {
                incident: key.id(),
                address: address("1 High Street"),
            },
        ];
        muster_engine::ports::Journal::submit(&mut journal, commit).unwrap();
        drop(journal);
        Connection::open(&path).unwrap().execute(change, []).unwrap();
        let (_journal, _, recovery) = SqliteStore::open(&path).unwrap();
        let error = recovery.registry().unwrap_err();
        assert!(
            matches!(&error, StoreError::DamagedRow { table: named, id } if *named == table && id.len() == 32),
            "{change}: {error}"
        );
        if table == "responder" {
            let reader = SqliteReader::open_read_only(&path).unwrap();
            assert!(reader.responder(&key.tenant, responder(1)).is_err());
        }
    }
}
