//! Something measured again and again, a plot for each: what went through, what the service used.

use maud::{Markup, html};
use muster_plot::{Axis, Frame, line, short};

use super::{POINTS_MAX, bands, length_s};
use crate::{
    report::{
        reading::{is_same_stretch, joined_every_s},
        words::{number, pretty, stretch},
    },
    result::{RunResult, Series},
};

/// Width of the picture; it is shown somewhat larger or smaller.
const WIDTH: f64 = 480.0;

/// One plot, from zero up.
pub fn figure(id: &str, series: &Series, run: &RunResult) -> Markup {
    let points = joined(&series.points, length_s(run));
    html! {
        figure {
            figcaption { b { (pretty(&series.title)) } (caption(series)) }
            @if points.is_empty() { p class="nothing" { "Not measured." } } @else { (plot(id, series, &points, run)) }
        }
    }
}

/// Unit, mean and highest, to follow the title.
fn caption(series: &Series) -> String {
    let values = series.points.iter().map(|&(_, value)| value);
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let unit = if series.unit.is_empty() {
        String::new()
    } else {
        format!(", {}", series.unit)
    };
    if values.is_empty() {
        return unit;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let highest = values.iter().copied().fold(f64::MIN, f64::max);
    format!("{unit}: mean {}, highest {}", number(mean), number(highest))
}

fn plot(id: &str, series: &Series, points: &[(f64, f64)], run: &RunResult) -> Markup {
    let time = Axis::seconds(length_s(run));
    let up = Axis::from_zero(points.iter().map(|&(_, value)| value));
    let frame = Frame {
        left: 56.0,
        top: 8.0 + bands::height(&run.events),
        width: WIDTH - 56.0 - 40.0,
        height: 120.0,
    };
    let places: Vec<(f64, f64)> = points
        .iter()
        .map(|&(at_s, value)| (frame.x(time.at(at_s)), frame.y(up.at(value))))
        .collect();
    let (title, description) = (format!("{id}-title"), format!("{id}-description"));
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", frame.picture_height())) role="img" aria-labelledby=(format!("{title} {description}")) {
            title id=(title) { (pretty(&series.title)) " over time" }
            desc id=(description) { (pretty(&series.title)) (caption(series)) ", over " (stretch(length_s(run))) "." }
            (bands::bands(&run.events, &frame, &time))
            (frame.grid(&time, &up))
            path class="area" d=(area(&places, frame.bottom())) {}
            path class="line p50" d=(line(&places)) {}
            (last_value(points, &places))
        }
    }
}

/// The line, and down to zero at both ends.
fn area(places: &[(f64, f64)], bottom: f64) -> String {
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return String::new();
    };
    let mut outline = places.to_vec();
    outline.extend([(last.0, bottom), (first.0, bottom)]);
    format!("{}Z", line(&outline))
}

/// The value where the line ends.
fn last_value(points: &[(f64, f64)], places: &[(f64, f64)]) -> Markup {
    html! {
        @if let (Some((_, value)), Some((x, y))) = (points.last(), places.last()) {
            text class="word p50" x=(short(x + 4.0)) y=(short(y + 4.0)) { (number(*value)) }
        }
    }
}

/// Joins what lies in the same stretch to its mean; what is no number is left out.
fn joined(points: &[(f64, f64)], length_s: f64) -> Vec<(f64, f64)> {
    let finite = |(at_s, value): &(f64, f64)| at_s.is_finite() && value.is_finite();
    let finite: Vec<(f64, f64)> = points.iter().copied().filter(finite).collect();
    let every_s = joined_every_s(finite.len(), length_s, POINTS_MAX);
    let mean = |points: &[(f64, f64)]| points.iter().map(|(_, value)| value).sum::<f64>() / points.len() as f64;
    let stretches = finite.chunk_by(|a, b| is_same_stretch(a.0, b.0, every_s));
    stretches.map(|points| (points[0].0, mean(points))).collect()
}
