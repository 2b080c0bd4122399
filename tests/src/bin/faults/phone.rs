//! A phone: one MQTT 5 session on a bare socket, which comes back whenever it is cut off.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use muster_proto::v1::{
    Down, Hello, Position, Presence, PresenceState, Receipt, ReceiptStage, Reply, ReplyKind, Up, up,
};
use muster_tests::control_room::{Enrolled, Point2d, timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rumqttc::mqttbytes::{
    QoS,
    v5::{
        Connect, ConnectAuth, ConnectProperties, ConnectReturnCode, LastWill, Packet, PubAck, PubAckReason, Publish,
        Subscribe, SubscribeFilter, SubscribeReasonCode,
    },
};
use tokio::{
    sync::watch,
    time::{sleep, sleep_until, timeout},
};

use crate::{
    log::{Log, What},
    person::{Person, is_probe},
    wire::{self, Incoming, Outgoing},
};

/// Longer than any run, so that a broker which keeps sessions keeps them.
const SESSION_EXPIRY_S: u32 = 900;
const KEEP_ALIVE_S: u16 = 60;
/// Well within the keep-alive, and often enough that a restarted service knows where people are.
const POSITION_EVERY: Duration = Duration::from_secs(20);
/// After a broker said that nobody listens: the service connects to it again about once a second.
const NOBODY_LISTENS_WAIT: Duration = Duration::from_millis(500);
/// A broker that takes in thousands at once may need a while for each.
const CONNECT_WAIT: Duration = Duration::from_secs(30);

/// Of all phones, when some are sent out of coverage.
const OUT_OF_COVERAGE_ONE_IN: usize = 4;

/// How a phone behaves on the network.
#[derive(Clone)]
pub struct Manner {
    /// Where the broker is.
    pub broker: SocketAddr,
    /// A lost connection is tried again after a random time up to this.
    pub reconnect_within: Duration,
    /// True while one phone in four is out of coverage.
    pub out_of_coverage: watch::Receiver<bool>,
    /// Turns true when all phones are to leave.
    pub leave: watch::Receiver<bool>,
    /// Phones connected and subscribed at this moment.
    pub connected: watch::Sender<usize>,
    /// Where everything is written down.
    pub log: Log,
}

/// A phone and its person.
pub struct Phone {
    number: usize,
    enrolled: Enrolled,
    place: Point2d,
    manner: Manner,
    person: Person,
    dice: ChaCha8Rng,
    packet_id: u16,
    /// Replies the broker has not acknowledged, by packet id.
    unheard: BTreeMap<u16, (String, ReplyKind)>,
    /// When to say everything again, because the broker had nobody to pass it on to.
    greet_again_at: Option<Instant>,
    /// Connected and subscribed.
    connected: bool,
}

impl Phone {
    /// A phone that has not connected yet.
    pub fn new(number: usize, enrolled: Enrolled, place: Point2d, manner: Manner, seed: u64) -> Self {
        let dice =
            |stream: u64| ChaCha8Rng::seed_from_u64(seed ^ (number as u64 * 2 + stream).wrapping_mul(0x9e37_79b9));
        Self {
            number,
            enrolled,
            place,
            manner,
            person: Person::new(dice(0)),
            dice: dice(1),
            packet_id: 0,
            unheard: BTreeMap::new(),
            greet_again_at: None,
            connected: false,
        }
    }

    /// Runs until told to leave.
    pub async fn run(mut self) {
        let mut leave = self.manner.leave.clone();
        let stay = async {
            loop {
                let wait = self.manner.reconnect_within.mul_f64(self.dice.random());
                sleep(wait).await;
                self.covered().await;
                self.session_while_covered().await;
            }
        };
        tokio::select! {
            () = stay => {}
            _ = leave.wait_for(|leave| *leave) => {}
        }
    }

    /// Waits until there is coverage.
    async fn covered(&self) {
        let mut coverage = self.manner.out_of_coverage.clone();
        if self.number.is_multiple_of(OUT_OF_COVERAGE_ONE_IN) {
            // The town outlives its phones.
            let _ = coverage.wait_for(|out| !*out).await;
        }
    }

    async fn session_while_covered(&mut self) {
        let mut coverage = self.manner.out_of_coverage.clone();
        let leaves = self.number.is_multiple_of(OUT_OF_COVERAGE_ONE_IN);
        let cut = tokio::select! {
            // Why a session ended is of no interest: that it comes back is.
            _ = self.session() => false,
            _ = coverage.wait_for(|out| *out), if leaves => true,
        };
        if cut {
            self.lost();
        }
    }

    async fn session(&mut self) -> Result<()> {
        let (mut incoming, mut outgoing) = timeout(CONNECT_WAIT, self.connect()).await??;
        self.manner.log.write(self.number, What::Connected);
        self.manner.connected.send_modify(|count| *count += 1);
        self.connected = true;
        let error = self.carry(&mut incoming, &mut outgoing).await;
        self.lost();
        error
    }

    fn lost(&mut self) {
        if std::mem::take(&mut self.connected) {
            self.manner.connected.send_modify(|count| *count -= 1);
            self.manner.log.write(self.number, What::Lost);
        }
    }

    async fn connect(&mut self) -> Result<(Incoming, Outgoing)> {
        let (mut incoming, mut outgoing) = wire::connect(self.manner.broker).await?;
        outgoing.send(&[self.hello_broker()?]).await?;
        match incoming.next().await? {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => {}
            other => bail!("the broker refuses the connection: {other:?}"),
        }
        let filter = SubscribeFilter::new(self.enrolled.down_topic.as_str(), QoS::AtLeastOnce);
        let mut subscribe = Subscribe::new(filter, None);
        subscribe.pkid = self.next_id();
        outgoing.send(&[Packet::Subscribe(subscribe)]).await?;
        // A broker that kept the session may send what waited before it answers; it sends that again, unacknowledged.
        loop {
            match incoming.next().await? {
                Packet::SubAck(answer) => {
                    let granted = matches!(answer.return_codes.as_slice(), [SubscribeReasonCode::Success(_)]);
                    ensure!(
                        granted,
                        "the broker refuses the subscription: {:?}",
                        answer.return_codes
                    );
                    return Ok((incoming, outgoing));
                }
                Packet::Publish(message) => {
                    let answers = self.handle_message(&message);
                    outgoing.send(&answers).await?;
                }
                _ => {}
            }
        }
    }

    fn hello_broker(&self) -> Result<Packet> {
        let mut properties = ConnectProperties::new();
        properties.session_expiry_interval = Some(SESSION_EXPIRY_S);
        let connect = Connect {
            keep_alive: KEEP_ALIVE_S,
            client_id: format!("{}-faults", self.enrolled.device_id),
            clean_start: false,
            properties: Some(properties),
        };
        let gone = Presence {
            state: PresenceState::Offline.into(),
        };
        let will = LastWill::new(
            self.enrolled.up_topic.as_str(),
            serde_json::to_vec(&envelope(up::Kind::Presence(gone))).context("messages are JSON")?,
            QoS::AtLeastOnce,
            false,
            None,
        );
        let auth = ConnectAuth::UsernamePassword {
            username: self.enrolled.device_id.clone(),
            password: Bytes::from(self.enrolled.password.clone()),
        };
        Ok(Packet::Connect(connect, Some(will), auth))
    }

    async fn carry(&mut self, incoming: &mut Incoming, outgoing: &mut Outgoing) -> Result<()> {
        self.unheard.clear();
        self.greet_again_at = None;
        let greeting = self.greeting();
        outgoing.send(&greeting).await?;
        let mut next_position = Instant::now() + POSITION_EVERY;
        loop {
            let deadlines = [self.person.next_deadline(), self.greet_again_at, Some(next_position)];
            let deadline = deadlines.into_iter().flatten().min().unwrap_or(next_position);
            let packets = tokio::select! {
                packet = incoming.next() => self.handle_packet(packet?),
                () = sleep_until(deadline.into()) => self.due(&mut next_position),
            };
            if !packets.is_empty() {
                outgoing.send(&packets).await?;
            }
        }
    }

    /// What is to be said by now.
    fn due(&mut self, next_position: &mut Instant) -> Vec<Packet> {
        let now = Instant::now();
        let spoken = self.person.speak();
        let mut packets: Vec<Packet> = spoken.into_iter().map(|(id, kind)| self.reply(id, kind)).collect();
        if self.greet_again_at.take_if(|at| *at <= now).is_some() {
            packets.extend(self.greeting());
        }
        if *next_position <= now {
            *next_position = now + POSITION_EVERY;
            packets.push(self.position());
        }
        packets
    }

    fn handle_packet(&mut self, packet: Packet) -> Vec<Packet> {
        match packet {
            Packet::Publish(message) => self.handle_message(&message),
            // Refused, or the broker is back before the service: what it takes now goes nowhere.
            Packet::PubAck(answer) if answer.reason != PubAckReason::Success => {
                self.unheard.remove(&answer.pkid);
                self.greet_again_at = Some(Instant::now() + NOBODY_LISTENS_WAIT);
                vec![]
            }
            Packet::PubAck(answer) => {
                if let Some((alert_id, kind)) = self.unheard.remove(&answer.pkid) {
                    self.person.is_heard(&alert_id, kind);
                    self.write(What::Heard { alert_id, kind });
                }
                vec![]
            }
            Packet::PingResp => vec![],
            other => {
                self.write(What::Unreadable(format!("{other:?}")));
                vec![]
            }
        }
    }

    fn handle_message(&mut self, message: &Publish) -> Vec<Packet> {
        let acknowledged = Packet::PubAck(PubAck::new(message.pkid, None));
        let Ok(down) = serde_json::from_slice::<Down>(&message.payload) else {
            self.write(What::Unreadable(format!(
                "{} bytes that are no message",
                message.payload.len()
            )));
            return vec![acknowledged];
        };
        if is_probe(&down) {
            return vec![acknowledged, self.position()];
        }
        let Some(seen) = self.person.handle(&down) else {
            return vec![acknowledged];
        };
        let again = matches!(seen, What::Got { duplicate: true, .. });
        self.write(seen);
        let mut packets = vec![acknowledged, self.receipt(&down.alert_id, down.alert_version)];
        // Asked again after having answered: the answer may be lost.
        if let Some(kind) = self.person.repeat_one(&down.alert_id).filter(|_| again) {
            packets.push(self.reply(down.alert_id, kind));
        }
        packets
    }

    fn greeting(&mut self) -> Vec<Packet> {
        let app_version = "faults".to_owned();
        let mut packets = vec![self.up(up::Kind::Hello(Hello { app_version })), self.position()];
        for (id, version, said) in self.person.repeat() {
            packets.push(self.receipt(&id, version));
            packets.extend(said.map(|kind| self.reply(id, kind)));
        }
        packets
    }

    fn position(&mut self) -> Packet {
        let position = Position {
            latitude_deg: self.place.latitude_deg,
            longitude_deg: self.place.longitude_deg,
            accuracy_m: 10.0,
            taken_at: Some(timestamp(SystemTime::now())),
        };
        self.up(up::Kind::Position(position))
    }

    fn receipt(&mut self, alert_id: &str, alert_version: u32) -> Packet {
        self.up(up::Kind::Receipt(Receipt {
            alert_id: alert_id.to_owned(),
            alert_version,
            stage: ReceiptStage::Received.into(),
        }))
    }

    fn reply(&mut self, alert_id: String, kind: ReplyKind) -> Packet {
        let packet = self.up(up::Kind::Reply(Reply {
            shifts: Vec::new(),
            alert_id: alert_id.clone(),
            kind: kind.into(),
            decline_reason: 0,
        }));
        self.unheard.insert(self.packet_id, (alert_id, kind));
        packet
    }

    fn up(&mut self, kind: up::Kind) -> Packet {
        let payload =
            serde_json::to_vec(&envelope(kind)).expect("an envelope made here has only valid times and enums");
        let mut publish = Publish::new(self.enrolled.up_topic.as_str(), QoS::AtLeastOnce, payload, None);
        publish.pkid = self.next_id();
        Packet::Publish(publish)
    }

    /// Packet ids go round, leaving out zero.
    fn next_id(&mut self) -> u16 {
        self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
        self.packet_id
    }

    fn write(&self, what: What) {
        self.manner.log.write(self.number, what);
    }
}

fn envelope(kind: up::Kind) -> Up {
    Up {
        sent_at: Some(timestamp(SystemTime::now())),
        kind: Some(kind),
    }
}
