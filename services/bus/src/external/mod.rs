//! Somebody else's broker (Mosquitto, RMQTT, EMQX, ...), reached as a client.
//!
//! ```text
//! engine ─ queue ─> publisher ─ requests ─> poll loop <─> broker
//!                       └ one wait for each PUBACK ─> Inlet; one that does not come ends the connection
//! poll loop ─ connected ─> subscriber (asks again after every reconnect, checks the SUBACK)
//! poll loop ─ publications of phones ─> intake ─> Inlet
//! ```
//! One task owns the poll loop and never publishes, so that it can never wait for itself.
//!
//! The broker's own access control decides which phone reaches which topic: give every device a user of its own that may
//! write its `…/up` and read its `…/down`, nothing else, and every trunk one that may write its `…/up`. What a device says after its access has ended is refused here.
//!
//! Its acknowledgement is its word and no more: a broker that acknowledges and delivers nothing is found out by the
//! engine, which waits for the phone's own receipt.

mod poll;
mod publisher;
mod session;
mod subscriber;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dispatch_core::ids::DeviceId;
use muster_engine::{
    inlet::Inlet,
    ports::{Clock, Credentials, MessageBus, Outbound},
};
use rumqttc::{AsyncClient, MqttOptions, NetworkOptions};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use self::{
    poll::{Connection, PollLoop},
    publisher::Publisher,
    session::EmptySession,
    subscriber::Subscriber,
};
use crate::{
    BusError,
    intake::Intake,
    queue::OutboundQueue,
    topics::{OWNTRACKS_FILTER, Region},
};

/// Messages handed to the client library and not yet written; the rest wait in our own queue.
const REQUESTS_WAITING: usize = 256;
/// Between two attempts to reach the broker or to subscribe.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// How long the broker keeps our session, and in it what phones say, while we are away.
const SESSION_EXPIRY_S: u32 = 3600;
/// An idle broker that is dead is noticed within two of these: one passes until we ask, one until it has not answered.
/// A busy one is noticed by its missing acknowledgements, see `publisher`.
const KEEP_ALIVE_S: u16 = 4;
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
        let (stalled, stalls) = watch::channel(0);

        let poll = PollLoop {
            event_loop,
            connection,
            stalled: stalls,
            intake: Intake::new(region.clone(), credentials, Arc::clone(&clock), inlet.clone()),
        };
        let publisher = Publisher {
            client: client.clone(),
            connected: connected.clone(),
            region: region.clone(),
            clock,
            inlet: inlet.clone(),
            stalled,
        };
        let [phones, trunks] = region.up_filters();
        let filters = [phones, trunks, OWNTRACKS_FILTER.to_owned()];
        let subscriber = Subscriber {
            client: client.clone(),
            connected,
            ready,
            inlet,
            filters,
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
