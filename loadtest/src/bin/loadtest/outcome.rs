//! The outcome: everything found, in the form in which it is kept.

use std::{
    thread,
    time::{Duration, SystemTime},
};

use muster_loadtest::result::{Ended, EventMark, FORMAT, Level, Machine, RunResult, ScenarioFacts};

use crate::{
    samples::Samples,
    scenario::{Arrivals, Scenario, Where},
    tally::Tally,
};

/// What a run found.
pub struct Found<'a> {
    /// What was asked for.
    pub scenario: &'a Scenario,
    /// `self`, or the address.
    pub target: String,
    /// What the service calls itself.
    pub version: Option<String>,
    /// When the measured part began.
    pub started_at: SystemTime,
    /// How long it took.
    pub lasted: Duration,
    /// How it ended.
    pub ended: Ended,
    /// Hops and counts.
    pub tally: &'a Tally,
    /// Rates and usage.
    pub samples: Samples,
    /// What was done to the service.
    pub events: Vec<EventMark>,
    /// Whether the levels were met.
    pub levels: Vec<Level>,
}

/// In the form in which it is kept.
pub fn result(found: Found<'_>) -> RunResult {
    let scenario = found.scenario;
    let (rates, service) = found.samples.told();
    let mut events = found.events;
    events.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    RunResult {
        format: FORMAT,
        scenario: ScenarioFacts {
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            seed: scenario.seed,
            duration_s: scenario.duration_s,
            target: found.target,
            service_version: found.version,
            facts: facts(scenario),
        },
        started_at: jiff::Timestamp::try_from(found.started_at)
            .map(|at| format!("{at:.0}"))
            .unwrap_or_default(),
        lasted_s: found.lasted.as_secs_f64(),
        ended: found.ended,
        machine: Machine {
            cpus: thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        },
        hops: found.tally.hops.told(),
        counts: found.tally.counts.told(),
        rates,
        service,
        events,
        levels: found.levels,
    }
}

fn facts(scenario: &Scenario) -> Vec<(String, String)> {
    let (population, positions, incidents) = (&scenario.population, &scenario.positions, &scenario.incidents);
    let place = match population.place {
        Where::London => "Greater London, by the census",
        Where::GreatBritain => "Great Britain, synthetic towns",
        Where::Place => "one place",
    };
    let arrivals = match (incidents.arrivals, incidents.per_s, incidents.speed_up) {
        (Arrivals::Recorded, _, speed_up) => format!("as recorded, {} times faster", speed_up.unwrap_or(1.0)),
        (Arrivals::Even, per_s, _) => format!("{}/s, even", per_s.unwrap_or(0.0)),
        (Arrivals::Poisson, per_s, _) => format!("{}/s, independent", per_s.unwrap_or(0.0)),
    };
    let trunk = if scenario.has_trunk() {
        format!(
            "{}/s by trunk, {} a message",
            positions.trunk_per_s, positions.per_message
        )
    } else {
        "no trunk".to_owned()
    };
    let mut facts = vec![
        ("responders", format!("{}, {place}", population.responders)),
        ("phones", population.phones.to_string()),
        (
            "positions",
            format!("{trunk}; each phone every {} s", positions.phones_every_s),
        ),
        ("incidents", arrivals),
        ("asked at a time", scenario.asked().to_string()),
        ("stood down after", format!("{} s", incidents.stand_down_after_s)),
    ];
    if scenario.warm_up_s > 0.0 {
        facts.push(("warm-up", format!("{} s", scenario.warm_up_s)));
    }
    facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Whether every level was met, on a run that came to its end.
pub fn all_met(result: &RunResult) -> bool {
    result.levels.iter().all(|level| level.met)
}
