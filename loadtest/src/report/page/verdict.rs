//! The top of the page: what was promised, whether it was kept, and what went wrong besides.

use maud::{Markup, html};

use crate::{
    report::{
        summary,
        words::{pretty, whole},
    },
    result::{Count, Ended, Level, RunResult},
};

/// The verdict: levels missed before levels met, then troubles counted.
pub fn section(run: &RunResult) -> Markup {
    let missed = run.levels.iter().filter(|level| !level.met);
    let met = run.levels.iter().filter(|level| level.met);
    let troubles: Vec<&Count> = run
        .counts
        .iter()
        .filter(|count| count.is_trouble && count.value > 0)
        .collect();
    let class = match run.levels.iter().all(|level| level.met) {
        _ if run.levels.is_empty() || run.ended == Ended::Interrupted => "verdict",
        true => "verdict met",
        false => "verdict missed",
    };
    html! {
        section class=(class) {
            h2 { (sentence(run)) }
            @if run.ended == Ended::Interrupted {
                p class="warning" { "⚠ " (summary::lasted(run)) "." }
            }
            @if !run.levels.is_empty() {
                ul class="levels" {
                    @for level in missed.chain(met) { (row(level, run)) }
                }
            }
            @if !troubles.is_empty() {
                p class="warning" {
                    "⚠ Trouble counted: "
                    @for (index, count) in troubles.iter().enumerate() {
                        @if index > 0 { ", " }
                        (whole(count.value)) " " (pretty(&count.title))
                    }
                }
            }
        }
    }
}

fn sentence(run: &RunResult) -> String {
    let verdict = summary::verdict(run);
    let mut letters = verdict.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

fn row(level: &Level, run: &RunResult) -> Markup {
    html! {
        li class=(if level.met { "met" } else { "missed" }) {
            b { @if level.met { "✓ met" } @else { "✗ MISSED" } }
            span { (in_words(&level.wanted, run)) }
            span class="found" { "found " strong { (level.found) } }
        }
    }
}

/// A level with the title of what it is about instead of its key, where that is known.
fn in_words(wanted: &str, run: &RunResult) -> String {
    let (key, bound) = wanted.split_once(' ').unwrap_or((wanted, ""));
    let hop = run.hops.iter().find(|hop| hop.key == key).map(|hop| &hop.title);
    let count = || {
        run.counts
            .iter()
            .find(|count| count.key == key)
            .map(|count| &count.title)
    };
    match hop.or_else(count) {
        Some(title) => pretty(&format!("{title}: {bound}")),
        None => pretty(wanted),
    }
}
