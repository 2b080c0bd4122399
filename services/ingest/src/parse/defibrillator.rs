//! Defibrillators.

use dispatch_core::{
    aeds::{Access, AedState, EXPRESSION_MAX, InvalidLocality, Level, Locality, OpeningHours},
    ids::{AedId, InvalidId, TenantId},
    input::Place,
    position::{Metres, Position},
};
use muster_engine::{
    registry::Address,
    requests::{AedPatch, AedRegistration},
};
use muster_proto::v1 as wire;

use super::{
    Fault, Faults, InvalidRequest, Page,
    address::address,
    fields::{count_unknown, moment, text},
    page,
    responder::{external_ref, import_rows},
};
use crate::{location, service_area::ServiceArea};

pub(crate) use super::fields::defibrillator_id;

/// Most bytes of a name.
const NAME_MAX: usize = 200;
/// Most bytes of a code: it is typed in on a keypad, in a hurry.
const CABINET_CODE_MAX: usize = 50;
/// Largest circle that is searched, in metres: a county, as wide as a place may be vague.
const RADIUS_MAX_M: f64 = location::ACCURACY_MAX_M;

/// A defibrillator to register.
pub(crate) fn defibrillator_registration(
    profile: &wire::DefibrillatorProfile,
    tenant: &TenantId,
    area: Option<&ServiceArea>,
) -> Result<AedRegistration, InvalidRequest> {
    let mut faults = Faults::default();
    let external_ref = faults.take("external_ref", external_ref(&profile.external_ref));
    let place = match &profile.location {
        Some(location) => place(location, area, &mut faults),
        None => {
            faults.add("location", Fault::required("where the defibrillator is"));
            None
        }
    };
    let hours = match &profile.opening_hours {
        Some(hours) => opening_hours(hours, &mut faults),
        None => Some(None),
    };
    let level = faults.take("level", level(&profile.level));
    let confirmed_at = faults.take("confirmed_at", profile.confirmed_at.as_ref().map(moment).transpose());
    let name = faults.take("name", text(&profile.name, NAME_MAX));
    let code = faults.take("cabinet_code", text(&profile.cabinet_code, CABINET_CODE_MAX));
    let (Some(()), Some((place, address)), Some(hours)) = (external_ref, place, hours) else {
        return Err(faults.refuse());
    };
    let (Some(level), Some(confirmed_at), Some(()), Some(())) = (level, confirmed_at, name, code) else {
        return Err(faults.refuse());
    };
    Ok(AedRegistration {
        tenant: tenant.clone(),
        external_ref: profile.external_ref.clone(),
        name: profile.name.clone(),
        place,
        address,
        cabinet_code: profile.cabinet_code.clone(),
        access: access(profile.access),
        hours,
        indoor: profile.indoor,
        level,
        state: state(profile.out_of_service),
        confirmed_at,
    })
}

/// Which defibrillator to change, and how.
pub(crate) fn defibrillator_update(
    request: &wire::UpdateDefibrillatorRequest,
    area: Option<&ServiceArea>,
) -> Result<(AedId, AedPatch), InvalidRequest> {
    let mut faults = Faults::default();
    let id = request.defibrillator_id.parse();
    let id = faults.take("defibrillator_id", id.map_err(|invalid: InvalidId| invalid.into()));
    let place = match &request.location {
        Some(location) => place(location, area, &mut faults).map(Some),
        None => Some(None),
    };
    let hours = match &request.opening_hours {
        Some(hours) => opening_hours(hours, &mut faults).map(Some),
        None => Some(None),
    };
    let level = faults.take("level", request.level.as_deref().map(level).transpose());
    let confirmed_at = faults.take("confirmed_at", request.confirmed_at.as_ref().map(moment).transpose());
    let name = faults.take("name", text(request.name(), NAME_MAX));
    let code = faults.take("cabinet_code", text(request.cabinet_code(), CABINET_CODE_MAX));
    let (Some(id), Some(place), Some(hours)) = (id, place, hours) else {
        return Err(faults.refuse());
    };
    let (Some(level), Some(confirmed_at), Some(()), Some(())) = (level, confirmed_at, name, code) else {
        return Err(faults.refuse());
    };
    let patch = AedPatch {
        name: request.name.clone(),
        place,
        cabinet_code: request.cabinet_code.clone(),
        access: request.access.map(access),
        hours,
        indoor: request.indoor,
        level,
        state: request.out_of_service.map(state),
        confirmed_at,
    };
    Ok((id, patch))
}

/// Whether an import has as many rows as it may.
pub(crate) fn defibrillator_import_size(rows: usize) -> Result<(), InvalidRequest> {
    import_rows(rows)
}

/// Which defibrillators are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Listed {
    /// All, page by page.
    All(Page),
    /// The nearest.
    Near {
        /// Round which point.
        place: Position,
        /// How far.
        radius: Metres,
        /// How many at most.
        limit: usize,
    },
}

/// The part of the list that a request asks for.
pub(crate) fn defibrillator_list(request: &wire::ListDefibrillatorsRequest) -> Result<Listed, InvalidRequest> {
    let page = page(request.page_size, &request.page_token)?;
    let Some(near) = &request.near else {
        return Ok(Listed::All(page));
    };
    let mut faults = Faults::default();
    if page.from.is_some() {
        let message = "the nearest to a point are told in one page; leave page_token or near out";
        faults.add("page_token", Fault::new("NOT_WITH_NEAR", message));
    }
    let place = faults.take("near.point", point(near.point.as_ref()));
    let radius = faults.take("near.radius_m", radius(near.radius_m));
    match (page.from, place, radius) {
        (None, Some(place), Some(radius)) => Ok(Listed::Near {
            place,
            radius,
            limit: page.size,
        }),
        _ => Err(faults.refuse()),
    }
}

fn point(point: Option<&wire::Wgs84>) -> Result<Position, Fault> {
    let point = point.ok_or_else(|| Fault::required("the middle of the circle"))?;
    Position::from_degrees(point.latitude_deg, point.longitude_deg)
        .map_err(|invalid| Fault::new("OUT_OF_RANGE", invalid.to_string()))
}

fn radius(radius_m: f64) -> Result<Metres, Fault> {
    if radius_m > 0.0 && radius_m <= RADIUS_MAX_M {
        return Ok(Metres::from_f64(radius_m));
    }
    let message = format!("accepted is more than 0 and at most {RADIUS_MAX_M} m");
    Err(Fault::new("OUT_OF_RANGE", message))
}

fn place(location: &wire::Location, area: Option<&ServiceArea>, faults: &mut Faults) -> Option<(Place, Address)> {
    let place = faults.take_location(location::place(location, area));
    let address = match &location.address {
        Some(parts) => address(parts, faults),
        None => Some(Address::default()),
    };
    Some((place?, address?))
}

/// A kind of access this version does not know is as good as none.
fn access(number: i32) -> Access {
    match wire::DefibrillatorAccess::try_from(number) {
        Ok(wire::DefibrillatorAccess::Unspecified) => Access::Unknown,
        Ok(wire::DefibrillatorAccess::Public) => Access::Public,
        Ok(wire::DefibrillatorAccess::Permissive) => Access::Permissive,
        Ok(wire::DefibrillatorAccess::Private) => Access::Private,
        Err(_) => {
            count_unknown("access");
            Access::Unknown
        }
    }
}

fn state(out_of_service: bool) -> AedState {
    if out_of_service {
        AedState::OutOfService
    } else {
        AedState::Available
    }
}

fn level(text: &str) -> Result<Option<Level>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let message = "a floor such as -1 or 0;1: at most 16 characters of A-Z a-z 0-9 - . , ;";
    Level::new(text)
        .map(Some)
        .ok_or_else(|| Fault::new("MALFORMED", message))
}

/// Opening hours, or that there are none; `None` with a fault noted for each field that is wrong.
fn opening_hours(hours: &wire::OpeningHours, faults: &mut Faults) -> Option<Option<OpeningHours>> {
    if hours.expression.is_empty() {
        return Some(None);
    }
    let expression = faults.take("opening_hours.expression", text(&hours.expression, EXPRESSION_MAX));
    let locality = locality(hours, faults);
    let (Some(()), Some(locality)) = (expression, locality) else {
        return None;
    };
    Some(OpeningHours::new(&hours.expression, locality))
}

fn locality(hours: &wire::OpeningHours, faults: &mut Faults) -> Option<Locality> {
    let mut missing = false;
    for (field, value, what) in [
        (
            "opening_hours.country",
            &hours.country,
            "whose holidays count, such as GB",
        ),
        (
            "opening_hours.time_zone",
            &hours.time_zone,
            "whose clock counts, such as Europe/London",
        ),
    ] {
        if value.is_empty() {
            faults.add(field, Fault::required(what));
            missing = true;
        }
    }
    if missing {
        return None;
    }
    let locality = Locality::new(&hours.country, &hours.time_zone);
    locality
        .map_err(|invalid| {
            let field = match invalid {
                InvalidLocality::Country(_) => "opening_hours.country",
                InvalidLocality::TimeZone(_) => "opening_hours.time_zone",
            };
            faults.add(field, Fault::new("UNKNOWN_VALUE", invalid.to_string()));
        })
        .ok()
}

#[cfg(test)]
#[path = "defibrillator_tests.rs"]
mod tests;
