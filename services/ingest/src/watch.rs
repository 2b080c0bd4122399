//! A watch: everything that happens to a tenant's incidents, in order, without gaps, from any point on.
//!
//! A watch holds a position and at most one page. It reads when its client takes, so a slow client costs nothing more,
//! and it reads from the journal only, so what it tells is durable and can be told again after a restart.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dispatch_core::ids::{IncidentId, TenantId};
use futures_util::{Stream, stream};
use muster_engine::ports::{JournalError, JournalReader};
use muster_proto::v1::WatchIncidentsResponse;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tonic::Status;

use crate::{answer::Story, counted, reads::Reads, refusal::Refusal};

/// Records read at once: an hour of a busy control room catches up in a few dozen reads.
const PAGE: usize = 500;
/// Shortest time between two reads of one watch that keeps up. Commits come in bursts, and each wakes every watch; a
/// dispatcher does not see a delay of this length.
const READ_EVERY: Duration = Duration::from_millis(20);
/// Watches of one tenant. A control room has a few dispatch systems and screens, each with one watch.
pub(crate) const WATCHES_PER_TENANT: usize = 64;

/// Counts the open watches of each tenant.
#[derive(Clone, Default)]
pub(crate) struct Seats(Arc<Mutex<BTreeMap<TenantId, usize>>>);

impl Seats {
    /// A seat for one more watch, given back when dropped.
    pub fn take(&self, tenant: &TenantId) -> Result<Seat, Refusal> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(tenant.clone()).or_default();
        if *count >= WATCHES_PER_TENANT {
            return Err(Refusal::TooManyWatches(WATCHES_PER_TENANT));
        }
        *count += 1;
        Ok(Seat {
            seats: self.clone(),
            tenant: tenant.clone(),
        })
    }
}

/// One open watch.
pub(crate) struct Seat {
    seats: Seats,
    tenant: TenantId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

/// What is watched.
#[derive(Clone)]
pub(crate) struct Subject {
    /// Whose incidents.
    pub tenant: TenantId,
    /// Only this one.
    pub incident: Option<IncidentId>,
}

/// A watch in progress.
pub(crate) struct Watch {
    pub reads: Reads,
    pub subject: Subject,
    /// Everything up to this sequence has been read.
    pub position: u64,
    /// The highest durable sequence, as it grows.
    pub durable: watch::Receiver<u64>,
    /// Becomes true when the service stops.
    pub stopping: watch::Receiver<bool>,
    pub _seat: Seat,
}

impl Watch {
    /// The events, until the client goes or the service stops.
    pub fn events(self) -> impl Stream<Item = Result<WatchIncidentsResponse, Status>> + Send + 'static {
        let reading = Reading {
            watch: self,
            told: VecDeque::new(),
            read_at: None,
        };
        stream::unfold(Some(reading), |reading| async {
            let mut reading = reading?;
            match reading.next().await {
                Ok(event) => Some((Ok(event), Some(reading))),
                Err(refusal) => {
                    counted::refused("WatchIncidents", refusal.reason());
                    Some((Err(refusal.into()), None))
                }
            }
        })
    }
}

struct Reading {
    watch: Watch,
    told: VecDeque<WatchIncidentsResponse>,
    read_at: Option<Instant>,
}

impl Reading {
    async fn next(&mut self) -> Result<WatchIncidentsResponse, Refusal> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Ok(event);
            }
            // Before the read: what becomes durable during it wakes the wait after it.
            self.watch.durable.borrow_and_update();
            self.read_at = Some(Instant::now());
            if !self.read().await? {
                self.wait().await?;
            }
        }
    }

    /// Reads on; false when there was nothing more.
    async fn read(&mut self) -> Result<bool, Refusal> {
        let (subject, position) = (self.watch.subject.clone(), self.watch.position);
        let page = self
            .watch
            .reads
            .read(move |reader| page(reader, &subject, position))
            .await?;
        let Some((last, told)) = page else {
            return Ok(false);
        };
        self.watch.position = last;
        self.told = told;
        Ok(true)
    }

    async fn wait(&mut self) -> Result<(), Refusal> {
        tokio::select! {
            changed = self.watch.durable.changed() => changed.map_err(|_| Refusal::Stopping)?,
            _ = self.watch.stopping.wait_for(|stopping| *stopping) => return Err(Refusal::Stopping),
        }
        if let Some(read_at) = self.read_at {
            sleep_until(read_at + READ_EVERY).await;
        }
        Ok(())
    }
}

/// The last sequence of the next page and what it means to a watcher; `None` when there is no more.
fn page(
    reader: &dyn JournalReader,
    subject: &Subject,
    position: u64,
) -> Result<Option<(u64, VecDeque<WatchIncidentsResponse>)>, JournalError> {
    let entries = reader.entries_after(&subject.tenant, position, subject.incident, PAGE)?;
    let Some(last) = entries.last().map(|entry| entry.entry.sequence) else {
        return Ok(None);
    };
    let mut stories: BTreeMap<IncidentId, Story> = BTreeMap::new();
    let mut told = VecDeque::new();
    for entry in &entries {
        let story = match stories.entry(entry.incident) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let entries = reader.incident_entries(&subject.tenant, entry.incident)?;
                new.insert(Story::new(entry.incident, entries))
            }
        };
        told.extend(story.tell(entry.entry.sequence));
    }
    Ok(Some((last, told)))
}
