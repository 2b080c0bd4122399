//! The nearest point on a street, and how far it is from there to the ends of the stretch.

use super::{
    graph::{RoadGraph, Stretch, east_of},
    grid::{self, COLUMNS, Piece},
    passage::{Direction, mode_bit},
};
use crate::{
    position::{EARTH_RADIUS_M, Metres, Origin, Parallels, Position, RADIANS_PER_UNIT},
    responder::TravelMode,
};

/// How far from a street somebody may be to count as being on it. A phone in a street is told within 50 m, and one in the
/// middle of a block, a school or a hospital within 150 m; whoever is further out is in a park, on a moor or on water,
/// where the nearest street says little about how they get away.
pub const SNAP_MAX: Metres = Metres::new(150);

/// Metres in a ten-millionth of a degree of latitude.
const METRES_PER_UNIT: f64 = EARTH_RADIUS_M * RADIANS_PER_UNIT;
/// How far to look, in ten-millionths of a degree of latitude, until something is found: first into the own cell, in which
/// there is mostly something that leaves little to look for around it; then as far as streets are apart in a town; then as
/// far as counts, 150 m and a hair.
const LOOKS: [f64; 3] = [0.0, grid::CELL as f64, 13_500.0];
/// The narrowest that meridians are taken to be, so that a search near a pole looks into few cells: that of 89.4 degrees.
const COSINE_MIN: f64 = 0.01;

/// A point on a street of one graph, 16 bytes. Any other graph knows it not: ways from it are `None` there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snap {
    pub(super) stretch: u32,
    /// Millimetres from the beginning of the stretch.
    pub(super) along_mm: u32,
    off_mm: u32,
    graph: u32,
}

impl Snap {
    /// The straight distance between the street and the position it was taken for. No way along streets includes it.
    pub fn off_street(&self) -> Metres {
        Metres::from_mm(u64::from(self.off_mm))
    }

    /// Whether it was taken from this graph, by the first bytes of its digest.
    pub fn is_of(&self, graph: &RoadGraph) -> bool {
        self.graph == graph.tag()
    }

    /// The number of its stretch, as [`RoadGraph::stretches`] counts them.
    pub fn stretch(&self) -> usize {
        self.stretch as usize
    }

    /// How far it lies from the beginning of its stretch.
    pub fn along(&self) -> Metres {
        Metres::from_mm(u64::from(self.along_mm))
    }

    #[cfg(test)]
    pub(super) fn for_test(graph: &RoadGraph, stretch: u32, along_mm: u32) -> Self {
        Self {
            stretch,
            along_mm,
            off_mm: 0,
            graph: graph.tag(),
        }
    }

    /// The stretch it lies on; `None` when it is one of another graph.
    pub(super) fn stretch_in<'a>(&self, graph: &'a RoadGraph) -> Option<&'a Stretch> {
        self.is_of(graph).then(|| graph.stretch(self.stretch)).flatten()
    }

    /// The junctions that can be gone to from here without passing another, and how far they are.
    pub(super) fn ends_ahead(&self, stretch: &Stretch, mode: TravelMode) -> [Option<(u32, u32)>; 2] {
        self.ends(stretch, mode, Direction::Against, Direction::Along)
    }

    /// The junctions from which one comes here without passing another, and how far they are.
    pub(super) fn ends_behind(&self, stretch: &Stretch, mode: TravelMode) -> [Option<(u32, u32)>; 2] {
        self.ends(stretch, mode, Direction::Along, Direction::Against)
    }

    /// Whoever stands at a junction is there, whichever of its stretches the point was found on.
    fn ends(
        &self,
        stretch: &Stretch,
        mode: TravelMode,
        by_first: Direction,
        by_last: Direction,
    ) -> [Option<(u32, u32)>; 2] {
        let (to_first, to_last) = (self.along_mm, stretch.mm.saturating_sub(self.along_mm));
        let first = to_first == 0 || stretch.passage.allows(mode, by_first);
        let last = to_last == 0 || stretch.passage.allows(mode, by_last);
        [
            first.then_some((stretch.from, to_first)),
            last.then_some((stretch.to, to_last)),
        ]
    }

    /// The way to a point on the same stretch without leaving it, in millimetres.
    pub(super) fn straight_to(&self, target: &Self, stretch: &Stretch, mode: TravelMode) -> Option<u32> {
        let direction = if self.along_mm <= target.along_mm {
            Direction::Along
        } else {
            Direction::Against
        };
        let mm = self.along_mm.abs_diff(target.along_mm);
        (mm == 0 || stretch.passage.allows(mode, direction)).then_some(mm)
    }
}

impl RoadGraph {
    /// The nearest point of a street that may be used this way, within [`SNAP_MAX`]. Of equally near ones that of the
    /// stretch with the lowest number.
    pub fn snap(&self, position: Position, mode: TravelMode) -> Option<Snap> {
        self.snap_beside(position, mode, &mut Origin::of(position).parallels())
    }

    /// The same, with the stripe of the globe in which somebody else nearby was found: it costs a sine and a cosine.
    pub(crate) fn snap_beside(&self, position: Position, mode: TravelMode, stripe: &mut Parallels) -> Option<Snap> {
        let origin = Origin::beside(position, stripe);
        let mut search = Search::around(self, origin, mode_bit(mode));
        for looks in LOOKS {
            if search.look_within(looks) {
                break;
            }
        }
        search.found()
    }
}

/// The nearest so far, in ten-millionths of a degree of latitude.
struct Nearest {
    squared: f64,
    piece: Option<Piece>,
    /// How much of the piece lies before the point, 0 to 1.
    share: f64,
}

struct Search<'a> {
    graph: &'a RoadGraph,
    mode_bit: u8,
    origin: Origin,
    position: Position,
    cosine: f64,
    nearest: Nearest,
    seen: Option<Window>,
}

/// Rows and columns of cells that were looked into, the first and the last.
#[derive(Clone, Copy)]
struct Window {
    rows: (i64, i64),
    columns: (i64, i64),
}

impl<'a> Search<'a> {
    fn around(graph: &'a RoadGraph, origin: Origin, mode_bit: u8) -> Self {
        let reach = SNAP_MAX.as_f64() / METRES_PER_UNIT;
        Self {
            graph,
            mode_bit,
            origin,
            position: origin.position(),
            cosine: origin.cos_latitude().max(COSINE_MIN),
            nearest: Nearest {
                squared: reach * reach,
                piece: None,
                share: 0.0,
            },
            seen: None,
        }
    }

    /// Looks at what may be nearer than the nearest so far and is no farther than `limit`, and some more; says whether nothing
    /// else can be the nearest.
    #[allow(clippy::cast_possible_truncation)] // at most 13,490 units, and a hundred times as many
    fn look_within(&mut self, limit: f64) -> bool {
        let reach = self.nearest.squared.sqrt().min(limit);
        let (reach_north, reach_east) = (reach as i64 + 1, (reach / self.cosine) as i64 + 1);
        let (latitude, longitude) = units(self.position);
        let columns = (
            grid::column(longitude - reach_east),
            grid::column(longitude + reach_east),
        );
        let rows = (grid::row(latitude - reach_north), grid::row(latitude + reach_north));
        let seen = self.seen.replace(Window { rows, columns });
        for row in rows.0..=rows.1 {
            #[allow(clippy::cast_precision_loss)]
            let at_least = grid::to_row(row, latitude) as f64;
            if at_least * at_least > self.nearest.squared {
                continue;
            }
            match seen.filter(|seen| (seen.rows.0..=seen.rows.1).contains(&row)) {
                Some(seen) => {
                    self.look_into(row, (columns.0, seen.columns.0 - 1));
                    self.look_into(row, (seen.columns.1 + 1, columns.1));
                }
                None => self.look_into(row, columns),
            }
        }
        self.nearest.squared <= limit * limit
    }

    /// A window over the antimeridian is two.
    fn look_into(&mut self, row: i64, columns: (i64, i64)) {
        if columns.0 > columns.1 {
            return;
        }
        let graph = self.graph;
        let windows = if columns.0 < 0 {
            [(columns.0 + COLUMNS, COLUMNS - 1), (0, columns.1)]
        } else if columns.1 >= COLUMNS {
            [(columns.0, COLUMNS - 1), (0, columns.1 - COLUMNS)]
        } else {
            [columns, (1, 0)]
        };
        for window in windows.into_iter().filter(|(first, last)| first <= last) {
            for piece in graph.grid.pieces_in(row, window) {
                if piece.is_open_to(self.mode_bit) {
                    self.look_at(*piece);
                }
            }
        }
    }

    /// On a plane that touches the globe at the position: across 150 m the curve is far below a millimetre.
    fn look_at(&mut self, piece: Piece) {
        let first = piece.first_point() as usize;
        let [a, b] = [first, first + 1].map(|point| self.on_plane(self.graph.points()[point]));
        let (run_x, run_y) = (b.0 - a.0, b.1 - a.1);
        let run = run_x * run_x + run_y * run_y;
        let share = if run > 0.0 {
            (-(a.0 * run_x + a.1 * run_y) / run).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let (x, y) = (a.0 + share * run_x, a.1 + share * run_y);
        let squared = x * x + y * y;
        let is_nearer = match self.nearest.piece {
            Some(known) => squared < self.nearest.squared || squared == self.nearest.squared && piece < known,
            None => squared <= self.nearest.squared,
        };
        if is_nearer {
            self.nearest = Nearest {
                squared,
                piece: Some(piece),
                share,
            };
        }
    }

    #[allow(clippy::cast_precision_loss)] // below 2^53
    fn on_plane(&self, point: Position) -> (f64, f64) {
        let north = i64::from(point.to_e7().0) - i64::from(self.position.to_e7().0);
        (east_of(self.position, point) as f64 * self.cosine, north as f64)
    }

    fn found(self) -> Option<Snap> {
        let point = self.nearest.piece?.first_point();
        let (number, first) = self.graph.stretch_of_point(point);
        let stretch = self.graph.stretch(u32::try_from(number).ok()?)?;
        let ends = &self.graph.points()[first..=point as usize + 1];
        let mut before = 0;
        let mut piece = Metres::default();
        let mut stripe = self.origin.parallels();
        for ends in ends.windows(2) {
            before += piece.mm();
            piece = Origin::beside(ends[0], &mut stripe).distance_beside(ends[1], &mut stripe);
        }
        let along = before + Metres::from_f64(piece.as_f64() * self.nearest.share).mm();
        let off = Metres::from_f64(self.nearest.squared.sqrt() * METRES_PER_UNIT);
        Some(Snap {
            stretch: u32::try_from(number).ok()?,
            along_mm: u32::try_from(along).ok()?.min(stretch.mm),
            off_mm: u32::try_from(off.mm()).ok()?,
            graph: self.graph.tag(),
        })
    }
}

fn units(position: Position) -> (i64, i64) {
    let (latitude, longitude) = position.to_e7();
    (i64::from(latitude), i64::from(longitude))
}
