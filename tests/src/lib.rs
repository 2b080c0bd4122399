//! End-to-end tests: the real binary in its own process, a control room that speaks gRPC to it, phones that speak MQTT.
//!
//! That part knows the wire and the command line only, as any stranger would, and uses nothing of the service's insides; so
//! what passes there works for other people's clients too.
//!
//! [`world`] is the opposite: it links the insides, the core and the engine's rules and the store's commit protocol, and
//! puts a whole world of faults round them on virtual time. It decides nothing for the service and judges it from outside.

pub mod control_room;
pub mod phone;
pub mod service;
pub mod wait;
pub mod world;
