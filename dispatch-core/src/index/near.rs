//! Queries: fields from the tree, a lower bound for eight entries at a time, the exact distance for what is left.

use std::ops::ControlFlow;

use rstar::AABB;

use super::{
    Field, Handle, LiveIndex, NONE, Near,
    grid::{self, FIELD_SIDE, FieldKey, PLOT_SIDE, PLOTS_WIDE, RegionKey},
    lanes::{COUNTED, EACH_BYTE, LISTED, SETS},
    lines::LANES,
};
use crate::position::{EARTH_RADIUS_M, LONGITUDE_HALF, Metres, Origin, Parallels, Position, RADIANS_PER_UNIT};

/// The lower bound holds for differences of up to 2^24 ten-millionths of a degree (1.7 degrees, 186 km of latitude).
const FLAT_MAX: i64 = 1 << 24;
/// A sine of half of that is at least this times its argument: 1 - x^2 / 24 for the larger of both differences.
const SINE_SHARE: f64 = 0.999_96;
/// Metres of latitude in a ten-millionth of a degree.
const METRES_PER_UNIT: f64 = EARTH_RADIUS_M * RADIANS_PER_UNIT;
/// Side of a field in metres of latitude.
const FIELD_M: f64 = METRES_PER_UNIT * FIELD_SIDE as f64;
/// Where nobody lives around, the first look goes this far.
const FIRST_LOOK: Metres = Metres::new(2_000);
/// Most queries for the nearest get by with room for so many; 1,008 bytes, which an allocator has at hand.
const CANDIDATES_EXPECTED: usize = 42;
/// Room for so many is made at once at most, and at least.
const FOUND_EXPECTED_MAX: f64 = 4_096.0;
const FOUND_EXPECTED_MIN: f64 = 60.0;
/// So many more than sought are nearly as near.
const SPARE: usize = 8;
/// The first look covers this many times the area that would hold as many as sought if they lived evenly; found by trial.
const FIRST_LOOK_SPARE: f64 = 1.5;

/// Lines that are looked at before those near enough in them are gone through.
const LINES_AT_ONCE: usize = 8;

/// Distances up to here, given the errors of single precision at that range, have a lower bound up to the result.
fn loosened(distance: Metres) -> f64 {
    let metres = distance.as_f64();
    metres + 0.02 + 1e-6 * (metres + FIELD_M)
}

/// An entry that may be near enough.
#[derive(Clone, Copy)]
struct Candidate {
    /// Square of a lower bound of the distance, in square metres.
    at_least: f32,
    handle: Handle,
    position: Position,
    cos_latitude: f64,
}

impl Candidate {
    fn exactly(&self, origin: &Origin) -> Near {
        Near {
            handle: self.handle,
            distance: origin.distance(self.position, self.cos_latitude),
        }
    }
}

/// Where a query is asked from, and the region there.
struct Query {
    origin: Origin,
    here: FieldKey,
    home: Option<u32>,
}

impl LiveIndex {
    /// The `limit` nearest of those entries within `radius` of `centre` that `wanted` lets through. Of several equally
    /// far at the limit all are returned, so that the caller can break the tie by outside id; order is by distance.
    pub fn nearest(
        &self,
        centre: Position,
        radius: Metres,
        limit: usize,
        wanted: impl FnMut(Handle) -> bool,
    ) -> Vec<Near> {
        let mut found = self.nearest_in_any_order(centre, radius, limit, wanted);
        found.sort_unstable_by_key(|near| (near.distance, near.handle));
        found
    }

    /// The same in any order; in order of distance if more than `limit` are returned. Where all within the radius are
    /// wanted, neighbours mostly follow each other, and putting a crowd in order would cost more than finding it.
    pub fn nearest_in_any_order(
        &self,
        centre: Position,
        radius: Metres,
        limit: usize,
        mut wanted: impl FnMut(Handle) -> bool,
    ) -> Vec<Near> {
        let query = self.query(centre);
        let mut reach = self.first_reach(&query, limit).min(radius);
        let mut candidates = Vec::with_capacity(CANDIDATES_EXPECTED);
        loop {
            candidates.clear();
            self.gather(&query, reach, |at_least, handle, position, parallels| {
                if wanted(handle) {
                    candidates.push(Candidate {
                        at_least,
                        handle,
                        position,
                        cos_latitude: parallels.cos(position.to_e7().0),
                    });
                }
            });
            let all = reach == radius;
            if all && candidates.len() <= limit {
                let exactly = candidates.iter().map(|candidate| candidate.exactly(&query.origin));
                return exactly.filter(|near| near.distance <= radius).collect();
            }
            if all || candidates.len() >= limit {
                let found = cut_off(&query.origin, reach, limit, &candidates);
                if all || found.len() >= limit {
                    return found;
                }
            }
            reach = Metres::from_f64(reach.as_f64() * farther(limit, candidates.len())).min(radius);
        }
    }

    /// All entries within `radius` of `centre` that `wanted` lets through, in any order.
    pub fn within(&self, centre: Position, radius: Metres, mut wanted: impl FnMut(Handle) -> bool) -> Vec<Near> {
        let query = self.query(centre);
        let mut found = Vec::with_capacity(self.found_expected(&query, radius));
        self.gather(&query, radius, |_, handle, position, parallels| {
            let distance = query.origin.distance(position, parallels.cos(position.to_e7().0));
            if distance <= radius && wanted(handle) {
                found.push(Near { handle, distance });
            }
        });
        found
    }

    fn query(&self, centre: Position) -> Query {
        let (latitude, longitude) = centre.to_e7();
        let here = FieldKey::at(latitude, longitude);
        Query {
            origin: Origin::of(centre),
            here,
            home: self.region_at(here.region()),
        }
    }

    /// How many people there are to a square metre of the field around the centre; none if it is empty.
    fn density(&self, query: &Query) -> Option<f64> {
        let field = self.regions.all.get(query.home?).fields[query.here.number()];
        let field = (field != NONE).then(|| self.fields.all.get(field))?;
        Some(f64::from(field.len) / (FIELD_M * FIELD_M * query.origin.cos_latitude()))
    }

    /// How far `limit` entries probably reach, judged by how many live in the field around the centre.
    fn first_reach(&self, query: &Query, limit: usize) -> Metres {
        let Some(density) = self.density(query) else {
            return FIRST_LOOK;
        };
        #[allow(clippy::cast_precision_loss)]
        let area = limit as f64 * FIRST_LOOK_SPARE / density;
        Metres::from_f64((area / std::f64::consts::PI).sqrt()).max(Metres::new(1))
    }

    /// How many are probably within `radius`, judged likewise; within bounds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn found_expected(&self, query: &Query, radius: Metres) -> usize {
        let density = self.density(query).unwrap_or_default();
        let expected = FIRST_LOOK_SPARE * density * std::f64::consts::PI * radius.as_f64() * radius.as_f64();
        expected.clamp(FOUND_EXPECTED_MIN, FOUND_EXPECTED_MAX) as usize
    }

    /// Goes through the fields with anything within `reach` of the centre, and some more.
    fn each_field(&self, query: &Query, reach: Metres, mut look: impl FnMut(&Field)) {
        let pieces = grid::around(query.origin.position(), loosened(reach) / EARTH_RADIUS_M);
        for (from, to) in pieces.into_iter().flatten() {
            let (first, last) = (from.region(), to.region());
            if let Some(home) = query.home.filter(|_| first == query.here.region() && last == first) {
                self.each_field_of(home, from, to, &mut look);
                continue;
            }
            let corner = |region: RegionKey| [f32::from(region.row), f32::from(region.column)];
            let there = AABB::from_corners(corner(first), corner(last));
            let _: ControlFlow<()> = self.tree.locate_in_envelope_int(there, |leaf| {
                let (first, last) = (leaf.key.first(), leaf.key.last());
                self.each_field_of(leaf.region, from.north_east(first), to.south_west(last), &mut look);
                ControlFlow::Continue(())
            });
        }
    }

    /// Goes through the fields of a region from a south-western to a north-eastern one.
    fn each_field_of(&self, region: u32, from: FieldKey, to: FieldKey, look: &mut impl FnMut(&Field)) {
        let fields = &self.regions.all.get(region).fields;
        for row in from.row..=to.row {
            for column in from.column..=to.column {
                let field = fields[FieldKey { row, column }.number()];
                if field != NONE {
                    look(self.fields.all.get(field));
                }
            }
        }
    }

    /// Goes through everything that is no farther than `reach`, and some more: the square of a lower bound of the distance,
    /// who, where, and the cosines there.
    fn gather(&self, query: &Query, reach: Metres, mut take: impl FnMut(f32, Handle, Position, &Parallels)) {
        let mut parallels = query.origin.parallels();
        self.each_field(query, reach, |field| {
            let south = field.key.corner(0).0;
            if !parallels.contain(south) {
                parallels = Parallels::around(south);
            }
            let mut take = |at_least, handle, position| take(at_least, Handle(handle), position, &parallels);
            match Frame::of(&query.origin, field.key, &parallels, reach) {
                Some(frame) => self.gather_flat(field, &frame, &mut take),
                None => self.gather_far(field, &query.origin, reach, &mut take),
            }
        });
    }

    /// Those for whom the lower bound of the distance does not already say that they are too far away.
    #[allow(clippy::cast_precision_loss)]
    fn gather_flat(&self, field: &Field, frame: &Frame, take: &mut impl FnMut(f32, u32, Position)) {
        let (south, west) = frame.metres(field.key.corner(0));
        // Of the lines of a chunk, and the places in it that are near enough: the number of the line times eight plus the lane.
        let mut at_least = [[0.0f32; LANES]; LINES_AT_ONCE];
        let mut near = [0u8; (LINES_AT_ONCE + 1) * LANES];
        let side = (frame.per_north * PLOT_SIDE as f32, frame.per_east * PLOT_SIDE as f32);
        for (number, plot) in field.plots.iter().enumerate() {
            let north = south + side.0 * (number / PLOTS_WIDE) as f32;
            let east = west + side.1 * (number % PLOTS_WIDE) as f32;
            let (dy, dx) = (outside(north, side.0), outside(east, side.1));
            if plot.len() == 0 || dy * dy + dx * dx > frame.reach_squared {
                continue;
            }
            let corner = field.key.corner(number);
            self.lines.each_run(*plot, |lines, len| {
                for (lines, first) in lines.chunks(LINES_AT_ONCE).zip((0..).step_by(LINES_AT_ONCE * LANES)) {
                    let mut count = 0;
                    for (number, line) in lines.iter().enumerate() {
                        let at_least = &mut at_least[number];
                        *at_least = std::array::from_fn(|lane| {
                            let y = f32::from(line.north[lane]) * frame.per_north + north;
                            let x = f32::from(line.east[lane]) * frame.per_east + east;
                            y * y + x * x
                        });
                        // From bit 1 on: of shifts that are all there, the compiler makes two comparisons of four, of a
                        // missing one it makes eight. That is worth a look at what it made whenever this changes.
                        let bits: [u32; LANES] =
                            std::array::from_fn(|lane| u32::from(at_least[lane] <= frame.reach_squared) << (lane + 1));
                        let bits = bits.into_iter().fold(0, |all, bit| all | bit);
                        let lanes = (len - first - number * LANES).min(LANES);
                        let set = (bits & ((2 << lanes) - 1)) as usize / 2 % SETS;
                        // Eight bytes at a time, of which the first so many count.
                        let listed = LISTED[set] + (number * LANES) as u64 * EACH_BYTE;
                        near[count..count + LANES].copy_from_slice(&listed.to_le_bytes());
                        count += usize::from(COUNTED[set]);
                    }
                    for &place in &near[..count] {
                        let (number, lane) = (usize::from(place) / LANES % LINES_AT_ONCE, usize::from(place) % LANES);
                        let line = &lines[number];
                        take(
                            at_least[number][lane],
                            line.who[lane],
                            line.entry(lane).position(corner),
                        );
                    }
                }
            });
        }
    }

    /// The same by the exact distance, for a field that is too far away for the lower bound.
    fn gather_far(&self, field: &Field, origin: &Origin, reach: Metres, take: &mut impl FnMut(f32, u32, Position)) {
        for (number, plot) in field.plots.iter().enumerate() {
            let corner = field.key.corner(number);
            self.lines.each(*plot, |line, lanes| {
                for lane in 0..lanes {
                    let position = line.entry(lane).position(corner);
                    let distance = origin.distance_to(position);
                    if distance <= reach {
                        let metres = distance.as_f64();
                        #[allow(clippy::cast_possible_truncation)]
                        take((metres * metres * (1.0 - 1e-6)) as f32, line.who[lane], position);
                    }
                }
            });
        }
    }
}

/// Flat coordinates around the centre in which nothing in one field is farther than on the sphere.
struct Frame {
    latitude: i64,
    longitude: i64,
    per_north: f32,
    per_east: f32,
    reach_squared: f32,
}

impl Frame {
    /// `None` when the field is too far away for that.
    #[allow(clippy::cast_possible_truncation)]
    fn of(origin: &Origin, field: FieldKey, parallels: &Parallels, reach: Metres) -> Option<Self> {
        let (latitude, longitude) = origin.position().to_e7();
        let (latitude, mut longitude) = (i64::from(latitude), i64::from(longitude));
        let (south, west) = field.corner(0);
        // The short way round.
        let half = i64::from(LONGITUDE_HALF);
        let east = i64::from(west) - longitude;
        if east > half {
            longitude += 2 * half;
        } else if east < -half {
            longitude -= 2 * half;
        }
        let side = i64::from(FIELD_SIDE);
        let extent = |from: i64| from.abs().max((from + side).abs());
        if extent(i64::from(south) - latitude) > FLAT_MAX || extent(i64::from(west) - longitude) > FLAT_MAX {
            return None;
        }
        // h = sin^2(north / 2) + cos(here) cos(there) sin^2(east / 2), and a distance is at least 2 R sqrt(h).
        let narrowest = parallels.cos(south).min(parallels.cos(south + FIELD_SIDE));
        let per_north = METRES_PER_UNIT * SINE_SHARE;
        let per_east = per_north * (origin.cos_latitude() * narrowest).sqrt();
        let reach = loosened(reach);
        Some(Self {
            latitude,
            longitude,
            per_north: per_north as f32,
            per_east: per_east as f32,
            reach_squared: (reach * reach * (1.0 + 1e-6)) as f32,
        })
    }

    /// How far north and east of the centre a corner is.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    fn metres(&self, corner: (i32, i32)) -> (f32, f32) {
        let (north, east) = (
            i64::from(corner.0) - self.latitude,
            i64::from(corner.1) - self.longitude,
        );
        (north as f32 * self.per_north, east as f32 * self.per_east)
    }
}

/// How far 0 is from the stretch of length `side` that begins at `from`.
fn outside(from: f32, side: f32) -> f32 {
    from.max(-(from + side)).max(0.0)
}

/// How many times as far to look next when `limit` were sought and `found` found.
#[allow(clippy::cast_precision_loss)]
fn farther(limit: usize, found: usize) -> f64 {
    let area = FIRST_LOOK_SPARE * limit as f64 / (found as f64 + 0.5);
    area.sqrt().clamp(1.25, 4.0)
}

/// The nearest of the candidates within `reach`, with all that are as far as the last of them, in order.
fn cut_off(origin: &Origin, reach: Metres, limit: usize, candidates: &[Candidate]) -> Vec<Near> {
    let limit = limit.min(candidates.len());
    if limit == 0 {
        return Vec::new();
    }
    // Numbers are quicker to put in order than candidates: none of the bounds is negative, so their bits have their order.
    let numbered = candidates.iter().zip(0u64..);
    let mut order: Vec<u64> = numbered
        .map(|(candidate, number)| u64::from(candidate.at_least.to_bits()) << 32 | number)
        .collect();
    if order.len() > limit {
        order.select_nth_unstable(limit - 1);
    }
    // Numbers are put in order without a branch; what then follows by distance is nearly in order already.
    order[..limit].sort_unstable();
    let exactly = |key: &u64| candidates[(key & u64::from(u32::MAX)) as usize].exactly(origin);
    let (first, rest) = order.split_at(limit);
    let mut found = Vec::with_capacity(limit + SPARE);
    found.extend(first.iter().map(exactly));
    let farthest = found
        .iter()
        .map(|near| near.distance)
        .max()
        .unwrap_or_default()
        .min(reach);
    let bound = loosened(farthest);
    #[allow(clippy::cast_possible_truncation)]
    let bound = (bound * bound * (1.0 + 1e-6)) as f32;
    found.extend(
        rest.iter()
            .filter(|&&key| key >> 32 <= u64::from(bound.to_bits()))
            .map(exactly),
    );
    found.retain(|near| near.distance <= farthest);
    found.sort_unstable_by_key(|near| (near.distance, near.handle));
    let last = found.get(limit - 1).map(|near| near.distance);
    found.retain(|near| last.is_none_or(|last| near.distance <= last));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_just_beyond_the_first_look_is_found() {
        let here = Position::from_e7(515_000_000, -1_200_000).expect("in range");
        let mut index = LiveIndex::default();
        index.place(Handle(0), here);
        let first = index.first_reach(&index.query(here), 1).as_f64();
        #[allow(clippy::cast_possible_truncation)]
        let there = (first / METRES_PER_UNIT) as i32;
        for beyond in -5..=5 {
            // In the same field, or the guess would be another.
            let position = Position::from_e7(515_000_000 - there - beyond, -1_200_000).expect("in range");
            index.place(Handle(0), position);
            assert_eq!(index.nearest(here, Metres::new(50_000), 1, |_| true).len(), 1);
            assert_eq!(index.nearest(here, Metres::new(50_000), 0, |_| true), []);
        }
    }
}
