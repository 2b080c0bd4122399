//! What the phones saw and did, written down by the phones themselves. The service is judged by it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use muster_proto::v1::ReplyKind;

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Whose phone, by its place in the town.
    pub person: usize,
    /// When.
    pub at: Instant,
    /// What happened.
    pub what: What,
}

/// What happened on a phone.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// Connected and subscribed.
    Connected,
    /// The connection is gone.
    Lost,
    /// A message about an alert arrived.
    Got {
        /// Which alert.
        alert_id: String,
        /// What it says.
        kind: Kind,
        /// This version, or a higher one, had come before.
        duplicate: bool,
        /// How long it was still valid.
        left: Duration,
        /// How long after its expiry it came.
        late: Duration,
    },
    /// The broker acknowledged something the person said.
    Heard {
        /// About which alert.
        alert_id: String,
        /// What was said.
        kind: ReplyKind,
    },
    /// A payload that is no message, or a packet that makes no sense.
    Unreadable(String),
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Will you go?
    Alert,
    /// Go.
    Confirmed,
    /// Not needed, or too late.
    Refused,
    /// Do not go, or stop.
    StandDown,
}

/// The log all phones write to. Grows with alerts, so a run can keep all of it.
#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Log {
    /// Writes a line.
    pub fn write(&self, person: usize, what: What) {
        let at = Instant::now();
        let line = Line { person, at, what };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Everything written so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at everything written so far.
    pub fn any(&self, matches: impl Fn(&Line) -> bool) -> bool {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().any(matches)
    }
}
