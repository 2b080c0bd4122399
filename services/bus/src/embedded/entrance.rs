//! How many phones may be coming in at once.
//!
//! After an outage a whole fleet knocks in the same second. Whoever is let in is let in quickly, and alerts still get
//! through; the others are told "server busy" before they cost anything, and try again as their client sees fit.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Connections between their password and their session. As many as the machine works on in a few milliseconds: more
/// would not come in sooner, and everything that is said meanwhile waits behind them.
pub(super) const ENTERING_MAX: usize = 64;
/// One that has not come in by then broke on its way, which nobody tells us; its place is free again.
const ENTERING_WAIT: Duration = Duration::from_secs(1);

/// Counts those who are coming in.
pub(super) struct Entrance {
    max: usize,
    entering: Mutex<HashMap<String, Instant>>,
}

impl Entrance {
    pub fn new(max: usize) -> Self {
        Self {
            max,
            entering: Mutex::default(),
        }
    }

    /// Whether one more may come in now; if not, it is counted.
    pub fn admit(&self, client_id: &str) -> bool {
        let mut entering = self.entering.lock().unwrap_or_else(PoisonError::into_inner);
        if entering.len() >= self.max {
            entering.retain(|_, since| since.elapsed() < ENTERING_WAIT);
        }
        let free = entering.len() < self.max;
        if free {
            entering.insert(client_id.to_owned(), Instant::now());
        } else {
            metrics::counter!("muster_mqtt_server_busy_total").increment(1);
        }
        free
    }

    /// It is in.
    pub fn passed(&self, client_id: &str) {
        let mut entering = self.entering.lock().unwrap_or_else(PoisonError::into_inner);
        entering.remove(client_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_entrance_lets_the_next_in_when_one_has_passed() {
        let entrance = Entrance::new(2);
        assert!(entrance.admit("a"));
        assert!(entrance.admit("b"));
        assert!(!entrance.admit("c"));
        entrance.passed("a");
        assert!(entrance.admit("c"));
    }
}
