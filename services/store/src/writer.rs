//! The one thread that writes: group commit.
//!
//! It takes everything that waits, writes it in one go, and only when the system has said that it is on the disk tells
//! the new watermark. Under load the groups grow, so that the rate is not bound by fsyncs. What happens in which order,
//! and when a step fails, is in [`crate::commit`].

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use muster_engine::ports::{Commit, JournalError, JournalNews};
use tokio::sync::watch;

use crate::{
    StoreError,
    chain::Head,
    commit::{Attempt, GroupCommit, Medium},
};

/// Commits that may wait for the writer. The engine keeps at most 8,192 in flight, so a full channel means that somebody
/// does not: `submit` refuses rather than wait, because it is called from the owner's task.
pub const COMMITS_WAITING_MAX: usize = 10_240;
/// Commits written in one go: some tens of milliseconds of work, so that a backlog does not keep its first commit waiting
/// for its last.
const GROUP_MAX: usize = 1024;
/// How long to wait before looking for space again: an operator who made room sees it at once, and a full disk is not
/// kept busy with attempts.
const SPACE_WAIT: Duration = Duration::from_millis(250);
/// Attempts to write what waits for space once the service wants to end: 2.5 s. Nothing of it was acknowledged, and a
/// process that does not end would be killed.
const LAST_ATTEMPTS: u32 = 10;

/// How far the writer got.
#[derive(Default)]
pub struct Progress {
    /// Highest durable sequence.
    pub durable: u64,
    /// Space ran out.
    pub full: bool,
    /// Why nothing more will become durable.
    pub failure: Option<JournalError>,
}

/// The ends of a running writer. It stops once `commits` is dropped and what waited is written.
pub struct Running {
    pub commits: SyncSender<Commit>,
    pub progress: watch::Receiver<Progress>,
    /// Set when nothing more will come.
    pub closing: Arc<AtomicBool>,
    pub thread: JoinHandle<()>,
}

/// Starts the writer on a medium whose journal ends at `end`.
pub fn start<M: Medium + Send + 'static>(medium: M, end: Head, full: bool) -> Result<Running, StoreError> {
    let (commits, waiting) = sync_channel(COMMITS_WAITING_MAX);
    let (tell, progress) = watch::channel(Progress {
        durable: end.sequence,
        full,
        failure: None,
    });
    let closing = Arc::new(AtomicBool::new(false));
    let mut group = GroupCommit::new(medium, end);
    if full {
        group.starts_full();
    }
    let mut writer = Writer {
        group,
        waiting,
        tell,
        closing: Arc::clone(&closing),
        attempts_left: LAST_ATTEMPTS,
    };
    let thread = thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(StoreError::Thread)?;
    Ok(Running {
        commits,
        progress,
        closing,
        thread,
    })
}

struct Writer<M> {
    group: GroupCommit<M>,
    waiting: Receiver<Commit>,
    tell: watch::Sender<Progress>,
    closing: Arc<AtomicBool>,
    attempts_left: u32,
}

impl<M: Medium> Writer<M> {
    fn run(&mut self) {
        let outcome = loop {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => return,
                Err(failure) => break failure,
            }
        };
        tracing::error!(
            cause = outcome.cause,
            "the journal cannot be written; nothing more is acknowledged"
        );
        metrics::counter!("muster_store_failures_total").increment(1);
        self.tell.send_modify(|progress| progress.failure = Some(outcome));
    }

    /// One group; false when nothing more will come.
    fn turn(&mut self) -> Result<bool, JournalError> {
        if self.group.waits() {
            thread::sleep(SPACE_WAIT);
            self.give_up_if_closing()?;
        } else if !self.gather() {
            return Ok(false);
        }
        if self.group.waits() {
            self.write()?;
        }
        let tell = &self.tell;
        self.group.look_for_space(&mut |news| publish(tell, news))?;
        Ok(true)
    }

    /// Takes what waits; waits for the first of it, but not for ever while there is space to look for.
    fn gather(&mut self) -> bool {
        let first = if self.group.is_full() {
            match self.waiting.recv_timeout(SPACE_WAIT) {
                Ok(commit) => Some(commit),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        } else {
            match self.waiting.recv() {
                Ok(commit) => Some(commit),
                Err(_) => return false,
            }
        };
        let more = self.waiting.try_iter().take(GROUP_MAX);
        first.into_iter().chain(more).for_each(|commit| self.group.take(commit));
        true
    }

    fn write(&mut self) -> Result<(), JournalError> {
        let began = Instant::now();
        let tell = &self.tell;
        if self.group.write(&mut |news| publish(tell, news))? == Attempt::Written {
            metrics::histogram!("muster_store_commit_seconds").record(began.elapsed());
        }
        Ok(())
    }

    fn give_up_if_closing(&mut self) -> Result<(), JournalError> {
        if !self.closing.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.attempts_left == 0 {
            return Err(JournalError {
                doing: "writing",
                cause: "there was no space before the service ended".to_owned(),
            });
        }
        self.attempts_left -= 1;
        Ok(())
    }
}

fn publish(tell: &watch::Sender<Progress>, news: JournalNews) {
    match news {
        JournalNews::Durable(sequence) => tell.send_modify(|progress| progress.durable = sequence),
        JournalNews::Full => {
            tracing::error!("the disk of the store is full; the reserve is in use");
            metrics::counter!("muster_store_full_total").increment(1);
            tell.send_modify(|progress| progress.full = true);
        }
        JournalNews::SpaceAgain => {
            tracing::info!("the disk of the store has space again; the reserve is whole");
            tell.send_modify(|progress| progress.full = false);
        }
    }
}
