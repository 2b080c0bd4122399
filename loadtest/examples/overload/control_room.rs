//! A control room with many connections: one carries at most 256 calls at a time, and the measure must not wait for that.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use muster_proto::v1::{
    incident_service_client::IncidentServiceClient, responder_service_client::ResponderServiceClient,
};
use serde::Deserialize;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Connections; each carries up to 256 calls.
const CONNECTIONS: usize = 16;
/// Longer than the service takes to give an answer up.
const CALL_MAX: Duration = Duration::from_secs(15);

/// `endpoints.json` of a running service.
#[derive(Deserialize)]
pub struct Endpoints {
    grpc: String,
    /// Where phones connect.
    pub mqtt: Option<String>,
    ca_certificate: Option<String>,
    control_room: Option<Credentials>,
}

#[derive(Deserialize)]
struct Credentials {
    certificate: String,
    key: String,
}

impl Endpoints {
    /// Reads the file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }
}

/// A connected control room.
#[derive(Clone)]
pub struct ControlRoom(Vec<Channel>);

impl ControlRoom {
    /// Connects with the development certificate, or in plaintext where the service has none.
    pub async fn connect(endpoints: &Endpoints) -> anyhow::Result<Self> {
        let endpoint = match (&endpoints.ca_certificate, &endpoints.control_room) {
            (None, _) => Endpoint::new(format!("http://{}", endpoints.grpc))?,
            (Some(ca), Some(room)) => {
                let tls = ClientTlsConfig::new()
                    .domain_name("localhost")
                    .ca_certificate(Certificate::from_pem(fs::read(ca)?))
                    .identity(Identity::from_pem(fs::read(&room.certificate)?, fs::read(&room.key)?));
                Endpoint::new(format!("https://{}", endpoints.grpc))?.tls_config(tls)?
            }
            (Some(_), None) => bail!("the service made no development certificate for a control room"),
        };
        let endpoint = endpoint.tcp_nodelay(true).timeout(CALL_MAX);
        let mut channels = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            channels.push(
                endpoint
                    .connect()
                    .await
                    .context("connecting to the control room's port")?,
            );
        }
        Ok(Self(channels))
    }

    /// Incidents, by the connection that this number falls to.
    pub fn incidents(&self, number: u64) -> IncidentServiceClient<Channel> {
        IncidentServiceClient::new(self.channel(number))
    }

    /// Responders, likewise.
    pub fn responders(&self, number: u64) -> ResponderServiceClient<Channel> {
        ResponderServiceClient::new(self.channel(number))
    }

    fn channel(&self, number: u64) -> Channel {
        let index = number % self.0.len() as u64;
        self.0[usize::try_from(index).unwrap_or(0)].clone()
    }
}
