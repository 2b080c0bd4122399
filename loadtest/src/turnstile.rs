//! Lets phones through to the broker at a bounded rate, at the start and when thousands come back at once.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Hands out moments to connect at, evenly apart.
#[derive(Debug)]
pub(crate) struct Turnstile {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Turnstile {
    /// A rate of zero is taken as one per second.
    pub(crate) fn new(connects_per_s: u32) -> Self {
        let gap = Duration::from_secs(1) / connects_per_s.max(1);
        Self {
            gap,
            next: Mutex::new(Instant::now()),
        }
    }

    /// When the caller may connect; `jitter` (0 to 1) places them within their slot.
    pub(crate) fn turn(&self, now: Instant, jitter: f64) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = (*next).max(now);
        *next = slot + self.gap;
        slot + self.gap.mul_f64(jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_keep_to_the_rate_and_are_not_saved_up() {
        let turnstile = Turnstile::new(100);
        let start = Instant::now() + Duration::from_secs(1);
        let turns: Vec<Duration> = (0..5).map(|_| turnstile.turn(start, 0.0) - start).collect();
        assert_eq!(turns, [0, 10, 20, 30, 40].map(Duration::from_millis));
        let later = start + Duration::from_secs(60);
        assert_eq!(turnstile.turn(later, 0.5) - later, Duration::from_millis(5));
        assert_eq!(turnstile.turn(later, 0.0) - later, Duration::from_millis(10));
    }
}
