//! Who may use a stretch of street, and in which direction.

use crate::responder::TravelMode;

/// A direction on a stretch of street.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// From its first end to its last.
    Along,
    /// From its last end to its first.
    Against,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Along, Self::Against];

    /// The other one.
    pub const fn reversed(self) -> Self {
        match self {
            Self::Along => Self::Against,
            Self::Against => Self::Along,
        }
    }
}

/// Which ways of travelling may pass, in each direction. Somebody of whom it is not known how they travel passes where
/// somebody on foot does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Passage(u8);

impl Passage {
    /// Closed to everybody.
    pub const NONE: Self = Self(0);
    /// Open to everybody both ways.
    pub const ALL: Self = Self(0b11_1111);

    /// From the six bits that [`Passage::bits`] gives; `None` when others are set.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// Foot 1, bicycle 2, car 4 along; eight times that against.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The same and open to this one too.
    #[must_use]
    pub const fn with(self, mode: TravelMode, direction: Direction) -> Self {
        Self(self.0 | Self::bit(mode, direction))
    }

    /// The same and closed to this one.
    #[must_use]
    pub const fn without(self, mode: TravelMode, direction: Direction) -> Self {
        Self(self.0 & !Self::bit(mode, direction))
    }

    /// Whether this one may pass.
    pub const fn allows(self, mode: TravelMode, direction: Direction) -> bool {
        self.0 & Self::bit(mode, direction) != 0
    }

    /// Whether it may pass in either direction.
    pub const fn serves(self, mode: TravelMode) -> bool {
        self.allows(mode, Direction::Along) || self.allows(mode, Direction::Against)
    }

    /// What it is for somebody who looks at the stretch from its other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self((self.0 >> 3) | ((self.0 & 0b111) << 3))
    }

    const fn bit(mode: TravelMode, direction: Direction) -> u8 {
        let along = mode_bit(mode);
        match direction {
            Direction::Along => along,
            Direction::Against => along << 3,
        }
    }
}

/// The bit of a way of travelling, one of three.
pub(super) const fn mode_bit(mode: TravelMode) -> u8 {
    match mode {
        TravelMode::Unknown | TravelMode::Foot => 1,
        TravelMode::Bicycle => 2,
        TravelMode::Car => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_from_the_other_end_swaps_the_directions() {
        let one_way = Passage::NONE
            .with(TravelMode::Car, Direction::Along)
            .with(TravelMode::Foot, Direction::Against);
        assert!(one_way.reversed().allows(TravelMode::Car, Direction::Against));
        assert!(!one_way.reversed().allows(TravelMode::Car, Direction::Along));
        assert!(one_way.reversed().allows(TravelMode::Unknown, Direction::Along));
        assert_eq!(one_way.reversed().reversed(), one_way);
        assert_eq!(Passage::from_bits(one_way.bits()), Some(one_way));
        assert_eq!(Passage::from_bits(64), None);
    }
}
