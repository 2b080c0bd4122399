//! A frame with its grid, and what is laid into it.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::Axis;

/// Below the frame, for the words of the horizontal axis.
const BELOW: f64 = 24.0;
/// From an axis to its words.
const WORD_GAP: f64 = 8.0;

/// Where the plot stands within its picture, in the picture's own units.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Left edge; the words of the vertical axis stand before it.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Frame {
    /// From a place on the horizontal axis (0 to 1).
    pub fn x(&self, at: f64) -> f64 {
        self.left + at * self.width
    }

    /// From a place on the vertical axis (0 to 1), which grows upwards.
    pub fn y(&self, at: f64) -> f64 {
        self.top + (1.0 - at) * self.height
    }

    /// Right edge.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Height of a picture that ends with the words below this frame.
    pub fn picture_height(&self) -> f64 {
        self.bottom() + BELOW
    }

    /// Grid lines and the words of both axes.
    pub fn grid(&self, across: &Axis, up: &Axis) -> Markup {
        html! {
            g class="grid" {
                @for (at, word) in &up.ticks {
                    path d=(segment((self.left, self.y(*at)), (self.right(), self.y(*at)))) {}
                    text x=(short(self.left - WORD_GAP)) y=(short(self.y(*at) + 4.0)) text-anchor="end" { (word) }
                }
                @for (at, word) in &across.ticks {
                    path d=(segment((self.x(*at), self.top), (self.x(*at), self.bottom()))) {}
                    text x=(short(self.x(*at))) y=(short(self.bottom() + 18.0)) text-anchor="middle" { (word) }
                }
            }
        }
    }
}

/// The outline of a line through points, which needs two; a single one becomes a dot by the round ends of lines.
pub fn line(points: &[(f64, f64)]) -> String {
    let mut outline = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let _ = write!(
            outline,
            "{}{} {}",
            if index == 0 { 'M' } else { 'L' },
            short(*x),
            short(*y)
        );
    }
    if points.len() == 1 {
        outline += "h0";
    }
    outline
}

fn segment(from: (f64, f64), to: (f64, f64)) -> String {
    line(&[from, to])
}

/// A coordinate to a tenth of a unit.
pub fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Moves labels apart, as little as it takes. Each is its middle and its height; they keep their order and stay between
/// `from` and `to` as far as they fit.
pub fn spread(labels: &[(f64, f64)], from: f64, to: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| labels[a].0.total_cmp(&labels[b].0));
    let mut middles: Vec<f64> = labels.iter().map(|label| label.0).collect();
    let mut top = from;
    for &index in &order {
        let half = labels[index].1 / 2.0;
        middles[index] = middles[index].max(top + half);
        top = middles[index] + half;
    }
    let mut bottom = to;
    for &index in order.iter().rev() {
        let half = labels[index].1 / 2.0;
        middles[index] = middles[index].min(bottom - half);
        bottom = middles[index] - half;
    }
    middles
}

/// Words in lines of at most this many characters, as far as the lines go; a longer word has a line of its own.
pub fn wrapped(text: &str, chars_max: usize, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= chars_max => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_apart_and_inside() {
        let spread_evenly = |middles: &[f64]| {
            let labels: Vec<(f64, f64)> = middles.iter().map(|&middle| (middle, 12.0)).collect();
            spread(&labels, 4.0, 106.0)
        };
        assert_eq!(spread_evenly(&[10.0, 50.0]), [10.0, 50.0]);
        assert_eq!(spread_evenly(&[50.0, 50.0, 51.0]), [50.0, 62.0, 74.0]);
        assert_eq!(spread_evenly(&[105.0, 98.0]), [100.0, 88.0]);
    }

    #[test]
    fn lines_and_words() {
        assert_eq!(line(&[(1.0, 2.04), (3.25, 4.0)]), "M1 2L3.2 4");
        assert_eq!(line(&[(1.0, 2.0)]), "M1 2h0");
        assert_eq!(wrapped("one and two", 7, 2), ["one and", "two"]);
        assert_eq!(wrapped("one and two and three", 7, 2), ["one and", "two and…"]);
    }
}
