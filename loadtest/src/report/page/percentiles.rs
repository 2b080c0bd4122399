//! Latency by percentile, the hops of an alert's way in one plot, all others in a second: how bad is the worst in a
//! hundred, in a thousand, and of which hop?
//!
//! Drawn twice, wide and narrow, of which the page shows the one that fits: words must not shrink with the plot.

use maud::{Markup, html};
use muster_plot::{Axis, Frame, line, short, spread, wrapped};

use crate::{
    report::{
        reading::{at_share, is_from_report, is_of_harness},
        words::{ms, pretty},
    },
    result::Hop,
};

/// Lines of a colour of their own; more hops begin with the first again, and are told apart by their names alone.
const COLOURS: usize = 7;
/// Between two lines of a label.
const LINE_HEIGHT: f64 = 14.0;
/// Between two labels.
const LABEL_GAP: f64 = 4.0;
/// Lines of a label; what is longer stands in the table in full.
const LABEL_LINES_MAX: usize = 3;
/// Below this share the axis does not reach.
const SHARE_MIN: f64 = 0.5;
/// A line bends at no more than this many points to each further nine; the eye sees no more.
const POINTS_PER_NINE: f64 = 60.0;

/// One of the two sizes.
struct Size {
    class: &'static str,
    width: f64,
    /// At least; more where the names need it.
    height: f64,
    /// Room for the names of the hops.
    names: f64,
    chars_max: usize,
}

const WIDE: Size = Size {
    class: "wide",
    width: 1100.0,
    height: 320.0,
    names: 310.0,
    chars_max: 38,
};
const NARROW: Size = Size {
    class: "narrow",
    width: 400.0,
    height: 320.0,
    names: 148.0,
    chars_max: 16,
};

/// A hop's line.
struct Curve<'a> {
    hop: &'a Hop,
    class: String,
    /// Share and milliseconds, up to where there is one measurement above.
    points: Vec<(f64, f64)>,
}

/// The plots, as far as anything was measured.
pub fn section(hops: &[Hop]) -> Markup {
    let (way, others): (Vec<&Hop>, Vec<&Hop>) = hops.iter().partition(|hop| is_from_report(hop));
    let [way, others] = [way, others].map(|hops| curves(&hops));
    html! {
        @if !way.is_empty() || !others.is_empty() {
            section {
                h2 { "Latency by percentile" }
                p class="note" {
                    "At p99, one in a hundred took longer than the line says. A line ends where no measurement is left above it."
                }
                (plots("way", "From the moment a report was due", &way))
                (plots("others", "Other hops, and the harness itself", &others))
            }
        }
    }
}

fn curves<'a>(hops: &[&'a Hop]) -> Vec<Curve<'a>> {
    let curves = hops.iter().enumerate();
    curves.filter_map(|(index, hop)| Curve::new(index, hop)).collect()
}

fn plots(id: &str, title: &str, curves: &[Curve<'_>]) -> Markup {
    html! {
        @if !curves.is_empty() {
            figure class="whole" {
                figcaption { b { (title) } }
                (plot(id, title, curves, &WIDE))
                (plot(id, title, curves, &NARROW))
            }
        }
    }
}

impl<'a> Curve<'a> {
    fn new(index: usize, hop: &'a Hop) -> Option<Self> {
        let middle = at_share(hop, SHARE_MIN)?;
        let share_max = (1.0 - 1.0 / hop.count as f64).max(SHARE_MIN);
        let mut points = vec![(SHARE_MIN, middle)];
        let mut step = 0.0;
        for point in &hop.percentiles {
            let nines = -(1.0 - point.share).log10() * POINTS_PER_NINE;
            let is_inside = point.share > SHARE_MIN && point.share <= share_max && point.ms.is_finite();
            if is_inside && nines.floor() > step {
                step = nines.floor();
                points.push((point.share, point.ms));
            }
        }
        if let Some(end) = at_share(hop, share_max).filter(|_| share_max > SHARE_MIN) {
            points.push((share_max, end));
        }
        let class = match is_of_harness(hop) {
            true => "harness".to_owned(),
            false => format!("colour{}", index % COLOURS),
        };
        Some(Self { hop, class, points })
    }

    /// The hop's title up to where it begins to explain itself.
    fn label(&self, size: &Size) -> Vec<String> {
        let title = self.hop.title.split([',', ':']).next().unwrap_or_default();
        wrapped(&pretty(title), size.chars_max, LABEL_LINES_MAX)
    }

    fn end(&self) -> (f64, f64) {
        self.points.last().copied().unwrap_or((SHARE_MIN, 0.0))
    }
}

fn plot(id: &str, title: &str, curves: &[Curve<'_>], size: &Size) -> Markup {
    let share_max = curves.iter().map(|curve| curve.end().0).fold(0.0, f64::max);
    let across = Axis::nines(share_max);
    let up = Axis::milliseconds(curves.iter().flat_map(|curve| curve.points.iter().map(|&(_, ms)| ms)));
    let labels: Vec<Vec<String>> = curves.iter().map(|curve| curve.label(size)).collect();
    let frame = Frame {
        left: 56.0,
        top: 8.0,
        width: size.width - 56.0 - size.names,
        height: size.height.max(labels.iter().map(|lines| label_height(lines)).sum()),
    };
    let [title_id, description_id] = ["title", "description"].map(|part| format!("{id}-{}-{part}", size.class));
    html! {
        svg class=(size.class) viewBox=(format!("0 0 {} {}", size.width, frame.picture_height())) role="img"
            aria-labelledby=(format!("{title_id} {description_id}")) {
            title id=(title_id) { "Latency by percentile: " (title) }
            desc id=(description_id) { (in_words(curves)) }
            (frame.grid(&across, &up))
            @for curve in curves { (drawn(curve, &frame, &across, &up)) }
            (names(curves, &labels, &frame, &across, &up))
        }
    }
}

fn in_words(curves: &[Curve<'_>]) -> String {
    let said = |share: f64, hop: &Hop| at_share(hop, share).map_or("-".to_owned(), ms);
    let each = |curve: &Curve<'_>| {
        let title = pretty(&curve.hop.title);
        format!(
            "{title}: p50 {} ms, p99 {} ms.",
            said(0.5, curve.hop),
            said(0.99, curve.hop)
        )
    };
    curves.iter().map(each).collect::<Vec<_>>().join(" ")
}

fn place(point: (f64, f64), frame: &Frame, across: &Axis, up: &Axis) -> (f64, f64) {
    (frame.x(across.at(point.0)), frame.y(up.at(point.1)))
}

fn drawn(curve: &Curve<'_>, frame: &Frame, across: &Axis, up: &Axis) -> Markup {
    let places: Vec<(f64, f64)> = curve
        .points
        .iter()
        .map(|&point| place(point, frame, across, up))
        .collect();
    html! { path class=(format!("line {}", curve.class)) d=(line(&places)) {} }
}

/// The hops' names beside the ends of their lines, each with a thin line to where it belongs.
fn names(curves: &[Curve<'_>], labels: &[Vec<String>], frame: &Frame, across: &Axis, up: &Axis) -> Markup {
    let ends: Vec<(f64, f64)> = curves
        .iter()
        .map(|curve| place(curve.end(), frame, across, up))
        .collect();
    let wanted: Vec<(f64, f64)> = ends
        .iter()
        .zip(labels)
        .map(|(end, lines)| (end.1, label_height(lines)))
        .collect();
    let middles = spread(&wanted, frame.top, frame.bottom());
    let x = frame.right() + 22.0;
    html! {
        @for (((curve, end), lines), middle) in curves.iter().zip(ends).zip(labels).zip(middles) {
            path class=(format!("leader {}", curve.class)) d=(line(&[end, (frame.right() + 4.0, end.1), (x - 4.0, middle)])) {}
            text class=(format!("word {}", curve.class)) {
                @for (row, words) in lines.iter().enumerate() {
                    @let above = (lines.len() as f64 - 1.0) / 2.0 - row as f64;
                    tspan x=(short(x)) y=(short(middle + 4.0 - above * LINE_HEIGHT)) { (words) }
                }
            }
        }
    }
}

fn label_height(lines: &[String]) -> f64 {
    lines.len() as f64 * LINE_HEIGHT + LABEL_GAP
}
