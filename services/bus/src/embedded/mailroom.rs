//! Where messages to phones wait: one short queue for each session, so that a phone that does not read costs nobody else.
//!
//! ```text
//! engine ─ outbound queue ─> mailroom ─ queue of the session (QUEUED_PER_PHONE) ─> in flight (IN_FLIGHT_PER_PHONE) ─> phone
//! ```
//! The broker library has a table of subscriptions, of which every connect walks every row, several times and with the
//! table locked: a fleet that comes back costs the square of its size, and alerts wait for the lock. But here a device can
//! subscribe to one topic only, its own. So we remember who listens, empty the library's table as it fills, and put
//! messages straight into the queue of the session, which also tells us what was dropped. The sessions, their queues
//! and what is sent again remain the library's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use dispatch_core::{
    ids::{AlertId, DeviceId},
    input::{DeliveryStage, Input},
    time::Timestamp,
};
use mqtt5::{
    QoS,
    broker::{
        DynamicStorage, StorageBackend,
        router::MessageRouter,
        storage::{ClientSession, QueueHandle, QueuedMessage},
    },
    packet::publish::PublishPacket,
};
use muster_engine::{inlet::Inlet, ports::Outbound, registry::Encoding};

use crate::down::{self, Letter};

/// Messages to one phone that wait for it, while it is away or does not read. Newer ones replace older ones of the same
/// alert, and a person has one or two alerts at a time; so when full, the oldest goes.
pub(super) const QUEUED_PER_PHONE: usize = 16;
/// Sessions of one device that get its messages: the app of now, and what is left of the app before it was installed
/// again. The oldest is forgotten first.
const SESSIONS_PER_DEVICE: usize = 4;

/// Who listens, and the way to their queues.
pub(super) struct Mailroom {
    router: Arc<MessageRouter>,
    storage: Arc<DynamicStorage>,
    inlet: Inlet,
    /// The client ids whose session holds the subscription, oldest first. Those that ended are found when next used.
    listeners: Mutex<HashMap<DeviceId, Vec<String>>>,
}

impl Mailroom {
    pub fn new(router: Arc<MessageRouter>, storage: Arc<DynamicStorage>, inlet: Inlet) -> Self {
        Self {
            router,
            storage,
            inlet,
            listeners: Mutex::default(),
        }
    }

    /// A session subscribed to its down topic, or came back with the subscription: moves it from the library's table to
    /// ours.
    pub async fn open(&self, device: DeviceId, client_id: &str, down: &str) {
        self.router.unsubscribe(client_id, down, None).await;
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = listeners.entry(device).or_default();
        if sessions.iter().any(|known| known == client_id) {
            return;
        }
        if sessions.len() == SESSIONS_PER_DEVICE {
            sessions.remove(0);
        }
        sessions.push(client_id.to_owned());
    }

    /// A session no longer listens.
    pub fn close(&self, device: DeviceId, client_id: &str) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sessions) = listeners.get_mut(&device) {
            sessions.retain(|known| known != client_id);
            if sessions.is_empty() {
                listeners.remove(&device);
            }
        }
    }

    /// Takes the subscription out of the stored session, which the library does only for what is in its table.
    pub async fn unsubscribe(&self, device: DeviceId, client_id: &str, down: &str) {
        self.close(device, client_id);
        if let Ok(Some(session)) = self.storage.get_session(client_id).await {
            let token = session.connection_token;
            let forget = |session: &mut ClientSession| session.remove_subscription(down);
            if let Err(error) = self.storage.update_session(client_id, token, forget).await {
                tracing::warn!(%error, "a subscription outlives its end");
            }
        }
    }

    /// The client ids under which a device has a listening session, connected or not.
    pub fn sessions_of(&self, device: DeviceId) -> Vec<String> {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.get(&device).cloned().unwrap_or_default()
    }

    /// Puts a message into the queue of each of the device's sessions.
    pub async fn put(&self, outbound: &Outbound, topic: &str, letter: &Letter) {
        let device = outbound.message.device;
        let packet = PublishPacket::new(topic, letter.payload.clone(), QoS::AtLeastOnce)
            // The queue cuts off the parts of seconds when a message comes in and again when it goes out.
            .with_message_expiry_interval(letter.expiry_s.saturating_add(1))
            .with_content_type(letter.content_type.to_owned());
        for client_id in self.sessions_of(device) {
            let queue = self.router.queue_handle(&client_id);
            let epoch = queue.epoch();
            if !self.is_kept(&client_id, topic).await {
                self.close(device, &client_id);
                continue;
            }
            self.make_room(device, outbound.to.encoding, &queue).await;
            let message = QueuedMessage::new(packet.clone(), client_id, QoS::AtLeastOnce, None);
            // None = the session was discarded this moment, and its successor has not subscribed.
            if queue.push_in_epoch(message, epoch).is_some() {
                queue.notify();
            }
        }
    }

    async fn is_kept(&self, client_id: &str, topic: &str) -> bool {
        let session = self.storage.get_session(client_id).await;
        session.is_ok_and(|session| session.is_some_and(|session| session.subscriptions.contains_key(topic)))
    }

    /// Drops what has expired, and then the oldest, until one more fits.
    async fn make_room(&self, device: DeviceId, encoding: Encoding, queue: &QueueHandle) {
        if queue.count() < QUEUED_PER_PHONE {
            return;
        }
        count_dropped("expired", queue.purge_expired());
        while queue.count() >= QUEUED_PER_PHONE {
            let oldest = queue.take(1).await;
            queue.finish_drain();
            if oldest.is_empty() {
                return;
            }
            self.drop_all(device, encoding, "full", &oldest).await;
        }
    }

    /// Before a resumed session is served: drops what expired while it was away, by the clock of the engine. The library
    /// gives what it sends again the life it had when it was last sent.
    pub async fn drop_expired(&self, device: DeviceId, encoding: Encoding, client_id: &str, now: Timestamp) {
        let queue = self.router.queue_handle(client_id);
        // A connection that is being displaced still puts back what it held; that is in front of what is here.
        if queue.is_empty() || queue.handoff() {
            return;
        }
        let epoch = queue.epoch();
        let waiting = queue.take(usize::MAX).await;
        let is_over = |message: &QueuedMessage| {
            down::read_back(encoding, &message.payload).is_some_and(|about| about.expires_at <= now)
        };
        let (expired, alive): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_over);
        queue.requeue_front_in_epoch(alive, epoch);
        queue.finish_drain();
        self.drop_all(device, encoding, "expired", &expired).await;
    }

    async fn drop_all(&self, device: DeviceId, encoding: Encoding, reason: &'static str, dropped: &[QueuedMessage]) {
        count_dropped(reason, dropped.len());
        for message in dropped {
            let about = down::read_back(encoding, &message.payload).and_then(|about| about.alert);
            let Some((alert, version)) = about else { continue };
            self.report_failed(device, alert, version).await;
        }
    }

    async fn report_failed(&self, device: DeviceId, alert: AlertId, version: u32) {
        let failed = Input::Delivery {
            device,
            alert,
            version,
            stage: DeliveryStage::Failed,
        };
        if self.inlet.send(failed).await.is_err() {
            tracing::debug!("the engine has stopped; a dropped message is not reported");
        }
    }
}

fn count_dropped(reason: &'static str, count: usize) {
    if count > 0 {
        metrics::counter!("muster_bus_queue_dropped_total", "reason" => reason).increment(count as u64);
    }
}
