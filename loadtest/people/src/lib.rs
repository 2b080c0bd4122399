//! People as the simulations see them: where they live, how they move, what they do with an alert.
//!
//! One model for the demo, the load test, the simulated world and the policy laboratory, so that a number means the
//! same in each. Pure: no clock, no I/O, no ambient randomness. Everything about a person is drawn from a stream of
//! their own, made of the seed, the person's number, what is drawn and (for alerts) the ordinal of the alert. So the
//! same person does the same thing whatever happens to others, and in whatever order. Where several worlds are compared,
//! the incident's number stands for the ordinal: asked about the same incident, the same person does the same in each.
//!
//! Numbers with a source name it; numbers without one are marked as assumptions. Absent on purpose: roads,
//! fatigue, and any tie between distance and willingness.

pub mod answers;
pub mod habits;
pub mod movement;
mod person;
pub mod place;
pub mod population;
pub mod travel;

pub use person::{Emergency, Person, Trait, log_normal};
