//! How far the clock of a dispatch system is off, as far as its messages tell, and whether an event is therefore late.
//!
//! A message that says "sent at S" and arrives at R is at least R - S behind, by offset of the clock and delay together.
//! The least such difference of a day is the best estimate of the offset, since delays only add.

use std::{collections::BTreeMap, time::Duration};

use crate::time::Timestamp;

const HOUR_MS: i64 = 3_600_000;
/// Hours of history kept. A clock that is set right again is believed again within a day.
const HOURS_KEPT: i64 = 24;

/// What is known of one dispatch system's clock.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CadClock {
    /// Least (received - sent), in milliseconds, by hour of receipt.
    least_by_hour: BTreeMap<i64, i64>,
}

/// Whether an event is late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lateness {
    /// In time.
    InTime,
    /// Late, surely: this many milliseconds old.
    Late {
        /// Corrected age.
        age_ms: i64,
    },
    /// It looks old, but this is the first message of that system: its clock may be off. In doubt people are asked.
    Perhaps {
        /// Apparent age.
        age_ms: i64,
    },
}

impl CadClock {
    /// A clock of which this is known: least (received - sent) in milliseconds, by hour of receipt since 1970.
    pub fn known(least_by_hour: impl IntoIterator<Item = (i64, i64)>) -> Self {
        Self {
            least_by_hour: least_by_hour.into_iter().collect(),
        }
    }

    /// Least (received - sent) in milliseconds, by hour of receipt since 1970; at most a day of them.
    pub fn least_by_hour(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.least_by_hour.iter().map(|(&hour, &least)| (hour, least))
    }

    /// Takes a message into account.
    pub fn observe(&mut self, sent_at: Timestamp, received_at: Timestamp) {
        let hour = received_at.unix_ms().div_euclid(HOUR_MS);
        let behind = received_at.ms_since(sent_at);
        let least = self.least_by_hour.entry(hour).or_insert(behind);
        *least = behind.min(*least);
        self.least_by_hour.retain(|&kept, _| kept > hour - HOURS_KEPT);
    }

    /// Judges an event before it is observed itself. Late only if it is late both by the clock as it stands and by the
    /// clock as corrected: when the two disagree, people are asked.
    pub fn judge(&self, sent_at: Timestamp, received_at: Timestamp, late_after: Duration) -> Lateness {
        let limit_ms = i64::try_from(late_after.as_millis()).unwrap_or(i64::MAX);
        let apparent_ms = received_at.ms_since(sent_at);
        if apparent_ms <= limit_ms {
            return Lateness::InTime;
        }
        let Some(offset_ms) = self.least_by_hour.values().copied().min() else {
            return Lateness::Perhaps { age_ms: apparent_ms };
        };
        let corrected_ms = apparent_ms - offset_ms;
        if corrected_ms <= limit_ms {
            return Lateness::InTime;
        }
        Lateness::Late {
            age_ms: corrected_ms.min(apparent_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(600);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_unix_ms(minutes * 60_000)
    }

    #[test]
    fn a_slow_clock_is_not_a_late_event() {
        let mut clock = CadClock::default();
        assert_eq!(clock.judge(at(0), at(15), LIMIT), Lateness::Perhaps { age_ms: 900_000 });
        clock.observe(at(0), at(15));
        assert_eq!(clock.judge(at(5), at(20), LIMIT), Lateness::InTime);
        assert_eq!(clock.judge(at(5), at(31), LIMIT), Lateness::Late { age_ms: 660_000 });
    }

    #[test]
    fn a_backlog_is_late_from_the_first_event_to_the_last() {
        let mut clock = CadClock::default();
        clock.observe(at(0), at(0));
        for minute in 0..300 {
            assert!(
                matches!(clock.judge(at(minute), at(360), LIMIT), Lateness::Late { .. }),
                "{minute}"
            );
            clock.observe(at(minute), at(360));
        }
    }

    #[test]
    fn one_message_from_a_fast_clock_does_not_silence_the_next() {
        let mut clock = CadClock::default();
        clock.observe(at(60), at(0));
        assert_eq!(clock.judge(at(1), at(1), LIMIT), Lateness::InTime);
    }

    #[test]
    fn a_day_later_the_past_is_forgotten() {
        let mut clock = CadClock::default();
        clock.observe(at(0), at(0));
        for hour in 1..=25 {
            clock.observe(at(hour * 60 - 15), at(hour * 60));
        }
        assert_eq!(clock.judge(at(26 * 60 - 15), at(26 * 60), LIMIT), Lateness::InTime);
    }
}
