//! Who was considered, who was chosen, and why; and where they are told to look.

use std::time::Duration;

use dispatch_core::{
    alert::PlannedAlert,
    choose::arrival::Arrival,
    coarse::{CoarseCell, DistanceBand},
    policy::Policy,
    position::Metres,
    record::{AedWay, Calling, Candidate, Decision, InPlay, PolicyRef, Record},
    responder::TravelMode,
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::{
    InvalidRecord, Word,
    fields::{from_place, from_position, id, place, position, required, span_ms, wrong},
    scene::{from_role, role},
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
            number: decision.policy.number,
        }),
        decided_at_ms: decision.decided_at.unix_ms(),
        place: Some(place(decision.place)),
        sought: decision.sought,
        asked_before: decision.asked_before,
        since_report_ms: span_ms(decision.since_report),
        ambulance_at_ms: decision.ambulance_at.map(Timestamp::unix_ms),
        roads: decision.roads.map_or_else(Vec::new, |digest| digest.to_vec()),
        call_out: decision.call_out.map(|calling| stored::Calling { wake: calling.wake }),
        in_play: decision.in_play.iter().map(in_play).collect(),
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
            number: policy.number,
        },
        decided_at: Timestamp::from_unix_ms(decided.decided_at_ms),
        call_out: decided.call_out.map(|calling| Calling { wake: calling.wake }),
        asked_before: decided.asked_before,
        since_report: Duration::from_millis(decided.since_report_ms),
        ambulance_at: decided.ambulance_at_ms.map(Timestamp::from_unix_ms),
        roads: from_roads(&decided.roads)?,
        in_play: decided
            .in_play
            .into_iter()
            .map(from_in_play)
            .collect::<Result<_, _>>()?,
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
        mode: candidate.mode.to_stored(),
        way_mm: candidate.way.map(|way| way.mm()),
        aeds: candidate.aeds.iter().flatten().map(aed_way).collect(),
        acceptance_permille: candidate.acceptance_permille.into(),
        recent_alerts: candidate.recent_alerts.into(),
        quiet: candidate.quiet,
    }
}

fn aed_way(way: &AedWay) -> stored::AedWay {
    stored::AedWay {
        aed: way.aed.as_bytes().to_vec(),
        way_mm: way.way.mm(),
        chance_permille: way.chance_permille.into(),
    }
}

fn from_aed_way(way: &stored::AedWay) -> Result<AedWay, InvalidRecord> {
    Ok(AedWay {
        aed: id("AedWay.aed", &way.aed)?,
        way: Metres::from_mm(way.way_mm),
        chance_permille: small("AedWay.chance_permille", way.chance_permille)?,
    })
}

fn in_play(person: &InPlay) -> stored::InPlay {
    let (role, aed) = role(person.role);
    stored::InPlay {
        responder: person.responder.as_bytes().to_vec(),
        role,
        aed,
        chance_permille: person.chance_permille.into(),
        arrival: Some(stored::Arrival {
            fast_ms: span_ms(person.arrival.fast),
            median_ms: span_ms(person.arrival.median),
            slow_ms: span_ms(person.arrival.slow),
        }),
    }
}

fn from_in_play(person: stored::InPlay) -> Result<InPlay, InvalidRecord> {
    let arrival = required("InPlay.arrival", person.arrival)?;
    Ok(InPlay {
        responder: id("InPlay.responder", &person.responder)?,
        role: from_role("InPlay.role", person.role, &person.aed)?,
        chance_permille: small("InPlay.chance_permille", person.chance_permille)?,
        arrival: Arrival {
            fast: Duration::from_millis(arrival.fast_ms),
            median: Duration::from_millis(arrival.median_ms),
            slow: Duration::from_millis(arrival.slow_ms),
        },
    })
}

fn from_roads(digest: &[u8]) -> Result<Option<[u8; 32]>, InvalidRecord> {
    if digest.is_empty() {
        return Ok(None);
    }
    let found = || {
        wrong(
            "Decided.roads",
            format_args!("{} bytes long", digest.len()),
            "32 bytes long",
        )
    };
    digest.try_into().map(Some).map_err(|_| found())
}

fn small(field: &'static str, number: u32) -> Result<u16, InvalidRecord> {
    u16::try_from(number).map_err(|_| wrong(field, number, "a number up to 65,535"))
}

pub fn adopted(policy: &Policy) -> stored::PolicyAdopted {
    stored::PolicyAdopted {
        text: muster_policies::text(policy),
    }
}

pub fn from_adopted(adopted: &stored::PolicyAdopted) -> Result<Policy, InvalidRecord> {
    let wanted = "the text of a policy that this Muster understands";
    muster_policies::parse(&adopted.text).map_err(|problem| wrong("PolicyAdopted.text", problem, wanted))
}

fn from_candidate(candidate: &stored::Candidate) -> Result<Candidate, InvalidRecord> {
    Ok(Candidate {
        responder: id("Candidate.responder", &candidate.responder)?,
        distance: Metres::from_mm(candidate.distance_mm),
        accuracy: Metres::from_mm(candidate.accuracy_mm),
        fix_age: Duration::from_millis(candidate.fix_age_ms),
        estimated_arrival: Duration::from_millis(candidate.estimated_arrival_ms),
        verdict: word("Candidate.verdict", candidate.verdict)?,
        // Not stated before version 4.
        mode: match candidate.mode {
            0 => TravelMode::Unknown,
            mode => word("Candidate.mode", mode)?,
        },
        way: candidate.way_mm.map(Metres::from_mm),
        aeds: from_aeds(&candidate.aeds)?,
        acceptance_permille: small("Candidate.acceptance_permille", candidate.acceptance_permille)?,
        recent_alerts: small("Candidate.recent_alerts", candidate.recent_alerts)?,
        quiet: candidate.quiet,
    })
}

fn from_aeds(ways: &[stored::AedWay]) -> Result<[Option<AedWay>; 2], InvalidRecord> {
    match ways {
        [] => Ok([None; 2]),
        [one] => Ok([Some(from_aed_way(one)?), None]),
        [first, second] => Ok([Some(from_aed_way(first)?), Some(from_aed_way(second)?)]),
        more => Err(wrong("Candidate.aeds", more.len(), "at most two")),
    }
}

pub fn planned(plan: &PlannedAlert) -> stored::PlannedAlert {
    let (role, aed) = role(plan.role);
    stored::PlannedAlert {
        alert: plan.alert.as_bytes().to_vec(),
        responder: plan.responder.as_bytes().to_vec(),
        role,
        aed,
        attempt: plan.attempt,
        band: Some(band(plan.band)),
        cell_centre: Some(position(plan.cell.centre)),
        fast_arrival_ms: span_ms(plan.arrival.fast),
        estimated_arrival_ms: span_ms(plan.arrival.median),
        slow_arrival_ms: span_ms(plan.arrival.slow),
        acceptance_permille: plan.acceptance_permille.into(),
        expires_at_ms: plan.expires_at.unix_ms(),
    }
}

pub fn from_planned(plan: stored::PlannedAlert) -> Result<PlannedAlert, InvalidRecord> {
    const CENTRE: &str = "PlannedAlert.cell_centre";
    Ok(PlannedAlert {
        alert: id("PlannedAlert.alert", &plan.alert)?,
        responder: id("PlannedAlert.responder", &plan.responder)?,
        role: from_role("PlannedAlert.role", plan.role, &plan.aed)?,
        attempt: plan.attempt,
        band: from_band(required("PlannedAlert.band", plan.band)?),
        cell: CoarseCell {
            centre: from_position(CENTRE, required(CENTRE, plan.cell_centre)?)?,
        },
        arrival: Arrival {
            fast: Duration::from_millis(plan.fast_arrival_ms),
            median: Duration::from_millis(plan.estimated_arrival_ms),
            slow: Duration::from_millis(plan.slow_arrival_ms),
        },
        acceptance_permille: small("PlannedAlert.acceptance_permille", plan.acceptance_permille)?,
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
