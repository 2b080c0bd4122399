//! Regions: named pieces of the map within which other rules hold, and whether a place lies in one.
//!
//! ```text
//! Region ── Area ── Polygon ──┬─ outline: Ring        inside the area = inside any polygon,
//!                             └─ holes: Ring, …       inside a polygon = inside the outline and not inside a hole
//! ```
//! Edges are straight lines of latitude and longitude, as in GeoJSON and KML, and go the shorter way round the globe, so
//! that an outline may cross the 180th meridian. A ring that crosses itself is accepted by the even-odd rule: what it goes
//! round twice is outside. A place on an edge is inside, on that of a hole as well. All of it in whole ten-millionths of
//! a degree, so exact and the same on every machine. Absent on purpose: distances to regions, regions round a pole.

mod ring;

use crate::position::Position;
use ring::Ring;

/// Corners of one area at most. England's coast at the detail of a town plan has some 50,000; a look takes the boxes of 64
/// edges each and the edges of the few boxes that are level with the place, microseconds at this size.
pub const POINTS_MAX: usize = 100_000;
/// Bytes of a name at most: that of a policy, which is called after its region unless it says otherwise.
pub const NAME_MAX: usize = 64;

/// Corners that enclose nothing that can be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidArea {
    /// No polygon at all.
    #[error("there is no polygon; accepted is at least one")]
    Empty,
    /// A ring needs three corners.
    #[error("a ring has {0} different corners; accepted is at least 3")]
    TooFewPoints(usize),
    /// More corners than are kept.
    #[error("{0} corners; accepted are at most {POINTS_MAX} in all: simplify the outline")]
    TooManyPoints(usize),
    /// A pole has every longitude.
    #[error("a corner is on a pole; accepted are latitudes between -90 and 90, these excluded")]
    AtPole,
    /// Nobody can tell which way round such an edge goes.
    #[error(
        "the edge from {from:?} to {to:?} goes half round the globe; accepted is less than 180 degrees of longitude"
    )]
    HalfRound {
        /// From this corner.
        from: Position,
        /// To this one.
        to: Position,
    },
    /// The ring closes on the other side of the globe.
    #[error("a ring goes round the whole globe; accepted is less than 360 degrees of longitude, and no pole within")]
    AroundTheGlobe,
}

/// A name that no region can have.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the name of a region has {0} bytes; accepted is 1 to {NAME_MAX}")]
pub struct InvalidRegionName(usize);

/// A named area.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region {
    name: String,
    area: Area,
}

impl Region {
    /// Names an area.
    pub fn new(name: &str, area: Area) -> Result<Self, InvalidRegionName> {
        if !(1..=NAME_MAX).contains(&name.len()) {
            return Err(InvalidRegionName(name.len()));
        }
        let name = name.to_owned();
        Ok(Self { name, area })
    }

    /// What it is called, 1 to [`NAME_MAX`] bytes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn area(&self) -> &Area {
        &self.area
    }
}

/// One outline and what is cut out of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Polygon {
    outline: Ring,
    holes: Vec<Ring>,
}

impl Polygon {
    /// Takes the corners of an outline and of holes in it, each in order; the last one is joined to the first, whether it
    /// is repeated or not. A hole outside the outline takes nothing away.
    pub fn new(outline: &[Position], holes: &[Vec<Position>]) -> Result<Self, InvalidArea> {
        Ok(Self {
            outline: Ring::new(outline)?,
            holes: holes.iter().map(|hole| Ring::new(hole)).collect::<Result<_, _>>()?,
        })
    }

    fn contains(&self, place: Position) -> bool {
        self.outline.touches(place) && !self.holes.iter().any(|hole| hole.encloses(place))
    }

    fn points(&self) -> usize {
        let holes = self.holes.iter().map(Ring::points).sum::<usize>();
        self.outline.points() + holes
    }
}

/// A part of the globe: at least one polygon, at most [`POINTS_MAX`] corners in all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Area {
    polygons: Vec<Polygon>,
    points: usize,
}

impl Area {
    /// All that lies in any of these polygons.
    pub fn new(polygons: Vec<Polygon>) -> Result<Self, InvalidArea> {
        if polygons.is_empty() {
            return Err(InvalidArea::Empty);
        }
        let points = polygons.iter().map(Polygon::points).sum();
        if points > POINTS_MAX {
            return Err(InvalidArea::TooManyPoints(points));
        }
        Ok(Self { polygons, points })
    }

    /// All that lies in any of these areas.
    pub fn together<'a>(areas: impl IntoIterator<Item = &'a Self>) -> Result<Self, InvalidArea> {
        let polygons = areas.into_iter().flat_map(|area| &area.polygons);
        Self::new(polygons.cloned().collect())
    }

    /// Whether a place lies in it, its border included.
    pub fn contains(&self, place: Position) -> bool {
        self.polygons.iter().any(|polygon| polygon.contains(place))
    }

    /// How many corners it has.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The corners of its outlines.
    pub fn corners(&self) -> impl Iterator<Item = Position> {
        self.polygons.iter().flat_map(|polygon| polygon.outline.positions())
    }
}

#[cfg(test)]
mod tests;
