//! How far a run is: a bar on a terminal, a line now and then elsewhere.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::study::Progress;

/// Without a terminal, a line comes at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a run is, on standard error.
pub(crate) struct Shown {
    bar: Option<ProgressBar>,
    began: Instant,
    last_line: Instant,
}

impl Shown {
    pub(crate) fn new(incidents: usize) -> Self {
        let style =
            ProgressStyle::with_template("{elapsed} {wide_bar} {human_pos} of {human_len} incidents, {eta} left");
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(incidents as u64);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            began: Instant::now(),
            last_line: Instant::now(),
        }
    }

    pub(crate) fn tell(&mut self, progress: Progress) {
        if let Some(bar) = &self.bar {
            bar.set_position(progress.done as u64);
            return;
        }
        if progress.done < progress.of && self.last_line.elapsed() < LINE_EVERY {
            return;
        }
        self.last_line = Instant::now();
        let seconds = self.began.elapsed().as_secs_f64();
        // A closed standard error is no reason to stop.
        let _ = writeln!(
            std::io::stderr(),
            "{} of {} incidents after {seconds:.1} s",
            progress.done,
            progress.of
        );
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
