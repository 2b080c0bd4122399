//! A call-out: many people wanted for a while, rather than the soonest few at once. Responders gather at a muster point and
//! take shifts, as in a flood, a search, or the relief of those who came first.
//!
//! ```text
//! everybody in the area with the skill ──asked, nearest to the muster point first──> accept ──> the earliest shift of
//! those named that wants people still ──> muster point
//! ```
//! What must stay true: nobody takes a shift beyond its number wanted; nobody on a shift is sent home by a machine for being
//! one too many; who is asked for a call-out can still be asked to a patient.

use crate::{
    position::{Metres, Position},
    regions::{Area, InvalidArea, Polygon},
    responder::Skill,
    time::Timestamp,
};

/// Shifts of one call-out at most: numbers go from 1 to this, one bit each in a [`ShiftChoice`].
pub const SHIFTS_MAX: usize = 32;
/// People wanted in all shifts together at most: four asked for each is what one incident may ask (`call_out.alerts_max`).
pub const WANTED_MAX: u32 = 1_250;
/// Corners of an area at most: a line drawn by hand, or a borough simplified.
pub const CORNERS_MAX: usize = 1_000;
/// Farthest corner of an area from the muster point at most, in metres; nobody comes from farther.
pub const REACH_MAX_M: u32 = 200_000;

/// The number of a shift within its call-out, 1 to [`SHIFTS_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShiftNumber(u8);

impl ShiftNumber {
    /// Checks a number; `None` when it is not 1 to [`SHIFTS_MAX`].
    pub fn new(number: u32) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        (1..=SHIFTS_MAX).contains(&usize::from(number)).then_some(Self(number))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.into()
    }
}

/// Some of the shifts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ShiftChoice(u32);

impl ShiftChoice {
    /// Every shift there is.
    pub const ANY: Self = Self(u32::MAX);

    /// Whether a shift is among them.
    pub fn contains(self, number: ShiftNumber) -> bool {
        self.0 & Self::bit(number) != 0
    }

    fn bit(number: ShiftNumber) -> u32 {
        1 << (number.0 - 1)
    }
}

impl FromIterator<ShiftNumber> for ShiftChoice {
    fn from_iter<I: IntoIterator<Item = ShiftNumber>>(numbers: I) -> Self {
        Self(numbers.into_iter().map(Self::bit).fold(0, |all, bit| all | bit))
    }
}

/// A span of time and how many people are wanted for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shift {
    /// Its number.
    pub number: ShiftNumber,
    /// When people are to be at the muster point, on Muster's clock.
    pub starts_at: Timestamp,
    /// When they may go, on Muster's clock.
    pub ends_at: Timestamp,
    /// How many people, at least 1.
    pub wanted: u32,
}

/// What a control room wants many people for. Where they gather is the incident's place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallOut {
    outline: Vec<Position>,
    area: Option<Area>,
    skill: Option<Skill>,
    wake: bool,
    shifts: Vec<Shift>,
}

/// A call-out that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidCallOut {
    /// No shift at all, or too many.
    #[error("{0} shifts; accepted are 1 to {SHIFTS_MAX}")]
    Shifts(usize),
    /// Two shifts of one number.
    #[error("two shifts have the number {0}; accepted is a number of its own for each")]
    NumberTwice(u32),
    /// A shift that ends before it begins.
    #[error("shift {0} does not end after it starts")]
    Backwards(u32),
    /// Nobody is wanted, or too many are.
    #[error("{0} people wanted in all shifts together; accepted are 1 to {WANTED_MAX}, and at least 1 for each shift")]
    Wanted(u64),
    /// The area is too detailed.
    #[error("the area has {0} corners; accepted are at most {CORNERS_MAX}: simplify the outline")]
    Corners(usize),
    /// The area encloses nothing.
    #[error(transparent)]
    Area(#[from] InvalidArea),
}

impl CallOut {
    /// Checks a call-out. `outline` holds the corners of the area in which people are asked, none = within the policy's
    /// radius of the place; `skill` is what each must have, `None` = what the policy asks for; `wake` = also those in
    /// their quiet hours.
    pub fn new(
        outline: Vec<Position>,
        skill: Option<Skill>,
        wake: bool,
        mut shifts: Vec<Shift>,
    ) -> Result<Self, InvalidCallOut> {
        if !(1..=SHIFTS_MAX).contains(&shifts.len()) {
            return Err(InvalidCallOut::Shifts(shifts.len()));
        }
        if outline.len() > CORNERS_MAX {
            return Err(InvalidCallOut::Corners(outline.len()));
        }
        let area = match outline.as_slice() {
            [] => None,
            corners => Some(Area::new(vec![Polygon::new(corners, &[])?])?),
        };
        shifts.sort_by_key(|shift| shift.number);
        if let Some(twice) = shifts.windows(2).find(|pair| pair[0].number == pair[1].number) {
            return Err(InvalidCallOut::NumberTwice(twice[0].number.get()));
        }
        if let Some(wrong) = shifts.iter().find(|shift| shift.ends_at <= shift.starts_at) {
            return Err(InvalidCallOut::Backwards(wrong.number.get()));
        }
        let wanted: u64 = shifts.iter().map(|shift| u64::from(shift.wanted)).sum();
        if shifts.iter().any(|shift| shift.wanted == 0) || wanted > WANTED_MAX.into() {
            return Err(InvalidCallOut::Wanted(wanted));
        }
        shifts.sort_by_key(|shift| (shift.starts_at, shift.number));
        Ok(Self {
            outline,
            area,
            skill,
            wake,
            shifts,
        })
    }

    /// The corners of the area in which people are asked; none = within the policy's radius of the muster point.
    pub fn outline(&self) -> &[Position] {
        &self.outline
    }

    /// What each must have; `None` = what the policy asks for.
    pub fn skill(&self) -> Option<&Skill> {
        self.skill.as_ref()
    }

    /// Whether those in their quiet hours are asked as well.
    pub fn wakes(&self) -> bool {
        self.wake
    }

    /// The shifts, the earliest first.
    pub fn shifts(&self) -> &[Shift] {
        &self.shifts
    }

    /// One of the shifts.
    pub fn shift(&self, number: ShiftNumber) -> Option<&Shift> {
        self.shifts.iter().find(|shift| shift.number == number)
    }

    /// How many people are wanted in all.
    pub fn wanted(&self) -> u32 {
        self.shifts.iter().map(|shift| shift.wanted).sum()
    }

    /// When the last shift ends.
    pub fn ends_at(&self) -> Timestamp {
        let ends = self.shifts.iter().map(|shift| shift.ends_at);
        ends.max().expect("a call-out has a shift")
    }

    /// Whether somebody there is asked; `within` is the policy's radius.
    pub fn reaches(&self, muster_point: Position, within: Metres, there: Position) -> bool {
        match &self.area {
            Some(area) => area.contains(there),
            None => muster_point.distance_to(there) <= within,
        }
    }

    /// Everybody who is asked is within this of the muster point.
    ///
    /// An edge of an area is straight in degrees and so bends on the globe by up to its length squared over eight radii
    /// of the earth, times the tangent of the latitude; an eighth more covers edges of [`REACH_MAX_M`] up to 80 degrees
    /// north and south. What is too much is looked at and is not in the area.
    pub fn radius(&self, muster_point: Position, within: Metres) -> Metres {
        let corners = self.outline.iter();
        let farthest = corners.map(|&corner| muster_point.distance_to(corner).mm()).max();
        farthest.map_or(within, |mm| Metres::from_mm(mm + mm / 8 + 100_000))
    }
}

#[cfg(test)]
#[path = "call_out_tests.rs"]
mod tests;
