//! What the broker tells us: who came and went, and what phones publish.

use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, Weak},
};

use dispatch_core::{ids::DeviceId, input::Input};
use mqtt5::{
    QoS,
    broker::{
        BrokerEventHandler, ClientConnectEvent, ClientDisconnectEvent, ClientPublishEvent, ClientSubscribeEvent,
        ClientUnsubscribeEvent, DynamicStorage, PublishAction, StorageBackend, SubAckReasonCode, router::MessageRouter,
    },
    packet::publish::PublishPacket,
};
use muster_engine::ports::Clock;

use super::{entrance::Entrance, mailroom::Mailroom, sessions::Sessions};
use crate::{
    authorisation::{Authorisation, client_named, device_named},
    intake::{Intake, NotTaken, Publication},
    refusal::Refusal,
    topics::Topic,
};

/// A topic nobody can listen on.
const NOWHERE: &str = "muster/nowhere";

type Done<'a, T = ()> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The broker's way to us.
pub(super) struct Reception {
    pub(super) authorisation: Authorisation,
    /// Held while the engine is told who came or went, so that it hears it in the order in which it happened.
    pub(super) sessions: tokio::sync::Mutex<Sessions>,
    /// Devices that last connected with MQTT 3.1.1. At most one entry for each enrolled device.
    pub(super) older: Mutex<HashSet<DeviceId>>,
    intake: Intake,
    clock: Arc<dyn Clock>,
    pub(super) entrance: Entrance,
    broker: OnceLock<Broker>,
}

struct Broker {
    /// Weak, since the router holds us.
    router: Weak<MessageRouter>,
    storage: Arc<DynamicStorage>,
    /// Weak, since it holds the router.
    mailroom: Weak<Mailroom>,
}

impl Reception {
    pub fn new(authorisation: Authorisation, intake: Intake, clock: Arc<dyn Clock>, entrance: Entrance) -> Self {
        Self {
            clock,
            entrance,
            authorisation,
            sessions: tokio::sync::Mutex::default(),
            older: Mutex::default(),
            intake,
            broker: OnceLock::new(),
        }
    }

    /// Learns which broker it works for, before the first connection.
    pub fn meet(&self, router: &Arc<MessageRouter>, storage: Arc<DynamicStorage>, mailroom: &Arc<Mailroom>) {
        let (router, mailroom) = (Arc::downgrade(router), Arc::downgrade(mailroom));
        let broker = Broker {
            router,
            storage,
            mailroom,
        };
        let first = self.broker.set(broker).is_ok();
        assert!(first, "a reception works for one broker");
    }

    /// Closes the device's connections and forgets its sessions.
    pub async fn close(&self, device: DeviceId) {
        let mut clients = self.sessions.lock().await.clients_of(device);
        if let Some(mailroom) = self.mailroom() {
            // Also those that are away.
            clients.extend(mailroom.sessions_of(device));
        }
        for client_id in clients {
            self.forget(&client_id).await;
            if let Some(mailroom) = self.mailroom() {
                mailroom.close(device, &client_id);
            }
        }
    }

    async fn forget(&self, client_id: &str) {
        let Some(router) = self.router() else {
            return;
        };
        router.unregister_client(client_id).await;
        let storage = self.broker.get().map(|broker| &broker.storage);
        if let Some(storage) = storage {
            let removed = [
                storage.remove_session(client_id).await,
                storage.remove_all_inflight_messages(client_id).await,
            ];
            if let Some(error) = removed.into_iter().find_map(Result::err) {
                tracing::warn!(%error, "a closed session is not wholly forgotten");
            }
        }
        router.queue_handle(client_id).clear(None);
    }

    fn router(&self) -> Option<Arc<MessageRouter>> {
        self.broker.get()?.router.upgrade()
    }

    fn mailroom(&self) -> Option<Arc<Mailroom>> {
        self.broker.get()?.mailroom.upgrade()
    }

    async fn connected(&self, event: ClientConnectEvent) {
        self.entrance.passed(&event.client_id);
        let Some(device) = event.user_id.as_deref().and_then(device_named) else {
            return;
        };
        let Some(access) = self.authorisation.credentials.access(device) else {
            // Revoked between the check of the password and now.
            return self.forget(&event.client_id).await;
        };
        let down = self.authorisation.region.down(&access.topic_id);
        let mut sessions = self.sessions.lock().await;
        let resumed = match self.router() {
            Some(router) => router.has_subscription(&event.client_id, &down).await,
            None => false,
        };
        sessions.connected(device, &event.client_id, resumed);
        let Some(mailroom) = self.mailroom() else { return };
        if resumed {
            mailroom.open(device, &event.client_id, &down).await;
            let (encoding, now) = (access.encoding, self.clock.now());
            mailroom.drop_expired(device, encoding, &event.client_id, now).await;
            self.tell(Input::DeviceOnline { device }).await;
        } else {
            mailroom.close(device, &event.client_id);
        }
    }

    async fn subscribed(&self, event: ClientSubscribeEvent) {
        // Only a device's own down topic is ever granted.
        if !event.subscriptions.iter().any(|asked| is_granted(asked.result)) {
            return;
        }
        let mut sessions = self.sessions.lock().await;
        if let Some(device) = sessions.set_listening(&event.client_id, true) {
            let access = self.authorisation.credentials.access(device);
            if let (Some(mailroom), Some(access)) = (self.mailroom(), access) {
                let down = self.authorisation.region.down(&access.topic_id);
                mailroom.open(device, &event.client_id, &down).await;
            }
            self.tell(Input::DeviceOnline { device }).await;
        }
    }

    async fn unsubscribed(&self, event: ClientUnsubscribeEvent) {
        let is_down = |filter: &Arc<str>| matches!(self.authorisation.region.parse(filter), Some(Topic::Down { .. }));
        let Some(down) = event.topic_filters.iter().find(|filter| is_down(filter)) else {
            return;
        };
        let mut sessions = self.sessions.lock().await;
        let device = sessions.set_listening(&event.client_id, false);
        if let (Some(mailroom), Some(device)) = (self.mailroom(), device) {
            mailroom.unsubscribe(device, &event.client_id, down).await;
        }
        if let Some(device) = device.filter(|&device| !sessions.is_listening(device)) {
            self.tell(Input::DeviceOffline { device }).await;
        }
    }

    async fn disconnected(&self, event: ClientDisconnectEvent) {
        let mut sessions = self.sessions.lock().await;
        if let Some(device) = sessions.disconnected(&event.client_id) {
            self.tell(Input::DeviceOffline { device }).await;
        }
    }

    async fn tell(&self, input: Input) {
        if self.intake.inlet.send(input).await.is_err() {
            tracing::debug!("the engine has stopped; who comes and goes is not told");
        }
    }

    async fn published(&self, event: ClientPublishEvent) -> PublishAction {
        let client = event.user_id.as_deref().and_then(client_named);
        let allowed = client.is_some_and(|client| self.authorisation.publish(client, &event.topic).is_ok());
        if !allowed {
            // Counted at the door, and only an MQTT 3.1.1 client comes this far.
            return PublishAction::Handled;
        }
        let is_owntracks = matches!(
            self.authorisation.region.parse(&event.topic),
            Some(Topic::OwnTracks { .. })
        );
        if event.retain && !is_owntracks {
            return self.refuse_retained(&event.client_id).await;
        }
        let publication = Publication {
            topic: &event.topic,
            payload: &event.payload,
            retained: false,
        };
        match self.intake.take_durably(&publication).await {
            Ok(()) => PublishAction::Handled,
            // Nobody took it, so it is not acknowledged: the phone says it again to whoever comes next.
            Err(NotTaken::Stopped) => unacknowledged(),
            // It says it again when it comes back, by when it may say some more.
            Err(NotTaken::BeyondBudget) => self.cut_off(&event.client_id).await,
        }
    }

    /// The phone was told at its connect that nothing is retained here, so this is a breach of the protocol, which ends
    /// the connection. The session stays.
    async fn refuse_retained(&self, client_id: &str) -> PublishAction {
        Refusal::Retained.count();
        self.cut_off(client_id).await
    }

    async fn cut_off(&self, client_id: &str) -> PublishAction {
        if let Some(router) = self.router() {
            router.disconnect_client(client_id).await;
        }
        unacknowledged()
    }
}

/// The broker acknowledges what a hook calls handled. What must not be acknowledged is changed into a QoS 0 message
/// to nobody.
fn unacknowledged() -> PublishAction {
    PublishAction::Transform(PublishPacket::new(NOWHERE, Vec::new(), QoS::AtMostOnce))
}

fn is_granted(code: SubAckReasonCode) -> bool {
    matches!(
        code,
        SubAckReasonCode::GrantedQoS0 | SubAckReasonCode::GrantedQoS1 | SubAckReasonCode::GrantedQoS2
    )
}

impl BrokerEventHandler for Reception {
    fn on_client_connect<'a>(&'a self, event: ClientConnectEvent) -> Done<'a> {
        Box::pin(self.connected(event))
    }

    fn on_client_subscribe<'a>(&'a self, event: ClientSubscribeEvent) -> Done<'a> {
        Box::pin(self.subscribed(event))
    }

    fn on_client_unsubscribe<'a>(&'a self, event: ClientUnsubscribeEvent) -> Done<'a> {
        Box::pin(self.unsubscribed(event))
    }

    fn on_client_publish<'a>(&'a self, event: ClientPublishEvent) -> Done<'a, PublishAction> {
        Box::pin(self.published(event))
    }

    fn on_client_disconnect<'a>(&'a self, event: ClientDisconnectEvent) -> Done<'a> {
        Box::pin(self.disconnected(event))
    }
}
