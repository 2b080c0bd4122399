//! One structure's row of the table.

use std::{alloc::System, time::Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::{
    points::{Country, Flat},
    structures::Structure,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 3;
const NEAREST: usize = 20;
const NEAREST_WITHIN_M: u32 = 1_000;
const ALL_WITHIN_M: u32 = 500;

/// Half of the times are below the first, 99 of 100 below the second; nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub p50: u64,
    pub p99: u64,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub name: &'static str,
    pub build_ms: f64,
    pub bytes_each: f64,
    pub moves_per_s: f64,
    pub nearest_dense: Times,
    pub nearest_sparse: Times,
    pub all_dense: Times,
    /// Found by the last kind of query, on average.
    pub hits: f64,
}

/// What everybody is asked: where people live, how they move, and from where they are looked for.
pub struct Course {
    homes: Vec<Flat>,
    moves: Vec<(u32, Flat, Flat)>,
    dense: Vec<Flat>,
    sparse: Vec<Flat>,
}

impl Course {
    /// The same seed, the same course.
    pub fn new(seed: u64, people: usize, moves: usize, queries: usize) -> Self {
        let mut country = Country::new(seed);
        let homes = country.homes(people);
        let mut now = homes.clone();
        let moves = (0..moves)
            .map(|_| {
                let id = country.one_of(people);
                let from = now[id];
                now[id] = country.next(from);
                (u32::try_from(id).expect("not so many"), from, now[id])
            })
            .collect();
        let dense = (0..queries).map(|_| country.in_a_large_town()).collect();
        let sparse = (0..queries).map(|_| country.anywhere()).collect();
        Self {
            homes,
            moves,
            dense,
            sparse,
        }
    }

    /// Puts a structure through it: its rows before and after all moves.
    pub fn run<S: Structure>(&self) -> [Row; 2] {
        let place = |flats: &[Flat]| -> Vec<S::Place> { flats.iter().map(|&flat| S::place(flat)).collect() };
        let homes = place(&self.homes);
        let moves: Vec<(u32, S::Place, S::Place)> = self
            .moves
            .iter()
            .map(|&(id, from, to)| (id, S::place(from), S::place(to)))
            .collect();
        let (dense, sparse) = (place(&self.dense), place(&self.sparse));
        let region = Region::new(ALLOCATOR);
        let began = Instant::now();
        let mut structure = S::default();
        for (id, &home) in (0..).zip(&homes) {
            structure.add(id, home);
        }
        let build_ms = began.elapsed().as_secs_f64() * 1e3;
        let row = |structure: &S, name, moves_per_s| {
            let change = region.change();
            #[allow(clippy::cast_precision_loss)]
            let bytes_each = (change.bytes_allocated - change.bytes_deallocated) as f64 / homes.len() as f64;
            let (nearest_dense, _) = times(&dense, |centre| structure.nearest(centre, NEAREST_WITHIN_M, NEAREST));
            let (nearest_sparse, _) = times(&sparse, |centre| structure.nearest(centre, NEAREST_WITHIN_M, NEAREST));
            let (all_dense, hits) = times(&dense, |centre| structure.within(centre, ALL_WITHIN_M));
            Row {
                name,
                build_ms,
                bytes_each,
                moves_per_s,
                nearest_dense,
                nearest_sparse,
                all_dense,
                hits,
            }
        };
        let new = row(&structure, S::NAME, f64::NAN);
        let mut rates: Vec<f64> = moves
            .chunks(moves.len().div_ceil(ROUNDS))
            .map(|round| {
                let began = Instant::now();
                for &(id, from, to) in round {
                    structure.shift(id, from, to);
                }
                #[allow(clippy::cast_precision_loss)]
                let rate = round.len() as f64 / began.elapsed().as_secs_f64();
                rate
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        let moved = row(&structure, "  after the moves", rates[rates.len() / 2]);
        [new, moved]
    }
}

fn times<P: Copy>(centres: &[P], query: impl Fn(P) -> usize) -> (Times, f64) {
    let mut found = 0;
    let mut all: Vec<u64> = centres
        .iter()
        .map(|&centre| {
            let began = Instant::now();
            found += query(centre);
            u64::try_from(began.elapsed().as_nanos()).expect("not so long")
        })
        .collect();
    all.sort_unstable();
    let times = Times {
        p50: all[all.len() / 2],
        p99: all[all.len() * 99 / 100],
    };
    #[allow(clippy::cast_precision_loss)]
    let hits = found as f64 / centres.len() as f64;
    (times, hits)
}
