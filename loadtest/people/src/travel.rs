//! By what means people come when called, how fast, and by how long a way.
//!
//! [`movement::speed_of`](crate::movement::speed_of) draws one speed for all means together; here each person has a
//! means of travel, and the three together have the same published quartiles.

use rand::RngExt;

use crate::{Person, Trait, person::log_normal};

/// How a person comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// On foot.
    Foot,
    /// By bicycle.
    Bicycle,
    /// By car.
    Car,
}

/// Share of people, median speed in metres per second, spread of the logarithm. Assumption: the split; what is published
/// are the quartiles of all together, 1.4, 2.3 and 4.0 m/s (Resuscitation 2020, Sweden, 2,176 responders), and this
/// mixture has them to within 0.3 points of a hundred.
const MODES: [(Mode, f64, f64, f64); 3] = [
    (Mode::Foot, 0.5, 1.4, 0.40),
    (Mode::Bicycle, 0.3, 3.2, 0.35),
    (Mode::Car, 0.2, 6.0, 0.40),
];

/// Assumption: nobody called to an emergency is slower than a slow walk or faster than a car on a clear road.
const SPEED_RANGE_M_PER_S: (f64, f64) = (0.5, 16.0);

/// What of the way is more than the straight line: median and spread of the logarithm. Assumption: 0.27 and 0.5, so that
/// the way is 1.3 times the line on average and in one of ten places half as long again.
const DETOUR_MORE: (f64, f64) = (0.27, 0.5);
/// Assumption: a way of more than three times the line is a river without a bridge, which only a map can tell.
const DETOUR_MAX: f64 = 3.0;

/// By what means this person comes. Always the same for one person.
pub fn mode_of(person: Person) -> Mode {
    let mut draw: f64 = person.stream(Trait::Mode, 0).random();
    for (mode, share, _, _) in MODES {
        if draw < share {
            return mode;
        }
        draw -= share;
    }
    Mode::Car
}

/// How fast this person goes by a means, in metres per second. Always the same for one person.
pub fn speed_by(person: Person, mode: Mode) -> f64 {
    let (_, _, median, sigma) = MODES[mode as usize];
    let (slowest, fastest) = SPEED_RANGE_M_PER_S;
    log_normal(&mut person.stream(Trait::Mode, 1), median, sigma).clamp(slowest, fastest)
}

/// How many times the straight line this person's ways about one incident are, 1 to 3. The same each time it is asked.
pub fn detour(person: Person, incident: u64) -> f64 {
    let (median, sigma) = DETOUR_MORE;
    let more = log_normal(&mut person.stream(Trait::Way, incident), median, sigma);
    (1.0 + more).min(DETOUR_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> impl Iterator<Item = Person> {
        (0..20_000).map(|number| Person { seed: 9, number })
    }

    #[test]
    fn all_means_together_have_the_published_quartiles() {
        let mut speeds: Vec<f64> = people().map(|person| speed_by(person, mode_of(person))).collect();
        speeds.sort_by(f64::total_cmp);
        for (at, published) in [(5_000, 1.4), (10_000, 2.3), (15_000, 4.0)] {
            assert!((speeds[at] - published).abs() < 0.08, "{} {published}", speeds[at]);
        }
    }

    #[test]
    fn means_are_listed_in_their_order() {
        for (place, (mode, ..)) in MODES.iter().enumerate() {
            assert_eq!(*mode as usize, place);
        }
        let on_foot = people().filter(|&person| mode_of(person) == Mode::Foot).count();
        assert!((9_700..10_300).contains(&on_foot), "{on_foot}");
    }

    #[test]
    fn a_way_is_never_shorter_than_the_line_and_a_third_longer_on_average() {
        let ways: Vec<f64> = people().map(|person| detour(person, 3)).collect();
        let mean = ways.iter().sum::<f64>() / 20_000.0;
        assert!((mean - 1.3).abs() < 0.01, "{mean}");
        assert!(ways.iter().all(|way| (1.0..=DETOUR_MAX).contains(way)));
        let person = Person { seed: 9, number: 1 };
        assert_ne!(detour(person, 3), detour(person, 4));
        assert_eq!(detour(person, 3), detour(person, 3));
    }
}
