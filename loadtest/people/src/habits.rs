//! Where people are at an hour of a day, and what their phone last told of it.
//!
//! Both depend on the person and the moment alone, never on what was asked before: so whoever looks, and however often,
//! sees the same. What a phone told at one moment is never older than what it told at an earlier one.

use rand::RngExt;

use crate::{Person, Trait, person::log_normal, place::Place};

/// Seconds since 1970-01-01 00:00 by the clock on the wall (or by the sun, which is near enough for habits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LocalSeconds(pub i64);

const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;
/// While out and about a phone tells where it is this often. Assumption: what the usual apps do on the move.
const OUT_EVERY_S: i64 = 600;
/// Assumption: somebody out and about is this near to where they otherwise are.
pub const OUT_WITHIN_M: f64 = 400.0;
/// Assumption: hours between which people are out and about.
const OUT_HOURS: (i64, i64) = (7, 23);
/// Assumption: a fix is at most this far off, or the phone would not tell it.
pub const FIX_OFF_MAX_M: f64 = 500.0;

/// Shares and times by which people live. `Default` holds assumptions throughout: no source gives them for responders.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HabitModel {
    /// Share of people who are at a day place on a weekday. Assumption: 50 %.
    pub away_on_weekdays: f64,
    /// The same on a Saturday or Sunday. Assumption: 15 %.
    pub away_on_weekends: f64,
    /// Share of a stretch of time by day that people spend out and about near there. Assumption: 10 %, as in
    /// [`movement`](crate::movement).
    pub out_share: f64,
    /// Shortest and longest time between two fixes of a still phone, in seconds; each phone has its own. Assumption:
    /// 15 min to 4 h: many apps tell nothing while a phone lies still (traccar-client-ios #87, owntracks/android #540).
    pub still_every_s: (i64, i64),
    /// Median accuracy of a fix in metres, and spread of the logarithm over phones. Assumption: 30 m and 0.8.
    pub accuracy_m: (f64, f64),
    /// Share of people who have gone somewhere near since their phone last told. Assumption: 5 %.
    pub moved_since_share: f64,
}

impl Default for HabitModel {
    fn default() -> Self {
        Self {
            away_on_weekdays: 0.5,
            away_on_weekends: 0.15,
            out_share: 0.1,
            still_every_s: (15 * 60, 4 * HOUR_S),
            accuracy_m: (30.0, 0.8),
            moved_since_share: 0.05,
        }
    }
}

/// Where somebody lives and where they are when away by day.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Anchors {
    /// By night, and by day when not away.
    pub home: Place,
    /// By day when away.
    pub day_place: Place,
}

/// What a phone last told.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Told {
    /// Where it thought it was.
    pub place: Place,
    /// The radius it gave, metres.
    pub accuracy_m: f64,
    /// When.
    pub at: LocalSeconds,
    /// Where it really was.
    truth: Place,
}

impl HabitModel {
    /// What a person's phone last told at a moment.
    pub fn told(&self, person: Person, anchors: &Anchors, now: LocalSeconds) -> Told {
        let (anchor, since) = self.anchor(person, anchors, now);
        let every = self.every_s(person);
        let slot = now.0.div_euclid(every);
        let begins = slot * every;
        let (at, truth) = if self.is_out(person, slot, every) {
            let mark = begins + (now.0 - begins) / OUT_EVERY_S * OUT_EVERY_S;
            (mark, out_near(person, anchor, slot))
        } else {
            (begins, anchor)
        };
        let at = LocalSeconds(at.max(since));
        let accuracy_m = self.accuracy_of(person);
        let mut stream = person.stream(Trait::Telling, at.0.unsigned_abs());
        let off_m = (accuracy_m * (-(1.0 - stream.random::<f64>()).ln()).sqrt()).min(FIX_OFF_MAX_M);
        let place = truth.towards(stream.random_range(0.0..360.0), off_m);
        Told {
            place,
            accuracy_m,
            at,
            truth,
        }
    }

    /// Where a person really is when an incident of this number happens, their phone having told this last.
    pub fn truth(&self, person: Person, told: &Told, incident: u64) -> Place {
        // Beside the stretches of time, whose numbers are small.
        let mut stream = person.stream(Trait::Outing, (1 << 63) | incident);
        if !stream.random_bool(self.moved_since_share.clamp(0.0, 1.0)) {
            return told.truth;
        }
        let off_m = OUT_WITHIN_M * stream.random::<f64>().sqrt();
        told.truth.towards(stream.random_range(0.0..360.0), off_m)
    }

    /// Home or day place, and since when.
    fn anchor(&self, person: Person, anchors: &Anchors, now: LocalSeconds) -> (Place, i64) {
        let today = now.0.div_euclid(DAY_S);
        let (leaves, returns) = self.away(person, today).unwrap_or((i64::MAX, i64::MAX));
        if now.0 >= leaves && now.0 < returns {
            return (anchors.day_place, leaves);
        }
        let last_return = if now.0 >= returns {
            returns
        } else {
            self.away(person, today - 1).map_or(i64::MIN, |(_, returns)| returns)
        };
        (anchors.home, last_return)
    }

    /// When the person leaves home and comes back on a day since 1970; `None` when they stay. Assumption: leaving at
    /// 08:00 and coming back at 17:30, each an hour and a half earlier or later.
    fn away(&self, person: Person, day: i64) -> Option<(i64, i64)> {
        // 1970-01-01 was a Thursday.
        let is_weekend = (day + 3).rem_euclid(7) >= 5;
        let share = if is_weekend {
            self.away_on_weekends
        } else {
            self.away_on_weekdays
        };
        // Whoever works does so each weekday, so the first draw is of the person and kind of day, not of the day.
        let goes = person
            .stream(Trait::DayPlace, 1 + u64::from(is_weekend))
            .random_bool(share.clamp(0.0, 1.0));
        if !goes {
            return None;
        }
        let mut stream = person.stream(Trait::Day, day.unsigned_abs());
        let mut about = |hour_s: i64| day * DAY_S + hour_s + stream.random_range(-90 * 60..=90 * 60);
        Some((about(8 * HOUR_S), about(17 * HOUR_S + HOUR_S / 2)))
    }

    fn every_s(&self, person: Person) -> i64 {
        let (shortest, longest) = self.still_every_s;
        let shortest = shortest.max(OUT_EVERY_S);
        person
            .stream(Trait::Reporting, 0)
            .random_range(shortest..=longest.max(shortest))
    }

    /// Whether the person is out for the whole of a stretch, which must lie by day from end to end.
    fn is_out(&self, person: Person, slot: i64, every: i64) -> bool {
        let of_day = (slot * every).rem_euclid(DAY_S);
        let (from, to) = OUT_HOURS;
        let by_day = of_day >= from * HOUR_S && of_day + every <= to * HOUR_S;
        by_day
            && person
                .stream(Trait::Outing, slot.unsigned_abs())
                .random_bool(self.out_share.clamp(0.0, 1.0))
    }

    fn accuracy_of(&self, person: Person) -> f64 {
        let (median, sigma) = self.accuracy_m;
        log_normal(&mut person.stream(Trait::Reporting, 1), median, sigma).clamp(3.0, FIX_OFF_MAX_M)
    }
}

fn out_near(person: Person, anchor: Place, slot: i64) -> Place {
    let mut stream = person.stream(Trait::Idling, slot.unsigned_abs());
    let off_m = OUT_WITHIN_M * stream.random::<f64>().sqrt();
    anchor.towards(stream.random_range(0.0..360.0), off_m)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14, a Tuesday, 00:00.
    const TUESDAY: i64 = 19_675 * DAY_S;

    fn anchors() -> Anchors {
        let place = |latitude| Place::new(latitude, -0.1).expect("a literal in range");
        Anchors {
            home: place(51.5),
            day_place: place(51.6),
        }
    }

    fn away_at(from_tuesday_s: i64) -> usize {
        let now = LocalSeconds(TUESDAY + from_tuesday_s);
        let anchors = anchors();
        let is_away = |number| {
            let told = HabitModel::default().told(Person { seed: 3, number }, &anchors, now);
            told.truth.distance_m(anchors.day_place) <= OUT_WITHIN_M + 0.01
        };
        (0..4_000).filter(|&number| is_away(number)).count()
    }

    #[test]
    fn by_night_people_are_at_home_and_half_are_away_at_noon() {
        assert_eq!(away_at(2 * HOUR_S), 0);
        assert!(
            (1_880..2_120).contains(&away_at(13 * HOUR_S)),
            "{}",
            away_at(13 * HOUR_S)
        );
        let saturday = away_at(4 * DAY_S + 13 * HOUR_S);
        assert!((500..700).contains(&saturday), "{saturday}");
    }

    #[test]
    fn what_a_phone_told_never_grows_older_and_one_moment_is_told_one_way() {
        let model = HabitModel::default();
        for number in 0..50 {
            let person = Person { seed: 5, number };
            let mut before: Option<Told> = None;
            for step in 0..400 {
                let now = LocalSeconds(TUESDAY + step * 700);
                let told = model.told(person, &anchors(), now);
                assert!(told.at <= now);
                let age_s = now.0 - told.at.0;
                assert!(age_s <= model.still_every_s.1, "{age_s}");
                if let Some(before) = before {
                    assert!(before.at <= told.at);
                    assert!(
                        before.at != told.at || before.place == told.place,
                        "{before:?} {told:?}"
                    );
                }
                before = Some(told);
            }
        }
    }

    #[test]
    fn a_few_have_moved_since_and_not_far() {
        let model = HabitModel::default();
        let now = LocalSeconds(TUESDAY + 3 * HOUR_S);
        let mut moved = 0;
        for number in 0..4_000 {
            let person = Person { seed: 6, number };
            let told = model.told(person, &anchors(), now);
            let truth = model.truth(person, &told, 12);
            assert_eq!(truth, model.truth(person, &told, 12));
            assert!(truth.distance_m(told.truth) <= OUT_WITHIN_M + 0.01);
            assert!(told.place.distance_m(told.truth) <= FIX_OFF_MAX_M + 0.01);
            moved += usize::from(truth != told.truth);
        }
        assert!((150..250).contains(&moved), "{moved}");
    }
}
