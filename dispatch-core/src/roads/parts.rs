//! What a street graph is built from, and how parts that are none are refused.

use super::passage::Passage;
use crate::position::{Metres, Position};

/// Junctions, stretches, and points of a graph at most; points are numbered in 29 bits. Great Britain has 60 million points.
pub(super) const POINTS_MAX: usize = 1 << 29;
/// The longest piece between two neighbouring points of a street. Longer ones are not streets but damage or ferries; the
/// grid has an entry for each 56 m.
pub const PIECE_MAX: Metres = Metres::new(50_000);
/// The widest piece in ten-millionths of a degree of longitude, 5 degrees: there are no streets near a pole.
pub(super) const PIECE_WIDTH_MAX: i64 = 50_000_000;
/// The longest stretch in millimetres, 536 km: lengths are kept in 29 bits.
pub(super) const STRETCH_MM_MAX: u64 = (1 << 29) - 1;
/// Parts that all pieces are cut into for the grid: as many as points, so that the entries of parts (nine at most) are
/// counted in 33 bits on paper and in 30 in any country.
pub(super) const CELLS_MAX: u64 = 1 << 29;

/// A stretch of street between two junctions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StretchPart {
    /// The junction it begins at.
    pub from: u32,
    /// The junction it ends at; may be the same.
    pub to: u32,
    /// Who may use it.
    pub passage: Passage,
    /// How many of the bends are its own, in order.
    pub bends: u32,
}

/// What a graph is built from. Lengths are not part of it: they follow from the positions, so that they cannot disagree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoadParts {
    /// A digest of all the rest, by which a decision record names the graph.
    pub digest: [u8; 32],
    /// Where the junctions are.
    pub junctions: Vec<Position>,
    /// The stretches.
    pub stretches: Vec<StretchPart>,
    /// The bends of the stretches, one stretch after the other.
    pub bends: Vec<Position>,
}

/// Parts that are no street graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoads {
    /// More points than a graph holds.
    #[error("{points} points are too many; {POINTS_MAX} are accepted")]
    TooManyPoints {
        /// Junctions or points of stretches.
        points: usize,
    },
    /// An end of a stretch is not there.
    #[error("stretch {stretch} ends at junction {junction}; there are {junctions}")]
    NoSuchJunction {
        /// Which stretch, counted from 0.
        stretch: usize,
        /// The end.
        junction: u32,
        /// How many junctions there are.
        junctions: usize,
    },
    /// The stretches have more or fewer bends than there are.
    #[error("the stretches have {claimed} bends; there are {bends}")]
    Bends {
        /// What the stretches add up to.
        claimed: u64,
        /// What there is.
        bends: usize,
    },
    /// Two neighbouring points are too far apart.
    #[error("stretch {stretch} jumps {length}; at most {PIECE_MAX} and 5 degrees of longitude are accepted")]
    PieceTooLong {
        /// Which stretch, counted from 0.
        stretch: usize,
        /// The length of the jump.
        length: Metres,
    },
    /// All streets together are too long to be looked up.
    #[error("the streets run through more than {CELLS_MAX} cells of 56 m")]
    TooManyCells,
    /// A stretch is too long.
    #[error("stretch {stretch} is {length} long; at most 536 km are accepted")]
    StretchTooLong {
        /// Which stretch, counted from 0.
        stretch: usize,
        /// Its length.
        length: Metres,
    },
}

/// Whether the numbers in the parts fit together.
pub(super) fn check_counts(parts: &RoadParts) -> Result<(), InvalidRoads> {
    let junctions = parts.junctions.len();
    let points = parts.bends.len().saturating_add(2 * parts.stretches.len());
    let most = points.max(junctions);
    if most > POINTS_MAX {
        return Err(InvalidRoads::TooManyPoints { points: most });
    }
    let claimed = parts.stretches.iter().map(|part| u64::from(part.bends)).sum();
    if claimed != parts.bends.len() as u64 {
        let bends = parts.bends.len();
        return Err(InvalidRoads::Bends { claimed, bends });
    }
    for (stretch, part) in parts.stretches.iter().enumerate() {
        let junction = part.from.max(part.to);
        if junction as usize >= junctions {
            return Err(InvalidRoads::NoSuchJunction {
                stretch,
                junction,
                junctions,
            });
        }
    }
    Ok(())
}
