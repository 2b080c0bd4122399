//! How a run goes, told while it goes: a block that renews itself on a terminal, plain lines where there is none.
//! Everything goes to standard error. Has no clock of its own: what it tells is what it is told.

use std::{
    io::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::words::{moment, ms, number, whole};

/// Where there is no terminal, a line this often: a log of an hour stays readable. Glances come about once a second, not to the
/// millisecond, so that the half second makes it every five seconds and not now five, now six.
const LINE_EVERY: Duration = Duration::from_millis(4_500);
/// Lines after which the names of the columns are repeated: what scrolls by on a screen still has them in sight.
const NAMES_EVERY: u32 = 20;
/// Bar, then the block; no line is longer than a narrow terminal, so that the block can be drawn over.
const TEMPLATE: &str = "{bar:50} {msg}";

/// A run at a moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Glance {
    /// Since the measured part began.
    pub elapsed: Duration,
    /// Reported so far.
    pub incidents: u64,
    /// Reported and not over.
    pub in_flight: u64,
    /// Sent in the last second.
    pub positions_per_s: f64,
    /// Phones connected and subscribed.
    pub phones_connected: usize,
    /// Report to durable acknowledgement, milliseconds: half below the first, 99 of 100 below the second.
    pub report_ack_ms: (f64, f64),
    /// Report to the last phone of the wave, likewise.
    pub report_to_last_phone_ms: (f64, f64),
    /// Requests refused or failed so far.
    pub errors: u64,
    /// Alerts lost so far.
    pub lost: u64,
}

/// The progress of a run.
pub struct Progress {
    total: Duration,
    form: Form,
}

enum Form {
    Block(ProgressBar),
    Lines(Mutex<Told>),
}

/// What the plain lines have told.
#[derive(Default)]
struct Told {
    /// When, by the run's own time.
    last: Option<Duration>,
    lines: u32,
}

impl Progress {
    /// The progress of a run whose measured part takes `total`; `is_terminal` says whether standard error is one.
    pub fn new(total: Duration, is_terminal: bool) -> Self {
        let form = match is_terminal {
            true => Form::Block(bar(total)),
            false => Form::Lines(Mutex::default()),
        };
        Self { total, form }
    }

    /// Shows how things are; to be called about once a second.
    pub fn tell(&self, glance: &Glance) {
        match &self.form {
            Form::Block(bar) => {
                bar.set_position(milliseconds(glance.elapsed.min(self.total)));
                bar.set_message(block(glance, self.total));
            }
            Form::Lines(told) => {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                for line in told.lines(glance) {
                    say(&line);
                }
            }
        }
    }

    /// Tells of an event, in a line of its own that stays.
    pub fn line(&self, line: &str) {
        match &self.form {
            Form::Block(bar) => bar.println(line),
            Form::Lines(_) => say(line),
        }
    }

    /// Ends the progress; the block is taken away, since the summary follows.
    pub fn finish(&self) {
        if let Form::Block(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(milliseconds(total)), ProgressDrawTarget::stderr())
        .with_style(style.progress_chars("=> "))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A closed standard error must not end a run.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What stands beside and below the bar.
fn block(glance: &Glance, total: Duration) -> String {
    let pair = |(p50, p99): (f64, f64)| format!("p50 {:>7}  p99 {:>7} ms", ms(p50), ms(p99));
    format!(
        "{} of {}\n\
         \x20 incidents {:>9}   in flight {:>6}   errors {:>6}   lost {:>6}\n\
         \x20 positions {:>9}/s   phones {:>9}\n\
         \x20 report -> acknowledgement  {}\n\
         \x20 report -> last phone       {}",
        moment(glance.elapsed.as_secs_f64()),
        moment(total.as_secs_f64()),
        whole(glance.incidents),
        whole(glance.in_flight),
        whole(glance.errors),
        whole(glance.lost),
        number(glance.positions_per_s.round()),
        whole(glance.phones_connected as u64),
        pair(glance.report_ack_ms),
        pair(glance.report_to_last_phone_ms)
    )
}

impl Told {
    /// The lines due at a glance: none when the last one is recent, and the names of the columns now and then.
    fn lines(&mut self, glance: &Glance) -> Vec<String> {
        if self
            .last
            .is_some_and(|last| glance.elapsed < last.saturating_add(LINE_EVERY))
        {
            return Vec::new();
        }
        self.last = Some(glance.elapsed);
        let mut lines = Vec::new();
        if self.lines.is_multiple_of(NAMES_EVERY) {
            lines.push(names());
        }
        self.lines += 1;
        lines.push(line(glance));
        lines
    }
}

fn names() -> String {
    row([
        "elapsed",
        "incidents",
        "in flight",
        "positions/s",
        "phones",
        "ack p50",
        "ack p99",
        "last p50",
        "last p99",
        "errors",
        "lost",
    ])
}

fn line(glance: &Glance) -> String {
    let cells = [
        moment(glance.elapsed.as_secs_f64()),
        glance.incidents.to_string(),
        glance.in_flight.to_string(),
        format!("{:.0}", glance.positions_per_s),
        glance.phones_connected.to_string(),
        ms(glance.report_ack_ms.0),
        ms(glance.report_ack_ms.1),
        ms(glance.report_to_last_phone_ms.0),
        ms(glance.report_to_last_phone_ms.1),
        glance.errors.to_string(),
        glance.lost.to_string(),
    ];
    row(cells.each_ref().map(String::as_str))
}

fn row(cells: [&str; 11]) -> String {
    const WIDTHS: [usize; 11] = [8, 9, 9, 11, 7, 8, 8, 8, 8, 7, 6];
    let cells: Vec<String> = cells
        .iter()
        .zip(WIDTHS)
        .map(|(cell, width)| format!("{cell:>width$}"))
        .collect();
    cells.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glance(elapsed_s: u64) -> Glance {
        Glance {
            elapsed: Duration::from_secs(elapsed_s),
            incidents: 1_234,
            in_flight: 17,
            positions_per_s: 19_998.4,
            phones_connected: 5_000,
            report_ack_ms: (2.31, 14.2),
            report_to_last_phone_ms: (f64::NAN, f64::NAN),
            errors: 0,
            lost: 2,
        }
    }

    #[test]
    fn plain_lines_come_about_every_five_seconds_in_fixed_columns() {
        let mut told = Told::default();
        let lines: Vec<String> = (0..=11).flat_map(|second| told.lines(&glance(second))).collect();
        assert_eq!(lines.len(), 4, "names, then 0, 5 and 10 s: {lines:#?}");
        let width = lines[0].len();
        assert!(lines.iter().all(|line| line.len() == width), "{lines:#?}");
        assert!(lines[3].trim_start().starts_with("0:10"), "{}", lines[3]);
        let cells: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(
            cells,
            [
                "0:00", "1234", "17", "19998", "5000", "2.31", "14.2", "-", "-", "0", "2"
            ]
        );
    }

    #[test]
    fn names_come_back_for_who_scrolls() {
        let mut told = Told::default();
        let lines: Vec<String> = (0..=105).flat_map(|second| told.lines(&glance(second))).collect();
        assert_eq!(lines.iter().filter(|line| line.contains("elapsed")).count(), 2);
    }

    #[test]
    fn the_block_fits_a_narrow_terminal() {
        let block = block(&glance(3_000), Duration::from_secs(36_000));
        let widths: Vec<usize> = block.lines().map(|line| line.chars().count()).collect();
        // The first line has the bar before it.
        assert!(
            widths[0] + 51 < 80 && widths[1..].iter().all(|&width| width < 80),
            "{block}"
        );
        assert!(block.contains("50:00 of 10:00:00") && !block.contains("NaN"), "{block}");
    }

    #[test]
    fn a_run_of_no_length_has_a_bar() {
        let progress = Progress::new(Duration::ZERO, true);
        progress.tell(&glance(1));
        progress.line("the service is paused");
        progress.finish();
    }
}
