//! One closed line of corners, and on which side of it a place lies.

use super::InvalidArea;
use crate::position::{LATITUDE_MAX, LONGITUDE_HALF, Position};

/// Once round the globe in ten-millionths of a degree.
const ROUND: i64 = 2 * LONGITUDE_HALF as i64;
/// Edges under one box: their 1 kB of corners is read at one go.
const EDGES_IN_BOX: usize = 64;

/// A corner in ten-millionths of a degree. Longitudes go on from corner to corner, past the 180th meridian too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Corner {
    latitude: i64,
    longitude: i64,
}

impl Corner {
    fn position(self) -> Position {
        let longitude = (self.longitude + ROUND / 2).rem_euclid(ROUND) - ROUND / 2;
        let unit = |value: i64| i32::try_from(value).expect("within the globe once a round is taken off");
        Position::from_units(unit(self.latitude), unit(longitude))
    }
}

/// From here to there, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    least: i64,
    most: i64,
}

impl Span {
    fn of(values: impl Iterator<Item = i64>) -> Self {
        let nothing = Self {
            least: i64::MAX,
            most: i64::MIN,
        };
        values.fold(nothing, |span, value| Self {
            least: span.least.min(value),
            most: span.most.max(value),
        })
    }

    fn contains(self, value: i64) -> bool {
        (self.least..=self.most).contains(&value)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Outside,
    Border,
    Inside,
}

/// A closed line. The first corner stands there again as the last one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ring {
    corners: Vec<Corner>,
    latitudes: Span,
    longitudes: Span,
    /// Latitudes of each [`EDGES_IN_BOX`] edges.
    boxes: Vec<Span>,
}

impl Ring {
    /// Takes corners in order; the last one is joined to the first, whether it is repeated or not.
    pub(super) fn new(positions: &[Position]) -> Result<Self, InvalidArea> {
        let mut positions = positions.to_vec();
        positions.dedup();
        if positions.len() > 1 && positions.first() == positions.last() {
            positions.pop();
        }
        check_different(&positions)?;
        let corners = unrolled(&positions)?;
        let longitudes = Span::of(corners.iter().map(|corner| corner.longitude));
        if corners.first() != corners.last() || longitudes.most - longitudes.least >= ROUND {
            return Err(InvalidArea::AroundTheGlobe);
        }
        let latitudes = |corners: &[Corner]| Span::of(corners.iter().map(|corner| corner.latitude));
        let boxes = (0..corners.len() - 1).step_by(EDGES_IN_BOX);
        let boxes = boxes.map(|first| latitudes(&corners[first..corners.len().min(first + EDGES_IN_BOX + 1)]));
        Ok(Self {
            boxes: boxes.collect(),
            latitudes: latitudes(&corners),
            longitudes,
            corners,
        })
    }

    /// How many corners it has.
    pub(super) fn points(&self) -> usize {
        self.corners.len() - 1
    }

    /// Its corners, each once.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> {
        self.corners[1..].iter().map(|corner| corner.position())
    }

    /// Whether a place is on it or inside.
    pub(super) fn touches(&self, place: Position) -> bool {
        self.side(place) != Side::Outside
    }

    /// Whether a place is inside and not on it.
    pub(super) fn encloses(&self, place: Position) -> bool {
        self.side(place) == Side::Inside
    }

    fn side(&self, place: Position) -> Side {
        let (latitude, longitude) = place.to_e7();
        let latitude = i64::from(latitude);
        if !self.latitudes.contains(latitude) {
            return Side::Outside;
        }
        // A ring that crosses the 180th meridian goes on beyond it. It is narrower than the globe, so that at most one of
        // the place's longitudes is level with it.
        let turns = [0, ROUND, -ROUND].map(|turn| i64::from(longitude) + turn);
        let within = turns.into_iter().find(|&longitude| self.longitudes.contains(longitude));
        within.map_or(Side::Outside, |longitude| self.side_of(Corner { latitude, longitude }))
    }

    /// Goes east from a place and counts the edges crossed: an odd number from inside.
    fn side_of(&self, place: Corner) -> Side {
        let mut inside = false;
        for (number, span) in self.boxes.iter().enumerate() {
            if !span.contains(place.latitude) {
                continue;
            }
            let first = number * EDGES_IN_BOX;
            let last = self.corners.len().min(first + EDGES_IN_BOX + 1);
            for edge in self.corners[first..last].windows(2) {
                match crossing(place, edge[0], edge[1]) {
                    Crossing::On => return Side::Border,
                    Crossing::East => inside = !inside,
                    Crossing::No => {}
                }
            }
        }
        if inside { Side::Inside } else { Side::Outside }
    }
}

enum Crossing {
    /// The place is on the edge.
    On,
    /// The edge is crossed on the way east.
    East,
    /// Neither.
    No,
}

fn crossing(place: Corner, from: Corner, to: Corner) -> Crossing {
    let (low, high) = if from.latitude <= to.latitude {
        (from, to)
    } else {
        (to, from)
    };
    if place.latitude < low.latitude || place.latitude > high.latitude {
        return Crossing::No;
    }
    if low.latitude == high.latitude {
        // Level with the place: on it, or not crossed.
        let along = Span::of([low.longitude, high.longitude].into_iter());
        return if along.contains(place.longitude) {
            Crossing::On
        } else {
            Crossing::No
        };
    }
    // Twice the area of the triangle of the edge and the place: above 0 if the edge is east of the place, 0 if it is on it. Each factor is below
    // 2^33, so the products need more than 64 bits.
    let rise = i128::from(high.latitude - low.latitude);
    let run = i128::from(high.longitude - low.longitude);
    let area = run * i128::from(place.latitude - low.latitude) - rise * i128::from(place.longitude - low.longitude);
    match area.signum() {
        0 => Crossing::On,
        // The upper end does not belong to the edge, so that a corner passed is counted once.
        1 if place.latitude < high.latitude => Crossing::East,
        _ => Crossing::No,
    }
}

fn check_different(positions: &[Position]) -> Result<(), InvalidArea> {
    let mut different = positions.to_vec();
    different.sort();
    different.dedup();
    if different.len() < 3 {
        return Err(InvalidArea::TooFewPoints(different.len()));
    }
    Ok(())
}

/// The corners with longitudes that go on from each to the next the shorter way, the first one again at the end.
fn unrolled(positions: &[Position]) -> Result<Vec<Corner>, InvalidArea> {
    let mut corners: Vec<Corner> = Vec::with_capacity(positions.len() + 1);
    let mut before = positions[0];
    for &position in positions.iter().chain(&positions[..1]) {
        let (latitude, longitude) = position.to_e7();
        if latitude.abs() == LATITUDE_MAX {
            return Err(InvalidArea::AtPole);
        }
        let longitude = match corners.last() {
            None => i64::from(longitude),
            Some(last) => last.longitude + step(before, position)?,
        };
        corners.push(Corner {
            latitude: latitude.into(),
            longitude,
        });
        before = position;
    }
    Ok(corners)
}

/// How far east the next corner is, the shorter way round.
fn step(from: Position, to: Position) -> Result<i64, InvalidArea> {
    let east = i64::from(to.to_e7().1) - i64::from(from.to_e7().1);
    if east.abs() == ROUND / 2 {
        return Err(InvalidArea::HalfRound { from, to });
    }
    Ok((east + ROUND / 2).rem_euclid(ROUND) - ROUND / 2)
}
