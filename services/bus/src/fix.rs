//! Checks where a phone says it is, and puts the time of the fix on Muster's clock.

use std::time::Duration;

use dispatch_core::{
    position::{Fix, Metres, Position},
    time::Timestamp,
};

use crate::refusal::Refusal;

/// A fix may claim to be this much later than the moment it is measured against: phones disagree by seconds, never by
/// minutes, unless a clock is wrong.
const FUTURE_TOLERANCE: Duration = Duration::from_secs(120);
/// No phone that knows anything about its place is less sure than this, in metres.
const ACCURACY_MAX_M: f64 = 100_000.0;

/// A fix as a phone reports it.
pub(crate) struct ReportedFix {
    pub latitude_deg: f64,
    pub longitude_deg: f64,
    pub accuracy_m: f64,
    /// By the phone's clock; `None` = just now.
    pub taken_at: Option<Timestamp>,
    /// When the message was sent, by the phone's clock; with it the phone's clock is corrected.
    pub sent_at: Option<Timestamp>,
}

impl ReportedFix {
    /// The fix on Muster's clock, never later than `now`.
    pub fn check(&self, now: Timestamp) -> Result<Fix, Refusal> {
        if self.latitude_deg == 0.0 && self.longitude_deg == 0.0 {
            return Err(Refusal::NullIsland);
        }
        let position = Position::from_degrees(self.latitude_deg, self.longitude_deg).map_err(|_| Refusal::Position)?;
        // NaN is in no range.
        if !(0.0..=ACCURACY_MAX_M).contains(&self.accuracy_m) {
            return Err(Refusal::Accuracy);
        }
        Ok(Fix {
            position,
            accuracy: Metres::from_f64(self.accuracy_m),
            taken_at: self.taken_at(now)?,
        })
    }

    fn taken_at(&self, now: Timestamp) -> Result<Timestamp, Refusal> {
        let Some(taken_at) = self.taken_at else {
            return Ok(now);
        };
        // With `sent_at` the phone's own clock cancels out: what counts is how old the fix was when sent.
        let reference = self.sent_at.unwrap_or(now);
        if taken_at > reference + FUTURE_TOLERANCE {
            return Err(Refusal::FixFromFuture);
        }
        Ok(now - reference.since(taken_at))
    }
}

/// A moment from seconds and nanoseconds since the Unix epoch.
pub(crate) fn timestamp(seconds: i64, nanos: i32) -> Result<Timestamp, Refusal> {
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(Refusal::Time);
    }
    let ms = seconds.checked_mul(1000).ok_or(Refusal::Time)?;
    let ms = ms.checked_add(i64::from(nanos / 1_000_000)).ok_or(Refusal::Time)?;
    Ok(Timestamp::from_unix_ms(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn reported() -> ReportedFix {
        ReportedFix {
            latitude_deg: 51.5,
            longitude_deg: -0.12,
            accuracy_m: 8.0,
            taken_at: None,
            sent_at: None,
        }
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_fix_without_a_time_is_from_now() {
        assert_eq!(reported().check(NOW).map(|fix| fix.taken_at), Ok(NOW));
    }

    #[test]
    fn a_phone_whose_clock_is_an_hour_fast_is_corrected() {
        let phone_now = NOW + seconds(3600);
        let fix = ReportedFix {
            taken_at: Some(phone_now - seconds(5)),
            sent_at: Some(phone_now),
            ..reported()
        };
        assert_eq!(fix.check(NOW).map(|fix| fix.taken_at), Ok(NOW - seconds(5)));
    }

    #[test]
    fn the_future_is_refused_past_the_tolerance_and_never_passed_on() {
        let taken = |ahead, sent_at: Option<Timestamp>| {
            let reference = sent_at.unwrap_or(NOW);
            ReportedFix {
                taken_at: Some(reference + seconds(ahead)),
                sent_at,
                ..reported()
            }
            .check(NOW)
            .map(|fix| fix.taken_at)
        };
        for sent_at in [None, Some(NOW - seconds(86_400))] {
            assert_eq!(taken(120, sent_at), Ok(NOW));
            assert_eq!(taken(121, sent_at), Err(Refusal::FixFromFuture));
        }
    }

    #[test]
    fn places_that_are_none_are_refused_with_the_reason() {
        let place = |latitude_deg, longitude_deg, accuracy_m| {
            let fix = ReportedFix {
                latitude_deg,
                longitude_deg,
                accuracy_m,
                ..reported()
            };
            fix.check(NOW).map(|_| ())
        };
        assert_eq!(place(51.5, -0.12, 0.0), Ok(()));
        assert_eq!(place(51.5, -0.12, 100_000.0), Ok(()));
        assert_eq!(place(0.0, 0.0, 5.0), Err(Refusal::NullIsland));
        assert_eq!(place(f64::NAN, 0.0, 5.0), Err(Refusal::Position));
        assert_eq!(place(91.0, 0.0, 5.0), Err(Refusal::Position));
        for accuracy in [-1.0, 100_000.1, f64::NAN, f64::INFINITY] {
            assert_eq!(place(51.5, -0.12, accuracy), Err(Refusal::Accuracy), "{accuracy}");
        }
    }

    #[test]
    fn times_beyond_the_calendar_do_not_overflow() {
        assert_eq!(timestamp(i64::MAX, 0), Err(Refusal::Time));
        assert_eq!(timestamp(0, -1), Err(Refusal::Time));
        let fix = ReportedFix {
            taken_at: Some(Timestamp::from_unix_ms(i64::MIN)),
            sent_at: Some(Timestamp::from_unix_ms(i64::MAX)),
            ..reported()
        };
        assert!(fix.check(NOW).is_ok());
    }
}
