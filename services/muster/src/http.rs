//! Probes and counters: `/livez`, `/readyz`, `/metrics`, `/version`.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{Router, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use muster_engine::requests::EngineHandle;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// The owner answers within this, or the service is not ready.
const READY_WITHIN: Duration = Duration::from_millis(500);
/// Counters are folded together this often, so that their memory does not grow.
const UPKEEP: Duration = Duration::from_secs(5);

/// Opens the HTTP door; returns where it is.
pub async fn start(
    listen: SocketAddr,
    counters: PrometheusHandle,
    engine: EngineHandle,
    bus_ready: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening for HTTP at {listen}"))?;
    let address = listener.local_addr()?;
    let stopping = stop.clone();
    let ready = move || {
        let (engine, bus_ready, stopping) = (engine.clone(), bus_ready.clone(), stopping.clone());
        async move { readiness(&engine, &bus_ready, &stopping).await }
    };
    let upkeep = counters.clone();
    let app = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
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

/// Ready: not stopping, phones can be reached, and the owner answers.
async fn readiness(
    engine: &EngineHandle,
    bus_ready: &watch::Receiver<bool>,
    stop: &watch::Receiver<bool>,
) -> (StatusCode, &'static str) {
    if *stop.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    if !*bus_ready.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the broker is not connected\n");
    }
    match tokio::time::timeout(READY_WITHIN, engine.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(_)) => (StatusCode::SERVICE_UNAVAILABLE, "stopped\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the owner does not answer\n"),
    }
}
