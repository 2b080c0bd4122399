//! The shell round the core: one owner task, its lanes, its clock, and the ports through which the world is reached.
//!
//! What must stay true: nobody but the owner touches the core's state; nothing leaves before the commit that decided it
//! is durable.

pub mod clock;
pub mod engine;
pub mod inlet;
pub mod memory;
pub mod ports;
mod register;
pub mod registry;
pub mod requests;
