//! People for the live index, and lists of moves and queries. A list can be gone through again and again: its second half
//! undoes its first.

use dispatch_core::{
    index::{Handle, LiveIndex},
    position::Position,
};

use crate::country::{Country, Flat, on_the_sphere};

/// Plots are 2^16 ten-millionths of a degree wide, and four of them make a field (`dispatch_core::index`).
const PLOT_SHIFT: u32 = 16;
/// 11 m north or south.
const STEP_SHIFT: u32 = 10;
/// Coprime with any number of people used here, so that people move in an order that no cache likes.
const STRIDE: usize = 7_919;
const SEED: u64 = 1;

/// A kind of move, by what the index has to change for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// 11 m within a plot: one line is written.
    WithinAPlot,
    /// 0.7 km to the next plot of the same field: one entry goes from line to line.
    ToTheNextPlot,
    /// To somebody else's home: looked up in the tree, and a field may open or close.
    Elsewhere,
}

/// Where everybody lives.
pub struct Crowd {
    homes: Vec<Position>,
    /// Where they have walked to.
    now: Vec<Flat>,
    country: Country,
}

impl Crowd {
    /// So many people; always the same ones.
    pub fn new(people: u32) -> Self {
        let mut country = Country::new(SEED);
        let now = country.homes(people as usize);
        let homes = now.iter().map(|&flat| on_the_sphere(flat)).collect();
        Self { homes, now, country }
    }

    /// Everybody's home, by handle.
    pub fn homes(&self) -> &[Position] {
        &self.homes
    }

    /// An index with everybody at home.
    pub fn index(&self) -> LiveIndex {
        let mut index = LiveIndex::default();
        for (handle, &home) in (0..).zip(&self.homes) {
            index.place(Handle(handle), home);
        }
        index
    }

    /// Everybody goes, then everybody comes home.
    pub fn there_and_back(&self, kind: Move) -> Vec<(Handle, Position)> {
        let count = self.homes.len();
        let order = || (0..count).map(|turn| turn * STRIDE % count);
        let there = order().map(|who| (handle(who), self.goal(kind, who)));
        there.chain(order().map(|who| (handle(who), self.homes[who]))).collect()
    }

    fn goal(&self, kind: Move, who: usize) -> Position {
        match kind {
            // Another value of one bit below a plot's, or of a plot's lowest: where that is does not matter, how far does.
            Move::WithinAPlot => flipped(self.homes[who], STEP_SHIFT),
            Move::ToTheNextPlot => flipped(self.homes[who], PLOT_SHIFT),
            Move::Elsewhere => self.homes[(who + self.homes.len() / 2) % self.homes.len()],
        }
    }

    /// Somebody makes a step of 50 m, or one time in twenty goes somewhere else; so many times.
    pub fn walk(&mut self, index: &mut LiveIndex, moves: u32) {
        for _ in 0..moves {
            let who = self.country.one_of(self.now.len());
            self.now[who] = self.country.next(self.now[who]);
            index.place(handle(who), on_the_sphere(self.now[who]));
        }
    }

    /// The middle of one of the five largest towns, so many times.
    pub fn in_large_towns(&mut self, count: usize) -> Vec<Position> {
        (0..count)
            .map(|_| on_the_sphere(self.country.in_a_large_town()))
            .collect()
    }

    /// Where somebody lives, so many times, scattered.
    pub fn at_home(&self, count: usize) -> Vec<Position> {
        let all = self.homes.len();
        (0..count).map(|turn| self.homes[turn * STRIDE % all]).collect()
    }

    /// Anywhere on the map, so many times.
    pub fn anywhere(&mut self, count: usize) -> Vec<Position> {
        (0..count).map(|_| on_the_sphere(self.country.anywhere())).collect()
    }
}

fn handle(who: usize) -> Handle {
    Handle(u32::try_from(who).expect("not so many"))
}

fn flipped(home: Position, bit: u32) -> Position {
    let (latitude, longitude) = home.to_e7();
    Position::from_e7(latitude ^ (1 << bit), longitude).expect("on the map")
}
