//! Curves: by when help had come in which share of incidents, and how evenly the alerts were shared out.

use maud::{Markup, html};
use muster_plot::{Axis, Frame, line, short, spread};

use super::{WIDTH, colour};
use crate::findings::{Findings, PolicyFindings};

/// Height of a policy's number at the end of its curve.
const WORD_HEIGHT: f64 = 14.0;

pub(super) fn section(findings: &Findings) -> Markup {
    let minutes = Axis::from_zero([20.0].into_iter());
    let hundredths = Axis::from_zero([100.0].into_iter());
    html! {
        section {
            h2 { "How soon, and how often" }
            p class="note" {
                "Share of all incidents in which it had happened by then, before the crew did the same. The height at the right \
                 end is the share in which it happened at all."
            }
            div class="plots" {
                (figure("A responder with the patient", "minutes from the report", "%", findings, &minutes, |policy| {
                    over(&policy.first_responder.by_half_minute, 0.5)
                }))
                @if findings.aeds > 0 {
                    (figure("A responder's defibrillator has given a shock", "minutes from the report", "%", findings, &minutes, |policy| {
                        over(&policy.aed.by_half_minute, 0.5)
                    }))
                }
                (figure("Who bears the alerts", "% of those registered, the least asked first", "% of all alerts", findings, &hundredths, |policy| {
                    let borne: Vec<f64> = policy.burden.lorenz.iter().map(|share| share * 100.0).collect();
                    over(&borne, 100.0 / (borne.len().max(2) - 1) as f64)
                }))
            }
        }
    }
}

/// Values at even steps as points.
fn over(values: &[f64], step: f64) -> Vec<(f64, f64)> {
    values
        .iter()
        .enumerate()
        .map(|(place, value)| (place as f64 * step, *value))
        .collect()
}

fn figure(
    title: &str,
    below: &str,
    beside: &str,
    findings: &Findings,
    across: &Axis,
    points: impl Fn(&PolicyFindings) -> Vec<(f64, f64)>,
) -> Markup {
    let curves: Vec<Vec<(f64, f64)>> = findings.policies.iter().map(points).collect();
    let up = Axis::from_zero(curves.iter().flatten().map(|(_, value)| *value));
    let frame = Frame {
        left: 36.0,
        top: 8.0,
        width: WIDTH - 36.0 - 28.0,
        height: 220.0,
    };
    let placed = |points: &Vec<(f64, f64)>| -> Vec<(f64, f64)> {
        points
            .iter()
            .map(|&(x, y)| (frame.x(across.at(x)), frame.y(up.at(y))))
            .collect()
    };
    let curves: Vec<Vec<(f64, f64)>> = curves.iter().map(placed).collect();
    let ends: Vec<(f64, f64)> = curves.iter().map(|curve| (end_of(curve), WORD_HEIGHT)).collect();
    let words = spread(&ends, frame.top - 6.0, frame.bottom() + 6.0);
    html! {
        figure {
            figcaption { b { (title) } ", " (beside) }
            svg viewBox=(format!("0 0 {WIDTH} {}", frame.picture_height() + 14.0)) role="img" aria-label=(title) {
                (frame.grid(across, &up))
                text class="axis" x=(short(frame.right())) y=(short(frame.bottom() + 34.0)) text-anchor="end" { (below) }
                @for (place, curve) in curves.iter().enumerate() { path class=(format!("line {}", colour(place))) d=(line(curve)) {} }
                @for (place, y) in words.iter().enumerate() {
                    text class=(format!("word {}", colour(place))) x=(short(frame.right() + 6.0)) y=(short(y + 4.0)) { (place + 1) }
                }
            }
        }
    }
}

/// Where a curve ends; those that end in one place stand in the order in which they come there.
fn end_of(curve: &[(f64, f64)]) -> f64 {
    let height = |place: usize| curve.get(place).map_or(0.0, |point| point.1);
    height(curve.len().saturating_sub(1)) + height(curve.len() * 3 / 4) / 1000.0
}
