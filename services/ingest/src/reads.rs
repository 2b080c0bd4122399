//! Reads from the journal, away from the threads that serve connections.

use std::sync::Arc;

use muster_engine::ports::{JournalError, JournalReader};
use tokio::sync::Semaphore;

use crate::refusal::Refusal;

/// Reads going on at once. Each holds a thread; the store has a few connections for reading, so more would only wait.
const READS_AT_ONCE: usize = 16;

/// Where reads are made. Reads past the limit wait their turn, in order.
#[derive(Clone)]
pub(crate) struct Reads {
    reader: Arc<dyn JournalReader>,
    turns: Arc<Semaphore>,
}

impl Reads {
    pub fn new(reader: Arc<dyn JournalReader>) -> Self {
        Self {
            reader,
            turns: Arc::new(Semaphore::new(READS_AT_ONCE)),
        }
    }

    /// Makes one read on a thread of its own.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn JournalReader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| Refusal::Stopping)?;
        let reader = Arc::clone(&self.reader);
        let read = tokio::task::spawn_blocking(move || {
            let result = read(reader.as_ref());
            // Held by the thread, not by the caller, who may be gone before the read is over.
            drop(turn);
            result
        });
        match read.await {
            Ok(result) => result.map_err(Refusal::Journal),
            Err(_) => Err(Refusal::Internal("a read broke off")),
        }
    }
}
