//! The whole service in one process: store, engine, bus, gRPC, HTTP, wired together. `serve` and `demo` both run this.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context as _;
use dispatch_core::{roads::RoadGraph, time::Timestamp};
use metrics_exporter_prometheus::PrometheusHandle;
use muster_bus::{
    embedded::{EmbeddedBus, EmbeddedConfig},
    external::{ExternalBus, ExternalConfig, Login},
};
use muster_engine::{
    alarms::AlarmBoard,
    clock::SystemClock,
    engine::Engine,
    inlet::Inlet,
    ports::{Clock, Entropy, JournalError, MessageBus},
    registry::{Directory, RegistryChange},
    requests::EngineHandle,
};
use muster_ingest::{IngestConfig, Server, Tls};
use muster_store::{SqliteJournal, SqliteStore, Whereabouts};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    canary::{self, CanaryConfig},
    certificates::{DEV_TENANT, DevCertificates},
    config::{self, Config, ExternalBroker, InvalidConfig, Mqtt},
    endpoints::{ControlRoom, Endpoints},
    health::{self, Health},
    http, inspection, whereabouts,
};

/// The journal's file in the data directory.
pub const JOURNAL_FILE: &str = "journal.sqlite";

/// A running service.
pub struct Service {
    /// Where it is reached.
    pub endpoints: Endpoints,
    /// What control rooms ask through; for watching it from inside this process.
    pub engine: EngineHandle,
    data_dir: PathBuf,
    /// Nothing new is taken in.
    closing: watch::Sender<bool>,
    /// The owner finishes.
    stop: watch::Sender<bool>,
    /// The probes are the last to go.
    over: watch::Sender<bool>,
    owner: JoinHandle<Result<(), JournalError>>,
    bus: Bus,
    edge: JoinHandle<()>,
    probes: JoinHandle<()>,
    saving: JoinHandle<()>,
}

enum Bus {
    Embedded(Arc<EmbeddedBus>),
    External(Arc<ExternalBus>),
}

impl Bus {
    fn port(&self) -> Arc<dyn MessageBus> {
        match self {
            Self::Embedded(bus) => Arc::clone(bus) as _,
            Self::External(bus) => Arc::clone(bus) as _,
        }
    }

    /// Whether phones can be reached; the embedded broker is ready from the start.
    fn ready(&self) -> watch::Receiver<bool> {
        match self {
            Self::Embedded(_) => watch::Sender::new(true).subscribe(),
            Self::External(bus) => bus.ready(),
        }
    }

    async fn shutdown(&self) {
        match self {
            Self::Embedded(bus) => bus.shutdown().await,
            Self::External(bus) => bus.shutdown().await,
        }
    }
}

/// Random bytes of the operating system.
struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes once it has started");
    }
}

fn read_streets(path: &Path) -> Result<Arc<RoadGraph>, InvalidConfig> {
    let began = Instant::now();
    let graph = config::streets::read(path)?;
    tracing::info!(
        junctions = graph.junctions().len(),
        stretches = graph.stretch_count(),
        ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "read the streets"
    );
    Ok(Arc::new(graph))
}

impl Service {
    /// Opens the store, replays it, and opens the doors. Ready when it returns.
    pub async fn start(config: &Config, counters: PrometheusHandle) -> anyhow::Result<Self> {
        let data_dir = &config.data_dir;
        // What the operator has to put right comes before anything is touched.
        let streets = config.streets.as_deref().map(read_streets).transpose()?;
        make_private(data_dir)?;
        // Nobody is to be sent to a service that is not up; whoever runs on this directory now keeps its own file.
        let (journal, reader, mut recovery) = SqliteStore::open_with(&data_dir.join(JOURNAL_FILE), &config.store)?;
        remove_endpoints(data_dir)?;

        let directory = Arc::new(Directory::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (tls, ca_certificate, control_room) = credentials(config)?;
        let mut policies = config.policies.clone();
        canary::add_policy(
            &mut policies,
            control_room.as_ref().map_or(DEV_TENANT, |room| &room.tenant),
        )?;
        let alarms = AlarmBoard::default();
        let mut engine = Engine::new(
            policies.clone(),
            Arc::clone(&directory),
            Arc::clone(&clock),
            Arc::new(SystemEntropy),
            alarms.clone(),
        );
        streets.into_iter().for_each(|graph| engine.load_streets(graph));
        let began = clock.now();
        let after = recovery.begins_after();
        let image = recovery.take_image();
        let from_snapshot = image.is_some();
        image.into_iter().for_each(|image| engine.restore(image));
        for change in recovery.registry()? {
            if matches!(change, RegistryChange::PutTrunk(_)) && !config.trunks {
                continue;
            }
            // Without a snapshot the records say it all.
            if from_snapshot {
                engine.recover_registered(&change);
            }
            directory.apply(change);
        }
        let records = recovery.entries(|entry| engine.recover(&entry))?;
        drop(recovery);
        tracing::info!(records, after, ms = clock.now().ms_since(began), "replayed the journal");

        let (whereabouts, last_known) = Whereabouts::open(&data_dir.join(JOURNAL_FILE));
        let (began, known) = (clock.now(), last_known.len());
        engine.warm_up(last_known);
        tracing::info!(
            known,
            ms = clock.now().ms_since(began),
            "people are where they were last"
        );

        let (bus, mqtt) = start_bus(config, directory, Arc::clone(&clock), engine.inlet()).await?;
        let handle = engine.handle();
        let kinds = policies.clone();
        let ingest = IngestConfig {
            listen: config.grpc_listen,
            tls,
            service_area: config.service_area,
            region: config.region.clone(),
            trunks: config.trunks,
            wanted: Arc::new(move |tenant, kind, place| policies.policy(tenant, kind, place).wanted),
            life_threatening: Arc::new(move |tenant, kind| kinds.is_life_threatening(tenant, kind)),
            limits: config.limits,
        };
        let server = Server::bind(ingest, handle.clone(), Arc::new(reader), Arc::clone(&clock)).await?;
        let grpc = server.local_addr();

        let (closing, stop, over) = (
            watch::Sender::new(false),
            watch::Sender::new(false),
            watch::Sender::new(false),
        );
        let health = Health {
            engine: handle.clone(),
            bus_ready: bus.ready(),
            closing: closing.subscribe(),
        };
        let (http, probes) = http::start(config.http_listen, counters, health.clone(), over.subscribe()).await?;
        let endpoints = Endpoints {
            grpc,
            mqtt,
            http,
            ca_certificate,
            control_room,
        };

        let owner = tokio::spawn(own(engine, journal, bus.port(), closing.clone(), stop.subscribe()));
        tokio::spawn(health::watch_broker(bus.ready(), alarms.clone(), Arc::clone(&clock)));
        let ready = watch::Sender::new(health.readiness().await.is_ok());
        let mut closed = closing.subscribe();
        let edge = tokio::spawn(server.run(ready.subscribe(), async move {
            // Either way it is time to go.
            let _ = closed.wait_for(|&closing| closing).await;
        }));
        tokio::spawn(health.keep_told(ready));
        endpoints.write(data_dir)?;
        tracing::info!(%grpc, ?mqtt, %http, "ready");
        tokio::spawn(inspection::keep_inspecting(
            data_dir.join(JOURNAL_FILE),
            alarms.clone(),
            Arc::clone(&clock),
            closing.subscribe(),
        ));
        let saving = tokio::spawn(whereabouts::keep_saving(
            whereabouts,
            handle.clone(),
            Arc::clone(&clock),
            closing.subscribe(),
        ));
        if let Some(canary) = canary(config, &endpoints) {
            canary::start(canary, alarms, clock, closing.subscribe())?;
        }
        Ok(Self {
            endpoints,
            engine: handle,
            data_dir: data_dir.clone(),
            closing,
            stop,
            over,
            owner,
            bus,
            edge,
            probes,
            saving,
        })
    }

    /// Waits until the service ends by itself, which it does only by a failure of its journal.
    pub async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.owner).await {
            Ok(Err(error)) => anyhow::Error::new(error),
            Ok(Ok(())) => anyhow::anyhow!("the owner stopped without being asked to"),
            Err(error) => anyhow::Error::new(error).context("the owner panicked"),
        }
    }

    /// Stops in order: says that it is not ready, takes nothing more in and ends the watches, lets requests in progress
    /// finish, makes durable what is in flight, then leaves the phones and the probes.
    pub async fn stop(self) -> anyhow::Result<()> {
        remove_endpoints(&self.data_dir)?;
        self.closing.send_replace(true);
        self.edge.await.context("the gRPC edge panicked")?;
        // While the owner still answers.
        self.saving.await.context("the saving of positions panicked")?;
        self.stop.send_replace(true);
        self.owner.await.context("the owner panicked")??;
        self.bus.shutdown().await;
        self.over.send_replace(true);
        self.probes.await.context("the probes panicked")
    }
}

/// The canary of this service. With certificates of its own the service cannot speak as a control room, and an outside
/// broker does not know the canary's phone, so there it has none.
fn canary(config: &Config, endpoints: &Endpoints) -> Option<CanaryConfig> {
    let every = config.canary_every?;
    let area = config.service_area?;
    let Some(mqtt) = endpoints.mqtt.filter(|_| config.tls.is_none()) else {
        tracing::warn!("no canary: it needs the development certificates and the embedded broker");
        return None;
    };
    Some(CanaryConfig {
        every,
        endpoints: endpoints.clone(),
        broker: (mqtt.ip().to_string(), mqtt.port()),
        place: area.middle(),
        credential: config.data_dir.join("canary.json"),
    })
}

/// Runs the owner; when it ends for whatever reason, nothing more is taken in.
async fn own(
    engine: Engine,
    journal: SqliteJournal,
    bus: Arc<dyn MessageBus>,
    closing: watch::Sender<bool>,
    stop: watch::Receiver<bool>,
) -> Result<(), JournalError> {
    let outcome = engine.run(journal, bus, stop).await;
    closing.send_replace(true);
    outcome
}

/// Makes the data directory for the owner only; one that is there already keeps its rights.
pub fn make_private(data_dir: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
        .create(data_dir)
        .with_context(|| format!("making the data directory {}", data_dir.display()))
}

fn remove_endpoints(data_dir: &Path) -> anyhow::Result<()> {
    let path = Endpoints::path(data_dir);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

async fn start_bus(
    config: &Config,
    directory: Arc<Directory>,
    clock: Arc<dyn Clock>,
    inlet: Inlet,
) -> anyhow::Result<(Bus, Option<SocketAddr>)> {
    match &config.mqtt {
        Mqtt::Embedded {
            listen,
            connections_max,
        } => {
            let settings = EmbeddedConfig {
                listen: *listen,
                region: config.region.clone(),
                connections_max: *connections_max,
                keep_alive: None,
            };
            let bus = EmbeddedBus::start(settings, directory, clock, inlet).await?;
            let address = bus.local_addr();
            Ok((Bus::Embedded(Arc::new(bus)), Some(address)))
        }
        Mqtt::External(broker) => {
            let settings = ExternalConfig {
                host: broker.host.clone(),
                port: broker.port,
                login: login(broker)?,
                client_id: broker.client_id.clone(),
                region: config.region.clone(),
            };
            Ok((
                Bus::External(Arc::new(ExternalBus::start(settings, directory, clock, inlet)?)),
                None,
            ))
        }
    }
}

fn login(broker: &ExternalBroker) -> anyhow::Result<Option<Login>> {
    let (Some(username), Some(file)) = (&broker.username, &broker.password_file) else {
        return Ok(None);
    };
    let password = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Some(Login {
        username: username.clone(),
        password: password.trim_end().to_owned(),
    }))
}

/// How control rooms prove who they are, and what a tool on this machine needs to do so.
fn credentials(config: &Config) -> anyhow::Result<(Tls, Option<PathBuf>, Option<ControlRoom>)> {
    if config.insecure_loopback {
        return Ok((Tls::InsecureLoopback, None, None));
    }
    let read = |path: &PathBuf| fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    if let Some(files) = &config.tls {
        let tls = Tls::Mutual {
            server_cert_pem: read(&files.certificate)?,
            server_key_pem: read(&files.key)?,
            client_ca_pem: read(&files.client_ca)?,
        };
        return Ok((tls, Some(files.client_ca.clone()), None));
    }
    let dev = DevCertificates::find_or_make(&config.data_dir)?;
    let tls = Tls::Mutual {
        server_cert_pem: read(&dev.server())?,
        server_key_pem: read(&dev.server_key())?,
        client_ca_pem: read(&dev.ca())?,
    };
    let control_room = ControlRoom {
        tenant: DEV_TENANT.to_owned(),
        certificate: dev.control_room(),
        key: dev.control_room_key(),
    };
    Ok((tls, Some(dev.ca()), Some(control_room)))
}

/// The newest moment of the machine's clock; for reports that are made in this process.
pub fn now() -> Timestamp {
    SystemClock::new().now()
}
