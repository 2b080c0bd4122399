//! A control room's connection to a service, for the tools in this binary: the same gRPC as anybody else's.

use std::{fs, time::Duration};

use anyhow::{Context as _, bail};
use muster_proto::v1::{
    defibrillator_service_client::DefibrillatorServiceClient, incident_service_client::IncidentServiceClient,
    responder_service_client::ResponderServiceClient,
};
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

use crate::endpoints::Endpoints;

/// Larger than any answer: an import of 1,000 rows is told in under 256 KiB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A refusal that says when to come back is worth this many attempts: at 1 to 3 s each, a burst of other work is over.
const ATTEMPTS_MAX: u32 = 10;

/// A connected control room.
#[derive(Clone)]
pub struct ControlRoom {
    channel: Channel,
}

impl ControlRoom {
    /// Connects as the control room named in the endpoints file.
    pub async fn connect(endpoints: &Endpoints) -> anyhow::Result<Self> {
        let address = endpoints.grpc;
        let endpoint = match (&endpoints.ca_certificate, &endpoints.control_room) {
            (None, _) => Endpoint::new(format!("http://{address}"))?,
            (Some(ca), Some(room)) => {
                let read = |path| fs::read(path).with_context(|| format!("reading {}", std::path::Path::display(path)));
                let tls = ClientTlsConfig::new()
                    .domain_name("localhost")
                    .ca_certificate(Certificate::from_pem(read(ca)?))
                    .identity(Identity::from_pem(read(&room.certificate)?, read(&room.key)?));
                Endpoint::new(format!("https://{address}"))?.tls_config(tls)?
            }
            (Some(_), None) => bail!("the service uses its own certificates; name yours with --certificate and --key"),
        };
        let endpoint = endpoint.connect_timeout(CONNECT_WITHIN).tcp_nodelay(true);
        let channel = endpoint
            .connect()
            .await
            .with_context(|| format!("connecting to {address}"))?;
        Ok(Self { channel })
    }

    /// The incidents.
    pub fn incidents(&self) -> IncidentServiceClient<Channel> {
        IncidentServiceClient::new(self.channel.clone())
    }

    /// The register of defibrillators.
    pub fn defibrillators(&self) -> DefibrillatorServiceClient<Channel> {
        DefibrillatorServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The register of people.
    pub fn responders(&self) -> ResponderServiceClient<Channel> {
        ResponderServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

/// Asks again while the service has too much to do and says when to come back.
pub async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    for _ in 1..ATTEMPTS_MAX {
        let refusal = match ask().await {
            Err(refusal) if refusal.code() == Code::ResourceExhausted => refusal,
            answered => return answered,
        };
        let hint = refusal.get_details_retry_info().and_then(|info| info.retry_delay);
        let Some(after) = hint else {
            return Err(refusal);
        };
        tokio::time::sleep(after).await;
    }
    ask().await
}

/// A refusal in the words of the service.
pub fn refused(doing: &str, status: &Status) -> anyhow::Error {
    anyhow::anyhow!("{doing}: {:?}: {}", status.code(), status.message())
}
