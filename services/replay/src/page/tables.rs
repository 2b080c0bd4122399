//! Everything in figures: the measures with their differences, and how all alerts ended.

use maud::{Markup, html};
use muster_plot::words::{number, whole};

use super::colour;
use crate::{
    findings::{Findings, MeasureWords, PolicyFindings, Totals},
    measures::Better,
    statistics::Mean,
    table,
};

pub(super) fn findings(findings: &Findings) -> Markup {
    html! {
        section {
            h2 { "All measures" }
            p class="note" {
                "Mean over all incidents, and below it how much more than under policy 1. Green and red: better or worse by more \
                 than chance."
            }
            div class="scroll" {
                table class="findings" {
                    (head(findings))
                    tbody {
                        @for (place, measure) in findings.measures.iter().enumerate() {
                            tr {
                                th scope="row" { (measure.title) ", " (measure.unit) }
                                @for (number, policy) in findings.policies.iter().enumerate() {
                                    @let figure = &policy.figures[place];
                                    td {
                                        (table::mean(figure.all))
                                        @if number > 0 { (difference(measure, figure.difference)) }
                                    }
                                }
                            }
                        }
                        (line(findings, "first responder, p10 / p50 / p90 min", |policy| table::times(&policy.first_responder)))
                        (line(findings, "responder's shock, p10 / p50 / p90 min", |policy| table::times(&policy.aed)))
                        (line(findings, "Gini of alerts, all registered", |policy| number(policy.burden.gini_registered)))
                        (line(findings, "Gini of alerts, ever asked", |policy| number(policy.burden.gini_asked)))
                        (line(findings, "never asked, %", |policy| number(policy.burden.never_asked)))
                        (line(findings, "most alerts to one person", |policy| policy.burden.most.to_string()))
                    }
                }
            }
        }
    }
}

fn head(findings: &Findings) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" {}
                @for (place, policy) in findings.policies.iter().enumerate() {
                    th scope="col" class=(colour(place)) { (place + 1) ". " (policy.name) }
                }
            }
        }
    }
}

fn difference(measure: &MeasureWords, mean: Mean) -> Markup {
    let class = match (measure.better, mean.is_beyond_chance(), mean.mean > 0.0) {
        (Better::Neither, ..) | (_, false, _) => "",
        (Better::More, _, true) | (Better::Less, _, false) => "better",
        (Better::More, _, false) | (Better::Less, _, true) => "worse",
    };
    html! { small class=(class) { (table::difference(mean)) } }
}

fn line(findings: &Findings, title: &str, said: impl Fn(&PolicyFindings) -> String) -> Markup {
    html! {
        tr {
            th scope="row" { (title) }
            @for policy in &findings.policies { td { (said(policy)) } }
        }
    }
}

/// How all alerts ended, by name.
type End = (&'static str, fn(&Totals) -> u64);

pub(super) fn ends(findings: &Findings) -> Markup {
    let ends: [End; 13] = [
        ("alerts", |t| t.alerts),
        ("offered to go, told to go", |t| t.told_to_go),
        ("offered to go, not needed", |t| t.not_needed),
        ("offered to go, too late", |t| t.too_late),
        ("declined", |t| t.declined),
        ("not answered", |t| t.expired),
        ("not reached", |t| t.undeliverable),
        ("withdrawn before an answer", |t| t.withdrawn),
        ("not ended", |t| t.unsettled),
        ("of those told to go: called off", |t| t.called_off),
        ("of those told to go: with the patient", |t| t.arrivals),
        ("of these: for nothing", |t| t.redundant),
        ("sent to a defibrillator not to be had", |t| t.aed_not_there),
    ];
    html! {
        section {
            h2 { "How every alert ended" }
            p class="note" {
                "For nothing: with the patient only after the crew; or with two or more responders there already, and not \
                 bringing the first defibrillator. Somebody called off may yet arrive before the message reaches them."
            }
            div class="scroll" {
                table class="findings" {
                    (head(findings))
                    tbody {
                        @for (title, count) in ends { (line(findings, title, |policy| whole(count(&policy.totals)))) }
                    }
                }
            }
        }
    }
}
