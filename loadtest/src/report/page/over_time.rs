//! Latency over time, a plot for each hop: when did it get slow, and was something done to the service just then?

use maud::{Markup, html};
use muster_plot::{Axis, Frame, line, short, spread};

use super::{POINTS_MAX, bands, length_s};
use crate::{
    report::{
        reading::{Limit, joined, joined_every_s},
        words::{ms, percentile, pretty, stretch, tick_ms, whole},
    },
    result::{Hop, HopSecond, RunResult},
};

/// Width of the picture; it is shown somewhat larger or smaller.
const WIDTH: f64 = 480.0;
/// A line is broken where this many of its usual steps are missing.
const STEPS_MISSING: f64 = 5.0;
/// Height of the name of a line.
const WORD_HEIGHT: f64 = 15.0;

/// One of the three lines of a plot.
struct Strand {
    class: &'static str,
    word: &'static str,
    value: fn(&HopSecond) -> f64,
}

/// Drawn in this order, so that the one half of all see lies on top.
const STRANDS: [Strand; 3] = [
    Strand {
        class: "max",
        word: "max",
        value: |second| second.max_ms,
    },
    Strand {
        class: "p99",
        word: "p99",
        value: |second| second.p99_ms,
    },
    Strand {
        class: "p50",
        word: "p50",
        value: |second| second.p50_ms,
    },
];

/// The plots of all hops.
pub fn section(run: &RunResult) -> Markup {
    html! {
        @if !run.hops.is_empty() {
            section {
                h2 { "Latency over time" }
                p class="note" {
                    "Each point is what was due in one short stretch of the run: half of it took p50 at most. Where stretches \
                     are joined, p99 and max are the highest in them. With few alerts in a stretch, p99 is the same as max."
                }
                div class="plots" {
                    @for (index, hop) in run.hops.iter().enumerate() { (figure(&format!("hop{index}"), hop, run)) }
                }
            }
        }
    }
}

fn figure(id: &str, hop: &Hop, run: &RunResult) -> Markup {
    let every_s = joined_every_s(hop.over_time.len(), length_s(run), POINTS_MAX);
    let seconds = joined(&hop.over_time, every_s);
    html! {
        figure {
            figcaption { b { (pretty(&hop.title)) } @if let Some(every_s) = every_s { ", each " (stretch(every_s)) } }
            @if seconds.is_empty() { p class="nothing" { "Not measured." } } @else { (plot(id, hop, &seconds, run)) }
        }
    }
}

fn plot(id: &str, hop: &Hop, seconds: &[HopSecond], run: &RunResult) -> Markup {
    let limits: Vec<Limit<'_>> = run
        .levels
        .iter()
        .filter_map(|level| Limit::understand(&level.wanted))
        .filter(|limit| limit.hop == hop.key)
        .collect();
    let values = seconds.iter().flat_map(|second| [second.p50_ms, second.max_ms]);
    let up = Axis::milliseconds(values.chain(limits.iter().map(|limit| limit.ms)));
    let time = Axis::seconds(length_s(run));
    let frame = Frame {
        left: 56.0,
        top: 8.0 + bands::height(&run.events),
        width: WIDTH - 56.0 - 40.0,
        height: 170.0,
    };
    let (title, description) = (format!("{id}-title"), format!("{id}-description"));
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", frame.picture_height())) role="img" aria-labelledby=(format!("{title} {description}")) {
            title id=(title) { (pretty(&hop.title)) " over time" }
            desc id=(description) {
                (whole(hop.count)) " measured, the slowest in " (ms(hop.max_ms)) " milliseconds, over " (stretch(length_s(run))) "."
            }
            (bands::bands(&run.events, &frame, &time))
            (frame.grid(&time, &up))
            @for strand in &STRANDS { (strand.drawn(seconds, &frame, &time, &up)) }
            @for limit in &limits { (limit_line(limit, &frame, &up)) }
            (words(seconds, &frame, &up))
        }
    }
}

fn limit_line(limit: &Limit<'_>, frame: &Frame, up: &Axis) -> Markup {
    let y = frame.y(up.at(limit.ms));
    let name = if limit.share < 1.0 {
        percentile(limit.share)
    } else {
        "max".to_owned()
    };
    html! {
        g class="limit" {
            path d=(line(&[(frame.left, y), (frame.right(), y)])) {}
            text x=(short(frame.left + 4.0)) y=(short(y - 4.0)) {
                "wanted of the run: " (name) " ≤ " (tick_ms(limit.ms))
            }
        }
    }
}

impl Strand {
    fn drawn(&self, seconds: &[HopSecond], frame: &Frame, time: &Axis, up: &Axis) -> Markup {
        let place = |second: &HopSecond| (frame.x(time.at(second.at_s)), frame.y(up.at((self.value)(second))));
        let outline: String = unbroken(seconds)
            .iter()
            .map(|piece| line(&piece.iter().map(place).collect::<Vec<_>>()))
            .collect();
        html! { path class=(format!("line {}", self.class)) d=(outline) {} }
    }
}

/// The stretches in pieces: where several are missing, nothing was measured and no line is drawn.
fn unbroken(seconds: &[HopSecond]) -> Vec<&[HopSecond]> {
    let mut steps: Vec<f64> = seconds.windows(2).map(|pair| pair[1].at_s - pair[0].at_s).collect();
    steps.sort_by(f64::total_cmp);
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(0.0);
    let follows = |a: &HopSecond, b: &HopSecond| b.at_s - a.at_s <= usual * STEPS_MISSING;
    seconds.chunk_by(follows).collect()
}

/// The names of the lines where they end.
fn words(seconds: &[HopSecond], frame: &Frame, up: &Axis) -> Markup {
    let Some(last) = seconds.last() else {
        return html! {};
    };
    let ends = STRANDS
        .each_ref()
        .map(|strand| (frame.y(up.at((strand.value)(last))), WORD_HEIGHT));
    let places = spread(&ends, frame.top - 4.0, frame.bottom() + 4.0);
    html! {
        @for (strand, y) in STRANDS.iter().zip(places) {
            text class=(format!("word {}", strand.class)) x=(short(frame.right() + 6.0)) y=(short(y + 4.0)) { (strand.word) }
        }
    }
}
