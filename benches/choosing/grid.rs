//! Streets to try with where no map is at hand: a grid as large and as dense as central London.

use dispatch_core::roads::{Passage, RoadGraph, RoadParts, StretchPart};

use crate::town::position;

/// Junctions from west to east and from south to north: 20,000, some 65 m apart.
const COLUMNS: u32 = 160;
const ROWS: u32 = 125;
const STEP_DEG: (f64, f64) = (0.0006, 0.0009);

/// The grid.
pub fn of_streets() -> RoadGraph {
    let at = |row: u32, column: u32| row * COLUMNS + column;
    let mut parts = RoadParts {
        digest: [7; 32],
        junctions: Vec::new(),
        stretches: Vec::new(),
        bends: Vec::new(),
    };
    let street = |from, to| StretchPart {
        from,
        to,
        passage: Passage::ALL,
        bends: 0,
    };
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let latitude = 51.48 + f64::from(row) * STEP_DEG.0;
            parts
                .junctions
                .push(position(latitude, -0.19 + f64::from(column) * STEP_DEG.1));
            if column + 1 < COLUMNS {
                parts.stretches.push(street(at(row, column), at(row, column + 1)));
            }
            if row + 1 < ROWS {
                parts.stretches.push(street(at(row, column), at(row + 1, column)));
            }
        }
    }
    RoadGraph::new(parts).expect("a grid is sound")
}
