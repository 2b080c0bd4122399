//! Time as a phone knows it: UTC that never runs backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use muster_proto::google::Timestamp;

/// A moment in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Moment(Duration);

impl Moment {
    /// A moment by milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self(Duration::from_millis(unix_ms))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn unix_ms(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    /// This much later.
    pub fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// Time gone by since an earlier moment; zero when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The hour of the day, 0 to 23, on a clock this many hours ahead of UTC.
    pub fn hour(self, utc_offset_hours: i8) -> u32 {
        let hours = i64::try_from(self.0.as_secs() / 3600).unwrap_or_default() + i64::from(utc_offset_hours);
        u32::try_from(hours.rem_euclid(24)).expect("a remainder of 24 is from 0 to 23")
    }

    /// As it goes on the wire.
    pub(crate) fn to_wire(self) -> Timestamp {
        let seconds = i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX);
        let nanos = i32::try_from(self.0.subsec_nanos()).expect("less than 1,000,000,000");
        Timestamp { seconds, nanos }
    }

    /// As it comes from the wire; a moment before 1970 is taken as 1970.
    pub(crate) fn from_wire(wire: &Timestamp) -> Self {
        let seconds = u64::try_from(wire.seconds).unwrap_or_default();
        let nanos = u32::try_from(wire.nanos).unwrap_or_default().min(999_999_999);
        Self(Duration::new(seconds, nanos))
    }
}

/// Turns monotonic instants into moments. All phones of a fleet share one, so that their logs are in one order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    moment: Moment,
}

impl Clock {
    /// Anchors the clock to the system's, now.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            instant: Instant::now(),
            moment: Moment(since_epoch),
        }
    }

    pub(crate) fn moment_of(&self, instant: Instant) -> Moment {
        self.moment.plus(instant.saturating_duration_since(self.instant))
    }

    pub(crate) fn instant_of(&self, moment: Moment) -> Instant {
        self.instant + moment.since(self.moment)
    }

    pub(crate) fn now(&self) -> Moment {
        self.moment_of(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_the_wire() {
        let moment = Moment(Duration::new(1_700_000_000, 123_456_789));
        assert_eq!(Moment::from_wire(&moment.to_wire()), moment);
        assert_eq!(
            Moment::from_wire(&Timestamp { seconds: -5, nanos: -1 }),
            Moment::from_unix_ms(0)
        );
    }

    #[test]
    fn hours_follow_the_offset_round_midnight() {
        let half_past_eleven_pm = Moment::from_unix_ms((23 * 60 + 30) * 60_000);
        assert_eq!(half_past_eleven_pm.hour(0), 23);
        assert_eq!(half_past_eleven_pm.hour(1), 0);
        assert_eq!(half_past_eleven_pm.plus(Duration::from_secs(3600)).hour(-1), 23);
    }

    #[test]
    fn the_clock_goes_both_ways() {
        let clock = Clock::start();
        let instant = clock.instant + Duration::from_millis(1_234);
        assert_eq!(clock.instant_of(clock.moment_of(instant)), instant);
    }
}
