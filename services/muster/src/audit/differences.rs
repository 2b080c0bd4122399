//! What came out otherwise, in words: each person who was asked and now is not, or the other way; the rest in numbers.

use dispatch_core::choose::{Difference, Task};

use super::words::{reason, span, task};

/// The differences of one decision, in lines.
pub fn lines(found: &[Difference]) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut arrivals, mut ranks) = (Vec::new(), Vec::new());
    for difference in found {
        match *difference {
            Difference::Task { responder, made, again } => lines.push(format!(
                "    {responder}: {} in the record; {} now",
                asked(made.as_ref()),
                asked(again.as_ref())
            )),
            Difference::Verdict { responder, made, again } => lines.push(format!(
                "    {responder}: '{}' in the record; '{}' now",
                reason(made),
                reason(again)
            )),
            Difference::Arrival { responder, made, again } => {
                arrivals.push(format!("{responder} in {} there, in {} now", span(made), span(again)))
            }
            Difference::Rank { responder, made, again } => {
                ranks.push(format!("{responder} number {} there, {} now", made + 1, again + 1))
            }
        }
    }
    for (what, which) in [("arrivals", arrivals), ("places in the order", ranks)] {
        if let Some(first) = which.first() {
            lines.push(format!("    {} {what} differ; the first: {first}", which.len()));
        }
    }
    lines
}

fn asked(asked: Option<&Task>) -> String {
    asked.map_or_else(
        || "not asked".to_owned(),
        |asked| {
            format!(
                "asked as number {} {}, there in {}",
                asked.rank + 1,
                task(asked.role),
                span(asked.arrival.median)
            )
        },
    )
}
