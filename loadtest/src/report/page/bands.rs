//! Events as shaded bands with words above them, the same on every plot over time.

use maud::{Markup, html};
use muster_plot::{Axis, Frame, short};

use crate::{
    report::words::{pretty, shortened},
    result::EventMark,
};

/// Rows of words above a plot; a run that does more different things tells the rest in the table of events.
const ROWS_MAX: usize = 3;
/// Height of a row.
const ROW: f64 = 16.0;
/// A moment is drawn this wide, or it would not be seen.
const WIDTH_MIN: f64 = 2.0;
/// About the width of a letter in the plots' words.
const LETTER: f64 = 6.2;

/// The words of a run's events: the same thing done again and again has them once.
struct Words<'a> {
    first: &'a EventMark,
    times: usize,
}

/// Height that the words take above a plot.
pub fn height(events: &[EventMark]) -> f64 {
    words(events).len() as f64 * ROW
}

/// The bands, to be drawn before the lines.
pub fn bands(events: &[EventMark], frame: &Frame, time: &Axis) -> Markup {
    let words = words(events);
    html! {
        g class="bands" {
            @for event in events {
                @let (from, to) = ends(event, frame, time);
                rect x=(short(from)) y=(short(frame.top)) width=(short(to - from)) height=(short(frame.height)) {
                    title { (pretty(&event.what)) }
                }
            }
            @for (row, one) in words.iter().enumerate() { (label(one, frame.top - (words.len() - row) as f64 * ROW, frame, time)) }
        }
    }
}

fn label(words: &Words<'_>, y: f64, frame: &Frame, time: &Axis) -> Markup {
    let (from, to) = ends(words.first, frame, time);
    let is_early = from < frame.left + frame.width / 2.0;
    let (x, anchor, room) = match is_early {
        true => (from, "start", frame.right() - from),
        false => (to, "end", to - frame.left),
    };
    let times = if words.times > 1 {
        format!(" ×{}", words.times)
    } else {
        String::new()
    };
    let said = shortened(
        &pretty(&words.first.what),
        ((room / LETTER) as usize).saturating_sub(times.chars().count()),
    );
    html! {
        path d=(format!("M{x} {y}V{top}", x = short(x), y = short(y + 2.0), top = short(frame.top))) {}
        text x=(short(if is_early { x + 3.0 } else { x - 3.0 })) y=(short(y + 11.0)) text-anchor=(anchor) { (said) (times) }
    }
}

fn ends(event: &EventMark, frame: &Frame, time: &Axis) -> (f64, f64) {
    let from = frame.x(time.at(event.at_s));
    let until = frame.x(time.at(event.until_s.unwrap_or(event.at_s)));
    let from = from.min(frame.right() - WIDTH_MIN);
    (from, until.max(from + WIDTH_MIN))
}

fn words(events: &[EventMark]) -> Vec<Words<'_>> {
    let mut all: Vec<Words<'_>> = Vec::new();
    for event in events {
        match all.iter_mut().find(|words| words.first.what == event.what) {
            Some(words) => words.times += 1,
            None => all.push(Words { first: event, times: 1 }),
        }
    }
    all.truncate(ROWS_MAX);
    all
}
