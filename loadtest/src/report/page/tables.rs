//! Facts, hops, counts and events as tables.

use maud::{Markup, html};

use crate::{
    report::{
        reading::{Limit, SHARES, at_share, is_supported},
        words::{ms, percentile, pretty, stretch, whole},
    },
    result::{Count, EventMark, Hop, RunResult},
};

/// The scenario and the machine.
pub fn facts(run: &RunResult) -> Markup {
    let scenario = &run.scenario;
    let version = scenario.service_version.as_deref().unwrap_or("not told");
    let mut facts = scenario.facts.clone();
    let mut add = |key: &str, value: String| facts.push((key.to_owned(), value));
    add("began", run.started_at.clone());
    add(
        "lasted",
        format!("{} of {}", stretch(run.lasted_s), stretch(scenario.duration_s)),
    );
    add("seed", scenario.seed.to_string());
    add("target", scenario.target.clone());
    add("service version", version.to_owned());
    add(
        "load from",
        format!("{} processors, {}", run.machine.cpus, run.machine.system),
    );
    html! {
        section {
            h2 { "What was asked for" }
            dl class="facts" {
                @for (key, value) in &facts { div { dt { (key) } dd { (value) } } }
            }
        }
    }
}

/// The hops, milliseconds, with what a service level says marked.
pub fn hops(run: &RunResult) -> Markup {
    let limits: Vec<(Limit<'_>, bool)> = run
        .levels
        .iter()
        .filter_map(|level| Some((Limit::understand(&level.wanted)?, level.met)))
        .collect();
    html! {
        section {
            h2 { "How long each hop took" }
            @if run.hops.is_empty() {
                p { "No hop was measured." }
            } @else {
                table class="hops" {
                    thead {
                        tr {
                            th scope="col" { "milliseconds" }
                            th scope="col" { "count" }
                            @for share in SHARES { th scope="col" { (percentile(share)) } }
                            th scope="col" { "max" }
                        }
                    }
                    tbody { @for hop in &run.hops { (row(hop, &limits)) } }
                }
                p class="note" {
                    "What begins with a report counts from the moment it was due, not from when it was sent. ✓ and ✗: a \
                     service level asks for this one. In grey: so few measurements that the percentile is the maximum."
                }
            }
        }
    }
}

fn row(hop: &Hop, limits: &[(Limit<'_>, bool)]) -> Markup {
    let shares = SHARES.into_iter().chain([1.0]);
    html! {
        tr {
            th scope="row" { (pretty(&hop.title)) }
            td { (whole(hop.count)) }
            @for share in shares { (cell(hop, share, limits)) }
        }
    }
}

fn cell(hop: &Hop, share: f64, limits: &[(Limit<'_>, bool)]) -> Markup {
    let limit = limits
        .iter()
        .find(|(limit, _)| limit.hop == hop.key && (limit.share - share).abs() < 1e-9);
    let (class, mark) = match limit {
        Some((_, true)) => ("met", " ✓"),
        Some((_, false)) => ("missed", " ✗"),
        None if share < 1.0 && !is_supported(hop, share) => ("few", ""),
        None => ("", ""),
    };
    let value = if share < 1.0 {
        at_share(hop, share)
    } else {
        (hop.count > 0).then_some(hop.max_ms)
    };
    html! { td class=(class) { (value.map_or("–".to_owned(), ms)) (mark) } }
}

/// What was counted; troubles stand first and out.
pub fn counts(counts: &[Count]) -> Markup {
    let (troubles, others): (Vec<&Count>, Vec<&Count>) =
        counts.iter().partition(|count| count.is_trouble && count.value > 0);
    html! {
        @if !counts.is_empty() {
            section {
                h2 { "What was counted" }
                ul class="counts" {
                    @for count in troubles.iter().chain(&others) {
                        @let (class, mark) = match (count.is_trouble, count.value) {
                            (false, _) => ("", ""),
                            (true, 0) => ("met", " ✓"),
                            (true, _) => ("missed", " ✗"),
                        };
                        li class=(class) { strong { (whole(count.value)) (mark) } span { (pretty(&count.title)) } }
                    }
                }
            }
        }
    }
}

/// What was done to the service.
pub fn events(events: &[EventMark]) -> Markup {
    html! {
        @if !events.is_empty() {
            section {
                h2 { "What was done to the service on purpose" }
                table class="events" {
                    thead { tr { th scope="col" { "after" } th scope="col" { "for" } th scope="col" { "what" } } }
                    tbody {
                        @for event in events {
                            tr {
                                td { (stretch(event.at_s)) }
                                td { (event.until_s.map_or("–".to_owned(), |until_s| stretch(until_s - event.at_s))) }
                                td { (pretty(&event.what)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
