//! How much one phone may say: a phone gone wild costs itself, not the others.
//!
//! Each device has three token buckets, so that no accept is ever lost to a noisy stream of positions. What is beyond a
//! budget is shed and counted. A position or receipt that is shed is acknowledged all the same, since the next one makes up
//! for it; an answer is not, where the acknowledgement is ours to give, so that the phone says it again.

use std::collections::HashMap;

use dispatch_core::{ids::DeviceId, input::Input, time::Timestamp};

/// What a device is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Position,
    Reply,
    Other,
}

/// A rate that may be exceeded for a moment.
struct Budget {
    per_s: i64,
    burst: i64,
}

impl Kind {
    fn of(input: &Input) -> Self {
        match input {
            said if said.is_position() => Self::Position,
            Input::Reply { .. } => Self::Reply,
            _ => Self::Other,
        }
    }

    /// The label in `muster_device_budget_shed_total`.
    const fn label(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Reply => "reply",
            Self::Other => "other",
        }
    }

    const fn budget(self) -> Budget {
        match self {
            // Nobody runs so fast that a second matters; thirty at once is a phone that comes out of a tunnel.
            Self::Position => Budget { per_s: 1, burst: 30 },
            // A person taps a handful of buttons per incident; fifty is an app that says all of it again, several times.
            Self::Reply => Budget { per_s: 5, burst: 50 },
            // Two receipts for each message, and hellos of a connection that comes and goes.
            Self::Other => Budget { per_s: 10, burst: 100 },
        }
    }
}

/// A device silent for this long has full buckets again, the same as one never heard, and is forgotten: the slowest
/// bucket fills in 30 s (positions).
const SILENT_MS: i64 = 30_000;
/// What one message costs. Tokens are counted in thousandths, of which a bucket gains `per_s` in a millisecond.
const MESSAGE: i64 = 1_000;

/// The budgets of all devices. At most one entry for each enrolled device that spoke within the last minute.
#[derive(Default)]
pub(crate) struct Budgets {
    devices: HashMap<DeviceId, Buckets>,
    swept_ms: i64,
}

/// What a device has left, in thousandths of a message.
struct Buckets {
    left: [i64; 3],
    at_ms: i64,
}

impl Buckets {
    fn full(at_ms: i64) -> Self {
        let left = [Kind::Position, Kind::Reply, Kind::Other].map(|kind| kind.budget().burst * MESSAGE);
        Self { left, at_ms }
    }

    fn fill(&mut self, now_ms: i64) {
        let passed_ms = (now_ms - self.at_ms).clamp(0, SILENT_MS);
        self.at_ms = self.at_ms.max(now_ms);
        for kind in [Kind::Position, Kind::Reply, Kind::Other] {
            let Budget { per_s, burst } = kind.budget();
            let left = &mut self.left[kind as usize];
            *left = (*left + passed_ms * per_s).min(burst * MESSAGE);
        }
    }

    fn pay(&mut self, kind: Kind) -> bool {
        let left = &mut self.left[kind as usize];
        let enough = *left >= MESSAGE;
        if enough {
            *left -= MESSAGE;
        }
        enough
    }
}

impl Budgets {
    /// Whether the device may say this now; if not, it is counted.
    pub fn allow(&mut self, device: DeviceId, said: &Input, now: Timestamp) -> bool {
        let now_ms = now.unix_ms();
        self.forget_the_silent(now_ms);
        let buckets = self.devices.entry(device).or_insert_with(|| Buckets::full(now_ms));
        buckets.fill(now_ms);
        let kind = Kind::of(said);
        let allowed = buckets.pay(kind);
        if !allowed {
            metrics::counter!("muster_device_budget_shed_total", "what" => kind.label()).increment(1);
        }
        allowed
    }

    /// Looks at every device, so rarely enough to cost nothing.
    fn forget_the_silent(&mut self, now_ms: i64) {
        if now_ms - self.swept_ms < SILENT_MS {
            return;
        }
        self.swept_ms = now_ms;
        self.devices.retain(|_, buckets| now_ms - buckets.at_ms < SILENT_MS);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOISY: DeviceId = DeviceId::from_bytes([1; 16]);
    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn fix() -> Input {
        use dispatch_core::position::{Fix, Metres, Position};
        let fix = Fix {
            position: Position::from_degrees(51.5, -0.1).expect("a place"),
            accuracy: Metres::new(10),
            taken_at: NOW,
        };
        Input::Fix { device: NOISY, fix }
    }

    fn accept() -> Input {
        Input::Reply {
            device: NOISY,
            alert: dispatch_core::ids::AlertId::from_bytes([2; 16]),
            reply: dispatch_core::input::Reply::Accept,
        }
    }

    fn hello() -> Input {
        Input::DeviceOnline { device: NOISY }
    }

    fn allowed(budgets: &mut Budgets, said: &Input, count: usize, now: Timestamp) -> usize {
        (0..count).filter(|_| budgets.allow(NOISY, said, now)).count()
    }

    #[test]
    fn each_kind_has_its_burst_and_then_its_rate() {
        for (said, burst, in_four_seconds) in [(fix(), 30, 4), (accept(), 50, 20), (hello(), 100, 40)] {
            let mut budgets = Budgets::default();
            assert_eq!(allowed(&mut budgets, &said, 1_000, NOW), burst);
            let mut later = 0;
            for ms in (0..4_000).step_by(100) {
                later += allowed(&mut budgets, &said, 10, NOW + Duration::from_millis(ms + 100));
            }
            assert_eq!(later, in_four_seconds);
        }
    }

    #[test]
    fn no_accept_is_lost_to_a_stream_of_positions() {
        let mut budgets = Budgets::default();
        allowed(&mut budgets, &fix(), 10_000, NOW);
        allowed(&mut budgets, &hello(), 10_000, NOW);
        assert!(budgets.allow(NOISY, &accept(), NOW));
    }

    #[test]
    fn a_silent_device_costs_no_memory() {
        let mut budgets = Budgets::default();
        for number in 0..100 {
            budgets.allow(DeviceId::from_bytes([number; 16]), &fix(), NOW);
        }
        budgets.allow(NOISY, &fix(), NOW + Duration::from_secs(60));
        assert_eq!(budgets.devices.len(), 1);
    }

    #[test]
    fn a_clock_that_stands_still_or_jumps_neither_fills_nor_breaks_a_bucket() {
        let mut budgets = Budgets::default();
        allowed(&mut budgets, &fix(), 30, NOW);
        assert!(!budgets.allow(NOISY, &fix(), NOW - Duration::from_secs(3600)));
        assert!(!budgets.allow(NOISY, &fix(), NOW));
        let far = Timestamp::from_unix_ms(i64::MAX / 4);
        assert_eq!(allowed(&mut budgets, &fix(), 100, far), 30);
    }
}
