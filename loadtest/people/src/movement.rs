//! How people move: straight to a place when called, and mostly not at all when not.
//!
//! Straight lines on the sphere: there are no roads here.

use std::time::Duration;

use rand::RngExt;

use crate::{Person, Trait, person::log_normal, place::Place};

/// Within this distance a person counts as arrived: 25 m (Resuscitation 2020, Sweden, 2,176 responders).
pub const ARRIVED_WITHIN_M: f64 = 25.0;

/// How densely an area is populated, which decides how fast responders get along.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Density {
    /// Not known: the median of all responders.
    #[default]
    Any,
    /// Town.
    Dense,
    /// Country.
    Sparse,
}

impl Density {
    /// Median speed of responders on their way in metres per second, all modes of travel together: 2.3, in dense areas
    /// 1.8, in sparse ones 3.1 (Resuscitation 2020, Sweden, 2,176 responders).
    pub fn median_speed_m_per_s(self) -> f64 {
        match self {
            Self::Any => 2.3,
            Self::Dense => 1.8,
            Self::Sparse => 3.1,
        }
    }
}

/// Spread of the logarithm of the speed. The quartiles are 1.4 and 4.0 m/s about a median of 2.3 (same source):
/// ln(4.0 / 1.4) / (2 x 0.6745) = 0.78. That the shape is log-normal is an assumption.
const SPEED_SIGMA: f64 = 0.78;

/// Assumption: nobody called to an emergency goes slower than a stroll or, in a town, faster than a car on a clear
/// road, so the tails of the distribution are cut here.
const SPEED_RANGE_M_PER_S: (f64, f64) = (0.7, 14.0);

/// How fast this person goes when called, in metres per second. Always the same for one person.
pub fn speed_of(person: Person, density: Density) -> f64 {
    let mut stream = person.stream(Trait::Pace, 0);
    let (slowest, fastest) = SPEED_RANGE_M_PER_S;
    log_normal(&mut stream, density.median_speed_m_per_s(), SPEED_SIGMA).clamp(slowest, fastest)
}

/// A way from one place to another at a steady speed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Walk {
    start: Place,
    target: Place,
    distance_m: f64,
    speed_m_per_s: f64,
}

impl Walk {
    /// Plans the way. A speed that is not above zero means that the person never gets there.
    pub fn new(start: Place, target: Place, speed_m_per_s: f64) -> Self {
        let distance_m = start.distance_m(target);
        Self {
            start,
            target,
            distance_m,
            speed_m_per_s,
        }
    }

    /// Where the person is after walking this long.
    pub fn place_after(&self, walked: Duration) -> Place {
        let gone_m = self.speed_m_per_s.max(0.0) * walked.as_secs_f64();
        if gone_m <= 0.0 {
            return self.start;
        }
        if gone_m >= self.distance_m {
            return self.target;
        }
        self.start.part_way(self.target, gone_m / self.distance_m)
    }

    /// How long it takes to come within `distance_m` metres of the target; zero when already there. `None` when that
    /// never happens, or not within [`LONGEST_WALK`].
    pub fn within_after(&self, distance_m: f64) -> Option<Duration> {
        let to_go_m = (self.distance_m - distance_m).max(0.0);
        if to_go_m == 0.0 {
            return Some(Duration::ZERO);
        }
        let seconds = to_go_m / self.speed_m_per_s;
        (seconds > 0.0 && seconds <= LONGEST_WALK.as_secs_f64()).then(|| Duration::from_secs_f64(seconds))
    }
}

/// A walk longer than a day is a place typed wrong; it also keeps the arithmetic of durations in range.
pub const LONGEST_WALK: Duration = Duration::from_secs(24 * 3600);

/// Assumption: of ten people one is walking about in their neighbourhood; the others sit, work or sleep. No source
/// gives the share; what matters to the service is that most phones are still and stay silent.
const WANDERING_SHARE: f64 = 0.1;
/// Assumption: someone walking about stays this near to where they started.
const WANDERING_RADIUS_M: f64 = 400.0;
/// Assumption: ordinary walking, 5 km/h.
const WANDERING_SPEED_M_PER_S: f64 = 1.4;
/// Assumption: a pause of up to this long after each leg.
const WANDERING_PAUSE_MAX_S: f64 = 300.0;

/// A person who has not been called. Ask with times that grow: the way is walked leg by leg.
#[derive(Clone, Copy, Debug)]
pub struct Idling {
    person: Person,
    around: Place,
    wanders: bool,
    legs_begun: u64,
    leg: Walk,
    leg_begins: Duration,
    leg_ends: Duration,
}

impl Idling {
    /// A person at a place, at time zero.
    pub fn new(person: Person, around: Place) -> Self {
        let wanders = person.stream(Trait::Idling, 0).random_bool(WANDERING_SHARE);
        let leg = Walk::new(around, around, WANDERING_SPEED_M_PER_S);
        Self {
            person,
            around,
            wanders,
            legs_begun: 0,
            leg,
            leg_begins: Duration::ZERO,
            leg_ends: Duration::ZERO,
        }
    }

    /// Whether this person walks about at all.
    pub fn wanders(&self) -> bool {
        self.wanders
    }

    /// Where the person is at this time since the beginning. A time earlier than one asked before may be answered
    /// with the start of the current leg.
    pub fn place_at(&mut self, elapsed: Duration) -> Place {
        while self.wanders && elapsed >= self.leg_ends {
            self.begin_leg();
        }
        self.leg.place_after(elapsed.saturating_sub(self.leg_begins))
    }

    fn begin_leg(&mut self) {
        self.legs_begun += 1;
        let mut stream = self.person.stream(Trait::Idling, self.legs_begun);
        let distance_m = WANDERING_RADIUS_M * stream.random::<f64>().sqrt();
        let target = self.around.towards(stream.random_range(0.0..360.0), distance_m);
        let walk = Walk::new(self.leg.target, target, WANDERING_SPEED_M_PER_S);
        // At least a second, so that the walk always gets on.
        let pause = Duration::from_secs_f64(stream.random_range(1.0..WANDERING_PAUSE_MAX_S));
        self.leg_begins = self.leg_ends;
        self.leg_ends = self.leg_begins + walk.within_after(0.0).unwrap_or_default() + pause;
        self.leg = walk;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude_deg: f64, longitude_deg: f64) -> Place {
        Place::new(latitude_deg, longitude_deg).expect("a literal in range")
    }

    fn people() -> impl Iterator<Item = Person> {
        (0..20_000).map(|number| Person { seed: 5, number })
    }

    #[test]
    fn a_walk_covers_speed_times_time_and_stops_at_its_end() {
        let (start, target) = (place(51.5, -0.1), place(51.51, -0.1));
        let walk = Walk::new(start, target, 2.0);
        for seconds in [0, 1, 60, 300] {
            let here = walk.place_after(Duration::from_secs(seconds));
            assert!(
                (start.distance_m(here) - 2.0 * seconds as f64).abs() < 0.01,
                "{seconds}"
            );
        }
        assert_eq!(walk.place_after(Duration::from_secs(10_000)), target);
    }

    #[test]
    fn arrival_within_25_m_comes_at_the_moment_foretold() {
        let target = place(51.51, -0.1);
        let walk = Walk::new(place(51.5, -0.1), target, 2.0);
        let arrival = walk
            .within_after(ARRIVED_WITHIN_M)
            .expect("a speed above zero gets there");
        assert!((walk.place_after(arrival).distance_m(target) - ARRIVED_WITHIN_M).abs() < 0.01);
    }

    #[test]
    fn nobody_arrives_at_no_speed_and_everybody_is_where_they_are() {
        let (here, there) = (place(51.5, -0.1), place(51.6, -0.1));
        assert_eq!(Walk::new(here, there, 0.0).within_after(25.0), None);
        assert_eq!(Walk::new(here, there, f64::NAN).within_after(25.0), None);
        assert_eq!(Walk::new(here, there, 0.0).place_after(Duration::from_secs(60)), here);
        assert_eq!(Walk::new(here, here, 0.0).within_after(25.0), Some(Duration::ZERO));
    }

    #[test]
    fn speeds_have_the_published_median_and_quartiles() {
        for (density, quartiles) in [
            (Density::Any, Some((1.4, 4.0))),
            (Density::Dense, None),
            (Density::Sparse, None),
        ] {
            let mut speeds: Vec<f64> = people().map(|person| speed_of(person, density)).collect();
            speeds.sort_by(f64::total_cmp);
            assert!(
                (speeds[10_000] - density.median_speed_m_per_s()).abs() < 0.1,
                "{density:?}"
            );
            if let Some((lower, upper)) = quartiles {
                assert!((speeds[5_000] - lower).abs() < 0.1, "{}", speeds[5_000]);
                assert!((speeds[15_000] - upper).abs() < 0.15, "{}", speeds[15_000]);
            }
        }
    }

    #[test]
    fn most_people_stay_and_the_others_stay_near() {
        let home = place(51.5, -0.1);
        let mut wandering = 0;
        for person in people().take(2_000) {
            let mut idling = Idling::new(person, home);
            let mut moved = false;
            let mut before = home;
            for minute in 0..60 {
                let here = idling.place_at(Duration::from_secs(60 * minute));
                assert!(here.distance_m(home) <= WANDERING_RADIUS_M + 1.0);
                assert!(here.distance_m(before) <= 60.0 * WANDERING_SPEED_M_PER_S + 0.01);
                moved |= here != before;
                before = here;
            }
            assert_eq!(moved, idling.wanders());
            wandering += u32::from(moved);
        }
        assert!((150..250).contains(&wandering), "{wandering}");
    }

    #[test]
    fn asking_more_often_does_not_change_the_way() {
        let wanderer = people()
            .find(|&person| Idling::new(person, place(51.5, -0.1)).wanders())
            .expect("one in ten");
        let (mut often, mut seldom) = (
            Idling::new(wanderer, place(51.5, -0.1)),
            Idling::new(wanderer, place(51.5, -0.1)),
        );
        for second in 0..7_200 {
            let here = often.place_at(Duration::from_secs(second));
            if second % 900 == 0 {
                assert_eq!(here, seldom.place_at(Duration::from_secs(second)));
            }
        }
    }
}
