//! A year of calls in half an hour: shows that disk, latency, memory and descriptors stay flat for as long as the service
//! runs.
//!
//! ```text
//! calls ──┐                         ┌─> the real store, on a real disk
//! phones ─┼─> agenda ─> the owner ──┤
//! rounds ─┘  (virtual time)         └─> scripted phones ─> agenda
//! ```
//! Time is virtual, everything else is real: the owner with the core's decisions, the journal in SQLite, restarts. Each
//! twelfth of the run is measured, one line of a table each, and the last quarter is held against an earlier one.
//!
//! One thing differs from the service: the owner is told that a commit is durable as soon as it is handed over. In
//! virtual time everybody would otherwise wait for each fsync, and a year would take a year of fsyncs. That nothing
//! leaves before it is durable is shown elsewhere. How long a commit really takes is measured here, with one that is
//! waited for now and then, and the store is never more than [`service::COMMITS_BEHIND_MAX`] commits behind.

mod agenda;
mod arguments;
mod calls;
mod measure;
mod people;
mod phones;
mod rhythm;
mod run;
mod service;
mod table;
mod verdict;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{arguments::Arguments, run::Run, table::say};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match soak(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("soak: stopped: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether everything stayed flat.
fn soak(arguments: &Arguments) -> anyhow::Result<bool> {
    let scale = arguments.scale()?;
    // Removed at the end unless the caller named a directory.
    let scratch = tempfile::tempdir()?;
    let dir = arguments.data_dir.as_deref().unwrap_or(scratch.path());
    say(&scale.to_string());
    table::head();
    let outcome = Run::new(scale, dir)?.finish()?;
    Ok(verdict::announce(&scale, &outcome))
}
