//! `muster serve`: runs the service until it is told to stop.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{self, Mqtt, Overrides},
    descriptors,
    endpoints::Endpoints,
    service::Service,
    telemetry,
};

/// Flags of `muster serve`.
#[derive(Args)]
pub struct Arguments {
    /// Configuration file, TOML.
    #[arg(long, env = "MUSTER_CONFIG")]
    config: Option<PathBuf>,
    /// Where everything durable is kept.
    #[arg(long, env = "MUSTER_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Where control rooms connect; port 0 = any free one.
    #[arg(long, env = "MUSTER_GRPC_LISTEN")]
    grpc_listen: Option<SocketAddr>,
    /// Where phones connect; port 0 = any free one.
    #[arg(long, env = "MUSTER_MQTT_LISTEN")]
    mqtt_listen: Option<SocketAddr>,
    /// Where probes and counters are; port 0 = any free one.
    #[arg(long, env = "MUSTER_HTTP_LISTEN")]
    http_listen: Option<SocketAddr>,
    /// Plaintext gRPC, every caller is the tenant "dev"; on a loopback address only.
    #[arg(long)]
    insecure_loopback: bool,
    /// Seconds between two rounds of the canary, a drill that goes through every hop; 0 = none.
    #[arg(long, env = "MUSTER_CANARY_EVERY_S")]
    canary_every_s: Option<u32>,
    /// Road file, made by `muster import roads`, in which ways are measured.
    #[arg(long, env = "MUSTER_STREETS", value_name = "FILE")]
    streets: Option<PathBuf>,
}

/// Runs until SIGINT or SIGTERM, or until the journal fails.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    telemetry::log("info");
    let overrides = Overrides {
        data_dir: arguments.data_dir.clone(),
        grpc_listen: arguments.grpc_listen,
        mqtt_listen: arguments.mqtt_listen,
        http_listen: arguments.http_listen,
        insecure_loopback: arguments.insecure_loopback,
        canary_every_s: arguments.canary_every_s,
        streets: arguments.streets.clone(),
    };
    let config = config::load(arguments.config.as_deref(), overrides)?;
    let limit = descriptors::raise()?;
    if let Mqtt::Embedded { connections_max, .. } = config.mqtt {
        let needed = connections_max as u64 + descriptors::RESERVE;
        if needed > limit {
            tracing::warn!(
                connections_max,
                limit,
                needed,
                "fewer phones than mqtt.connections_max can connect"
            );
        }
    }
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        let counters = telemetry::counters()?;
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut service = Service::start(&config, counters).await?;
        telemetry::complain(&format!(
            "muster is ready; endpoints in {}",
            Endpoints::path(&config.data_dir).display()
        ));
        tokio::select! {
            error = service.failed() => return Err(error),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        service.stop().await
    })
}
