//! Chance in the simulated world: one stream of random numbers for each thing, so that taking an event out of a plan
//! does not shift what happens to anything else.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Thing {
    /// The sizes of a plan.
    Sizes = 1,
    /// One kind of event in a plan; by its place in the drawing.
    Drawing = 2,
    /// A person's standing features; by number.
    Person = 3,
    /// The way to a phone; by phone.
    Downlink = 4,
    /// The way from a phone; by phone.
    Uplink = 5,
    /// When a phone connects again; by phone.
    Connecting = 6,
    /// One message of a control room; by its number.
    Request = 7,
    /// How long the store takes; by life of the process.
    Store = 8,
    /// What a power cut leaves; by life of the process.
    PowerCut = 9,
    /// Ids and secrets; by life of the process.
    Entropy = 10,
    /// What befalls a phone; by event.
    Mishap = 11,
    /// What people are called out for; by event.
    CallOut = 12,
}

/// One stream.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of the `ordinal`-th thing of its kind under this seed.
    pub fn new(seed: u64, thing: Thing, ordinal: u64) -> Self {
        // The people model keys its streams by four words too; the last word keeps ours apart.
        let words = [seed, thing as u64, ordinal, u64::from_le_bytes(*b"theworld")];
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most.max(least))
    }

    /// The same for numbers that may be negative.
    pub fn signed(&mut self, least: i64, most: i64) -> i64 {
        self.0.random_range(least..=most.max(least))
    }

    /// True this often in a thousand.
    pub fn permille(&mut self, permille: u32) -> bool {
        self.0.random_range(0..1000) < permille
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.random_range(0..choices.len())]
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.0.random());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_each_part_of_its_name_and_on_nothing_else() {
        let first = |seed, thing, ordinal| Dice::new(seed, thing, ordinal).between(0, u64::MAX - 1);
        let base = first(1, Thing::Store, 3);
        assert_eq!(base, first(1, Thing::Store, 3));
        assert_ne!(base, first(2, Thing::Store, 3));
        assert_ne!(base, first(1, Thing::Uplink, 3));
        assert_ne!(base, first(1, Thing::Store, 4));
    }
}
