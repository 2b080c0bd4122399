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
pub(crate) const LATITUDE_MAX: i32 = 900_000_000;
pub(crate) const LONGITUDE_HALF: i32 = 1_800_000_000;
/// Radians in a ten-millionth of a degree.
pub(crate) const RADIANS_PER_UNIT: f64 = std::f64::consts::PI / 180.0 / UNITS_PER_DEGREE;
/// Up to this difference of latitude and of longitude, 11 km of latitude, the series of [`Origin::near_distance`] hold.
const NEAR_MAX: i64 = 1 << 20;

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

    fn cos_latitude(self) -> f64 {
        Parallels::around(self.latitude).cos(self.latitude)
    }

    /// A position of coordinates that [`Position::to_e7`] gave out.
    pub(crate) const fn from_units(latitude: i32, longitude: i32) -> Self {
        Self { latitude, longitude }
    }

    /// Great-circle distance (haversine on a sphere of [`EARTH_RADIUS_M`]), to the millimetre.
    pub fn distance_to(self, other: Self) -> Metres {
        Origin::of(self).distance_to(other)
    }
}

/// A place that distances are taken from, with what does not depend on the other end worked out once.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    position: Position,
    parallels: Parallels,
    cos_latitude: f64,
}

impl Origin {
    /// Prepares to take distances from a place.
    pub fn of(position: Position) -> Self {
        let parallels = Parallels::around(position.latitude);
        Self {
            position,
            parallels,
            cos_latitude: parallels.cos(position.latitude),
        }
    }

    /// The same, by the stripe of a place nearby; `stripe` is then that of this place.
    pub(crate) fn beside(position: Position, stripe: &mut Parallels) -> Self {
        let parallels = stripe.with(position.latitude);
        Self {
            position,
            parallels,
            cos_latitude: parallels.cos(position.latitude),
        }
    }

    /// The place.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The cosine of its latitude.
    pub fn cos_latitude(&self) -> f64 {
        self.cos_latitude
    }

    /// The stripe it lies in.
    pub(crate) fn parallels(&self) -> Parallels {
        self.parallels
    }

    /// Great-circle distance to another place, as [`Position::distance_to`] gives it.
    pub fn distance_to(&self, other: Position) -> Metres {
        self.distance(other, other.cos_latitude())
    }

    /// The same, by the stripe of a place near the other one; `stripe` is then that of the other one.
    pub(crate) fn distance_beside(&self, other: Position, stripe: &mut Parallels) -> Metres {
        let parallels = stripe.with(other.latitude);
        self.distance(other, parallels.cos(other.latitude))
    }

    /// The same, with the cosine of the other's latitude at hand.
    #[inline]
    pub(crate) fn distance(&self, other: Position, cos_latitude: f64) -> Metres {
        let here = self.position;
        let north = i64::from(other.latitude) - i64::from(here.latitude);
        let east = i64::from(other.longitude) - i64::from(here.longitude);
        let cosines = self.cos_latitude * cos_latitude;
        if north.abs() <= NEAR_MAX && east.abs() <= NEAR_MAX {
            return near_distance(north, east, cosines);
        }
        far_distance(north, east, cosines)
    }
}

#[inline(never)]
fn far_distance(north: i64, east: i64, cosines: f64) -> Metres {
    let half = |units: i64| libm::sin(radians(units) / 2.0);
    let (half_north, half_east) = (half(north), half(east));
    let h = half_north * half_north + cosines * half_east * half_east;
    // Rounding can carry `h` a hair past 1 for antipodes.
    let angle = 2.0 * libm::asin(libm::sqrt(h.min(1.0)));
    Metres::from_f64(EARTH_RADIUS_M * angle)
}

/// The latitudes of one stripe round the globe, 2^18 ten-millionths of a degree high, and the cosines in it: worked out from
/// that of its middle by the first terms of their series, of which the rest is below 1e-17. The same for a place by itself
/// and for all that lie in a stripe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parallels {
    middle: i32,
    sin: f64,
    cos: f64,
}

impl Parallels {
    const HEIGHT_SHIFT: u32 = 18;

    /// The stripe that a latitude lies in.
    pub(crate) fn around(latitude: i32) -> Self {
        let middle = (latitude >> Self::HEIGHT_SHIFT << Self::HEIGHT_SHIFT) + (1 << (Self::HEIGHT_SHIFT - 1));
        let (sin, cos) = libm::sincos(radians(i64::from(middle)));
        Self { middle, sin, cos }
    }

    /// Whether a latitude lies in the stripe.
    pub(crate) fn contain(&self, latitude: i32) -> bool {
        latitude >> Self::HEIGHT_SHIFT == self.middle >> Self::HEIGHT_SHIFT
    }

    /// This stripe if a latitude lies in it, or becomes the one in which it does.
    fn with(&mut self, latitude: i32) -> Self {
        if !self.contain(latitude) {
            *self = Self::around(latitude);
        }
        *self
    }

    /// The cosine of a latitude of this stripe.
    pub(crate) fn cos(&self, latitude: i32) -> f64 {
        let x = radians(i64::from(latitude) - i64::from(self.middle));
        let t = x * x;
        let cos = self.cos * (1.0 - t * (0.5 - t * (1.0 / 24.0))) - self.sin * (x * (1.0 - t * (1.0 / 6.0)));
        // Rounding can carry that of a pole a hair below.
        cos.max(0.0)
    }
}

/// The same formula with the first terms of the series of sine and arcsine: what is left out is below a millionth of a
/// millimetre. Only arithmetic whose result the IEEE 754 standard fixes, so that it replays anywhere.
#[inline]
fn near_distance(north: i64, east: i64, cosines: f64) -> Metres {
    let half_sine_squared = |units: i64| {
        let x = radians(units);
        let t = x * x;
        t * (0.25 - t * (1.0 / 48.0 - t * (1.0 / 1440.0)))
    };
    let h = half_sine_squared(north) + cosines * half_sine_squared(east);
    let angle = 2.0 * h.sqrt() * (1.0 + h * (1.0 / 6.0 + h * (3.0 / 40.0)));
    // At most 16 km: half a millimetre more and cut off is rounded.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Metres::from_mm((EARTH_RADIUS_M * 1000.0 * angle + 0.5) as i64 as u64)
}

#[allow(clippy::cast_precision_loss)]
fn radians(units: i64) -> f64 {
    // At most 3.6e9 in size, so the cast is exact.
    units as f64 * RADIANS_PER_UNIT
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

/// How fast a person gets away from where they were at most, in metres a second: 108 km/h.
const GETS_AWAY_M_PER_S: u64 = 30;

impl Fix {
    /// Whether this newer fix is vaguer than `known` has become with age, and does not contradict it: a mast or a Wi-Fi
    /// network seen just after a good fix. Where the person is, the known one then says better.
    pub fn tells_nothing_after(&self, known: &Self) -> bool {
        let age_ms = u64::try_from(self.taken_at.ms_since(known.taken_at)).unwrap_or(0);
        let known_within = known.accuracy + Metres::from_mm(age_ms.saturating_mul(GETS_AWAY_M_PER_S));
        self.accuracy > known_within && self.position.distance_to(known.position) <= self.accuracy
    }
}

#[cfg(test)]
mod tests {
    use geo::{Distance, Haversine, Point};
    use proptest::prelude::*;

    use super::*;

    fn fix(metres_north: f64, accuracy_m: u32, taken_s: i64) -> Fix {
        Fix {
            position: Position::from_degrees(51.5 + metres_north / 111_195.0, -0.12).expect("in range"),
            accuracy: Metres::new(accuracy_m),
            taken_at: Timestamp::from_unix_ms(taken_s * 1000),
        }
    }

    #[test]
    fn a_mast_seen_after_a_good_fix_tells_nothing_until_the_person_may_have_got_away() {
        let good = fix(0.0, 5, 0);
        assert!(fix(300.0, 1_000, 10).tells_nothing_after(&good));
        assert!(fix(300.0, 1_000, 33).tells_nothing_after(&good));
        assert!(!fix(300.0, 1_000, 34).tells_nothing_after(&good), "5 m + 34 s x 30 m/s");
        assert!(
            !fix(1_001.0, 1_000, 10).tells_nothing_after(&good),
            "not where they were"
        );
        assert!(!fix(3.0, 5, 1).tells_nothing_after(&good), "as good as before");
        assert!(!fix(300.0, 35, 1).tells_nothing_after(&good));
    }

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
