//! The fleet as its user sees it: started with its phones, listened to, shut down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use muster_people::{answers::AnswerModel, place::Place};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    Encoding, PhoneEvent, Summary,
    connection::{Connection, Shared},
    moment::Clock,
    phone::Purpose,
    turnstile::Turnstile,
};

/// After this, phones that are still saying goodbye are cut off.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(15);

/// What holds for all phones.
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// Name or address of the MQTT broker.
    pub broker_host: String,
    /// Its TCP port.
    pub broker_port: u16,
    /// Seed of everything the people do.
    pub seed: u64,
    /// Time between positions of a person who is not on the way to an incident; default 30 s.
    pub position_interval: Duration,
    /// How many phones may connect per second, at the start and when they come back; default 250.
    pub connects_per_s: u32,
    /// Seconds the broker keeps the session of a phone that is gone; default 900, longer than an alert is valid.
    pub session_expiry_s: u32,
    /// How people answer; default: published rates.
    pub answers: AnswerModel,
    /// Hours the people's clocks are ahead of UTC: decides day and night; default 0.
    pub utc_offset_hours: i8,
    /// What the phones are enrolled for; default: real emergencies.
    pub purpose: Purpose,
}

impl FleetConfig {
    /// The defaults for a broker and a seed.
    pub fn new(broker_host: impl Into<String>, broker_port: u16, seed: u64) -> Self {
        Self {
            broker_host: broker_host.into(),
            broker_port,
            seed,
            position_interval: Duration::from_secs(30),
            connects_per_s: 250,
            session_expiry_s: 900,
            answers: AnswerModel::default(),
            utc_offset_hours: 0,
            purpose: Purpose::Live,
        }
    }
}

/// One phone. Has no `Debug`, because of the password.
#[derive(Clone)]
pub struct PhoneConfig {
    /// The person's number; with the fleet's seed it decides everything they do.
    pub person: u64,
    /// The device: its MQTT user name and client id.
    pub device_id: String,
    /// Its MQTT password.
    pub password: String,
    /// Where it publishes.
    pub up_topic: String,
    /// Where it listens.
    pub down_topic: String,
    /// How it writes and reads.
    pub encoding: Encoding,
    /// Where the person is at the start.
    pub home: Place,
}

/// Running phones. Dropping it cuts them all off without a DISCONNECT.
pub struct Fleet {
    phones: JoinSet<()>,
    log: mpsc::UnboundedReceiver<PhoneEvent>,
    connected: watch::Receiver<usize>,
    leave: watch::Sender<bool>,
    cuts: watch::Sender<u64>,
    positions: Arc<AtomicU64>,
    summary: Summary,
}

impl Fleet {
    /// Starts all phones; they connect at the configured rate. Must be called within a tokio runtime.
    pub fn start(config: &FleetConfig, phones: Vec<PhoneConfig>) -> Self {
        let (log_sender, log) = mpsc::unbounded_channel();
        let (connected_sender, connected) = watch::channel(0);
        let (leave, leave_receiver) = watch::channel(false);
        let (cuts, cuts_receiver) = watch::channel(0);
        let positions = Arc::new(AtomicU64::new(0));
        let shared = Arc::new(Shared {
            clock: Clock::start(),
            turnstile: Turnstile::new(config.connects_per_s),
            log: log_sender,
            connected: connected_sender,
            leave: leave_receiver,
            cuts: cuts_receiver,
            positions: Arc::clone(&positions),
        });
        let mut tasks = JoinSet::new();
        for phone in phones {
            tasks.spawn(Connection::new(config, phone, Arc::clone(&shared)).run());
        }
        Self {
            phones: tasks,
            log,
            connected,
            leave,
            cuts,
            positions,
            summary: Summary::default(),
        }
    }

    /// Phones connected and subscribed at this moment.
    pub fn connected(&self) -> usize {
        *self.connected.borrow()
    }

    /// Positions handed to the phones' MQTT clients so far.
    pub fn positions_sent(&self) -> u64 {
        self.positions.load(Ordering::Relaxed)
    }

    /// Cuts the connections of all phones at once, without a DISCONNECT, as when a mobile network or a proxy fails. They
    /// come back as they would after any loss: each after a random wait, at the configured rate.
    pub fn drop_connections(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Waits until that many phones are connected and subscribed; false when it takes longer than `wait`.
    pub async fn wait_connected(&self, count: usize, wait: Duration) -> bool {
        let mut connected = self.connected.clone();
        matches!(timeout(wait, connected.wait_for(|now| *now >= count)).await, Ok(Ok(_)))
    }

    /// The next log line of any phone; lines of one phone keep their order. `None` once all phones have ended and
    /// everything has been read. Safe to use in a `select!`.
    pub async fn next_event(&mut self) -> Option<PhoneEvent> {
        let event = self.log.recv().await?;
        self.summary.add(&event);
        Some(event)
    }

    /// All log lines not read yet, without waiting.
    pub fn drain(&mut self) -> Vec<PhoneEvent> {
        let mut events = Vec::with_capacity(self.log.len());
        while let Ok(event) = self.log.try_recv() {
            self.summary.add(&event);
            events.push(event);
        }
        events
    }

    /// Counts over all log lines read so far, by [`Self::next_event`] or [`Self::drain`].
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Lets every phone finish what it was saying and send its DISCONNECT. The log can still be drained afterwards.
    pub async fn shutdown(&mut self) {
        self.leave.send_replace(true);
        let begun = Instant::now();
        let left = timeout(SHUTDOWN_WAIT, async {
            while self.phones.join_next().await.is_some() {}
        })
        .await;
        if left.is_err() {
            tracing::warn!(
                phones = self.phones.len(),
                "phones did not get to say goodbye and are cut off"
            );
            self.phones.shutdown().await;
        }
        tracing::debug!(elapsed_ms = begun.elapsed().as_millis(), "fleet shut down");
    }
}
