//! Defibrillators as the core sees them: where they are, who may get at them, when, and whether they work. What people
//! would read about one (its name, its address, the code of its cabinet) lives in the register and never comes here.
//!
//! Whether one has been taken by somebody on the way is not kept here: that follows from alerts.

mod opening;
mod registry;
mod spans;
mod sun;

use std::{fmt, sync::Arc};

use crate::{
    ids::{AedId, TenantId, is_name},
    position::{Metres, Position},
    time::Timestamp,
};

pub use opening::{EXPRESSION_MAX, InvalidLocality, Locality, OpeningHours, Openness};
pub use registry::{AedSearch, Aeds, NearAed, latitudes_within};

/// A registered defibrillator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aed {
    /// Which.
    pub aed: AedId,
    /// Whose register it stands in.
    pub tenant: TenantId,
    /// Where.
    pub position: Position,
    /// Radius within which it really is; 0 = exact.
    pub accuracy: Metres,
    /// Who may get at it.
    pub access: Access,
    /// When one can get at it; `None` = not known.
    pub opening: Option<OpeningHours>,
    /// Whether it is inside a building; `None` = not known.
    pub indoor: Option<bool>,
    /// On which floor; `None` = not known.
    pub level: Option<Level>,
    /// Whether it can be used.
    pub state: AedState,
    /// When somebody last saw that all this is so; `None` = not known.
    pub confirmed_at: Option<Timestamp>,
}

impl Aed {
    /// Whether one can get at it at a moment, by its opening hours alone; whether it works is another question.
    pub fn openness(&self, at: Timestamp) -> Openness {
        let opening = self.opening.as_ref();
        opening.map_or(Openness::Unknown, |opening| opening.openness(at, self.position))
    }
}

/// Who may get at a defibrillator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Access {
    /// Not known.
    #[default]
    Unknown,
    /// Anybody.
    Public,
    /// Customers, visitors, members; others by the owner's leave.
    Permissive,
    /// Nobody but those who belong there.
    Private,
}

/// Whether a defibrillator can be used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum AedState {
    /// As far as known.
    #[default]
    Available,
    /// Its keeper said that it cannot.
    OutOfService,
}

/// The floor of a building, as in OpenStreetMap's `level`: `-1`, `0;1`, `2.5`. 1 to 16 characters of
/// `A-Z a-z 0-9 - . , ;`, so that it is a floor and not a description.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(Arc<str>);

impl Level {
    /// Checks a floor; `None` when it is not 1 to 16 characters of `A-Z a-z 0-9 - . , ;`.
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b',' | b';');
        is_name(text, 16, allowed).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_floor_and_not_a_description() {
        for good in ["-1", "0", "0;1", "2.5", "G", "1,2"] {
            assert_eq!(
                Level::new(good).map(|level| level.as_str().to_owned()),
                Some(good.to_owned())
            );
        }
        for wrong in ["", "ground floor", "ask Jane", "12345678901234567", "1\n"] {
            assert_eq!(Level::new(wrong), None, "{wrong}");
        }
    }
}
