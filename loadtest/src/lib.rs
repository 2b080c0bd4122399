//! The fleet: thousands of phones in one process, each a real MQTT 5 client over TCP with a person behind it.
//!
//! ```text
//! Fleet ── one task per phone: connection ──Down──> phone (pure) ──Up──> connection ──MQTT──> broker
//!   ^                                                 │ people: where, how fast, yes / no / silence
//!   └─────────────── PhoneEvent (what this phone saw, and when) <┘
//! ```
//! The phones judge the service from outside: they know the wire messages and the model of people, nothing of the
//! service's own code. Each keeps its own log, against which the service's journal is checked.
//!
//! What must stay true: [`phone`] decides everything and touches no socket or clock; `connection` only carries. Absent on
//! purpose: TLS, sleeping phones.
//!
//! The harness that drives them by a scenario is the binary `loadtest`; `result`, `report` and `progress`, of the feature `harness`,
//! are what it leaves behind and shows.

mod codec;
mod connection;
mod event;
mod fleet;
mod moment;
pub mod phone;
#[cfg(feature = "harness")]
pub mod progress;
#[cfg(feature = "harness")]
pub mod report;
#[cfg(feature = "harness")]
pub mod result;
mod turnstile;
mod whereabouts;

pub use codec::Encoding;
pub use connection::CUT_BY_OWNER;
pub use event::{Answered, IgnoreReason, MessageKind, PhoneEvent, Summary, What};
pub use fleet::{Fleet, FleetConfig, PhoneConfig};
pub use moment::Moment;
pub use muster_people as people;
