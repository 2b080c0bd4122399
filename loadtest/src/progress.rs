//! How a run gets on, told while it runs. A stand-in.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

/// How things stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glance {
    /// Since the first scheduled event.
    pub elapsed: Duration,
    /// Incidents reported.
    pub incidents: u64,
    /// Incidents not over.
    pub in_flight: u64,
    /// Positions sent in the last second.
    pub positions_per_s: f64,
    /// Phones connected.
    pub phones_connected: usize,
    /// Median and 99th percentile, milliseconds.
    pub report_ack_ms: (f64, f64),
    /// Median and 99th percentile, milliseconds.
    pub report_to_last_phone_ms: (f64, f64),
    /// Requests that failed.
    pub errors: u64,
    /// Alerts lost.
    pub lost: u64,
}

/// Tells how a run gets on.
#[derive(Debug)]
pub struct Progress {
    told: Option<Instant>,
}

impl Progress {
    /// For a run of this length.
    pub fn new(_total: Duration, _is_terminal: bool) -> Self {
        Self { told: None }
    }

    /// Tells how things stand.
    pub fn tell(&mut self, glance: &Glance) {
        if self.told.is_some_and(|told| told.elapsed() < Duration::from_secs(5)) {
            return;
        }
        self.told = Some(Instant::now());
        self.line(&format!("{glance:?}"));
    }

    /// Tells an event.
    pub fn line(&mut self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// The run is over.
    pub fn finish(&mut self) {}
}
