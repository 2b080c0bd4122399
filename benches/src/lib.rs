//! What the benchmarks share: a country of responders, an index full of them with lists of what to do to it, and a core
//! that has located them all. No timing here: criterion, the instruction counts and `loadtest/peers` each do theirs.

mod control_room;
mod country;
mod crowd;

pub use control_room::{Asked, ControlRoom};
pub use country::{Country, Degrees, Flat, in_degrees, on_the_sphere};
pub use crowd::{Crowd, Move};

/// What a national service must carry, and what criterion measures with.
pub const NATIONAL: u32 = 1_000_000;
/// Enough to see that a benchmark works.
pub const SHORT: u32 = 10_000;

/// [`NATIONAL`] when criterion measures (`cargo bench` says `--bench`), [`SHORT`] when it only tries (`cargo test`, or
/// `--test`).
pub fn people() -> u32 {
    let said = |flag: &str| std::env::args().any(|argument| argument == flag);
    if said("--bench") && !said("--test") {
        NATIONAL
    } else {
        SHORT
    }
}
