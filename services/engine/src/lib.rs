//! The shell round the core: the owner of its state, the task that runs it, its lanes, its clock, and the ports through
//! which the world is reached.
//!
//! [`owner`] holds the rules and knows no clock and no network, so that the simulated world runs the very same; [`engine`]
//! is the task round it. What must stay true: nobody but the owner touches the core's state; nothing leaves before the
//! commit that decided it is durable, except what a life depends on while the store is in trouble.

mod aeds;
pub mod alarms;
pub mod clock;
pub mod engine;
pub mod inlet;
pub mod memory;
pub mod owner;
pub mod ports;
mod register;
pub mod registry;
pub mod requests;
pub mod stages;
