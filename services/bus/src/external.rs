//! Somebody else's broker (Mosquitto, RMQTT, EMQX, ...), reached as a client.
//!
//! ```text
//! engine ─ queue ─> publisher ─ requests ─> poll loop <─> broker
//!                       └ one wait for each PUBACK ─> Inlet
//! poll loop ─ connected ─> subscriber (asks again after every reconnect, checks the SUBACK)
//! poll loop ─ publications of phones ─> intake ─> Inlet
//! ```
//! One task owns the poll loop and never publishes, so that it can never wait for itself.
//!
//! The broker's own access control decides which phone reaches which topic: give every device a user of its own that may
//! write its `…/up` and read its `…/down`, nothing else. What a device says after its access has ended is refused here.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dispatch_core::{ids::DeviceId, input::DeliveryStage};
use muster_engine::{
    inlet::Inlet,
    ports::{Clock, Credentials, MessageBus, Outbound},
    registry::DeviceKind,
};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, PublishNotice, PublishOptions,
    PublishResult, SubscribeFilterInput,
    mqttbytes::{
        QoS,
        v5::{
            ConnectReturnCode, Packet, PubAckReason, Publish, PublishProperties, RetainForwardRule, SubscribeReasonCode,
        },
    },
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    BusError, down,
    intake::{Intake, Publication},
    queue::{OutboundQueue, report, report_unsent},
    session::EmptySession,
    topics::{OWNTRACKS_FILTER, Region},
};

/// Messages handed to the client library and not yet written; the rest wait in our own queue.
const REQUESTS_WAITING: usize = 256;
/// Between two attempts to reach the broker or to subscribe.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// How long the broker keeps our session, and in it what phones say, while we are away.
const SESSION_EXPIRY_S: u32 = 3600;
/// A dead broker is noticed within one and a half of these.
const KEEP_ALIVE_S: u16 = 10;
/// Room for topic and properties beside the largest payload.
const PACKET_MAX: u32 = 64 * 1024;
/// A farewell that takes longer is not waited for.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

/// Where the broker is and who we are to it.
#[derive(Clone, Debug)]
pub struct ExternalConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Our name and password, if the broker wants them.
    pub login: Option<Login>,
    /// Our client id; stable, so that the broker keeps for us what phones say while we are away.
    pub client_id: String,
    /// The region's segment in topics, 1 to 32 characters of `a-z 0-9 -`.
    pub region: String,
}

/// A name and a password.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The bus by way of a broker outside. Dropping it ends its tasks.
pub struct ExternalBus {
    queue: OutboundQueue,
    client: AsyncClient,
    subscribed: watch::Receiver<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl ExternalBus {
    /// Starts to connect and returns at once: a broker that is away now is reached when it is back. Call within a
    /// runtime.
    ///
    /// # Errors
    /// When the region is none, or the client library refuses the configuration.
    pub fn start(
        config: ExternalConfig,
        credentials: Arc<dyn Credentials>,
        clock: Arc<dyn Clock>,
        inlet: Inlet,
    ) -> Result<Self, BusError> {
        let region = Region::new(&config.region)?;
        let (client, event_loop) = AsyncClient::builder(options(&config))
            .capacity(REQUESTS_WAITING)
            .try_build()
            .map_err(|error| BusError::Client(error.into()))?;
        let (connection, connected) = watch::channel(Connection::default());
        let (ready, subscribed) = watch::channel(false);
        let (queue, outbound) = OutboundQueue::new(inlet.clone());

        let poll = PollLoop {
            event_loop,
            connection,
            intake: Intake::new(region.clone(), credentials, Arc::clone(&clock), inlet.clone()),
        };
        let publisher = Publisher {
            client: client.clone(),
            connected: connected.clone(),
            region: region.clone(),
            clock,
            inlet,
        };
        let subscriber = Subscriber {
            client: client.clone(),
            connected,
            ready,
            filters: [region.up_filter(), OWNTRACKS_FILTER.to_owned()],
        };
        let tasks = vec![
            tokio::spawn(poll.run()),
            tokio::spawn(publisher.run(outbound)),
            tokio::spawn(subscriber.run()),
        ];
        Ok(Self {
            queue,
            client,
            subscribed,
            tasks: Mutex::new(tasks),
        })
    }

    /// Whether the broker is connected and has granted both subscriptions, as it changes.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.subscribed.clone()
    }

    /// Says goodbye to the broker, at most 5 s, and ends the tasks. The broker keeps the session.
    pub async fn shutdown(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let mut tasks = tasks.into_iter();
        if let Some(mut poll) = tasks.next() {
            let farewell = async {
                if self.client.disconnect().await.is_ok() {
                    (&mut poll).await.ok();
                }
            };
            if timeout(SHUTDOWN_WAIT, farewell).await.is_err() {
                poll.abort();
            }
        }
        tasks.for_each(|task| task.abort());
    }
}

impl Drop for ExternalBus {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().for_each(JoinHandle::abort);
    }
}

impl MessageBus for ExternalBus {
    /// Reports `BrokerAcked` when the broker acknowledged the message, also if nobody listens, and `Failed` when it
    /// refused it, when it is not connected, or when the message's life is over.
    fn publish(&self, message: Outbound) {
        self.queue.put(message);
    }

    /// Does nothing: MQTT knows no way to end another client's session. What the device says from now on is refused
    /// because its access is gone; taking away its user at the broker is the operator's part.
    fn close_session(&self, _device: DeviceId) {}
}

fn options(config: &ExternalConfig) -> MqttOptions {
    let mut options = MqttOptions::new(config.client_id.clone(), (config.host.clone(), config.port));
    let mut network = NetworkOptions::new();
    // An alert must not wait for company.
    network.set_tcp_nodelay(true);
    options
        .set_network_options(network)
        .set_keep_alive(KEEP_ALIVE_S)
        .set_clean_start(false)
        .set_session_expiry_interval(Some(SESSION_EXPIRY_S))
        .set_session_store(EmptySession {
            expiry_s: SESSION_EXPIRY_S,
        })
        .set_max_packet_size(Some(PACKET_MAX));
    if let Some(login) = &config.login {
        options.set_credentials(login.username.clone(), login.password.clone());
    }
    options
}

/// The connection to the broker.
#[derive(Clone, Copy, Default)]
struct Connection {
    up: bool,
    /// Grows with each connect.
    count: u64,
}

struct PollLoop {
    event_loop: EventLoop,
    connection: watch::Sender<Connection>,
    intake: Intake,
}

impl PollLoop {
    async fn run(mut self) {
        loop {
            match self.event_loop.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(ack))) if ack.code == ConnectReturnCode::Success => {
                    self.connected();
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => self.take(&publish).await,
                Ok(_) => {}
                Err(ConnectionError::RequestsDone) => return,
                Err(error) => {
                    self.lost(&error);
                    sleep(RETRY_WAIT).await;
                }
            }
        }
    }

    fn connected(&self) {
        tracing::info!("connected to the broker");
        self.connection.send_modify(|connection| {
            connection.up = true;
            connection.count += 1;
        });
    }

    fn lost(&self, error: &ConnectionError) {
        tracing::warn!(%error, "not connected to the broker");
        metrics::counter!("muster_mqtt_broker_lost_total").increment(1);
        self.connection.send_modify(|connection| connection.up = false);
    }

    async fn take(&self, publish: &Publish) {
        // The broker checked that it is UTF-8; a broker that does not is not believed.
        let topic = std::str::from_utf8(&publish.topic).unwrap_or_default();
        let publication = Publication {
            topic,
            payload: &publish.payload,
            retained: publish.retain,
        };
        if self.intake.take(&publication).await.is_err() {
            tracing::debug!("the engine has stopped; a publication is dropped");
        }
    }
}

/// Asks for the phones' publications after each connect, until the broker grants them.
struct Subscriber {
    client: AsyncClient,
    connected: watch::Receiver<Connection>,
    ready: watch::Sender<bool>,
    filters: [String; 2],
}

impl Subscriber {
    async fn run(mut self) {
        while let Ok(connection) = self
            .connected
            .wait_for(|connection| connection.up)
            .await
            .map(|now| *now)
        {
            if !self.subscribe().await {
                sleep(RETRY_WAIT).await;
                continue;
            }
            self.ready.send_replace(true);
            let changed = |now: &Connection| !now.up || now.count != connection.count;
            if self.connected.wait_for(changed).await.is_err() {
                return;
            }
            self.ready.send_replace(false);
        }
    }

    async fn subscribe(&self) -> bool {
        let filters = self.filters.iter().map(|filter| {
            SubscribeFilterInput::new(filter.clone(), QoS::AtLeastOnce)
                // So that a retained publication is seen as one, and nothing old is served to us.
                .preserve_retain(true)
                .retain_forward_rule(RetainForwardRule::Never)
        });
        let granted = match self.client.subscribe_many_tracked(filters.collect::<Vec<_>>()).await {
            Ok(notice) => notice.wait_async().await,
            Err(error) => {
                tracing::error!(%error, "could not ask for what phones say");
                return false;
            }
        };
        match granted {
            Ok(ack)
                if ack
                    .return_codes
                    .iter()
                    .all(|code| matches!(code, SubscribeReasonCode::Success(_))) =>
            {
                true
            }
            Ok(ack) => {
                tracing::error!(codes = ?ack.return_codes, "the broker refuses to tell us what phones say");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "subscribing did not come to an end");
                false
            }
        }
    }
}

/// Takes messages out of the queue and publishes them, in order.
struct Publisher {
    client: AsyncClient,
    connected: watch::Receiver<Connection>,
    region: Region,
    clock: Arc<dyn Clock>,
    inlet: Inlet,
}

impl Publisher {
    async fn run(self, mut queue: mpsc::Receiver<Outbound>) {
        while let Some(outbound) = queue.recv().await {
            match self.publish(&outbound).await {
                Ok(notice) => {
                    let inlet = self.inlet.clone();
                    // As many as the client library holds at most: its requests and what is in flight.
                    tokio::spawn(async move { conclude(&inlet, &outbound, notice).await });
                }
                Err(reason) => report_unsent(&self.inlet, &outbound, reason).await,
            }
        }
    }

    async fn publish(&self, outbound: &Outbound) -> Result<PublishNotice, &'static str> {
        if outbound.to.kind != DeviceKind::Muster {
            return Err("not_alertable");
        }
        // An alert must not wait for a broker that may be away for long; the engine asks again or escalates.
        if !self.connected.borrow().up {
            return Err("not_connected");
        }
        let letter = down::letter(outbound, self.clock.now()).ok_or("expired")?;
        let properties = PublishProperties {
            message_expiry_interval: Some(letter.expiry_s),
            content_type: Some(letter.content_type.to_owned()),
            ..PublishProperties::default()
        };
        let options = PublishOptions::at_least_once().properties(properties);
        let topic = self.region.down(&outbound.to.topic_id);
        let sent = self.client.publish_tracked(topic, letter.payload, options).await;
        sent.map_err(|_| "client_stopped")
    }
}

async fn conclude(inlet: &Inlet, outbound: &Outbound, notice: PublishNotice) {
    match notice.wait_async().await {
        Ok(PublishResult::Qos1(ack))
            if matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) =>
        {
            metrics::counter!("muster_mqtt_sent_total").increment(1);
            report(inlet, outbound, DeliveryStage::BrokerAcked).await;
        }
        Ok(answer) => {
            tracing::warn!(?answer, "the broker refused a message");
            report_unsent(inlet, outbound, "refused").await;
        }
        Err(error) => {
            tracing::warn!(%error, "a message was lost on its way to the broker");
            report_unsent(inlet, outbound, "lost").await;
        }
    }
}
