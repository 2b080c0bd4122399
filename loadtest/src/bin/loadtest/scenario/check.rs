//! The rules a scenario must keep, beyond its form.

use super::{Arrivals, Event, EventKind, LevelSection, Scenario, Where, mistake::Mistake};
use crate::{counts::Key as CountKey, hops::Key as HopKey};

/// A day: longer runs are several runs.
const DURATION_MAX_S: f64 = 86_400.0;
/// As many rows as a register of a nation has, and as fit the memory of one harness.
const RESPONDERS_MAX: f64 = 5_000_000.0;
/// What one process can hold open; the limit of descriptors is usually below it.
const PHONES_MAX: f64 = 100_000.0;
/// What the service takes in one message of a trunk.
const PER_MESSAGE_MAX: f64 = 100.0;
/// More than one control room reports in any emergency.
const INCIDENTS_PER_S_MAX: f64 = 1_000.0;

/// What one call-out may want.
const CALLED_OUT_MAX: f64 = 1_250.0;

/// The first rule that is broken, if any.
pub fn check(scenario: &Scenario) -> Result<(), Mistake> {
    within("duration_s", scenario.duration_s, 1.0, DURATION_MAX_S)?;
    within("warm_up_s", scenario.warm_up_s, 0.0, DURATION_MAX_S)?;
    population(scenario)?;
    positions(scenario)?;
    incidents(scenario)?;
    answers(scenario)?;
    for (index, event) in scenario.events.iter().enumerate() {
        self::event(&format!("event[{}]", index + 1), event, scenario.duration_s)?;
    }
    for (index, level) in scenario.levels.iter().enumerate() {
        self::level(&format!("level[{}]", index + 1), level)?;
    }
    Ok(())
}

fn population(scenario: &Scenario) -> Result<(), Mistake> {
    let population = &scenario.population;
    within(
        "population.responders",
        float(population.responders),
        1.0,
        RESPONDERS_MAX,
    )?;
    let phones_max = PHONES_MAX.min(float(population.responders));
    within("population.phones", float(population.phones), 1.0, phones_max)?;
    within("population.near_m", population.near_m, 1.0, 10_000.0)?;
    within(
        "population.connects_per_s",
        population.connects_per_s.into(),
        1.0,
        PHONES_MAX,
    )?;
    let place = [
        ("population.latitude_deg", population.latitude_deg, -90.0, 90.0),
        ("population.longitude_deg", population.longitude_deg, -180.0, 180.0),
        ("population.radius_m", population.radius_m, 1.0, 100_000.0),
    ];
    for (key, value, least, most) in place {
        match (population.place, value) {
            (Where::Place, None) => return Err(needed(key, "where is \"place\"")),
            (Where::Place, Some(value)) => within(key, value, least, most)?,
            (_, Some(_)) => return Err(belongs(key, "where = \"place\"")),
            (_, None) => {}
        }
    }
    Ok(())
}

fn positions(scenario: &Scenario) -> Result<(), Mistake> {
    let positions = &scenario.positions;
    within("positions.phones_every_s", positions.phones_every_s, 1.0, 3_600.0)?;
    within("positions.trunk_per_s", positions.trunk_per_s, 0.0, 1_000_000.0)?;
    within(
        "positions.per_message",
        float(positions.per_message as u64),
        1.0,
        PER_MESSAGE_MAX,
    )?;
    within(
        "positions.trunk_connections",
        float(positions.trunk_connections as u64),
        1.0,
        100.0,
    )?;
    within("positions.placed_per_s", positions.placed_per_s, 100.0, 1_000_000.0)?;
    let others = scenario.people_of_trunk();
    if scenario.has_trunk() && others == 0 {
        return Err(mistake(
            "positions.trunk_per_s",
            "everybody has a phone, so the trunk speaks for nobody; accepted is 0, or more responders than phones",
        ));
    }
    Ok(())
}

fn incidents(scenario: &Scenario) -> Result<(), Mistake> {
    let incidents = &scenario.incidents;
    let recorded = incidents.arrivals == Arrivals::Recorded;
    for (key, present, of_recorded) in [
        ("incidents.per_s", incidents.per_s.is_some(), false),
        ("incidents.sites", incidents.sites.is_some(), false),
        ("incidents.file", incidents.file.is_some(), true),
        ("incidents.speed_up", incidents.speed_up.is_some(), true),
    ] {
        let (this, other) = if of_recorded {
            ("arrivals = \"recorded\"", "arrivals is \"recorded\"")
        } else {
            (
                "arrivals = \"even\" or \"poisson\"",
                "arrivals is \"even\" or \"poisson\"",
            )
        };
        match (present, of_recorded == recorded) {
            (true, false) => return Err(belongs(key, this)),
            (false, true) => return Err(needed(key, other)),
            _ => {}
        }
    }
    if let Some(per_s) = incidents.per_s {
        within("incidents.per_s", per_s, 0.001, INCIDENTS_PER_S_MAX)?;
    }
    if let Some(sites) = incidents.sites {
        within(
            "incidents.sites",
            float(sites as u64),
            1.0,
            float(scenario.population.phones),
        )?;
    }
    if let Some(speed_up) = incidents.speed_up {
        within("incidents.speed_up", speed_up, 0.01, 100_000.0)?;
    }
    within("incidents.asked", incidents.asked.into(), 1.0, 100.0)?;
    let called_out = incidents.called_out.unwrap_or(1);
    within("incidents.called_out", called_out.into(), 1.0, CALLED_OUT_MAX)?;
    within("incidents.stand_down_after_s", incidents.stand_down_after_s, 1.0, 600.0)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !(1..=64).contains(&incidents.kind.len()) || !incidents.kind.chars().all(plain) {
        let problem = format!("is \"{}\"; accepted is 1 to 64 characters of a-z 0-9 _", incidents.kind);
        return Err(mistake("incidents.kind", &problem));
    }
    Ok(())
}

fn answers(scenario: &Scenario) -> Result<(), Mistake> {
    let answers = &scenario.answers;
    for (key, share) in [
        ("answers.accept_share", answers.accept_share),
        ("answers.decline_share", answers.decline_share),
    ] {
        within(key, share.unwrap_or(0.0), 0.0, 1.0)?;
    }
    let both = answers.accept_share.unwrap_or(0.0) + answers.decline_share.unwrap_or(0.0);
    if both > 1.0 {
        let problem = format!("is {both} together with accept_share; accepted is at most 1");
        return Err(mistake("answers.decline_share", &problem));
    }
    within("answers.median_s", answers.median_s.unwrap_or(1.0), 0.01, 600.0)
}

fn event(key: &str, event: &Event, duration_s: f64) -> Result<(), Mistake> {
    let at = |name: &str| format!("{key}.{name}");
    within(&at("at_s"), event.at_s, 0.0, duration_s)?;
    within(&at("times"), event.times.into(), 1.0, 10_000.0)?;
    if event.times > 1 && event.every_s.is_none() {
        return Err(needed(&at("every_s"), "times is above 1"));
    }
    within(&at("every_s"), event.every_s.unwrap_or(1.0), 0.1, DURATION_MAX_S)?;
    let (pause, noisy) = (event.kind == EventKind::Pause, event.kind == EventKind::NoisySender);
    for (name, present, own, kind) in [
        ("for_ms", event.for_ms.is_some(), pause, "pause"),
        ("for_s", event.for_s.is_some(), noisy, "noisy-sender"),
        ("per_s", event.per_s.is_some(), noisy, "noisy-sender"),
    ] {
        match (present, own) {
            (true, false) => return Err(belongs(&at(name), &format!("kind = \"{kind}\""))),
            (false, true) => return Err(needed(&at(name), &format!("kind is \"{kind}\""))),
            _ => {}
        }
    }
    within(&at("for_ms"), float(event.for_ms.unwrap_or(1)), 1.0, 60_000.0)?;
    within(&at("for_s"), event.for_s.unwrap_or(1.0), 0.1, DURATION_MAX_S)?;
    within(&at("per_s"), event.per_s.unwrap_or(1.0), 1.0, 100_000.0)
}

fn level(key: &str, level: &LevelSection) -> Result<(), Mistake> {
    let times = [
        ("p50_ms", level.p50_ms),
        ("p90_ms", level.p90_ms),
        ("p99_ms", level.p99_ms),
        ("p999_ms", level.p999_ms),
        ("max_ms", level.max_ms),
    ];
    let numbers = [("min", level.min), ("max", level.max)];
    match (&level.hop, &level.count) {
        (Some(hop), None) => {
            named(&format!("{key}.hop"), hop, HopKey::ALL.iter().map(|hop| hop.name()))?;
            if let Some((name, _)) = numbers.iter().find(|(_, value)| value.is_some()) {
                return Err(belongs(&format!("{key}.{name}"), "count"));
            }
            if times.iter().all(|(_, value)| value.is_none()) {
                return Err(mistake(
                    key,
                    "says nothing to reach; accepted are p50_ms, p90_ms, p99_ms, p999_ms, max_ms",
                ));
            }
            for (name, value) in times {
                within(&format!("{key}.{name}"), value.unwrap_or(1.0), 0.001, 3_600_000.0)?;
            }
            Ok(())
        }
        (None, Some(count)) => {
            named(
                &format!("{key}.count"),
                count,
                CountKey::ALL.iter().map(|count| count.name()),
            )?;
            if let Some((name, _)) = times.iter().find(|(_, value)| value.is_some()) {
                return Err(belongs(&format!("{key}.{name}"), "hop"));
            }
            if numbers.iter().all(|(_, value)| value.is_none()) {
                return Err(mistake(key, "says nothing to reach; accepted are min and max"));
            }
            Ok(())
        }
        _ => Err(mistake(key, "accepted is one of hop and count")),
    }
}

fn named<'a>(key: &str, name: &str, accepted: impl Iterator<Item = &'a str> + Clone) -> Result<(), Mistake> {
    if accepted.clone().any(|known| known == name) {
        return Ok(());
    }
    let accepted = accepted.collect::<Vec<_>>().join(", ");
    Err(mistake(key, &format!("is \"{name}\"; accepted are {accepted}")))
}

/// Also refuses what is no number.
fn within(key: &str, value: f64, least: f64, most: f64) -> Result<(), Mistake> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(mistake(key, &format!("is {value}; accepted is {least} to {most}")))
}

fn belongs(key: &str, to: &str) -> Mistake {
    mistake(key, &format!("is accepted only with {to}"))
}

fn needed(key: &str, because: &str) -> Mistake {
    mistake(key, &format!("is missing; it is needed because {because}"))
}

fn mistake(key: &str, problem: &str) -> Mistake {
    Mistake {
        key: key.to_owned(),
        problem: problem.to_owned(),
    }
}

/// For comparing with bounds, all of which a double holds exactly.
#[allow(clippy::cast_precision_loss)]
fn float(number: u64) -> f64 {
    number as f64
}
