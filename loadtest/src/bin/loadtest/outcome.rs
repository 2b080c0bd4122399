//! The outcome: everything found, in the form in which it is kept, and as a table for a terminal.

use std::{
    fmt::Write as _,
    thread,
    time::{Duration, SystemTime},
};

use muster_loadtest::result::{Ended, EventMark, FORMAT, Hop, Level, Machine, RunResult, ScenarioFacts};

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
        ("asked at a time", incidents.asked.to_string()),
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

/// For a terminal.
pub fn table(result: &RunResult) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_table(&mut text, result);
    text
}

fn write_table(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let scenario = &result.scenario;
    writeln!(
        text,
        "\n{}, seed {}, {:.0} s measured, against {}",
        scenario.name, scenario.seed, result.lasted_s, scenario.target
    )?;
    if result.ended == Ended::Interrupted {
        writeln!(text, "interrupted; what follows was measured until then")?;
    }
    writeln!(
        text,
        "\n{:<24}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "hop, ms", "measured", "p50", "p90", "p99", "p99.9", "max"
    )?;
    for hop in &result.hops {
        write!(text, "{:<24}{:>9}", hop.key, hop.count)?;
        for share in [0.5, 0.9, 0.99, 0.999] {
            write!(text, "{:>10.2}", at_share(hop, share))?;
        }
        writeln!(text, "{:>10.2}", hop.max_ms)?;
    }
    writeln!(text)?;
    for count in &result.counts {
        let trouble = if count.is_trouble && count.value > 0 { "  !" } else { "" };
        writeln!(text, "{:<26}{:>12}{trouble}", count.key, count.value)?;
    }
    for series in &result.service {
        let values = || series.points.iter().map(|(_, value)| *value);
        #[allow(clippy::cast_precision_loss)]
        let mean = values().sum::<f64>() / values().count().max(1) as f64;
        let most = values().fold(0.0, f64::max);
        writeln!(
            text,
            "{:<26}{mean:>12.2} {} on average, {most:.2} at most",
            series.key, series.unit
        )?;
    }
    for event in &result.events {
        let until = event
            .until_s
            .map_or_else(String::new, |until| format!(" until {until:.1} s"));
        writeln!(text, "at {:.1} s{until}: {}", event.at_s, event.what)?;
    }
    writeln!(text)?;
    for level in &result.levels {
        let verdict = if level.met { "met" } else { "MISSED" };
        writeln!(text, "{verdict:<8}{:<44}found {}", level.wanted, level.found)?;
    }
    Ok(())
}

/// From the points of the distribution: the first at or above the share.
fn at_share(hop: &Hop, share: f64) -> f64 {
    let point = hop.percentiles.iter().find(|point| point.share >= share);
    point.map_or(hop.max_ms, |point| point.ms)
}
