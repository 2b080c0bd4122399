//! What can go wrong with the store.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use muster_engine::ports::JournalError;

use crate::{damage::Damage, mapping::InvalidRecord, soundness::Affected};

/// The store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The lock file beside the store cannot be made or locked.
    #[error("cannot lock the store with {path}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else has the store open for writing.
    #[error("the store {path} is in use by another process; one store has one service")]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The file cannot be created.
    #[error("cannot create the store {path}")]
    Create {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be opened.
    #[error("cannot open the store {path}")]
    Open {
        /// The store.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Written by a newer Muster; nothing was changed.
    #[error("the store {path} has schema {found}, this Muster knows 1 to {known}: run the newer Muster that wrote it")]
    NewerSchema {
        /// The store.
        path: PathBuf,
        /// Schema in the file.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// Written by an older Muster, and opened for reading only.
    #[error(
        "the store {path} has schema {found}, reading needs {known}: start the service once to bring it up to date"
    )]
    OlderSchema {
        /// The store.
        path: PathBuf,
        /// Schema in the file; 0 = the file is empty or not a store.
        found: i64,
        /// Schema needed.
        known: i64,
    },
    /// The schema could not be brought up to date; nothing was changed.
    #[error("cannot bring the schema of the store {path} up to date")]
    Migrate {
        /// The store.
        path: PathBuf,
        /// Why.
        source: rusqlite_migration::Error,
    },
    /// SQLite refused or failed.
    #[error("the store failed while {doing}")]
    Sql {
        /// What was being attempted.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The writer's thread cannot be started.
    #[error("cannot start the store's writer")]
    Thread(#[source] io::Error),
    /// The journal lost or changed something it had acknowledged; nothing was changed.
    #[error(
        "the store {path} is damaged and is not used{affected}; restore a backup (muster restore), or look closer with muster audit verify"
    )]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What is wrong.
        source: Damage,
        /// Whom it may concern.
        affected: Affected,
    },
    /// Old records were let go, and every snapshot that took their place is damaged or gone.
    #[error(
        "the journal in {path} begins after record {base} and no sound snapshot says what was before; restore a backup \
         (muster restore)"
    )]
    NoSnapshot {
        /// The store.
        path: PathBuf,
        /// The last record that was let go.
        base: u64,
    },
    /// A row of the register is not what was written.
    #[error("row {id} of table {table} is not as it was written; restore a backup (muster restore)")]
    DamagedRow {
        /// responder, device, trunk or address.
        table: &'static str,
        /// The row's id, in hexadecimal.
        id: String,
    },
    /// What is to be made is there already; nothing was changed.
    #[error("{path} is there already and is not overwritten")]
    AlreadyThere {
        /// What is in the way.
        path: PathBuf,
    },
    /// A backup is not fit to be restored; nothing was changed.
    #[error("the backup {path} is damaged: {findings}")]
    DamagedBackup {
        /// The backup.
        path: PathBuf,
        /// What is wrong with it.
        findings: String,
    },
    /// A file beside the store cannot be used.
    #[error("cannot use {path} while {doing}")]
    File {
        /// What was being attempted.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record is not what was written.
    #[error("record {sequence} of the journal is not as it was written; muster audit verify says what else is not")]
    ChangedRecord {
        /// Its sequence.
        sequence: u64,
    },
    /// A record is missing.
    #[error("the journal has a gap: record {expected} should come next, {found} does")]
    Gap {
        /// The sequence that should follow.
        expected: u64,
        /// The one that does.
        found: u64,
    },
    /// A record is damaged, or from a newer Muster.
    #[error("record {sequence} of the journal cannot be read")]
    Record {
        /// Its sequence.
        sequence: u64,
        /// Why.
        source: InvalidRecord,
    },
    /// A row of the register or of the list of incidents is damaged.
    #[error("a row of the store cannot be read")]
    Row(#[source] InvalidRecord),
}

/// Says what was being attempted when SQLite failed.
pub(crate) fn while_doing(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sql { doing, source }
}

/// Says what was being attempted on which file.
pub(crate) fn on_file(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::File {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// The error as the engine's port has it: text, the causes included.
pub(crate) fn as_journal_error(doing: &'static str, error: &dyn Error) -> JournalError {
    let mut cause = error.to_string();
    let mut next = error.source();
    while let Some(deeper) = next {
        cause.push_str(": ");
        cause.push_str(&deeper.to_string());
        next = deeper.source();
    }
    JournalError { doing, cause }
}
