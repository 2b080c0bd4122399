//! One phone's MQTT session: connects, subscribes, carries, and connects again. Decides nothing about alerts.
//!
//! The client's poll is never dropped half way: a timer that fires while it connects or writes would otherwise undo that
//! work. So each poll runs to its end while the phone's own deadlines are served beside it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use muster_people::{Person, Trait};
use muster_proto::v1::{Presence, PresenceState, Up, up};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rumqttc::{
    AsyncClient, Broker, ConnectionError, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, Outgoing, Packet,
    PublishOptions, QoS, SubAck, SubscribeReasonCode,
};
use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};

use crate::{
    FleetConfig, Moment, PhoneConfig, PhoneEvent, What,
    moment::Clock,
    phone::{Output, Phone, PhoneSettings},
    turnstile::Turnstile,
};

/// Reconnects wait a random time up to this, doubled with each failure: a service that comes back must not meet its
/// whole fleet in one instant.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// The doubling ends here: a minute without alerts is the longest that a phone should add to an outage.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Doublings after which [`BACKOFF_MAX`] is reached.
const BACKOFF_DOUBLINGS_MAX: u32 = 7;
/// A broker taking in thousands of phones may need a while for each.
const CONNECT_WAIT: Duration = Duration::from_secs(20);
/// Phones ping after a minute of silence; positions usually come sooner.
const KEEP_ALIVE_S: u16 = 60;
/// A phone says at most a few things at once; what does not fit is counted and repeated at the next connect.
const QUEUE_MAX: usize = 64;
/// Unacknowledged messages each way. The client's memory grows with it, times thousands of phones.
const INFLIGHT_MAX: u16 = 32;
/// Time for what was said last to be acknowledged before the DISCONNECT.
const LEAVE_WAIT: Duration = Duration::from_secs(2);

/// The reason logged by a phone whose connection was cut by [`Fleet::drop_connections`](crate::Fleet::drop_connections).
pub const CUT_BY_OWNER: &str = "cut by the fleet's owner";

/// What all phones of a fleet share.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) turnstile: Turnstile,
    /// Unbounded, because a log with holes would prove nothing; it grows with alerts, not with positions.
    pub(crate) log: mpsc::UnboundedSender<PhoneEvent>,
    /// Phones connected and subscribed.
    pub(crate) connected: watch::Sender<usize>,
    /// Turns true when the fleet shuts down.
    pub(crate) leave: watch::Receiver<bool>,
    /// Grows each time that all connections are cut.
    pub(crate) cuts: watch::Receiver<u64>,
    /// Positions handed to the clients.
    pub(crate) positions: Arc<AtomicU64>,
}

/// One phone on the network.
pub(crate) struct Connection {
    eventloop: EventLoop,
    line: Line,
    connecting: ChaCha8Rng,
    failures: u32,
}

/// The phone, and its end of the client's queue.
struct Line {
    phone: Phone,
    config: PhoneConfig,
    device_id: Arc<str>,
    client: AsyncClient,
    shared: Arc<Shared>,
    /// The broker has accepted the connection.
    online: bool,
    /// The broker has accepted the subscription too.
    ready: bool,
    session_present: bool,
}

/// How a session, or a wait between two, ended.
#[derive(PartialEq, Eq)]
enum End {
    /// The fleet shuts down.
    Left,
    /// The connection is gone, or the wait is over.
    Again,
}

impl Connection {
    pub(crate) fn new(fleet: &FleetConfig, config: PhoneConfig, shared: Arc<Shared>) -> Self {
        let person = Person {
            seed: fleet.seed,
            number: config.person,
        };
        let settings = PhoneSettings {
            position_interval: fleet.position_interval,
            answers: fleet.answers,
            utc_offset_hours: fleet.utc_offset_hours,
            purpose: fleet.purpose,
        };
        let phone = Phone::new(person, config.home, settings, shared.clock.now());
        let (client, eventloop) = AsyncClient::builder(options(fleet, &config))
            .capacity(QUEUE_MAX)
            .build();
        let device_id = config.device_id.as_str().into();
        let line = Line {
            phone,
            config,
            device_id,
            client,
            shared,
            online: false,
            ready: false,
            session_present: false,
        };
        Self {
            eventloop,
            line,
            connecting: person.stream(Trait::Connecting, 0),
            failures: 0,
        }
    }

    /// Runs until the fleet shuts down.
    pub(crate) async fn run(mut self) {
        let mut leave = self.line.shared.leave.clone();
        loop {
            let turn = self
                .line
                .shared
                .turnstile
                .turn(Instant::now(), self.connecting.random());
            if self.line.idle_until(turn, &mut leave).await == End::Left {
                return;
            }
            let end = self.session(&mut leave).await;
            self.line.handle_lost();
            if end == End::Left {
                return;
            }
            let wait = self.backoff();
            if self.line.idle_until(Instant::now() + wait, &mut leave).await == End::Left {
                return;
            }
        }
    }

    /// Full jitter: anything from nothing to the doubled bound.
    fn backoff(&mut self) -> Duration {
        let bound = backoff_bound(self.failures);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(self.connecting.random())
    }

    /// Connects, and carries until the connection ends.
    async fn session(&mut self, leave: &mut watch::Receiver<bool>) -> End {
        let mut leaving = false;
        let mut cuts = self.line.shared.cuts.clone();
        cuts.mark_unchanged();
        loop {
            let event = {
                let poll = self.eventloop.poll();
                tokio::pin!(poll);
                loop {
                    let deadline = self.line.next_deadline();
                    tokio::select! {
                        biased;
                        event = &mut poll => break Some(event),
                        () = until(deadline) => self.line.tick(),
                        Ok(()) = cuts.changed() => break None,
                        _ = leave.wait_for(|leave| *leave), if !leaving => {
                            if !self.line.leave() {
                                return End::Left;
                            }
                            leaving = true;
                        }
                    }
                }
            };
            let arrived = Instant::now();
            let Some(event) = event else {
                self.eventloop.clean();
                let reason = CUT_BY_OWNER.to_owned();
                self.line.log(What::Disconnected { reason }, arrived);
                return End::Again;
            };
            match event {
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return End::Left,
                Ok(event) => {
                    if self.handle_event(event, arrived) == Some(End::Again) {
                        return End::Again;
                    }
                }
                Err(_) if leaving => return End::Left,
                Err(error) => {
                    self.handle_error(&error);
                    return End::Again;
                }
            }
        }
    }

    /// Returns an end when the session must be given up.
    fn handle_event(&mut self, event: Event, arrived: Instant) -> Option<End> {
        match event {
            Event::Incoming(Packet::ConnAck(connack)) => {
                self.eventloop.options.set_clean_start(false);
                self.line.handle_connected(connack.session_present);
            }
            Event::Incoming(Packet::SubAck(suback)) if !self.line.ready => {
                if let Err(code) = granted(&suback) {
                    self.line.log(What::SubscriptionRefused { code }, arrived);
                    self.eventloop.clean();
                    return Some(End::Again);
                }
                self.failures = 0;
                self.line.handle_ready();
            }
            Event::Incoming(Packet::Publish(publish)) => self.line.handle_payload(&publish.payload, arrived),
            _ => {}
        }
        None
    }

    fn handle_error(&mut self, error: &ConnectionError) {
        // The broker remembers a session of which this process knows nothing: it belonged to an earlier run. Like a
        // phone whose app was installed anew, start clean, once.
        if let ConnectionError::SessionStateMismatch { .. } = error {
            self.eventloop.options.set_clean_start(true);
        }
        self.line.log(
            What::Disconnected {
                reason: error.to_string(),
            },
            Instant::now(),
        );
    }
}

impl Line {
    /// Serves the phone while there is no connection to poll.
    async fn idle_until(&mut self, end: Instant, leave: &mut watch::Receiver<bool>) -> End {
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                _ = leave.wait_for(|leave| *leave) => return End::Left,
                () = until(Some(end)) => return End::Again,
                () = until(deadline) => self.tick(),
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.phone
            .next_deadline()
            .map(|moment| self.shared.clock.instant_of(moment))
    }

    fn now(&self) -> Moment {
        self.shared.clock.now()
    }

    fn tick(&mut self) {
        self.phone.handle_time(self.now());
        self.carry(Instant::now());
    }

    fn handle_connected(&mut self, session_present: bool) {
        self.online = true;
        self.session_present = session_present;
        if self
            .client
            .try_subscribe(self.config.down_topic.as_str(), QoS::AtLeastOnce)
            .is_err()
        {
            tracing::warn!(device_id = %self.device_id, "no room in the queue for the subscription");
        }
    }

    fn handle_ready(&mut self) {
        self.ready = true;
        self.shared.connected.send_modify(|count| *count += 1);
        self.log(
            What::Connected {
                session_present: self.session_present,
            },
            Instant::now(),
        );
        self.phone.handle_ready(self.now());
        self.carry(Instant::now());
    }

    fn handle_lost(&mut self) {
        if self.ready {
            self.shared.connected.send_modify(|count| *count -= 1);
        }
        (self.online, self.ready) = (false, false);
        self.phone.handle_lost();
    }

    fn handle_payload(&mut self, payload: &[u8], arrived: Instant) {
        match self.config.encoding.decode(payload) {
            Ok(down) => self.phone.handle_down(&down, self.shared.clock.moment_of(arrived)),
            Err(error) => self.log(
                What::Unreadable {
                    reason: error.to_string(),
                },
                arrived,
            ),
        }
        self.carry(arrived);
    }

    /// Asks for a DISCONNECT after what is still unacknowledged. False when there is no connection to leave.
    fn leave(&mut self) -> bool {
        self.online && self.client.try_disconnect_with_timeout(LEAVE_WAIT).is_ok()
    }

    /// Does what the phone wants done. While offline nothing is sent: the phone repeats where it stands once ready.
    fn carry(&mut self, at: Instant) {
        while let Some(output) = self.phone.poll_output() {
            match output {
                Output::Log(what) => self.log(what, at),
                Output::SendOnce(up) if self.ready => {
                    // A position that finds no room is overtaken by the next.
                    if self.publish(&up, QoS::AtMostOnce).is_ok() {
                        self.shared.positions.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Output::Send(up) if self.ready => {
                    if self.publish(&up, QoS::AtLeastOnce).is_err() {
                        self.log(What::Unsent, at);
                    }
                }
                Output::SendOnce(_) | Output::Send(_) => {}
            }
        }
    }

    fn publish(&self, up: &Up, qos: QoS) -> Result<(), rumqttc::ClientError> {
        let payload = self.config.encoding.encode(up);
        self.client
            .try_publish(self.config.up_topic.as_str(), payload, PublishOptions::new(qos))
    }

    fn log(&self, what: What, at: Instant) {
        let event = PhoneEvent {
            person: self.config.person,
            device_id: Arc::clone(&self.device_id),
            at,
            unix_ms: self.shared.clock.moment_of(at).unix_ms(),
            what,
        };
        // Fails only when the fleet has been dropped and nobody wants the log.
        let _ = self.shared.log.send(event);
    }
}

/// The longest wait after this many failures in a row.
fn backoff_bound(failures: u32) -> Duration {
    (BACKOFF_FIRST * 2_u32.pow(failures.min(BACKOFF_DOUBLINGS_MAX))).min(BACKOFF_MAX)
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Whether the broker granted the one subscription asked for; else its reason code.
fn granted(suback: &SubAck) -> Result<(), String> {
    match suback.return_codes.as_slice() {
        [SubscribeReasonCode::Success(_)] => Ok(()),
        codes => Err(format!("{codes:?}")),
    }
}

fn options(fleet: &FleetConfig, phone: &PhoneConfig) -> MqttOptions {
    let broker = Broker::tcp(fleet.broker_host.as_str(), fleet.broker_port);
    let mut options = MqttOptions::new(phone.device_id.as_str(), broker);
    let mut network = NetworkOptions::new();
    // Receipts are small and must not wait for company.
    network.set_tcp_nodelay(true);
    options
        .set_credentials(phone.device_id.as_str(), phone.password.clone())
        .set_clean_start(false)
        .set_session_expiry_interval(Some(fleet.session_expiry_s))
        .set_keep_alive(KEEP_ALIVE_S)
        .set_connect_timeout(CONNECT_WAIT)
        .set_receive_maximum(Some(INFLIGHT_MAX))
        .set_outgoing_inflight_upper_limit(INFLIGHT_MAX)
        .set_last_will(last_will(phone))
        .set_network_options(network);
    options
}

/// What the broker says for the phone when it vanishes.
fn last_will(phone: &PhoneConfig) -> LastWill {
    let presence = Presence {
        state: PresenceState::Offline.into(),
    };
    let up = Up {
        sent_at: None,
        kind: Some(up::Kind::Presence(presence)),
    };
    LastWill::new(
        phone.up_topic.as_str(),
        phone.encoding.encode(&up),
        QoS::AtLeastOnce,
        false,
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_half_a_second_to_a_minute() {
        let bounds: Vec<f32> = (0..9).map(|failures| backoff_bound(failures).as_secs_f32()).collect();
        assert_eq!(bounds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        assert_eq!(backoff_bound(u32::MAX), BACKOFF_MAX);
    }
}
