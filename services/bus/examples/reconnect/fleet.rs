//! The phones: one task each, which comes back whenever its connection ends.

use std::{
    error::Error,
    io::{BufRead, Write, stdin, stdout},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use muster_proto::v1;
use prost::Message as _;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    broker::{LIFE, identity},
    client::{self, Entry, Identity},
};

/// The first wait after a refusal is up to this long, each further one up to twice the last, as RESEARCH advises.
const BACKOFF_FIRST_MS: u64 = 200;
/// And never longer.
const BACKOFF_MAX_MS: u64 = 10_000;
/// Half of the keep alive.
const PING: Duration = Duration::from_secs(30);
/// Addresses of this machine that phones call, so that a port of theirs that still lingers is not missed.
const ADDRESSES: u32 = 8;

#[derive(Default)]
struct Tally {
    busy: AtomicU64,
    closed: AtomicU64,
    latencies_ms: Mutex<Vec<u64>>,
}

/// Runs until its input ends. A line `break` breaks every connection, `tell` asks for what was counted since the last.
pub async fn run(broker: SocketAddr, sessions: u32, spread: Duration) -> Result<(), Box<dyn Error>> {
    let tally = Arc::new(Tally::default());
    let (breaks, broken) = watch::channel(());
    for number in 0..sessions {
        let octet = u8::try_from(1 + number % ADDRESSES)?;
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, octet), broker.port()));
        tokio::spawn(phone(number, address, spread, Arc::clone(&tally), broken.clone()));
    }
    let orders = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        for line in stdin().lock().lines() {
            match line?.as_str() {
                "break" => breaks.send_replace(()),
                _ => writeln!(stdout(), "{}", told(&tally))?,
            }
        }
        Ok(())
    });
    Ok(orders.await??)
}

fn told(tally: &Tally) -> String {
    let mut latencies = std::mem::take(&mut *tally.latencies_ms.lock().unwrap_or_else(PoisonError::into_inner));
    latencies.sort_unstable();
    let at = |share: f64| {
        latencies
            .get((latencies.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(0)
    };
    format!(
        "told busy {} times, closed on {}; {} alerts, p50 {} ms, p99 {} ms, worst {} ms",
        tally.busy.swap(0, Ordering::Relaxed),
        tally.closed.swap(0, Ordering::Relaxed),
        latencies.len(),
        at(0.5),
        at(0.99),
        latencies.last().copied().unwrap_or(0),
    )
}

async fn phone(number: u32, broker: SocketAddr, spread: Duration, tally: Arc<Tally>, mut broken: watch::Receiver<()>) {
    let identity = identity(number);
    let mut refused = 0;
    loop {
        let wait = if refused == 0 {
            spread
        } else {
            Duration::from_millis((BACKOFF_FIRST_MS << (refused - 1).min(10)).min(BACKOFF_MAX_MS))
        };
        sleep(wait.mul_f64(chance(number, refused))).await;
        match client::enter(broker, &identity).await {
            Entry::In { mut stream, resumed } => {
                refused = 0;
                broken.mark_unchanged();
                tokio::select! {
                    _ = listen(&mut stream, &identity, resumed, &tally) => {}
                    _ = broken.changed() => {}
                }
            }
            Entry::Busy => {
                refused += 1;
                tally.busy.fetch_add(1, Ordering::Relaxed);
            }
            Entry::Closed => {
                refused += 1;
                tally.closed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn listen(
    stream: &mut tokio::net::TcpStream,
    identity: &Identity,
    resumed: bool,
    tally: &Tally,
) -> std::io::Result<()> {
    if !resumed {
        client::subscribe(stream, identity).await?;
    }
    loop {
        match timeout(PING, client::read(stream)).await {
            Err(_) => client::ping(stream).await?,
            Ok(packet) => {
                let (kind, body) = packet?;
                if kind & 0xf0 == 0x30 {
                    let payload = client::acknowledge(stream, &body).await?;
                    note(&payload, tally);
                }
            }
        }
    }
}

/// Notes how long an alert took: it expires a fixed time after it was handed to the bus.
fn note(payload: &[u8], tally: &Tally) {
    let Some(expires) = v1::Down::decode(payload).ok().and_then(|down| down.expires_at) else {
        return;
    };
    let expires_ms = expires.seconds as u64 * 1_000 + u64::from(expires.nanos.unsigned_abs()) / 1_000_000;
    let sent_ms = expires_ms - LIFE.as_millis() as u64;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let took_ms = (now.as_millis() as u64).saturating_sub(sent_ms);
    let mut latencies = tally.latencies_ms.lock().unwrap_or_else(PoisonError::into_inner);
    latencies.push(took_ms);
}

/// A number from 0 to 1, the same in every run.
fn chance(number: u32, refused: u32) -> f64 {
    let mut x = u64::from(number) << 32 | u64::from(refused);
    x = (x ^ (x >> 30))
        .wrapping_add(0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
