//! Call-outs: areas, skills, shifts.

use std::time::Duration;

use dispatch_core::{
    call_out::{CORNERS_MAX, CallOut, InvalidCallOut, REACH_MAX_M, SHIFTS_MAX, Shift, ShiftNumber},
    input::Place,
    position::{Metres, Position},
    responder::Skill,
    time::Timestamp,
};
use muster_proto::{google, v1 as wire};

use super::{Fault, Faults, fields::moment};

/// A shift that ends later than this after the report is a date typed wrong.
const ENDS_WITHIN: Duration = Duration::from_secs(31 * 86_400);

/// A call-out whose people gather at `muster_point`; `None` when something about it is wrong.
pub(super) fn call_out(
    request: &wire::CallOut,
    muster_point: Place,
    sent_at: Timestamp,
    faults: &mut Faults,
) -> Option<CallOut> {
    let outline = outline(&request.area, muster_point, faults);
    let skill = (!request.skill.is_empty()).then(|| skill(&request.skill)).transpose();
    let skill = faults.take("call_out.skill", skill);
    let shifts = shifts(&request.shifts, sent_at, faults);
    let (outline, skill, shifts) = (outline?, skill?, shifts?);
    let call_out = CallOut::new(outline, skill, request.wake, shifts);
    call_out
        .map_err(|invalid| {
            let field = match invalid {
                InvalidCallOut::Corners(_) | InvalidCallOut::Area(_) => "call_out.area",
                InvalidCallOut::Shifts(_)
                | InvalidCallOut::NumberTwice(_)
                | InvalidCallOut::Backwards(_)
                | InvalidCallOut::Wanted(_) => "call_out.shifts",
            };
            faults.add(field, Fault::new("OUT_OF_RANGE", invalid.to_string()));
        })
        .ok()
}

/// As the wire would write it.
pub(super) fn canonical_call_out(muster_point: Option<wire::Location>, call_out: &CallOut) -> wire::CallOut {
    let corner = |corner: &Position| wire::Corner {
        latitude_deg: corner.latitude(),
        longitude_deg: corner.longitude(),
    };
    wire::CallOut {
        muster_point,
        area: call_out.outline().iter().map(corner).collect(),
        skill: call_out
            .skill()
            .map_or_else(String::new, |skill| skill.as_str().to_owned()),
        shifts: call_out.shifts().iter().map(crate::answer::shift).collect(),
        wake: call_out.wakes(),
    }
}

fn outline(corners: &[wire::Corner], muster_point: Place, faults: &mut Faults) -> Option<Vec<Position>> {
    if corners.len() > CORNERS_MAX {
        let message = InvalidCallOut::Corners(corners.len()).to_string();
        faults.add("call_out.area", Fault::new("OUT_OF_RANGE", message));
        return None;
    }
    let corners = corners.iter().enumerate();
    let corners: Vec<Option<Position>> = corners
        .map(|(index, corner)| faults.take(&format!("call_out.area[{index}]"), position(corner, muster_point)))
        .collect();
    corners.into_iter().collect()
}

fn position(corner: &wire::Corner, muster_point: Place) -> Result<Position, Fault> {
    let position = Position::from_degrees(corner.latitude_deg, corner.longitude_deg)
        .map_err(|invalid| Fault::new("OUT_OF_RANGE", invalid.to_string()))?;
    let distance = muster_point.position.distance_to(position);
    if distance > Metres::new(REACH_MAX_M) {
        let km = distance.mm() / 1_000_000;
        let most = REACH_MAX_M / 1_000;
        let message = format!("{km} km from the muster point; accepted are at most {most}");
        return Err(Fault::new("OUT_OF_RANGE", message));
    }
    Ok(position)
}

fn skill(name: &str) -> Result<Skill, Fault> {
    Skill::new(name).ok_or_else(|| Fault::new("MALFORMED", "a skill is 1 to 32 characters of a-z 0-9 _"))
}

fn shifts(shifts: &[wire::Shift], sent_at: Timestamp, faults: &mut Faults) -> Option<Vec<Shift>> {
    if shifts.len() > SHIFTS_MAX {
        let message = InvalidCallOut::Shifts(shifts.len()).to_string();
        faults.add("call_out.shifts", Fault::new("OUT_OF_RANGE", message));
        return None;
    }
    let shifts = shifts.iter().enumerate();
    let shifts: Vec<Option<Shift>> = shifts
        .map(|(index, request)| shift(request, &format!("call_out.shifts[{index}]"), sent_at, faults))
        .collect();
    shifts.into_iter().collect()
}

fn shift(request: &wire::Shift, field: &str, sent_at: Timestamp, faults: &mut Faults) -> Option<Shift> {
    let number = ShiftNumber::new(request.number);
    let number = number.ok_or_else(|| Fault::new("OUT_OF_RANGE", format!("{}; accepted are 1 to 32", request.number)));
    let number = faults.take(&format!("{field}.number"), number);
    let starts_at = faults.take(&format!("{field}.starts_at"), required(request.starts_at.as_ref()));
    let ends_at = required(request.ends_at.as_ref()).and_then(|at| {
        let late = at > sent_at + ENDS_WITHIN;
        let fault = || Fault::new("OUT_OF_RANGE", "more than 31 days after sent_at");
        if late { Err(fault()) } else { Ok(at) }
    });
    let ends_at = faults.take(&format!("{field}.ends_at"), ends_at);
    Some(Shift {
        number: number?,
        starts_at: starts_at?,
        ends_at: ends_at?,
        wanted: request.wanted,
    })
}

fn required(at: Option<&google::Timestamp>) -> Result<Timestamp, Fault> {
    moment(at.ok_or_else(|| Fault::required("a moment, UTC"))?)
}

#[cfg(test)]
#[path = "call_out_tests.rs"]
mod tests;
