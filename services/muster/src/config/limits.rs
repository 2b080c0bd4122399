//! The `[limits]` section of the configuration file.

use muster_ingest::{Budget, Limits};
use serde::Deserialize;

/// Largest number accepted: beyond it a limit is none.
const MAX: u32 = 1_000_000;

/// Classes left out keep the default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsSection {
    vital: Option<BudgetSection>,
    report: Option<BudgetSection>,
    register: Option<BudgetSection>,
    query: Option<BudgetSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetSection {
    per_s: u32,
    burst: u32,
}

impl LimitsSection {
    /// The limits that the section describes.
    pub(super) fn limits(self) -> Result<Limits, String> {
        let default = Limits::default();
        Ok(Limits {
            vital: budget("vital", self.vital, default.vital)?,
            report: budget("report", self.report, default.report)?,
            register: budget("register", self.register, default.register)?,
            query: budget("query", self.query, default.query)?,
        })
    }
}

fn budget(class: &str, section: Option<BudgetSection>, default: Budget) -> Result<Budget, String> {
    let Some(BudgetSection { per_s, burst }) = section else {
        return Ok(default);
    };
    for (key, value) in [("per_s", per_s), ("burst", burst)] {
        if !(1..=MAX).contains(&value) {
            return Err(format!("limits.{class}.{key} is {value}; accepted is 1 to {MAX}"));
        }
    }
    Ok(Budget { per_s, burst })
}
