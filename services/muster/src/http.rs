//! Probes and counters: `/livez`, `/readyz`, `/metrics`, `/version`.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{Router, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::health::Health;

/// Counters are folded together this often, so that their memory does not grow.
const UPKEEP: Duration = Duration::from_secs(5);

/// Opens the HTTP door; returns where it is.
pub async fn start(
    listen: SocketAddr,
    counters: PrometheusHandle,
    health: Health,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening for HTTP at {listen}"))?;
    let address = listener.local_addr()?;
    let (living, ready) = (health.clone(), health);
    let upkeep = counters.clone();
    let app = Router::new()
        .route("/livez", get(move || liveness(living.clone())))
        .route("/readyz", get(move || readiness(ready.clone())))
        .route("/metrics", get(move || async move { counters.render() }))
        .route(
            "/version",
            get(|| async { concat!("muster ", env!("CARGO_PKG_VERSION"), "\n") }),
        );
    let task = tokio::spawn(async move {
        let mut folding = tokio::time::interval(UPKEEP);
        let mut stop_folding = stop.clone();
        let folds = async {
            loop {
                tokio::select! {
                    _ = folding.tick() => upkeep.run_upkeep(),
                    _ = stop_folding.wait_for(|&stop| stop) => break,
                }
            }
        };
        let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
            let _ = stop.wait_for(|&stop| stop).await;
        });
        let (served, ()) = tokio::join!(async { serving.await }, folds);
        if let Err(error) = served {
            tracing::warn!(%error, "the HTTP door closed");
        }
    });
    Ok((address, task))
}

async fn liveness(health: Health) -> (StatusCode, &'static str) {
    if health.is_alive().await {
        (StatusCode::OK, "alive\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the owner does not come round\n")
    }
}

/// First whether, and why not; then what is wrong without making the service useless.
async fn readiness(health: Health) -> (StatusCode, String) {
    let alarms = health.alarm_lines();
    match health.readiness().await {
        Ok(()) => (StatusCode::OK, format!("ready\n{alarms}")),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n{alarms}")),
    }
}
