//! What is done to the service on purpose, at set times of the run.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use muster_loadtest::{PhoneConfig, people::place::Place};
use muster_proto::v1::{Position, Up, up};
use prost::Message as _;
use rumqttc::{AsyncClient, Broker, MqttOptions, PublishOptions, QoS};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::sleep_until,
};

use crate::{
    desk::wire_time,
    metronome,
    scenario::{Event, EventKind, Scenario},
    service::Service,
};

/// Messages of the noisy sender waiting in its client.
const QUEUE_MAX: usize = 1_000;

/// What faults tell.
#[derive(Debug)]
pub enum Fault {
    /// It begins.
    Began {
        /// Which occurrence.
        id: usize,
        /// What, in a few words.
        what: String,
    },
    /// It is over.
    Ended {
        /// Which occurrence.
        id: usize,
        /// Why it did not work, if it did not.
        failed: Option<String>,
        /// Messages that were sent, by the noisy sender.
        noise: u64,
    },
    /// The fleet is to cut its connections; its end shows in the phones that come back.
    CutConnections {
        /// Which occurrence.
        id: usize,
    },
}

/// One occurrence of an event.
#[derive(Clone, Debug)]
struct Occurrence {
    id: usize,
    at: Instant,
    event: Event,
}

/// The events of a run.
pub struct Faults {
    occurrences: Vec<Occurrence>,
    /// The phone that goes wild and the broker's host and port, if a scenario has one.
    pub noisy: Option<(PhoneConfig, String, u16)>,
    /// Whom it is done to.
    pub service: Arc<Mutex<Service>>,
    /// Hears of it.
    pub told: mpsc::UnboundedSender<Fault>,
}

/// Whether a scenario has this kind of event.
pub fn has(scenario: &Scenario, kind: EventKind) -> bool {
    scenario.events.iter().any(|event| event.kind == kind)
}

impl Faults {
    /// The scenario's events, counted from the beginning of the measured part.
    pub fn new(
        scenario: &Scenario,
        begin: Instant,
        service: Arc<Mutex<Service>>,
        told: mpsc::UnboundedSender<Fault>,
    ) -> Self {
        let mut occurrences = Vec::new();
        for event in &scenario.events {
            for turn in 0..event.times {
                let after_s = event.at_s + f64::from(turn) * event.every_s.unwrap_or(0.0);
                if after_s < scenario.duration_s {
                    let (id, at) = (occurrences.len(), begin + Duration::from_secs_f64(after_s));
                    let event = event.clone();
                    occurrences.push(Occurrence { id, at, event });
                }
            }
        }
        Self {
            occurrences,
            noisy: None,
            service,
            told,
        }
    }

    /// Does all of them, each at its time; dropped, it stops.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        for occurrence in &self.occurrences {
            let (occurrence, told) = (occurrence.clone(), self.told.clone());
            let (service, noisy) = (Arc::clone(&self.service), self.noisy.clone());
            tasks.spawn(async move {
                sleep_until(occurrence.at.into()).await;
                let id = occurrence.id;
                let what = occurrence.event.words();
                let _ = told.send(Fault::Began { id, what });
                let fault = match occurrence.act(&service, noisy).await {
                    Ok(Some(noise)) => Fault::Ended {
                        id,
                        failed: None,
                        noise,
                    },
                    Ok(None) => Fault::CutConnections { id },
                    Err(error) => Fault::Ended {
                        id,
                        failed: Some(format!("{error:#}")),
                        noise: 0,
                    },
                };
                let _ = told.send(fault);
            });
        }
        while tasks.join_next().await.is_some() {}
    }
}

impl Occurrence {
    /// `None` when it is the fleet's part to do it.
    async fn act(
        &self,
        service: &Mutex<Service>,
        noisy: Option<(PhoneConfig, String, u16)>,
    ) -> anyhow::Result<Option<u64>> {
        match self.event.kind {
            EventKind::Pause => {
                let length = Duration::from_millis(self.event.for_ms.unwrap_or(0));
                service.lock().await.pause(length).await?;
            }
            EventKind::Restart => service.lock().await.restart().await?,
            EventKind::DropConnections => return Ok(None),
            EventKind::NoisySender => {
                let (phone, host, port) = noisy.context("no phone was enrolled to be noisy")?;
                let length = Duration::from_secs_f64(self.event.for_s.unwrap_or(0.0));
                let per_s = self.event.per_s.unwrap_or(1.0);
                return Ok(Some(shout(&phone, &host, port, length, per_s).await?));
            }
        }
        Ok(Some(0))
    }
}

impl Event {
    /// In a few words.
    fn words(&self) -> String {
        match self.kind {
            EventKind::Pause => format!("service paused for {} ms", self.for_ms.unwrap_or(0)),
            EventKind::Restart => "service killed and started again".to_owned(),
            EventKind::DropConnections => "all phones' connections cut".to_owned(),
            EventKind::NoisySender => format!(
                "one phone sends {} messages/s for {} s",
                self.per_s.unwrap_or(0.0),
                self.for_s.unwrap_or(0.0)
            ),
        }
    }
}

/// One phone says where it is, far too often; how often it got that out.
async fn shout(phone: &PhoneConfig, host: &str, port: u16, length: Duration, per_s: f64) -> anyhow::Result<u64> {
    let mut options = MqttOptions::new(phone.device_id.as_str(), Broker::tcp(host, port));
    options.set_credentials(phone.device_id.as_str(), phone.password.clone());
    let (client, mut eventloop) = AsyncClient::builder(options).capacity(QUEUE_MAX).build();
    let mut poll = JoinSet::new();
    poll.spawn(async move {
        // A service that throws the shouter out is as good as one that does not listen.
        while eventloop.poll().await.is_ok() {}
    });
    let gap = Duration::from_secs_f64(1.0 / per_s);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = (length.as_secs_f64() * per_s) as u64;
    let mut strikes = metronome::every(Instant::now(), gap, count)?;
    let mut sent = 0;
    while strikes.recv().await.is_some() {
        let message = position(phone.home).encode_to_vec();
        let topic = phone.up_topic.as_str();
        sent += u64::from(
            client
                .try_publish(topic, message, PublishOptions::new(QoS::AtMostOnce))
                .is_ok(),
        );
    }
    Ok(sent)
}

fn position(place: Place) -> Up {
    let now = Some(wire_time(SystemTime::now()));
    Up {
        sent_at: now,
        kind: Some(up::Kind::Position(Position {
            latitude_deg: place.latitude_deg(),
            longitude_deg: place.longitude_deg(),
            accuracy_m: 10.0,
            taken_at: now,
        })),
    }
}
