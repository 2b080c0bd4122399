//! The table as a picture: eight small plots, the number of people to the right, a figure upwards, both by powers of ten, a
//! line for each peer with its name at the end.

use std::fmt::Write as _;

use crate::measure::Row;

const PANEL_WIDTH: f64 = 350.0;
const PANEL_HEIGHT: f64 = 270.0;
const COLUMNS: usize = 4;
const TOP: f64 = 64.0;
const MARGIN: f64 = 16.0;
/// Of a panel: what its figures and its names take.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 112.0;
const HEAD: f64 = 40.0;
const FOOT: f64 = 30.0;
/// Names are not nearer than this to each other.
const NAME_HEIGHT: f64 = 13.0;
/// Ours stands out; the others are told apart by their names, and by hues that differ in lightness too.
const COLOURS: [(&str, &str); 7] = [
    ("muster live index", "#c8102e"),
    ("rstar 2D", "#1b6ca8"),
    ("rstar 3D sphere", "#7fb2d9"),
    ("kiddo mutable", "#2a7f46"),
    ("hash grid 500 m", "#b07a00"),
    ("Redis GEO", "#7b4fa3"),
    ("PostGIS GiST", "#5f6b73"),
];

struct Panel {
    title: &'static str,
    /// Which end is the good one.
    better: &'static str,
    figure: fn(&Row) -> f64,
}

#[allow(clippy::cast_precision_loss)]
const PANELS: [Panel; 8] = [
    Panel {
        title: "moves per second",
        better: "higher is better",
        figure: |row| row.moves_per_s,
    },
    Panel {
        title: "20 nearest in a city, median",
        better: "microseconds",
        figure: |row| row.nearest_dense.p50 as f64 / 1e3,
    },
    Panel {
        title: "20 nearest anywhere, median",
        better: "microseconds",
        figure: |row| row.nearest_sparse.p50 as f64 / 1e3,
    },
    Panel {
        title: "all within 500 m in a city, median",
        better: "microseconds",
        figure: |row| row.all_dense.p50 as f64 / 1e3,
    },
    Panel {
        title: "bytes per person",
        better: "after the moves, lower is better",
        figure: |row| row.bytes_each,
    },
    Panel {
        title: "20 nearest in a city, 99 of 100",
        better: "microseconds",
        figure: |row| row.nearest_dense.p99 as f64 / 1e3,
    },
    Panel {
        title: "20 nearest anywhere, 99 of 100",
        better: "microseconds",
        figure: |row| row.nearest_sparse.p99 as f64 / 1e3,
    },
    Panel {
        title: "all within 500 m in a city, 99 of 100",
        better: "microseconds",
        figure: |row| row.all_dense.p99 as f64 / 1e3,
    },
];

/// A stretch of a logarithmic axis, drawn from one coordinate to another.
struct Axis {
    from: f64,
    to: f64,
    drawn: (f64, f64),
}

impl Axis {
    /// Around all values, with some room.
    fn around(values: impl Iterator<Item = f64> + Clone, room: f64, drawn: (f64, f64)) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(0.0, f64::max);
        Self {
            from: least / room,
            to: most * room,
            drawn,
        }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value / self.from).ln() / (self.to / self.from).ln();
        self.drawn.0 + share * (self.drawn.1 - self.drawn.0)
    }

    /// Powers of ten; with 2 and 5 times them where there are few.
    fn ticks(&self) -> Vec<f64> {
        let decades = (self.to / self.from).log10();
        let steps: &[f64] = if decades < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let all = (-3..10).flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)));
        all.filter(|tick| (self.from..=self.to).contains(tick)).collect()
    }
}

/// The picture of rows after their moves, of any number of peers and sizes.
pub fn svg(rows: &[Row]) -> String {
    #[allow(clippy::cast_precision_loss)]
    let panel_rows = PANELS.len().div_ceil(COLUMNS) as f64;
    #[allow(clippy::cast_precision_loss)]
    let width = 2.0 * MARGIN + COLUMNS as f64 * PANEL_WIDTH;
    let height = TOP + MARGIN + panel_rows * PANEL_HEIGHT;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\" fill=\"#333\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"26\" font-size=\"18\" font-weight=\"bold\">Who is near? The live index beside other \
         structures and servers</text>\n\
         <text x=\"{MARGIN}\" y=\"46\" fill=\"#666\">By number of people who move; one thread, one run. Both axes go by powers \
         of ten. Redis and PostGIS are servers, asked through a socket.</text>\n"
    );
    for (number, panel) in PANELS.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let (column, row) = ((number % COLUMNS) as f64, (number / COLUMNS) as f64);
        let corner = (MARGIN + column * PANEL_WIDTH, TOP + row * PANEL_HEIGHT);
        panel.draw(rows, corner, &mut picture);
    }
    picture.push_str("</svg>\n");
    picture
}

impl Panel {
    fn draw(&self, rows: &[Row], (x, y): (f64, f64), picture: &mut String) {
        let known = rows.iter().filter(|row| (self.figure)(row) > 0.0);
        if known.clone().next().is_none() {
            return;
        }
        let (left, right) = (x + LEFT, x + PANEL_WIDTH - RIGHT);
        let (top, bottom) = (y + HEAD, y + PANEL_HEIGHT - FOOT);
        let across = Axis::around(known.clone().map(people), 1.15, (left, right));
        let up = Axis::around(known.map(self.figure), 1.3, (bottom, top));
        line(
            picture,
            &format!(
                "<text x=\"{x}\" y=\"{}\"><tspan font-size=\"13\" font-weight=\"bold\">{}</tspan>\
             <tspan x=\"{x}\" dy=\"14\" fill=\"#666\">{}</tspan></text>",
                y + 14.0,
                self.title,
                self.better
            ),
        );
        for tick in up.ticks() {
            let at = up.at(tick);
            line(
                picture,
                &format!(
                    "<path d=\"M{left:.1} {at:.1}H{right:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#666\">{}</text>",
                    left - 5.0,
                    at + 4.0,
                    short(tick)
                ),
            );
        }
        let mut sizes: Vec<usize> = rows.iter().map(|row| row.people).collect();
        sizes.dedup();
        for size in sizes {
            #[allow(clippy::cast_precision_loss)]
            let at = across.at(size as f64);
            line(
                picture,
                &format!(
                    "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#666\">{}</text>",
                    bottom + 16.0,
                    short_size(size)
                ),
            );
        }
        let mut names: Vec<Name> = Vec::new();
        // Ours last, so that it lies on top.
        for &(name, colour) in COLOURS.iter().rev() {
            let own = rows.iter().filter(|row| row.name == name);
            let points: Vec<(f64, f64)> = own
                .map(|row| (across.at(people(row)), up.at((self.figure)(row))))
                .collect();
            if let Some(&end) = points.last() {
                draw_line(picture, &points, name, colour);
                names.push(Name { end, name, colour });
            }
        }
        draw_names(picture, names, (right, top, bottom));
    }
}

fn draw_line(picture: &mut String, points: &[(f64, f64)], name: &str, colour: &str) {
    let width = if name == COLOURS[0].0 { 3.0 } else { 1.6 };
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    line(
        picture,
        &format!(
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            path.join("L")
        ),
    );
    for (x, y) in points {
        line(
            picture,
            &format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" fill=\"{colour}\"/>",
                width + 0.8
            ),
        );
    }
}

/// What stands beside the end of a line.
struct Name {
    end: (f64, f64),
    name: &'static str,
    colour: &'static str,
}

/// Names beside the ends of their lines, moved apart where they would lie on each other, with a thin line to the end.
fn draw_names(picture: &mut String, mut names: Vec<Name>, (right, top, bottom): (f64, f64, f64)) {
    names.sort_by(|a, b| a.end.1.total_cmp(&b.end.1));
    let places = spread(names.iter().map(|name| name.end.1).collect(), top, bottom);
    for (Name { end, name, colour }, place) in names.into_iter().zip(places) {
        let weight = if name == COLOURS[0].0 { "bold" } else { "normal" };
        line(
            picture,
            &format!(
                "<path d=\"M{:.1} {:.1}L{:.1} {place:.1}\" stroke=\"{colour}\" stroke-width=\"0.6\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\" font-weight=\"{weight}\">{name}</text>",
                end.0 + 4.0,
                end.1,
                right + 6.0,
                right + 9.0,
                place + 4.0
            ),
        );
    }
}

/// Heights in order, moved as little as it takes to lie apart and not below the foot.
fn spread(mut places: Vec<f64>, top: f64, bottom: f64) -> Vec<f64> {
    for place in 1..places.len() {
        places[place] = places[place].max(places[place - 1] + NAME_HEIGHT);
    }
    // Those pushed below the foot push the ones above them up again.
    let mut most = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most).max(top - NAME_HEIGHT);
        most = *place - NAME_HEIGHT;
    }
    places
}

#[allow(clippy::cast_precision_loss)]
fn people(row: &Row) -> f64 {
    row.people as f64
}

fn line(picture: &mut String, text: &str) {
    writeln!(picture, "{text}").expect("strings take everything");
}

/// 0.5, 20, 3k, 2M.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        _ => format!("{value}"),
    }
}

fn short_size(people: usize) -> String {
    match people {
        1_000_000.. => format!("{} M", people / 1_000_000),
        _ => format!("{} k", people / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lie_apart_and_within_the_panel() {
        let places = spread(vec![50.0, 50.0, 198.0, 199.0, 200.0], 40.0, 200.0);
        assert_eq!(places, [50.0, 63.0, 174.0, 187.0, 200.0]);
    }

    #[test]
    fn a_power_of_ten_is_as_far_as_the_next() {
        let axis = Axis::around([1.0, 1_000.0].into_iter(), 1.0, (300.0, 0.0));
        assert_eq!(axis.ticks(), [1.0, 10.0, 100.0, 1_000.0]);
        assert!((axis.at(10.0) - 200.0).abs() < 1e-9 && (axis.at(100.0) - 100.0).abs() < 1e-9);
    }
}
