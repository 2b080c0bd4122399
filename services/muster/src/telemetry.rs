//! Logs, counters, and the few places where this program writes to a terminal.

use std::io::{IsTerminal as _, Write as _};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Sends logs to standard error, in words on a terminal and as JSON lines elsewhere. `MUSTER_LOG` sets the levels; left
/// out, it is `own_level` for our own crates and warnings for libraries, which would otherwise tell
/// of their set-up. The broker's own warnings name topics, so only its errors are let through; what it refuses is counted.
pub fn log(own_level: &str) {
    let own = [
        "muster",
        "muster_bus",
        "muster_engine",
        "muster_ingest",
        "muster_loadtest",
        "muster_store",
    ];
    let default = own.map(|name| format!("{name}={own_level}")).join(",") + ",warn,mqtt5=error";
    let filter = EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Logging that was set up before stays.
    let _ = if std::io::stderr().is_terminal() {
        subscriber.try_init()
    } else {
        subscriber.json().try_init()
    };
}

/// Installs the recorder of counters; the handle renders them for `/metrics`.
pub fn counters() -> anyhow::Result<PrometheusHandle> {
    Ok(PrometheusBuilder::new().install_recorder()?)
}

/// A line of the program's result, on standard output. A reader that has gone away (`| head`) is no failure.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line for the person at the terminal, on standard error.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
