//! The fleet against a real broker: a Mosquitto child on a port of its own. Skipped, and said so, where it is missing.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use muster_loadtest::{
    Answered, CUT_BY_OWNER, Encoding, Fleet, FleetConfig, PhoneConfig, PhoneEvent, What,
    people::{answers::AnswerModel, place::Place},
};
use muster_proto::{
    google::Timestamp,
    v1::{Alert, Body, Down, Plain, Receipt, ReceiptStage, ReplyKind, StandDown, Up, body, down, plain, up},
};
use prost::{Message as _, bytes::Bytes};
use rumqttc::{AsyncClient, Broker, Event, EventLoop, MqttOptions, Packet, PublishOptions, QoS};
use tokio::time::timeout;

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Mosquitto that ends with the test.
struct Mosquitto {
    child: Child,
    port: u16,
    config: PathBuf,
    _dir: tempfile::TempDir,
}

impl Mosquitto {
    fn start() -> Option<Self> {
        if Command::new("mosquitto")
            .arg("-h")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
        {
            eprintln!("SKIPPED: mosquitto is not installed");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        // Mosquitto cannot be asked which port it got: the system chooses one, and it is free a moment later.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = dir.path().join("mosquitto.conf");
        let lines = format!("listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n");
        fs::write(&config, lines).unwrap();
        Some(Self {
            child: spawn(&config),
            port,
            config,
            _dir: dir,
        })
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.child = spawn(&self.config);
    }
}

fn spawn(config: &PathBuf) -> Child {
    Command::new("mosquitto")
        .arg("-c")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other end: hears every phone, speaks to any. It only gets on while it waits for something.
struct Service {
    client: AsyncClient,
    eventloop: EventLoop,
    /// Heard and not asked for yet.
    heard: Vec<(Bytes, Bytes)>,
}

impl Service {
    /// Connects as soon as the broker is there, and subscribes.
    async fn connect(port: u16) -> Self {
        let options = MqttOptions::new("service", Broker::tcp("127.0.0.1", port));
        let (client, eventloop) = AsyncClient::builder(options).capacity(64).build();
        let mut service = Self {
            client,
            eventloop,
            heard: vec![],
        };
        service.client.try_subscribe("t/+/up", QoS::AtLeastOnce).unwrap();
        let subscribed = async {
            // A refused connection means that the broker is not up yet: the next poll tries again.
            while !matches!(service.eventloop.poll().await, Ok(Event::Incoming(Packet::SubAck(_)))) {}
        };
        timeout(PATIENCE, subscribed).await.expect("the service subscribes");
        service
    }

    fn say(&self, phone: &PhoneConfig, down: &Down) {
        let payload = match phone.encoding {
            Encoding::Json => serde_json::to_vec(down).unwrap(),
            Encoding::Binary => down.encode_to_vec(),
        };
        self.client
            .try_publish(phone.down_topic.as_str(), payload, PublishOptions::at_least_once())
            .unwrap();
    }

    /// Waits for something said by a phone; what else was said is kept for later.
    async fn hears(&mut self, phone: &PhoneConfig, what: impl Fn(&up::Kind) -> bool) -> Up {
        let wanted = |(topic, payload): &(Bytes, Bytes)| {
            let up = (topic == phone.up_topic.as_bytes()).then(|| read(phone.encoding, payload))?;
            up.kind.as_ref().is_some_and(&what).then_some(up)
        };
        let heard = async {
            loop {
                if let Some(index) = self.heard.iter().position(|message| wanted(message).is_some()) {
                    return wanted(&self.heard.remove(index)).unwrap();
                }
                if let Ok(Event::Incoming(Packet::Publish(publish))) = self.eventloop.poll().await {
                    self.heard.push((publish.topic, publish.payload));
                }
            }
        };
        timeout(PATIENCE, heard).await.expect("the phone says it")
    }
}

fn read(encoding: Encoding, payload: &[u8]) -> Up {
    match encoding {
        Encoding::Json => serde_json::from_slice(payload).unwrap(),
        Encoding::Binary => Up::decode(payload).unwrap(),
    }
}

fn phone(person: u64, encoding: Encoding) -> PhoneConfig {
    PhoneConfig {
        person,
        device_id: format!("dev-{person}"),
        password: "any".into(),
        up_topic: format!("t/{person}/up"),
        down_topic: format!("t/{person}/down"),
        encoding,
        home: Place::new(51.5, -0.1).unwrap(),
    }
}

/// Everybody accepts, at once.
fn config(port: u16) -> FleetConfig {
    let answer_median = Duration::from_millis(20);
    let answers = AnswerModel {
        accept_share: 1.0,
        decline_share: 0.0,
        answer_median,
        ..AnswerModel::default()
    };
    FleetConfig {
        answers,
        position_interval: Duration::from_secs(1),
        ..FleetConfig::new("127.0.0.1", port, 1)
    }
}

fn message(alert_id: &str, alert_version: u32, kind: plain::Kind) -> Down {
    let body = Body {
        content: Some(body::Content::Plain(Plain { kind: Some(kind) })),
    };
    Down {
        alert_id: alert_id.into(),
        alert_version,
        owner_epoch: 1,
        expires_at: Some(Timestamp {
            seconds: 4_000_000_000,
            nanos: 0,
        }),
        purpose: Some(down::Purpose::Live(body)),
    }
}

fn receipt(alert_id: &str, alert_version: u32, stage: ReceiptStage) -> impl Fn(&up::Kind) -> bool {
    let receipt = Receipt {
        alert_id: alert_id.into(),
        alert_version,
        stage: stage.into(),
    };
    move |kind| *kind == up::Kind::Receipt(receipt.clone())
}

fn accept(kind: &up::Kind) -> bool {
    matches!(kind, up::Kind::Reply(reply) if reply.kind() == ReplyKind::Accept)
}

async fn event(fleet: &mut Fleet, person: u64, what: impl Fn(&What) -> bool) -> PhoneEvent {
    let found = async {
        loop {
            let event = fleet.next_event().await.expect("the phones are running");
            if event.person == person && what(&event.what) {
                return event;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("the phone writes it down")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_goes_round_in_both_encodings() {
    let Some(broker) = Mosquitto::start() else { return };
    let mut service = Service::connect(broker.port).await;
    let phones = [phone(1, Encoding::Json), phone(2, Encoding::Binary)];
    let mut fleet = Fleet::start(&config(broker.port), phones.to_vec());
    for phone in &phones {
        service.hears(phone, |kind| matches!(kind, up::Kind::Hello(_))).await;
        let up = service.hears(phone, |kind| matches!(kind, up::Kind::Position(_))).await;
        assert!(up.sent_at.is_some());
    }
    assert!(fleet.wait_connected(2, PATIENCE).await);

    for (phone, alert_id) in phones.iter().zip(["a", "b"]) {
        service.say(phone, &message(alert_id, 1, plain::Kind::Alert(Alert::default())));
        service.hears(phone, receipt(alert_id, 1, ReceiptStage::Received)).await;
        service.hears(phone, receipt(alert_id, 1, ReceiptStage::Shown)).await;
        service.hears(phone, accept).await;
        service.say(
            phone,
            &message(alert_id, 2, plain::Kind::StandDown(StandDown::default())),
        );
        service.hears(phone, receipt(alert_id, 2, ReceiptStage::Received)).await;
    }

    fleet.shutdown().await;
    fleet.drain();
    let summary = fleet.summary();
    let counts = [
        summary.alerts_received(),
        summary.accepted(),
        summary.no_answer(),
        summary.stand_downs(),
    ];
    assert_eq!(counts, [2, 2, 0, 2]);
    assert_eq!((summary.disconnects, summary.unreadable, fleet.connected()), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_come_back_after_the_broker_and_remember_their_answer() {
    let Some(mut broker) = Mosquitto::start() else { return };
    let phone = phone(1, Encoding::Binary);
    let mut fleet = Fleet::start(&config(broker.port), vec![phone.clone()]);
    {
        let mut service = Service::connect(broker.port).await;
        assert!(fleet.wait_connected(1, PATIENCE).await);
        service.say(&phone, &message("a", 1, plain::Kind::Alert(Alert::default())));
        service.hears(&phone, accept).await;
    }
    broker.kill();
    event(&mut fleet, 1, |what| matches!(what, What::Disconnected { .. })).await;
    broker.start_again();
    let mut service = Service::connect(broker.port).await;
    assert!(fleet.wait_connected(1, PATIENCE).await);
    // Published again to a phone that has answered: the same answer comes again.
    service.say(&phone, &message("a", 1, plain::Kind::Alert(Alert::default())));
    service.hears(&phone, accept).await;
    service.say(&phone, &message("b", 1, plain::Kind::Alert(Alert::default())));
    service.hears(&phone, receipt("b", 1, ReceiptStage::Received)).await;
    let answered =
        |what: &What| matches!(what, What::Answered { alert_id, answer: Answered::Decline } if alert_id == "b");
    event(&mut fleet, 1, answered).await;
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_run_starts_over_where_the_broker_remembers_an_earlier_one() {
    let Some(broker) = Mosquitto::start() else { return };
    let _service = Service::connect(broker.port).await;
    for run in 0..2 {
        let mut fleet = Fleet::start(&config(broker.port), vec![phone(1, Encoding::Json)]);
        assert!(fleet.wait_connected(1, PATIENCE).await);
        fleet.shutdown().await;
        fleet.drain();
        // The second run meets the session of the first, is refused by its own client, and starts clean.
        assert_eq!(fleet.summary().disconnects, run);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vanished_phone_is_announced_by_its_last_will() {
    let Some(broker) = Mosquitto::start() else { return };
    let mut service = Service::connect(broker.port).await;
    let phone = phone(1, Encoding::Json);
    let fleet = Fleet::start(&config(broker.port), vec![phone.clone()]);
    assert!(fleet.wait_connected(1, PATIENCE).await);
    drop(fleet);
    service
        .hears(&phone, |kind| matches!(kind, up::Kind::Presence(_)))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_are_not_announced_by_the_phones_and_come_back() {
    let Some(broker) = Mosquitto::start() else { return };
    let mut service = Service::connect(broker.port).await;
    let phone = phone(1, Encoding::Json);
    let mut fleet = Fleet::start(&config(broker.port), vec![phone.clone()]);
    assert!(fleet.wait_connected(1, PATIENCE).await);
    event(&mut fleet, 1, |what| matches!(what, What::Connected { .. })).await;
    fleet.drop_connections();
    let cut = |what: &What| matches!(what, What::Disconnected { reason } if reason == CUT_BY_OWNER);
    event(&mut fleet, 1, cut).await;
    // No DISCONNECT was sent, so that the broker speaks for the phone; and it kept the session.
    service
        .hears(&phone, |kind| matches!(kind, up::Kind::Presence(_)))
        .await;
    let back = |what: &What| matches!(what, What::Connected { session_present: true });
    event(&mut fleet, 1, back).await;
    assert!(fleet.wait_connected(1, PATIENCE).await);
    assert!(fleet.positions_sent() >= 1);
    fleet.shutdown().await;
}
