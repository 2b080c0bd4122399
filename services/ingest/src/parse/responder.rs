//! People and their devices.

use dispatch_core::{
    ids::{DeviceId, InvalidId, ResponderId, TenantId, TrunkId},
    responder::{Purpose, QuietHours, Skill, Skills, TravelMode},
    time::Timestamp,
};
use muster_engine::{
    registry::{DeviceKind, Encoding},
    requests::{Enrolment, Registration, ResponderPatch, TrunkEnrolment},
};
use muster_proto::{
    google,
    v1::{self as wire, issue_credential_request},
};

use super::{
    Fault, Faults, InvalidRequest,
    fields::{count_unknown, moment, purpose, text},
};

/// Most bytes of a control room's own reference.
const EXTERNAL_REF_MAX: usize = 64;
/// Most bytes of a name.
const NAME_MAX: usize = 200;
/// Most skills of a person; more than any scheme has.
const SKILLS_MAX: usize = 16;
/// Most people in one import: one commit stays well under a second.
pub(crate) const IMPORT_MAX: usize = 1000;

/// A person to register. `prefix` leads the names of the fields, for example `profile.`.
pub(crate) fn registration(
    profile: &wire::ResponderProfile,
    tenant: &TenantId,
    prefix: &str,
) -> Result<Registration, InvalidRequest> {
    let mut faults = Faults::default();
    let field = |name: &str| format!("{prefix}{name}");
    let external_ref = faults.take(&field("external_ref"), external_ref(&profile.external_ref));
    let name = faults.take(&field("name"), text(&profile.name, NAME_MAX));
    let skills = skills(&profile.skills, &field("skills"), &mut faults);
    let valid_until = valid_until(profile.credential_valid_until.as_ref());
    let valid_until = faults.take(&field("credential_valid_until"), valid_until);
    let quiet = match &profile.quiet_hours {
        None => Some(None),
        Some(hours) => quiet_hours(hours, &field("quiet_hours"), &mut faults),
    };
    let (Some(()), Some(()), Some(skills), Some(credential_valid_until), Some(quiet_hours)) =
        (external_ref, name, skills, valid_until, quiet)
    else {
        return Err(faults.refuse());
    };
    Ok(Registration {
        tenant: tenant.clone(),
        external_ref: profile.external_ref.clone(),
        name: profile.name.clone(),
        skills,
        credential_valid_until,
        travel_mode: travel_mode(profile.travel_mode),
        on_duty: profile.on_duty,
        quiet_hours,
    })
}

/// Which person to change, and how.
pub(crate) fn update(request: &wire::UpdateResponderRequest) -> Result<(ResponderId, ResponderPatch), InvalidRequest> {
    let mut faults = Faults::default();
    let id = request
        .responder_id
        .parse()
        .map_err(|invalid: InvalidId| invalid.into());
    let id = faults.take("responder_id", id);
    let name = request.name.as_deref().map_or(Ok(()), |name| text(name, NAME_MAX));
    let name = faults.take("name", name);
    let skills = match &request.skills {
        None => Some(None),
        Some(set) => skills(&set.skills, "skills.skills", &mut faults).map(Some),
    };
    let valid_until = request.credential_valid_until.as_ref().map(moment).transpose();
    let valid_until = faults.take("credential_valid_until", valid_until);
    let quiet = match &request.quiet_hours {
        None => Some(None),
        Some(hours) => quiet_hours(hours, "quiet_hours", &mut faults).map(Some),
    };
    let (Some(id), Some(()), Some(skills), Some(credential_valid_until), Some(quiet_hours)) =
        (id, name, skills, valid_until, quiet)
    else {
        return Err(faults.refuse());
    };
    let patch = ResponderPatch {
        name: request.name.clone(),
        skills,
        credential_valid_until,
        travel_mode: request.travel_mode.map(travel_mode),
        on_duty: request.on_duty,
        quiet_hours,
        suspended: None,
    };
    Ok((id, patch))
}

/// Whether an import has as many rows as it may.
pub(crate) fn import_size(rows: usize) -> Result<(), InvalidRequest> {
    import_rows(rows)
}

/// The same for any import.
pub(super) fn import_rows(rows: usize) -> Result<(), InvalidRequest> {
    if (1..=IMPORT_MAX).contains(&rows) {
        return Ok(());
    }
    let fault = Fault::new(
        "OUT_OF_RANGE",
        format!("{rows} rows; 1 to {IMPORT_MAX} are accepted in one request"),
    );
    Err(InvalidRequest::one("profiles", fault))
}

/// A device to enrol.
pub(crate) fn enrolment(
    request: &wire::IssueCredentialRequest,
    tenant: &TenantId,
) -> Result<Enrolment, InvalidRequest> {
    let mut faults = Faults::default();
    let responder = request
        .responder_id
        .parse()
        .map_err(|invalid: InvalidId| invalid.into());
    let responder = faults.take("responder_id", responder);
    let kind = faults.take("kind", device_kind(request.kind));
    let encoding = faults.take("encoding", encoding(request.encoding));
    let purpose = faults.take("purpose", device_purpose(request.purpose.as_ref()));
    let (Some(responder), Some(kind), Some(encoding), Some(purpose)) = (responder, kind, encoding, purpose) else {
        return Err(faults.refuse());
    };
    Ok(Enrolment {
        tenant: tenant.clone(),
        responder,
        kind,
        encoding,
        purpose,
    })
}

/// A trunk to enrol.
pub(crate) fn trunk_enrolment(
    request: &wire::IssueTrunkCredentialRequest,
    tenant: &TenantId,
) -> Result<TrunkEnrolment, InvalidRequest> {
    external_ref(&request.external_ref_prefix).map_err(|fault| InvalidRequest::one("external_ref_prefix", fault))?;
    Ok(TrunkEnrolment {
        tenant: tenant.clone(),
        external_ref_prefix: request.external_ref_prefix.clone(),
    })
}

/// Whose access is to end.
pub(crate) enum Revoked {
    Device(DeviceId),
    Trunk(TrunkId),
}

/// The device or trunk whose access is to end.
pub(crate) fn revoked(request: &wire::RevokeCredentialRequest) -> Result<Revoked, InvalidRequest> {
    let id = &request.device_id;
    if let Ok(trunk) = id.parse() {
        return Ok(Revoked::Trunk(trunk));
    }
    id.parse().map(Revoked::Device).map_err(|_: InvalidId| {
        let message = "accepted is \"dev-\" or \"trk-\" and 32 hexadecimal digits";
        InvalidRequest::one("device_id", Fault::new("MALFORMED", message))
    })
}

pub(super) fn external_ref(reference: &str) -> Result<(), Fault> {
    if reference.is_empty() {
        return Err(Fault::required("1 to 64 bytes"));
    }
    text(reference, EXTERNAL_REF_MAX)
}

fn valid_until(at: Option<&google::Timestamp>) -> Result<Timestamp, Fault> {
    moment(at.ok_or_else(|| Fault::required("until when the person may be asked"))?)
}

fn skills(names: &[String], field: &str, faults: &mut Faults) -> Option<Skills> {
    if names.len() > SKILLS_MAX {
        let message = format!("{} skills; at most {SKILLS_MAX} are accepted", names.len());
        faults.add(field, Fault::new("TOO_MANY", message));
        return None;
    }
    let mut skills = Vec::with_capacity(names.len());
    let mut all = true;
    for (index, name) in names.iter().enumerate() {
        match Skill::new(name) {
            Some(skill) => skills.push(skill),
            None => {
                let message = "a skill is 1 to 32 characters of a-z 0-9 _";
                faults.add(format!("{field}[{index}]"), Fault::new("MALFORMED", message));
                all = false;
            }
        }
    }
    all.then(|| skills.into_iter().collect())
}

/// Two times of the day; both empty = none.
fn quiet_hours(hours: &wire::QuietHours, field: &str, faults: &mut Faults) -> Option<Option<QuietHours>> {
    if hours.from.is_empty() && hours.to.is_empty() {
        return Some(None);
    }
    let mut time = |name: &str, text: &str| {
        let read = minute(text).ok_or_else(|| Fault::new("MALFORMED", "accepted is a time HH:MM, 00:00 to 23:59"));
        faults.take(&format!("{field}.{name}"), read)
    };
    let (from, to) = (time("from", &hours.from), time("to", &hours.to));
    let different = QuietHours::new(from?, to?).ok_or_else(|| {
        let message = "the same as from; accepted is another time, or both empty for no quiet hours";
        Fault::new("OUT_OF_RANGE", message)
    });
    faults.take(&format!("{field}.to"), different).map(Some)
}

/// The minute of the day that `HH:MM` names.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// A mode this version does not know is as good as none: the median of all is assumed.
fn travel_mode(number: i32) -> TravelMode {
    match wire::TravelMode::try_from(number) {
        Ok(wire::TravelMode::Unspecified) => TravelMode::Unknown,
        Ok(wire::TravelMode::Foot) => TravelMode::Foot,
        Ok(wire::TravelMode::Bicycle) => TravelMode::Bicycle,
        Ok(wire::TravelMode::Car) => TravelMode::Car,
        Err(_) => {
            count_unknown("travel_mode");
            TravelMode::Unknown
        }
    }
}

/// A kind this version does not know is refused: taken for a phone, it would be asked and could not answer.
fn device_kind(number: i32) -> Result<DeviceKind, Fault> {
    match wire::DeviceKind::try_from(number) {
        Ok(wire::DeviceKind::Unspecified | wire::DeviceKind::Muster) => Ok(DeviceKind::Muster),
        Ok(wire::DeviceKind::Owntracks) => Ok(DeviceKind::OwnTracks),
        Err(_) => {
            count_unknown("kind");
            Err(Fault::new(
                "UNKNOWN_VALUE",
                "this version knows Muster and OwnTracks devices",
            ))
        }
    }
}

/// An encoding this version does not know is refused: the device could not read its alerts.
fn encoding(number: i32) -> Result<Encoding, Fault> {
    match wire::PayloadEncoding::try_from(number) {
        Ok(wire::PayloadEncoding::Unspecified | wire::PayloadEncoding::Json) => Ok(Encoding::Json),
        Ok(wire::PayloadEncoding::Binary) => Ok(Encoding::Binary),
        Err(_) => {
            count_unknown("encoding");
            Err(Fault::new(
                "UNKNOWN_VALUE",
                "this version knows JSON and binary payloads",
            ))
        }
    }
}

fn device_purpose(branch: Option<&issue_credential_request::Purpose>) -> Result<Purpose, Fault> {
    match branch {
        None => purpose(false, None),
        Some(issue_credential_request::Purpose::Live(_)) => purpose(true, None),
        Some(issue_credential_request::Purpose::Exercise(exercise)) => purpose(false, Some(exercise)),
    }
}

#[cfg(test)]
#[path = "responder_tests.rs"]
mod tests;
