//! A control room's connections to the service, and what it asks there.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use muster_proto::v1::{
    incident_service_client::IncidentServiceClient, responder_service_client::ResponderServiceClient,
};
use serde::Deserialize;
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

/// Connections; one carries up to 256 calls at a time, and none should wait for another's bytes.
const CONNECTIONS: usize = 4;
/// Longer than the service takes to give an answer up.
const CALL_MAX: Duration = Duration::from_secs(15);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Larger than any answer: an import of 1,000 rows is told in under 256 KiB, an incident with 1,000 alerts in less.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A refusal that says when to come back is worth this many attempts.
const ATTEMPTS_MAX: u32 = 60;

/// `endpoints.json` of a running service.
#[derive(Clone, Debug, Deserialize)]
pub struct Endpoints {
    /// Where control rooms connect.
    pub grpc: String,
    /// Where phones connect.
    pub mqtt: Option<String>,
    /// Probes and counters.
    pub http: Option<String>,
    ca_certificate: Option<PathBuf>,
    control_room: Option<Credentials>,
}

#[derive(Clone, Debug, Deserialize)]
struct Credentials {
    certificate: PathBuf,
    key: PathBuf,
}

impl Endpoints {
    /// Reads the file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let reading = || format!("reading {}", path.display());
        let text = fs::read_to_string(path).with_context(reading)?;
        serde_json::from_str(&text).with_context(reading)
    }
}

/// A connected control room. Its connections come back by themselves when the service does.
#[derive(Clone)]
pub struct ControlRoom(Vec<Channel>);

impl ControlRoom {
    /// Connects with the certificate that the endpoints name, or in plaintext where there is none.
    pub async fn connect(endpoints: &Endpoints) -> anyhow::Result<Self> {
        let address = &endpoints.grpc;
        let endpoint = match (&endpoints.ca_certificate, &endpoints.control_room) {
            (None, _) => Endpoint::new(format!("http://{address}"))?,
            (Some(ca), Some(room)) => {
                let read = |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
                let tls = ClientTlsConfig::new()
                    .domain_name("localhost")
                    .ca_certificate(Certificate::from_pem(read(ca)?))
                    .identity(Identity::from_pem(read(&room.certificate)?, read(&room.key)?));
                Endpoint::new(format!("https://{address}"))?.tls_config(tls)?
            }
            (Some(_), None) => bail!(
                "the endpoints file has no control_room: add {{\"certificate\": FILE, \"key\": FILE}} with a control room's own"
            ),
        };
        let endpoint = endpoint.tcp_nodelay(true).connect_timeout(CONNECT_WITHIN);
        let mut channels = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let connected = endpoint.connect().await;
            channels.push(connected.with_context(|| format!("connecting to the control rooms' port {address}"))?);
        }
        Ok(Self(channels))
    }

    /// Incidents, by the connection that this number falls to.
    pub fn incidents(&self, number: u64) -> IncidentServiceClient<Channel> {
        IncidentServiceClient::new(self.channel(number)).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Responders, likewise.
    pub fn responders(&self, number: u64) -> ResponderServiceClient<Channel> {
        ResponderServiceClient::new(self.channel(number)).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn channel(&self, number: u64) -> Channel {
        let index = number % self.0.len() as u64;
        self.0[usize::try_from(index).unwrap_or(0)].clone()
    }
}

/// A request that ends after a bounded time.
pub fn bounded<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(CALL_MAX);
    request
}

/// Asks again while the service has too much to do and says when to come back.
pub async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    for _ in 1..ATTEMPTS_MAX {
        match ask().await {
            Err(refusal) => match come_back(&refusal) {
                Some(after) => tokio::time::sleep(after).await,
                None => return Err(refusal),
            },
            answered => return answered,
        }
    }
    ask().await
}

/// When the service wants to be asked again, if it says so.
pub fn come_back(refusal: &Status) -> Option<Duration> {
    let may_retry = matches!(refusal.code(), Code::ResourceExhausted | Code::Unavailable);
    let info = refusal.get_details_retry_info().filter(|_| may_retry)?;
    info.retry_delay
}

/// A refusal in the words of the service.
pub fn refused(doing: &str, status: &Status) -> anyhow::Error {
    anyhow::anyhow!("{doing}: {:?}: {}", status.code(), status.message())
}
