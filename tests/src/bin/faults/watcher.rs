//! The control room's watch: what it was told while faults happened, and the same told again afterwards.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use muster_proto::v1::{WatchIncidentsRequest, WatchIncidentsResponse, watch_incidents_response::Event};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::desk::Desk;

/// Time before a lost watch is taken up again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// A replay that is silent for this long has told everything.
const SILENCE: Duration = Duration::from_secs(1);

/// A stream that ends so often without a single event never tells any.
const ENDED_EMPTY_MAX: usize = 3;

/// What was told: events as text, each with its sequence.
pub type Told = BTreeSet<(u64, String)>;

/// A watch that resumes after each restart.
pub struct Watcher {
    told: Arc<Mutex<Told>>,
    task: JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watcher {
    /// Watches from the beginning on.
    pub fn start(desk: &Desk) -> Self {
        let told = Arc::new(Mutex::new(Told::new()));
        let task = tokio::spawn(watch(desk.clone(), Arc::clone(&told)));
        Self { told, task }
    }

    /// Everything told so far.
    pub fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn watch(desk: Desk, told: Arc<Mutex<Told>>) {
    let mut after = 0;
    loop {
        let request = WatchIncidentsRequest {
            after_sequence: Some(after),
            incident_id: String::new(),
        };
        // The desk's timeout holds for the whole stream, so it ends every few seconds; it resumes where it was.
        if let Ok(answer) = desk.incidents.clone().watch_incidents(request).await {
            let mut events = answer.into_inner();
            while let Ok(Some(event)) = events.message().await {
                after = event.sequence.max(after);
                // An alarm tells of the moment, not of the journal: it is not told again.
                if matches!(event.event, Some(Event::SystemAlarm(_))) {
                    continue;
                }
                told.lock().unwrap_or_else(PoisonError::into_inner).insert(text(&event));
            }
        }
        sleep(AGAIN_AFTER).await;
    }
}

/// Everything there is to tell, from the beginning and at least up to this sequence, unless the watch ends before it.
pub async fn replay(desk: &Desk, up_to: u64) -> Result<Vec<WatchIncidentsResponse>> {
    let mut all: Vec<WatchIncidentsResponse> = Vec::new();
    let mut ended_empty = 0;
    while ended_empty < ENDED_EMPTY_MAX {
        let told_before = all.len();
        let after = all.last().map_or(0, |event| event.sequence);
        let request = WatchIncidentsRequest {
            after_sequence: Some(after),
            incident_id: String::new(),
        };
        let mut events = desk
            .incidents
            .clone()
            .watch_incidents(request)
            .await
            .context("watching from the beginning")?
            .into_inner();
        loop {
            match timeout(SILENCE, events.message()).await {
                Ok(Ok(Some(event))) => all.push(event),
                // Nothing new: that was all, or a busy machine takes its time.
                Err(_) if all.last().is_some_and(|event| event.sequence >= up_to) => return Ok(all),
                Err(_) => {}
                // The stream's own time is over; it goes on where it was.
                Ok(_) => break,
            }
        }
        ended_empty = if all.len() == told_before { ended_empty + 1 } else { 0 };
    }
    // What is missing will be missed by whoever asked.
    Ok(all)
}

/// An event as comparable text.
pub fn text(event: &WatchIncidentsResponse) -> (u64, String) {
    let text = serde_json::to_string(event).unwrap_or_else(|error| format!("unreadable: {error}"));
    (event.sequence, text)
}
