//! The medium of the embedded store: SQLite's file and log, the side file, the reserve.
//!
//! SQLite's own checkpoints swallow errors of the disk; here they are asked for and a failure counts like any other,
//! because the log is let go on the strength of what a checkpoint wrote.

use std::{io, path::Path};

use rusqlite::{Connection, config::DbConfig, ffi};

use crate::{
    chain::Head,
    commit::{Chained, Medium, MediumError},
    head::HeadFile,
    project, registry,
    reserve::Reserve,
    retention::Retention,
};

/// Pages that may gather in the log before they are copied into the file: SQLite's own default. More would make the log
/// and a restart longer, fewer would fsync more often.
const CHECKPOINT_PAGES: usize = 1000;
/// Pages that a group writes at least: journal, two indexes, the incident and its indexes, the way up to their roots.
const PAGES_PER_GROUP: usize = 8;
/// Records that fill about one page of the log, all tables together.
const RECORDS_PER_PAGE: usize = 4;

/// A store's files, open for writing.
pub struct SqliteDisk {
    connection: Connection,
    head: HeadFile,
    reserve: Reserve,
    retention: Retention,
    /// Pages in the log since the last checkpoint, estimated.
    pages: usize,
}

impl SqliteDisk {
    /// Takes over what was opened and checked.
    pub fn new(connection: Connection, head: HeadFile, reserve: Reserve, retention: Retention) -> Self {
        Self {
            connection,
            head,
            reserve,
            retention,
            // Whatever log was left behind is taken in after the first group.
            pages: CHECKPOINT_PAGES,
        }
    }

    /// Whether the reserve is there.
    pub fn has_reserve(&self) -> bool {
        self.reserve.is_whole()
    }

    fn write_rows(&mut self, group: &[Chained]) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        for chained in group {
            for (entry, row) in chained.commit.entries.iter().zip(&chained.rows) {
                project::write(&self.connection, entry, row)?;
            }
            for change in &chained.commit.registry {
                registry::write(&self.connection, change)?;
            }
        }
        let newest = group.iter().rev().find_map(|chained| chained.rows.last());
        newest.map_or(Ok(()), |row| self.retention.step(&self.connection, row.at_ms))
    }

    /// Leaves nothing of the transaction behind and says what kind of failure it was.
    fn rolled_back(&self, doing: &str, error: &rusqlite::Error) -> MediumError {
        // SQLite rolls back by itself after some errors.
        if !self.connection.is_autocommit()
            && let Err(worse) = self.connection.execute_batch("ROLLBACK")
        {
            return self.broken(format!("{doing}: {error}; and rolling back: {worse}"));
        }
        self.judged(doing, error)
    }

    fn judged(&self, doing: &str, error: &rusqlite::Error) -> MediumError {
        let cause = format!("{doing}: {error}");
        if is_want_of_space(error) {
            MediumError::NoSpace(cause)
        } else {
            self.broken(cause)
        }
    }

    fn judged_io(&self, doing: &str, error: &io::Error) -> MediumError {
        let cause = format!("{doing}: {error}");
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => MediumError::NoSpace(cause),
            _ => self.broken(cause),
        }
    }

    /// After this nothing is written. The log is not taken into the file when the connection closes either: a second
    /// fsync may succeed although the first one lost pages, and the log is the only other copy.
    fn broken(&self, cause: String) -> MediumError {
        if let Err(error) = self
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        {
            tracing::error!(%error, "cannot keep SQLite from tidying up after a failure");
        }
        MediumError::Failed(cause)
    }
}

impl Medium for SqliteDisk {
    fn append(&mut self, group: &[Chained]) -> Result<(), MediumError> {
        let records: usize = group.iter().map(|chained| chained.rows.len()).sum();
        self.pages += PAGES_PER_GROUP + records / RECORDS_PER_PAGE;
        self.write_rows(group)
            .map_err(|error| self.rolled_back("writing records", &error))
    }

    /// A commit under `synchronous=FULL`: returns once the log is on the disk.
    fn sync(&mut self) -> Result<(), MediumError> {
        self.connection
            .execute_batch("COMMIT")
            .map_err(|error| self.rolled_back("committing", &error))
    }

    fn write_head(&mut self, head: Head) -> Result<(), MediumError> {
        let written = self.head.write(head);
        written.map_err(|error| self.judged_io("writing the side file", &error))
    }

    fn sync_head(&mut self) -> Result<(), MediumError> {
        let synced = self.head.sync();
        synced.map_err(|error| self.judged_io("syncing the side file", &error))
    }

    /// Takes the log into the file now and then.
    fn tidy(&mut self) -> Result<(), MediumError> {
        if self.pages < CHECKPOINT_PAGES {
            return Ok(());
        }
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|error| self.judged("taking the log into the file", &error))?;
        self.pages = 0;
        Ok(())
    }

    fn release_reserve(&mut self) -> Result<(), MediumError> {
        let released = self.reserve.release();
        released.map_err(|error| self.judged_io("releasing the reserve", &error))
    }

    fn restore_reserve(&mut self) -> Result<bool, MediumError> {
        match self.reserve.restore() {
            Ok(whole) => Ok(whole),
            // The journal itself is well; the reserve is tried again.
            Err(error) => {
                tracing::warn!(%error, "the reserve cannot be made");
                Ok(false)
            }
        }
    }
}

/// Makes the reserve of a store that is being opened; without it the store works, and says that it is full.
pub fn reserve(store: &Path, bytes: u64) -> Reserve {
    let reserve = Reserve::of(store, bytes);
    match reserve.restore() {
        Ok(true) => {}
        Ok(false) => tracing::error!("there is no space for the reserve of the store"),
        Err(error) => tracing::error!(%error, "the reserve of the store cannot be made"),
    }
    reserve
}

/// SQLite's log and file report a full disk as `SQLITE_FULL`, the index of the log as a failure to grow.
fn is_want_of_space(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            failure.code == rusqlite::ErrorCode::DiskFull || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
