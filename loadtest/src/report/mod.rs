//! What a run found, for people to read. A stand-in.

use crate::result::RunResult;

/// The page.
pub fn page(result: &RunResult) -> String {
    format!("<!doctype html><title>{}</title>", result.scenario.name)
}

/// Two runs side by side.
pub fn compare(a: &RunResult, b: &RunResult) -> String {
    format!("{} and {}\n", a.scenario.name, b.scenario.name)
}
