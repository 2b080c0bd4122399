//! The control room of a world: how it reports an incident and ends it, and what a role of the core means here. The one
//! place that makes what the core takes in from a control room.

use dispatch_core::{
    alert::Role,
    ids::{CallDate, IncidentKey, Reference, TenantId},
    incident::EndCause,
    input::{Ending, Place, Report, RequestId},
    responder::Purpose,
    scene::Scene,
    time::Timestamp,
};

use crate::{
    journey::Errand,
    scene::Circumstances,
    study::{PastIncident, Study},
};

/// The only control room there is.
pub(crate) fn tenant() -> TenantId {
    TenantId::new("lab").expect("a literal in range")
}

/// The report of an incident. Its place is the patient's.
pub(super) fn report(incident: &PastIncident, here: &Circumstances) -> Report {
    Report {
        request: request("report", incident.number),
        key: key(incident.number),
        revision: 1,
        sent_at: here.at,
        kind: incident.kind.clone(),
        purpose: Purpose::Live,
        place: Some(Place {
            position: incident.position,
            accuracy: incident.accuracy,
        }),
        call_connected_at: None,
        scene: Scene::default(),
        ambulance_at: Some(here.at + here.ambulance_estimate),
        call_out: None,
        alert_although_late: false,
    }
}

/// The ambulance is with the patient.
pub(super) fn crew_on_scene(number: u64, at: Timestamp) -> Ending {
    Ending {
        request: request("crew", number),
        key: key(number),
        revision: 2,
        sent_at: at,
        cause: EndCause::CrewOnScene,
    }
}

/// What a role means for whoever has it.
pub(super) fn errand(study: &Study, role: Role) -> Errand {
    match role {
        // The past calls nobody out for a shift.
        Role::Direct | Role::Shift => Errand::Direct,
        Role::Guide => Errand::Guide,
        Role::FetchAed(aed) => {
            let site = study.map.aeds.iter().position(|site| site.aed.aed == aed);
            Errand::FetchAed(site.expect("the core knows those of the study"))
        }
    }
}

fn key(number: u64) -> IncidentKey {
    IncidentKey {
        tenant: tenant(),
        cad_system: Reference::new("past").expect("a literal in range"),
        cad_incident_number: Reference::new(&number.to_string()).expect("digits"),
        // Numbers do not start again within a study, so the day may be any.
        call_date: CallDate::parse("2000-01-01").expect("a literal in range"),
    }
}

fn request(what: &str, number: u64) -> RequestId {
    RequestId {
        id: Reference::new(&format!("{what}-{number}")).expect("letters and digits"),
        fingerprint: [0; 32],
    }
}
