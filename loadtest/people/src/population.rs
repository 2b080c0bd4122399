//! Where people live: homes drawn by real population.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use crate::{Person, Trait, place::Place};

/// A populated area, reduced to a point and a size.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Area {
    /// A point inside the area.
    pub centre: Place,
    /// How many people live there: the area's weight.
    pub residents: u32,
    /// Radius in metres of a circle of the area's size; homes are scattered inside it.
    pub radius_m: f64,
}

/// Areas that cannot be drawn from.
#[derive(Clone, Copy, PartialEq, Debug, Error)]
pub enum InvalidPopulation {
    /// Nobody lives anywhere.
    #[error("residents add up to 0; accepted: at least 1")]
    Nobody,
    /// A radius that is no length.
    #[error("radius_m of area {row} is {radius_m}; accepted: 0 to 100,000")]
    Radius {
        /// Which area, from 0.
        row: usize,
        /// Its radius.
        radius_m: f64,
    },
}

/// An area of more than this radius is an input error: Great Britain's largest parish is under 30 km across.
const RADIUS_M_MAX: f64 = 100_000.0;

/// A population to draw homes from.
#[derive(Clone, Debug)]
pub struct Population {
    areas: Vec<Area>,
    /// Residents of all areas up to and including each.
    cumulative: Vec<u64>,
}

impl Population {
    /// Takes in the areas; their order is part of what a seed means.
    ///
    /// # Errors
    /// Refuses areas without any resident, and a radius that is negative, not finite or above 100 km.
    pub fn new(areas: Vec<Area>) -> Result<Self, InvalidPopulation> {
        let mut residents = 0;
        let mut cumulative = Vec::with_capacity(areas.len());
        for (row, area) in areas.iter().enumerate() {
            let radius_m = area.radius_m;
            if !(0.0..=RADIUS_M_MAX).contains(&radius_m) {
                return Err(InvalidPopulation::Radius { row, radius_m });
            }
            residents += u64::from(area.residents);
            cumulative.push(residents);
        }
        if residents == 0 {
            return Err(InvalidPopulation::Nobody);
        }
        Ok(Self { areas, cumulative })
    }

    /// All residents.
    pub fn residents(&self) -> u64 {
        *self.cumulative.last().expect("a population has at least one area")
    }

    /// Where a person lives: an area drawn by its residents, then a point spread evenly over its circle. (The circle
    /// has the area's size, not its shape, so that some homes lie just outside.)
    pub fn home_of(&self, person: Person) -> Place {
        self.somewhere(&mut person.stream(Trait::Home, 0))
    }

    /// A place drawn as homes are, from a stream of the caller's.
    pub fn somewhere(&self, stream: &mut ChaCha8Rng) -> Place {
        let resident = stream.random_range(0..self.residents());
        let area = self.areas[self.cumulative.partition_point(|&up_to| up_to <= resident)];
        // The square root spreads evenly over the surface instead of crowding the centre.
        let distance_m = area.radius_m * stream.random::<f64>().sqrt();
        area.centre.towards(stream.random_range(0.0..360.0), distance_m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(longitude_deg: f64, residents: u32, radius_m: f64) -> Area {
        let centre = Place::new(51.5, longitude_deg).expect("a literal in range");
        Area {
            centre,
            residents,
            radius_m,
        }
    }

    fn homes(population: &Population, seed: u64) -> Vec<Place> {
        (0..10_000)
            .map(|number| population.home_of(Person { seed, number }))
            .collect()
    }

    #[test]
    fn homes_follow_the_residents_and_empty_areas_stay_empty() {
        let areas = vec![
            area(-1.0, 0, 100.0),
            area(0.0, 3_000, 500.0),
            area(1.0, 1_000, 500.0),
            area(2.0, 0, 1.0),
        ];
        let population = Population::new(areas.clone()).expect("valid areas");
        let homes = homes(&population, 1);
        let within = |area: Area| {
            homes
                .iter()
                .filter(|home| home.distance_m(area.centre) <= area.radius_m + 0.01)
                .count()
        };
        let counts: Vec<usize> = areas.into_iter().map(within).collect();
        assert_eq!((counts[0], counts[3]), (0, 0));
        assert_eq!(counts[1] + counts[2], 10_000);
        assert!((7_300..7_700).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn homes_are_spread_evenly_over_an_area() {
        let area = area(0.0, 1, 1_000.0);
        let population = Population::new(vec![area]).expect("valid areas");
        // The inner circle of half the surface has a radius of 1/sqrt(2).
        let inner = homes(&population, 2)
            .iter()
            .filter(|home| home.distance_m(area.centre) < 707.1)
            .count();
        assert!((4_800..5_200).contains(&inner), "{inner}");
    }

    #[test]
    fn the_same_person_always_lives_in_the_same_place() {
        let population = Population::new(vec![area(0.0, 10, 400.0)]).expect("valid areas");
        assert_eq!(homes(&population, 3), homes(&population, 3));
        assert_ne!(homes(&population, 3), homes(&population, 4));
    }

    #[test]
    fn a_population_of_nobody_and_a_bad_radius_are_refused() {
        assert_eq!(Population::new(vec![]).err(), Some(InvalidPopulation::Nobody));
        assert_eq!(
            Population::new(vec![area(0.0, 0, 1.0)]).err(),
            Some(InvalidPopulation::Nobody)
        );
        let bad = Population::new(vec![area(0.0, 1, 1.0), area(0.0, 1, -1.0)]).err();
        assert_eq!(bad, Some(InvalidPopulation::Radius { row: 1, radius_m: -1.0 }));
        assert!(Population::new(vec![area(0.0, 1, f64::NAN)]).is_err());
    }
}
