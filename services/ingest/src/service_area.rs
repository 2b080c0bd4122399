//! The rectangle in which a control room's incidents can be. It catches swapped and mistyped coordinates.

use dispatch_core::position::Position;

/// A rectangle in degrees on WGS84. West may be greater than east: then it crosses the antimeridian.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServiceArea {
    /// Least latitude, -90 to 90.
    pub south: f64,
    /// Least longitude, -180 to 180.
    pub west: f64,
    /// Greatest latitude, -90 to 90, above `south`.
    pub north: f64,
    /// Greatest longitude, -180 to 180.
    pub east: f64,
}

/// A service area that is no rectangle on the globe.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the service area needs -90 <= south < north <= 90 and west, east within -180 to 180 degrees and not equal")]
pub struct InvalidServiceArea;

impl ServiceArea {
    /// Checks the four sides.
    pub fn validate(&self) -> Result<(), InvalidServiceArea> {
        // Written so that a NaN fails.
        let latitudes = -90.0 <= self.south && self.south < self.north && self.north <= 90.0;
        let meridian = |degrees: f64| (-180.0..=180.0).contains(&degrees);
        let longitudes = meridian(self.west) && meridian(self.east) && self.west != self.east;
        if latitudes && longitudes {
            Ok(())
        } else {
            Err(InvalidServiceArea)
        }
    }

    /// The point in the middle: latitude and longitude in degrees.
    pub fn middle(&self) -> (f64, f64) {
        let width = (self.east - self.west).rem_euclid(360.0);
        let longitude = self.west + width / 2.0;
        let longitude = if longitude > 180.0 {
            longitude - 360.0
        } else {
            longitude
        };
        (f64::midpoint(self.south, self.north), longitude)
    }

    /// Whether the area holds the position; its edges belong to it.
    pub fn contains(&self, position: Position) -> bool {
        let (latitude, longitude) = (position.latitude(), position.longitude());
        let in_height = (self.south..=self.north).contains(&latitude);
        let in_width = if self.west < self.east {
            // A `Position` writes the antimeridian as -180.
            (self.west..=self.east).contains(&longitude) || (self.east == 180.0 && longitude == -180.0)
        } else {
            longitude >= self.west || longitude <= self.east
        };
        in_height && in_width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(latitude: f64, longitude: f64) -> Position {
        Position::from_degrees(latitude, longitude).expect("in range")
    }

    #[test]
    fn edges_belong_to_the_area() {
        let london = ServiceArea {
            south: 51.2,
            west: -0.6,
            north: 51.8,
            east: 0.4,
        };
        assert_eq!(london.validate(), Ok(()));
        assert!(london.contains(position(51.2, -0.6)) && london.contains(position(51.8, 0.4)));
        assert!(!london.contains(position(51.19, 0.0)) && !london.contains(position(51.5, 0.41)));
    }

    #[test]
    fn an_area_may_cross_the_antimeridian() {
        let fiji = ServiceArea {
            south: -21.0,
            west: 176.0,
            north: -12.0,
            east: -178.0,
        };
        assert_eq!(fiji.validate(), Ok(()));
        assert!(fiji.contains(position(-17.0, 180.0)) && fiji.contains(position(-17.0, -179.0)));
        assert!(!fiji.contains(position(-17.0, 0.0)));
    }

    #[test]
    fn a_wrong_area_is_refused() {
        let good = ServiceArea {
            south: 51.0,
            west: -1.0,
            north: 52.0,
            east: 1.0,
        };
        for wrong in [
            ServiceArea { south: 53.0, ..good },
            ServiceArea {
                north: f64::NAN,
                ..good
            },
            ServiceArea { east: 181.0, ..good },
            ServiceArea { west: 1.0, ..good },
        ] {
            assert_eq!(wrong.validate(), Err(InvalidServiceArea), "{wrong:?}");
        }
    }
}
