//! Call-outs and their shifts.

use dispatch_core::{
    call_out::{CallOut, Shift, ShiftNumber},
    position::Position,
    responder::Skill,
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::{
    InvalidRecord,
    fields::{from_position, position, wrong},
};

pub fn call_out(call_out: &CallOut) -> stored::CallOut {
    stored::CallOut {
        outline: call_out.outline().iter().copied().map(position).collect(),
        skill: call_out
            .skill()
            .map_or_else(String::new, |skill| skill.as_str().to_owned()),
        wake: call_out.wakes(),
        shifts: call_out.shifts().iter().map(shift).collect(),
    }
}

pub fn from_call_out(stored: stored::CallOut) -> Result<CallOut, InvalidRecord> {
    let corners = stored.outline.into_iter();
    let outline: Vec<Position> = corners
        .map(|corner| from_position("CallOut.outline", corner))
        .collect::<Result<_, _>>()?;
    let shifts = stored.shifts.iter().map(from_shift).collect::<Result<_, _>>()?;
    let skill = (!stored.skill.is_empty()).then(|| skill(&stored.skill)).transpose()?;
    CallOut::new(outline, skill, stored.wake, shifts)
        .map_err(|invalid| wrong("IncidentReported.call_out", invalid, "a valid call-out"))
}

fn shift(shift: &Shift) -> stored::Shift {
    stored::Shift {
        number: shift.number.get(),
        starts_at_ms: shift.starts_at.unix_ms(),
        ends_at_ms: shift.ends_at.unix_ms(),
        wanted: shift.wanted,
    }
}

fn from_shift(stored: &stored::Shift) -> Result<Shift, InvalidRecord> {
    Ok(Shift {
        number: number("Shift.number", stored.number)?,
        starts_at: Timestamp::from_unix_ms(stored.starts_at_ms),
        ends_at: Timestamp::from_unix_ms(stored.ends_at_ms),
        wanted: stored.wanted,
    })
}

fn skill(name: &str) -> Result<Skill, InvalidRecord> {
    let wanted = "1 to 32 characters of a-z 0-9 _";
    Skill::new(name).ok_or_else(|| wrong("CallOut.skill", format_args!("'{name}'"), wanted))
}

/// The number of a shift that somebody took; 0 = none.
pub fn shift_number(taken: Option<ShiftNumber>) -> u32 {
    taken.map_or(0, ShiftNumber::get)
}

pub fn from_shift_number(field: &'static str, stored: u32) -> Result<Option<ShiftNumber>, InvalidRecord> {
    (stored != 0).then(|| number(field, stored)).transpose()
}

fn number(field: &'static str, stored: u32) -> Result<ShiftNumber, InvalidRecord> {
    ShiftNumber::new(stored).ok_or_else(|| wrong(field, stored, "1 to 32"))
}
