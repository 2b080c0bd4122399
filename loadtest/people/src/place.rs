//! A point on the earth, and the three things done with it: distance, direction, going part of the way.

use geo::{Destination, Distance, Haversine, InterpolatePoint, Point};
use thiserror::Error;

/// A WGS84 point with finite coordinates in range.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Place(Point<f64>);

/// Coordinates that are no place.
#[derive(Clone, Copy, PartialEq, Debug, Error)]
pub enum InvalidPlace {
    /// The latitude.
    #[error("latitude_deg is {0}; accepted: -90 to 90")]
    Latitude(f64),
    /// The longitude.
    #[error("longitude_deg is {0}; accepted: -180 to 180")]
    Longitude(f64),
}

impl Place {
    /// Makes a place from degrees.
    ///
    /// # Errors
    /// Refuses NaN and anything out of range.
    pub fn new(latitude_deg: f64, longitude_deg: f64) -> Result<Self, InvalidPlace> {
        if !(-90.0..=90.0).contains(&latitude_deg) {
            return Err(InvalidPlace::Latitude(latitude_deg));
        }
        if !(-180.0..=180.0).contains(&longitude_deg) {
            return Err(InvalidPlace::Longitude(longitude_deg));
        }
        Ok(Self(Point::new(longitude_deg, latitude_deg)))
    }

    /// Degrees, north positive.
    pub fn latitude_deg(self) -> f64 {
        self.0.y()
    }

    /// Degrees, east positive.
    pub fn longitude_deg(self) -> f64 {
        self.0.x()
    }

    /// Great-circle distance in metres.
    pub fn distance_m(self, other: Self) -> f64 {
        Haversine.distance(self.0, other.0)
    }

    /// The place `distance_m` metres away in a direction given in degrees clockwise from north.
    pub fn towards(self, bearing_deg: f64, distance_m: f64) -> Self {
        Self::wrapped(Haversine.destination(self.0, bearing_deg, distance_m))
    }

    /// The place a share (0 to 1) of the way to `target`.
    pub fn part_way(self, target: Self, share: f64) -> Self {
        Self::wrapped(Haversine.point_at_ratio_between(self.0, target.0, share.clamp(0.0, 1.0)))
    }

    /// Brings a computed point back into range: a path may cross the antimeridian or overshoot by a rounding error.
    fn wrapped(point: Point<f64>) -> Self {
        let mut longitude = point.x();
        // Only when needed: the sum below costs a digit.
        if !(-180.0..=180.0).contains(&longitude) {
            longitude = (longitude + 180.0).rem_euclid(360.0) - 180.0;
        }
        Self(Point::new(longitude, point.y().clamp(-90.0, 90.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude_deg: f64, longitude_deg: f64) -> Place {
        Place::new(latitude_deg, longitude_deg).expect("a literal in range")
    }

    #[test]
    fn coordinates_out_of_range_are_refused_by_name() {
        assert!(matches!(Place::new(f64::NAN, 0.0), Err(InvalidPlace::Latitude(_))));
        assert_eq!(Place::new(90.1, 0.0), Err(InvalidPlace::Latitude(90.1)));
        assert_eq!(Place::new(0.0, -180.5), Err(InvalidPlace::Longitude(-180.5)));
        let text = InvalidPlace::Latitude(90.1).to_string();
        assert_eq!(text, "latitude_deg is 90.1; accepted: -90 to 90");
    }

    #[test]
    fn one_degree_north_is_111_km() {
        assert!((place(51.0, 0.0).distance_m(place(52.0, 0.0)) - 111_195.0).abs() < 50.0);
    }

    #[test]
    fn going_a_distance_ends_that_far_away_also_across_the_antimeridian() {
        for start in [place(51.5, -0.1), place(0.0, 179.9999), place(89.9, 10.0)] {
            for bearing in [0.0, 90.0, 180.0, 275.0] {
                let end = start.towards(bearing, 500.0);
                assert!((start.distance_m(end) - 500.0).abs() < 0.01, "{start:?} {bearing}");
                assert!(Place::new(end.latitude_deg(), end.longitude_deg()).is_ok());
            }
        }
    }

    #[test]
    fn half_way_is_as_far_from_both_ends() {
        let (start, end) = (place(51.5, -0.1), place(51.51, -0.12));
        let middle = start.part_way(end, 0.5);
        assert!((middle.distance_m(start) - middle.distance_m(end)).abs() < 0.01);
    }
}
