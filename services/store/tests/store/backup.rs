//! Backups beside a running service, and restoring them.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use dispatch_core::record::Record;
use muster_engine::ports::Journal;
use muster_store::{SqliteStore, StoreError, accept_head, backup, head::head_file, restore, verify};
use rusqlite::Connection;

use crate::{
    scenes::*,
    sqlite::{new_store, recovered},
    verify::filled,
};

#[tokio::test]
async fn a_backup_taken_while_the_service_writes_is_a_moment_of_the_store() {
    let (dir, path) = new_store();
    let (mut journal, mut pen) = filled(&path).await;
    let stop = Arc::new(AtomicBool::new(false));
    let copies: Vec<_> = (0..5)
        .map(|number| dir.path().join(format!("copy-{number}.backup")))
        .collect();
    let taking = std::thread::spawn({
        let (path, copies, stop) = (path.clone(), copies.clone(), Arc::clone(&stop));
        move || {
            let taken: Vec<_> = copies.iter().map(|to| backup(&path, to).unwrap()).collect();
            stop.store(true, Ordering::Relaxed);
            taken
        }
    });
    while !stop.load(Ordering::Relaxed) {
        pen.write(&mut journal, [Record::Started { epoch: 1 }]).await;
    }
    let taken = taking.join().unwrap();
    assert!(taken.is_sorted_by_key(|copied| copied.last));
    for (copied, copy) in taken.iter().zip(&copies) {
        assert_eq!(copied.records, copied.last);
        assert!(verify(copy).unwrap().is_intact());
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(copy).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        let refused = backup(&path, copy).unwrap_err();
        assert!(matches!(refused, StoreError::AlreadyThere { .. }), "{refused}");
    }
    let leftovers = fs::read_dir(dir.path()).unwrap().flatten();
    let odd: Vec<_> = leftovers
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("copy") && !name.ends_with(".backup") && !name.ends_with(".head"))
        .collect();
    assert_eq!(odd, Vec::<String>::new(), "a backup is two files");
}

#[tokio::test]
async fn a_restored_store_goes_on_where_the_backup_ends() {
    let (dir, path) = new_store();
    let (mut journal, mut pen) = filled(&path).await;
    let copy = dir.path().join("a.backup");
    let copied = backup(&path, &copy).unwrap();
    assert_eq!((copied.last, copied.last_at_ms.is_some()), (pen.last, true));
    pen.write(&mut journal, [Record::Started { epoch: 1 }]).await;
    let refused = restore(&copy, &path).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(journal);
    let refused = restore(&copy, &path).unwrap_err();
    assert!(matches!(refused, StoreError::AlreadyThere { .. }), "{refused}");

    let elsewhere = tempfile::tempdir().unwrap();
    let restored = elsewhere.path().join("muster.db");
    assert_eq!(restore(&copy, &restored).unwrap(), copied);
    let (mut journal, _, recovery) = SqliteStore::open(&restored).unwrap();
    assert_eq!(recovery.registry().unwrap().len(), 7);
    assert_eq!(recovered(recovery).len() as u64, copied.last);
    let mut pen = Pen { last: copied.last };
    pen.write(&mut journal, [Record::Started { epoch: 2 }]).await;
    drop(journal);
    assert!(verify(&restored).unwrap().is_intact());
}

/// Every changed byte of a backup is either found or of no consequence.
#[tokio::test]
async fn a_damaged_backup_is_not_restored() {
    let (dir, path) = new_store();
    drop(filled(&path).await);
    let copy = dir.path().join("a.backup");
    backup(&path, &copy).unwrap();
    let sound = fs::read(&copy).unwrap();
    let restored =
        |to: &Path| restore(&copy, to).map(|_| SqliteStore::open(to).map(|(_, _, recovery)| recovered(recovery)));
    let whole = restored(&dir.path().join("whole.db")).unwrap().unwrap();
    let mut refused = 0;
    for (run, at) in (0..sound.len()).step_by(809).enumerate() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        fs::write(&copy, damaged).unwrap();
        match restored(&dir.path().join(format!("run-{run}.db"))) {
            Ok(records) => assert_eq!(records.unwrap(), whole, "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 2, "{refused}");
    fs::write(&copy, &sound).unwrap();
    fs::remove_file(head_file(&copy)).unwrap();
    let error = restore(&copy, &dir.path().join("b.db")).unwrap_err();
    assert!(matches!(error, StoreError::DamagedBackup { .. }), "{error}");
}

#[tokio::test]
async fn an_operator_may_accept_a_journal_without_its_side_file() {
    let (_dir, path) = new_store();
    let (journal, pen) = filled(&path).await;
    let refused = accept_head(&path).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(journal);
    fs::remove_file(head_file(&path)).unwrap();
    assert!(SqliteStore::open(&path).is_err());
    assert_eq!(accept_head(&path).unwrap(), (pen.last, None));
    let (mut journal, ..) = SqliteStore::open(&path).unwrap();
    let mut pen = Pen { last: pen.last };
    journal.submit(pen.commit([Record::Started { epoch: 1 }])).unwrap();
    drop(journal);

    let shell = Connection::open(&path).unwrap();
    shell
        .execute_batch("DROP TRIGGER journal_is_not_changed; UPDATE journal SET at_ms = 0 WHERE sequence = 2")
        .unwrap();
    let refused = accept_head(&path).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}
