//! Runs the simulated world: `muster-tests --seeds 200`. Exits with 1 when a promise was broken; the last line says how
//! many seeds ran, how many broke one, and how many run in a minute.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use clap::Parser;
use muster_tests::world::{
    Outcome, draw,
    plan::Plan,
    report::{Replay, events},
    run,
    shrink::shrink,
};

/// Of so many seeds one is run twice, to see that the same plan gives the same log.
const TWICE_EVERY: u64 = 50;

/// The simulated world: seeds in, broken promises out.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Runs the plan in this file instead.
    #[arg(long, conflicts_with = "seeds")]
    replay: Option<PathBuf>,
    /// Seeds run side by side.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Where failing plans are written; one file for each, `seed-<n>.json`.
    #[arg(long, default_value = "target/world")]
    failures: PathBuf,
    /// Stops at the first broken promise.
    #[arg(long)]
    stop: bool,
    /// Does not make failing plans smaller.
    #[arg(long)]
    whole: bool,
    /// Shows what was seen, counted over all seeds.
    #[arg(long)]
    counts: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let failed = match &arguments.replay {
        Some(path) => match Replay::read(path) {
            Ok(plan) => replay(&plan),
            Err(error) => {
                say(&format!("{error:#}"));
                return ExitCode::from(2);
            }
        },
        None => many(&arguments),
    };
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The one place that prints: this program's whole purpose is to tell.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever reads may have gone.
    let _ = writeln!(out, "{text}");
}

fn replay(plan: &Plan) -> bool {
    let outcome = run(plan);
    for line in &outcome.tail {
        say(line);
    }
    match &outcome.violation {
        Some(violation) => say(&format!("broken: {violation}")),
        None => say("nothing was broken"),
    }
    outcome.violation.is_some()
}

#[derive(Default)]
struct Tally {
    seeds: u64,
    violations: u64,
    counts: BTreeMap<&'static str, u64>,
}

fn many(arguments: &Arguments) -> bool {
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= arguments.seeds || (arguments.stop && tally.violations > 0) {
                return tally;
            }
            one(arguments, arguments.first_seed + number, &mut tally);
            if arguments.stop && tally.violations > 0 {
                next.store(arguments.seeds, Ordering::Relaxed);
            }
        }
    };
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker that panics has said so"))
            .collect()
    });
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, count) in tallies.iter().flat_map(|tally| &tally.counts) {
        *counts.entry(name).or_default() += count;
    }
    if arguments.counts {
        for (name, count) in counts {
            say(&format!("{count:>10} {name}"));
        }
    }
    let seeds: u64 = tallies.iter().map(|tally| tally.seeds).sum();
    let violations: u64 = tallies.iter().map(|tally| tally.violations).sum();
    #[allow(clippy::cast_precision_loss)]
    let per_minute = seeds as f64 * 60.0 / begun.elapsed().as_secs_f64().max(1e-3);
    say(&format!(
        "{seeds} seeds, {violations} violations, {per_minute:.0} seeds per minute"
    ));
    violations > 0
}

fn one(arguments: &Arguments, seed: u64, tally: &mut Tally) {
    tally.seeds += 1;
    let plan = draw::plan(seed);
    let outcome = run(&plan);
    for (name, count) in &outcome.counts {
        *tally.counts.entry(name).or_default() += count;
    }
    if outcome.violation.is_some() {
        tally.violations += 1;
        return tell(arguments, &plan, outcome);
    }
    if seed.is_multiple_of(TWICE_EVERY) && run(&plan).fingerprint != outcome.fingerprint {
        tally.violations += 1;
        say(&format!("seed {seed}: the same plan gave another log"));
    }
}

fn tell(arguments: &Arguments, plan: &Plan, outcome: Outcome) {
    let seed = plan.seed;
    let (plan, outcome) = if arguments.whole {
        (plan.clone(), outcome)
    } else {
        shrink(plan, outcome)
    };
    let path = arguments.failures.join(format!("seed-{seed}.json"));
    let replay = Replay::new(&plan, &outcome);
    let written = std::fs::create_dir_all(&arguments.failures).and_then(|()| std::fs::write(&path, replay.write()));
    let broken = replay.violation.unwrap_or_default();
    say(&format!("seed {seed} broken: {broken}\n{}", events(&plan)));
    for line in outcome.tail.iter().rev().take(25).rev() {
        say(&format!("    {line}"));
    }
    match written {
        Ok(()) => say(&format!("replay: --replay {}", path.display())),
        Err(error) => say(&format!("{} cannot be written: {error}", path.display())),
    }
}
