//! Reports, stand-downs and closes.

use std::{sync::Arc, time::Duration};

use dispatch_core::{
    call_out::CallOut,
    ids::{IncidentKey, Reference},
    incident::{EndCause, IncidentKind},
    input::{Ending, Place, Report, RequestId},
    responder::Purpose,
    scene::{HAZARDS_MAX, Scene, SceneWord},
    time::Timestamp,
};
use muster_engine::registry::Address;
use muster_proto::{
    google,
    v1::{self as wire, report_incident_request},
};

use super::{
    Caller, Fault, Faults, InvalidRequest,
    address::address,
    call_out::{call_out, canonical_call_out},
    fields::{count_unknown, key, moment, optional_cad_moment, purpose, reference, revision, sent_at},
    fingerprint::{canonical_key, canonical_location, canonical_moment, fingerprint},
};
use crate::location;

/// A report and the address parts that stay at the edge.
pub(crate) fn report(
    request: wire::ReportIncidentRequest,
    caller: Caller<'_>,
) -> Result<(Report, Option<Address>), InvalidRequest> {
    let mut faults = Faults::default();
    let head = WireHead {
        request_id: &request.request_id,
        key: request.key.as_ref(),
        revision: request.revision,
        sent_at: request.sent_at.as_ref(),
    };
    let head = head.parse(caller, &mut faults);
    let kind = faults.take("kind", kind(&request.kind));
    let purpose = faults.take("purpose", purpose_of(request.purpose.as_ref()));
    let wanted = wanted(&request, caller, head.as_ref(), &mut faults);
    let connected = optional_cad_moment(request.call_connected_at.as_ref(), caller.now);
    let connected = faults.take("call_connected_at", connected);
    let scene = scene(&request, &mut faults);
    let ambulance = ambulance(request.ambulance_expected_at.as_ref(), head.as_ref());
    let ambulance = faults.take("ambulance_expected_at", ambulance);
    let (Some(head), Some(kind), Some(purpose), Some(wanted), Some(call_connected_at)) =
        (head, kind, purpose, wanted, connected)
    else {
        return Err(faults.refuse());
    };
    let (Some(scene), Some(ambulance)) = (scene, ambulance) else {
        return Err(faults.refuse());
    };
    let Wanted {
        place,
        address,
        call_out,
    } = wanted;
    let located = place.map(|place| canonical_location(place, address.as_ref()));
    let (location, canonical_call_out) = match &call_out {
        None => (located, None),
        Some(call_out) => (None, Some(canonical_call_out(located, call_out))),
    };
    let canonical = wire::ReportIncidentRequest {
        request_id: String::new(),
        key: Some(canonical_key(&head.key)),
        revision: head.revision,
        sent_at: Some(canonical_moment(head.sent_at)),
        kind: kind.to_string(),
        purpose: request.purpose,
        location,
        call_out: canonical_call_out,
        call_connected_at: call_connected_at.map(canonical_moment),
        alert_although_late: request.alert_although_late,
        place_kind: request.place_kind.clone(),
        hazards: scene.hazards.iter().map(ToString::to_string).collect(),
        age_band: request.age_band.clone(),
        ambulance_expected_at: ambulance.map(|(at, _)| canonical_moment(at)),
    };
    let report = Report {
        request: head.request("ReportIncident", &canonical),
        key: head.key,
        revision: head.revision,
        sent_at: head.sent_at,
        kind,
        purpose,
        place,
        call_connected_at,
        scene,
        ambulance_at: ambulance.map(|(_, after)| caller.now + after),
        call_out: call_out.map(Arc::new),
        alert_although_late: request.alert_although_late,
    };
    Ok((report, address))
}

/// What is wanted, and where: without a call-out the soonest few at the place, if that is known.
struct Wanted {
    place: Option<Place>,
    address: Option<Address>,
    call_out: Option<CallOut>,
}

/// `None` when something about it is wrong.
fn wanted(
    request: &wire::ReportIncidentRequest,
    caller: Caller<'_>,
    head: Option<&Head>,
    faults: &mut Faults,
) -> Option<Wanted> {
    let Some(wire_call_out) = &request.call_out else {
        let (place, address) = located(request.location.as_ref(), caller, faults)?;
        return Some(Wanted {
            place,
            address,
            call_out: None,
        });
    };
    if request.location.is_some() {
        let message = "leave it out: people are sent to call_out.muster_point";
        faults.add("location", Fault::new("NOT_WITH_CALL_OUT", message));
    }
    let mut part = Faults::default();
    let muster_point = located(wire_call_out.muster_point.as_ref(), caller, &mut part);
    if wire_call_out.muster_point.is_none() {
        part.add("location", Fault::required("where people gather"));
    }
    faults.take_over(part, "location", "call_out.muster_point");
    let (place, address) = muster_point?;
    let call_out = call_out(wire_call_out, place?, head?.sent_at, faults)?;
    let wanted = Wanted {
        place,
        address,
        call_out: Some(call_out),
    };
    request.location.is_none().then_some(wanted)
}

/// A stand-down.
pub(crate) fn stand_down(
    request: wire::StandDownIncidentRequest,
    caller: Caller<'_>,
) -> Result<Ending, InvalidRequest> {
    let mut faults = Faults::default();
    let head = WireHead {
        request_id: &request.request_id,
        key: request.key.as_ref(),
        revision: request.revision,
        sent_at: request.sent_at.as_ref(),
    };
    let head = head.parse(caller, &mut faults);
    let Some(head) = head else {
        return Err(faults.refuse());
    };
    let (cause, end_cause) = cause(request.cause);
    let canonical = wire::StandDownIncidentRequest {
        request_id: String::new(),
        key: Some(canonical_key(&head.key)),
        revision: head.revision,
        sent_at: Some(canonical_moment(head.sent_at)),
        cause: cause.into(),
    };
    let request = head.request("StandDownIncident", &canonical);
    Ok(head.ending(request, end_cause))
}

/// A close.
pub(crate) fn close(request: wire::CloseIncidentRequest, caller: Caller<'_>) -> Result<Ending, InvalidRequest> {
    let mut faults = Faults::default();
    let head = WireHead {
        request_id: &request.request_id,
        key: request.key.as_ref(),
        revision: request.revision,
        sent_at: request.sent_at.as_ref(),
    };
    let head = head.parse(caller, &mut faults);
    let Some(head) = head else {
        return Err(faults.refuse());
    };
    let canonical = wire::CloseIncidentRequest {
        request_id: String::new(),
        key: Some(canonical_key(&head.key)),
        revision: head.revision,
        sent_at: Some(canonical_moment(head.sent_at)),
    };
    let request = head.request("CloseIncident", &canonical);
    Ok(head.ending(request, EndCause::Closed))
}

/// What every message about an incident begins with, as it came.
struct WireHead<'a> {
    request_id: &'a str,
    key: Option<&'a wire::IncidentKey>,
    revision: u32,
    sent_at: Option<&'a google::Timestamp>,
}

impl WireHead<'_> {
    fn parse(self, caller: Caller<'_>, faults: &mut Faults) -> Option<Head> {
        let id = faults.take("request_id", reference(self.request_id));
        let key = key(self.key, caller.tenant, faults);
        let revision = faults.take("revision", revision(self.revision));
        let sent_at = faults.take("sent_at", sent_at(self.sent_at, caller.now));
        Some(Head {
            id: id?,
            key: key?,
            revision: revision?,
            sent_at: sent_at?,
        })
    }
}

/// The same, parsed.
struct Head {
    id: Reference,
    key: IncidentKey,
    revision: u32,
    sent_at: Timestamp,
}

impl Head {
    fn request(&self, method: &str, canonical: &impl prost::Message) -> RequestId {
        RequestId {
            id: self.id.clone(),
            fingerprint: fingerprint(method, canonical),
        }
    }

    fn ending(self, request: RequestId, cause: EndCause) -> Ending {
        Ending {
            request,
            key: self.key,
            revision: self.revision,
            sent_at: self.sent_at,
            cause,
        }
    }
}

fn kind(name: &str) -> Result<IncidentKind, Fault> {
    IncidentKind::new(name).ok_or_else(|| {
        let accepted = "1 to 64 characters of a-z 0-9 _, for example cardiac_arrest";
        if name.is_empty() {
            Fault::required(accepted)
        } else {
            Fault::new("MALFORMED", format!("a kind is {accepted}"))
        }
    })
}

fn purpose_of(branch: Option<&report_incident_request::Purpose>) -> Result<Purpose, Fault> {
    match branch {
        None => purpose(false, None),
        Some(report_incident_request::Purpose::Live(_)) => purpose(true, None),
        Some(report_incident_request::Purpose::Exercise(exercise)) => purpose(false, Some(exercise)),
    }
}

/// `None` when a word is wrong; the others are looked at all the same.
fn scene(request: &wire::ReportIncidentRequest, faults: &mut Faults) -> Option<Scene> {
    let place_kind = faults.take("place_kind", optional_word(&request.place_kind));
    let age_band = faults.take("age_band", optional_word(&request.age_band));
    let hazards = if request.hazards.len() > HAZARDS_MAX {
        let message = format!("{} hazards; at most {HAZARDS_MAX} are accepted", request.hazards.len());
        Err(Fault::new("OUT_OF_RANGE", message))
    } else {
        request.hazards.iter().map(|text| word(text)).collect()
    };
    let hazards = faults.take("hazards", hazards);
    Some(Scene {
        place_kind: place_kind?,
        hazards: hazards?,
        age_band: age_band?,
    })
}

fn optional_word(text: &str) -> Result<Option<SceneWord>, Fault> {
    (!text.is_empty()).then(|| word(text)).transpose()
}

fn word(text: &str) -> Result<SceneWord, Fault> {
    let malformed = || {
        Fault::new(
            "MALFORMED",
            "a word is 1 to 32 characters of a-z 0-9 _, for example care_home",
        )
    };
    SceneWord::new(text).ok_or_else(malformed)
}

/// An ambulance expected later than this is a date typed wrong.
const AMBULANCE_WITHIN_MS: i64 = 86_400_000;

/// When the ambulance is expected, by the dispatch system's clock, and how long after the report was made. What the clock
/// says does not matter then.
fn ambulance(at: Option<&google::Timestamp>, head: Option<&Head>) -> Result<Option<(Timestamp, Duration)>, Fault> {
    let (Some(at), Some(head)) = (at, head) else {
        return Ok(None);
    };
    let at = moment(at)?;
    if at.ms_since(head.sent_at) > AMBULANCE_WITHIN_MS {
        return Err(Fault::new("OUT_OF_RANGE", "more than 24 hours after sent_at"));
    }
    Ok(Some((at, at.since(head.sent_at))))
}

/// `None` when something about the location is wrong; a location left out is not wrong.
fn located(
    location: Option<&wire::Location>,
    caller: Caller<'_>,
    faults: &mut Faults,
) -> Option<(Option<Place>, Option<Address>)> {
    let Some(location) = location else {
        return Some((None, None));
    };
    let place = faults.take_location(location::place(location, caller.area));
    let address = match &location.address {
        None => Some(None),
        Some(parts) => address(parts, faults).map(Some),
    };
    Some((Some(place?), address?))
}

/// A cause this version does not know still calls everybody off, which is what was asked for.
fn cause(number: i32) -> (wire::StandDownCause, EndCause) {
    let cause = wire::StandDownCause::try_from(number).unwrap_or_else(|_| {
        count_unknown("cause");
        wire::StandDownCause::Unspecified
    });
    match cause {
        wire::StandDownCause::Unspecified | wire::StandDownCause::Cancelled => (cause, EndCause::Cancelled),
        wire::StandDownCause::CrewOnScene => (cause, EndCause::CrewOnScene),
    }
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
