//! The one thread that writes: group commit.
//!
//! It takes everything that waits, writes it in one transaction, and only when the system has said that it is on the
//! disk tells the new watermark. Under load the groups grow, so that the rate is not bound by fsyncs. The first error is
//! the last thing it says: what became of the failed group is unknown, so nothing is retried and nothing is acknowledged
//! again (DESIGN section 5).

use std::{
    iter,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::Instant,
};

use muster_engine::ports::{Commit, JournalError};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;

use crate::{StoreError, error::as_journal_error, project, registry};

/// Commits that may wait for the writer. The engine keeps at most 1,024 in flight, so a full channel means that
/// somebody does not: `submit` refuses rather than wait, because it is called from the owner's task.
pub const COMMITS_WAITING_MAX: usize = 1024;

/// How far the writer got.
#[derive(Default)]
pub struct Progress {
    /// Highest durable sequence.
    pub durable: u64,
    /// Why nothing more will become durable.
    pub failure: Option<JournalError>,
}

/// The ends of a running writer. It stops once `commits` is dropped and what waited is written.
pub struct Running {
    pub commits: SyncSender<Commit>,
    pub progress: watch::Receiver<Progress>,
    pub thread: JoinHandle<()>,
}

/// Starts the writer; `durable` is the highest sequence already in the journal.
pub fn start(connection: Connection, durable: u64) -> Result<Running, StoreError> {
    let (commits, waiting) = sync_channel(COMMITS_WAITING_MAX);
    let (tell, progress) = watch::channel(Progress { durable, failure: None });
    let thread = thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || write_all(connection, &waiting, &tell))
        .map_err(StoreError::Thread)?;
    Ok(Running {
        commits,
        progress,
        thread,
    })
}

fn write_all(mut connection: Connection, waiting: &Receiver<Commit>, progress: &watch::Sender<Progress>) {
    while let Ok(first) = waiting.recv() {
        let group: Vec<_> = iter::once(first)
            .chain(waiting.try_iter().take(COMMITS_WAITING_MAX))
            .collect();
        let began = Instant::now();
        if let Err(error) = write_group(&mut connection, &group) {
            let failure = as_journal_error("writing", &error);
            tracing::error!(
                cause = failure.cause,
                "the journal cannot be written; nothing more is acknowledged"
            );
            metrics::counter!("muster_store_failures_total").increment(1);
            progress.send_modify(|progress| progress.failure = Some(failure));
            return;
        }
        metrics::histogram!("muster_store_commit_seconds").record(began.elapsed());
        let last = group.iter().rev().find_map(|commit| commit.entries.last());
        if let Some(last) = last {
            progress.send_modify(|progress| progress.durable = last.sequence);
        }
    }
}

fn write_group(connection: &mut Connection, group: &[Commit]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for commit in group {
        for entry in &commit.entries {
            project::write(&transaction, entry)?;
        }
        for change in &commit.registry {
            registry::write(&transaction, change)?;
        }
    }
    transaction.commit()
}
