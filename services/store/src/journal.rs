//! The journal as the engine sees it: hand over commits, wait for the watermark.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::TrySendError,
    },
    thread::JoinHandle,
};

use async_trait::async_trait;
use muster_engine::ports::{Commit, Journal, JournalError, JournalNews};
use tokio::sync::watch;

use crate::{
    COMMITS_WAITING_MAX, Recovery, SqliteReader, StoreError, StoreOptions,
    disk::{self, SqliteDisk},
    lock::StoreLock,
    retention::Retention,
    schema,
    soundness::{self, Sound},
    writer::{self, Progress, Running},
};

/// The embedded store.
pub struct SqliteStore;

impl SqliteStore {
    /// Opens the store in the file `path`, made if there is none; its directory must exist. Gives the journal to write,
    /// a reader, and what is needed to recover, which is to be read before the first commit.
    ///
    /// Fails when another process has it open, when a newer Muster wrote it, when the file cannot be used, and when
    /// something that was acknowledged is damaged or gone.
    pub fn open(path: &Path) -> Result<(SqliteJournal, SqliteReader, Recovery), StoreError> {
        Self::open_with(path, &StoreOptions::default())
    }

    /// As [`SqliteStore::open`], with choices.
    pub fn open_with(
        path: &Path,
        options: &StoreOptions,
    ) -> Result<(SqliteJournal, SqliteReader, Recovery), StoreError> {
        let lock = StoreLock::take(path)?;
        let connection = schema::open_writable(path)?;
        let start = soundness::base(&connection)?;
        let Sound { end, head } = soundness::settle(&connection, path, start)?;
        let reader = SqliteReader::open_read_only(path)?;
        let recovery = Recovery::open(path)?;
        let retention = Retention::new(options.keep, Arc::default());
        let disk = SqliteDisk::new(connection, head, disk::reserve(path, options.reserve_bytes), retention);
        let full = !disk.has_reserve();
        let Running {
            commits,
            progress,
            closing,
            thread,
        } = writer::start(disk, end, full)?;
        let journal = SqliteJournal {
            commits: Some(commits),
            progress,
            told: end.sequence,
            told_full: false,
            closing,
            thread: Some(thread),
            _lock: lock,
        };
        Ok((journal, reader, recovery))
    }
}

/// The journal of a store, open for writing.
///
/// Dropping it waits until what was handed over is durable, then lets the store go.
pub struct SqliteJournal {
    /// `None` only while dropping.
    commits: Option<std::sync::mpsc::SyncSender<Commit>>,
    progress: watch::Receiver<Progress>,
    /// The watermark last told.
    told: u64,
    /// Whether want of space was told last.
    told_full: bool,
    /// Tells the writer that nothing more comes.
    closing: Arc<AtomicBool>,
    /// `None` only while dropping.
    thread: Option<JoinHandle<()>>,
    _lock: StoreLock,
}

#[async_trait]
impl Journal for SqliteJournal {
    /// Queues a commit; never waits. Fails when [`COMMITS_WAITING_MAX`] commits wait already and when the writer has
    /// stopped; the commit is then not taken. A commit without records is written too, but moves no watermark.
    fn submit(&mut self, commit: Commit) -> Result<(), JournalError> {
        let commits = self.commits.as_ref().expect("taken only by drop");
        commits.try_send(commit).map_err(|error| match error {
            TrySendError::Full(_) => failed(format!("{COMMITS_WAITING_MAX} commits wait already")),
            TrySendError::Disconnected(_) => self.failure(),
        })
    }

    async fn news(&mut self) -> Result<JournalNews, JournalError> {
        loop {
            let (durable, full, failure) = {
                let progress = self.progress.borrow_and_update();
                (progress.durable, progress.full, progress.failure.clone())
            };
            // What became durable before a failure is still told.
            if durable > self.told {
                self.told = durable;
                return Ok(JournalNews::Durable(durable));
            }
            if full != self.told_full {
                self.told_full = full;
                return Ok(if full {
                    JournalNews::Full
                } else {
                    JournalNews::SpaceAgain
                });
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
            if self.progress.changed().await.is_err() {
                return Err(self.failure());
            }
        }
    }
}

impl SqliteJournal {
    fn failure(&self) -> JournalError {
        let told = self.progress.borrow().failure.clone();
        told.unwrap_or_else(|| failed("the writer has stopped".to_owned()))
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.commits = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
    }
}

fn failed(cause: String) -> JournalError {
    JournalError {
        doing: "writing",
        cause,
    }
}
