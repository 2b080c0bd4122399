//! When somebody would be there: not one time but three, since nobody knows how fast a person gets up and walks.
//!
//! ```text
//! fast (1 in 10 is sooner)     notice + quick turnout    + near side of the fix  / brisk speed
//! median                       notice + usual turnout    + expected way          / usual speed
//! slow (1 in 10 is later)      notice + slow turnout     + far side of the fix   / slow speed
//! ```
//! The parts are taken to be good or bad together, which errs towards a wider spread.

use std::time::Duration;

use crate::{
    policy::Policy,
    position::{Metres, Position},
    record::Candidate,
    time::Timestamp,
};

/// The standard normal's 90th percentile, in thousandths.
const Z90_PERMILLE: f64 = 1_281.6;
/// A point spread evenly over a disc lies half the radius from its middle along any direction, as a standard deviation.
const DISC_DEVIATION: f64 = 0.5;

/// Time from the alert to arrival: 10th, 50th and 90th percentile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrival {
    /// One in ten is sooner.
    pub fast: Duration,
    /// As many are sooner as later.
    pub median: Duration,
    /// One in ten is later.
    pub slow: Duration,
}

impl Arrival {
    /// One that is surely at this time.
    pub const fn certain(time: Duration) -> Self {
        Self {
            fast: time,
            median: time,
            slow: time,
        }
    }

    /// The three times with their weights: three points that keep the mean and the variance of a skewed distribution,
    /// 30 % at the 10th percentile, 40 % at the median, 30 % at the 90th (Swanson's rule; Hurst, Brown and Swanson 2000).
    pub fn weighted(&self) -> [(Duration, f64); 3] {
        [(self.fast, 0.3), (self.median, 0.4), (self.slow, 0.3)]
    }

    /// What is left of it after some of the time has passed.
    pub fn after(&self, passed: Duration) -> Self {
        Self {
            fast: self.fast.saturating_sub(passed),
            median: self.median.saturating_sub(passed),
            slow: self.slow.saturating_sub(passed),
        }
    }

    /// The same, and no sooner than `least`.
    pub fn at_least(&self, least: Self) -> Self {
        Self {
            fast: self.fast.max(least.fast),
            median: self.median.max(least.median),
            slow: self.slow.max(least.slow),
        }
    }

    /// The same with a delay before it.
    pub fn later_by(&self, delay: Duration) -> Self {
        Self {
            fast: self.fast + delay,
            median: self.median + delay,
            slow: self.slow + delay,
        }
    }
}

/// What all candidates for one incident share: the policy and the hour.
#[derive(Clone, Copy, Debug)]
pub struct Travel<'a> {
    policy: &'a Policy,
    /// Before anybody moves: seeing the alert, answering, leaving.
    leaving: Arrival,
    speed_fast: f64,
    speed_slow: f64,
}

impl<'a> Travel<'a> {
    /// Prepares for one incident.
    pub fn new(policy: &'a Policy, place: Position, now: Timestamp) -> Self {
        let spread = |permille: u32| libm::exp(f64::from(permille) * Z90_PERMILLE / 1e6);
        let turnout = seconds(policy.turnout(place, now));
        let turnout_spread = spread(policy.turnout_spread_permille);
        let notice = seconds(policy.notice);
        let speed = spread(policy.speed_spread_permille);
        Self {
            policy,
            leaving: Arrival {
                fast: span(notice + turnout / turnout_spread),
                median: span(notice + turnout),
                slow: span(notice + turnout * turnout_spread),
            },
            speed_fast: speed,
            speed_slow: 1.0 / speed,
        }
    }

    /// A candidate going straight to the patient.
    pub fn direct(&self, candidate: &Candidate) -> Arrival {
        self.of(candidate).direct()
    }

    /// The way to expect where no streets are known.
    pub fn detour(&self, straight: Metres) -> Metres {
        Metres::from_mm(straight.mm() * u64::from(self.policy.detour_permille) / 1_000)
    }

    /// Prepares for the ways of one candidate.
    pub fn of(&self, candidate: &Candidate) -> Traveller<'_> {
        let radius_m = self.uncertainty_m(candidate);
        let speed = f64::from(self.policy.speeds.of(candidate.mode)) / 1_000.0;
        Traveller {
            travel: self,
            direct: candidate.way.unwrap_or_else(|| self.detour(candidate.distance)),
            radius_m,
            side_m: radius_m * DISC_DEVIATION * Z90_PERMILLE / 1_000.0,
            speed,
        }
    }

    /// Radius within which the person is now: the fix's own, and how far people may have gone since. A phone that has not
    /// reported is mostly one that has not moved, so this grows slowly and only so far.
    pub fn uncertainty_m(&self, candidate: &Candidate) -> f64 {
        let minutes = candidate.fix_age.as_secs_f64() / 60.0;
        let drift = (minutes * f64::from(self.policy.drift_m_per_min)).min(f64::from(self.policy.drift_max_m));
        mm(candidate.accuracy) / 1_000.0 + drift
    }
}

/// One candidate: what all the ways they could take have in common.
#[derive(Clone, Copy, Debug)]
pub struct Traveller<'a> {
    travel: &'a Travel<'a>,
    direct: Metres,
    radius_m: f64,
    side_m: f64,
    speed: f64,
}

impl Traveller<'_> {
    /// Going straight to the patient.
    pub fn direct(&self) -> Arrival {
        self.along(self.direct)
    }

    /// The same by way of a defibrillator, `way` being the whole of it.
    pub fn by_way_of_aed(&self, way: Metres) -> Arrival {
        self.along(way).later_by(self.travel.policy.aeds.handling)
    }

    /// Only how soon they would be there at the best ([`Arrival::fast`]), going straight to the patient.
    pub fn fast_direct(&self) -> Duration {
        self.fast(self.expected_m(self.direct))
    }

    /// The same if they could come as the crow flies.
    pub fn fast_in_a_straight_line(&self, candidate: &Candidate) -> Duration {
        self.fast(self.expected_m(candidate.distance))
    }

    /// Whoever has farther to go than this is there later, at the best ([`Arrival::fast`]).
    pub fn farthest_by(&self, time: Duration) -> Metres {
        // A metre more than enough for what is rounded on the way back.
        const ROUNDED_M: f64 = 1.0;
        let walking = seconds(time.saturating_sub(self.travel.leaving.fast));
        Metres::from_f64(walking * self.speed * self.travel.speed_fast + self.side_m + ROUNDED_M)
    }

    /// Only [`Arrival::median`], going straight to the patient.
    pub fn median_direct(&self) -> Duration {
        self.travel.leaving.median + self.walk(self.expected_m(self.direct), 1.0)
    }

    /// Both of these by way of a defibrillator.
    pub fn fast_and_median_by_way_of_aed(&self, way: Metres) -> (Duration, Duration) {
        let (expected, handling) = (self.expected_m(way), self.travel.policy.aeds.handling);
        let median = self.travel.leaving.median + self.walk(expected, 1.0);
        (self.fast(expected) + handling, median + handling)
    }

    fn along(&self, way: Metres) -> Arrival {
        let expected = self.expected_m(way);
        let leaving = &self.travel.leaving;
        Arrival {
            fast: self.fast(expected),
            median: leaving.median + self.walk(expected, 1.0),
            slow: leaving.slow + self.walk(expected + self.side_m, self.travel.speed_slow),
        }
    }

    fn fast(&self, expected_m: f64) -> Duration {
        self.travel.leaving.fast + self.walk(expected_m - self.side_m, self.travel.speed_fast)
    }

    /// Over a disc of radius u about a point d away, the mean of the squared distance is d^2 + u^2 / 2.
    fn expected_m(&self, way: Metres) -> f64 {
        let metres = mm(way) / 1_000.0;
        (metres * metres + self.radius_m * self.radius_m / 2.0).sqrt()
    }

    fn walk(&self, metres: f64, factor: f64) -> Duration {
        span(metres.max(0.0) / (self.speed * factor))
    }
}

// 2^53 mm is farther than the moon; nothing on Earth loses a digit.
#[allow(clippy::cast_precision_loss)]
fn mm(metres: Metres) -> f64 {
    metres.mm() as f64
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

/// A span of whole milliseconds, halves up; a day at most, since nobody is waited for longer.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn span(seconds: f64) -> Duration {
    let ms = (seconds * 1_000.0).clamp(0.0, 86_400_000.0);
    // Cut off and looked at what is left, which is exact: on older processors rounding is a function call, and this is done
    // tens of thousands of times for one incident.
    let whole = ms as u32;
    let up = ms - f64::from(whole) >= 0.5;
    Duration::from_millis(u64::from(whole) + u64::from(up))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::ResponderId, record::Verdict, responder::TravelMode};

    fn candidate(metres: u32) -> Candidate {
        Candidate {
            distance: Metres::new(metres),
            accuracy: Metres::new(0),
            mode: TravelMode::Foot,
            ..Candidate::new(ResponderId::from_bytes([1; 16]), Verdict::Asked)
        }
    }

    fn noon_in_london() -> (Position, Timestamp) {
        let london = Position::from_degrees(51.5, -0.12).expect("in range");
        (london, Timestamp::from_unix_ms(12 * 3_600_000))
    }

    #[test]
    fn the_median_is_notice_turnout_and_walk() {
        let policy = Policy::default();
        let (place, noon) = noon_in_london();
        let travel = Travel::new(&policy, place, noon);
        // 560 m straight, 728 m to walk, at 1.8 m/s 404.4 s, after 1:42 and the notice.
        let expected = policy.notice.as_millis() + 102_000 + 404_444;
        assert_eq!(travel.direct(&candidate(560)).median.as_millis(), expected);
        let by_road = Candidate {
            way: Some(Metres::new(1_000)),
            ..candidate(560)
        };
        assert!(travel.direct(&by_road).median > travel.direct(&candidate(560)).median);
    }

    #[test]
    fn an_old_fix_widens_and_does_not_vanish() {
        let policy = Policy::default();
        let (place, noon) = noon_in_london();
        let travel = Travel::new(&policy, place, noon);
        let aged = |hours: u64| Candidate {
            fix_age: Duration::from_secs(hours * 3_600),
            ..candidate(500)
        };
        let (fresh, old, older) = (
            travel.direct(&aged(0)),
            travel.direct(&aged(8)),
            travel.direct(&aged(80)),
        );
        assert!(old.slow > fresh.slow && old.fast < fresh.fast && old.median >= fresh.median);
        // It grows only so far: someone asleep at home is not lost.
        assert_eq!(old, older);
    }

    #[test]
    fn the_three_times_are_in_order_and_a_nearer_person_is_sooner_in_each() {
        let policy = Policy::default();
        let (place, noon) = noon_in_london();
        let travel = Travel::new(&policy, place, noon);
        let mut before = travel.direct(&candidate(0));
        for metres in (50..5_000).step_by(50) {
            let now = travel.direct(&candidate(metres));
            assert!(now.fast <= now.median && now.median <= now.slow);
            assert!(now.fast > before.fast && now.median > before.median && now.slow > before.slow);
            before = now;
        }
    }
}
