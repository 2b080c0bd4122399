//! Envelopes to and from bytes, in the encoding a device was enrolled with.

use muster_proto::v1::{Down, Up};
use prost::Message as _;
use thiserror::Error;

/// How a device writes and reads its payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// proto3 JSON.
    Json,
    /// Binary protobuf.
    Binary,
}

/// A payload that is not a down envelope.
#[derive(Debug, Error)]
pub(crate) enum UnreadablePayload {
    #[error("payload is not a Down in proto3 JSON")]
    Json(#[source] serde_json::Error),
    #[error("payload is not a Down in binary protobuf")]
    Binary(#[source] prost::DecodeError),
}

impl Encoding {
    pub(crate) fn encode(self, up: &Up) -> Vec<u8> {
        match self {
            Self::Binary => up.encode_to_vec(),
            Self::Json => serde_json::to_vec(up).expect("an envelope a phone makes has only valid times and enums"),
        }
    }

    pub(crate) fn decode(self, payload: &[u8]) -> Result<Down, UnreadablePayload> {
        match self {
            Self::Binary => Down::decode(payload).map_err(UnreadablePayload::Binary),
            Self::Json => serde_json::from_slice(payload).map_err(UnreadablePayload::Json),
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_proto::v1::{Body, Plain, Probe, body, down, plain};

    use super::*;

    #[test]
    fn both_encodings_read_back_and_refuse_each_others() {
        let probe = Plain {
            kind: Some(plain::Kind::Probe(Probe {})),
        };
        let body = Body {
            content: Some(body::Content::Plain(probe)),
        };
        let down = Down {
            alert_version: 3,
            purpose: Some(down::Purpose::Live(body)),
            ..Down::default()
        };
        let json = serde_json::to_vec(&down).expect("plain data");
        let binary = down.encode_to_vec();
        assert_eq!(Encoding::Json.decode(&json).expect("valid"), down);
        assert_eq!(Encoding::Binary.decode(&binary).expect("valid"), down);
        assert!(Encoding::Json.decode(&binary).is_err());
        assert!(Encoding::Binary.decode(&json).is_err());
    }
}
