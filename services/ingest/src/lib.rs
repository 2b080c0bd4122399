//! The gRPC edge: what control rooms send becomes types that cannot be wrong, what the engine answers becomes messages,
//! and every refusal goes through one map of errors.
//!
//! ```text
//! connections ─> tenant (certificate) ─> admission ─> parse ─> engine ─> answer
//!                                            └─> refusal ─> status   <─┘
//! ```
//! What must stay true: no request is taken without a tenant; a request is refused as a whole, with every field that
//! is wrong named; an answer means that what it says is durable; addresses, names and places are never logged.
//!
//! Absent on purpose: decisions, storage, and anything about phones.

mod admission;
mod alarms;
mod answer;
mod budget;
mod class;
mod config;
mod connections;
mod counted;
mod defibrillators;
pub mod grid;
mod import;
mod incidents;
mod lag;
mod location;
mod parse;
mod reads;
mod refusal;
mod responders;
mod server;
mod service_area;
mod shed;
mod stories;
mod tenant;
mod watch;

pub use budget::{Budget, Limits};
pub use config::{IngestConfig, LifeThreatening, Tls, Wanted};
pub use location::InvalidLocation;
pub use server::{BindError, REQUEST_MAX_BYTES, Server};
pub use service_area::{InvalidServiceArea, ServiceArea};
