//! Joining pieces into stretches: a search should pass junctions, not every bend.
//!
//! Nothing is lost by it. The bends stay, so that a position snaps to the very piece it is near, and its distance to either
//! end of the stretch is the sum of the pieces between.

use dispatch_core::{
    position::{Metres, Position},
    roads::{RoadParts, StretchPart},
};

use super::pieces::Pieces;

/// Pieces of one stretch at most, so that adding up to a position on it stays short.
const PIECES_MAX: usize = 500;
/// The longest stretch that is joined of pieces, for the same reason.
const LENGTH_MAX: Metres = Metres::new(50_000);

const NONE: u32 = u32::MAX;

/// Joins the pieces. Junctions lie in the order of a curve that fills the plane, so that what is near in town is near in
/// memory too.
pub(super) fn join(pieces: &Pieces) -> RoadParts {
    let ends = Ends::of(pieces);
    let mut chains = Chains {
        pieces,
        is_used: vec![false; pieces.pieces.len()],
        junctions: ends.junctions(pieces),
        ends,
        stretches: Vec::new(),
        bends: Vec::new(),
    };
    for number in 0..pieces.pieces.len() {
        let piece = &pieces.pieces[number];
        if chains.junctions[piece.from as usize] {
            chains.follow(number, piece.from);
        } else if chains.junctions[piece.to as usize] {
            chains.follow(number, piece.to);
        }
    }
    // What is left are rings without a junction: one begins anywhere.
    for number in 0..pieces.pieces.len() {
        let start = pieces.pieces[number].from;
        if !chains.is_used[number] {
            chains.junctions[start as usize] = true;
            chains.follow(number, start);
        }
    }
    chains.into_parts()
}

/// Up to two pieces at each node; and how many there are.
struct Ends {
    pieces: Vec<[u32; 2]>,
    counts: Vec<u8>,
}

impl Ends {
    fn of(pieces: &Pieces) -> Self {
        let mut ends = Self {
            pieces: vec![[NONE; 2]; pieces.positions.len()],
            counts: vec![0; pieces.positions.len()],
        };
        for (number, piece) in pieces.pieces.iter().enumerate() {
            for node in [piece.from as usize, piece.to as usize] {
                if let Some(place) = ends.pieces[node].get_mut(usize::from(ends.counts[node])) {
                    *place = index(number);
                }
                ends.counts[node] = ends.counts[node].saturating_add(1);
            }
        }
        ends
    }

    /// Everywhere but where two pieces meet that the same people may use in the same direction.
    fn junctions(&self, pieces: &Pieces) -> Vec<bool> {
        let is_junction = |node: usize| {
            if self.counts[node] != 2 {
                return self.counts[node] > 0;
            }
            let [a, b] = self.pieces[node].map(|number| pieces.pieces[number as usize]);
            let node = index(node);
            let arriving = if a.to == node { a.passage } else { a.passage.reversed() };
            let leaving = if b.from == node {
                b.passage
            } else {
                b.passage.reversed()
            };
            arriving != leaving
        };
        (0..self.counts.len()).map(is_junction).collect()
    }

    fn other(&self, node: u32, piece: usize) -> usize {
        let [a, b] = self.pieces[node as usize];
        if a as usize == piece { b as usize } else { a as usize }
    }
}

struct Chains<'a> {
    pieces: &'a Pieces,
    ends: Ends,
    is_used: Vec<bool>,
    junctions: Vec<bool>,
    /// Between nodes, with where its bends begin.
    stretches: Vec<(StretchPart, usize)>,
    bends: Vec<Position>,
}

impl Chains<'_> {
    /// Goes from a junction along a piece to the next junction, and makes stretches of it: one, unless it is long.
    fn follow(&mut self, first: usize, start: u32) {
        let (mut number, mut here) = (first, start);
        while !self.is_used[number] {
            let (from, first, bends) = (here, self.pieces.pieces[number], self.bends.len());
            (number, here) = self.follow_to_end(number, here);
            let part = StretchPart {
                from,
                to: here,
                passage: if first.from == from {
                    first.passage
                } else {
                    first.passage.reversed()
                },
                bends: index(self.bends.len() - bends),
            };
            self.stretches.push((part, bends));
            if self.junctions[here as usize] {
                return;
            }
            self.junctions[here as usize] = true;
            number = self.ends.other(here, number);
        }
    }

    /// Collects bends up to a junction, or as many as a stretch may have. The last piece, and where it ends.
    fn follow_to_end(&mut self, mut number: usize, mut here: u32) -> (usize, u32) {
        let (mut mm, mut count) = (0, 0);
        loop {
            let piece = self.pieces.pieces[number];
            self.is_used[number] = true;
            mm += self.pieces.length_mm(&piece);
            count += 1;
            here = if piece.from == here { piece.to } else { piece.from };
            if self.junctions[here as usize] || count == PIECES_MAX || mm > LENGTH_MAX.mm() {
                return (number, here);
            }
            self.bends.push(self.pieces.positions[here as usize]);
            number = self.ends.other(here, number);
        }
    }

    /// Numbers the junctions along the curve, and sorts the stretches by them.
    fn into_parts(self) -> RoadParts {
        let positions = &self.pieces.positions;
        let mut order: Vec<u32> = (0..index(positions.len()))
            .filter(|node| self.junctions[*node as usize])
            .collect();
        order.sort_by_cached_key(|node| (on_curve(positions[*node as usize]), *node));
        let mut numbers = vec![NONE; positions.len()];
        for (number, node) in order.iter().enumerate() {
            numbers[*node as usize] = index(number);
        }
        let mut stretches = self.stretches;
        for (part, _) in &mut stretches {
            part.from = numbers[part.from as usize];
            part.to = numbers[part.to as usize];
        }
        stretches.sort_unstable_by_key(|(part, bends)| (part.from, part.to, *bends));
        let mut parts = RoadParts {
            junctions: order.iter().map(|node| positions[*node as usize]).collect(),
            ..RoadParts::default()
        };
        for (part, bends) in stretches {
            parts.stretches.push(part);
            parts
                .bends
                .extend_from_slice(&self.bends[bends..bends + part.bends as usize]);
        }
        parts
    }
}

/// The place on a curve that fills the globe: the bits of latitude and longitude in turn.
fn on_curve(position: Position) -> u64 {
    let (latitude, longitude) = position.to_e7();
    // The sign bit turned round, so that negative ones come first.
    spread(latitude.cast_unsigned() ^ 1 << 31) << 1 | spread(longitude.cast_unsigned() ^ 1 << 31)
}

/// Puts a 0 before every bit.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

#[allow(clippy::cast_possible_truncation)] // nodes and pieces are counted in 32 bits
fn index(number: usize) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use dispatch_core::roads::{Passage, RoadGraph};
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::roads::pieces::Piece;

    fn place(north: i32) -> Position {
        Position::from_e7(515_000_000 + north * 1000, -1_200_000 - north % 7 * 10).expect("on the globe")
    }

    fn joined(steps: &[(u32, u32, Passage)]) -> (Pieces, RoadParts) {
        let pieces = Pieces {
            positions: (0..2_000).map(place).collect(),
            pieces: steps
                .iter()
                .map(|(from, to, passage)| Piece {
                    from: *from,
                    to: *to,
                    passage: *passage,
                })
                .collect(),
        };
        let parts = join(&pieces);
        (pieces, parts)
    }

    #[test]
    fn a_street_between_two_junctions_is_one_stretch() {
        let (_, parts) = joined(&[(0, 1, Passage::ALL), (2, 1, Passage::ALL), (2, 3, Passage::ALL)]);
        assert_eq!(
            (parts.junctions.len(), parts.stretches.len(), parts.bends.len()),
            (2, 1, 2)
        );
        let bits = Passage::from_bits(1).expect("six bits");
        let (_, parts) = joined(&[(0, 1, bits), (1, 2, bits.reversed()), (2, 3, bits.reversed())]);
        assert_eq!(
            (parts.junctions.len(), parts.stretches.len(), parts.bends.len()),
            (3, 2, 1)
        );
    }

    #[test]
    fn a_ring_and_a_very_long_street_are_joined_too() {
        let (_, parts) = joined(&[(0, 1, Passage::ALL), (1, 2, Passage::ALL), (2, 0, Passage::ALL)]);
        assert_eq!(
            (parts.junctions.len(), parts.stretches.len(), parts.bends.len()),
            (1, 1, 2)
        );
        let long: Vec<(u32, u32, Passage)> = (0..1_999).rev().map(|node| (node, node + 1, Passage::ALL)).collect();
        let (_, parts) = joined(&long);
        assert_eq!((parts.stretches.len(), parts.bends.len()), (4, 2_000 - 5));
    }

    proptest! {
        #[test]
        fn every_piece_is_in_one_stretch(steps in vec((0..14u32, 0..14u32, 1..4u8), 1..30)) {
            let steps: Vec<_> = steps.into_iter().filter(|(from, to, _)| from != to)
                .map(|(from, to, bits)| (from, to, Passage::from_bits(bits * 9).expect("six bits"))).collect();
            let (pieces, parts) = joined(&steps);
            let mm: u64 = pieces.pieces.iter().map(|piece| pieces.length_mm(piece)).sum();
            let count = pieces.pieces.len();
            prop_assert_eq!(parts.stretches.len() + parts.bends.len(), count);
            let graph = RoadGraph::new(parts).expect("sound parts");
            prop_assert_eq!(graph.stretches().map(|(_, length, _)| length.mm()).sum::<u64>(), mm);
        }
    }
}
