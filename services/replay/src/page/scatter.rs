//! What a policy gains against what it costs: modelled survival over alerts for each incident, with the frontier, beyond
//! which more survival takes more alerts.

use maud::{Markup, html};
use muster_plot::{Axis, Frame, line, short};

use super::{colour, mark};
use crate::{findings::Findings, statistics::Mean};

/// Drawn twice, of which the page shows the one that fits: words must not shrink with the plot.
const SIZES: [(&str, f64); 2] = [("wide", 720.0), ("narrow", 400.0)];

/// A policy on the plot.
struct Point {
    place: usize,
    alerts: Mean,
    survival: Mean,
    /// Of the difference from the first policy, or of itself for the first.
    ci95: f64,
}

pub(super) fn section(findings: &Findings) -> Markup {
    let points = points(findings);
    html! {
        section {
            h2 { "Survival against alerts" }
            p class="note" {
                "Up is better, left is cheaper. A bar is the 95 % interval of a policy's difference from policy 1, incident by \
                 incident; of policy 1 itself no bar is drawn. Whoever is not on the dashed line is beaten: another \
                 policy has as much modelled survival (" (findings.curve) ") for fewer alerts."
            }
            figure class="whole" { @for (class, width) in SIZES { (plot(&points, &findings.curve, class, width)) } }
        }
    }
}

fn points(findings: &Findings) -> Vec<Point> {
    let alerts = findings.place_of("alerts").expect("always measured");
    // Survival by the chosen curve is measured first.
    let point = |(place, policy): (usize, &crate::findings::PolicyFindings)| Point {
        place,
        alerts: policy.figures[alerts].all,
        survival: policy.figures[0].all,
        ci95: policy.figures[0].difference.ci95,
    };
    findings.policies.iter().enumerate().map(point).collect()
}

fn plot(points: &[Point], curve: &str, class: &str, width: f64) -> Markup {
    let across = Axis::from_zero(points.iter().map(|point| point.alerts.mean));
    let ends = |point: &Point| [point.survival.mean - point.ci95, point.survival.mean + point.ci95];
    let up = Axis::around(points.iter().flat_map(ends));
    let frame = Frame {
        left: 44.0,
        top: 24.0,
        width: width - 44.0 - 16.0,
        height: 280.0,
    };
    let x = |mean: f64| frame.x(across.at(mean));
    let y = |mean: f64| frame.y(up.at(mean));
    let frontier: Vec<(f64, f64)> = frontier(points)
        .iter()
        .map(|&(alerts, survival)| (x(alerts), y(survival)))
        .collect();
    html! {
        svg class=(class) viewBox=(format!("0 0 {width} {}", frame.picture_height() + 16.0)) role="img" aria-label="Modelled survival over alerts" {
            (frame.grid(&across, &up))
            text class="axis" x=(short(frame.left)) y="12" { "modelled survival, %, " (curve) }
            text class="axis" x=(short(frame.right())) y=(short(frame.bottom() + 34.0)) text-anchor="end" { "alerts per incident" }
            path class="frontier" d=(line(&frontier)) {}
            @for point in points {
                g {
                    title { "policy " (point.place + 1) }
                    path class=(format!("whisker {}", colour(point.place)))
                        d=(line(&[(x(point.alerts.mean), y(ends(point)[0])), (x(point.alerts.mean), y(ends(point)[1]))])) {}
                    (mark(point.place, x(point.alerts.mean), y(point.survival.mean)))
                }
            }
        }
    }
}

/// The policies that no other beats on both, from the cheapest on.
fn frontier(points: &[Point]) -> Vec<(f64, f64)> {
    let mut order: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (point.alerts.mean, point.survival.mean))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut best = f64::NEG_INFINITY;
    order.retain(|&(_, survival)| {
        let is_better = survival > best;
        best = best.max(survival);
        is_better
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontier_holds_whom_nobody_beats() {
        let point = |alerts: f64, survival: f64| Point {
            place: 0,
            alerts: Mean {
                mean: alerts,
                ci95: 0.0,
            },
            survival: Mean {
                mean: survival,
                ci95: 0.0,
            },
            ci95: 0.0,
        };
        let points = [
            point(7.0, 12.0),
            point(3.0, 10.0),
            point(5.0, 9.0),
            point(9.0, 12.0),
            point(3.0, 8.0),
        ];
        assert_eq!(frontier(&points), [(3.0, 10.0), (7.0, 12.0)]);
    }
}
