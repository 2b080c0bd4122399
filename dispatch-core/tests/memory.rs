//! The memory budget of the live index, measured with a counting allocator.

use std::alloc::System;

use dispatch_core::{
    index::{Handle, LiveIndex},
    position::Position,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// As many as a country may register.
const PEOPLE: u32 = 1_000_000;
/// Bytes that the index may take for each of them: a line's share, a slot, and their part of fields and regions.
const BUDGET: usize = 64;

/// Numbers from 0 to 1 that look random (splitmix64, Steele and others 2014).
struct Dice(u64);

impl Dice {
    #[allow(clippy::cast_precision_loss)]
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// One in seven in the country, the others within 12 km or so of one of 80 towns, most in the first few.
    fn somewhere(&mut self) -> Position {
        let map = |north: f64, east: f64| Position::from_degrees(50.0 + 8.8 * north, -6.0 + 8.0 * east);
        if self.draw() < 0.15 {
            return map(self.draw(), self.draw()).expect("on the map");
        }
        let town = libm::pow(80.0, self.draw()).floor();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mut middle = Dice(town as u64);
        let (north, east) = (0.1 + 0.8 * middle.draw(), 0.1 + 0.8 * middle.draw());
        // The sum of three is close enough to a bell.
        let spread = |dice: &mut Self| (dice.draw() + dice.draw() + dice.draw() - 1.5) * 0.015;
        map(north + spread(self), east + 2.0 * spread(self)).expect("on the map")
    }
}

fn bytes_each(region: &Region<'_, System>) -> usize {
    let change = region.change();
    (change.bytes_allocated - change.bytes_deallocated) / PEOPLE as usize
}

#[test]
fn a_million_people_who_keep_moving_stay_within_the_budget() {
    let mut dice = Dice(7);
    let region = Region::new(ALLOCATOR);
    let mut index = LiveIndex::default();
    for handle in 0..PEOPLE {
        index.place(Handle(handle), dice.somewhere());
    }
    let new = bytes_each(&region);
    assert!(new < BUDGET, "{new} bytes each");
    // Everybody moves house: what is left behind is used again.
    for handle in 0..PEOPLE {
        index.place(Handle(handle), dice.somewhere());
    }
    let aged = bytes_each(&region);
    assert!(aged < BUDGET && aged <= new + new / 10, "{new} bytes each, then {aged}");
}
