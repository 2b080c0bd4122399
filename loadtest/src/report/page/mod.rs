//! One self-contained HTML page of a run, for ops staff: the verdict first, then the figures, then how they came about.
//!
//! Loads nothing and runs no script. Colours are in the shared style alone, for light, dark and paper. Every text goes through
//! the markup macro, which escapes it.

mod bands;
mod over_time;
mod percentiles;
mod series;
mod tables;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use muster_plot::STYLE;

use crate::result::{RunResult, Series};

/// Rules for what only this page has.
const OWN_STYLE: &str = include_str!("style.css");
/// A plot of a few hundred units has no room for more points; longer runs have neighbouring stretches joined.
const POINTS_MAX: usize = 300;

/// A run as a page, complete from `<!DOCTYPE html>` on.
pub fn page(run: &RunResult) -> String {
    let name = &run.scenario.name;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Load test: " (name) }
                style { (PreEscaped(STYLE)) (PreEscaped(OWN_STYLE)) }
            }
            body {
                header {
                    h1 { "Load test: " (name) }
                    p { (run.scenario.description) }
                }
                main {
                    (verdict::section(run))
                    (tables::facts(run))
                    (tables::hops(run))
                    (tables::counts(&run.counts))
                    (percentiles::section(&run.hops))
                    (over_time::section(run))
                    (many_series("rate", "Throughput over time", &run.rates, run))
                    (many_series("service", "CPU and memory", &run.service, run))
                    (tables::events(&run.events))
                }
            }
        }
    }
    .into_string()
}

fn many_series(id: &str, title: &str, all: &[Series], run: &RunResult) -> Markup {
    html! {
        @if !all.is_empty() {
            section {
                h2 { (title) }
                div class="plots" {
                    @for (index, one) in all.iter().enumerate() {
                        (series::figure(&format!("{id}{index}"), one, run))
                    }
                }
            }
        }
    }
}

/// How far a plot over time reaches, seconds: the run, and whatever was measured after its end.
fn length_s(run: &RunResult) -> f64 {
    let hops = run
        .hops
        .iter()
        .flat_map(|hop| hop.over_time.iter().map(|second| second.at_s));
    let series = run.rates.iter().chain(&run.service);
    let points = series.flat_map(|series| series.points.iter().map(|&(at_s, _)| at_s));
    let moments = hops.chain(points).chain([run.lasted_s]);
    moments.filter(|moment| moment.is_finite()).fold(0.0, f64::max)
}
