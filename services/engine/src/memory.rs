//! Twins of the ports that live in memory, for tests of what stands on them.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, AtomicU8, Ordering},
};

use async_trait::async_trait;
use dispatch_core::{ids::DeviceId, time::Timestamp};
use tokio::sync::{Semaphore, mpsc};

use crate::ports::{Clock, Commit, Entropy, Journal, JournalError, JournalNews, MessageBus, Outbound};

/// A clock that stands where it is put.
#[derive(Default)]
pub struct MemoryClock(AtomicI64);

impl MemoryClock {
    /// Puts the clock.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_ms(), Ordering::SeqCst);
    }
}

impl Clock for MemoryClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}

/// Counts up instead of being random.
#[derive(Default)]
pub struct MemoryEntropy(AtomicU8);

impl Entropy for MemoryEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// A journal that keeps commits in memory and calls them durable as its gate allows.
pub struct MemoryJournal {
    commits: Arc<Mutex<Vec<Commit>>>,
    gate: Arc<Semaphore>,
    submitted: mpsc::UnboundedSender<u64>,
    waiting: mpsc::UnboundedReceiver<u64>,
}

/// What a test sees of a [`MemoryJournal`].
#[derive(Clone)]
pub struct MemoryJournalView {
    commits: Arc<Mutex<Vec<Commit>>>,
    gate: Arc<Semaphore>,
}

impl MemoryJournal {
    /// A journal and the view of it. Nothing is durable until the view allows it.
    pub fn new() -> (Self, MemoryJournalView) {
        let (submitted, waiting) = mpsc::unbounded_channel();
        let commits = Arc::<Mutex<Vec<Commit>>>::default();
        let gate = Arc::new(Semaphore::new(0));
        let view = MemoryJournalView {
            commits: commits.clone(),
            gate: gate.clone(),
        };
        (
            Self {
                commits,
                gate,
                submitted,
                waiting,
            },
            view,
        )
    }
}

impl MemoryJournalView {
    /// Lets this many more commits become durable.
    pub fn allow(&self, commits: usize) {
        self.gate.add_permits(commits);
    }

    /// Everything submitted.
    pub fn commits(&self) -> Vec<Commit> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    fn submit(&mut self, commit: Commit) -> Result<(), JournalError> {
        let last = commit.entries.last().map_or(0, |entry| entry.sequence);
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).push(commit);
        self.submitted.send(last).map_err(|error| JournalError {
            doing: "submitting",
            cause: error.to_string(),
        })
    }

    async fn news(&mut self) -> Result<JournalNews, JournalError> {
        // The permit comes first, so that giving up in between loses nothing.
        let permit = self.gate.acquire().await.map_err(|error| JournalError {
            doing: "waiting",
            cause: error.to_string(),
        })?;
        match self.waiting.recv().await {
            Some(sequence) => {
                permit.forget();
                Ok(JournalNews::Durable(sequence))
            }
            None => Err(JournalError {
                doing: "waiting",
                cause: "the journal is gone".to_owned(),
            }),
        }
    }
}

/// A bus that keeps what it is given.
pub struct MemoryBus {
    published: mpsc::UnboundedSender<Outbound>,
    closed: Mutex<Vec<DeviceId>>,
}

impl MemoryBus {
    /// A bus and the end where its messages come out.
    pub fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Outbound>) {
        let (published, out) = mpsc::unbounded_channel();
        (
            Arc::new(Self {
                published,
                closed: Mutex::default(),
            }),
            out,
        )
    }

    /// Whose sessions were closed.
    pub fn closed(&self) -> Vec<DeviceId> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl MessageBus for MemoryBus {
    fn publish(&self, message: Outbound) {
        // A test that no longer listens is not our concern.
        let _ = self.published.send(message);
    }

    fn close_session(&self, device: DeviceId) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).push(device);
    }
}
