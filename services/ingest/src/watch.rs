//! A watch: everything that happens to a tenant's incidents, in order, without gaps, from any point on.
//!
//! A watch holds a position and at most one page. It reads when its client takes, so a slow client costs nothing more,
//! and it reads from the journal only, so what it tells is durable and can be told again after a restart. Between these
//! events it tells the alarms of the service itself, which are not part of the journal.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dispatch_core::ids::{IncidentId, TenantId};
use futures_util::{Stream, StreamExt, stream};
use muster_engine::ports::{Clock, JournalError, JournalReader};
use muster_proto::v1::WatchIncidentsResponse;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tonic::Status;

use crate::{alarms::Alarms, answer, counted, reads::Reads, refusal::Refusal, stories::Stories};

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

/// A watch about to begin.
pub(crate) struct Watch {
    pub pages: Pages,
    pub alarms: Alarms,
    pub clock: Arc<dyn Clock>,
    /// Becomes true when the service stops.
    pub stopping: watch::Receiver<bool>,
    pub seat: Seat,
}

impl Watch {
    /// The events, until the client goes or the service stops.
    pub fn events(self) -> impl Stream<Item = Result<WatchIncidentsResponse, Status>> + Send + 'static {
        let telling = Telling {
            reached: self.pages.position,
            delivered: self.pages.position,
            pages: Box::pin(self.pages.read_on()),
            told: VecDeque::new(),
            alarms: self.alarms,
            clock: self.clock,
            stopping: self.stopping,
            ending: None,
            _seat: self.seat,
        };
        stream::unfold(Some(telling), |telling| async {
            let mut telling = telling?;
            match telling.next().await {
                Ok(event) => Some((Ok(event), Some(telling))),
                Err(refusal) => {
                    counted::refused("WatchIncidents", refusal.reason());
                    Some((Err(refusal.into()), None))
                }
            }
        })
    }
}

/// What a client is told, one event at a time as it takes them: alarms first, they are about now.
struct Telling {
    pages: Pin<Box<dyn Stream<Item = Result<Page, Refusal>> + Send>>,
    told: VecDeque<WatchIncidentsResponse>,
    /// The last sequence of the page in `told`.
    reached: u64,
    /// Where the client would resume: an alarm in the middle of a page must not skip the rest of it.
    delivered: u64,
    alarms: Alarms,
    clock: Arc<dyn Clock>,
    stopping: watch::Receiver<bool>,
    /// Why the watch ends, once the last alarms are told: often they say why, too.
    ending: Option<Refusal>,
    _seat: Seat,
}

impl Telling {
    async fn next(&mut self) -> Result<WatchIncidentsResponse, Refusal> {
        loop {
            if let Some(told) = self.alarms.next() {
                return Ok(answer::system_alarm(&told, self.delivered, self.clock.now()));
            }
            if let Some(refusal) = self.ending.take() {
                return Err(refusal);
            }
            if let Some(event) = self.told.pop_front() {
                self.delivered = event.sequence;
                return Ok(event);
            }
            self.delivered = self.reached;
            let page = tokio::select! {
                () = self.alarms.news() => continue,
                page = self.pages.next() => page.unwrap_or(Err(Refusal::Stopping)),
                _ = self.stopping.wait_for(|stopping| *stopping) => Err(Refusal::Stopping),
            };
            match page {
                Ok(page) => (self.reached, self.told) = page,
                Err(refusal) => {
                    self.ending = Some(refusal);
                    self.alarms.look();
                }
            }
        }
    }
}

/// The last sequence of a part of the journal, and what it means to a watcher.
type Page = (u64, VecDeque<WatchIncidentsResponse>);

/// The journal, as one watch reads along.
pub(crate) struct Pages {
    pub reads: Reads,
    pub subject: Subject,
    /// Everything up to this sequence has been read.
    pub position: u64,
    /// The highest durable sequence, as it grows.
    pub durable: watch::Receiver<u64>,
    /// Incidents as they stood there.
    pub stories: Stories,
}

impl Pages {
    /// Page after page; waits when there is nothing new. Ends after a refusal.
    fn read_on(self) -> impl Stream<Item = Result<Page, Refusal>> + Send + 'static {
        stream::unfold(Some(self), |pages| async {
            let mut pages = pages?;
            match pages.next().await {
                Ok(page) => Some((Ok(page), Some(pages))),
                Err(refusal) => Some((Err(refusal), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Page, Refusal> {
        loop {
            // Before the read: what becomes durable during it wakes the wait after it.
            self.durable.borrow_and_update();
            let read_at = Instant::now();
            let (subject, position) = (self.subject.clone(), self.position);
            let mut stories = std::mem::take(&mut self.stories);
            let read = self.reads.read(move |reader| {
                let page = page(reader, &subject, position, &mut stories)?;
                Ok((page, stories))
            });
            let (page, stories) = read.await?;
            self.stories = stories;
            if let Some(page) = page {
                self.position = page.0;
                return Ok(page);
            }
            self.durable.changed().await.map_err(|_| Refusal::Stopping)?;
            sleep_until(read_at + READ_EVERY).await;
        }
    }
}

/// The last sequence of the next page and what it means to a watcher; `None` when there is no more.
fn page(
    reader: &dyn JournalReader,
    subject: &Subject,
    position: u64,
    stories: &mut Stories,
) -> Result<Option<Page>, JournalError> {
    let entries = reader.entries_after(&subject.tenant, position, subject.incident, PAGE)?;
    let Some(last) = entries.last().map(|entry| entry.entry.sequence) else {
        return Ok(None);
    };
    let mut told = VecDeque::new();
    for entry in &entries {
        let story = stories.at(reader, &subject.tenant, entry)?;
        let events = story.tell(entry);
        if subject.incident.is_some() || !story.is_canary() {
            told.extend(events);
        }
    }
    Ok(Some((last, told)))
}

#[cfg(test)]
mod tests {
    use dispatch_core::time::Timestamp;
    use muster_engine::{
        alarms::{AlarmBoard, AlarmKind},
        memory::MemoryClock,
    };

    use super::*;

    #[tokio::test]
    async fn an_alarm_in_the_middle_of_a_page_does_not_skip_the_rest_of_it() {
        let (board, leeds) = (AlarmBoard::default(), TenantId::new("leeds").expect("valid"));
        let event = |sequence| WatchIncidentsResponse {
            sequence,
            ..WatchIncidentsResponse::default()
        };
        let stopping = watch::Sender::new(false);
        let mut telling = Telling {
            pages: Box::pin(stream::pending()),
            told: [event(8), event(9)].into(),
            reached: 9,
            delivered: 7,
            alarms: Alarms::new(&board, leeds.clone()),
            clock: Arc::new(MemoryClock::default()),
            stopping: stopping.subscribe(),
            ending: None,
            _seat: Seats::default().take(&leeds).expect("a seat"),
        };
        let mut sequences = vec![telling.next().await.expect("an event").sequence];
        board.raise(AlarmKind::StoreFull, None, Timestamp::default(), 0);
        telling.alarms.look();
        for _ in 0..2 {
            sequences.push(telling.next().await.expect("an event").sequence);
        }
        assert_eq!(sequences, [8, 8, 9]);
    }
}
