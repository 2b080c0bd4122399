//! The policy laboratory: past incidents, simulated people, and several policies side by side on virtual time, so that a
//! control room can tune a policy on its own history before it goes live.
//!
//! ```text
//! incidents, responders, defibrillators ──> Study ──┬─> World (one per policy: the real core, phones, people) ──> Outcomes
//!                                                   └─> …                                                          │
//!                                        table, JSON, page <── Findings <── measures, paired differences, burden <─┘
//! ```
//! The core is the one that runs in service: one dispatcher for each policy lives through all the incidents, so that who
//! is busy and who was asked carry over. What must stay true: what chance decides about a person and an incident is drawn
//! from a stream of that person and that incident, so it is the same under every policy (common random numbers), and a
//! policy's figures do not depend on which others are run beside it.
//!
//! Absent on purpose: a network, a journal on disk, real time; and any claim about one patient. It compares policies under
//! stated [`assumptions`]; it does not foretell.

pub mod arguments;
pub mod assumptions;
pub mod crowd;
pub mod findings;
pub mod inputs;
pub mod journey;
pub mod measures;
pub mod outcome;
pub mod page;
mod progress;
pub mod scene;
pub mod statistics;
mod streets;
pub mod study;
pub mod table;
mod world;

pub use arguments::{Arguments, run};
pub use dispatch_core::survival;
pub use findings::Findings;
pub use streets::Streets;
pub use study::{AedSite, InvalidStudy, Map, PastIncident, Resident, Study};
