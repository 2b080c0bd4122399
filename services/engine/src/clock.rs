//! The clock of the service: UTC as the machine told it at the start, carried on by the monotonic clock, so that a step of
//! the machine's clock moves no deadline.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dispatch_core::time::Timestamp;

use crate::ports::Clock;

/// The machine's clock, anchored once.
pub struct SystemClock {
    anchor: Timestamp,
    since: Instant,
}

impl SystemClock {
    /// Anchors the clock to the machine's present idea of UTC.
    pub fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let anchor = Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX));
        Self {
            anchor,
            since: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.anchor + self.since.elapsed()
    }
}
