//! The embedded store: journal and register in one SQLite file, so that records and the changes to the register that
//! belong to them become durable together.
//!
//! One thread writes and nobody else does: it takes every commit that waits, writes them in one transaction, and
//! acknowledges them once that transaction is fsynced (WAL, `synchronous=FULL`). Readers have connections of their own
//! and never wait for the writer. The journal is append-only (triggers say so) and without gaps; everything else in the
//! file is either the register or derived from the journal.
//!
//! What this room does not do: decide anything, or keep state between commits. Recovery hands the records out and the
//! engine applies them.

mod accept;
mod backup;
mod calls;
pub mod chain;
pub mod commit;
pub mod damage;
pub mod digest;
mod disk;
mod error;
mod file;
pub mod head;
mod journal;
mod lock;
pub mod mapping;
mod options;
mod policies;
mod project;
mod reader;
mod recovery;
mod registry;
mod rehearsal;
mod reserve;
mod retention;
mod rows;
mod schema;
mod snapshot;
mod soundness;
mod verify;
mod whereabouts;
mod writer;

pub use accept::accept_head;
pub use backup::{Copied, backup, restore};
pub use error::StoreError;
pub use journal::{SqliteJournal, SqliteStore};
pub use options::{SNAPSHOT_EVERY, StoreOptions};
pub use policies::AdoptedPolicy;
pub use reader::{READERS, SqliteReader};
pub use recovery::Recovery;
pub use soundness::Affected;
pub use verify::{Report, verify};
pub use whereabouts::{LastKnown, Whereabouts};
pub use writer::COMMITS_WAITING_MAX;
