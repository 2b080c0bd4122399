//! A phone: an MQTT 5 client of another library than the broker's.

use muster_engine::registry::Encoding;
use muster_proto::{google, v1};
use prost::Message as _;
use rumqttc::{
    AckMode, AsyncClient, ConnectionError, Event, LastWill, MqttOptions, PublishNoticeError, PublishOptions,
    PublishResult, SubscribeFilterInput,
    mqttbytes::{
        QoS,
        v5::{ConnectReturnCode, Packet, PubAckReason, Publish, SubscribeReasonCode},
    },
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::world::{Enrolled, EnrolledTrunk, NOW, PATIENCE, World};

pub struct Phone {
    pub device: Enrolled,
    client: AsyncClient,
    heard: mpsc::UnboundedReceiver<Publish>,
    poll: JoinHandle<()>,
}

/// How a phone introduces itself.
pub struct Introduction {
    pub client_id: String,
    pub username: Option<String>,
    pub password: String,
    pub resume: bool,
    /// Never acknowledges a message.
    pub forgetful: bool,
    pub will: Option<LastWill>,
}

impl Introduction {
    pub fn of(device: &Enrolled) -> Self {
        Self::new(device.username(), device.username(), &device.password)
    }

    pub fn of_trunk(trunk: &EnrolledTrunk) -> Self {
        Self::new(trunk.username() + "-1", trunk.username(), &trunk.password)
    }

    fn new(client_id: String, username: String, password: &str) -> Self {
        Self {
            client_id,
            username: Some(username),
            password: password.to_owned(),
            resume: false,
            forgetful: false,
            will: None,
        }
    }
}

impl Phone {
    pub async fn connect(world: &World, device: &Enrolled) -> Self {
        Self::introduce(world, device, Introduction::of(device)).await.unwrap()
    }

    /// Connects and listens on its down topic.
    pub async fn listening(world: &World, device: &Enrolled) -> Self {
        let phone = Self::connect(world, device).await;
        let granted = phone.subscribe(&[&device.down()]).await;
        assert_eq!(granted, [SubscribeReasonCode::Success(QoS::AtLeastOnce)]);
        phone
    }

    pub async fn introduce(
        world: &World,
        device: &Enrolled,
        introduction: Introduction,
    ) -> Result<Self, ConnectReturnCode> {
        let address = (world.address.ip().to_string(), world.address.port());
        let mut options = MqttOptions::new(introduction.client_id, address);
        options
            .set_clean_start(!introduction.resume)
            .set_session_expiry_interval(Some(300))
            .set_ack_mode(if introduction.forgetful {
                AckMode::Manual
            } else {
                AckMode::Automatic
            });
        options.set_broker_session_resume_policy(rumqttc::BrokerSessionResumePolicy::AllowBrokerOnly);
        if let Some(username) = introduction.username {
            options.set_credentials(username, introduction.password);
        }
        if let Some(will) = introduction.will {
            options.set_last_will(will);
        }
        let (client, mut event_loop) = AsyncClient::builder(options).capacity(64).build();
        let first = timeout(PATIENCE, event_loop.poll())
            .await
            .expect("an answer to CONNECT in time");
        match first {
            Ok(Event::Incoming(Packet::ConnAck(ack))) => assert_eq!(ack.code, ConnectReturnCode::Success),
            Err(ConnectionError::ConnectionRefused(code)) => return Err(code),
            other => panic!("neither let in nor refused: {other:?}"),
        }
        let (hear, heard) = mpsc::unbounded_channel();
        let poll = tokio::spawn(async move {
            loop {
                match event_loop.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        hear.send(publish).ok();
                    }
                    Ok(_) => {}
                    // Does not reconnect, so that a test sees the end of a session.
                    Err(_) => return,
                }
            }
        });
        Ok(Self {
            device: device.clone(),
            client,
            heard,
            poll,
        })
    }

    pub async fn subscribe(&self, filters: &[&str]) -> Vec<SubscribeReasonCode> {
        let filters = filters
            .iter()
            .map(|filter| SubscribeFilterInput::new(*filter, QoS::AtLeastOnce));
        let notice = self
            .client
            .subscribe_many_tracked(filters.collect::<Vec<_>>())
            .await
            .unwrap();
        let ack = timeout(PATIENCE, notice.wait_async()).await.expect("SUBACK in time");
        ack.unwrap().return_codes
    }

    /// Publishes with QoS 1 and returns what the broker answers.
    pub async fn publish(&self, topic: &str, payload: &[u8]) -> PubAckReason {
        match self.try_publish(topic, payload, false).await {
            Ok(PublishResult::Qos1(ack)) => ack.reason,
            other => panic!("no PUBACK: {other:?}"),
        }
    }

    pub async fn try_publish(
        &self,
        topic: &str,
        payload: &[u8],
        retain: bool,
    ) -> Result<PublishResult, PublishNoticeError> {
        let options = PublishOptions::at_least_once().retain(retain);
        let notice = self
            .client
            .publish_tracked(topic, payload.to_vec(), options)
            .await
            .unwrap();
        timeout(PATIENCE, notice.wait_async()).await.expect("an end in time")
    }

    pub async fn say(&self, kind: v1::up::Kind) {
        self.say_at(kind, None).await;
    }

    pub async fn say_at(&self, kind: v1::up::Kind, sent_at: Option<google::Timestamp>) {
        let up = v1::Up {
            sent_at,
            kind: Some(kind),
        };
        let payload = match self.device.access.encoding {
            Encoding::Json => serde_json::to_vec(&up).unwrap(),
            Encoding::Binary => up.encode_to_vec(),
        };
        let reason = self.publish(&self.device.up(), &payload).await;
        assert!(matches!(reason, PubAckReason::Success), "{reason:?}");
    }

    /// Says a position nobody said before and waits until it is the next thing the engine hears.
    pub async fn is_heard_next(&self, world: &mut World) {
        let (latitude, fix) = world.marker();
        self.say(position(latitude)).await;
        let device = self.device.id();
        assert_eq!(
            world.next_said().await,
            dispatch_core::input::Input::Fix { device, fix }
        );
    }

    /// The next message as it came.
    pub async fn next_publish(&mut self) -> Publish {
        let next = timeout(PATIENCE, self.heard.recv()).await;
        next.expect("a message in time").expect("the session lives")
    }

    /// The next message, read.
    pub async fn next_down(&mut self) -> v1::Down {
        let publish = self.next_publish().await;
        match self.device.access.encoding {
            Encoding::Json => serde_json::from_slice(&publish.payload).unwrap(),
            Encoding::Binary => v1::Down::decode(publish.payload).unwrap(),
        }
    }

    /// Waits until the broker has ended the session.
    pub async fn is_thrown_out(&mut self) {
        timeout(PATIENCE, &mut self.poll)
            .await
            .expect("thrown out in time")
            .unwrap();
    }

    pub fn is_connected(&self) -> bool {
        !self.poll.is_finished()
    }

    pub async fn leave(self) {
        self.client.disconnect().await.unwrap();
        timeout(PATIENCE, self.poll).await.expect("gone in time").unwrap();
    }
}

pub fn position(latitude_deg: f64) -> v1::up::Kind {
    v1::up::Kind::Position(v1::Position {
        latitude_deg,
        longitude_deg: -0.1,
        accuracy_m: 10.0,
        taken_at: None,
    })
}

/// A moment this many seconds after the bus's now.
pub fn seconds_from_now(seconds: i64) -> google::Timestamp {
    google::Timestamp {
        seconds: NOW.unix_ms() / 1000 + seconds,
        nanos: 0,
    }
}
