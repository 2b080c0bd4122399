//! One structure's row of the table.

use std::{
    alloc::System,
    time::{Duration, Instant},
};

use anyhow::Result;
use muster_benches::{Country, Flat};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::peer::{Moved, Peer};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 3;
/// Moves that are handed over at once, since nobody who has a fleet would send each to a server by itself.
pub const BATCH: usize = 500;
/// A server gets so long for a round of moves, and as long for the queries of a kind.
pub const PATIENCE: Duration = Duration::from_secs(10);
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
    /// Of how many.
    pub people: usize,
    /// So many have been made.
    pub moves: usize,
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

    /// Puts a peer through it: its rows before and after all moves.
    pub fn run<P: Peer>(&self) -> Result<[Row; 2]> {
        let place = |flats: &[Flat]| -> Vec<P::Place> { flats.iter().map(|&flat| P::place(flat)).collect() };
        let homes = place(&self.homes);
        let moves = self.moves.iter();
        let moves: Vec<Moved<P::Place>> = moves
            .map(|&(id, from, to)| (id, P::place(from), P::place(to)))
            .collect();
        let centres = (place(&self.dense), place(&self.sparse));
        let region = Region::new(ALLOCATOR);
        let mut peer = P::start()?;
        let began = Instant::now();
        peer.fill(&homes)?;
        let build_ms = began.elapsed().as_secs_f64() * 1e3;
        let row = |peer: &mut P, moves, moves_per_s| -> Result<Row> {
            let change = region.change();
            let own = (change.bytes_allocated - change.bytes_deallocated) as u64;
            #[allow(clippy::cast_precision_loss)]
            let bytes_each = peer.bytes()?.unwrap_or(own) as f64 / homes.len() as f64;
            let (dense, sparse) = (&centres.0, &centres.1);
            let (nearest_dense, _) = times::<P>(dense, |centre| peer.nearest(centre, NEAREST_WITHIN_M, NEAREST))?;
            let (nearest_sparse, _) = times::<P>(sparse, |centre| peer.nearest(centre, NEAREST_WITHIN_M, NEAREST))?;
            let (all_dense, hits) = times::<P>(dense, |centre| peer.within(centre, ALL_WITHIN_M))?;
            Ok(Row {
                name: P::NAME,
                people: homes.len(),
                moves,
                build_ms,
                bytes_each,
                moves_per_s,
                nearest_dense,
                nearest_sparse,
                all_dense,
                hits,
            })
        };
        let new = row(&mut peer, 0, f64::NAN)?;
        let mut made = 0;
        let mut rates = Vec::new();
        for round in moves.chunks(moves.len().div_ceil(ROUNDS)) {
            let (done, rate) = shift(&mut peer, round)?;
            made += done;
            rates.push(rate);
        }
        rates.sort_by(f64::total_cmp);
        let moved = row(&mut peer, made, rates[rates.len() / 2])?;
        Ok([new, moved])
    }
}

/// Whether a peer has had its time.
fn enough<P: Peer>(began: Instant) -> bool {
    P::IS_SERVER && began.elapsed() > PATIENCE
}

/// How many moves it made, and how many in a second.
fn shift<P: Peer>(peer: &mut P, round: &[Moved<P::Place>]) -> Result<(usize, f64)> {
    let began = Instant::now();
    let mut made = 0;
    for batch in round.chunks(BATCH) {
        peer.shift(batch)?;
        made += batch.len();
        if enough::<P>(began) {
            break;
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let rate = made as f64 / began.elapsed().as_secs_f64();
    Ok((made, rate))
}

fn times<P: Peer>(centres: &[P::Place], mut query: impl FnMut(P::Place) -> Result<usize>) -> Result<(Times, f64)> {
    let mut found = 0;
    let mut all: Vec<u64> = Vec::with_capacity(centres.len());
    let start = Instant::now();
    for &centre in centres {
        let began = Instant::now();
        found += query(centre)?;
        all.push(u64::try_from(began.elapsed().as_nanos()).expect("not so long"));
        if enough::<P>(start) {
            break;
        }
    }
    all.sort_unstable();
    let times = Times {
        p50: all[all.len() / 2],
        p99: all[all.len() * 99 / 100],
    };
    #[allow(clippy::cast_precision_loss)]
    let hits = found as f64 / all.len() as f64;
    Ok((times, hits))
}
