//! The dead-man timer: puts the alarm up when nobody has said for too long that all is well. It runs on a thread of its
//! own, so that a runtime that stands still is noticed too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;
use dispatch_core::{ids::TenantId, time::Timestamp};
use muster_engine::{
    alarms::{AlarmBoard, AlarmKind},
    ports::Clock,
};
use tokio::sync::watch;

/// How often the timer looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The hand that says that all is well.
pub struct DeadMan {
    last_well: Arc<AtomicI64>,
    clock: Arc<dyn Clock>,
}

impl DeadMan {
    /// Starts the timer for a tenant; it ends when `stop` turns true.
    pub fn start(
        tenant: TenantId,
        silent_after: Duration,
        alarms: AlarmBoard,
        clock: Arc<dyn Clock>,
        stop: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let last_well = Arc::new(AtomicI64::new(clock.now().unix_ms()));
        let (seen, time) = (Arc::clone(&last_well), Arc::clone(&clock));
        thread::Builder::new()
            .name("dead-man".to_owned())
            .spawn(move || {
                while !*stop.borrow() {
                    thread::sleep(LOOK_EVERY);
                    let well = Timestamp::from_unix_ms(seen.load(Ordering::Relaxed));
                    let now = time.now();
                    if now.since(well) > silent_after {
                        alarms.raise(AlarmKind::CanarySilent, Some(&tenant), now, 0);
                    } else {
                        alarms.clear(AlarmKind::CanarySilent, Some(&tenant));
                    }
                }
            })
            .context("starting the dead-man timer")?;
        Ok(Self { last_well, clock })
    }

    /// All is well at this moment.
    pub fn is_well(&self) {
        self.last_well.store(self.clock.now().unix_ms(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use muster_engine::memory::MemoryClock;

    use super::*;

    #[tokio::test]
    async fn silence_is_told_and_a_word_ends_it() {
        let clock = Arc::new(MemoryClock::default());
        let board = AlarmBoard::default();
        let mut up = board.watch();
        let stop = watch::Sender::new(false);
        let tenant = TenantId::new("dev").expect("a name");
        let silent_after = Duration::from_secs(45);
        let hand = DeadMan::start(
            tenant.clone(),
            silent_after,
            board,
            Arc::clone(&clock) as _,
            stop.subscribe(),
        )
        .expect("starts");
        clock.set(Timestamp::default() + silent_after);
        tokio::time::sleep(LOOK_EVERY * 2).await;
        assert!(up.borrow().is_empty());

        clock.set(Timestamp::default() + silent_after + Duration::from_millis(1));
        let alarms = up
            .wait_for(|alarms| !alarms.is_empty())
            .await
            .expect("the board is there")
            .clone();
        assert_eq!(
            (alarms[0].kind, alarms[0].tenant.as_ref()),
            (AlarmKind::CanarySilent, Some(&tenant))
        );
        hand.is_well();
        up.wait_for(|alarms| alarms.is_empty())
            .await
            .expect("the board is there");
        stop.send_replace(true);
    }
}
