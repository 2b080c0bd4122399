//! A bus with a broker behind it, four enrolled devices, and the engine's end of the inlet.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
    time::Duration,
};

use dispatch_core::{
    command::{DownBody, DownMessage},
    ids::{AlertId, DeviceId, ResponderId, TenantId, TrunkId},
    input::{DeliveryStage, Input},
    position::{Fix, Metres, Position},
    responder::{Device, Purpose, ResponderProfile, TravelMode},
    time::Timestamp,
};
use muster_bus::{
    embedded::{EmbeddedBus, EmbeddedConfig},
    external::{ExternalBus, ExternalConfig, Login},
    topics::Region,
};
use muster_engine::{
    inlet::{Inlet, Observer},
    ports::{Clock, MessageBus, Outbound},
    registry::{DeviceAccess, DeviceKind, Directory, Encoding, RegistryChange, ResponderRow, TrunkAccess, secret_hash},
};
use tokio::time::timeout;

use crate::{
    counters::Counters,
    mosquitto::{BUS_PASSWORD, BUS_USER, Mosquitto},
    stub::Stub,
};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const REGION: &str = "north";
/// What the bus takes for now.
pub const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// Stands at [`NOW`] until told otherwise.
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Lets time pass for the bus; the broker's own clock goes on as ever.
    pub fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::Relaxed))
    }
}

/// An enrolled device and its secret.
#[derive(Clone)]
pub struct Enrolled {
    pub access: DeviceAccess,
    pub password: String,
}

impl Enrolled {
    fn new(number: u8, kind: DeviceKind, encoding: Encoding) -> Self {
        let password = format!("secret-{number}");
        let device = Device {
            device: DeviceId::from_bytes([number; 16]),
            responder: ResponderId::from_bytes([number; 16]),
            purpose: Purpose::Live,
            alertable: kind == DeviceKind::Muster,
        };
        let access = DeviceAccess {
            device,
            tenant: TenantId::new("dev").unwrap(),
            kind,
            encoding,
            topic_id: format!("{number:032x}"),
            secret_hash: secret_hash(password.as_bytes()),
        };
        Self { access, password }
    }

    pub fn id(&self) -> DeviceId {
        self.access.device.device
    }

    pub fn username(&self) -> String {
        self.id().to_string()
    }

    pub fn up(&self) -> String {
        region().up(&self.access.topic_id)
    }

    pub fn down(&self) -> String {
        region().down(&self.access.topic_id)
    }

    pub fn owntracks(&self) -> String {
        format!("owntracks/{}/phone", self.id())
    }
}

/// An enrolled trunk and its secret. It may speak for people whose reference begins with `partner-`.
#[derive(Clone)]
pub struct EnrolledTrunk {
    pub access: TrunkAccess,
    pub password: String,
}

impl EnrolledTrunk {
    fn new() -> Self {
        let password = "trunk-secret".to_owned();
        let access = TrunkAccess {
            trunk: TrunkId::from_bytes([9; 16]),
            tenant: TenantId::new("dev").unwrap(),
            external_ref_prefix: "partner-".into(),
            topic_id: "9".repeat(32),
            secret_hash: secret_hash(password.as_bytes()),
        };
        Self { access, password }
    }

    pub fn username(&self) -> String {
        self.access.trunk.to_string()
    }

    pub fn up(&self) -> String {
        region().trunk_up(&self.access.topic_id)
    }
}

/// A person without a phone, named by a reference.
pub fn person(number: u8, tenant: &str, external_ref: &str) -> ResponderRow {
    ResponderRow {
        external_ref: external_ref.into(),
        name: String::new(),
        profile: ResponderProfile {
            responder: ResponderId::from_bytes([number; 16]),
            tenant: TenantId::new(tenant).unwrap(),
            skills: [].into(),
            credential_valid_until: NOW,
            travel_mode: TravelMode::Unknown,
            on_duty: true,
            suspended: false,
            quiet_hours: None,
        },
    }
}

fn region() -> Region {
    Region::new(REGION).unwrap()
}

pub enum Broker {
    Embedded,
    Mosquitto(Mosquitto, Arc<ExternalBus>),
    Stub(Stub, Arc<ExternalBus>),
}

pub struct World {
    pub broker: Broker,
    pub address: SocketAddr,
    pub json: Enrolled,
    pub binary: Enrolled,
    pub owntracks: Enrolled,
    pub other_owntracks: Enrolled,
    pub trunk: EnrolledTrunk,
    pub counters: Counters,
    pub directory: Arc<Directory>,
    pub clock: Arc<TestClock>,
    bus: Arc<dyn MessageBus>,
    observer: Observer,
    seen_markers: AtomicU8,
}

impl World {
    pub async fn embedded() -> Self {
        Self::embedded_with(100, None).await
    }

    pub async fn embedded_with(connections_max: usize, keep_alive: Option<Duration>) -> Self {
        Self::build(|directory, clock, inlet, _| async move {
            let config = EmbeddedConfig {
                listen: "127.0.0.1:0".parse().unwrap(),
                region: REGION.into(),
                connections_max,
                keep_alive,
            };
            let bus = EmbeddedBus::start(config, directory, clock, inlet).await;
            let bus = bus.unwrap();
            Some((bus.local_addr(), Arc::new(bus) as _, Broker::Embedded))
        })
        .await
        .unwrap()
    }

    /// `None` when Mosquitto is not installed, which is said aloud.
    pub async fn mosquitto() -> Option<Self> {
        Self::build(|directory, clock, inlet, devices| async move {
            let mosquitto = Mosquitto::start(&devices, &EnrolledTrunk::new()).await?;
            let bus = external_bus(mosquitto.address, directory, clock, inlet).await;
            let port: Arc<dyn MessageBus> = Arc::clone(&bus) as _;
            Some((mosquitto.address, port, Broker::Mosquitto(mosquitto, bus)))
        })
        .await
    }

    /// With a broker that can be told to misbehave.
    pub async fn stub() -> Self {
        Self::build(|directory, clock, inlet, _| async move {
            let stub = Stub::start().await;
            let bus = external_bus(stub.address, directory, clock, inlet).await;
            let port: Arc<dyn MessageBus> = Arc::clone(&bus) as _;
            Some((stub.address, port, Broker::Stub(stub, bus)))
        })
        .await
        .unwrap()
    }

    /// The misbehaving broker and the bus on it.
    pub fn stubbed(&mut self) -> (&mut Stub, &Arc<ExternalBus>) {
        let Broker::Stub(stub, bus) = &mut self.broker else {
            panic!("this world has a real broker");
        };
        (stub, bus)
    }

    /// Ends the service's connection to the broker outside; the broker and the phones go on.
    pub async fn stop_service(&self) {
        let Broker::Mosquitto(_, bus) = &self.broker else {
            panic!("the embedded broker ends with its service");
        };
        bus.shutdown().await;
    }

    /// A service that has just started and knows nothing of an earlier connection.
    pub async fn start_service(&mut self) {
        let Broker::Mosquitto(mosquitto, old) = &mut self.broker else {
            panic!("the embedded broker ends with its service");
        };
        let (inlet, observer) = Observer::new();
        let bus = external_bus(
            mosquitto.address,
            Arc::clone(&self.directory),
            Arc::clone(&self.clock),
            inlet,
        )
        .await;
        *old = Arc::clone(&bus);
        self.bus = bus;
        self.observer = observer;
    }

    async fn build<F, B>(start: F) -> Option<Self>
    where
        F: FnOnce(Arc<Directory>, Arc<TestClock>, Inlet, Vec<Enrolled>) -> B,
        B: Future<Output = Option<(SocketAddr, Arc<dyn MessageBus>, Broker)>>,
    {
        let counters = Counters::install();
        let json = Enrolled::new(1, DeviceKind::Muster, Encoding::Json);
        let binary = Enrolled::new(2, DeviceKind::Muster, Encoding::Binary);
        let owntracks = Enrolled::new(3, DeviceKind::OwnTracks, Encoding::Json);
        let other_owntracks = Enrolled::new(4, DeviceKind::OwnTracks, Encoding::Json);
        let devices = vec![json.clone(), binary.clone(), owntracks.clone(), other_owntracks.clone()];
        let directory = Arc::new(Directory::default());
        for device in &devices {
            directory.apply(RegistryChange::PutDevice(device.access.clone()));
        }
        let trunk = EnrolledTrunk::new();
        directory.apply(RegistryChange::PutTrunk(trunk.access.clone()));
        let clock = Arc::new(TestClock(AtomicI64::new(NOW.unix_ms())));
        let (inlet, observer) = Observer::new();
        let (address, bus, broker) = start(Arc::clone(&directory), Arc::clone(&clock), inlet, devices).await?;
        Some(Self {
            broker,
            address,
            json,
            binary,
            owntracks,
            other_owntracks,
            trunk,
            counters,
            directory,
            clock,
            bus,
            observer,
            seen_markers: AtomicU8::new(0),
        })
    }

    pub fn is_embedded(&self) -> bool {
        matches!(self.broker, Broker::Embedded)
    }

    pub fn publish(&self, outbound: Outbound) {
        self.bus.publish(outbound);
    }

    pub fn revoke(&self, device: &Enrolled) {
        self.directory.apply(RegistryChange::RevokeDevice(device.id()));
        self.bus.close_session(device.id());
    }

    /// The next thing the engine hears that is not about the broker itself.
    pub async fn next(&mut self) -> Input {
        loop {
            let input = self.next_of_all().await;
            if input != Input::BrokerBack {
                return input;
            }
        }
    }

    /// The next thing the engine hears, whatever it is.
    pub async fn next_of_all(&mut self) -> Input {
        let next = timeout(PATIENCE, self.observer.next()).await;
        next.expect("the engine hears something in time")
            .expect("the bus lives")
    }

    /// The next thing the engine hears that is not about who came and went.
    pub async fn next_said(&mut self) -> Input {
        loop {
            let input = self.next().await;
            if !matches!(input, Input::DeviceOnline { .. } | Input::DeviceOffline { .. }) {
                return input;
            }
        }
    }

    /// A position nobody sent before and the fix it makes. Positions are heard last, so whatever else was said before
    /// is heard first.
    pub fn marker(&self) -> (f64, Fix) {
        let number = self.seen_markers.fetch_add(1, Ordering::Relaxed);
        let latitude = 51.0 + f64::from(number) / 100.0;
        (latitude, fix(latitude, -0.1, 10, NOW))
    }
}

async fn external_bus(
    broker: SocketAddr,
    directory: Arc<Directory>,
    clock: Arc<TestClock>,
    inlet: Inlet,
) -> Arc<ExternalBus> {
    let config = ExternalConfig {
        host: broker.ip().to_string(),
        port: broker.port(),
        login: Some(Login {
            username: BUS_USER.into(),
            password: BUS_PASSWORD.into(),
        }),
        client_id: "muster-test".into(),
        region: REGION.into(),
    };
    let bus = ExternalBus::start(config, directory, clock, inlet).unwrap();
    ready(&bus).await;
    Arc::new(bus)
}

/// Waits until the external bus is connected and subscribed.
pub async fn ready(bus: &ExternalBus) {
    let mut ready = bus.ready();
    let wait = timeout(PATIENCE, ready.wait_for(|ready| *ready)).await;
    wait.expect("subscribed in time").expect("the bus lives");
}

pub fn fix(latitude: f64, longitude: f64, accuracy_m: u32, taken_at: Timestamp) -> Fix {
    Fix {
        position: Position::from_degrees(latitude, longitude).unwrap(),
        accuracy: Metres::new(accuracy_m),
        taken_at,
    }
}

pub fn alert_id() -> AlertId {
    AlertId::from_bytes([0xa1; 16])
}

/// A stand-down: the version tells one from another.
pub fn outbound(to: &Enrolled, version: u32, life: Duration) -> Outbound {
    Outbound {
        to: Arc::new(to.access.clone()),
        message: DownMessage {
            device: to.id(),
            about: Some((alert_id(), version)),
            owner_epoch: 7,
            expires_at: NOW + life,
            purpose: Purpose::Live,
            body: DownBody::StandDown(dispatch_core::alert::StandDownReason::Enough),
        },
        address: None,
        aed: None,
    }
}

pub fn delivery(to: &Enrolled, version: u32, stage: DeliveryStage) -> Input {
    Input::Delivery {
        device: to.id(),
        alert: alert_id(),
        version,
        stage,
    }
}
