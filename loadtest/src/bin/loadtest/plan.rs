//! The plan of a run: when and where incidents happen, and where everybody is. Follows from the scenario and its seed alone.
//!
//! Incidents happen at sites. People with phones live round the sites in turn, so that whoever is alerted has a phone whose
//! log can be checked; people without one live anywhere, and are why the service has to look.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use muster_loadtest::people::{Person, Trait, place::Place, population::Population};
use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use crate::{
    grid,
    scenario::{Arrivals, Scenario},
    towns,
};

/// An incident happens this near to its site, so that not every one is at the same spot.
const INCIDENT_NEAR_M: f64 = 100.0;
/// Separate streams of one seed.
const ARRIVALS_STREAM: u64 = 1;
const SITES_STREAM: u64 = 2;

/// When and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    /// After the load begins; the measured part begins later by the warm-up.
    pub after: Duration,
    /// Where.
    pub place: Place,
}

/// Everything decided beforehand.
pub struct Plan {
    /// In order of time.
    pub calls: Vec<Call>,
    /// Where those with a phone live, by number.
    pub phones: Vec<Place>,
    /// Where the others live is drawn from this.
    pub population: Population,
    seed: u64,
}

#[derive(Deserialize)]
struct Recorded {
    after_s: f64,
    easting_m: f64,
    northing_m: f64,
}

impl Plan {
    /// Makes it.
    pub fn new(scenario: &Scenario) -> anyhow::Result<Self> {
        let population = towns::population(&scenario.population)?;
        let (calls, sites) = match scenario.incidents.arrivals {
            Arrivals::Recorded => recorded(scenario)?,
            Arrivals::Even | Arrivals::Poisson => drawn(scenario, &population),
        };
        ensure!(!calls.is_empty(), "the scenario has no incident within its duration");
        let phones = phones(scenario, &sites);
        Ok(Self {
            calls,
            phones,
            population,
            seed: scenario.seed,
        })
    }

    /// Where somebody without a phone lives.
    pub fn home_without_phone(&self, number: u64) -> Place {
        self.population.home_of(Person {
            seed: self.seed,
            number: number + self.phones.len() as u64,
        })
    }
}

/// How long incidents happen.
fn length(scenario: &Scenario) -> f64 {
    scenario.warm_up_s + scenario.duration_s
}

fn drawn(scenario: &Scenario, population: &Population) -> (Vec<Call>, Vec<Place>) {
    let per_s = scenario.incidents.per_s.unwrap_or(1.0);
    let mut stream = stream(scenario.seed, ARRIVALS_STREAM);
    // Sites are spread as people are, like the incidents.
    let site = |number| {
        population.home_of(Person {
            seed: scenario.seed ^ SITES_STREAM,
            number,
        })
    };
    let mut sites: Vec<Place> = (0..scenario.incidents.sites.unwrap_or(1) as u64).map(site).collect();
    sites.shuffle(&mut stream);
    let mut calls = Vec::new();
    let (mut begin_s, gap_s) = (0.0, 1.0 / per_s);
    loop {
        let chance = stream.random::<f64>();
        // When it comes, and from when on the next one may.
        let (after_s, next_s) = match scenario.incidents.arrivals {
            Arrivals::Poisson => {
                // 1 - u lies in (0, 1], so that the logarithm is finite.
                let after_s = begin_s - (1.0 - chance).ln() * gap_s;
                (after_s, after_s)
            }
            // Anywhere in its interval: always at its beginning would be always together with whatever else comes evenly.
            _ => (begin_s + chance * gap_s, begin_s + gap_s),
        };
        if after_s >= length(scenario) {
            return (calls, sites);
        }
        begin_s = next_s;
        // In turn, so that those asked about one are free again when the site's turn comes round.
        let site = sites[calls.len() % sites.len()];
        calls.push(Call {
            after: Duration::from_secs_f64(after_s),
            place: near(site, INCIDENT_NEAR_M, &mut stream),
        });
    }
}

/// Real times and places; each place is a site.
fn recorded(scenario: &Scenario) -> anyhow::Result<(Vec<Call>, Vec<Place>)> {
    let file = scenario.recorded_file().context("arrivals = \"recorded\" has a file")?;
    let speed_up = scenario.incidents.speed_up.unwrap_or(1.0);
    let mut calls = read_recorded(&file)?;
    for call in &mut calls {
        call.after = call.after.div_f64(speed_up);
    }
    calls.sort_by_key(|call| call.after);
    calls.retain(|call| call.after.as_secs_f64() < length(scenario));
    let sites: Vec<Place> = calls.iter().map(|call| call.place).collect();
    ensure!(
        scenario.population.phones >= sites.len() as u64,
        "population.phones is {} and {} has {} incidents within the duration; accepted is a phone for each at least",
        scenario.population.phones,
        file.display(),
        sites.len()
    );
    Ok((calls, sites))
}

fn read_recorded(file: &Path) -> anyhow::Result<Vec<Call>> {
    let reading = || format!("reading {}", file.display());
    let rows = csv::Reader::from_path(file).with_context(reading)?.into_deserialize();
    let mut calls = Vec::new();
    for (row, line) in rows.zip(2_u32..) {
        let reading = || format!("{}:{line}", file.display());
        let row: Recorded = row.with_context(reading)?;
        let after = Duration::try_from_secs_f64(row.after_s)
            .map_err(|_| anyhow::anyhow!("after_s is {}; accepted is a number of seconds from 0", row.after_s));
        calls.push(Call {
            after: after.with_context(reading)?,
            place: grid::place(row.easting_m, row.northing_m).with_context(reading)?,
        });
    }
    Ok(calls)
}

/// Round the sites in turn, so that each has as many as any other.
fn phones(scenario: &Scenario, sites: &[Place]) -> Vec<Place> {
    let home = |(number, site): (u64, &Place)| {
        let person = Person {
            seed: scenario.seed,
            number,
        };
        near(*site, scenario.population.near_m, &mut person.stream(Trait::Home, 0))
    };
    (0..scenario.population.phones)
        .zip(sites.iter().cycle())
        .map(home)
        .collect()
}

/// A point spread evenly over a circle.
fn near(place: Place, radius_m: f64, stream: &mut ChaCha8Rng) -> Place {
    let distance_m = radius_m * stream.random::<f64>().sqrt();
    place.towards(stream.random_range(0.0..360.0), distance_m)
}

/// A generator of its own for each purpose.
pub fn stream(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(purpose);
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> Scenario {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("scenario.toml");
        std::fs::write(&path, text).expect("written");
        Scenario::read(&path, None).expect("valid")
    }

    const DRAWN: &str = r#"
        name = "test"
        description = ""
        seed = 7
        duration_s = 1000
        population = { responders = 200, phones = 100, where = "london", near_m = 300 }
        incidents = { arrivals = "poisson", per_s = 2.0, sites = 10 }
    "#;

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_gives_another() {
        let plan = |text: &str| {
            let plan = Plan::new(&scenario(text)).expect("a plan");
            (plan.calls.clone(), plan.phones.clone(), plan.home_without_phone(5))
        };
        assert_eq!(plan(DRAWN), plan(DRAWN));
        assert_ne!(plan(DRAWN).0, plan(&DRAWN.replace("seed = 7", "seed = 8")).0);
    }

    #[test]
    fn calls_come_as_often_as_asked_and_in_step_with_nothing() {
        let plan = Plan::new(&scenario(DRAWN)).expect("a plan");
        assert!((1_850..2_150).contains(&plan.calls.len()), "{}", plan.calls.len());
        let gaps = plan.calls.windows(2).map(|two| two[1].after - two[0].after);
        // Of independent arrivals 1 - 1/e of the gaps are shorter than the mean.
        let short = gaps.filter(|gap| *gap < Duration::from_millis(500)).count();
        assert!((1_170..1_370).contains(&short), "{short}");
        let even = Plan::new(&scenario(&DRAWN.replace("poisson", "even"))).expect("a plan");
        assert_eq!(even.calls.len(), 2_000);
        let halves = even.calls.iter().map(|call| call.after.as_secs_f64() * 2.0);
        assert!(halves.clone().enumerate().all(|(at, half)| half as usize == at));
        let early = halves.filter(|half| half.fract() < 0.5).count();
        assert!((900..1_100).contains(&early), "{early}");
    }

    #[test]
    fn every_site_has_its_share_of_phones_round_it() {
        let plan = Plan::new(&scenario(DRAWN)).expect("a plan");
        let apart = plan.calls[0].place.distance_m(plan.calls[1].place);
        assert!(
            apart > 1_000.0,
            "the next call comes from another site, not {apart} m on"
        );
        for call in &plan.calls[..10] {
            let near = plan.phones.iter().filter(|home| home.distance_m(call.place) <= 400.0);
            assert!(near.count() >= 10);
        }
    }
}
