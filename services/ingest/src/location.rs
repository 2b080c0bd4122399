//! Where an incident is: from the wire's two kinds of coordinates to one [`Place`], or the reason why not.
//!
//! Typical slips of another system are told apart, because a dispatcher who reads "swapped" can act and one who reads
//! "invalid" cannot: swapped axes, metres sent as degrees or the reverse, and the 0/0 of a system that has no location.

use dispatch_core::{
    input::Place,
    position::{Metres, Position},
};
use muster_proto::v1::{BritishNationalGrid, Location, Wgs84, location::Point};

use crate::{
    grid::{self, EASTING_MAX_M, NORTHING_MAX_M},
    service_area::ServiceArea,
};

/// Greatest radius of uncertainty accepted, in metres: a county. Anything vaguer is no location.
pub(crate) const ACCURACY_MAX_M: f64 = 100_000.0;

const LATITUDE: &str = "location.wgs84.latitude_deg";
const LONGITUDE: &str = "location.wgs84.longitude_deg";
const EASTING: &str = "location.british_national_grid.easting_m";
const NORTHING: &str = "location.british_national_grid.northing_m";
const WGS84: &str = "location.wgs84";
const GRID: &str = "location.british_national_grid";

/// A location that cannot be used.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum InvalidLocation {
    /// Neither kind of point is there.
    #[error("a point is required: wgs84 or british_national_grid; leave location out if it is unknown")]
    NoPoint,
    /// NaN or infinite.
    #[error("not a finite number")]
    NotFinite {
        /// Which number.
        field: &'static str,
    },
    /// Not on the globe.
    #[error("{degrees} is outside -{limit} to {limit} degrees")]
    OutOfRange {
        /// Which number.
        field: &'static str,
        /// What came in.
        degrees: f64,
        /// 90 or 180.
        limit: u8,
    },
    /// Both coordinates are zero.
    #[error("0/0 is what a system sends that has no location; leave location out if it is unknown")]
    NullIsland {
        /// Which point.
        field: &'static str,
    },
    /// Degrees far too large, that would be a place on the grid.
    #[error("these look like British National Grid metres, not degrees; send them as british_national_grid")]
    LooksLikeGridMetres,
    /// Grid metres that are all but zero.
    #[error("these look like degrees, not British National Grid metres; send them as wgs84")]
    LooksLikeDegrees,
    /// The point is outside the service area, and inside it with the axes swapped.
    #[error("latitude and longitude are swapped: the place is in the service area only the other way round")]
    LatitudeLongitudeSwapped,
    /// The point is of no use, and a good one with the axes swapped.
    #[error("easting and northing are swapped: the place is in the service area only the other way round")]
    EastingNorthingSwapped,
    /// Not covered by the grid.
    #[error("outside Great Britain: eastings run from 0 to 700000 m and northings from 0 to 1250000 m")]
    OutsideGreatBritain,
    /// Too far away to be this control room's.
    #[error("outside the service area of this control room")]
    OutsideServiceArea {
        /// Which point.
        field: &'static str,
    },
    /// No radius.
    #[error("the accuracy must be 0 to 100000 m; leave it out for a place that is exact to the address")]
    Accuracy,
}

impl InvalidLocation {
    /// The path of the field within the request.
    pub fn field(&self) -> &'static str {
        match self {
            Self::NoPoint => "location",
            Self::NotFinite { field }
            | Self::OutOfRange { field, .. }
            | Self::NullIsland { field }
            | Self::OutsideServiceArea { field } => field,
            Self::LooksLikeGridMetres | Self::LatitudeLongitudeSwapped => WGS84,
            Self::LooksLikeDegrees | Self::EastingNorthingSwapped | Self::OutsideGreatBritain => GRID,
            Self::Accuracy => "location.accuracy_m",
        }
    }

    /// The reason, for programs and counters; never changes once given out.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoPoint => "REQUIRED",
            Self::NotFinite { .. } => "NOT_FINITE",
            Self::OutOfRange { .. } => "OUT_OF_RANGE",
            Self::NullIsland { .. } => "NULL_ISLAND",
            Self::LooksLikeGridMetres => "LOOKS_LIKE_GRID_METRES",
            Self::LooksLikeDegrees => "LOOKS_LIKE_DEGREES",
            Self::LatitudeLongitudeSwapped => "LATITUDE_LONGITUDE_SWAPPED",
            Self::EastingNorthingSwapped => "EASTING_NORTHING_SWAPPED",
            Self::OutsideGreatBritain => "OUTSIDE_GREAT_BRITAIN",
            Self::OutsideServiceArea { .. } => "OUTSIDE_SERVICE_AREA",
            Self::Accuracy => "OUT_OF_RANGE",
        }
    }
}

/// The place a location names, or everything that is wrong with it.
pub(crate) fn place(location: &Location, area: Option<&ServiceArea>) -> Result<Place, Vec<InvalidLocation>> {
    let position = match &location.point {
        None => Err(InvalidLocation::NoPoint),
        Some(Point::Wgs84(point)) => wgs84(point, area),
        Some(Point::BritishNationalGrid(point)) => british_national_grid(point, area),
    };
    match (position, accuracy(location.accuracy_m)) {
        (Ok(position), Ok(accuracy)) => Ok(Place { position, accuracy }),
        (position, accuracy) => Err(position.err().into_iter().chain(accuracy.err()).collect()),
    }
}

fn accuracy(accuracy_m: Option<f64>) -> Result<Metres, InvalidLocation> {
    match accuracy_m {
        None => Ok(Metres::default()),
        Some(metres) if (0.0..=ACCURACY_MAX_M).contains(&metres) => Ok(Metres::from_f64(metres)),
        Some(_) => Err(InvalidLocation::Accuracy),
    }
}

fn wgs84(point: &Wgs84, area: Option<&ServiceArea>) -> Result<Position, InvalidLocation> {
    let (latitude, longitude) = (point.latitude_deg, point.longitude_deg);
    finite(LATITUDE, latitude)?;
    finite(LONGITUDE, longitude)?;
    if looks_like_grid(latitude, longitude) {
        return Err(InvalidLocation::LooksLikeGridMetres);
    }
    let Ok(position) = Position::from_degrees(latitude, longitude) else {
        return Err(if is_in(area, longitude, latitude) {
            InvalidLocation::LatitudeLongitudeSwapped
        } else {
            out_of_range(latitude, longitude)
        });
    };
    if position.to_e7() == (0, 0) {
        return Err(InvalidLocation::NullIsland { field: WGS84 });
    }
    match area {
        Some(limits) if !limits.contains(position) => Err(if is_in(area, longitude, latitude) {
            InvalidLocation::LatitudeLongitudeSwapped
        } else {
            InvalidLocation::OutsideServiceArea { field: WGS84 }
        }),
        _ => Ok(position),
    }
}

fn british_national_grid(point: &BritishNationalGrid, area: Option<&ServiceArea>) -> Result<Position, InvalidLocation> {
    let (easting, northing) = (point.easting_m, point.northing_m);
    finite(EASTING, easting)?;
    finite(NORTHING, northing)?;
    if easting == 0.0 && northing == 0.0 {
        return Err(InvalidLocation::NullIsland { field: GRID });
    }
    // Within 180 m of the false origin there is only sea.
    if easting.abs() <= 180.0 && northing.abs() <= 180.0 {
        return Err(InvalidLocation::LooksLikeDegrees);
    }
    let position = grid::to_wgs84(easting, northing);
    let is_usable = |position: Position| area.is_none_or(|limits| limits.contains(position));
    match position {
        Ok(position) if is_usable(position) => Ok(position),
        // Without an area, any place on land is as good as its mirror image, so only a place off the grid is told apart.
        _ if grid::to_wgs84(northing, easting).is_ok_and(is_usable) => Err(InvalidLocation::EastingNorthingSwapped),
        Ok(_) => Err(InvalidLocation::OutsideServiceArea { field: GRID }),
        Err(grid::OutsideGreatBritain) => Err(InvalidLocation::OutsideGreatBritain),
    }
}

fn finite(field: &'static str, value: f64) -> Result<(), InvalidLocation> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(InvalidLocation::NotFinite { field })
    }
}

/// Whether "degrees" would be a place on the grid in either order. Both are beyond any degree, so no typing slip in a
/// real latitude is taken for a grid reference.
fn looks_like_grid(latitude: f64, longitude: f64) -> bool {
    let on_grid = |easting: f64, northing: f64| {
        (360.0..=EASTING_MAX_M).contains(&easting) && (360.0..=NORTHING_MAX_M).contains(&northing)
    };
    on_grid(latitude, longitude) || on_grid(longitude, latitude)
}

fn is_in(area: Option<&ServiceArea>, latitude: f64, longitude: f64) -> bool {
    match (area, Position::from_degrees(latitude, longitude)) {
        (Some(area), Ok(position)) => area.contains(position),
        _ => false,
    }
}

fn out_of_range(latitude: f64, longitude: f64) -> InvalidLocation {
    let (field, degrees, limit) = if latitude.abs() > 90.0 {
        (LATITUDE, latitude, 90)
    } else {
        (LONGITUDE, longitude, 180)
    };
    InvalidLocation::OutOfRange { field, degrees, limit }
}

#[cfg(test)]
#[path = "location_tests.rs"]
mod tests;
