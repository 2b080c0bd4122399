//! Whether the service lives and is ready: judged here once, for everybody who asks. `/readyz` and `grpc.health.v1` tell
//! the same.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use dispatch_core::time::Timestamp;
use muster_engine::{
    alarms::{Alarm, AlarmBoard, AlarmKind},
    ports::Clock,
    requests::EngineHandle,
};
use tokio::{sync::watch, time::timeout};

/// The owner's task comes round within this, or the service is not ready: an alert has one second to be on its phone.
const READY_WITHIN: Duration = Duration::from_millis(500);
/// The owner's task comes round within this, or it never will: whoever watches the process should start another.
const ALIVE_WITHIN: Duration = Duration::from_secs(5);
/// How often it is judged for those who are told without asking.
const JUDGE_EVERY: Duration = Duration::from_millis(250);
/// A broker away for this long is an alarm. Shorter is a connection that breaks and comes back, which costs nothing: what
/// is to be sent waits for it.
const BROKER_AWAY_FOR: Duration = Duration::from_secs(2);

/// Whoever judges. Cloning it gives another.
#[derive(Clone)]
pub struct Health {
    /// Whose owner is felt.
    pub engine: EngineHandle,
    /// Whether phones can be reached.
    pub bus_ready: watch::Receiver<bool>,
    /// Turns true when the service begins to stop.
    pub closing: watch::Receiver<bool>,
}

impl Health {
    /// Ready: not stopping, the store works, phones can be reached, and the owner's task comes round. If not, why.
    pub async fn readiness(&self) -> Result<(), &'static str> {
        if *self.closing.borrow() {
            return Err("stopping");
        }
        if self.up().iter().any(|alarm| alarm.kind == AlarmKind::StoreFailed) {
            return Err("the store failed");
        }
        if !*self.bus_ready.borrow() {
            return Err("the broker is not connected");
        }
        match timeout(READY_WITHIN, self.engine.pulse()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("the owner has stopped"),
            Err(_) => Err("the owner does not answer"),
        }
    }

    /// Whether the process still does its work, slow or not. While it stops it is left in peace.
    pub async fn is_alive(&self) -> bool {
        *self.closing.borrow() || matches!(timeout(ALIVE_WITHIN, self.engine.pulse()).await, Ok(Ok(())))
    }

    /// The alarms that are up, one line each.
    pub fn alarm_lines(&self) -> String {
        self.up().iter().fold(String::new(), |mut lines, alarm| {
            // Writing into a string cannot fail.
            let _ = writeln!(lines, "{}", Line(alarm));
            lines
        })
    }

    /// Keeps `ready` true to the judgement until the service stops.
    pub async fn keep_told(mut self, ready: watch::Sender<bool>) {
        loop {
            let now = self.readiness().await.is_ok();
            ready.send_if_modified(|told| std::mem::replace(told, now) != now);
            tokio::select! {
                () = tokio::time::sleep(JUDGE_EVERY) => {}
                _ = self.closing.wait_for(|&closing| closing) => break,
            }
        }
        ready.send_replace(false);
    }

    fn up(&self) -> Arc<[Alarm]> {
        Arc::clone(&self.engine.alarms().watch().borrow())
    }
}

/// `alarm: store_slow since 2026-03-01T12:00:00Z, 3 concerned, tenant leeds`
struct Line<'a>(&'a Alarm);

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let alarm = self.0;
        write!(f, "alarm: {} since {}", alarm.kind.label(), moment(alarm.since))?;
        if alarm.count > 0 {
            write!(f, ", {} concerned", alarm.count)?;
        }
        match &alarm.tenant {
            Some(tenant) => write!(f, ", tenant {tenant}"),
            None => Ok(()),
        }
    }
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.unix_ms()).map_or_else(|_| at.unix_ms().to_string(), |at| at.to_string())
}

/// Raises the alarm while the broker is away, until nobody tells any more whether it is.
pub async fn watch_broker(mut ready: watch::Receiver<bool>, board: AlarmBoard, clock: Arc<dyn Clock>) {
    while ready.wait_for(|&ready| !ready).await.is_ok() {
        let since = clock.now();
        let soon_back = timeout(BROKER_AWAY_FOR, ready.wait_for(|&ready| ready)).await.is_ok();
        if soon_back {
            continue;
        }
        board.raise(AlarmKind::BrokerAway, None, since, 0);
        if ready.wait_for(|&ready| ready).await.is_err() {
            return;
        }
        board.clear(AlarmKind::BrokerAway, None);
    }
}

#[cfg(test)]
mod tests {
    use dispatch_core::policy::PolicyBook;
    use muster_engine::{
        engine::Engine,
        memory::{MemoryBus, MemoryClock, MemoryEntropy, MemoryJournal},
        registry::Directory,
    };

    use super::*;

    struct Stand {
        health: Health,
        bus: watch::Sender<bool>,
        closing: watch::Sender<bool>,
        board: AlarmBoard,
        engine: Option<Engine>,
    }

    /// Everything well, except that the owner's task does not run.
    fn stand() -> Stand {
        let board = AlarmBoard::default();
        let engine = Engine::new(
            PolicyBook::default(),
            Arc::new(Directory::default()),
            Arc::new(MemoryClock::default()),
            Arc::new(MemoryEntropy::default()),
            board.clone(),
        );
        let (bus, closing) = (watch::Sender::new(true), watch::Sender::new(false));
        let health = Health {
            engine: engine.handle(),
            bus_ready: bus.subscribe(),
            closing: closing.subscribe(),
        };
        Stand {
            health,
            bus,
            closing,
            board,
            engine: Some(engine),
        }
    }

    impl Stand {
        /// Runs the owner on a journal that makes nothing durable.
        fn run(&mut self) -> watch::Sender<bool> {
            let engine = self.engine.take().expect("not running");
            let stop = watch::Sender::new(false);
            let stopping = stop.subscribe();
            tokio::spawn(async move {
                let ((journal, _view), (bus, _phones)) = (MemoryJournal::new(), MemoryBus::new());
                engine.run(journal, bus, stopping).await
            });
            stop
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_in_words() {
        let mut stand = stand();
        assert_eq!(stand.health.readiness().await, Err("the owner does not answer"));
        let _stop = stand.run();
        assert_eq!(stand.health.readiness().await, Ok(()), "a slow store is no reason");
        assert!(stand.health.is_alive().await);
        stand.bus.send_replace(false);
        assert_eq!(stand.health.readiness().await, Err("the broker is not connected"));
        stand.board.raise(AlarmKind::StoreFailed, None, Timestamp::default(), 0);
        assert_eq!(stand.health.readiness().await, Err("the store failed"));
        stand.closing.send_replace(true);
        assert_eq!(stand.health.readiness().await, Err("stopping"));
    }

    #[tokio::test]
    async fn an_owner_that_has_ended_is_neither_ready_nor_alive() {
        let mut stand = stand();
        drop(stand.engine.take());
        assert_eq!(stand.health.readiness().await, Err("the owner has stopped"));
        assert!(!stand.health.is_alive().await);
    }

    #[tokio::test]
    async fn it_is_told_without_being_asked() {
        let mut stand = stand();
        let _stop = stand.run();
        let ready = watch::Sender::new(false);
        let mut told = ready.subscribe();
        tokio::spawn(stand.health.clone().keep_told(ready));
        told.wait_for(|&ready| ready).await.expect("told");
        stand.bus.send_replace(false);
        told.wait_for(|&ready| !ready).await.expect("told");
        stand.bus.send_replace(true);
        told.wait_for(|&ready| ready).await.expect("told");
        stand.closing.send_replace(true);
        told.wait_for(|&ready| !ready).await.expect("told");
    }

    #[test]
    fn alarms_are_listed_one_a_line() {
        let stand = stand();
        let at = Timestamp::from_unix_ms(1_772_366_400_000);
        stand.board.raise(AlarmKind::StoreSlow, None, at, 3);
        let leeds = dispatch_core::ids::TenantId::new("leeds").ok();
        stand.board.raise(AlarmKind::CanarySilent, leeds.as_ref(), at, 0);
        assert_eq!(
            stand.health.alarm_lines(),
            "alarm: store_slow since 2026-03-01T12:00:00Z, 3 concerned\n\
             alarm: canary_silent since 2026-03-01T12:00:00Z, tenant leeds\n"
        );
    }

    #[tokio::test]
    async fn a_broker_away_for_long_is_an_alarm_until_it_is_back() {
        let (broker, board) = (watch::Sender::new(true), AlarmBoard::default());
        let clock = Arc::new(MemoryClock::default());
        let watching = tokio::spawn(watch_broker(broker.subscribe(), board.clone(), clock));
        let mut up = board.watch();
        let began = std::time::Instant::now();
        broker.send_replace(false);
        up.wait_for(|up| up.iter().any(|alarm| alarm.kind == AlarmKind::BrokerAway))
            .await
            .expect("raised");
        assert!(began.elapsed() >= BROKER_AWAY_FOR);
        broker.send_replace(true);
        up.wait_for(|up| up.is_empty()).await.expect("cleared");
        drop(broker);
        watching.await.expect("ends with the bus");
    }
}
