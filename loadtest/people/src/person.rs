//! Who somebody is, and the random streams that make them so.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One simulated person: a number within a seeded world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Person {
    /// The world's seed.
    pub seed: u64,
    /// The person's number within the world.
    pub number: u64,
}

/// What a stream decides. Each has a stream of its own, so that a new one leaves the others as they were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Trait {
    /// Where the person lives.
    Home = 1,
    /// How the person moves when called.
    Pace = 2,
    /// What the person does when not called; by leg.
    Idling = 3,
    /// What the person does with an alert; by alert.
    Answer = 4,
    /// When the person's phone reports its position.
    Reporting = 5,
    /// When the person's phone tries to connect again.
    Connecting = 6,
    /// By what means the person travels, and how fast by it.
    Mode = 7,
    /// Where the person is by day.
    DayPlace = 8,
    /// When the person leaves home and comes back; by day.
    Day = 9,
    /// Whether the person is out and about; by stretch of time.
    Outing = 10,
    /// How far off the phone's fix is; by the moment it was taken.
    Telling = 11,
    /// How willing the person is.
    Willing = 12,
    /// How much longer than the straight line the way is; by incident.
    Way = 13,
    /// Whether and how soon a message reaches the phone; by incident.
    Delivery = 14,
}

impl Person {
    /// A generator for one trait; `ordinal` counts repetitions (the n-th alert, the n-th leg) and is 0 otherwise.
    pub fn stream(self, which: Trait, ordinal: u64) -> ChaCha8Rng {
        named([self.seed, self.number, which as u64, ordinal])
    }
}

/// One emergency of a simulated world, for what is drawn about it and not about a person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Emergency {
    /// The world's seed.
    pub seed: u64,
    /// The emergency's number within the world.
    pub number: u64,
}

impl Emergency {
    /// Far above every [`Trait`], so that no emergency shares a stream with a person.
    const WHICH: u64 = 1 << 32;

    /// A generator for one thing about the emergency; the caller numbers the things.
    pub fn stream(self, which: u64) -> ChaCha8Rng {
        named([self.seed, self.number, Self::WHICH, which])
    }
}

fn named(words: [u64; 4]) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Draws from a log-normal distribution: the shape of waiting times and of walking speeds, never negative and with a
/// long tail. `sigma` is the standard deviation of the logarithm.
pub fn log_normal(stream: &mut ChaCha8Rng, median: f64, sigma: f64) -> f64 {
    // Box-Muller. 1 - u lies in (0, 1], so that the logarithm is finite.
    let (u, v): (f64, f64) = (stream.random(), stream.random());
    let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    median * (sigma * normal).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: Person = Person { seed: 7, number: 42 };

    fn first(person: Person, which: Trait, ordinal: u64) -> u64 {
        person.stream(which, ordinal).random()
    }

    #[test]
    fn a_stream_depends_on_each_part_of_its_name_and_on_nothing_else() {
        let base = first(PERSON, Trait::Answer, 3);
        assert_eq!(base, first(PERSON, Trait::Answer, 3));
        assert_ne!(base, first(Person { seed: 8, ..PERSON }, Trait::Answer, 3));
        assert_ne!(base, first(Person { number: 43, ..PERSON }, Trait::Answer, 3));
        assert_ne!(base, first(PERSON, Trait::Home, 3));
        assert_ne!(base, first(PERSON, Trait::Answer, 4));
    }

    #[test]
    fn log_normal_draws_have_the_median_and_quartiles_asked_for() {
        let mut stream = PERSON.stream(Trait::Pace, 0);
        let mut draws: Vec<f64> = (0..20_000).map(|_| log_normal(&mut stream, 6.0, 0.6)).collect();
        draws.sort_by(f64::total_cmp);
        assert!((draws[10_000] - 6.0).abs() < 0.15, "median {}", draws[10_000]);
        // The upper quartile of a standard normal is 0.6745.
        let upper = 6.0 * (0.6_f64 * 0.6745).exp();
        assert!((draws[15_000] - upper).abs() < 0.25, "upper quartile {}", draws[15_000]);
    }
}
