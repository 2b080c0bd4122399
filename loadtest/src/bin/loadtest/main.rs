//! `loadtest`: proves from outside, over gRPC and MQTT, what a Muster service does under load.
//!
//! Exit codes: 0 every service level met, 1 failure or interrupted, 2 wrong usage, 3 a service level was missed, 78 a
//! scenario that cannot be used.

mod control_room;
mod counts;
mod crowd;
mod desk;
mod enrol;
mod faults;
mod grid;
mod hops;
mod levels;
mod load;
mod metronome;
mod observe;
mod outcome;
mod plan;
mod reckoning;
mod run;
mod samples;
mod scenario;
mod service;
mod setup;
mod tally;
mod towns;
mod trunk;
mod watch;

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use muster_loadtest::{progress::Progress, report, result::Ended};

use scenario::{InvalidScenario, Scenario};
use service::Service;

/// A service level was missed.
const EXIT_MISSED: u8 = 3;
/// A scenario that cannot be used (EX_CONFIG of sysexits.h).
const EXIT_SCENARIO: u8 = 78;

/// Proves from outside, over gRPC and MQTT, what a Muster service does under load.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario. Exits with 0 when every service level is met and with 3 when one is missed.
    Run(RunArguments),
    /// Lay two results side by side.
    Compare {
        /// A result, JSON.
        a: PathBuf,
        /// Another.
        b: PathBuf,
    },
}

#[derive(Args)]
struct RunArguments {
    /// What to do, TOML; see loadtest/README.md.
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,
    #[command(flatten)]
    target: Target,
    /// With --self: the muster binary; left out, the one beside this.
    #[arg(long, env = "MUSTER_BIN", value_name = "FILE")]
    muster: Option<PathBuf>,
    /// With --endpoints: the service's process on this machine, so that its CPU and memory are seen and it can be paused.
    #[arg(long)]
    pid: Option<i32>,
    /// In place of the scenario's own: 30s, 10m, 2h.
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// Write the result here, for `compare` and for programs.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the result here as one page with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// Start a service of its own beside it, on a temporary folder.
    #[arg(long = "self")]
    own: bool,
    /// endpoints.json of a running service.
    #[arg(long, value_name = "FILE")]
    endpoints: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let accepted = || format!("'{text}' is not a time; accepted is 1s to 24h, such as 30s or 10m");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(accepted()),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|seconds| (1..=86_400).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(accepted)
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    // One provider for everything that speaks TLS in this process.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return fail(&anyhow::anyhow!("another crypto provider was installed first"));
    }
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run_scenario(&arguments),
        Command::Compare { a, b } => compare(&a, &b),
    };
    outcome.unwrap_or_else(|error| fail(&error))
}

fn run_scenario(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let scenario = Scenario::read(&arguments.scenario, arguments.duration)?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let (endpoints, pid) = (arguments.target.endpoints.clone(), arguments.pid);
    let muster = arguments.muster.clone();
    // As a task, on the threads of the phones: on a thread of its own it would be woken for each thing that a phone logs,
    // and take the core from the next phone that is to be measured.
    let running = runtime.spawn(async move {
        let service = match endpoints {
            Some(endpoints) => Service::at(&endpoints, pid)?,
            None => Service::start(&binary(muster.as_deref())?, &scenario).await?,
        };
        let total = Duration::from_secs_f64(scenario.duration_s);
        let progress = Progress::new(total, io::stderr().is_terminal());
        run::run(&scenario, service, progress).await
    });
    let (result, service) = runtime.block_on(running)??;
    if let Some(path) = &arguments.json {
        write(path, &serde_json::to_string(&result)?)?;
    }
    if let Some(path) = &arguments.html {
        write(path, &report::page(&result))?;
    }
    say(&report::summary(&result))?;
    runtime.block_on(async { service.lock().await.stop().await })?;
    Ok(match result.ended {
        Ended::Interrupted => {
            say("interrupted: the results are written, the service levels are not judged\n")?;
            ExitCode::FAILURE
        }
        Ended::Completed if outcome::all_met(&result) => ExitCode::SUCCESS,
        Ended::Completed => ExitCode::from(EXIT_MISSED),
    })
}

fn compare(a: &Path, b: &Path) -> anyhow::Result<ExitCode> {
    say(&report::compare(&report::read(a)?, &report::read(b)?))?;
    Ok(ExitCode::SUCCESS)
}

/// The service's binary: the one named, or the one beside this.
fn binary(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let own = std::env::current_exe().context("finding this program's own place")?;
    let beside = own.with_file_name("muster");
    anyhow::ensure!(
        beside.exists(),
        "{} is not there: build it with `cargo build --release`, or name it with --muster",
        beside.display()
    );
    Ok(beside)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Says what failed and why, cause by cause.
fn fail(error: &anyhow::Error) -> ExitCode {
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "loadtest: {error:#}");
    if error.is::<InvalidScenario>() {
        return ExitCode::from(EXIT_SCENARIO);
    }
    ExitCode::FAILURE
}
