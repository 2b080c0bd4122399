//! End-to-end tests: the real binary in its own process, a control room that speaks gRPC to it, phones that speak MQTT.
//!
//! This library is what those tests share. It knows the wire and the command line only, as any stranger would: nothing
//! of the service's insides is linked in, so what passes here works for other people's clients too.

pub mod control_room;
pub mod phone;
pub mod service;
pub mod wait;
pub mod world;
