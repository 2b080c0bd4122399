//! How far the owner is behind: the measure by which less important requests are refused.
//!
//! What counts is a lag that stands. One batch that waits behind an import is no overload; when everything waits for a
//! fifth of a second, more comes in than is done.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use muster_engine::requests::EngineHandle;

/// The owner's pulse is felt this often; it costs the owner a few microseconds.
const FEEL_EVERY: Duration = Duration::from_millis(20);
/// A lag stands when none of this many looks in a row found less: 200 ms, so that a hiccup passes unnoticed and an
/// overload is noticed before its first victim gives up.
const LOOKS: usize = 10;
/// A pulse not felt for this long counts before it is felt.
const STANDS_AFTER: Duration = Duration::from_millis(200);

/// The lag as last seen. Cloning it gives another hand on the same.
#[derive(Clone)]
pub(crate) struct Lag(Arc<Seen>);

struct Seen {
    since: Instant,
    standing_us: AtomicU64,
    /// When the pulse was asked for that has not been felt yet, in microseconds after `since`; 0 = none.
    asked_us: AtomicU64,
}

impl Lag {
    /// None seen yet.
    pub fn new() -> Self {
        Self(Arc::new(Seen {
            since: Instant::now(),
            standing_us: AtomicU64::new(0),
            asked_us: AtomicU64::new(0),
        }))
    }

    /// The lag that stands now.
    pub fn standing(&self) -> Duration {
        let asked = Duration::from_micros(self.0.asked_us.load(Ordering::Relaxed));
        let unfelt = self.0.since.elapsed().saturating_sub(asked);
        if !asked.is_zero() && unfelt >= STANDS_AFTER {
            return unfelt;
        }
        Duration::from_micros(self.0.standing_us.load(Ordering::Relaxed))
    }

    /// Keeps looking for as long as it is polled.
    pub async fn keep_looking(&self, engine: &EngineHandle) {
        let mut looks = Looks::default();
        loop {
            let asked = Instant::now();
            self.0
                .asked_us
                .store(micros(self.0.since.elapsed()).max(1), Ordering::Relaxed);
            let felt = engine.pulse().await;
            self.0.asked_us.store(0, Ordering::Relaxed);
            if felt.is_err() {
                // The owner has stopped, and says so itself to whoever asks.
                self.0.standing_us.store(0, Ordering::Relaxed);
                std::future::pending::<()>().await;
            }
            let standing = looks.add(asked.elapsed().max(engine.lag()));
            self.0.standing_us.store(micros(standing), Ordering::Relaxed);
            tokio::time::sleep(FEEL_EVERY).await;
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The last looks.
#[derive(Default)]
struct Looks(VecDeque<Duration>);

impl Looks {
    /// Takes one more; the lag that stands.
    fn add(&mut self, lag: Duration) -> Duration {
        if self.0.len() == LOOKS {
            self.0.pop_front();
        }
        self.0.push_back(lag);
        let least = self.0.iter().min().copied().unwrap_or_default();
        if self.0.len() < LOOKS { Duration::ZERO } else { least }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_hiccup_passes_and_what_lasts_is_noticed() {
        let mut looks = Looks::default();
        for _ in 0..5 {
            assert_eq!(looks.add(300 * MS), Duration::ZERO);
        }
        assert_eq!(looks.add(2 * MS), Duration::ZERO);
        let standing: Vec<_> = (0..LOOKS).map(|_| looks.add(80 * MS)).collect();
        assert_eq!(standing[LOOKS - 2], 2 * MS);
        assert_eq!(standing[LOOKS - 1], 80 * MS);
        assert_eq!(looks.add(MS), MS, "over as soon as it is over");
    }
}
