//! The fingerprint of a request: tells a retry from another request under the same id.
//!
//! It is a hash over the parsed fields, written as the wire would write them, without the request id. Unset fields are
//! not written, so a field added by a later version does not change the fingerprints of requests that lack it.

use dispatch_core::{
    ids::IncidentKey,
    input::{Fingerprint, Place},
    time::Timestamp,
};
use muster_engine::registry::Address;
use muster_proto::{google, v1 as wire};
use prost::Message;
use sha2::{Digest, Sha256};

/// SHA-256 over the method's name and the request in its canonical form, which has an empty request id.
pub(super) fn fingerprint(method: &str, canonical: &impl Message) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(b"muster request 1");
    hash.update(method);
    hash.update([0]);
    hash.update(canonical.encode_to_vec());
    hash.finalize().into()
}

/// A key as the wire would write it, tenant and all.
pub(super) fn canonical_key(key: &IncidentKey) -> wire::IncidentKey {
    crate::answer::key(key)
}

/// A moment as the wire would write it, to the millisecond.
pub(super) fn canonical_moment(at: Timestamp) -> google::Timestamp {
    crate::answer::moment(at)
}

/// A location as the wire would write it: always WGS84, the accuracy always there.
pub(super) fn canonical_location(place: Place, address: Option<&Address>) -> wire::Location {
    wire::Location {
        point: Some(wire::location::Point::Wgs84(wire::Wgs84 {
            latitude_deg: place.position.latitude(),
            longitude_deg: place.position.longitude(),
        })),
        accuracy_m: Some(place.accuracy.as_f64()),
        address: address.map(|parts| wire::Address {
            text: parts.text.clone(),
            uprn: parts.uprn.clone(),
            postcode: parts.postcode.clone(),
            floor: parts.floor.clone(),
            access_notes: parts.access_notes.clone(),
        }),
    }
}
