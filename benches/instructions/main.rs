//! Counts the instructions of the index and the core under callgrind and compares them with a stored baseline:
//! `cargo run --release -p muster-benches --bin instructions -- compare`.
//!
//! Instructions, unlike times, are nearly the same on a busy machine, so a few per cent more are a change of the program.
#![allow(clippy::print_stdout)]

mod baseline;
mod callgrind;
mod work;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};

use crate::{baseline::Baseline, callgrind::Cost};

/// So many times the baseline is a failure. Between two builds of the same source there is none; between two of nearly the
/// same, inlining makes one or two per cent.
const RISE_MAX: f64 = 1.05;
/// After ten moves each, a query may take so many times the instructions that it took before.
const AGED_MAX: f64 = 1.1;

/// Counts instructions of the index and the core.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// The stored counts.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt"))]
    baseline: PathBuf,
}

#[derive(Subcommand)]
enum What {
    /// Compares with the stored counts; ends with 1 when one has risen by more than 5 %.
    Compare,
    /// Stores what is counted now.
    Renew,
    /// Counts the index only, before and after ten million moves of a million people.
    Ageing(Size),
    /// What runs under valgrind.
    #[command(hide = true)]
    Work(Size),
}

/// How much is done; little, since callgrind is fifty times slower than the machine.
#[derive(Args, Clone, Copy)]
struct Size {
    /// How many people there are.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    people: u32,
    /// How many moves age the index.
    #[arg(long, default_value_t = 10_000_000)]
    moves: u32,
    #[arg(long, hide = true)]
    ageing_only: bool,
}

/// Of the stored counts: ten moves each, as in the long form.
const SHORT: Size = Size {
    people: 100_000,
    moves: 1_000_000,
    ageing_only: false,
};

fn main() -> Result<ExitCode> {
    let Arguments { what, baseline } = Arguments::parse();
    let fine = match what {
        What::Work(size) => work::all(size).map(|()| true)?,
        What::Renew => renew(&baseline).map(|()| true)?,
        What::Compare => compare(&baseline)?,
        What::Ageing(size) => aged_well(&counts(Size {
            ageing_only: true,
            ..size
        })?),
    };
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn counts(size: Size) -> Result<Vec<Cost>> {
    ensure!(!cfg!(debug_assertions), "count an optimised build: add --release");
    callgrind::costs(size)
}

fn renew(file: &Path) -> Result<()> {
    let baseline = Baseline {
        made_with: made_with(),
        costs: counts(SHORT)?,
    };
    print!("{}", baseline.text());
    fs::write(file, baseline.text()).with_context(|| format!("writing {}", file.display()))
}

/// Whether nothing has risen, or nothing can be said because something else counts now.
fn compare(file: &Path) -> Result<bool> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let stored = Baseline::parse(&text).with_context(|| format!("reading {}", file.display()))?;
    let costs = counts(SHORT)?;
    println!("{:>12} {:>12} {:>8}", "stored", "now", "change");
    let mut risen = 0;
    for cost in &costs {
        let before = stored.instructions(&cost.name);
        let rises = before.is_none_or(|before| cost.instructions > before * RISE_MAX);
        let change = before.map(|before| format!("{:+.1} %", (cost.instructions / before - 1.0) * 100.0));
        println!(
            "{:>12.1} {:>12.1} {:>8}  {}{}",
            before.unwrap_or(f64::NAN),
            cost.instructions,
            change.unwrap_or_default(),
            cost.name,
            if rises { "  <-- risen, or not stored" } else { "" }
        );
        risen += u32::from(rises);
    }
    let aged_well = aged_well(&costs);
    let now = made_with();
    if now != stored.made_with {
        println!(
            "stored counts were made with {}, these with {now}: not judged",
            stored.made_with
        );
        risen = 0;
    } else if risen > 0 {
        println!(
            "{risen} of {} risen by more than 5 %; if that is meant, store them: renew",
            costs.len()
        );
    }
    Ok(risen == 0 && aged_well)
}

/// Prints the queries of the aged index beside those of the new one; whether all are within bounds.
fn aged_well(costs: &[Cost]) -> bool {
    let mut well = true;
    for aged in costs {
        let Some(name) = aged.name.strip_suffix(work::AGED) else {
            continue;
        };
        let Some(new) = costs.iter().find(|cost| cost.name == name) else {
            continue;
        };
        let times = aged.instructions / new.instructions;
        println!(
            "{name}: {:.1} when new, {:.1} when aged, {times:.3} times",
            new.instructions, aged.instructions
        );
        well &= times <= AGED_MAX;
    }
    if !well {
        println!("a query of the aged index takes more than {AGED_MAX} times the instructions");
    }
    well
}

/// Everything that makes other instructions of the same source.
fn made_with() -> String {
    let c_library = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let c_library = c_library.map_or_else(|_| "unknown C library".into(), |said| said.stdout);
    let parts = [
        env!("COMPILED_BY").to_owned(),
        env!("COMPILED_WITH").to_owned(),
        env!("COMPILED_FOR").to_owned(),
        callgrind::version().unwrap_or_default(),
        String::from_utf8_lossy(&c_library).trim().to_owned(),
    ];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}
