//! Wire and journal messages of Muster, generated from the `.proto` files beside this crate. No logic.
//!
//! The types carry `serde` implementations that follow the proto3 JSON mapping.
#![allow(missing_docs, unused_qualifications, clippy::all, clippy::unwrap_used)]

/// The messages that other people's clients speak: gRPC and MQTT.
pub mod v1 {
    tonic::include_proto!("muster.v1");
    include!(concat!(env!("OUT_DIR"), "/muster.v1.serde.rs"));
}

/// The records of the journal. Stored for years, so fields are only ever added.
pub mod journal {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("muster.journal.v1");
    }
}

/// `google.protobuf` well-known types as used by the messages.
pub use pbjson_types as google;

/// The encoded `FileDescriptorSet`, for gRPC reflection and for counting unknown fields.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
