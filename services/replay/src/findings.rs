//! What a study found: for each policy its measures with their uncertainty, the differences from the first policy incident
//! by incident, times, and who bore the burden. Serialised as it stands for `--output json`.

use std::time::Duration;

use dispatch_core::policy::{Policy, Ranking};
use muster_people::answers::DayPart;
use serde::Serialize;

use crate::{
    measures::{Better, Case, Measure, in_words, measures},
    outcome::Outcome,
    scene::Circumstances,
    statistics::{Mean, gini, lorenz, quantile},
    study::Study,
    world::{Life, Lives},
};

/// Shares of incidents are told for each half minute up to this many of them: 20 min.
pub const HALF_MINUTES: u32 = 40;
/// Points of a Lorenz curve: hundredths of the people.
const LORENZ_POINTS: usize = 100;

/// What a study found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Findings {
    /// Decides every draw.
    pub seed: u64,
    /// How many incidents.
    pub incidents: usize,
    /// How many of them by night.
    pub incidents_by_night: usize,
    /// How many responders were registered.
    pub responders: usize,
    /// How many defibrillators.
    pub aeds: usize,
    /// When the first incident was reported, milliseconds since 1970.
    pub from_unix_ms: i64,
    /// When the last was.
    pub to_unix_ms: i64,
    /// By which curve survival is modelled first.
    pub curve: String,
    /// The assumptions in words.
    pub assumptions: Vec<String>,
    /// What is measured.
    pub measures: Vec<MeasureWords>,
    /// What each policy came to, the one compared with first.
    pub policies: Vec<PolicyFindings>,
}

/// What is measured, in words.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MeasureWords {
    /// For programs.
    pub key: String,
    /// For people.
    pub title: String,
    /// What it is counted in.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
}

/// What one policy came to.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PolicyFindings {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// What it does, in short.
    pub rule: String,
    /// In the order of [`Findings::measures`].
    pub figures: Vec<Figure>,
    /// From the report to the first responder with the patient, where that was before the crew.
    pub first_responder: Times,
    /// From the report to the first shock of a responder's defibrillator, where that was before the crew's.
    pub aed: Times,
    /// Who was asked how often.
    pub burden: Burden,
    /// How all alerts ended.
    pub totals: Totals,
}

/// A measure under a policy.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Figure {
    /// For programs, as in [`MeasureWords`].
    pub key: String,
    /// Over all incidents.
    pub all: Mean,
    /// Over those by day.
    pub day: Mean,
    /// Over those by night.
    pub night: Mean,
    /// How much more than under the first policy, incident by incident; 0 for the first itself.
    pub difference: Mean,
}

/// How long something took.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Times {
    /// In how many incidents it happened.
    pub happened: usize,
    /// Of these one in ten took at most this long, minutes; `None` = it never happened.
    pub p10_min: Option<f64>,
    /// Half of them.
    pub p50_min: Option<f64>,
    /// Nine in ten.
    pub p90_min: Option<f64>,
    /// Share of all incidents in which it had happened by each half minute from 0, hundredths.
    pub by_half_minute: Vec<f64>,
}

/// Who was asked how often.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Burden {
    /// Gini coefficient of alerts over all registered.
    pub gini_registered: f64,
    /// The same over those asked at least once.
    pub gini_asked: f64,
    /// Share of those registered who were never asked, hundredths.
    pub never_asked: f64,
    /// Alerts of the person asked most often.
    pub most: u32,
    /// Lorenz curve over all registered, in hundredths of the people.
    pub lorenz: Vec<f64>,
}

/// How all alerts of a policy ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Totals {
    /// How many there were.
    pub alerts: u64,
    /// Offered to go and were told to.
    pub told_to_go: u64,
    /// Offered to go in vain: enough others were going.
    pub not_needed: u64,
    /// Offered to go in vain: it was over.
    pub too_late: u64,
    /// Said no.
    pub declined: u64,
    /// Did not answer.
    pub expired: u64,
    /// Were not reached.
    pub undeliverable: u64,
    /// No longer needed before they had answered.
    pub withdrawn: u64,
    /// Had not ended: none, or the core has lost one.
    pub unsettled: u64,
    /// Of those told to go, called off on the way.
    pub called_off: u64,
    /// Of those told to go, reached the patient's side.
    pub arrivals: u64,
    /// Of these, for nothing.
    pub redundant: u64,
    /// Were sent to a defibrillator that could not be had.
    pub aed_not_there: u64,
}

impl Findings {
    pub(crate) fn of(study: &Study, lives: &Lives) -> Self {
        let measures = measures(study.curve);
        let values: Vec<Vec<Vec<f64>>> = lives
            .by_policy
            .iter()
            .map(|life| {
                measures
                    .iter()
                    .map(|measure| values(study, lives, life, measure))
                    .collect()
            })
            .collect();
        let policies = study.policies.iter().zip(&lives.by_policy).zip(&values);
        let policies = policies.map(|((policy, life), values_of)| PolicyFindings {
            name: policy.name.clone(),
            version: policy.version,
            rule: rule(policy),
            figures: figures(lives, &measures, values_of, &values[0]),
            first_responder: times(lives, life, |outcome, here| outcome.first_before_crew(study, here)),
            aed: times(lives, life, |outcome, here| outcome.aed_before_crew(study, here)),
            burden: Burden::of(&life.burden),
            totals: Totals::of(&life.outcomes),
        });
        let is_night = |here: &&Circumstances| here.day_part == DayPart::Night;
        Self {
            seed: study.seed,
            incidents: study.incidents.len(),
            incidents_by_night: lives.circumstances.iter().filter(is_night).count(),
            responders: study.responders.len(),
            aeds: study.map.aeds.len(),
            from_unix_ms: study.incidents.first().map_or(0, |incident| incident.at.unix_ms()),
            to_unix_ms: study.incidents.last().map_or(0, |incident| incident.at.unix_ms()),
            curve: in_words(study.curve),
            assumptions: study.assumptions.in_words(),
            policies: policies.collect(),
            measures: measures.into_iter().map(MeasureWords::of).collect(),
        }
    }

    /// A measure's place in every policy's figures.
    pub fn place_of(&self, key: &str) -> Option<usize> {
        self.measures.iter().position(|measure| measure.key == key)
    }
}

impl MeasureWords {
    fn of(measure: Measure) -> Self {
        Self {
            key: measure.key,
            title: measure.title,
            unit: measure.unit,
            better: measure.better,
        }
    }
}

/// What a policy does, in short: whom it asks, how many go, what follows a silence.
fn rule(policy: &Policy) -> String {
    let order = match policy.ranking {
        Ranking::Nearest => "the nearest",
        Ranking::Soonest => "the soonest",
        Ranking::Survival => "who adds most to survival",
    };
    let replaced = match (policy.replace_declined, policy.replace_silent) {
        (true, true) => ", makes up for a no and for silence",
        (true, false) => ", makes up for a no",
        (false, true) => ", makes up for silence",
        (false, false) => "",
    };
    format!(
        "{order}, {} at a time within {} m, {} go{replaced}",
        policy.alert_count,
        policy.radius.mm() / 1000,
        policy.wanted,
    )
}

fn values(study: &Study, lives: &Lives, life: &Life, measure: &Measure) -> Vec<f64> {
    let cases = lives.circumstances.iter().zip(&life.outcomes);
    cases
        .map(|(here, outcome)| measure.of(&Case { study, here, outcome }))
        .collect()
}

fn figures(lives: &Lives, measures: &[Measure], values: &[Vec<f64>], first: &[Vec<f64>]) -> Vec<Figure> {
    let figure = |((measure, values), first): ((&Measure, &Vec<f64>), &Vec<f64>)| {
        let by = |part: DayPart| {
            let those = lives.circumstances.iter().zip(values);
            Mean::of(those.filter(|(here, _)| here.day_part == part).map(|(_, value)| *value))
        };
        Figure {
            key: measure.key.clone(),
            all: Mean::of(values.iter().copied()),
            day: by(DayPart::Day),
            night: by(DayPart::Night),
            difference: Mean::of(values.iter().zip(first).map(|(value, first)| value - first)),
        }
    };
    measures.iter().zip(values).zip(first).map(figure).collect()
}

fn times(lives: &Lives, life: &Life, when: impl Fn(&Outcome, &Circumstances) -> Option<Duration>) -> Times {
    let cases = life.outcomes.iter().zip(&lives.circumstances);
    let minutes = cases
        .filter_map(|(outcome, here)| when(outcome, here))
        .map(|at| at.as_secs_f64() / 60.0);
    let mut minutes: Vec<f64> = minutes.collect();
    minutes.sort_by(f64::total_cmp);
    let incidents = life.outcomes.len().max(1) as f64;
    let by = |half: u32| {
        let happened = minutes.partition_point(|&at| at <= f64::from(half) / 2.0);
        100.0 * happened as f64 / incidents
    };
    Times {
        happened: minutes.len(),
        p10_min: quantile(&minutes, 0.1),
        p50_min: quantile(&minutes, 0.5),
        p90_min: quantile(&minutes, 0.9),
        by_half_minute: (0..=HALF_MINUTES).map(by).collect(),
    }
}

impl Burden {
    fn of(burden: &[u32]) -> Self {
        let asked: Vec<u32> = burden.iter().copied().filter(|&alerts| alerts > 0).collect();
        let never = burden.len() - asked.len();
        Self {
            gini_registered: gini(burden),
            gini_asked: gini(&asked),
            never_asked: 100.0 * never as f64 / burden.len().max(1) as f64,
            most: asked.iter().copied().max().unwrap_or(0),
            lorenz: lorenz(burden, LORENZ_POINTS),
        }
    }
}

impl Totals {
    fn of(outcomes: &[Outcome]) -> Self {
        let sum = |count: fn(&Outcome) -> u32| outcomes.iter().map(|outcome| u64::from(count(outcome))).sum();
        Self {
            alerts: sum(|o| o.alerts),
            told_to_go: sum(|o| o.told_to_go),
            not_needed: sum(|o| o.not_needed),
            too_late: sum(|o| o.too_late),
            declined: sum(|o| o.declined),
            expired: sum(|o| o.expired),
            undeliverable: sum(|o| o.undeliverable),
            withdrawn: sum(|o| o.withdrawn),
            unsettled: sum(|o| o.unsettled),
            called_off: sum(|o| o.called_off),
            arrivals: sum(|o| o.arrivals),
            redundant: sum(|o| o.redundant),
            aed_not_there: sum(|o| o.aed_not_there),
        }
    }
}
