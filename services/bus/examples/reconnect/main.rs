//! What a storm of reconnects costs the embedded broker, measured with real connections.
//!
//! `cargo run --release -p muster-bus --example reconnect -- --sessions N [--spread-ms MS]`
//!
//! The broker runs in this process and its phones in a child, so that each has the whole limit of open files. Three
//! rounds: everybody connects at once; the broker restarts and everybody comes back with a new session; every
//! connection breaks at once and everybody resumes. Meanwhile alerts go to phones that are there, and their way from the
//! engine's call to the phone is measured. `--spread-ms` is what phones wait at random before they come back (0: none).

mod broker;
mod client;
mod fleet;

use std::{error::Error, net::SocketAddr, time::Duration};

/// What was asked for.
#[derive(Clone, Copy)]
struct Arguments {
    sessions: u32,
    spread: Duration,
    /// Set in the child: where the broker is.
    fleet: Option<SocketAddr>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.fleet {
        Some(broker) => runtime.block_on(fleet::run(broker, arguments.sessions, arguments.spread)),
        None => runtime.block_on(broker::run(arguments.sessions, arguments.spread)),
    }
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut parsed = Arguments {
        sessions: 1_000,
        spread: Duration::ZERO,
        fleet: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--sessions" => parsed.sessions = value.parse()?,
            "--spread-ms" => parsed.spread = Duration::from_millis(value.parse()?),
            "--fleet" => parsed.fleet = Some(value.parse()?),
            _ => return Err(format!("no such argument: {word}").into()),
        }
    }
    Ok(parsed)
}
