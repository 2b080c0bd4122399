//! What the edge needs to know before it starts.

use std::{net::SocketAddr, sync::Arc};

use dispatch_core::{ids::TenantId, incident::IncidentKind, position::Position};

use crate::{budget::Limits, service_area::ServiceArea};

/// How many confirmed people an incident of a tenant and kind wants at a place, if it has one, as the policy in force says.
pub type Wanted = Arc<dyn Fn(&TenantId, &IncidentKind, Option<Position>) -> u32 + Send + Sync>;

/// Whether a life may depend on an incident of a tenant and kind, as the policy in force says.
pub type LifeThreatening = Arc<dyn Fn(&TenantId, &IncidentKind) -> bool + Send + Sync>;

/// What the edge needs to know before it starts.
#[derive(Clone)]
pub struct IngestConfig {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How callers prove who they are.
    pub tls: Tls,
    /// Where incidents may be; `None` = anywhere, and then a swapped latitude and longitude cannot be told.
    pub service_area: Option<ServiceArea>,
    /// The segment of device topics that routes to this service: one MQTT topic level.
    pub region: String,
    /// Whether control rooms may enrol trunks.
    pub trunks: bool,
    /// How many people an incident wants; only told to callers, decided in the core.
    pub wanted: Wanted,
    /// Which reports are never refused for being too much, as long as there is a place at all.
    pub life_threatening: LifeThreatening,
    /// What each control room may ask.
    pub limits: Limits,
}

/// How callers prove who they are.
#[derive(Clone)]
pub enum Tls {
    /// Both sides show certificates. All three are PEM.
    Mutual {
        /// The server's certificate, followed by intermediates if any.
        server_cert_pem: String,
        /// Its private key.
        server_key_pem: String,
        /// Who signs the certificates of control rooms.
        client_ca_pem: String,
    },
    /// Plaintext, every caller is the tenant `dev`; only on a loopback address.
    InsecureLoopback,
}
