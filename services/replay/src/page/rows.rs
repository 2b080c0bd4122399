//! Measures as rows, one for each policy: how large, how sure, and night against day.

use maud::{Markup, html};
use muster_plot::{Axis, Frame, line, short, words::number};

use super::{WIDTH, colour, mark};
use crate::{
    findings::{Figure, Findings},
    statistics::Mean,
    table,
};

/// Height of a policy's row.
const ROW: f64 = 24.0;
/// Room for the figure behind a row.
const FIGURE: f64 = 92.0;

/// What is shown as bars, by key.
const BARS: [&str; 6] = ["alerts", "covered", "aed_covered", "redundant", "wasted", "called_off"];

/// How much each policy adds to survival, by each curve.
pub(super) fn differences(findings: &Findings) -> Markup {
    let is_survival = |place: &usize| findings.measures[*place].key.starts_with("survival_");
    let places: Vec<usize> = (0..findings.measures.len()).filter(is_survival).collect();
    html! {
        @if findings.policies.len() > 1 {
            section {
                h2 { "Survival gained, by four curves" }
                p class="note" {
                    "How many more of a hundred patients survive by the model than under policy 1. A policy to rely on is on the \
                     same side under every curve that looks at what it changes: De Maio looks at the shock alone, Waalewijn at \
                     first aid and the crew."
                }
                div class="plots" { @for place in places { (difference(findings, place)) } }
            }
        }
    }
}

fn difference(findings: &Findings, place: usize) -> Markup {
    let shown: Vec<(usize, Mean)> = findings
        .policies
        .iter()
        .enumerate()
        .skip(1)
        .map(|(number, policy)| (number, policy.figures[place].difference))
        .collect();
    let ends = shown
        .iter()
        .flat_map(|(_, mean)| [mean.mean - mean.ci95, mean.mean + mean.ci95]);
    let across = Axis::around(ends.chain([0.0]));
    let frame = frame(shown.len());
    let zero = frame.x(across.at(0.0));
    html! {
        figure {
            figcaption { b { (findings.measures[place].title) } ", points of a hundred" }
            svg viewBox=(format!("0 0 {WIDTH} {}", frame.picture_height())) role="img" aria-label=(findings.measures[place].title) {
                (frame.grid(&across, &no_words()))
                path class="zero" d=(line(&[(zero, frame.top), (zero, frame.bottom())])) {}
                @for (row, (number, mean)) in shown.iter().enumerate() {
                    @let y = middle(&frame, row);
                    (whisker(*number, &frame, &across, *mean, y))
                    (mark(*number, frame.x(across.at(mean.mean)), y))
                    text class="name" x=(short(frame.right() + 8.0)) y=(short(y + 4.0)) { (table::difference(*mean)) }
                }
            }
        }
    }
}

/// The measures as bars, then burden, then night against day.
pub(super) fn section(findings: &Findings) -> Markup {
    let night = ["covered", "first_help", "alerts"];
    html! {
        section {
            h2 { "What each policy does" }
            p class="note" { "Means over all incidents with their 95 % intervals." }
            div class="plots" {
                @for key in BARS { @if let Some(place) = findings.place_of(key) { (measure(findings, place)) } }
                (burden(findings))
            }
        }
        section {
            h2 { "Night against day" }
            p class="note" { "Full mark: by day. Hollow mark: by night, 22 to 7 by the sun." }
            div class="plots" {
                @for key in night { @if let Some(place) = findings.place_of(key) { (by_night(findings, place)) } }
            }
        }
    }
}

fn measure(findings: &Findings, place: usize) -> Markup {
    let measure = &findings.measures[place];
    let means: Vec<Mean> = findings
        .policies
        .iter()
        .map(|policy| policy.figures[place].all)
        .collect();
    bars(&measure.title, measure.unit, &means)
}

fn burden(findings: &Findings) -> Markup {
    let exactly = |mean: f64| Mean { mean, ci95: 0.0 };
    let of = |value: fn(&crate::findings::Burden) -> f64| -> Vec<Mean> {
        findings
            .policies
            .iter()
            .map(|policy| exactly(value(&policy.burden)))
            .collect()
    };
    html! {
        (bars("Gini of alerts among those ever asked", "0 = even", &of(|burden| burden.gini_asked)))
        (bars("never asked", "% of those registered", &of(|burden| burden.never_asked)))
    }
}

fn bars(title: &str, unit: &str, means: &[Mean]) -> Markup {
    let across = Axis::from_zero(means.iter().map(|mean| mean.mean + mean.ci95));
    let frame = frame(means.len());
    html! {
        figure {
            figcaption { b { (title) } ", " (unit) }
            svg viewBox=(format!("0 0 {WIDTH} {}", frame.picture_height())) role="img" aria-label=(title) {
                (frame.grid(&across, &no_words()))
                @for (number, mean) in means.iter().enumerate() {
                    @let y = middle(&frame, number);
                    @let length = across.at(mean.mean) * frame.width;
                    rect class=(format!("bar {}", colour(number))) x=(short(frame.left)) y=(short(y - 7.0)) width=(short(length)) height="14" {}
                    (whisker(number, &frame, &across, *mean, y))
                    (mark(number, frame.left - 16.0, y))
                    text class="name" x=(short(frame.right() + 8.0)) y=(short(y + 4.0)) { (said(*mean)) }
                }
            }
        }
    }
}

fn by_night(findings: &Findings, place: usize) -> Markup {
    let measure = &findings.measures[place];
    let figures: Vec<&Figure> = findings.policies.iter().map(|policy| &policy.figures[place]).collect();
    let across = Axis::from_zero(figures.iter().flat_map(|figure| [figure.day.mean, figure.night.mean]));
    let frame = frame(figures.len());
    html! {
        figure {
            figcaption { b { (measure.title) } ", " (measure.unit) }
            svg viewBox=(format!("0 0 {WIDTH} {}", frame.picture_height())) role="img" aria-label=(measure.title) {
                (frame.grid(&across, &no_words()))
                @for (number, figure) in figures.iter().enumerate() {
                    @let y = middle(&frame, number);
                    @let (day, night) = (frame.x(across.at(figure.day.mean)), frame.x(across.at(figure.night.mean)));
                    path class=(format!("whisker {}", colour(number))) d=(line(&[(day, y), (night, y)])) {}
                    circle class=(format!("mark {}", colour(number))) cx=(short(day)) cy=(short(y)) r="5" { title { "by day" } }
                    circle class=(format!("mark hollow {}", colour(number))) cx=(short(night)) cy=(short(y)) r="5" { title { "by night" } }
                    (mark(number, frame.left - 16.0, y))
                    text class="name" x=(short(frame.right() + 8.0)) y=(short(y + 4.0)) {
                        (number_of(figure.day)) " / " (number_of(figure.night))
                    }
                }
            }
        }
    }
}

fn number_of(mean: Mean) -> String {
    number(mean.mean)
}

/// A figure behind a row; without its interval where there is none.
fn said(mean: Mean) -> String {
    if mean.ci95 == 0.0 {
        number(mean.mean)
    } else {
        table::mean(mean)
    }
}

fn whisker(number: usize, frame: &Frame, across: &Axis, mean: Mean, y: f64) -> Markup {
    let end = |value: f64| (frame.x(across.at(value)), y);
    let ends = [end(mean.mean - mean.ci95), end(mean.mean + mean.ci95)];
    html! { path class=(format!("whisker {}", colour(number))) d=(line(&ends)) {} }
}

fn frame(rows: usize) -> Frame {
    Frame {
        left: 32.0,
        top: 4.0,
        width: WIDTH - 32.0 - FIGURE,
        height: ROW * rows as f64,
    }
}

fn middle(frame: &Frame, row: usize) -> f64 {
    frame.top + ROW * (row as f64 + 0.5)
}

/// A vertical axis that says nothing: the rows have their marks.
fn no_words() -> Axis {
    let mut axis = Axis::from_zero(std::iter::empty());
    axis.ticks.clear();
    axis
}
