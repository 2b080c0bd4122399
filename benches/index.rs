//! Criterion benchmarks of the live index. What each means and how to read it: README.md.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dispatch_core::{index::LiveIndex, position::Metres};
use muster_benches::{Crowd, Move, people};

const CENTRES: usize = 4_096;
const NEAREST: usize = 20;
const NEAREST_WITHIN: Metres = Metres::new(1_000);
const ALL_WITHIN: Metres = Metres::new(500);

fn building(c: &mut Criterion) {
    let crowd = Crowd::new(people());
    let mut group = c.benchmark_group("index");
    group.sample_size(10);
    group.bench_function("build", |bencher| {
        // The old index is dropped outside the time.
        bencher.iter_batched(|| (), |()| crowd.index(), BatchSize::PerIteration);
    });
}

fn moves(c: &mut Criterion) {
    let crowd = Crowd::new(people());
    let mut index = crowd.index();
    let mut group = c.benchmark_group("index/move");
    for (name, kind) in [
        ("within a plot", Move::WithinAPlot),
        ("to the next plot", Move::ToTheNextPlot),
        ("elsewhere", Move::Elsewhere),
    ] {
        let list = crowd.there_and_back(kind);
        let mut next = list.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let &(handle, position) = next.next().expect("it has no end");
                index.place(handle, position);
            });
        });
        bring_home(&mut index, &crowd);
    }
}

/// Wherever the measurement stopped in its list.
fn bring_home(index: &mut LiveIndex, crowd: &Crowd) {
    for (handle, &home) in (0..).zip(crowd.homes()) {
        index.place(dispatch_core::index::Handle(handle), home);
    }
}

fn queries(c: &mut Criterion) {
    let mut crowd = Crowd::new(people());
    let index = crowd.index();
    let (dense, anywhere) = (crowd.in_large_towns(CENTRES), crowd.anywhere(CENTRES));
    let mut group = c.benchmark_group("index/query");
    for (name, centres) in [("20 nearest, dense", &dense), ("20 nearest, anywhere", &anywhere)] {
        let mut next = centres.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let &centre = next.next().expect("it has no end");
                black_box(index.nearest(centre, NEAREST_WITHIN, NEAREST, |_| true))
            });
        });
    }
    let mut next = dense.iter().cycle();
    group.bench_function("all within 500 m, dense", |bencher| {
        bencher.iter(|| {
            let &centre = next.next().expect("it has no end");
            black_box(index.within(centre, ALL_WITHIN, |_| true))
        });
    });
}

criterion_group!(benches, building, moves, queries);
criterion_main!(benches);
