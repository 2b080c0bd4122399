//! Streets cut into pieces between neighbouring nodes, with the barriers between them.

use dispatch_core::{
    position::Position,
    roads::{PIECE_MAX, Passage},
};

use super::{
    collect::Collected,
    report::{MODES, RoadReport},
    rules::LeftOut,
};

/// From one node to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) passage: Passage,
}

/// Nodes and the pieces between them.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) positions: Vec<Position>,
    pub(super) pieces: Vec<Piece>,
}

impl Pieces {
    pub(super) fn length_mm(&self, piece: &Piece) -> u64 {
        let [from, to] = [piece.from, piece.to].map(|node| self.positions[node as usize]);
        from.distance_to(to).mm()
    }
}

/// Cuts the streets. Where a barrier stops somebody, the pieces that meet there end each at a place of its own, and from
/// there to the barrier's middle, no way at all, pass only those whom it lets through:
///
/// ```text
/// ──── a ····· barrier ····· b ────
/// ```
///
/// So a street that ends at a bollard is still a street up to the bollard.
pub(super) fn cut(collected: Collected, report: &mut RoadReport) -> Pieces {
    let mut pieces = Vec::new();
    let mut first = 0;
    for (passage, end) in &collected.ways {
        let before = pieces.len();
        for ends in collected.references[first..*end].windows(2) {
            cut_piece(&collected, [ends[0], ends[1]], *passage, &mut pieces, report);
        }
        first = *end;
        if pieces.len() == before {
            report.leave(LeftOut::WithoutNodes);
        } else {
            report.ways_taken += 1;
        }
    }
    let nowhere = Position::from_e7(0, 0).expect("0, 0 is on the globe");
    let positions = collected.nodes.iter().map(|node| node.map_or(nowhere, |node| node.0));
    let mut pieces = Pieces {
        positions: positions.collect(),
        pieces,
    };
    put_up_barriers(&collected, &mut pieces, report);
    pieces
}

fn cut_piece(
    collected: &Collected,
    [from, to]: [u32; 2],
    passage: Passage,
    pieces: &mut Vec<Piece>,
    report: &mut RoadReport,
) {
    let [Some((a, _)), Some((b, _))] = [from, to].map(|node| collected.nodes[node as usize]) else {
        return;
    };
    if a.distance_to(b) > PIECE_MAX {
        report.jumps_left += 1;
        return;
    }
    if from != to {
        pieces.push(Piece { from, to, passage });
    }
}

fn put_up_barriers(collected: &Collected, pieces: &mut Pieces, report: &mut RoadReport) {
    let Pieces { positions, pieces } = pieces;
    let mut stands = vec![false; collected.nodes.len()];
    for number in 0..pieces.len() {
        let piece = pieces[number];
        for (node, is_first) in [(piece.from, true), (piece.to, false)] {
            let Some((position, lets_through)) = collected.nodes[node as usize] else {
                continue;
            };
            if !stops_any(piece.passage, lets_through) {
                continue;
            }
            stands[node as usize] = true;
            #[allow(clippy::cast_possible_truncation)] // at most three for each of 200 million nodes
            let own = positions.len() as u32;
            positions.push(position);
            if is_first {
                pieces[number].from = own;
            } else {
                pieces[number].to = own;
            }
            pieces.push(Piece {
                from: own,
                to: node,
                passage: lets_through,
            });
        }
    }
    report.barriers = stands.iter().filter(|stands| **stands).count() as u64;
}

fn stops_any(passage: Passage, lets_through: Passage) -> bool {
    MODES
        .iter()
        .any(|mode| passage.serves(*mode) && !lets_through.serves(*mode))
}
