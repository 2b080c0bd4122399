//! Positions on the sphere, distances between them, and fixes: a position with its uncertainty and age.
//!
//! Coordinates are fixed-point and distances whole millimetres, computed with `libm`, so that a decision replays bit
//! for bit on any machine.

use std::{fmt, ops};

use crate::time::Timestamp;

/// Mean radius of the Earth in metres (IUGG 1980, R1).
pub const EARTH_RADIUS_M: f64 = 6_371_008.771_4;

/// Ten-millionths of a degree in a degree; one of them is 11 mm on a meridian.
const UNITS_PER_DEGREE: f64 = 1e7;
const LATITUDE_MAX: i32 = 900_000_000;
const LONGITUDE_HALF: i32 = 1_800_000_000;

/// A number that is not a coordinate.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum InvalidPosition {
    /// NaN or infinite.
    #[error("{axis} is not a finite number")]
    NotFinite {
        /// `latitude` or `longitude`.
        axis: &'static str,
    },
    /// Not on the globe.
    #[error("{axis} {degrees} is outside -{limit} to {limit} degrees")]
    OutOfRange {
        /// `latitude` or `longitude`.
        axis: &'static str,
        /// What came in.
        degrees: f64,
        /// 90 or 180.
        limit: u8,
    },
}

/// A place on the WGS84 globe, to a ten-millionth of a degree. Longitude runs from -180 (included) to 180 (excluded),
/// and both poles have longitude 0, so that equal places are equal values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    latitude: i32,
    longitude: i32,
}

impl Position {
    /// Builds a position from degrees: latitude -90 to 90, longitude -180 to 180.
    pub fn from_degrees(latitude: f64, longitude: f64) -> Result<Self, InvalidPosition> {
        let latitude = fixed("latitude", latitude, 90)?;
        let longitude = fixed("longitude", longitude, 180)?;
        Ok(Self::normalised(latitude, longitude))
    }

    /// Builds a position from ten-millionths of a degree, as [`Position::to_e7`] gives them.
    pub fn from_e7(latitude: i32, longitude: i32) -> Result<Self, InvalidPosition> {
        Self::from_degrees(
            f64::from(latitude) / UNITS_PER_DEGREE,
            f64::from(longitude) / UNITS_PER_DEGREE,
        )
    }

    fn normalised(latitude: i32, longitude: i32) -> Self {
        let longitude = if latitude.abs() == LATITUDE_MAX {
            0
        } else if longitude == LONGITUDE_HALF {
            -LONGITUDE_HALF
        } else {
            longitude
        };
        Self { latitude, longitude }
    }

    /// Latitude and longitude in ten-millionths of a degree.
    pub const fn to_e7(self) -> (i32, i32) {
        (self.latitude, self.longitude)
    }

    /// Latitude in degrees.
    pub fn latitude(self) -> f64 {
        f64::from(self.latitude) / UNITS_PER_DEGREE
    }

    /// Longitude in degrees.
    pub fn longitude(self) -> f64 {
        f64::from(self.longitude) / UNITS_PER_DEGREE
    }

    /// The point on the unit sphere: x through 0°N 0°E, y through 0°N 90°E, z through the north pole.
    pub fn unit_vector(self) -> [f64; 3] {
        let (sin_lat, cos_lat) = libm::sincos(self.latitude().to_radians());
        let (sin_lon, cos_lon) = libm::sincos(self.longitude().to_radians());
        [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
    }

    /// Great-circle distance (haversine on a sphere of [`EARTH_RADIUS_M`]), to the millimetre.
    pub fn distance_to(self, other: Self) -> Metres {
        let (lat_1, lat_2) = (self.latitude().to_radians(), other.latitude().to_radians());
        let half_lat = libm::sin((lat_2 - lat_1) / 2.0);
        let half_lon = libm::sin((other.longitude() - self.longitude()).to_radians() / 2.0);
        let h = half_lat * half_lat + libm::cos(lat_1) * libm::cos(lat_2) * half_lon * half_lon;
        // Rounding can carry `h` a hair past 1 for antipodes.
        let angle = 2.0 * libm::asin(libm::sqrt(h.min(1.0)));
        Metres::from_f64(EARTH_RADIUS_M * angle)
    }
}

fn fixed(axis: &'static str, degrees: f64, limit: u8) -> Result<i32, InvalidPosition> {
    if !degrees.is_finite() {
        return Err(InvalidPosition::NotFinite { axis });
    }
    if degrees.abs() > f64::from(limit) {
        return Err(InvalidPosition::OutOfRange { axis, degrees, limit });
    }
    // At most 1.8e9 in size, so the cast is exact.
    #[allow(clippy::cast_possible_truncation)]
    Ok(libm::round(degrees * UNITS_PER_DEGREE) as i32)
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.7},{:.7}", self.latitude(), self.longitude())
    }
}

/// A length in whole millimetres, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Metres(u64);

impl Metres {
    /// This many millimetres.
    pub const fn from_mm(mm: u64) -> Self {
        Self(mm)
    }

    /// This many whole metres.
    pub const fn new(metres: u32) -> Self {
        Self(metres as u64 * 1000)
    }

    /// Rounds to the millimetre; negative and NaN become 0.
    pub fn from_f64(metres: f64) -> Self {
        // A float cast saturates: NaN and negatives give 0.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Self(libm::round(metres * 1000.0) as u64)
    }

    /// Millimetres.
    pub const fn mm(self) -> u64 {
        self.0
    }

    /// Metres.
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl ops::Add for Metres {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Metres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} m", self.as_f64())
    }
}

/// Where a phone was, how surely, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fix {
    /// The place.
    pub position: Position,
    /// Radius of the phone's own uncertainty.
    pub accuracy: Metres,
    /// When the phone took it, by Muster's clock.
    pub taken_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use geo::{Distance, Haversine, Point};
    use proptest::prelude::*;

    use super::*;

    fn position(latitude: f64, longitude: f64) -> Position {
        Position::from_degrees(latitude, longitude).expect("in range")
    }

    #[test]
    fn only_places_on_the_globe_are_built() {
        for (latitude, longitude) in [
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
            (90.1, 0.0),
            (0.0, -180.1),
            (530_000.0, 180_000.0),
        ] {
            assert!(Position::from_degrees(latitude, longitude).is_err());
        }
        assert!(Position::from_e7(i32::MAX, 0).is_err());
    }

    #[test]
    fn equal_places_are_equal_values() {
        assert_eq!(position(10.0, 180.0), position(10.0, -180.0));
        assert_eq!(position(90.0, 12.0), position(90.0, -77.0));
    }

    #[test]
    fn distance_crosses_the_antimeridian() {
        assert!(position(0.0, 179.999).distance_to(position(0.0, -179.999)) < Metres::new(223));
        assert_eq!(
            position(0.0, 0.0).distance_to(position(0.0, 180.0)).mm(),
            20_015_114_352
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn distance_agrees_with_geo(a in (-90.0..=90.0f64, -180.0..=180.0f64), b in (-90.0..=90.0f64, -180.0..=180.0f64)) {
            let (a, b) = (position(a.0, a.1), position(b.0, b.1));
            let theirs = Haversine.distance(Point::new(a.longitude(), a.latitude()), Point::new(b.longitude(), b.latitude()));
            // Near antipodes the formula loses digits in either implementation.
            prop_assert!((a.distance_to(b).as_f64() - theirs).abs() < 0.5, "{} {theirs}", a.distance_to(b).as_f64());
            prop_assert_eq!(a.distance_to(b), b.distance_to(a));
        }
    }
}
