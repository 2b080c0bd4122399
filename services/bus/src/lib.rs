//! The bus between the engine and the phones: [`MessageBus`](muster_engine::ports::MessageBus) twice.
//!
//! ```text
//!            ┌ embedded::EmbeddedBus   the broker runs in this process; phones connect to it over TCP
//! engine ────┤
//!            └ external::ExternalBus   somebody else's broker (Mosquitto, ...), reached as a client
//!
//! down: Outbound ─ down ─> payload ─> broker ─> phone
//! up:   phone ─> broker ─> intake ─ up | owntracks ─> Input ─> Inlet
//! ```
//! What must stay true: a device reaches its own topics and nothing else (`authorisation`); nobody is served a retained
//! message; what a newer app says that we do not know is counted and never costs us its message; bad input costs at most
//! the session that sent it. Positions, addresses and names are never logged.
//!
//! Absent on purpose: deciding (the core), waiting for the network inside a call of the engine, storing anything on disk.

mod authorisation;
mod budget;
mod down;
pub mod embedded;
pub mod external;
mod fix;
mod intake;
mod owntracks;
mod queue;
mod refusal;
pub mod topics;
mod trunk;
mod unknown;
mod up;
pub mod wire;

use std::net::SocketAddr;

/// Why a bus did not start.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The region cannot stand in a topic.
    #[error(transparent)]
    Region(#[from] topics::InvalidRegion),
    /// The embedded broker could not be set up at this address.
    #[error("starting the embedded broker at {listen}")]
    Listen {
        /// Where it should have listened.
        listen: SocketAddr,
        /// What the broker said.
        #[source]
        source: mqtt5::MqttError,
    },
    /// The embedded broker was set up and then stopped before it was ready.
    #[error("the embedded broker stopped before it was ready")]
    NotReady,
    /// The client of the external broker was configured in a way that cannot work.
    #[error("setting up the client of the external broker")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}
