use std::{path::PathBuf, sync::Arc};

use dispatch_core::{
    record::{Entry, Record},
    time::Timestamp,
};
use muster_engine::ports::{Commit, JournalNews};
use tempfile::TempDir;

use super::*;
use crate::{
    commit::{Attempt, GroupCommit},
    schema, soundness,
};

fn opened() -> (TempDir, PathBuf, GroupCommit<SqliteDisk>) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.sqlite");
    let connection = schema::open_writable(&path).expect("opens");
    let sound = soundness::settle(&connection, &path, Head::START).expect("sound");
    let disk = SqliteDisk::new(
        connection,
        sound.head,
        Reserve::of(&path, 0),
        Retention::new(crate::options::KEEP, Arc::default()),
    );
    let group = GroupCommit::new(disk, sound.end);
    (dir, path, group)
}

fn take(group: &mut GroupCommit<SqliteDisk>, sequences: impl IntoIterator<Item = u64>) {
    for sequence in sequences {
        let entry = Entry {
            sequence,
            at: Timestamp::from_unix_ms(1_700_000_000_000),
            record: Record::Started { epoch: sequence },
        };
        group.take(Commit {
            entries: vec![entry],
            registry: Vec::new(),
        });
    }
}

#[test]
fn what_has_no_space_is_written_once_there_is_some() {
    let (_dir, path, mut group) = opened();
    let limit = |group: &GroupCommit<SqliteDisk>, pages: i64| {
        let connection = &group.medium().connection;
        connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
                row.get::<_, i64>(0)
            })
            .expect("a limit")
    };
    let pages = limit(&group, 1);
    take(&mut group, 1..=500);
    let mut told = Vec::new();
    let attempt = group.write(&mut |news| told.push(news)).expect("no failure");
    assert_eq!(
        (attempt, told.as_slice()),
        (Attempt::WaitsForSpace, [JournalNews::Full].as_slice())
    );
    limit(&group, pages + 1000);
    let attempt = group.write(&mut |news| told.push(news)).expect("no failure");
    assert_eq!(attempt, Attempt::Written);
    assert_eq!(told, [JournalNews::Full, JournalNews::Durable(500)]);
    group.look_for_space(&mut |news| told.push(news)).expect("looks");
    assert_eq!(told.last(), Some(&JournalNews::SpaceAgain));
    drop(group);
    let connection = schema::open_writable(&path).expect("opens");
    let sound = soundness::settle(&connection, &path, Head::START).expect("sound");
    assert_eq!(sound.end.sequence, 500);
}

#[test]
fn the_log_is_taken_into_the_file_now_and_then() {
    let (_dir, path, mut group) = opened();
    for sequence in 1..=600 {
        take(&mut group, [sequence]);
        group.write(&mut |_| ()).expect("written");
    }
    let log = std::fs::metadata(path.with_extension("sqlite-wal"))
        .expect("there")
        .len();
    assert!(log < 8 << 20, "{log} bytes");
    assert!(std::fs::metadata(&path).expect("there").len() > 16 << 10);
}
