//! Saves now and then where people are, so that a restart need not wait for every phone to say it again.

use std::{sync::Arc, time::Duration};

use muster_engine::{ports::Clock, requests::EngineHandle};
use muster_store::Whereabouts;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{sleep, timeout},
};

/// Between two saves. Phones report about as often, so after a crash what was saved is one report older.
const EVERY: Duration = Duration::from_secs(60);
/// The last save, at a stop, is given up after this.
const LAST_WITHIN: Duration = Duration::from_secs(6);

/// Saves until `stop` turns true, and then once more.
pub async fn keep_saving(
    mut files: Whereabouts,
    engine: EngineHandle,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let stopping = tokio::select! {
            () = sleep(EVERY) => false,
            _ = stop.wait_for(|&stop| stop) => true,
        };
        if stopping {
            if timeout(LAST_WITHIN, save(files, &engine, &clock)).await.is_err() {
                tracing::warn!("no time to save where people are");
            }
            return;
        }
        match save(files, &engine, &clock).await {
            Some(kept) => files = kept,
            None => return,
        }
    }
}

/// Gives the files back, unless writing them panicked.
async fn save(mut files: Whereabouts, engine: &EngineHandle, clock: &Arc<dyn Clock>) -> Option<Whereabouts> {
    let Ok(people) = engine.fixes().await else {
        tracing::debug!("the owner does not answer; positions are not saved this time");
        return Some(files);
    };
    let now = clock.now();
    let saved = spawn_blocking(move || {
        if let Err(error) = files.save(now, &people) {
            tracing::warn!(%error, "where people are is not saved");
        }
        files
    });
    saved.await.ok()
}
