//! The simulated world: the real core, engine rules, commit protocol, record encoding, phones and people, on virtual
//! time, over a broker, a disk, clocks and control rooms that fail as real ones do.
//!
//! ```text
//!  plan ──> agenda ──> control rooms ─┐                    ┌─> disk: written, synced, torn
//!           (virtual   phones, people ┼─> Owner (the real ─┼─> broker: loses, delays, doubles ─> phones
//!            time)     clocks, faults ┘    engine rules)   └─> answers ─> control rooms
//!                                └──────────── judge ────────────┘
//! ```
//! Phase one: faults, and the judge looks after every step. Phase two: the faults heal, control rooms repeat what was not
//! acknowledged, and everything has to settle. The same plan gives the same log, byte for byte; a failing plan is made
//! smaller as long as it fails in the same way.
//!
//! Absent on purpose: threads, sockets, files, and any clock but the agenda's.

pub mod agenda;
mod broker;
pub mod cast;
pub mod dice;
pub mod disk;
pub mod draw;
mod handset;
mod judge;
mod log;
mod phones;
pub mod plan;
pub mod report;
mod rooms;
mod service;
pub mod shrink;
mod stage;
mod writer;

pub use judge::Violation;
pub use stage::{Outcome, run};
