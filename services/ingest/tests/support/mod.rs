//! A running server on a real engine with a journal in memory, and clients with certificates of all sorts.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

mod authority;
mod journal;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use dispatch_core::{policy::PolicyBook, time::Timestamp};
use muster_engine::{
    alarms::AlarmBoard,
    engine::Engine,
    memory::{MemoryBus, MemoryClock, MemoryEntropy, MemoryJournal, MemoryJournalView},
    ports::Journal,
    registry::Directory,
    requests::EngineHandle,
};
use muster_ingest::{BindError, Budget, IngestConfig, Limits, Server, ServiceArea, Tls};
use muster_proto::{
    google,
    v1::{
        self as wire, defibrillator_service_client::DefibrillatorServiceClient,
        incident_service_client::IncidentServiceClient, responder_service_client::ResponderServiceClient,
    },
};
use tokio::{sync::watch, task::JoinHandle};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt;

pub use authority::Authority;
use journal::Reader;

/// 2026-03-01T12:00:00Z, the clock of every test.
pub const NOW: i64 = 1_772_366_400;
/// Far longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// More commits than any test makes.
pub const PLENTY: usize = 1_000_000;
const NEVER_USED_UP: Budget = Budget {
    per_s: 1,
    burst: 1_000_000,
};
/// Limits that no test meets by chance: its clock stands still, so nothing comes back.
pub const UNLIMITED: Limits = Limits {
    vital: NEVER_USED_UP,
    report: NEVER_USED_UP,
    register: NEVER_USED_UP,
    query: NEVER_USED_UP,
};

pub struct Stand {
    pub address: SocketAddr,
    pub authority: Authority,
    pub journal: MemoryJournalView,
    pub handle: EngineHandle,
    pub clock: Arc<MemoryClock>,
    /// What the health tells.
    pub ready: watch::Sender<bool>,
    pub stop_engine: watch::Sender<bool>,
    pub engine: JoinHandle<()>,
    stop_server: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Stand {
    /// A server that asks for certificates.
    pub async fn new() -> Self {
        let (journal, view) = MemoryJournal::new();
        view.allow(PLENTY);
        Self::with_journal((journal, view), UNLIMITED).await
    }

    /// A server that asks for certificates, with these limits, on a journal that makes durable what its view allows.
    pub async fn with_journal(journal: (impl Journal, MemoryJournalView), limits: Limits) -> Self {
        let authority = Authority::new();
        let (server_cert_pem, server_key_pem) = authority.server();
        let tls = Tls::Mutual {
            server_cert_pem,
            server_key_pem,
            client_ca_pem: authority.pem(),
        };
        let config = IngestConfig { limits, ..config(tls) };
        Self::with(config, authority, journal).await
    }

    /// A server that everybody on this machine may call.
    pub async fn insecure() -> Self {
        let (journal, view) = MemoryJournal::new();
        view.allow(PLENTY);
        Self::with(config(Tls::InsecureLoopback), Authority::new(), (journal, view)).await
    }

    async fn with(
        config: IngestConfig,
        authority: Authority,
        (memory, view): (impl Journal, MemoryJournalView),
    ) -> Self {
        let clock = Arc::new(MemoryClock::default());
        clock.set(Timestamp::from_unix_ms(NOW * 1000));
        let entropy = Arc::new(MemoryEntropy::default());
        let engine = Engine::new(
            PolicyBook::default(),
            Arc::new(Directory::default()),
            clock.clone(),
            entropy,
            AlarmBoard::default(),
        );
        let handle = engine.handle();
        let (stop_engine, stopping) = watch::channel(false);
        let (bus, _) = MemoryBus::new();
        let engine = tokio::spawn(async move { engine.run(memory, bus, stopping).await.unwrap() });
        let reader = Arc::new(Reader::new(view.clone(), handle.durable()));
        let server = Server::bind(config, handle.clone(), reader, clock.clone())
            .await
            .unwrap();
        let address = server.local_addr();
        let (stop_server, mut stopped) = watch::channel(false);
        let ready = watch::Sender::new(true);
        let server = tokio::spawn(server.run(ready.subscribe(), async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        }));
        Self {
            address,
            authority,
            journal: view,
            handle,
            clock,
            ready,
            stop_engine,
            engine,
            stop_server,
            server,
        }
    }

    /// A channel with a certificate of this stand's authority for the tenant.
    pub async fn channel(&self, tenant: &str) -> Channel {
        let uri = format!("urn:muster:tenant:{tenant}");
        self.authority
            .connect(self.address, &self.authority, &[&uri])
            .await
            .unwrap()
    }

    pub async fn incidents(&self, tenant: &str) -> IncidentServiceClient<Channel> {
        IncidentServiceClient::new(self.channel(tenant).await)
    }

    pub async fn responders(&self, tenant: &str) -> ResponderServiceClient<Channel> {
        ResponderServiceClient::new(self.channel(tenant).await)
    }

    pub async fn defibrillators(&self, tenant: &str) -> DefibrillatorServiceClient<Channel> {
        DefibrillatorServiceClient::new(self.channel(tenant).await)
    }

    /// Binds another server on the same engine, to see what is refused.
    pub async fn bind(&self, config: IngestConfig) -> Result<Server, BindError> {
        let reader = Arc::new(Reader::new(self.journal.clone(), self.handle.durable()));
        let clock = Arc::new(MemoryClock::default());
        Server::bind(config, self.handle.clone(), reader, clock).await
    }

    /// Stops the server without waiting.
    pub fn begin_stop(&self) {
        self.stop_server.send_replace(true);
    }

    /// Stops the server and waits until it has stopped.
    pub async fn stop(self) {
        self.stop_server.send_replace(true);
        tokio::time::timeout(PATIENCE, self.server)
            .await
            .expect("in time")
            .unwrap();
    }

    /// Stops the engine behind the server.
    pub async fn stop_engine(&mut self) {
        self.stop_engine.send_replace(true);
        tokio::time::timeout(PATIENCE, &mut self.engine)
            .await
            .expect("in time")
            .unwrap();
    }
}

pub fn config(tls: Tls) -> IngestConfig {
    IngestConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls,
        service_area: Some(ServiceArea {
            south: 51.2,
            west: -0.6,
            north: 51.8,
            east: 0.4,
        }),
        region: "london".into(),
        trunks: true,
        wanted: Arc::new(|_, _, _| 3),
        life_threatening: Arc::new(|_, kind| kind.as_str() == "cardiac_arrest"),
        limits: UNLIMITED,
    }
}

/// Code of a refusal and the reason in its details.
pub fn reason(status: &Status) -> (tonic::Code, String) {
    let info = status.get_details_error_info();
    (status.code(), info.map(|info| info.reason).unwrap_or_default())
}

pub fn at(seconds: i64) -> Option<google::Timestamp> {
    Some(google::Timestamp { seconds, nanos: 0 })
}

pub fn key(number: &str) -> Option<wire::IncidentKey> {
    Some(wire::IncidentKey {
        tenant: String::new(),
        cad_system: "cad".into(),
        cad_incident_number: number.into(),
        call_date: "2026-03-01".into(),
    })
}

/// A live report of a cardiac arrest in London.
pub fn report(request_id: &str, number: &str) -> wire::ReportIncidentRequest {
    wire::ReportIncidentRequest {
        request_id: request_id.into(),
        key: key(number),
        revision: 1,
        sent_at: at(NOW),
        kind: "cardiac_arrest".into(),
        purpose: Some(wire::report_incident_request::Purpose::Live(wire::Live {})),
        location: Some(wire::Location {
            point: Some(wire::location::Point::BritishNationalGrid(wire::BritishNationalGrid {
                easting_m: 530_034.0,
                northing_m: 180_381.0,
            })),
            ..wire::Location::default()
        }),
        call_connected_at: None,
        alert_although_late: false,
        ..wire::ReportIncidentRequest::default()
    }
}

pub fn profile(external_ref: &str) -> wire::ResponderProfile {
    wire::ResponderProfile {
        external_ref: external_ref.into(),
        name: "Alex".into(),
        skills: vec!["cpr".into()],
        credential_valid_until: at(NOW + 86_400),
        travel_mode: wire::TravelMode::Foot.into(),
        on_duty: true,
        quiet_hours: None,
    }
}
