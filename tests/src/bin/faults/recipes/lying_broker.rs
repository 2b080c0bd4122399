//! F18: a broker that acknowledges everything and delivers nothing. The control room is told in ten seconds.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result, ensure};
use muster_proto::v1::{Hello, Position, Up, up, watch_incidents_response::Event};
use muster_tests::control_room::{Enrolled, Point2d, timestamp};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rumqttc::mqttbytes::{
    QoS,
    v5::{ConnAck, ConnectReturnCode, Packet, PubAck, Publish, SubAck, SubscribeReasonCode},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::data_dir;
use crate::{
    bench::Bench,
    desk::{Desk, arrest},
    ledger::Ending,
    outcome::Outcome,
    server::{MQTT_PORT, Setup},
    town::{QUARTERS, enrol, place_in},
    watcher::replay,
    wire,
};

/// Some in each quarter.
const PEOPLE: usize = 40;
/// The policy's ten seconds, and what it takes to tell.
const TOLD_MAX: Duration = Duration::from_secs(11);
/// What the service says is acknowledged in milliseconds; this is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Messages to the service that wait for the socket.
const WAITING: usize = 256;

pub(super) async fn run(bench: &Bench) -> Result<Outcome> {
    let mut outcome = Outcome::new(TOLD_MAX);
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    let mut setup = Setup::new(bench, data_dir(bench));
    let address = SocketAddr::from((bench.address, MQTT_PORT));
    setup.broker = Some(address);
    let mut liar = Liar::start(address).await?;
    let (running, _) = setup.start().await?;
    let desk = Desk::new(&setup.endpoints()?)?;
    let people = enrol(&desk, PEOPLE, bench.seed).await?;
    // The last true thing this broker does: the service knows where people are.
    liar.pass_on(&people).await?;
    located(&desk, &mut dice).await?;

    let mut reported = BTreeMap::new();
    for n in 0..bench.pick(3, 8) {
        let number = format!("unheard-{n}");
        let give_up = Instant::now() + PATIENCE;
        let answer = desk
            .report_until_answered(&arrest(&number, place_in(n, &mut dice)), give_up)
            .await;
        let answer = answer.with_context(|| format!("the report of {number} is not answered"))?;
        if answer.alerts_planned == 0 {
            outcome
                .broken
                .push(format!("{number}: nobody is asked, so nothing can be withheld"));
        }
        reported.insert(number, SystemTime::now());
        outcome.runs += 1;
        outcome.incidents += 1;
        sleep(Duration::from_millis(100)).await;
    }
    sleep(TOLD_MAX).await;
    told(&desk, &reported, &mut outcome).await?;
    outcome.notes.push(format!(
        "{} messages acknowledged and thrown away",
        liar.dropped.load(Ordering::Relaxed)
    ));
    for number in reported.keys() {
        let give_up = Instant::now() + PATIENCE;
        let ended = desk
            .end_until_answered(number, Ending::Close, SystemTime::now(), give_up)
            .await;
        ensure!(ended.is_some(), "the end of {number} is not answered");
    }
    running.kill().await?;
    Ok(outcome)
}

/// Waits until the service asks people in every quarter. It has acknowledged where they are, and reads that at leisure.
async fn located(desk: &Desk, dice: &mut ChaCha8Rng) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    for quarter in 0..QUARTERS.len() {
        for n in 0.. {
            let number = format!("warm-up-{quarter}-{n}");
            let answer = desk
                .report_until_answered(&arrest(&number, place_in(quarter, dice)), give_up)
                .await;
            let answer = answer.with_context(|| format!("the report of {number} is not answered"))?;
            let ended = desk
                .end_until_answered(&number, Ending::Close, SystemTime::now(), give_up)
                .await;
            ensure!(
                ended.is_some() && Instant::now() < give_up,
                "nobody is asked in quarter {quarter}"
            );
            if answer.alerts_planned > 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Whether the control room was told about each incident, and about the state of things at all.
async fn told(desk: &Desk, reported: &BTreeMap<String, SystemTime>, outcome: &mut Outcome) -> Result<()> {
    let events = replay(desk, 0).await?;
    for (number, at) in reported {
        let could_not = events.iter().find(|event| {
            let about = event.key.as_ref().is_some_and(|key| key.cad_incident_number == *number);
            about && matches!(event.event, Some(Event::CouldNotAlert(_)))
        });
        match could_not.and_then(|event| event.at) {
            None => outcome
                .broken
                .push(format!("{number}: nobody said that nobody was reached")),
            Some(said) => {
                let said =
                    SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(said.seconds)?, u32::try_from(said.nanos)?);
                outcome.recovery.push(said.duration_since(*at).unwrap_or_default());
            }
        }
    }
    // Read from the message's own name, so that the script needs no newer wire than the binary has.
    if !String::from_utf8_lossy(muster_proto::DESCRIPTORS).contains("SystemAlarm") {
        outcome
            .notes
            .push("skipped: this binary's watch has no system alarm".to_owned());
        return Ok(());
    }
    let alarm = |text: String| text.to_lowercase().contains("alarm");
    let raised = events.iter().any(|event| serde_json::to_string(event).is_ok_and(alarm));
    if !raised {
        outcome
            .broken
            .push("alerts are not leaving, and no alarm was raised".to_owned());
    }
    Ok(())
}

/// The broker.
struct Liar {
    dropped: Arc<AtomicU64>,
    /// The way to whoever subscribed first: the service.
    to_service: mpsc::Sender<Packet>,
    /// Acknowledgements by the service.
    taken: mpsc::UnboundedReceiver<u16>,
    task: JoinHandle<()>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Liar {
    async fn start(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await.context("the lying broker listens")?;
        let dropped = Arc::new(AtomicU64::new(0));
        let (to_service, mut outbox) = mpsc::channel(WAITING);
        let (acknowledged, taken) = mpsc::unbounded_channel();
        let count = Arc::clone(&dropped);
        // One connection at a time: the service's. It may come again.
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // How it ended is of no interest.
                let _ = serve(stream, &mut outbox, &acknowledged, &count).await;
            }
        });
        Ok(Self {
            dropped,
            to_service,
            taken,
            task,
        })
    }

    /// Says for each person where they are, as if their phones had, and waits until the service has it.
    async fn pass_on(&mut self, people: &[(Enrolled, Point2d)]) -> Result<()> {
        let mut pkid = 0;
        for (enrolled, place) in people {
            for kind in [hello(), position(*place)] {
                pkid += 1;
                let up = Up {
                    sent_at: Some(timestamp(SystemTime::now())),
                    kind: Some(kind),
                };
                let topic = enrolled.up_topic.as_str();
                let mut publish = Publish::new(topic, QoS::AtLeastOnce, serde_json::to_vec(&up)?, None);
                publish.pkid = pkid;
                self.to_service.send(Packet::Publish(publish)).await?;
            }
        }
        for _ in 0..pkid {
            let taken = timeout(PATIENCE, self.taken.recv()).await;
            taken.context("the service does not take what phones say")?;
        }
        Ok(())
    }
}

async fn serve(
    stream: TcpStream,
    outbox: &mut mpsc::Receiver<Packet>,
    acknowledged: &mpsc::UnboundedSender<u16>,
    dropped: &AtomicU64,
) -> Result<()> {
    let (mut incoming, mut outgoing) = wire::split(stream);
    let mut subscribed = false;
    loop {
        let answer = tokio::select! {
            packet = incoming.next() => match packet? {
                Packet::Connect(..) => Packet::ConnAck(ConnAck {
                    session_present: false,
                    code: ConnectReturnCode::Success,
                    properties: None,
                }),
                Packet::Subscribe(subscribe) => {
                    subscribed = true;
                    let granted = SubscribeReasonCode::Success(QoS::AtLeastOnce);
                    Packet::SubAck(SubAck {
                        pkid: subscribe.pkid,
                        return_codes: vec![granted; subscribe.filters.len()],
                        properties: None,
                    })
                }
                Packet::Publish(publish) => {
                    dropped.fetch_add(1, Ordering::Relaxed);
                    if publish.qos == QoS::AtMostOnce {
                        continue;
                    }
                    Packet::PubAck(PubAck::new(publish.pkid, None))
                }
                Packet::PubAck(answer) => {
                    // Nobody waits for it any more once all is said.
                    let _ = acknowledged.send(answer.pkid);
                    continue;
                }
                Packet::PingReq => Packet::PingResp,
                _ => continue,
            },
            Some(packet) = outbox.recv(), if subscribed => packet,
        };
        outgoing.send(&[answer]).await?;
    }
}

fn hello() -> up::Kind {
    up::Kind::Hello(Hello {
        app_version: "faults".to_owned(),
    })
}

fn position(place: Point2d) -> up::Kind {
    up::Kind::Position(Position {
        latitude_deg: place.latitude_deg,
        longitude_deg: place.longitude_deg,
        accuracy_m: 10.0,
        taken_at: Some(timestamp(SystemTime::now())),
    })
}
