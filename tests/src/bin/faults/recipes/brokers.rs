//! F17: the broker goes away and comes back, under load.

use std::{
    fs,
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use super::{PHONES_BACK_MAX, Scene, data_dir, ready_max};
use crate::{
    bench::{Bench, need},
    outcome::Outcome,
    server::{MQTT_PORT, Setup},
};

/// Time under load between two faults.
const LIFE_MS: std::ops::Range<u64> = 1_000..4_000;
/// An orderly stop tells everybody and waits for what is in flight.
const STOP_MAX: Duration = Duration::from_secs(15);
/// Phones and service are together again within this once the broker is back: 5 s is the goal, and a phone of the script
/// tries again after half a second at the latest.
const TOGETHER_MAX: Duration = Duration::from_secs(5);
/// For an unoptimised binary on a busy machine.
const TOGETHER_MAX_SHORT: Duration = Duration::from_secs(15);

/// The embedded broker restarts with the service, asked to and killed in turns.
pub(super) async fn embedded(bench: &Bench) -> Result<Outcome> {
    let mut outcome = Outcome::new(ready_max(bench) + bench.pick(TOGETHER_MAX_SHORT, TOGETHER_MAX));
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    let setup = Setup::new(bench, data_dir(bench));
    let mut scene = Scene::start(&setup).await?;
    for run in 0..bench.pick(3, 20) {
        sleep(Duration::from_millis(dice.random_range(LIFE_MS))).await;
        if run % 2 == 0 {
            let status = scene.running.stop(STOP_MAX).await?;
            if !status.success() {
                outcome
                    .broken
                    .push(format!("asked to stop, the service ended with {status}"));
            }
        } else {
            scene.running.kill().await?;
        }
        outcome.runs += 1;
        let (running, took) = setup.start().await?;
        scene.running = running;
        outcome
            .recovery
            .push(took + scene.town.all_connected(PHONES_BACK_MAX).await?);
    }
    scene.reckon(&mut outcome, true).await?;
    Ok(outcome)
}

/// A Mosquitto that keeps nothing is killed and started again; the service goes on.
pub(super) async fn mosquitto(bench: &Bench) -> Result<Outcome> {
    need("mosquitto")?;
    let mut outcome = Outcome::new(bench.pick(TOGETHER_MAX_SHORT, TOGETHER_MAX));
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    let mut setup = Setup::new(bench, data_dir(bench));
    let address = SocketAddr::from((bench.address, MQTT_PORT));
    setup.broker = Some(address);
    let mut broker = Mosquitto::start(bench, address).await?;
    let mut scene = Scene::start(&setup).await?;
    for _ in 0..bench.pick(3, 20) {
        sleep(Duration::from_millis(dice.random_range(LIFE_MS))).await;
        broker.child.kill().await?;
        outcome.runs += 1;
        broker = Mosquitto::start(bench, address).await?;
        let began = Instant::now();
        scene
            .running
            .ready()
            .await
            .context("the service finds the broker again")?;
        scene.town.all_connected(PHONES_BACK_MAX).await?;
        outcome.recovery.push(began.elapsed());
    }
    // It acknowledges for itself, not for our disk.
    scene.reckon(&mut outcome, false).await?;
    Ok(outcome)
}

struct Mosquitto {
    child: Child,
}

impl Mosquitto {
    async fn start(bench: &Bench, address: SocketAddr) -> Result<Self> {
        let config = bench.scratch.join("mosquitto.conf");
        let (ip, port) = (address.ip(), address.port());
        fs::write(
            &config,
            format!("listener {port} {ip}\nallow_anonymous true\nset_tcp_nodelay true\npersistence false\n"),
        )?;
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .process_group(0)
            .spawn()
            .context("starting mosquitto")?;
        bench.remember_child(child.id().context("a child just started")?)?;
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            anyhow::ensure!(began.elapsed() < STOP_MAX, "mosquitto does not listen");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(Self { child })
    }
}
