//! Criterion benchmarks of the core: one input each, with everybody located. What each means and how to read it:
//! README.md.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use dispatch_core::{input::Input, position::Position};
use muster_benches::{Asked, ControlRoom, Crowd, Move, people};

const CENTRES: usize = 4_096;
/// Fixes with one time; nobody may have two of them in a batch.
const BATCH: usize = 4_096;
/// Ended incidents are kept for an hour or two; so many of them are few.
const FORGET_EVERY: u64 = 256;
/// An input takes tens of microseconds and needs as much again to be undone.
const MEASURED: Duration = Duration::from_secs(3);
const SAMPLES: usize = 30;

fn core(c: &mut Criterion) {
    let mut crowd = Crowd::new(people());
    let mut room = ControlRoom::with(crowd.homes());
    let (homes, anywhere) = (crowd.at_home(CENTRES), crowd.anywhere(CENTRES));
    let mut group = c.benchmark_group("core");
    group.sample_size(SAMPLES).measurement_time(MEASURED);

    group.bench_function("report, where people live", |bencher| {
        incidents(bencher, &mut room, &homes, None)
    });
    group.bench_function("report, anywhere", |bencher| {
        incidents(bencher, &mut room, &anywhere, None);
    });
    group.bench_function("accept", |bencher| {
        incidents(bencher, &mut room, &homes, Some(Asked::accepts));
    });
    group.bench_function("decline", |bencher| {
        incidents(bencher, &mut room, &homes, Some(Asked::declines));
    });

    let walks = crowd.there_and_back(Move::WithinAPlot);
    let mut next = walks.iter().cycle();
    group.bench_function("position", |bencher| {
        bencher.iter_custom(|count| {
            let mut left = usize::try_from(count).expect("it fits");
            let mut total = Duration::ZERO;
            while left > 0 {
                room.pass();
                let batch = next.by_ref().take(left.min(BATCH));
                let inputs: Vec<Input> = batch.map(|&(handle, position)| room.fix(handle.0, position)).collect();
                left -= inputs.len();
                let began = Instant::now();
                inputs.into_iter().for_each(|input| room.handle(input));
                total += began.elapsed();
            }
            total
        });
    });
}

/// Times the first report of an incident, or a reply of the first who was asked.
fn incidents(
    bencher: &mut Bencher<'_>,
    room: &mut ControlRoom,
    places: &[Position],
    reply: Option<fn(Asked) -> Input>,
) {
    let mut next = places.iter().cycle();
    bencher.iter_custom(|count| {
        let mut total = Duration::ZERO;
        for turn in 1..=count {
            room.pass();
            let report = room.report(*next.next().expect("it has no end"));
            let reported = timed(room, report);
            total += match reply {
                None => reported,
                Some(reply) => {
                    let first = room.asked().first().copied();
                    timed(room, reply(first.expect("who lives there is asked")))
                }
            };
            room.end();
            if turn % FORGET_EVERY == 0 {
                room.forget();
            }
        }
        room.forget();
        total
    });
}

fn timed(room: &mut ControlRoom, input: Input) -> Duration {
    let began = Instant::now();
    room.handle(input);
    began.elapsed()
}

criterion_group!(benches, core);
criterion_main!(benches);
