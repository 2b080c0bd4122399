//! Day and night.

use std::time::Duration;

use chrono::{DateTime, Timelike as _};

use super::Policy;
use crate::{position::Position, time::Timestamp};

/// Whether it is night at a place, by the mean sun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Night {
    /// It is.
    Night,
    /// It is not.
    Day,
}

impl Policy {
    /// From alert to setting off, median.
    pub fn turnout(&self, place: Position, now: Timestamp) -> Duration {
        match self.night(place, now) {
            Night::Night => self.turnout_night,
            Night::Day => self.turnout_day,
        }
    }

    /// The minute of the day at a place, 0 to 1,439, by the policy's time zone; by the mean sun when it has none.
    pub fn minute_of_day(&self, place: Position, now: Timestamp) -> u16 {
        let Some(zone) = self.time_zone else {
            return solar_minute(place, now);
        };
        let utc = DateTime::from_timestamp_millis(now.unix_ms()).unwrap_or_default();
        let local = utc.with_timezone(&zone).time();
        u16::try_from(local.num_seconds_from_midnight() / 60).expect("a day has 1,440 minutes")
    }

    /// Whether it is night at a place.
    pub fn night(&self, place: Position, now: Timestamp) -> Night {
        let hour = solar_hour(place, now);
        let (from, to) = (self.night_from_hour, self.night_to_hour);
        let night = if from <= to {
            (from..to).contains(&hour)
        } else {
            hour >= from || hour < to
        };
        if night { Night::Night } else { Night::Day }
    }
}

/// The hour by the mean sun at a place. People sleep by the clock on the wall, which is within an hour or so of it, and
/// all candidates for one incident share it; so no time zone is needed to rank them.
fn solar_hour(place: Position, now: Timestamp) -> u8 {
    u8::try_from(solar_minute(place, now) / 60).expect("a day has 24 hours")
}

fn solar_minute(place: Position, now: Timestamp) -> u16 {
    const DAY_MS: i64 = 86_400_000;
    let (_, longitude_e7) = place.to_e7();
    // A full turn of 3.6e9 units is a day.
    let shift_ms = i64::from(longitude_e7) * DAY_MS / 3_600_000_000;
    let of_day = (now.unix_ms() + shift_ms).rem_euclid(DAY_MS);
    u16::try_from(of_day / 60_000).expect("a day has 1,440 minutes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn night_goes_by_the_sun_at_the_place() {
        let policy = Policy::default();
        let london = Position::from_degrees(51.5, 0.0).expect("in range");
        let noon = Timestamp::from_unix_ms(12 * 3_600_000);
        let midnight = Timestamp::from_unix_ms(0);
        assert_eq!(policy.turnout(london, noon), policy.turnout_day);
        assert_eq!(policy.turnout(london, midnight), policy.turnout_night);
        // Noon in London is night in Auckland.
        let auckland = Position::from_degrees(-36.8, 174.7).expect("in range");
        assert_eq!(policy.turnout(auckland, noon), policy.turnout_night);
    }

    #[test]
    fn the_clock_on_the_wall_follows_summer_time() {
        let london = Position::from_degrees(51.5, 0.0).expect("in range");
        // 2026-06-21 and 2026-12-21, noon UTC.
        let (june, december) = (1_782_043_200_000, 1_797_854_400_000);
        let minute = |policy: &Policy, ms| policy.minute_of_day(london, Timestamp::from_unix_ms(ms));
        let mut policy = Policy {
            time_zone: None,
            ..Policy::default()
        };
        assert_eq!((minute(&policy, june), minute(&policy, december)), (720, 720));
        policy.time_zone = Some(chrono_tz::Europe::London);
        assert_eq!((minute(&policy, june), minute(&policy, december)), (780, 720));
    }
}
