//! The broker in this process: phones connect to it over TCP, the engine hands it messages without a network between.
//!
//! What phones publish is taken in by a hook (`reception`) and never routed to anybody; what we say goes into the queue of
//! each session (`mailroom`), so the library routes nothing. What it forgets when the process ends, sessions and queued messages, the engine publishes again.
//!
//! Nothing of the broker library's open defaults is left: it listens where it is told, admits nobody without a secret,
//! keeps nothing on disk, retains nothing and publishes no `$SYS` topics.

mod door;
mod entrance;
mod mailroom;
mod reception;
mod sessions;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dispatch_core::{ids::DeviceId, input::DeliveryStage};
use mqtt5::broker::{
    BrokerConfig, BrokerShutdownHandle, MqttBroker, ResourceLimits, StorageBackendType, StorageConfig,
};
use muster_engine::{
    inlet::Inlet,
    ports::{Clock, Credentials, MessageBus, Outbound},
    registry::DeviceKind,
    stages::Stage,
};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::{JoinHandle, yield_now},
    time::timeout,
};

use self::{
    entrance::{ENTERING_MAX, Entrance},
    mailroom::{Mailroom, QUEUED_PER_PHONE},
    reception::Reception,
};
use crate::{
    BusError,
    authorisation::Authorisation,
    down,
    intake::{Intake, PAYLOAD_MAX},
    queue::{OutboundQueue, Queued, report, report_unsent},
    topics::Region,
};

/// A phone that was away this long starts afresh: longer than any shift, and no message lives nearly as long.
const SESSION_EXPIRY: Duration = Duration::from_secs(12 * 3600);
/// Connections a fleet may open in a second when it comes back after an outage; the rest try again.
const CONNECTS_PER_SECOND: u32 = 5_000;
/// Entries the library's own queue of a session may hold: what waits (see `mailroom`) and what was in flight when the
/// connection broke, and never so few that it would drop the newest.
const QUEUE_ENTRIES: usize = 2 * (QUEUED_PER_PHONE + IN_FLIGHT_PER_PHONE as usize);
/// The same in bytes; our messages stay under 2 KiB.
const QUEUE_BYTES: usize = 2 * 1024 * QUEUE_ENTRIES;
/// Messages a phone has been sent and has not acknowledged; the rest waits where it can still be withdrawn.
const IN_FLIGHT_PER_PHONE: u16 = 16;
/// The library's lanes between router and session, through which nothing of ours goes.
const LANE_PER_PHONE: usize = 1;
/// A phone that is silent for one and a half times this long is gone. Sent to MQTT 5 phones whatever they ask for.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Bytes of a packet that are read at all. Beyond [`PAYLOAD_MAX`] a message is refused and counted, and costs its sender
/// nothing else; beyond this the library ends the connection and tells us nothing.
const PACKET_MAX: usize = 4 * PAYLOAD_MAX;
/// QoS 2 publications of one phone that are not yet completed.
const UNCOMPLETED_PER_PHONE: u16 = 64;
/// Topic aliases of one phone: it has one topic to speak of.
const TOPIC_ALIASES: u16 = 4;
/// A shutdown that takes longer is not waited for.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

/// Messages handed over before the engine is told what became of them: more than a wave has.
const TOGETHER: usize = 64;

/// How the embedded broker is set up.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// Where phones connect; port 0 = any free one, see [`EmbeddedBus::local_addr`].
    pub listen: SocketAddr,
    /// The region's segment in topics, 1 to 32 characters of `a-z 0-9 -`.
    pub region: String,
    /// Most phones connected at once, in all and from one address; at least 1.
    pub connections_max: usize,
    /// How often a phone must be heard, in whole seconds, at least 1; `None` = 60 s. One that is silent for one and a
    /// half times as long is gone.
    pub keep_alive: Option<Duration>,
}

/// The bus with its broker in this process. Dropping it stops the broker.
pub struct EmbeddedBus {
    local_addr: SocketAddr,
    queue: OutboundQueue,
    reception: Arc<Reception>,
    runtime: Handle,
    stop: BrokerShutdownHandle,
    broker: Mutex<Option<JoinHandle<()>>>,
}

impl EmbeddedBus {
    /// Starts the broker and returns once it accepts connections.
    ///
    /// # Errors
    /// When the region is none, or nothing can listen at the address.
    pub async fn start(
        config: EmbeddedConfig,
        credentials: Arc<dyn Credentials>,
        clock: Arc<dyn Clock>,
        inlet: Inlet,
    ) -> Result<Self, BusError> {
        let region = Region::new(&config.region)?;
        let authorisation = Authorisation {
            region: region.clone(),
            credentials: Arc::clone(&credentials),
        };
        let intake = Intake::new(region.clone(), credentials, Arc::clone(&clock), inlet.clone());
        let entrance = Entrance::new(ENTERING_MAX);
        let reception = Arc::new(Reception::new(authorisation, intake, Arc::clone(&clock), entrance));

        let listen = config.listen;
        let failed = |source| BusError::Listen { listen, source };
        let broker = MqttBroker::with_config(broker_config(&config, Arc::clone(&reception)))
            .await
            .map_err(failed)?
            // In place of the library's own, before the first connection is accepted.
            .with_auth_provider(Arc::clone(&reception) as _);
        broker.resource_monitor().update_limits(limits(config.connections_max));
        let local_addr = broker.local_addr().ok_or(BusError::NotReady)?;
        let router = broker.router();
        let storage = broker.storage().ok_or(BusError::NotReady)?;
        let mailroom = Mailroom::new(Arc::clone(&router), Arc::clone(&storage), inlet.clone());
        let mailroom = Arc::new(mailroom);
        reception.meet(&router, storage, &mailroom);
        let stop = broker.shutdown_handle();
        let broker = run(broker).await?;

        let (queue, outbound) = OutboundQueue::new(inlet.clone());
        let delivery = Delivery {
            mailroom,
            region,
            clock,
            inlet,
        };
        tokio::spawn(delivery.run(outbound));
        tracing::info!(%local_addr, connections_max = config.connections_max, "the embedded broker accepts phones");
        Ok(Self {
            local_addr,
            queue,
            reception,
            runtime: Handle::current(),
            stop,
            broker: Mutex::new(Some(broker)),
        })
    }

    /// Where phones connect.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Tells every phone that the broker goes away, closes their sessions and waits for it, at most 5 s.
    pub async fn shutdown(&self) {
        self.stop.shutdown();
        let broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(broker) = broker else {
            return;
        };
        if timeout(SHUTDOWN_WAIT, broker).await.is_err() {
            tracing::warn!("the embedded broker did not stop in time");
        }
    }
}

impl Drop for EmbeddedBus {
    fn drop(&mut self) {
        self.stop.shutdown();
    }
}

impl MessageBus for EmbeddedBus {
    /// Reports `BrokerAcked` once the broker has the message in memory, for a connected phone or one that is away, and
    /// `Failed` for a message whose life is over or when the queue is full; also later, when a message was dropped
    /// because its phone does not read.
    fn publish(&self, message: Outbound) {
        self.queue.put(message);
    }

    /// Closes the device's connections and forgets what was queued for it.
    fn close_session(&self, device: DeviceId) {
        let reception = Arc::clone(&self.reception);
        self.runtime.spawn(async move { reception.close(device).await });
    }
}

async fn run(mut broker: MqttBroker) -> Result<JoinHandle<()>, BusError> {
    let mut ready = broker.ready_receiver();
    let running = tokio::spawn(async move {
        if let Err(error) = broker.run().await {
            tracing::error!(%error, "the embedded broker stopped");
        }
    });
    match ready.wait_for(|ready| *ready).await {
        Ok(_) => Ok(running),
        Err(_) => Err(BusError::NotReady),
    }
}

fn broker_config(config: &EmbeddedConfig, reception: Arc<Reception>) -> BrokerConfig {
    let storage = StorageConfig::new()
        .with_backend(StorageBackendType::Memory)
        .with_max_queued_messages_per_client(QUEUE_ENTRIES)
        .with_max_queued_bytes_per_client(QUEUE_BYTES);
    let mut broker = BrokerConfig::new()
        .with_bind_address(config.listen)
        .with_max_clients(config.connections_max)
        .with_session_expiry(SESSION_EXPIRY)
        .with_max_packet_size(PACKET_MAX)
        .with_retain_available(false)
        .with_client_channel_capacity(LANE_PER_PHONE)
        .with_max_outbound_inflight(IN_FLIGHT_PER_PHONE)
        .with_server_receive_maximum(UNCOMPLETED_PER_PHONE)
        .with_sys_topics_enabled(false)
        .with_storage(storage)
        .with_event_handler(reception);
    broker.topic_alias_maximum = TOPIC_ALIASES;
    broker.server_keep_alive = Some(config.keep_alive.unwrap_or(KEEP_ALIVE));
    broker
}

/// The library's own limits are 10,000 connections in all and from one address, whatever it was configured for.
fn limits(connections_max: usize) -> ResourceLimits {
    ResourceLimits {
        max_connections: connections_max,
        // A load test, a network's address translation or a load balancer brings a whole fleet from one address.
        max_connections_per_ip: connections_max,
        max_connection_rate: CONNECTS_PER_SECOND,
        rate_limit_window: Duration::from_secs(1),
        // 0 = none: a phone that talks too much is slowed down by its own session, which waits for the engine.
        max_message_rate_per_client: 0,
        max_bandwidth_per_client: 0,
    }
}

/// Takes messages out of the queue and hands them to the broker, in their order.
struct Delivery {
    mailroom: Arc<Mailroom>,
    region: Region,
    clock: Arc<dyn Clock>,
    inlet: Inlet,
}

impl Delivery {
    /// What waits together goes into the queues of the sessions first, and only then is the engine told: a wave's last
    /// phone does not wait for what becomes of the first one's message to be written down.
    async fn run(self, mut queue: mpsc::Receiver<Queued>) {
        let mut waiting = Vec::with_capacity(TOGETHER);
        let mut outcomes = Vec::with_capacity(TOGETHER);
        while queue.recv_many(&mut waiting, TOGETHER).await > 0 {
            for Queued { outbound, since } in waiting.drain(..) {
                let outcome = self.deliver(&outbound).await;
                Stage::Bus.took(since);
                outcomes.push((outbound, outcome));
            }
            // The sessions were woken; what they write to their phones goes before what is to be written down about it.
            yield_now().await;
            for (outbound, outcome) in outcomes.drain(..) {
                match outcome {
                    Ok(()) => report(&self.inlet, &outbound, DeliveryStage::BrokerAcked).await,
                    Err(reason) => report_unsent(&self.inlet, &outbound, reason).await,
                }
            }
        }
    }

    async fn deliver(&self, outbound: &Outbound) -> Result<(), &'static str> {
        if outbound.to.kind != DeviceKind::Muster {
            return Err("not_alertable");
        }
        let letter = down::letter(outbound, self.clock.now()).ok_or("expired")?;
        let topic = self.region.down(&outbound.to.topic_id);
        self.mailroom.put(outbound, &topic, &letter).await;
        metrics::counter!("muster_mqtt_sent_total").increment(1);
        Ok(())
    }
}
