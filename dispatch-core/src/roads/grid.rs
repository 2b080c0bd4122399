//! Which pieces of street lie in which cell of the globe, so that a position finds its street without looking at them all.

use std::ops::Range;

use super::graph::{RoadGraph, east_of};
use crate::{
    position::{LATITUDE_MAX, LONGITUDE_HALF, Position},
    responder::TravelMode,
};

/// Side of a cell in ten-millionths of a degree: 56 m of latitude, and in a town a handful of pieces. A position mostly lies
/// nearer to a street than that, so that a search looks at a dozen pieces or two. It divides the globe evenly.
pub(super) const CELL: i64 = 5_000;
/// Cells round the globe.
pub(super) const COLUMNS: i64 = 2 * LONGITUDE_HALF as i64 / CELL;
const POINT_BITS: u32 = 29;

/// A piece of street: the number of its first point, and who may use it in at least one direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Piece(u32);

impl Piece {
    pub(super) fn first_point(self) -> u32 {
        self.0 & ((1 << POINT_BITS) - 1)
    }

    /// Whether somebody with this bit may use it.
    pub(super) fn is_open_to(self, mode_bit: u8) -> bool {
        self.0 >> POINT_BITS & u32::from(mode_bit) != 0
    }
}

/// The cells with something in them, row by row from the south, each row from the west, and their pieces.
#[derive(Debug, Default)]
pub(super) struct Grid {
    /// The first row with a cell.
    south: i64,
    /// Of each row from there on where its cells begin, and where the last one's end: at most 360,001 rows.
    first_cells: Vec<u32>,
    columns: Vec<u32>,
    /// Of each cell where its pieces begin, and where the last one's end.
    first_pieces: Vec<u32>,
    pieces: Vec<Piece>,
}

impl Grid {
    pub(super) fn of(graph: &RoadGraph) -> Self {
        let mut entries: Vec<((i64, i64), Piece)> = Vec::with_capacity(graph.points().len());
        let mut first = 0;
        for (number, (part, _, _)) in graph.stretches().enumerate() {
            let points = graph.points_of(number);
            let mut modes = 0;
            for (bit, mode) in [TravelMode::Foot, TravelMode::Bicycle, TravelMode::Car]
                .iter()
                .enumerate()
            {
                modes |= u32::from(part.passage.serves(*mode)) << bit;
            }
            for (at, ends) in points.windows(2).enumerate() {
                #[allow(clippy::cast_possible_truncation)] // points are numbered in 29 bits
                let piece = Piece((first + at) as u32 | modes << POINT_BITS);
                if modes != 0 {
                    enter(ends[0], ends[1], |cell| entries.push((cell, piece)));
                }
            }
            first += points.len();
        }
        entries.sort_unstable();
        entries.dedup();
        Self::from_sorted(&entries)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few entries for each of 2^29 points
    fn from_sorted(entries: &[((i64, i64), Piece)]) -> Self {
        let mut grid = Self {
            south: entries.first().map_or(0, |((row, _), _)| *row),
            ..Self::default()
        };
        for of_cell in entries.chunk_by(|(one, _), (other, _)| one == other) {
            let (row, column) = of_cell[0].0;
            let rows = (row - grid.south) as usize + 1;
            grid.first_cells.resize(rows, grid.columns.len() as u32);
            grid.columns.push(column as u32);
            grid.first_pieces.push(grid.pieces.len() as u32);
            grid.pieces.extend(of_cell.iter().map(|(_, piece)| *piece));
        }
        grid.first_cells.push(grid.columns.len() as u32);
        grid.first_pieces.push(grid.pieces.len() as u32);
        grid
    }

    /// The pieces in a row's cells from one column to another, both included; `columns` lie on the globe.
    pub(super) fn pieces_in(&self, row: i64, columns: (i64, i64)) -> &[Piece] {
        let row = usize::try_from(row - self.south).ok();
        let Some(&[begin, end]) = row.and_then(|row| self.first_cells.get(row..row + 2)) else {
            return &[];
        };
        let (begin, end) = (begin as usize, end as usize);
        let in_row = &self.columns[begin..end];
        let first = begin + in_row.partition_point(|column| i64::from(*column) < columns.0);
        let mut last = first;
        while last < end && i64::from(self.columns[last]) <= columns.1 {
            last += 1;
        }
        &self.pieces[self.first_pieces[first] as usize..self.first_pieces[last] as usize]
    }
}

/// The row of a latitude in ten-millionths of a degree, which may lie a little beyond the globe.
pub(super) fn row(latitude: i64) -> i64 {
    (latitude + i64::from(LATITUDE_MAX)).div_euclid(CELL)
}

/// The column of a longitude, counted on past the antimeridian.
pub(super) fn column(longitude: i64) -> i64 {
    (longitude + i64::from(LONGITUDE_HALF)).div_euclid(CELL)
}

/// How far the cells of a row lie from a latitude at least, in ten-millionths of a degree.
pub(super) fn to_row(row: i64, latitude: i64) -> i64 {
    let south = row * CELL - i64::from(LATITUDE_MAX);
    (south - latitude).max(latitude - (south + CELL)).max(0)
}

/// Names the cells that a piece runs through, and perhaps a few beside them: cut into parts no longer than a cell, the
/// cells of each part's corners. One unit all round makes up for rounding where it is cut.
fn enter(a: Position, b: Position, mut enter: impl FnMut((i64, i64))) {
    let (latitude, longitude) = (i64::from(a.to_e7().0), i64::from(a.to_e7().1));
    let (north, east) = (i64::from(b.to_e7().0) - latitude, east_of(a, b));
    let parts = parts_of(a, b);
    for part in 0..parts {
        let ends = |length: i64| sorted(length * part / parts, length * (part + 1) / parts);
        let (norths, easts) = (ends(north), ends(east));
        for row in row(latitude + norths.start - 1)..=row(latitude + norths.end + 1) {
            for column in column(longitude + easts.start - 1)..=column(longitude + easts.end + 1) {
                enter((row, column.rem_euclid(COLUMNS)));
            }
        }
    }
}

/// How many parts a piece is cut into: each enters at most nine cells, mostly one.
pub(super) fn parts_of(a: Position, b: Position) -> i64 {
    let north = i64::from(b.to_e7().0) - i64::from(a.to_e7().0);
    north.abs().max(east_of(a, b).abs()) / CELL + 1
}

fn sorted(a: i64, b: i64) -> Range<i64> {
    a.min(b)..a.max(b)
}
