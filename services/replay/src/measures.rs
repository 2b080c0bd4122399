//! What is measured about each incident under each policy: one number each, so that policies can be compared incident by
//! incident.

use serde::Serialize;

use dispatch_core::survival::SurvivalCurve;

use crate::{
    outcome::{Outcome, crew_shock},
    scene::Circumstances,
    study::Study,
};

/// One incident under one policy.
pub struct Case<'a> {
    /// What is studied.
    pub study: &'a Study,
    /// What held for the incident.
    pub here: &'a Circumstances,
    /// What came of it.
    pub outcome: &'a Outcome,
}

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// The more the better.
    More,
    /// The less the better.
    Less,
    /// Neither by itself.
    Neither,
}

/// One thing that is measured.
pub struct Measure {
    /// Its name for programs; never changes once given out.
    pub key: String,
    /// Its name for people.
    pub title: String,
    /// What it is counted in; a share is in hundredths of all incidents.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
    value: Box<dyn Fn(&Case<'_>) -> f64 + Sync>,
}

impl Measure {
    fn new(
        key: &str,
        title: &str,
        unit: &'static str,
        better: Better,
        value: impl Fn(&Case<'_>) -> f64 + Sync + 'static,
    ) -> Self {
        Self {
            key: key.to_owned(),
            title: title.to_owned(),
            unit,
            better,
            value: Box::new(value),
        }
    }

    /// What an incident measures.
    pub fn of(&self, case: &Case<'_>) -> f64 {
        (self.value)(case)
    }
}

/// Everything that is measured, survival by the chosen curve first.
pub fn measures(chosen: &str) -> Vec<Measure> {
    let mut all = survival(chosen);
    all.splice(1..1, counts());
    all
}

fn counts() -> Vec<Measure> {
    let percent = |is_so: bool| if is_so { 100.0 } else { 0.0 };
    let minutes = |at: std::time::Duration| at.as_secs_f64() / 60.0;
    vec![
        Measure::new("alerts", "alerts", "per incident", Better::Less, |case| {
            f64::from(case.outcome.alerts)
        }),
        Measure::new("accepted", "offers to go", "per incident", Better::Neither, |case| {
            f64::from(case.outcome.accepted())
        }),
        Measure::new("told_to_go", "told to go", "per incident", Better::Neither, |case| {
            f64::from(case.outcome.told_to_go)
        }),
        Measure::new("covered", "first aid before the crew", "%", Better::More, move |case| {
            percent(case.outcome.first_before_crew(case.study, case.here).is_some())
        }),
        Measure::new(
            "first_help",
            "report to first help, responder or crew",
            "min",
            Better::Less,
            move |case| {
                let crew = case.here.crew_with_patient(case.study);
                minutes(case.outcome.first_with_patient.map_or(crew, |at| at.min(crew)))
            },
        ),
        Measure::new(
            "aed_covered",
            "responder's shock before the crew's",
            "%",
            Better::More,
            move |case| percent(case.outcome.aed_before_crew(case.study, case.here).is_some()),
        ),
        Measure::new(
            "first_shock",
            "report to first shock, responder or crew",
            "min",
            Better::Less,
            move |case| {
                let crew = crew_shock(case.study, case.here);
                minutes(case.outcome.aed_shock.map_or(crew, |at| at.min(crew)))
            },
        ),
        Measure::new(
            "redundant",
            "arrivals for nothing",
            "per incident",
            Better::Less,
            |case| f64::from(case.outcome.redundant),
        ),
        Measure::new(
            "wasted",
            "offers in vain (told not needed)",
            "per incident",
            Better::Less,
            |case| f64::from(case.outcome.not_needed),
        ),
        Measure::new(
            "called_off",
            "called off on the way",
            "per incident",
            Better::Less,
            |case| f64::from(case.outcome.called_off),
        ),
    ]
}

/// The chosen curve first, then the others, by which to see whether the order of the policies hangs on the choice.
fn survival(chosen: &str) -> Vec<Measure> {
    let measure = |(name, curve): (&'static str, SurvivalCurve)| {
        let title = format!("modelled survival, {}", in_words(name));
        Measure::new(&format!("survival_{name}"), &title, "%", Better::More, move |case| {
            100.0 * case.outcome.survival(case.study, case.here, &curve)
        })
    };
    let mut curves = SurvivalCurve::PUBLISHED;
    curves.sort_by_key(|(name, _)| *name != chosen);
    curves.into_iter().map(measure).collect()
}

/// `larsen_1993` as people say it: `Larsen 1993`.
pub fn in_words(curve: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters
            .next()
            .map_or_else(String::new, |letter| letter.to_uppercase().to_string());
        first + letters.as_str()
    };
    curve.split('_').map(word).collect::<Vec<_>>().join(" ")
}
