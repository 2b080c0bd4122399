//! The people a trunk speaks for: where each is, and how they move.
//!
//! They move as in the service's benchmarks, so that figures can be laid side by side: a step of 50 m in any direction with
//! each position, and one time in twenty a jump to somewhere else within reach of home (a bus, a car). Sixteen bytes of
//! place for each, so that millions fit.

use std::time::SystemTime;

use muster_loadtest::people::place::Place;
use muster_proto::v1::{Position, TrunkPosition, TrunkUp};
use prost::Message as _;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::desk::wire_time;

/// A brisk minute's walk on the spot.
const STEP_M: f64 = 50.0;
/// One position in twenty is a jump.
const JUMP_SHARE: f64 = 0.05;
/// Nobody gets further from home than this.
const LEASH_M: f64 = 2_000.0;
/// Metres in a degree of latitude.
const DEGREE_M: f64 = 111_195.0;
/// What a phone in a town says about its own uncertainty.
const ACCURACY_M: f64 = 10.0;
/// Seven decimals of a degree, a centimetre.
const UNITS_PER_DEGREE: f64 = 1e7;

/// Latitude and longitude in ten-millionths of a degree.
#[derive(Clone, Copy)]
struct Spot(i32, i32);

/// Everybody a trunk speaks for.
pub struct Crowd {
    ids: Vec<[u8; 16]>,
    homes: Vec<Spot>,
    here: Vec<Spot>,
    next: usize,
    stream: ChaCha8Rng,
}

impl Crowd {
    /// Everybody at home.
    pub fn new(ids: Vec<[u8; 16]>, home: impl Fn(u64) -> Place, stream: ChaCha8Rng) -> Self {
        let homes: Vec<Spot> = (0..ids.len() as u64).map(|number| Spot::of(home(number))).collect();
        Self {
            ids,
            here: homes.clone(),
            homes,
            next: 0,
            stream,
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Where the next `count` are, as they are: nobody moves.
    pub fn standing(&mut self, count: usize) -> Vec<u8> {
        self.message(count, |_, spot, _| spot)
    }

    /// Where the next `count` are now.
    pub fn moving(&mut self, count: usize) -> Vec<u8> {
        self.message(count, Spot::moved)
    }

    fn message(&mut self, count: usize, step: impl Fn(Spot, Spot, &mut ChaCha8Rng) -> Spot) -> Vec<u8> {
        let now = wire_time(SystemTime::now());
        let mut positions = Vec::with_capacity(count);
        for _ in 0..count {
            let index = self.next;
            self.next = (index + 1) % self.ids.len();
            let spot = step(self.homes[index], self.here[index], &mut self.stream);
            self.here[index] = spot;
            positions.push(TrunkPosition {
                responder: self.ids[index].to_vec(),
                position: Some(Position {
                    latitude_deg: f64::from(spot.0) / UNITS_PER_DEGREE,
                    longitude_deg: f64::from(spot.1) / UNITS_PER_DEGREE,
                    accuracy_m: ACCURACY_M,
                    taken_at: Some(now),
                }),
            });
        }
        let message = TrunkUp {
            sent_at: Some(now),
            positions,
        };
        message.encode_to_vec()
    }
}

impl Spot {
    fn of(place: Place) -> Self {
        Self::at(place.latitude_deg(), place.longitude_deg())
    }

    /// Rounded and kept in range; 180 degrees are 1.8e9 units, which fit.
    #[allow(clippy::cast_possible_truncation)]
    fn at(latitude_deg: f64, longitude_deg: f64) -> Self {
        let units = |degrees: f64, most: f64| (degrees.clamp(-most, most) * UNITS_PER_DEGREE).round() as i32;
        Self(units(latitude_deg, 90.0), units(longitude_deg, 180.0))
    }

    /// One step from here, or a jump; back home when that is too far. On a flat sheet: over these distances the earth is one.
    fn moved(home: Self, here: Self, stream: &mut ChaCha8Rng) -> Self {
        let (from, reach_m) = if stream.random_bool(JUMP_SHARE) {
            (home, LEASH_M * stream.random::<f64>().sqrt())
        } else {
            (here, STEP_M)
        };
        let angle = stream.random_range(0.0..std::f64::consts::TAU);
        let latitude = f64::from(from.0) / UNITS_PER_DEGREE;
        let longitude = f64::from(from.1) / UNITS_PER_DEGREE;
        // Never zero: nobody lives within a degree of a pole.
        let narrow = latitude.to_radians().cos().max(0.017);
        let moved = Self::at(
            latitude + reach_m * angle.cos() / DEGREE_M,
            longitude + reach_m * angle.sin() / (DEGREE_M * narrow),
        );
        let away = f64::from(moved.0 - home.0).hypot(f64::from(moved.1 - home.1) * narrow);
        if away / UNITS_PER_DEGREE * DEGREE_M > LEASH_M {
            home
        } else {
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn place(spot: &Position) -> Place {
        Place::new(spot.latitude_deg, spot.longitude_deg).expect("in range")
    }

    #[test]
    fn everybody_is_told_of_in_turn_and_stays_within_reach_of_home() {
        let home = Place::new(51.5, -0.1).expect("a literal in range");
        let ids = (0..10_u8).map(|n| [n; 16]).collect();
        let mut crowd = Crowd::new(ids, |_| home, ChaCha8Rng::seed_from_u64(1));
        let standing = TrunkUp::decode(crowd.standing(10).as_slice()).expect("valid");
        assert!(
            standing
                .positions
                .iter()
                .all(|told| place(told.position.as_ref().expect("set")).distance_m(home) < 0.1)
        );
        let (mut before, mut jumps) = (vec![home; 10], 0);
        for _ in 0..200 {
            let told = TrunkUp::decode(crowd.moving(10).as_slice()).expect("valid");
            let who: Vec<u8> = told.positions.iter().map(|told| told.responder[0]).collect();
            assert_eq!(who, (0..10).collect::<Vec<u8>>());
            for (told, before) in told.positions.iter().zip(&mut before) {
                let here = place(told.position.as_ref().expect("set"));
                assert!(here.distance_m(home) <= LEASH_M * 1.01);
                jumps += u32::from(here.distance_m(*before) > STEP_M * 1.01);
                *before = here;
            }
        }
        assert!((60..160).contains(&jumps), "{jumps}");
    }
}
