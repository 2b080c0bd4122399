//! The trunk: a few MQTT connections that tell where many people are, on a schedule.
//!
//! A message that is due while its connection is away or full is not sent later: it is counted, since by then it would be
//! another position.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use muster_proto::v1::IssueTrunkCredentialResponse;
use rumqttc::{AsyncClient, Broker, Event, EventLoop, MqttOptions, NetworkOptions, Packet, PublishOptions, QoS};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{crowd::Crowd, metronome::Strikes, observe::PositionsSeen};

/// Messages waiting in one connection: a second's worth at the highest rates, beyond which the harness is the bottleneck
/// and has to say so.
const QUEUE_MAX: usize = 1_000;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Between attempts to connect again.
const RECONNECT_AFTER: Duration = Duration::from_millis(200);
const KEEP_ALIVE_S: u16 = 60;
/// When placing people, so many positions are let go ahead of what the service says it has taken in: below what it
/// queues, so that none is shed.
const AHEAD_MAX: usize = 6_000;
/// A service that takes nothing in for this long is not waited for.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Connected trunks.
pub struct Trunk {
    connections: Vec<Connection>,
    turn: usize,
    topic: String,
    /// Positions handed to the connections.
    pub sent: u64,
    /// Positions that were due and could not be.
    pub unsent: u64,
    polls: JoinSet<()>,
}

struct Connection {
    client: AsyncClient,
    line: watch::Receiver<Line>,
}

/// How a connection stands.
#[derive(Clone, Debug)]
enum Line {
    Up,
    /// Why.
    Down(String),
}

impl Trunk {
    /// Opens the connections to a broker at `host:port`.
    pub async fn connect(
        broker: (&str, u16),
        credential: &IssueTrunkCredentialResponse,
        count: usize,
    ) -> anyhow::Result<Self> {
        let mut trunk = Self {
            connections: Vec::new(),
            turn: 0,
            topic: credential.up_topic.clone(),
            sent: 0,
            unsent: 0,
            polls: JoinSet::new(),
        };
        for number in 0..count {
            let options = options(broker, credential, number);
            let (client, eventloop) = AsyncClient::builder(options).capacity(QUEUE_MAX).build();
            let (told, mut line) = watch::channel(Line::Down("no answer".to_owned()));
            trunk.polls.spawn(carry(eventloop, told));
            let let_in = timeout(CONNECT_WITHIN, line.wait_for(|line| matches!(line, Line::Up))).await;
            drop(let_in);
            if let Line::Down(why) = &*line.borrow() {
                anyhow::bail!("the trunk was not let in within {} s: {why}", CONNECT_WITHIN.as_secs());
            }
            trunk.connections.push(Connection { client, line });
        }
        ensure!(count > 0, "a trunk has at least one connection");
        Ok(trunk)
    }

    /// Tells where everybody is, once, as fast as the service takes it in and at most `per_s` a second.
    pub async fn place(
        &mut self,
        crowd: &mut Crowd,
        per_message: usize,
        per_s: f64,
        seen: &PositionsSeen,
    ) -> anyhow::Result<()> {
        let before = seen.handled().await;
        let begun = Instant::now();
        let (mut placed, mut known) = (0, 0);
        while placed < crowd.len() {
            let count = per_message.min(crowd.len() - placed);
            let message = crowd.standing(count);
            let topic = self.topic.clone();
            self.next()
                .client
                .publish(topic, message, PublishOptions::new(QoS::AtMostOnce))
                .await
                .context("telling where people are")?;
            placed += count;
            self.sent += count as u64;
            let due = begun + Duration::from_secs_f64(precise(placed) / per_s);
            sleep(due.saturating_duration_since(Instant::now())).await;
            if let Some(before) = before
                && placed - known >= AHEAD_MAX
            {
                known = placed - AHEAD_MAX / 2;
                seen.wait_handled(before + known as u64, STUCK_AFTER).await;
            }
        }
        if let Some(before) = before {
            seen.wait_handled(before + placed as u64, STUCK_AFTER).await;
        }
        Ok(())
    }

    /// One message, due now.
    pub fn tell(&mut self, crowd: &mut Crowd, count: usize) {
        let message = crowd.moving(count);
        let topic = self.topic.clone();
        let connection = self.next();
        let up = matches!(*connection.line.borrow(), Line::Up);
        let gone = up
            && connection
                .client
                .try_publish(topic, message, PublishOptions::new(QoS::AtMostOnce))
                .is_ok();
        *if gone { &mut self.sent } else { &mut self.unsent } += count as u64;
    }

    fn next(&mut self) -> &Connection {
        self.turn = (self.turn + 1) % self.connections.len();
        &self.connections[self.turn]
    }
}

/// What the trunk's task tells, and is told.
#[derive(Debug, Default)]
pub struct TrunkCounters {
    /// Positions handed to the connections.
    pub sent: AtomicU64,
    /// Positions that were due and could not be.
    pub unsent: AtomicU64,
    /// The run is over: nothing more is told.
    pub stop: AtomicBool,
}

/// Tells positions at every strike; `late` hears when each was due and when it was handed over.
pub async fn tell_on_schedule(
    mut trunk: Trunk,
    mut crowd: Crowd,
    per_message: usize,
    mut strikes: Strikes,
    counters: Arc<TrunkCounters>,
    late: mpsc::UnboundedSender<(Instant, Instant)>,
) {
    while let Some(due) = strikes.recv().await {
        if counters.stop.load(Ordering::Relaxed) {
            break;
        }
        trunk.tell(&mut crowd, per_message);
        counters.sent.store(trunk.sent, Ordering::Relaxed);
        counters.unsent.store(trunk.unsent, Ordering::Relaxed);
        let _ = late.send((due, Instant::now()));
    }
    // What was handed over last goes out before the connections are dropped.
    for connection in &trunk.connections {
        let _ = connection.client.try_disconnect();
    }
    let _ = timeout(CONNECT_WITHIN, async {
        while trunk.polls.join_next().await.is_some() {}
    })
    .await;
}

/// Carries one connection, again and again.
async fn carry(mut eventloop: EventLoop, told: watch::Sender<Line>) {
    loop {
        match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => drop(told.send_replace(Line::Up)),
            Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(error) => {
                told.send_replace(Line::Down(error.to_string()));
                sleep(RECONNECT_AFTER).await;
            }
        }
    }
}

fn options(broker: (&str, u16), credential: &IssueTrunkCredentialResponse, number: usize) -> MqttOptions {
    let client_id = format!("{}-{number}", credential.trunk_id);
    let mut options = MqttOptions::new(client_id, Broker::tcp(broker.0, broker.1));
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options
        .set_credentials(credential.trunk_id.as_str(), credential.password.clone())
        .set_clean_start(true)
        .set_keep_alive(KEEP_ALIVE_S)
        .set_network_options(network);
    options
}

/// Counts of positions are far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn precise(count: usize) -> f64 {
    count as f64
}
