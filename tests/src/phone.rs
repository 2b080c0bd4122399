//! A phone: an MQTT 5 client that says where it is, confirms what it receives, and answers alerts as it was told to.
//! Deliberately small and apart from the fleet of the load test, so that a mistake there is not made twice.

use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use anyhow::{Context as _, Error, Result};
use muster_proto::v1::{
    Down, Hello, Plain, Position, Receipt, ReceiptStage, Reply, ReplyKind, Up, body, down, plain, up,
};
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, PublishOptions, SubscribeReasonCode, mqttbytes::QoS,
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::{
    control_room::{Enrolled, Point2d, timestamp},
    wait::PATIENCE,
};

/// Requests waiting to be sent. A phone says at most two things for each message it receives; ten messages at once are
/// more than any test makes.
const REQUESTS: usize = 32;
/// Messages not yet acknowledged, each way; as many as may be waiting.
const UNACKNOWLEDGED_MAX: u16 = 32;

/// What the person does when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Says yes at once.
    Accepts,
    /// Says no at once.
    Declines,
    /// Sees it and says nothing.
    StaysSilent,
    /// The phone takes the message from the broker and dies before its app has it: not even a receipt.
    IsOutOfReach,
}

impl Person {
    fn answer(self) -> Option<ReplyKind> {
        match self {
            Self::Accepts => Some(ReplyKind::Accept),
            Self::Declines => Some(ReplyKind::Decline),
            Self::StaysSilent | Self::IsOutOfReach => None,
        }
    }
}

/// A connected phone. Dropping it cuts the connection without a word, as a tunnel would.
pub struct Phone {
    received: Arc<Mutex<Vec<Down>>>,
    poll: JoinHandle<()>,
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.poll.abort();
    }
}

impl Phone {
    /// Connects, subscribes, says hello and where it is; returns once the service has agreed to the subscription.
    pub async fn connect(mqtt: &str, enrolled: &Enrolled, place: Point2d, person: Person) -> Result<Self> {
        let (host, port) = mqtt.rsplit_once(':').context("the MQTT address has no port")?;
        let client_id = format!("{}-test", enrolled.device_id);
        let mut options = MqttOptions::new(client_id, (host, port.parse::<u16>()?));
        // The client reserves memory for every message that may be unacknowledged: megabytes if it is not told.
        options
            .set_credentials(&enrolled.device_id, enrolled.password.clone())
            .set_receive_maximum(Some(UNACKNOWLEDGED_MAX))
            .set_outgoing_inflight_upper_limit(UNACKNOWLEDGED_MAX);
        let (client, connection) = AsyncClient::builder(options).capacity(REQUESTS).build();
        client.subscribe(&enrolled.down_topic, QoS::AtLeastOnce).await?;

        let received = Arc::new(Mutex::new(Vec::new()));
        let (tell, subscribed) = oneshot::channel();
        let app = App {
            client,
            connection,
            up_topic: enrolled.up_topic.clone(),
            place,
            person,
            received: Arc::clone(&received),
            subscribed: Some(tell),
        };
        let poll = tokio::spawn(app.run());
        let phone = Self { received, poll };
        let answer = timeout(PATIENCE, subscribed)
            .await
            .context("the phone's subscription is not answered")??;
        answer.map_err(Error::msg)?;
        Ok(phone)
    }

    /// Everything received so far, in order.
    pub fn received(&self) -> Vec<Down> {
        self.received.lock().expect("no panic holds the lock").clone()
    }

    /// The ids of the alerts received so far, in order, with repetitions.
    pub fn asked_for(&self) -> Vec<String> {
        self.ids_of(|kind| matches!(kind, plain::Kind::Alert(_)))
    }

    /// The ids of the alerts whose accept was confirmed.
    pub fn confirmed_for(&self) -> Vec<String> {
        self.ids_of(|kind| match kind {
            plain::Kind::Confirm(confirm) => {
                use muster_proto::v1::confirm::Outcome;
                matches!(confirm.outcome, Some(Outcome::Confirmed(_)))
            }
            _ => false,
        })
    }

    /// The ids of the alerts that were stood down.
    pub fn stood_down_from(&self) -> Vec<String> {
        self.ids_of(|kind| matches!(kind, plain::Kind::StandDown(_)))
    }

    fn ids_of(&self, wanted: impl Fn(&plain::Kind) -> bool) -> Vec<String> {
        let received = self.received();
        let about = received
            .iter()
            .filter(|down| said(down).is_some_and(|kind| wanted(&kind)));
        about.map(|down| down.alert_id.clone()).collect()
    }
}

/// What a live message says.
pub fn said(down: &Down) -> Option<plain::Kind> {
    match down.purpose.clone()? {
        down::Purpose::Live(message) => match message.content? {
            body::Content::Plain(Plain { kind }) => kind,
        },
        down::Purpose::Exercise(_) => None,
    }
}

/// The side of the phone that owns the connection.
struct App {
    client: AsyncClient,
    connection: EventLoop,
    up_topic: String,
    place: Point2d,
    person: Person,
    received: Arc<Mutex<Vec<Down>>>,
    /// Told once: whether the service agreed to the subscription.
    subscribed: Option<oneshot::Sender<Result<(), String>>>,
}

impl App {
    /// Runs until the connection ends. A test that wants the phone back connects it again.
    async fn run(mut self) {
        let ended = loop {
            match self.connection.poll().await {
                Ok(Event::Incoming(Packet::SubAck(answer))) => self.handle_subscribed(&answer.return_codes),
                Ok(Event::Incoming(Packet::Publish(message))) => self.handle_message(&message),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        self.tell(Err(ended.to_string()));
    }

    fn handle_subscribed(&mut self, codes: &[SubscribeReasonCode]) {
        if !matches!(codes, [SubscribeReasonCode::Success(_)]) {
            return self.tell(Err(format!("the subscription was refused: {codes:?}")));
        }
        let app_version = "tests".to_owned();
        self.say(up::Kind::Hello(Hello { app_version }));
        self.say(up::Kind::Position(Position {
            latitude_deg: self.place.latitude_deg,
            longitude_deg: self.place.longitude_deg,
            accuracy_m: 10.0,
            taken_at: Some(timestamp(SystemTime::now())),
        }));
        self.tell(Ok(()));
    }

    fn tell(&mut self, answer: Result<(), String>) {
        if let Some(subscribed) = self.subscribed.take() {
            // Nobody listens when the test has given up on the phone.
            let _ = subscribed.send(answer);
        }
    }

    fn handle_message(&self, message: &Publish) {
        let down: Down = serde_json::from_slice(&message.payload).expect("the service writes valid messages");
        let (alert_id, alert_version) = (down.alert_id.clone(), down.alert_version);
        let alert = matches!(said(&down), Some(plain::Kind::Alert(_)));
        self.received.lock().expect("no panic holds the lock").push(down);
        if alert_id.is_empty() || self.person == Person::IsOutOfReach {
            return;
        }
        self.say(up::Kind::Receipt(Receipt {
            alert_id: alert_id.clone(),
            alert_version,
            stage: ReceiptStage::Received.into(),
        }));
        if let Some(kind) = self.person.answer().filter(|_| alert) {
            self.say(up::Kind::Reply(Reply {
                alert_id,
                kind: kind.into(),
                decline_reason: 0,
                shifts: Vec::new(),
            }));
        }
    }

    /// Queues a message; the poll loop that calls this must not wait for itself.
    fn say(&self, kind: up::Kind) {
        let up = Up {
            sent_at: Some(timestamp(SystemTime::now())),
            kind: Some(kind),
        };
        let payload = serde_json::to_vec(&up).expect("messages are JSON");
        self.client
            .try_publish(self.up_topic.clone(), payload, PublishOptions::at_least_once())
            .expect("the queue holds all that a phone says at once");
    }
}
