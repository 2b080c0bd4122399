//! What a failing run tells the reader, and the file from which it runs again.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Outcome, Violation, plan::Plan};

/// A plan on file, with what was seen when it ran.
#[derive(Serialize, Deserialize)]
pub struct Replay {
    /// What went wrong; for the reader, not read back.
    #[serde(default)]
    pub violation: Option<String>,
    /// What happened by itself.
    pub plan: Plan,
    /// The last lines of the log; for the reader, not read back.
    #[serde(default)]
    pub log: Vec<String>,
}

impl Replay {
    /// Of a plan and what came of it.
    pub fn new(plan: &Plan, outcome: &Outcome) -> Self {
        Self {
            violation: outcome.violation.as_ref().map(Violation::to_string),
            plan: plan.clone(),
            log: outcome.tail.clone(),
        }
    }

    /// Reads a file that [`Replay::write`] wrote, or one that holds a plan only.
    ///
    /// # Errors
    /// When the file cannot be read or is neither.
    pub fn read(path: &Path) -> anyhow::Result<Plan> {
        use anyhow::Context as _;
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        match serde_json::from_str::<Self>(&text) {
            Ok(replay) => Ok(replay.plan),
            Err(_) => serde_json::from_str(&text).with_context(|| format!("{} is no plan", path.display())),
        }
    }

    /// As text, to be written to a file or shown.
    pub fn write(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data")
    }
}

/// The events of a plan, one a line, for a person to read.
pub fn events(plan: &Plan) -> String {
    plan.events
        .iter()
        .map(|event| format!("{:>9} {:?}\n", event.at, event.what))
        .collect()
}
