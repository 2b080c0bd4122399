//! The street graph: junctions, the stretches of street between them with their bends, and for each junction the ways that
//! lead to it.
//!
//! ```text
//! junction ──bend──bend── junction        one stretch: two ends, any number of bends, one passage
//! ```
//!
//! Inside, junctions are numbered along a curve that fills the map, so that neighbours lie near each other in memory too: a
//! search goes from neighbour to neighbour and by far its most time is spent waiting for them. Outside they have the numbers
//! they came with.
//!
//! Searches run over junctions only; bends are there so that a position anywhere on a stretch has its exact distance to
//! both ends.

use super::{
    grid::{self, Grid},
    parts::{
        CELLS_MAX, InvalidRoads, PIECE_MAX, PIECE_WIDTH_MAX, RoadParts, STRETCH_MM_MAX, StretchPart, check_counts,
    },
    passage::{Passage, mode_bit},
};
use crate::{
    position::{LONGITUDE_HALF, Metres, Position},
    responder::TravelMode,
};

/// A stretch has two points at least, so that one look leads to within eight stretches of any point's, at a quarter of a byte
/// for each point.
const POINTS_APART: usize = 16;

/// A stretch with its length; its ends by their numbers inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) mm: u32,
    pub(super) passage: Passage,
}

/// A way that leads to a junction from a neighbouring one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    pub(super) from: u32,
    /// Who may come, in the lowest three bits; the length above them.
    mm_and_modes: u32,
}

impl Way {
    fn new(from: u32, mm: u32, modes: u8) -> Self {
        Self {
            from,
            mm_and_modes: mm << 3 | u32::from(modes),
        }
    }

    pub(super) fn mm(self) -> u32 {
        self.mm_and_modes >> 3
    }

    /// Whether somebody with this bit may come.
    pub(super) fn is_open_to(self, mode_bit: u8) -> bool {
        self.mm_and_modes & u32::from(mode_bit) != 0
    }
}

/// A checked street graph, ready to be searched. About 45 bytes for each junction and stretch and 17 for each bend.
#[derive(Debug)]
pub struct RoadGraph {
    digest: [u8; 32],
    junctions: Vec<Position>,
    /// Of each junction, by its number inside, the one it came with.
    names: Vec<u32>,
    stretches: Vec<Stretch>,
    /// Of each stretch, where its points begin: its ends and the bends between them.
    first_points: Vec<u32>,
    points: Vec<Position>,
    /// The stretch that each [`POINTS_APART`]th point belongs to: where to begin to look for that of any point.
    some_stretches: Vec<u32>,
    /// Of each junction, where the ways that lead to it begin.
    first_ways: Vec<u32>,
    ways: Vec<Way>,
    pub(super) grid: Grid,
}

impl RoadGraph {
    /// Checks the parts, and works out lengths, ways and the grid by which positions find their street.
    pub fn new(parts: RoadParts) -> Result<Self, InvalidRoads> {
        check_counts(&parts)?;
        let names = along_a_curve(&parts.junctions);
        let mut numbers = vec![0; names.len()];
        for (number, name) in (0..).zip(&names) {
            numbers[*name as usize] = number;
        }
        let mut graph = Self {
            digest: parts.digest,
            names,
            junctions: parts.junctions,
            stretches: Vec::with_capacity(parts.stretches.len()),
            first_points: Vec::with_capacity(parts.stretches.len() + 1),
            points: Vec::with_capacity(parts.bends.len() + 2 * parts.stretches.len()),
            some_stretches: Vec::new(),
            first_ways: Vec::new(),
            ways: Vec::new(),
            grid: Grid::default(),
        };
        graph.first_points.push(0);
        let mut bends = parts.bends.as_slice();
        let mut cells = 0;
        for part in &parts.stretches {
            let (own, rest) = bends.split_at(part.bends as usize);
            cells += graph.add(*part, own, &numbers)?;
            bends = rest;
        }
        if cells > CELLS_MAX {
            return Err(InvalidRoads::TooManyCells);
        }
        graph.mark_stretches();
        graph.link_ways();
        graph.grid = Grid::of(&graph);
        Ok(graph)
    }

    /// Adds a stretch, its ends by their `numbers` inside, and says how many cells of the grid its pieces are cut into.
    #[allow(clippy::cast_possible_truncation)] // `check_counts` keeps points below 2^29
    fn add(&mut self, part: StretchPart, bends: &[Position], numbers: &[u32]) -> Result<u64, InvalidRoads> {
        let stretch = self.stretches.len();
        let first = self.points.len();
        self.points.push(self.junctions[part.from as usize]);
        self.points.extend_from_slice(bends);
        self.points.push(self.junctions[part.to as usize]);
        self.first_points.push(self.points.len() as u32);
        let (mut mm, mut cells) = (0, 0);
        for piece in self.points[first..].windows(2) {
            let length = piece[0].distance_to(piece[1]);
            if length > PIECE_MAX || east_of(piece[0], piece[1]).abs() > PIECE_WIDTH_MAX {
                return Err(InvalidRoads::PieceTooLong { stretch, length });
            }
            mm += length.mm();
            cells += grid::parts_of(piece[0], piece[1]).unsigned_abs();
        }
        if mm > STRETCH_MM_MAX {
            let length = Metres::from_mm(mm);
            return Err(InvalidRoads::StretchTooLong { stretch, length });
        }
        self.stretches.push(Stretch {
            from: numbers[part.from as usize],
            to: numbers[part.to as usize],
            mm: mm as u32,
            passage: part.passage,
        });
        Ok(cells)
    }

    /// Notes the stretch of a point now and then.
    #[allow(clippy::cast_possible_truncation)] // `check_counts` keeps points below 2^29
    fn mark_stretches(&mut self) {
        let mut stretch = 0;
        for point in (0..self.points.len() as u32).step_by(POINTS_APART) {
            while self.first_points[stretch + 1] <= point {
                stretch += 1;
            }
            self.some_stretches.push(stretch as u32);
        }
    }

    /// Sorts the ways by the junction they lead to: count, add up, put in place. Within a junction they stand in the order
    /// of the stretches.
    fn link_ways(&mut self) {
        self.first_ways = vec![0; self.junctions.len() + 1];
        for (to, _) in self.stretches.iter().flat_map(ways_of) {
            self.first_ways[to as usize + 1] += 1;
        }
        for junction in 0..self.junctions.len() {
            self.first_ways[junction + 1] += self.first_ways[junction];
        }
        let mut next = self.first_ways.clone();
        self.ways = vec![Way::default(); next.last().map_or(0, |ways| *ways as usize)];
        for (to, way) in self.stretches.iter().flat_map(ways_of) {
            let place = &mut next[to as usize];
            self.ways[*place as usize] = way;
            *place += 1;
        }
    }

    /// The digest it came with.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Where the junctions are.
    pub fn junctions(&self) -> &[Position] {
        &self.junctions
    }

    /// How many stretches there are.
    pub fn stretch_count(&self) -> usize {
        self.stretches.len()
    }

    /// The stretches as they were given, each with its length and its bends.
    pub fn stretches(&self) -> impl Iterator<Item = (StretchPart, Metres, &[Position])> {
        self.stretches.iter().enumerate().map(|(number, stretch)| {
            let points = self.points_of(number);
            let bends = &points[1..points.len() - 1];
            let part = StretchPart {
                from: self.names[stretch.from as usize],
                to: self.names[stretch.to as usize],
                passage: stretch.passage,
                // Counted in 32 bits when it was built.
                #[allow(clippy::cast_possible_truncation)]
                bends: bends.len() as u32,
            };
            (part, Metres::from_mm(u64::from(stretch.mm)), bends)
        })
    }

    /// The sum of the stretches that somebody may use in at least one direction.
    pub fn length_for(&self, mode: TravelMode) -> Metres {
        let open = self.stretches.iter().filter(|stretch| stretch.passage.serves(mode));
        Metres::from_mm(open.map(|stretch| u64::from(stretch.mm)).sum())
    }

    /// The first bytes of the digest: what marks a [`Snap`](super::Snap) as one of this graph.
    pub(super) fn tag(&self) -> u32 {
        let [a, b, c, d, ..] = self.digest;
        u32::from_le_bytes([a, b, c, d])
    }

    pub(super) fn stretch(&self, number: u32) -> Option<&Stretch> {
        self.stretches.get(number as usize)
    }

    pub(super) fn points_of(&self, stretch: usize) -> &[Position] {
        &self.points[self.first_points[stretch] as usize..self.first_points[stretch + 1] as usize]
    }

    pub(super) fn points(&self) -> &[Position] {
        &self.points
    }

    /// The stretch that a point belongs to, and the first of its points.
    pub(super) fn stretch_of_point(&self, point: u32) -> (usize, usize) {
        let mut stretch = self.some_stretches[point as usize / POINTS_APART] as usize;
        while self.first_points[stretch + 1] <= point {
            stretch += 1;
        }
        (stretch, self.first_points[stretch] as usize)
    }

    /// The ways that lead to a junction.
    pub(super) fn ways_to(&self, junction: u32) -> &[Way] {
        let junction = junction as usize;
        &self.ways[self.first_ways[junction] as usize..self.first_ways[junction + 1] as usize]
    }
}

/// The junction that each of a stretch's ways leads to, and the way; not those that nobody may use.
fn ways_of(stretch: &Stretch) -> impl Iterator<Item = (u32, Way)> + use<> {
    let modes = mode_bit(TravelMode::Foot) | mode_bit(TravelMode::Bicycle) | mode_bit(TravelMode::Car);
    let along = stretch.passage.bits() & modes;
    let against = stretch.passage.reversed().bits() & modes;
    let (from, to, mm) = (stretch.from, stretch.to, stretch.mm);
    // A loop's way leads to where it begins: no use to a search.
    let usable = move |modes: u8| modes != 0 && from != to;
    let along = usable(along).then(|| (to, Way::new(from, mm, along)));
    let against = usable(against).then(|| (from, Way::new(to, mm, against)));
    along.into_iter().chain(against)
}

/// The numbers of the positions along a Z-order curve (Morton 1966): the bits of latitude and longitude by turns.
#[allow(clippy::cast_possible_truncation)] // `check_counts` keeps junctions below 2^29
fn along_a_curve(positions: &[Position]) -> Vec<u32> {
    let place = |(number, position): (usize, &Position)| {
        let (latitude, longitude) = position.to_e7();
        let bits = |units: i32| spread(units.abs_diff(i32::MIN));
        (bits(latitude) << 1 | bits(longitude), number as u32)
    };
    let mut order: Vec<(u64, u32)> = positions.iter().enumerate().map(place).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, number)| number).collect()
}

/// Moves the bits of a number apart, so that there is room for another bit after each.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    for (shift, kept) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & kept;
    }
    bits
}

/// How far `b` lies east of `a` in ten-millionths of a degree, the shorter way round the globe.
pub(super) fn east_of(a: Position, b: Position) -> i64 {
    const HALF: i64 = LONGITUDE_HALF as i64;
    let east = i64::from(b.to_e7().1) - i64::from(a.to_e7().1);
    if east >= HALF {
        east - 2 * HALF
    } else if east < -HALF {
        east + 2 * HALF
    } else {
        east
    }
}
