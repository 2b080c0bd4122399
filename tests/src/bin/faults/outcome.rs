//! What a recipe found, and the one table at the end.

use std::{fmt, time::Duration};

/// Broken promises printed for each recipe; the first few show the pattern, the count is in the table.
const SHOWN_MAX: usize = 12;

/// A recipe that this machine or this binary cannot run. An error of this type is shown as skipped, never as passed.
#[derive(Debug)]
pub struct Skipped(pub String);

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Skipped {}

/// The error that skips a recipe.
pub fn skip(reason: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Skipped(reason.into()))
}

/// What a recipe counted.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Faults injected.
    pub runs: usize,
    /// Incidents whose report was acknowledged.
    pub incidents: usize,
    /// Distinct alerts that reached a phone.
    pub alerts: usize,
    /// Acknowledged and not there afterwards: one sentence each.
    pub lost: Vec<String>,
    /// People asked under two ids for one incident while the first was open.
    pub asked_twice: Vec<String>,
    /// Other promises broken.
    pub broken: Vec<String>,
    /// From the end of each fault until the service works again.
    pub recovery: Vec<Duration>,
    /// What recovery may take.
    pub recovery_max: Duration,
    /// Worth knowing, and no failure.
    pub notes: Vec<String>,
}

impl Outcome {
    /// Nothing found yet; recovery may take this long.
    pub fn new(recovery_max: Duration) -> Self {
        Self {
            recovery_max,
            ..Self::default()
        }
    }

    /// Whether every promise was kept.
    pub fn is_good(&self) -> bool {
        let slow = self.recovery.iter().any(|took| *took > self.recovery_max);
        self.lost.is_empty() && self.asked_twice.is_empty() && self.broken.is_empty() && !slow
    }

    /// Median and longest recovery in seconds.
    fn recovery_s(&self) -> String {
        let mut sorted = self.recovery.clone();
        sorted.sort();
        match sorted.last() {
            None => "-".to_owned(),
            Some(longest) => format!(
                "{:.2} / {:.2} s (max {:.0})",
                sorted[sorted.len() / 2].as_secs_f64(),
                longest.as_secs_f64(),
                self.recovery_max.as_secs_f64()
            ),
        }
    }
}

/// How a recipe ended.
pub enum Ended {
    /// It ran to its end.
    Ran(Outcome),
    /// It cannot run here.
    Skipped(String),
    /// The script itself failed.
    Failed(String),
}

impl Ended {
    /// Sorts the result of a recipe.
    pub fn from(result: anyhow::Result<Outcome>) -> Self {
        match result {
            Ok(outcome) => Self::Ran(outcome),
            Err(error) => match error.downcast_ref::<Skipped>() {
                Some(skipped) => Self::Skipped(skipped.0.clone()),
                None => Self::Failed(format!("{error:#}")),
            },
        }
    }

    /// Whether nothing went wrong. A skipped recipe proves nothing and breaks nothing.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Ran(outcome) => outcome.is_good(),
            Self::Skipped(_) => true,
            Self::Failed(_) => false,
        }
    }

    /// What was found, in full sentences, right after the recipe.
    pub fn details(&self) -> Vec<String> {
        let Self::Ran(outcome) = self else { return vec![] };
        let mut lines = Vec::new();
        for (name, found) in [
            ("LOST", &outcome.lost),
            ("ASKED TWICE", &outcome.asked_twice),
            ("BROKEN", &outcome.broken),
        ] {
            lines.extend(found.iter().take(SHOWN_MAX).map(|line| format!("  {name}: {line}")));
            if found.len() > SHOWN_MAX {
                lines.push(format!("  {name}: and {} more", found.len() - SHOWN_MAX));
            }
        }
        lines.extend(outcome.notes.iter().map(|note| format!("  {note}")));
        lines
    }
}

/// The table: one line for each recipe.
pub fn table(ended: &[(&str, Ended)]) -> Vec<String> {
    let row = |cells: [&str; 9]| {
        let [fault, runs, incidents, alerts, lost, twice, broken, recovery, verdict] = cells;
        format!(
            "{fault:<16} | {runs:>6} | {incidents:>9} | {alerts:>6} | {lost:>4} | {twice:>11} | {broken:>6} | \
             {recovery:<24} | {verdict}"
        )
    };
    let header = [
        "fault",
        "runs",
        "incidents",
        "alerts",
        "lost",
        "asked twice",
        "broken",
        "recovery (p50/max)",
        "",
    ];
    let mut lines = vec![row(header)];
    for (fault, ended) in ended {
        lines.push(match ended {
            Ended::Ran(outcome) => row([
                fault,
                &outcome.runs.to_string(),
                &outcome.incidents.to_string(),
                &outcome.alerts.to_string(),
                &outcome.lost.len().to_string(),
                &outcome.asked_twice.len().to_string(),
                &outcome.broken.len().to_string(),
                &outcome.recovery_s(),
                if outcome.is_good() { "ok" } else { "FAILED" },
            ]),
            Ended::Skipped(reason) => format!("{fault:<16} | skipped: {reason}"),
            Ended::Failed(error) => format!("{fault:<16} | FAILED to run: {error}"),
        });
    }
    lines
}
