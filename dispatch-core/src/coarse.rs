//! What a phone may know before its accept is confirmed: the square an incident lies in, and a band of distances to the
//! centre of that square. The square sits on a fixed grid, so asking often does not average it away.

use crate::position::{EARTH_RADIUS_M, Metres, Position};

/// Side of the square. Research note S14 asks for at least 250 m.
pub const CELL_SIZE_M: u32 = 250;

/// Upper ends of the distance bands in metres; the last band has none.
const BAND_ENDS_M: [u32; 5] = [250, 500, 1000, 2000, 5000];

/// A square of about 250 m, named by its centre.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoarseCell {
    /// The centre.
    pub centre: Position,
}

impl CoarseCell {
    /// The square `position` lies in.
    pub fn around(position: Position) -> Self {
        let rows = row_height_deg();
        let row = libm::floor(position.latitude() / rows);
        let latitude = ((row + 0.5) * rows).clamp(-90.0, 90.0);
        // Columns of a row are equally wide, sized at the row's centre.
        let columns = (rows / libm::cos(latitude.to_radians()).max(1e-6)).min(360.0);
        let column = libm::floor(position.longitude() / columns);
        let longitude = ((column + 0.5) * columns).clamp(-180.0, 180.0);
        let centre = Position::from_degrees(latitude, longitude).expect("clamped to the globe");
        Self { centre }
    }

    /// The band of the distance from `position` to the centre.
    pub fn band_from(self, position: Position) -> DistanceBand {
        DistanceBand::of(position.distance_to(self.centre))
    }
}

fn row_height_deg() -> f64 {
    (f64::from(CELL_SIZE_M) / EARTH_RADIUS_M).to_degrees()
}

/// A distance told only as a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DistanceBand {
    /// Inclusive, metres.
    pub from_m: u32,
    /// Exclusive, metres; `None` = no upper end.
    pub to_m: Option<u32>,
}

impl DistanceBand {
    /// The band `distance` falls in.
    pub fn of(distance: Metres) -> Self {
        let mut from_m = 0;
        for end in BAND_ENDS_M {
            if distance < Metres::new(end) {
                return Self {
                    from_m,
                    to_m: Some(end),
                };
            }
            from_m = end;
        }
        Self { from_m, to_m: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_square_hides_the_place_but_not_by_much(latitude in -89.0..89.0f64, longitude in -180.0..180.0f64) {
            let place = Position::from_degrees(latitude, longitude).expect("in range");
            let cell = CoarseCell::around(place);
            // Half a diagonal, and a little for the row being sized at its centre.
            prop_assert!(place.distance_to(cell.centre) < Metres::new(200), "{:?}", place.distance_to(cell.centre));
        }
    }

    #[test]
    fn one_place_gives_one_square_and_neighbours_share_it() {
        let at = |lat, lon| CoarseCell::around(Position::from_degrees(lat, lon).expect("in range"));
        assert_eq!(at(51.5, -0.12), at(51.5, -0.12));
        let centre = at(51.5, -0.12).centre;
        assert_eq!(
            at(centre.latitude() + 0.0005, centre.longitude()),
            at(centre.latitude(), centre.longitude() - 0.0008)
        );
    }

    #[test]
    fn poles_have_a_square() {
        for latitude in [90.0, -90.0] {
            let pole = Position::from_degrees(latitude, 0.0).expect("in range");
            assert!(pole.distance_to(CoarseCell::around(pole).centre) < Metres::new(251));
        }
    }

    #[test]
    fn bands_meet() {
        assert_eq!(
            DistanceBand::of(Metres::from_mm(249_999)),
            DistanceBand {
                from_m: 0,
                to_m: Some(250)
            }
        );
        assert_eq!(
            DistanceBand::of(Metres::new(250)),
            DistanceBand {
                from_m: 250,
                to_m: Some(500)
            }
        );
        assert_eq!(
            DistanceBand::of(Metres::new(9000)),
            DistanceBand {
                from_m: 5000,
                to_m: None
            }
        );
    }
}
