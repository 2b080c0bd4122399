//! Opens the file: its settings, and its schema, which only ever moves forward.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, Transaction, params};
use rusqlite_migration::{HookError, M, Migrations};

use crate::{
    StoreError, calls,
    chain::Head,
    damage::Damage,
    digest,
    error::{on_file, while_doing},
    file::open_private,
    head::{self, HeadFile, head_file},
    soundness::Affected,
};

/// The newest schema, the number of [`steps`].
const NEWEST: usize = 6;

/// The first schema; later ones did not change the tables derived from the journal.
pub const FIRST: &str = include_str!("schema/1.sql");

/// Each raises the schema by one; released ones are never changed. `store` is the file they are for.
fn steps(store: &Path) -> Migrations<'static> {
    let head = head_file(store);
    Migrations::new(vec![
        M::up(FIRST),
        M::up_with_hook(include_str!("schema/2.sql"), move |connection: &Transaction<'_>| {
            let end = chain_up(connection)?;
            digest::seal_all(connection)?;
            connection.execute_batch(include_str!("schema/2_end.sql"))?;
            // On the disk before the step is: a store of this schema always has its side file.
            HeadFile::create(&head, end)
                .map(drop)
                .map_err(|error| HookError::Hook(format!("cannot make {}: {error}", head.display())))
        }),
        M::up(include_str!("schema/3.sql")),
        M::up(include_str!("schema/4.sql")),
        M::up_with_hook(include_str!("schema/5.sql"), |connection: &Transaction<'_>| {
            // What is sealed again is believed from then on, so no damage may be copied.
            digest::check_all(connection, "responder", "responder_4")
                .map_err(|error| HookError::Hook(error.to_string()))?;
            connection.execute_batch(include_str!("schema/5_end.sql"))?;
            Ok(digest::seal_table(connection, "responder", "responder")?)
        }),
        M::up_with_hook(include_str!("schema/6.sql"), |connection: &Transaction<'_>| {
            calls::count_all(connection).map_err(|error| HookError::Hook(error.to_string()))
        }),
    ])
}

/// Copies the journal of schema 1 and chains it.
fn chain_up(connection: &Connection) -> rusqlite::Result<Head> {
    let mut end = Head::START;
    let mut old = connection.prepare("SELECT sequence, at_ms, record FROM journal_1 ORDER BY sequence")?;
    let mut copy = connection.prepare(
        "INSERT INTO journal (sequence, at_ms, tenant, incident, record, chain)
         SELECT sequence, at_ms, tenant, incident, record, ?2 FROM journal_1 WHERE sequence = ?1",
    )?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let (sequence, record): (i64, Vec<u8>) = (row.get(0)?, row.get(2)?);
        let number = u64::try_from(sequence).unwrap_or(0);
        end = Head {
            sequence: number,
            chain: end.chain.next(number, row.get(1)?, &record),
        };
        copy.execute(params![sequence, end.chain.0])?;
    }
    Ok(end)
}

/// How long to wait for somebody with a shell on the same file before giving up. Shorter than a phone's patience, longer
/// than any of our own reads can hold a lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Size to which the log is cut back when it starts anew: four times what gathers between two checkpoints.
const LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;

/// Opens for writing; makes the file if there is none and brings the schema up to date.
pub fn open_writable(path: &Path) -> Result<Connection, StoreError> {
    create_private(path)?;
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let found = schema(path, &connection)?;
    refuse_newer(path, found)?;
    if found == 0 {
        refuse_lost(path)?;
    }
    let settings = while_doing("setting up the connection");
    connection
        .pragma_update(None, "journal_mode", "wal")
        .map_err(&settings)?;
    // An acknowledgement means that the record survives a power cut: fsync at every commit.
    connection
        .pragma_update(None, "synchronous", "full")
        .map_err(&settings)?;
    // The log is taken into the file by the writer, which sees it when that fails.
    connection
        .pragma_update(None, "wal_autocheckpoint", 0)
        .map_err(&settings)?;
    // What SQLite notes for itself needs no second disk, which could be full.
    connection
        .pragma_update(None, "temp_store", "memory")
        .map_err(&settings)?;
    // What is deleted for good reason, an address above all, is not to be found in the file afterwards.
    connection
        .pragma_update(None, "secure_delete", "fast")
        .map_err(&settings)?;
    // After a burst the log does not stay large.
    connection
        .pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)
        .map_err(&settings)?;
    steps(path)
        .to_latest(&mut connection)
        .map_err(|source| StoreError::Migrate {
            path: path.to_owned(),
            source,
        })?;
    Ok(connection)
}

/// Opens for reading; works beside the service and without it.
pub fn open_reading(path: &Path) -> Result<Connection, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found = schema(path, &connection)?;
    refuse_newer(path, found)?;
    if found < newest() {
        return Err(StoreError::OlderSchema {
            path: path.to_owned(),
            found,
            known: newest(),
        });
    }
    Ok(connection)
}

/// The file holds names and addresses: only its owner may read it. SQLite gives the files beside it the same rights.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let made = open_private(path, |options| options.create(true).append(true));
    made.map(drop).map_err(|source| StoreError::Create {
        path: path.to_owned(),
        source,
    })
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let opened = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    opened
        .and_then(|connection| connection.busy_timeout(LOCK_WAIT).map(|()| connection))
        .map_err(|source| StoreError::Open {
            path: path.to_owned(),
            source,
        })
}

/// Also the first look into the file, so that what is no database is found out here.
fn schema(path: &Path, connection: &Connection) -> Result<i64, StoreError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|source| StoreError::Open {
            path: path.to_owned(),
            source,
        })
}

fn newest() -> i64 {
    NEWEST as i64
}

/// Refuses to begin a new journal beside the side file of one that is gone.
fn refuse_lost(store: &Path) -> Result<(), StoreError> {
    let path = head_file(store);
    let slots = head::read_slots(&path).map_err(on_file("looking for an earlier journal", &path))?;
    let Some(lost) = head::newest(slots).filter(|head| head.sequence > 0) else {
        return Ok(());
    };
    Err(StoreError::Damaged {
        path: store.to_owned(),
        source: Damage::Short {
            last: 0,
            head: lost.sequence,
        },
        affected: Affected::default(),
    })
}

fn refuse_newer(path: &Path, found: i64) -> Result<(), StoreError> {
    if found <= newest() {
        return Ok(());
    }
    Err(StoreError::NewerSchema {
        path: path.to_owned(),
        found,
        known: newest(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_valid_sql() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut connection = Connection::open_in_memory().expect("memory");
        steps(&dir.path().join("store"))
            .to_latest(&mut connection)
            .expect("valid");
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
        assert_eq!(version, Ok(newest()));
    }

    #[test]
    fn every_commit_is_fsynced() {
        let dir = tempfile::tempdir().expect("a directory");
        let connection = open_writable(&dir.path().join("store")).expect("opens");
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
        assert_eq!(pragma("synchronous"), Ok(2));
        let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
        assert_eq!(mode.as_deref(), Ok("wal"));
    }

    #[test]
    fn readers_and_the_writer_share_no_lock() {
        let connection = Connection::open_in_memory().expect("opens");
        let mut options = connection.prepare("PRAGMA compile_options").expect("known");
        let options = options.query_map([], |row| row.get(0)).expect("a list");
        let options: Vec<String> = options.collect::<Result<_, _>>().expect("words");
        // See .cargo/config.toml.
        assert!(!options.iter().any(|option| option == "ENABLE_MEMORY_MANAGEMENT"));
        assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"));
    }
}
