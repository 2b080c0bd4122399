//! One self-contained HTML page of a study, for those who decide on a policy: what it gains against what it costs first,
//! then each measure, times, who bears the burden, the table, and the assumptions in plain words.
//!
//! Loads nothing and runs no script. Every text goes through the markup macro, which escapes it.

mod curves;
mod rows;
mod scatter;
mod tables;
#[cfg(test)]
mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use muster_plot::{STYLE, words::whole};

use crate::findings::Findings;

/// Rules for what only this page has.
const OWN_STYLE: &str = include_str!("style.css");
/// Width of a plot; it is shown somewhat larger or smaller.
const WIDTH: f64 = 480.0;

/// The findings as a page, complete from `<!DOCTYPE html>` on.
pub fn page(findings: &Findings) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Policies compared on past incidents" }
                style { (PreEscaped(STYLE)) (PreEscaped(OWN_STYLE)) }
            }
            body {
                header {
                    h1 { "Policies compared on past incidents" }
                    p { (studied(findings)) }
                }
                main {
                    (legend(findings))
                    (scatter::section(findings))
                    (rows::differences(findings))
                    (rows::section(findings))
                    (curves::section(findings))
                    (tables::findings(findings))
                    (tables::ends(findings))
                    (assumptions(findings))
                }
            }
        }
    }
    .into_string()
}

fn studied(findings: &Findings) -> String {
    let day = |unix_ms: i64| {
        let moment = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default();
        moment.to_string().chars().take(10).collect::<String>()
    };
    format!(
        "{} incidents from {} to {} ({} of them by night), {} simulated responders, {} defibrillators, seed {}. Each incident \
         happens once under each policy, to the same people with the same answers, so that differences between policies are \
         not differences of luck.",
        whole(findings.incidents as u64),
        day(findings.from_unix_ms),
        day(findings.to_unix_ms),
        whole(findings.incidents_by_night as u64),
        whole(findings.responders as u64),
        whole(findings.aeds as u64),
        findings.seed,
    )
}

/// The policies with the numbers and colours they have on all plots.
fn legend(findings: &Findings) -> Markup {
    html! {
        section {
            h2 { "The policies" }
            ul class="legend" {
                @for (place, policy) in findings.policies.iter().enumerate() {
                    li class=(colour(place)) {
                        b { (place + 1) }
                        span {
                            strong { (policy.name) }
                            @if place == 0 { " (the others are compared with this one)" }
                            small { (policy.rule) }
                        }
                    }
                }
            }
        }
    }
}

/// More policies than colours share them; their numbers tell them apart.
fn colour(place: usize) -> String {
    const COLOURS: usize = 12;
    format!("colour{}", place % COLOURS)
}

/// A mark with a policy's number in it.
fn mark(place: usize, x: f64, y: f64) -> Markup {
    use muster_plot::short;
    html! {
        circle class=(format!("mark {}", colour(place))) cx=(short(x)) cy=(short(y)) r="8" {}
        text class="in" x=(short(x)) y=(short(y + 4.0)) text-anchor="middle" { (place + 1) }
    }
}

fn assumptions(findings: &Findings) -> Markup {
    html! {
        section {
            h2 { "What was assumed" }
            ul class="assumptions" { @for assumption in &findings.assumptions { li { (assumption) } } }
            p class="note" {
                "Intervals are 95 % and by the normal approximation. They tell of chance among incidents like these, not of \
                 whether the assumptions hold; run the study again with other assumptions and another curve before deciding."
            }
        }
    }
}
