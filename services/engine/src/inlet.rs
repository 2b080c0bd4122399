//! The lanes into the owner task, by criticality: life-saving messages first, positions last. Each is bounded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dispatch_core::input::Input;
use tokio::sync::{mpsc, oneshot};

use crate::requests::Request;

/// Reports, endings and answers of people. Ten seconds of the busiest rate on record (RESEARCH: 9,000 calls an hour is
/// 2.5/s) fill a fraction of it; when full, senders wait, so that no accept is lost.
pub const CRITICAL_LANE: usize = 4096;
/// Receipts, presence, registrations. When full, senders wait.
pub const ORDINARY_LANE: usize = 16_384;
/// Positions. When full the newest is shed and counted: the phone sends another soon.
pub const POSITION_LANE: usize = 16_384;

/// Of which so many places are kept for phones: a trunk gone wild does not make the service lose sight of those it can
/// alert.
const POSITIONS_KEPT_FOR_PHONES: usize = POSITION_LANE / 2;

/// Probes that ask at once whether the owner lives. More wait.
const PULSE_LANE: usize = 64;
/// A lag seen longer ago than this says nothing about now: when nothing arrives any more, nothing waits.
const LAG_TOLD_FOR: Duration = Duration::from_millis(100);

/// The lanes, most important first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lane {
    /// Reports, endings, answers of people.
    Critical,
    /// Receipts, presence, registrations.
    Ordinary,
    /// Positions.
    Positions,
}

/// The engine has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service is stopping")]
pub struct Stopped;

/// The ends into which the world puts what happens.
#[derive(Clone)]
pub struct Inlet {
    critical: mpsc::Sender<Arrival>,
    ordinary: mpsc::Sender<Arrival>,
    positions: mpsc::Sender<Input>,
    pulse: mpsc::Sender<oneshot::Sender<()>>,
    lag: Lag,
}

/// How long things wait in the critical and the ordinary lane, as last seen.
#[derive(Clone)]
pub(crate) struct Lag(Arc<Seen>);

struct Seen {
    since: Instant,
    lag_us: AtomicU64,
    /// When, in microseconds after `since`.
    at_us: AtomicU64,
}

impl Lag {
    fn new() -> Self {
        Self(Arc::new(Seen {
            since: Instant::now(),
            lag_us: AtomicU64::new(0),
            at_us: AtomicU64::new(0),
        }))
    }

    pub fn set(&self, lag: Duration) {
        self.0.at_us.store(micros(self.0.since.elapsed()), Ordering::Relaxed);
        self.0.lag_us.store(micros(lag), Ordering::Relaxed);
    }

    fn told(&self, now: Instant) -> Duration {
        let seen_at = Duration::from_micros(self.0.at_us.load(Ordering::Relaxed));
        if now.duration_since(self.0.since).saturating_sub(seen_at) > LAG_TOLD_FOR {
            return Duration::ZERO;
        }
        Duration::from_micros(self.0.lag_us.load(Ordering::Relaxed))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What lies in a lane, and since when.
pub(crate) struct Arrival {
    pub at: Instant,
    pub what: What,
}

pub(crate) enum What {
    /// Something that happened, and who waits until what follows from it is durable.
    Input(Input, Option<oneshot::Sender<()>>),
    Request(Request),
}

impl Arrival {
    fn now(what: What) -> Self {
        Self {
            at: Instant::now(),
            what,
        }
    }
}

/// The ends from which the owner takes.
pub(crate) struct Lanes {
    pub critical: mpsc::Receiver<Arrival>,
    pub ordinary: mpsc::Receiver<Arrival>,
    pub positions: mpsc::Receiver<Input>,
    pub pulse: mpsc::Receiver<oneshot::Sender<()>>,
    pub lag: Lag,
}

/// New lanes.
pub(crate) fn lanes() -> (Inlet, Lanes) {
    let (critical, critical_out) = mpsc::channel(CRITICAL_LANE);
    let (ordinary, ordinary_out) = mpsc::channel(ORDINARY_LANE);
    let (positions, positions_out) = mpsc::channel(POSITION_LANE);
    let (pulse, pulse_out) = mpsc::channel(PULSE_LANE);
    let lag = Lag::new();
    (
        Inlet {
            critical,
            ordinary,
            positions,
            pulse,
            lag: lag.clone(),
        },
        Lanes {
            critical: critical_out,
            ordinary: ordinary_out,
            positions: positions_out,
            pulse: pulse_out,
            lag,
        },
    )
}

impl Inlet {
    /// Hands over something a phone or the bus said. Waits while its lane is full, except for positions, which are shed
    /// and counted.
    pub async fn send(&self, input: Input) -> Result<(), Stopped> {
        self.arrive(input, None).await
    }

    /// Hands over something a phone said and waits until what follows from it is durable, so that an acknowledgement to
    /// the phone means exactly that. Positions leave nothing behind and are not waited for.
    pub async fn send_durably(&self, input: Input) -> Result<(), Stopped> {
        if input.is_position() {
            return self.position(input);
        }
        let (done, durable) = oneshot::channel();
        self.arrive(input, Some(done)).await?;
        durable.await.map_err(|_| Stopped)
    }

    async fn arrive(&self, input: Input, done: Option<oneshot::Sender<()>>) -> Result<(), Stopped> {
        let lane = match &input {
            position if position.is_position() => return self.position(input),
            Input::Reply { .. } => &self.critical,
            _ => &self.ordinary,
        };
        lane.send(Arrival::now(What::Input(input, done)))
            .await
            .map_err(|_| Stopped)
    }

    fn position(&self, input: Input) -> Result<(), Stopped> {
        let is_trunk = matches!(input, Input::TrunkFix { .. });
        if is_trunk && self.positions.capacity() <= POSITIONS_KEPT_FOR_PHONES {
            return shed("trunk");
        }
        match self.positions.try_send(input) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => shed(if is_trunk { "trunk" } else { "phone" }),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Stopped),
        }
    }

    pub(crate) fn lag(&self) -> Duration {
        self.lag.told(Instant::now())
    }

    pub(crate) async fn pulse(&self) -> Result<(), Stopped> {
        let (beat, felt) = oneshot::channel();
        self.pulse.send(beat).await.map_err(|_| Stopped)?;
        felt.await.map_err(|_| Stopped)
    }

    pub(crate) async fn request(&self, request: Request) -> Result<(), Stopped> {
        let lane = if request.is_critical() {
            &self.critical
        } else {
            &self.ordinary
        };
        lane.send(Arrival::now(What::Request(request)))
            .await
            .map_err(|_| Stopped)
    }
}

fn shed(source: &'static str) -> Result<(), Stopped> {
    metrics::counter!("muster_positions_shed_total", "source" => source).increment(1);
    Ok(())
}

/// Takes what adapters put into an [`Inlet`], in place of the owner: for tests of adapters.
pub struct Observer(mpsc::UnboundedReceiver<Input>);

impl Observer {
    /// An inlet and the observer of it. What is heard counts as durable at once. Call within a runtime.
    pub fn new() -> (Inlet, Self) {
        let (inlet, lanes) = lanes();
        let (heard, inputs) = mpsc::unbounded_channel();
        tokio::spawn(listen(lanes, heard));
        (inlet, Self(inputs))
    }

    /// The next input from any lane; requests of control rooms are passed over. `None` when every inlet is gone.
    pub async fn next(&mut self) -> Option<Input> {
        self.0.recv().await
    }
}

async fn listen(mut lanes: Lanes, heard: mpsc::UnboundedSender<Input>) {
    loop {
        let arrival = tokio::select! {
            biased;
            Some(arrival) = lanes.critical.recv() => arrival,
            Some(arrival) = lanes.ordinary.recv() => arrival,
            Some(input) = lanes.positions.recv() => Arrival::now(What::Input(input, None)),
            else => return,
        };
        if let What::Input(input, done) = arrival.what {
            // Neither a sender who has given up waiting nor a test that no longer listens is our concern.
            let _ = heard.send(input);
            let _ = done.map(|done| done.send(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use dispatch_core::{
        ids::{DeviceId, ResponderId},
        position::{Fix, Metres, Position},
        time::Timestamp,
    };

    use super::*;

    #[tokio::test]
    async fn a_trunk_gone_wild_leaves_room_for_phones() {
        let (inlet, mut lanes) = lanes();
        let fix = Fix {
            position: Position::from_degrees(51.5, -0.12).expect("in range"),
            accuracy: Metres::new(5),
            taken_at: Timestamp::default(),
        };
        let (responder, device) = (ResponderId::from_bytes([1; 16]), DeviceId::from_bytes([1; 16]));
        for _ in 0..POSITION_LANE {
            inlet
                .send(Input::TrunkFix { responder, fix })
                .await
                .expect("the lane is there");
        }
        for _ in 0..POSITION_LANE {
            inlet.send(Input::Fix { device, fix }).await.expect("the lane is there");
        }
        let (mut trunks, mut all) = (0, 0);
        while let Ok(input) = lanes.positions.try_recv() {
            trunks += usize::from(matches!(input, Input::TrunkFix { .. }));
            all += 1;
        }
        assert_eq!(all, POSITION_LANE);
        assert_eq!(trunks, POSITION_LANE - POSITIONS_KEPT_FOR_PHONES);
    }

    #[test]
    fn an_old_lag_says_nothing() {
        let lag = Lag::new();
        lag.set(Duration::from_millis(70));
        let now = Instant::now();
        assert_eq!(lag.told(now), Duration::from_millis(70));
        assert_eq!(lag.told(now + LAG_TOLD_FOR * 2), Duration::ZERO);
    }
}
