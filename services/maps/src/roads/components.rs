//! Leaving out fragments: streets from which one cannot get to the rest of the town and back.
//!
//! Maps have islands that are none: a car park drawn without its entrance, a one-way street that leads into nothing, a roof
//! terrace. Somebody whose position snaps to one would count as out of reach, although the next street is a few metres
//! away. So for each way of travelling only groups of streets stay in which one can get from everywhere to everywhere, and
//! which are large enough to be a place of their own.

use dispatch_core::{
    position::Metres,
    responder::TravelMode,
    roads::{Direction, Passage},
};

use super::{
    pieces::Pieces,
    report::{MODES, RoadReport},
};

/// A group of streets that is kept although it is not the largest: with 5 km of streets it is an island with people on it,
/// a village behind a gap in the map; a fragment by mistake seldom has 2 km.
pub const COMPONENT_MIN: Metres = Metres::new(5_000);

const NONE: u32 = u32::MAX;

/// Closes to each way of travelling the pieces that lie in fragments, and forgets those that nobody uses any more.
pub(super) fn leave_out_fragments(pieces: &mut Pieces, report: &mut RoadReport) {
    let neighbours = Neighbours::of(pieces);
    for (mode, report) in MODES.into_iter().zip(&mut report.modes) {
        let groups = groups(pieces, &neighbours, mode);
        let lengths = lengths(pieces, &groups, mode);
        let largest = lengths.iter().copied().max().unwrap_or(0);
        let enough = largest.min(COMPONENT_MIN.mm());
        let kept: Vec<bool> = lengths.iter().map(|length| *length >= enough).collect();
        let mut left_mm = 0;
        for number in 0..pieces.pieces.len() {
            let piece = pieces.pieces[number];
            let [from, to] = [piece.from, piece.to].map(|node| groups[node as usize]);
            if piece.passage.serves(mode) && (from != to || !kept[from as usize]) {
                left_mm += pieces.length_mm(&piece);
                let passage = &mut pieces.pieces[number].passage;
                *passage = passage
                    .without(mode, Direction::Along)
                    .without(mode, Direction::Against);
            }
        }
        report.length_left = Metres::from_mm(left_mm);
        report.fragments_left = lengths
            .iter()
            .zip(&kept)
            .filter(|(mm, kept)| **mm > 0 && !**kept)
            .count() as u64;
    }
    pieces.pieces.retain(|piece| piece.passage != Passage::NONE);
}

fn lengths(pieces: &Pieces, groups: &[u32], mode: TravelMode) -> Vec<u64> {
    let count = groups.iter().max().map_or(0, |last| *last as usize + 1);
    let mut lengths = vec![0; count];
    for piece in pieces.pieces.iter().filter(|piece| piece.passage.serves(mode)) {
        let group = groups[piece.from as usize];
        if group == groups[piece.to as usize] {
            lengths[group as usize] += pieces.length_mm(piece);
        }
    }
    lengths
}

/// The pieces at each node.
struct Neighbours {
    first: Vec<u32>,
    pieces: Vec<u32>,
}

impl Neighbours {
    fn of(pieces: &Pieces) -> Self {
        let mut first = vec![0_u32; pieces.positions.len() + 1];
        for piece in &pieces.pieces {
            first[piece.from as usize + 1] += 1;
            first[piece.to as usize + 1] += 1;
        }
        for node in 1..first.len() {
            first[node] += first[node - 1];
        }
        let mut next = first.clone();
        let mut at = vec![0; 2 * pieces.pieces.len()];
        for (number, piece) in pieces.pieces.iter().enumerate() {
            for node in [piece.from, piece.to] {
                let place = &mut next[node as usize];
                at[*place as usize] = index(number);
                *place += 1;
            }
        }
        Self { first, pieces: at }
    }

    /// The node that the `nth` piece at a node leads to, if it may be gone; `None` after the last.
    fn step(&self, pieces: &Pieces, node: u32, nth: u32, mode: TravelMode) -> Option<Option<u32>> {
        let place = self.first[node as usize] + nth;
        if place >= self.first[node as usize + 1] {
            return None;
        }
        let piece = pieces.pieces[self.pieces[place as usize] as usize];
        let (direction, other) = if piece.from == node {
            (Direction::Along, piece.to)
        } else {
            (Direction::Against, piece.from)
        };
        Some(piece.passage.allows(mode, direction).then_some(other))
    }
}

/// The group of each node: those that can be reached from each other (Tarjan's algorithm, with its own stack, since a street
/// network is deeper than a thread's).
fn groups(pieces: &Pieces, neighbours: &Neighbours, mode: TravelMode) -> Vec<u32> {
    let nodes = pieces.positions.len();
    let mut walk = Walk {
        group: vec![NONE; nodes],
        order: vec![NONE; nodes],
        lowest: vec![0; nodes],
        open: Vec::new(),
        path: Vec::new(),
        seen: 0,
        groups: 0,
    };
    for start in 0..index(nodes) {
        if walk.order[start as usize] == NONE {
            walk.enter(start);
            walk.finish(pieces, neighbours, mode);
        }
    }
    walk.group
}

struct Walk {
    group: Vec<u32>,
    /// When a node was first seen.
    order: Vec<u32>,
    /// The earliest open node it leads back to.
    lowest: Vec<u32>,
    /// Seen and in no group yet.
    open: Vec<u32>,
    /// The nodes from the start to here, each with the piece that comes next.
    path: Vec<(u32, u32)>,
    seen: u32,
    groups: u32,
}

impl Walk {
    fn enter(&mut self, node: u32) {
        self.order[node as usize] = self.seen;
        self.lowest[node as usize] = self.seen;
        self.seen += 1;
        self.open.push(node);
        self.path.push((node, 0));
    }

    fn finish(&mut self, pieces: &Pieces, neighbours: &Neighbours, mode: TravelMode) {
        while let Some((node, nth)) = self.path.last_mut() {
            let node = *node;
            let step = neighbours.step(pieces, node, *nth, mode);
            *nth += 1;
            match step {
                None => self.leave(node),
                Some(None) => {}
                Some(Some(other)) if self.order[other as usize] == NONE => self.enter(other),
                Some(Some(other)) if self.group[other as usize] == NONE => {
                    let order = self.order[other as usize];
                    self.lower(node, order);
                }
                Some(Some(_)) => {}
            }
        }
    }

    fn leave(&mut self, node: u32) {
        self.path.pop();
        let lowest = self.lowest[node as usize];
        if let Some((before, _)) = self.path.last() {
            self.lower(*before, lowest);
        }
        if lowest != self.order[node as usize] {
            return;
        }
        while let Some(member) = self.open.pop() {
            self.group[member as usize] = self.groups;
            if member == node {
                break;
            }
        }
        self.groups += 1;
    }

    fn lower(&mut self, node: u32, order: u32) {
        let lowest = &mut self.lowest[node as usize];
        *lowest = (*lowest).min(order);
    }
}

#[allow(clippy::cast_possible_truncation)] // nodes and pieces are counted in 32 bits
fn index(number: usize) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use dispatch_core::position::Position;
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::roads::pieces::Piece;

    proptest! {
        #[test]
        fn a_group_is_who_can_get_there_and_back(steps in vec((0..12u32, 0..12u32, 0..64u8), 0..30)) {
            let place = Position::from_degrees(51.5, -0.12).expect("on the globe");
            let pieces = steps.iter().filter(|(from, to, _)| from != to).map(|(from, to, bits)| Piece {
                from: *from,
                to: *to,
                passage: Passage::from_bits(*bits).expect("six bits"),
            });
            let pieces = Pieces { positions: vec![place; 12], pieces: pieces.collect() };
            for mode in MODES {
                let mut reaches = [[false; 12]; 12];
                (0..12).for_each(|node| reaches[node][node] = true);
                for _ in 0..12 {
                    for piece in &pieces.pieces {
                        let (from, to) = (piece.from as usize, piece.to as usize);
                        for row in &mut reaches {
                            row[to] |= row[from] && piece.passage.allows(mode, Direction::Along);
                            row[from] |= row[to] && piece.passage.allows(mode, Direction::Against);
                        }
                    }
                }
                let groups = groups(&pieces, &Neighbours::of(&pieces), mode);
                for a in 0..12 {
                    for b in 0..12 {
                        prop_assert_eq!(groups[a] == groups[b], reaches[a][b] && reaches[b][a], "{} {}", a, b);
                    }
                }
            }
        }
    }
}
