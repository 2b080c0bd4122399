//! Responders over Great Britain: 80 towns by Zipf's law, 15 % in the country, on an area of 550 by 980 km; as flat metres
//! and as places on the sphere. No map and no census: those of `muster-people` are, and take longer to draw.

use dispatch_core::position::{EARTH_RADIUS_M, Position};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const WIDTH_M: f64 = 550_000.0;
const HEIGHT_M: f64 = 980_000.0;
const TOWNS: usize = 80;
const IN_THE_COUNTRY: f64 = 0.15;
/// Latitude of the southern edge and longitude of the middle.
const SOUTH_DEG: f64 = 49.9;
const MIDDLE_DEG: f64 = -2.0;
/// A responder moves so far between two fixes.
const STEP_M: f64 = 50.0;
/// Share of moves that lead somewhere else altogether.
const JUMPS: f64 = 0.05;

/// A place on the flat map, in metres east and north of its south-western corner.
pub type Flat = [f64; 2];

/// Longitude and latitude in degrees.
pub type Degrees = [f64; 2];

/// A place on the sphere. Meridians keep their distances and so does each parallel by itself (sinusoidal projection), so
/// distances around a town differ by a few per cent from those on the flat map.
pub fn on_the_sphere(flat: Flat) -> Position {
    let [longitude, latitude] = in_degrees(flat);
    Position::from_degrees(latitude, longitude).expect("on the map")
}

/// The same in degrees.
pub fn in_degrees([east, north]: Flat) -> Degrees {
    let latitude = SOUTH_DEG.to_radians() + north / EARTH_RADIUS_M;
    let longitude = MIDDLE_DEG.to_radians() + (east - WIDTH_M / 2.0) / (EARTH_RADIUS_M * latitude.cos());
    [longitude.to_degrees(), latitude.to_degrees()]
}

struct TownOnMap {
    middle: Flat,
    spread_m: f64,
}

/// Where people are, and how they move.
pub struct Country {
    towns: Vec<TownOnMap>,
    shares: Vec<f64>,
    dice: ChaCha8Rng,
}

impl Country {
    /// The same seed, the same towns and the same people.
    pub fn new(seed: u64) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let towns = (0..TOWNS).map(|_| TownOnMap {
            middle: [
                dice.random_range(0.1..0.9) * WIDTH_M,
                dice.random_range(0.1..0.9) * HEIGHT_M,
            ],
            spread_m: dice.random_range(1_500.0..12_000.0),
        });
        let towns = towns.collect();
        let mut sum = 0.0;
        let shares = (1..=TOWNS).map(|rank| {
            #[allow(clippy::cast_precision_loss)]
            let share = 1.0 / rank as f64;
            sum += share;
            sum
        });
        let shares = shares.collect();
        Self { towns, shares, dice }
    }

    /// Where somebody lives.
    pub fn home(&mut self) -> Flat {
        if self.dice.random_bool(IN_THE_COUNTRY) {
            return self.anywhere();
        }
        let all = self.shares.last().copied().expect("there are towns");
        let lot = self.dice.random_range(0.0..all);
        let town = &self.towns[self.shares.partition_point(|&share| share <= lot)];
        let (middle, spread_m) = (town.middle, town.spread_m);
        let (east, north) = self.normal();
        on_the_map([middle[0] + east * spread_m, middle[1] + north * spread_m])
    }

    /// Where so many live.
    pub fn homes(&mut self, count: usize) -> Vec<Flat> {
        (0..count).map(|_| self.home()).collect()
    }

    /// The middle of one of the five largest towns.
    pub fn in_a_large_town(&mut self) -> Flat {
        let town = &self.towns[self.dice.random_range(0..5)];
        let middle = town.middle;
        // Not always the same metre, so that a cache does not answer.
        [
            middle[0] + self.dice.random_range(-250.0..250.0),
            middle[1] + self.dice.random_range(-250.0..250.0),
        ]
    }

    /// Anywhere on the map.
    pub fn anywhere(&mut self) -> Flat {
        [
            self.dice.random_range(0.0..WIDTH_M),
            self.dice.random_range(0.0..HEIGHT_M),
        ]
    }

    /// Where somebody is at their next fix.
    pub fn next(&mut self, here: Flat) -> Flat {
        if self.dice.random_bool(JUMPS) {
            return self.home();
        }
        let direction = self.dice.random_range(0.0..std::f64::consts::TAU);
        on_the_map([here[0] + STEP_M * direction.cos(), here[1] + STEP_M * direction.sin()])
    }

    /// Which one of `count`.
    pub fn one_of(&mut self, count: usize) -> usize {
        self.dice.random_range(0..count)
    }

    /// Two numbers of the standard normal distribution (Box and Muller 1958).
    fn normal(&mut self) -> (f64, f64) {
        let radius = (-2.0 * self.dice.random_range(f64::MIN_POSITIVE..1.0).ln()).sqrt();
        let (sin, cos) = self.dice.random_range(0.0..std::f64::consts::TAU).sin_cos();
        (radius * sin, radius * cos)
    }
}

fn on_the_map([east, north]: Flat) -> Flat {
    [east.clamp(0.0, WIDTH_M), north.clamp(0.0, HEIGHT_M)]
}
