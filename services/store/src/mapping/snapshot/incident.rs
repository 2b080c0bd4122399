//! Incidents as they stand.

use std::sync::Arc;

use dispatch_core::{
    incident::{Incident, Reported},
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::super::{
    InvalidRecord, Word,
    call_out::{call_out, from_call_out},
    fields::{from_key, from_place, id, key, kind, place, required},
    scene::{from_scene, scene},
    words::word,
};

pub fn incident(incident: &Incident) -> stored::KnownIncident {
    stored::KnownIncident {
        key: Some(key(&incident.key)),
        revision: incident.revision,
        reported: incident.reported.as_ref().map(reported),
        state: incident.state.to_stored(),
        received_at_ms: incident.received_at.unix_ms(),
        search_began_at_ms: incident.search_began_at.map(Timestamp::unix_ms),
        told_could_not_alert: incident.told_could_not_alert,
        waves: incident.waves,
        alerts: incident.alerts.iter().map(|alert| alert.as_bytes().to_vec()).collect(),
        settled_at_ms: incident.settled_at.map(Timestamp::unix_ms),
    }
}

pub fn from_incident(incident: stored::KnownIncident) -> Result<Incident, InvalidRecord> {
    let key = from_key(&required("KnownIncident.key", incident.key)?)?;
    let alerts = incident.alerts.iter();
    Ok(Incident {
        id: key.id(),
        key,
        revision: incident.revision,
        reported: incident.reported.map(from_reported).transpose()?,
        state: word("KnownIncident.state", incident.state)?,
        received_at: Timestamp::from_unix_ms(incident.received_at_ms),
        search_began_at: incident.search_began_at_ms.map(Timestamp::from_unix_ms),
        told_could_not_alert: incident.told_could_not_alert,
        waves: incident.waves,
        alerts: alerts
            .map(|alert| id("KnownIncident.alerts", alert))
            .collect::<Result<_, _>>()?,
        settled_at: incident.settled_at_ms.map(Timestamp::from_unix_ms),
    })
}

fn reported(reported: &Reported) -> stored::KnownReport {
    stored::KnownReport {
        kind: reported.kind.as_str().to_owned(),
        purpose: reported.purpose.to_stored(),
        place: reported.place.map(place),
        revision: reported.revision,
        scene: scene(&reported.scene),
        ambulance_at_ms: reported.ambulance_at.map(Timestamp::unix_ms),
        call_out: reported.call_out.as_deref().map(call_out),
    }
}

fn from_reported(reported: stored::KnownReport) -> Result<Reported, InvalidRecord> {
    Ok(Reported {
        kind: kind("KnownReport.kind", &reported.kind)?,
        purpose: word("KnownReport.purpose", reported.purpose)?,
        place: reported.place.map(from_place).transpose()?,
        revision: reported.revision,
        scene: from_scene(reported.scene)?,
        ambulance_at: reported.ambulance_at_ms.map(Timestamp::from_unix_ms),
        call_out: reported.call_out.map(from_call_out).transpose()?.map(Arc::new),
    })
}
