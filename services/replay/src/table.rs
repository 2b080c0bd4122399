//! The findings as a table for a terminal: a line for each measure, a column for each policy.

use std::fmt::Write as _;

use muster_plot::words::{NOTHING, number, whole};

use crate::{
    findings::{Findings, PolicyFindings, Times},
    statistics::Mean,
};

/// A column is at least this wide.
const WIDTH_MIN: usize = 14;

/// The findings in words and figures, ending with a line break.
pub fn table(findings: &Findings) -> String {
    let mut text = format!(
        "{} incidents ({} by night), {} responders, {} defibrillators, seed {}\n\
         Mean of all incidents ± half of its 95 % confidence interval; in the second line of each measure how much more \
         than {}, incident by incident, * = more than chance.\n\n",
        whole(findings.incidents as u64),
        whole(findings.incidents_by_night as u64),
        whole(findings.responders as u64),
        whole(findings.aeds as u64),
        findings.seed,
        findings.policies[0].name
    );
    let names = findings.policies.iter().map(|policy| policy.name.clone());
    let mut rows: Vec<(String, Vec<String>)> = vec![(String::new(), names.collect())];
    for (place, measure) in findings.measures.iter().enumerate() {
        let title = format!("{}, {}", measure.title, measure.unit);
        let figures = findings.policies.iter().map(|policy| &policy.figures[place]);
        rows.push((title, figures.clone().map(|figure| mean(figure.all)).collect()));
        let differences = figures.skip(1).map(|figure| difference(figure.difference));
        rows.push((
            String::new(),
            std::iter::once(String::new()).chain(differences).collect(),
        ));
    }
    for (title, words) in others() {
        rows.push((title.to_owned(), findings.policies.iter().map(words).collect()));
    }
    lay_out(&mut text, &rows);
    text
}

/// A measure as it is read: with its uncertainty.
pub fn mean(mean: Mean) -> String {
    format!("{} ±{}", number(mean.mean), number(mean.ci95))
}

/// A difference as it is read: with its sign, its uncertainty, and a star when it is more than chance.
pub fn difference(mean: Mean) -> String {
    if mean.mean == 0.0 && mean.ci95 == 0.0 {
        return "same".to_owned();
    }
    let sign = if mean.mean > 0.0 { "+" } else { "" };
    let star = if mean.is_beyond_chance() { "*" } else { "" };
    format!("{sign}{} ±{}{star}", number(mean.mean), number(mean.ci95))
}

/// What stands below the measures: name, and how a policy says it.
type Line = (&'static str, fn(&PolicyFindings) -> String);

fn others() -> Vec<Line> {
    vec![
        ("first responder, p10 / p50 / p90 min", |policy| {
            times(&policy.first_responder)
        }),
        ("responder's shock, p10 / p50 / p90 min", |policy| times(&policy.aed)),
        ("burden: Gini of all registered", |policy| {
            number(policy.burden.gini_registered)
        }),
        ("burden: Gini of those ever asked", |policy| {
            number(policy.burden.gini_asked)
        }),
        ("never asked, %", |policy| number(policy.burden.never_asked)),
        ("most alerts to one person", |policy| policy.burden.most.to_string()),
        ("sent to a defibrillator not to be had", |policy| {
            whole(policy.totals.aed_not_there)
        }),
    ]
}

/// Three quantiles as they are read.
pub fn times(times: &Times) -> String {
    let one = |minutes: Option<f64>| minutes.map_or(NOTHING.to_owned(), number);
    format!(
        "{} / {} / {}",
        one(times.p10_min),
        one(times.p50_min),
        one(times.p90_min)
    )
}

fn lay_out(text: &mut String, rows: &[(String, Vec<String>)]) {
    let length = |text: &String| text.chars().count();
    let first = rows.iter().map(|(title, _)| length(title)).max().unwrap_or(0);
    let columns = rows.first().map_or(0, |(_, cells)| cells.len());
    let width = |column: usize| {
        let longest = rows.iter().filter_map(|(_, cells)| cells.get(column)).map(length).max();
        longest.unwrap_or(0).max(WIDTH_MIN)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (title, cells) in rows {
        let mut line = format!("{title:<first$}");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(line, "  {cell:>width$}");
        }
        *text += line.trim_end();
        text.push('\n');
    }
}
