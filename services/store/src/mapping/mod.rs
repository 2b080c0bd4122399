//! Between [`Record`] and its stored bytes. What is written reads back equal, and bytes that were damaged, or written by
//! a newer Muster, give an error that names the field; they never panic and are never half understood.

pub(crate) mod aed;
mod answer;
mod call_out;
mod decision;
mod facts;
pub(crate) mod fields;
mod incident;
mod person;
#[cfg(test)]
mod redecided;
mod scene;
pub mod snapshot;
#[cfg(test)]
mod strategies;
#[cfg(test)]
mod tests;
mod words;

use dispatch_core::record::Record;
use muster_proto::journal::v1 as stored;
use prost::Message as _;

use fields::required;
pub(crate) use words::{Word, word};

/// The version of the stored form that this code writes, and the newest it reads.
pub const RECORD_VERSION: u32 = 5;

/// Bytes that are not a record this code understands.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidRecord {
    /// Not a protobuf message.
    #[error("the bytes are not a stored record")]
    Damaged(#[source] prost::DecodeError),
    /// Written by a newer Muster.
    #[error("the record has version {found}; this Muster reads 1 to {RECORD_VERSION}")]
    Version {
        /// What the record says.
        found: u32,
    },
    /// A field that every such record has is not there.
    #[error("{field} is missing")]
    Missing {
        /// Message and field, as in `journal.proto`.
        field: &'static str,
    },
    /// A field holds what it cannot hold.
    #[error("{field} is {found}, which is not {wanted}")]
    Field {
        /// Message and field, as in `journal.proto`.
        field: &'static str,
        /// What is there, shortened.
        found: String,
        /// What is accepted.
        wanted: &'static str,
    },
}

/// The stored form of a record.
pub fn encode(record: &Record) -> Vec<u8> {
    stored::Record {
        version: RECORD_VERSION,
        fact: Some(facts::fact(record)),
    }
    .encode_to_vec()
}

/// The record that these bytes hold.
pub fn decode(bytes: &[u8]) -> Result<Record, InvalidRecord> {
    let record = stored::Record::decode(bytes).map_err(InvalidRecord::Damaged)?;
    if !(1..=RECORD_VERSION).contains(&record.version) {
        return Err(InvalidRecord::Version { found: record.version });
    }
    facts::from_fact(required("Record.fact", record.fact)?)
}
