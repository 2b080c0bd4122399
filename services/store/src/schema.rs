//! Opens the file: its settings, and its schema, which only ever moves forward.

use std::{fs::OpenOptions, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::{StoreError, error::while_doing};

/// Each raises the schema by one; written ones are never changed.
const STEPS: &[M<'static>] = &[M::up(include_str!("schema.sql"))];

/// How long to wait for somebody with a shell on the same file before giving up. Shorter than a phone's patience, longer
/// than any of our own reads can hold a lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Opens for writing; makes the file if there is none and brings the schema up to date.
pub fn open_writable(path: &Path) -> Result<Connection, StoreError> {
    create_private(path)?;
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    refuse_newer(path, schema(path, &connection)?)?;
    let settings = while_doing("setting up the connection");
    connection
        .pragma_update(None, "journal_mode", "wal")
        .map_err(&settings)?;
    // An acknowledgement means that the record survives a power cut: fsync at every commit.
    connection
        .pragma_update(None, "synchronous", "full")
        .map_err(&settings)?;
    Migrations::from_slice(STEPS)
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
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|source| StoreError::Create {
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
    i64::try_from(STEPS.len()).expect("a handful of steps")
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
        assert_eq!(Migrations::from_slice(STEPS).validate(), Ok(()));
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
}
