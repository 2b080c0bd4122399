//! `muster replay` with policies of its own: as many nearest people as asked for, at once, within a radius.
//!
//!     cargo run --release -p muster-replay --example compare -- --incidents FILE [--html PAGE.html]

use clap::Parser;
use dispatch_core::{policy::Policy, position::Metres};
use muster_replay::{Arguments, Map};

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    replay: Arguments,
}

/// How many are asked at a time, how many of them go, and within how many metres.
const RULES: [(u32, u32, u32); 9] = [
    (3, 1, 500),
    (3, 3, 500),
    (3, 3, 1_000),
    (5, 3, 800),
    (7, 3, 1_200),
    (10, 3, 1_200),
    (20, 4, 1_500),
    (30, 10, 1_300),
    (100, 20, 1_500),
];

fn main() -> anyhow::Result<()> {
    let policy = |(alert_count, wanted, radius_m): (u32, u32, u32)| Policy {
        name: format!("{alert_count} within {radius_m} m, {wanted} go"),
        alert_count,
        wanted,
        alerts_max: alert_count.max(60),
        radius: Metres::new(radius_m),
        going_min: 0,
        ..Policy::soonest()
    };
    muster_replay::run(&Flags::parse().replay, RULES.map(policy).to_vec(), Map::default())
}
