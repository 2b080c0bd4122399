//! The fields that several requests share.

use std::str::FromStr;

use dispatch_core::{
    ids::{AedId, CallDate, IncidentId, IncidentKey, InvalidId, Reference, ResponderId, TenantId},
    responder::Purpose,
    time::Timestamp,
};
use muster_proto::{google, v1 as wire};

#[cfg(test)]
use super::Caller;
use super::{Fault, Faults, InvalidRequest};

/// 2000-01-01T00:00:00Z. An earlier moment comes from a clock that was never set.
pub(super) const EARLIEST: Timestamp = Timestamp::from_unix_ms(946_684_800_000);
/// 9999-12-31T23:59:59.999Z, the last moment the wire format can name.
pub(super) const LATEST: Timestamp = Timestamp::from_unix_ms(253_402_300_799_999);
/// How far a dispatch system's clock may run ahead: a clock set to the wrong daylight saving time still gets through.
const AHEAD_MAX_MS: i64 = 3_600_000;
/// Most bytes of the name of an exercise.
const EXERCISE_NAME_MAX: usize = 100;

impl From<InvalidId> for Fault {
    fn from(invalid: InvalidId) -> Self {
        Self::new("MALFORMED", invalid.to_string())
    }
}

/// A reference made by another system.
pub(super) fn reference(text: &str) -> Result<Reference, Fault> {
    if text.is_empty() {
        return Err(Fault::required("1 to 64 characters of A-Z a-z 0-9 . _ -"));
    }
    Ok(Reference::new(text)?)
}

fn id<T: FromStr<Err = InvalidId>>(field: &str, text: &str) -> Result<T, InvalidRequest> {
    text.parse()
        .map_err(|invalid: InvalidId| InvalidRequest::one(field, invalid.into()))
}

/// The `incident_id` of a request.
pub(crate) fn incident_id(text: &str) -> Result<IncidentId, InvalidRequest> {
    id("incident_id", text)
}

/// What is wrong with a request that names no incident.
pub(crate) fn no_name() -> InvalidRequest {
    InvalidRequest::one("name", Fault::required("incident_id or key"))
}

/// The `responder_id` of a request.
pub(crate) fn responder_id(text: &str) -> Result<ResponderId, InvalidRequest> {
    id("responder_id", text)
}

/// The `defibrillator_id` of a request.
pub(crate) fn defibrillator_id(text: &str) -> Result<AedId, InvalidRequest> {
    id("defibrillator_id", text)
}

/// The key of an incident of the caller.
pub(super) fn key(key: Option<&wire::IncidentKey>, tenant: &TenantId, faults: &mut Faults) -> Option<IncidentKey> {
    let Some(key) = key else {
        faults.add("key", Fault::required("cad_system, cad_incident_number and call_date"));
        return None;
    };
    let own = if key.tenant.is_empty() || key.tenant == tenant.as_str() {
        Ok(tenant.clone())
    } else {
        let message = format!("leave it out or send '{tenant}', the tenant of the client certificate");
        Err(Fault::new("OTHER_TENANT", message))
    };
    let tenant = faults.take("key.tenant", own);
    let cad_system = faults.take("key.cad_system", reference(&key.cad_system));
    let number = faults.take("key.cad_incident_number", reference(&key.cad_incident_number));
    let call_date = faults.take("key.call_date", CallDate::parse(&key.call_date).map_err(Fault::from));
    Some(IncidentKey {
        tenant: tenant?,
        cad_system: cad_system?,
        cad_incident_number: number?,
        call_date: call_date?,
    })
}

/// The key in a request that only asks. `None` when it names another tenant: to the caller such an incident is as
/// unknown as one that was never reported.
pub(crate) fn own_key(named: &wire::IncidentKey, tenant: &TenantId) -> Result<Option<IncidentKey>, InvalidRequest> {
    if !named.tenant.is_empty() && named.tenant != tenant.as_str() {
        return Ok(None);
    }
    let mut faults = Faults::default();
    match key(Some(named), tenant, &mut faults) {
        Some(key) => Ok(Some(key)),
        None => Err(faults.refuse()),
    }
}

/// A revision: from 1.
pub(super) fn revision(revision: u32) -> Result<u32, Fault> {
    if revision >= 1 {
        Ok(revision)
    } else {
        Err(Fault::new("OUT_OF_RANGE", "a revision is 1 or more"))
    }
}

/// A moment by a dispatch system's clock.
pub(super) fn sent_at(at: Option<&google::Timestamp>, now: Timestamp) -> Result<Timestamp, Fault> {
    let at = at.ok_or_else(|| Fault::required("when the dispatch system made this revision"))?;
    cad_moment(at, now)
}

/// A moment by a dispatch system's clock that may be left out.
pub(super) fn optional_cad_moment(at: Option<&google::Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    at.map(|at| cad_moment(at, now)).transpose()
}

fn cad_moment(at: &google::Timestamp, now: Timestamp) -> Result<Timestamp, Fault> {
    let at = moment(at)?;
    if at.ms_since(now) > AHEAD_MAX_MS {
        let message = "more than one hour in the future; check the dispatch system's clock and time zone";
        return Err(Fault::new("IN_THE_FUTURE", message));
    }
    Ok(at)
}

/// Any moment from 2000 to 9999, cut to the millisecond.
pub(super) fn moment(at: &google::Timestamp) -> Result<Timestamp, Fault> {
    if !(0..1_000_000_000).contains(&at.nanos) {
        return Err(Fault::new("MALFORMED", "nanos must be 0 to 999999999"));
    }
    // Saturation leads outside the range as well.
    let ms = at
        .seconds
        .saturating_mul(1000)
        .saturating_add(i64::from(at.nanos / 1_000_000));
    let at = Timestamp::from_unix_ms(ms);
    if (EARLIEST..=LATEST).contains(&at) {
        Ok(at)
    } else {
        Err(Fault::new("OUT_OF_RANGE", "a moment must lie between 2000 and 9999"))
    }
}

/// Live or exercise, from either branch of a `oneof`.
pub(super) fn purpose(live: bool, exercise: Option<&wire::Exercise>) -> Result<Purpose, Fault> {
    match exercise {
        None if live => Ok(Purpose::Live),
        None => Err(Fault::required("live or exercise")),
        Some(exercise) => {
            text(&exercise.name, EXERCISE_NAME_MAX)?;
            Ok(Purpose::Exercise)
        }
    }
}

/// A line of text of at most `max` bytes, without control characters.
pub(super) fn text(text: &str, max: usize) -> Result<(), Fault> {
    bounded(text, max, |c| c.is_control())
}

/// As [`text`], but new lines are allowed.
pub(super) fn lines(text: &str, max: usize) -> Result<(), Fault> {
    bounded(text, max, |c| c.is_control() && c != '\n')
}

// The messages do not repeat the text: it may be an address or a name.
fn bounded(text: &str, max: usize, refused: impl Fn(char) -> bool) -> Result<(), Fault> {
    if text.len() > max {
        let message = format!("{} bytes are too long; at most {max} are accepted", text.len());
        return Err(Fault::new("TOO_LONG", message));
    }
    if text.chars().any(refused) {
        return Err(Fault::new("CONTROL_CHARACTER", "control characters are not accepted"));
    }
    Ok(())
}

/// Counts a value of a newer client that this version does not know.
pub(super) fn count_unknown(field: &'static str) {
    metrics::counter!("muster_grpc_unknown_values_total", "field" => field).increment(1);
}

/// The caller's tenant and clock in tests.
#[cfg(test)]
pub(super) fn caller(tenant: &TenantId) -> Caller<'_> {
    Caller {
        tenant,
        // 2026-03-01T12:00:00Z
        now: Timestamp::from_unix_ms(1_772_366_400_000),
        area: None,
    }
}
