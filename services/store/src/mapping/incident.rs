//! What happens to an incident as a whole.

use std::sync::Arc;

use dispatch_core::{
    record::{IncidentReported, Record},
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::{
    InvalidRecord, Word,
    call_out::{call_out, from_call_out},
    fields::{from_key, from_place, id, key, kind, place, required},
    scene::{from_scene, scene},
    words::word,
};

pub fn reported(reported: &IncidentReported) -> stored::IncidentReported {
    stored::IncidentReported {
        incident: reported.incident.as_bytes().to_vec(),
        key: Some(key(&reported.key)),
        revision: reported.revision,
        kind: reported.kind.as_str().to_owned(),
        purpose: reported.purpose.to_stored(),
        place: reported.place.map(place),
        sent_at_ms: reported.sent_at.unix_ms(),
        call_connected_at_ms: reported.call_connected_at.map(Timestamp::unix_ms),
        alerting: reported.alerting,
        scene: scene(&reported.scene),
        ambulance_at_ms: reported.ambulance_at.map(Timestamp::unix_ms),
        call_out: reported.call_out.as_deref().map(call_out),
    }
}

pub fn from_reported(reported: stored::IncidentReported) -> Result<IncidentReported, InvalidRecord> {
    Ok(IncidentReported {
        incident: id("IncidentReported.incident", &reported.incident)?,
        key: from_key(&required("IncidentReported.key", reported.key)?)?,
        revision: reported.revision,
        kind: kind("IncidentReported.kind", &reported.kind)?,
        purpose: word("IncidentReported.purpose", reported.purpose)?,
        place: reported.place.map(from_place).transpose()?,
        sent_at: Timestamp::from_unix_ms(reported.sent_at_ms),
        call_connected_at: reported.call_connected_at_ms.map(Timestamp::from_unix_ms),
        alerting: reported.alerting,
        scene: from_scene(reported.scene)?,
        ambulance_at: reported.ambulance_at_ms.map(Timestamp::from_unix_ms),
        call_out: reported.call_out.map(from_call_out).transpose()?.map(Arc::new),
    })
}

pub fn from_ended(ended: stored::IncidentEnded) -> Result<Record, InvalidRecord> {
    Ok(Record::IncidentEnded {
        incident: id("IncidentEnded.incident", &ended.incident)?,
        key: from_key(&required("IncidentEnded.key", ended.key)?)?,
        revision: ended.revision,
        sent_at: Timestamp::from_unix_ms(ended.sent_at_ms),
        cause: word("IncidentEnded.cause", ended.cause)?,
    })
}
