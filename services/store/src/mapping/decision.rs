//! Who was considered, who was chosen, and why; and where they are told to look.

use std::time::Duration;

use dispatch_core::{
    alert::PlannedAlert,
    coarse::{CoarseCell, DistanceBand},
    position::Metres,
    record::{Candidate, Decision, PolicyRef, Record},
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::{
    InvalidRecord, Word,
    fields::{from_place, from_position, id, place, position, required, span_ms},
    words::word,
};

pub fn decided(decision: &Decision) -> stored::Decided {
    stored::Decided {
        incident: decision.incident.as_bytes().to_vec(),
        revision: decision.revision,
        wave: decision.wave,
        policy: Some(stored::PolicyRef {
            name: decision.policy.name.clone(),
            version: decision.policy.version,
        }),
        place: Some(place(decision.place)),
        sought: decision.sought,
        candidates: decision.candidates.iter().map(candidate).collect(),
        alerts: decision.alerts.iter().map(planned).collect(),
    }
}

pub fn from_decided(decided: stored::Decided) -> Result<Decision, InvalidRecord> {
    let policy = required("Decided.policy", decided.policy)?;
    Ok(Decision {
        incident: id("Decided.incident", &decided.incident)?,
        revision: decided.revision,
        wave: decided.wave,
        policy: PolicyRef {
            name: policy.name,
            version: policy.version,
        },
        place: from_place(required("Decided.place", decided.place)?)?,
        sought: decided.sought,
        candidates: decided
            .candidates
            .iter()
            .map(from_candidate)
            .collect::<Result<_, _>>()?,
        alerts: decided.alerts.into_iter().map(from_planned).collect::<Result<_, _>>()?,
    })
}

fn candidate(candidate: &Candidate) -> stored::Candidate {
    stored::Candidate {
        responder: candidate.responder.as_bytes().to_vec(),
        distance_mm: candidate.distance.mm(),
        accuracy_mm: candidate.accuracy.mm(),
        fix_age_ms: span_ms(candidate.fix_age),
        estimated_arrival_ms: span_ms(candidate.estimated_arrival),
        verdict: candidate.verdict.to_stored(),
    }
}

fn from_candidate(candidate: &stored::Candidate) -> Result<Candidate, InvalidRecord> {
    Ok(Candidate {
        responder: id("Candidate.responder", &candidate.responder)?,
        distance: Metres::from_mm(candidate.distance_mm),
        accuracy: Metres::from_mm(candidate.accuracy_mm),
        fix_age: Duration::from_millis(candidate.fix_age_ms),
        estimated_arrival: Duration::from_millis(candidate.estimated_arrival_ms),
        verdict: word("Candidate.verdict", candidate.verdict)?,
    })
}

pub fn planned(plan: &PlannedAlert) -> stored::PlannedAlert {
    stored::PlannedAlert {
        alert: plan.alert.as_bytes().to_vec(),
        responder: plan.responder.as_bytes().to_vec(),
        role: plan.role.to_stored(),
        attempt: plan.attempt,
        band: Some(band(plan.band)),
        cell_centre: Some(position(plan.cell.centre)),
        estimated_arrival_ms: span_ms(plan.estimated_arrival),
        expires_at_ms: plan.expires_at.unix_ms(),
    }
}

pub fn from_planned(plan: stored::PlannedAlert) -> Result<PlannedAlert, InvalidRecord> {
    const CENTRE: &str = "PlannedAlert.cell_centre";
    Ok(PlannedAlert {
        alert: id("PlannedAlert.alert", &plan.alert)?,
        responder: id("PlannedAlert.responder", &plan.responder)?,
        role: word("PlannedAlert.role", plan.role)?,
        attempt: plan.attempt,
        band: from_band(required("PlannedAlert.band", plan.band)?),
        cell: CoarseCell {
            centre: from_position(CENTRE, required(CENTRE, plan.cell_centre)?)?,
        },
        estimated_arrival: Duration::from_millis(plan.estimated_arrival_ms),
        expires_at: Timestamp::from_unix_ms(plan.expires_at_ms),
    })
}

pub fn band(band: DistanceBand) -> stored::DistanceBand {
    stored::DistanceBand {
        from_m: band.from_m,
        to_m: band.to_m,
    }
}

pub fn from_band(band: stored::DistanceBand) -> DistanceBand {
    DistanceBand {
        from_m: band.from_m,
        to_m: band.to_m,
    }
}

pub fn from_relocated(relocated: stored::AlertRelocated) -> Result<Record, InvalidRecord> {
    const CENTRE: &str = "AlertRelocated.cell_centre";
    Ok(Record::AlertRelocated {
        alert: id("AlertRelocated.alert", &relocated.alert)?,
        cell: CoarseCell {
            centre: from_position(CENTRE, required(CENTRE, relocated.cell_centre)?)?,
        },
        band: from_band(required("AlertRelocated.band", relocated.band)?),
        version: relocated.alert_version,
    })
}
