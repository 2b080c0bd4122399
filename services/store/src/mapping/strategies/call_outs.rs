//! Any call-out at all.

use dispatch_core::{
    call_out::{CallOut, SHIFTS_MAX, Shift, ShiftNumber},
    position::Position,
    responder::Skill,
    time::Timestamp,
};
use proptest::{collection::btree_map, option, prelude::*};

pub fn call_out() -> impl Strategy<Value = CallOut> {
    let skill = option::of("[a-z0-9_]{1,32}".prop_map(|name| Skill::new(&name).unwrap()));
    let span = (any::<i64>(), 1..=i64::from(u32::MAX), 1..=30_u32);
    let shifts = btree_map(1..=SHIFTS_MAX as u32, span, 1..=SHIFTS_MAX);
    (outline(), skill, any::<bool>(), shifts).prop_map(|(outline, skill, wake, shifts)| {
        let shifts = shifts.into_iter().map(|(number, (from, long, wanted))| {
            let from = from.min(i64::MAX - long);
            Shift {
                number: ShiftNumber::new(number).unwrap(),
                starts_at: Timestamp::from_unix_ms(from),
                ends_at: Timestamp::from_unix_ms(from + long),
                wanted,
            }
        });
        CallOut::new(outline, skill, wake, shifts.collect()).unwrap()
    })
}

/// No corner, or the four of a rectangle.
fn outline() -> impl Strategy<Value = Vec<Position>> {
    let corner = (-800_000_000..=700_000_000, -1_800_000_000..=1_600_000_000);
    let size = (1..=100_000_000, 1..=100_000_000);
    option::of((corner, size)).prop_map(|rectangle| {
        let Some(((south, west), (height, width))) = rectangle else {
            return Vec::new();
        };
        let corners = [(0, 0), (0, width), (height, width), (height, 0)];
        corners
            .map(|(up, along)| Position::from_e7(south + up, west + along).unwrap())
            .to_vec()
    })
}

/// The shift that somebody took, if they took one.
pub fn taken() -> impl Strategy<Value = Option<ShiftNumber>> {
    option::of((1..=SHIFTS_MAX as u32).prop_map(|number| ShiftNumber::new(number).unwrap()))
}
