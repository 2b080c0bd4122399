//! `muster`: the service and its tools in one binary. This crate alone sees all the others and wires them together.
//!
//! Exit codes: 0 fine, 1 failure, 2 wrong usage, 78 bad configuration.

mod audit;
mod backup;
mod canary;
mod certificates;
mod config;
mod control_room;
mod demo;
mod descriptors;
mod endpoints;
mod health;
mod http;
mod import;
mod inspection;
mod replay;
mod report_time;
mod serve;
mod service;
mod telemetry;
mod verify;
mod whereabouts;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Exit code for a configuration that cannot be used (EX_CONFIG of sysexits.h).
const EXIT_CONFIG: u8 = 78;

/// Alerts the trained people nearest to an emergency while the ambulance is still on its way.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service.
    Serve(Box<serve::Arguments>),
    /// Replay real 999 calls against a service of its own, with simulated phones.
    Demo(demo::Arguments),
    /// Load people and defibrillators into a running service, or make a road file of a map.
    Import {
        #[command(subcommand)]
        what: Import,
    },
    /// Look into the record of what was decided and why.
    Audit {
        #[command(subcommand)]
        what: Audit,
    },
    /// Replay past incidents with simulated people under two or more policies and compare what comes of them.
    Replay(Box<replay::Arguments>),
    /// Copy the store of a service, running or not, into a new file and verify the copy.
    Backup(backup::BackupArguments),
    /// Put a backup in the place of a store that is lost; it is verified first, and nothing is overwritten.
    Restore(backup::RestoreArguments),
    /// Check a configuration file and say what is wrong with it.
    CheckConfig {
        /// The file.
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Subcommand)]
enum Import {
    /// Register or update responders from a CSV file.
    Responders(import::responders::Arguments),
    /// Register or update defibrillators from a CSV or GeoJSON file.
    Aeds(import::aeds::Arguments),
    /// Make a road file, for `[streets]`, of an OpenStreetMap extract.
    Roads(import::roads::Arguments),
}

#[derive(Subcommand)]
enum Audit {
    /// Print what was decided about an incident and why, message by message, with times.
    Show(audit::show::Arguments),
    /// Decide recorded decisions again from what they recorded, and compare to the bit. Exits with 1 if any comes out
    /// otherwise by the policy it was made by.
    Redecide(audit::redecide::Arguments),
    /// Look for damage in the store, beside a running service or without one. Exits with 1 if there is any.
    Verify(verify::Arguments),
}

fn main() -> ExitCode {
    // One provider for everything that speaks TLS in this process.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return fail(&anyhow::anyhow!("another crypto provider was installed first"));
    }
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Import {
            what: Import::Responders(arguments),
        } => import::responders::run(&arguments),
        Command::Import {
            what: Import::Aeds(arguments),
        } => import::aeds::run(&arguments),
        Command::Import {
            what: Import::Roads(arguments),
        } => import::roads::run(&arguments),
        Command::Audit {
            what: Audit::Show(arguments),
        } => audit::show::run(&arguments),
        Command::Audit {
            what: Audit::Redecide(arguments),
        } => audit::redecide::run(&arguments),
        Command::Audit {
            what: Audit::Verify(arguments),
        } => verify::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Backup(arguments) => backup::take(&arguments),
        Command::Restore(arguments) => backup::put_back(&arguments),
        Command::CheckConfig { config } => config::check(&config),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Says what failed and why, cause by cause.
fn fail(error: &anyhow::Error) -> ExitCode {
    telemetry::complain(&format!("muster: {error:#}"));
    if error.is::<config::InvalidConfig>() {
        return ExitCode::from(EXIT_CONFIG);
    }
    ExitCode::FAILURE
}
