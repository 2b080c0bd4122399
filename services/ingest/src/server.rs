//! The server: limits, security, services, start and stop.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use muster_engine::{
    ports::{Clock, JournalReader},
    requests::EngineHandle,
};
use muster_proto::v1::{
    defibrillator_service_server::DefibrillatorServiceServer, incident_service_server::IncidentServiceServer,
    responder_service_server::ResponderServiceServer,
};
use tokio::{net::TcpListener, sync::watch};
use tonic::{
    codegen::InterceptedService,
    server::NamedService,
    transport::{self, Certificate, Identity, ServerTlsConfig, server::Router},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    admission::{Admission, Door},
    config::{IngestConfig, Tls},
    connections,
    counted::Counted,
    defibrillators::Defibrillators,
    incidents::Incidents,
    lag::Lag,
    reads::Reads,
    responders::Responders,
    service_area::InvalidServiceArea,
    tenant::Doorkeeper,
    watch::Seats,
};

/// Largest request taken. The largest sensible one is an import of 1,000 people of some 250 bytes each.
pub const REQUEST_MAX_BYTES: usize = 256 * 1024;
/// Calls at once on one connection; watches are among them. More wait at the client.
const STREAMS_MAX: u32 = 256;
/// Largest headers of a call.
const HEADERS_MAX_BYTES: u32 = 16 * 1024;
/// A quiet connection is asked this often whether its peer is there, so that a dead watcher is noticed.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
/// The peer has this long to say so.
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// Longest a call may take until its answer begins. An answer takes milliseconds; a caller who hears nothing for this
/// long retries with the same request id.
const CALL_MAX: Duration = Duration::from_secs(10);
/// Longest a TLS handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// Longest a stop waits for calls to end.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Plaintext towards the network.
    #[error("{0} is not a loopback address; without TLS only loopback is allowed")]
    NotLoopback(SocketAddr),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate or key is no good.
    #[error("cannot use the certificates or the key")]
    Tls(#[source] transport::Error),
    /// The rectangle is none.
    #[error(transparent)]
    ServiceArea(#[from] InvalidServiceArea),
    /// The region cannot be part of a topic.
    #[error("the region '{0}' is not one topic level: 1 to 32 characters of a-z 0-9 -")]
    Region(String),
    /// The descriptors of our own messages are broken.
    #[error("cannot describe the services")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// A bound server, ready to run.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    router: Router,
    health: HealthReporter,
    admission: Admission,
    engine: EngineHandle,
    lag: Lag,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Checks the configuration and binds the address. Connections wait until [`Server::run`].
    pub async fn bind(
        config: IngestConfig,
        engine: EngineHandle,
        journal: Arc<dyn JournalReader>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BindError> {
        if let Some(area) = &config.service_area {
            area.validate()?;
        }
        check_region(&config.region)?;
        let (builder, doorkeeper) = secured(&config)?;
        let (stop, stopping) = watch::channel(false);
        let reads = Reads::new(journal);
        let lag = Lag::new();
        let seen = lag.clone();
        let admission = Admission::new(
            Arc::new(move || seen.standing()),
            engine.alarms().clone(),
            Arc::clone(&clock),
            config.limits,
        );
        let incidents = Incidents {
            engine: engine.clone(),
            reads: reads.clone(),
            clock: Arc::clone(&clock),
            service_area: config.service_area,
            wanted: config.wanted,
            life_threatening: config.life_threatening,
            admission: admission.clone(),
            seats: Seats::default(),
            stopping,
        };
        let defibrillators = Defibrillators {
            engine: engine.clone(),
            reads: reads.clone(),
            clock,
            service_area: config.service_area,
        };
        let responders = Responders {
            engine: engine.clone(),
            reads,
            region: config.region,
            trunks: config.trunks,
        };
        let health = HealthReporter::new();
        let doors = Doors {
            doorkeeper,
            admission: admission.clone(),
        };
        let services = (incidents, responders, defibrillators);
        let router = router(builder, &doors, services, health.clone())?;
        let failed = |source| BindError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            local_addr,
            router,
            health,
            admission,
            engine,
            lag,
            stop,
        })
    }

    /// Where the server listens, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` is ready; meanwhile the health it tells is what `ready` says. Then it says that it is not
    /// serving, no connection is accepted, watches end, and calls under way have a few seconds to end.
    pub async fn run(self, ready: watch::Receiver<bool>, shutdown: impl Future<Output = ()>) {
        let mut stopping = self.stop.subscribe();
        let signal = async {
            tokio::select! {
                () = shutdown => {}
                () = follow(&self.health, ready) => {}
            }
            tell(&self.health, false).await;
            self.stop.send_replace(true);
        };
        let serving = self
            .router
            .serve_with_incoming_shutdown(connections::incoming(self.listener), signal);
        let patience = async {
            // The sender lives as long as this function.
            let _ = stopping.wait_for(|stopping| *stopping).await;
            tokio::time::sleep(DRAIN_MAX).await;
        };
        tokio::select! {
            served = serving => {
                if let Err(error) = served {
                    tracing::error!(%error, "the gRPC server broke off");
                }
            }
            () = patience => tracing::warn!("calls were still open when the gRPC server stopped"),
            // These never end.
            () = self.admission.keep_alarm() => {}
            () = self.lag.keep_looking(&self.engine) => {}
        }
    }
}

/// Tells the health that `ready` says, for ever.
async fn follow(health: &HealthReporter, mut ready: watch::Receiver<bool>) {
    loop {
        let now = *ready.borrow_and_update();
        tell(health, now).await;
        if ready.changed().await.is_err() {
            // Whoever judged is gone; nobody can say that the service is fine.
            tell(health, false).await;
            std::future::pending::<()>().await;
        }
    }
}

/// Tells the health of the whole and of each service.
async fn tell(health: &HealthReporter, ready: bool) {
    let status = if ready {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in [
        "",
        <IncidentServiceServer<Incidents> as NamedService>::NAME,
        <ResponderServiceServer<Responders> as NamedService>::NAME,
        <DefibrillatorServiceServer<Defibrillators> as NamedService>::NAME,
    ] {
        health.set_service_status(service, status).await;
    }
}

fn check_region(region: &str) -> Result<(), BindError> {
    let fits = (1..=32).contains(&region.len())
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        Ok(())
    } else {
        Err(BindError::Region(region.to_owned()))
    }
}

/// A transport with its limits and its way of knowing callers.
fn secured(config: &IngestConfig) -> Result<(transport::Server, Doorkeeper), BindError> {
    let limited = transport::Server::builder()
        .timeout(CALL_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .http2_max_header_list_size(HEADERS_MAX_BYTES);
    match &config.tls {
        Tls::InsecureLoopback if !config.listen.ip().is_loopback() => Err(BindError::NotLoopback(config.listen)),
        Tls::InsecureLoopback => Ok((limited, Doorkeeper::InsecureLoopback)),
        Tls::Mutual {
            server_cert_pem,
            server_key_pem,
            client_ca_pem,
        } => {
            let tls = ServerTlsConfig::new()
                .identity(Identity::from_pem(server_cert_pem, server_key_pem))
                .client_ca_root(Certificate::from_pem(client_ca_pem))
                .timeout(HANDSHAKE_MAX);
            let secured = limited.tls_config(tls).map_err(BindError::Tls)?;
            Ok((secured, Doorkeeper::Certificate))
        }
    }
}

/// What every request passes.
struct Doors {
    doorkeeper: Doorkeeper,
    admission: Admission,
}

impl Doors {
    fn before<S>(&self, service: S) -> Counted<InterceptedService<Door<S>, Doorkeeper>> {
        let door = Door {
            admission: self.admission.clone(),
            service,
        };
        Counted(InterceptedService::new(door, self.doorkeeper))
    }
}

fn router(
    mut builder: transport::Server,
    doors: &Doors,
    (incidents, responders, defibrillators): (Incidents, Responders, Defibrillators),
    health: HealthReporter,
) -> Result<Router, BindError> {
    let incidents = IncidentServiceServer::new(incidents).max_decoding_message_size(REQUEST_MAX_BYTES);
    let responders = ResponderServiceServer::new(responders).max_decoding_message_size(REQUEST_MAX_BYTES);
    let defibrillators = DefibrillatorServiceServer::new(defibrillators).max_decoding_message_size(REQUEST_MAX_BYTES);
    let health = tonic_health::pb::health_server::HealthServer::new(
        tonic_health::server::HealthService::from_health_reporter(health),
    );
    let describing = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(muster_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Older tools still ask by the first version of reflection.
    let reflection = describing().build_v1().map_err(BindError::Reflection)?;
    let older_reflection = describing().build_v1alpha().map_err(BindError::Reflection)?;
    Ok(builder
        .add_service(doors.before(incidents))
        .add_service(doors.before(responders))
        .add_service(doors.before(defibrillators))
        .add_service(health)
        .add_service(reflection)
        .add_service(older_reflection))
}
