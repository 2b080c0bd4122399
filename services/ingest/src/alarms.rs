//! The service's own alarms as one watch tells them: what is up when it opens, then what changes.
//!
//! A watch is told how things are, not each step that led there: what changed between two looks is told as one change,
//! so a slow client costs no more than one entry for each alarm. Nothing here waits for the journal.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use dispatch_core::ids::TenantId;
use muster_engine::alarms::{Alarm, AlarmBoard};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Shortest time between two looks of one watch at the board. Counts change many times a second; a dispatcher needs to
/// hear of an alarm within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Something to tell about an alarm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// It is up; new, or with another count.
    Up(Alarm),
    /// It is over.
    Over(Alarm),
}

/// The alarms that concern one tenant, as far as one watch has told them.
pub(crate) struct Alarms {
    board: watch::Receiver<Arc<[Alarm]>>,
    tenant: TenantId,
    told: Vec<Alarm>,
    to_tell: VecDeque<Told>,
    next_look: Instant,
}

impl Alarms {
    /// Nothing has been told yet.
    pub fn new(board: &AlarmBoard, tenant: TenantId) -> Self {
        Self {
            board: board.watch(),
            tenant,
            told: Vec::new(),
            to_tell: VecDeque::new(),
            next_look: Instant::now(),
        }
    }

    /// What is to be told now.
    pub fn next(&mut self) -> Option<Told> {
        if self.to_tell.is_empty() && Instant::now() >= self.next_look {
            self.look();
        }
        self.to_tell.pop_front()
    }

    /// Returns when [`Alarms::next`] has something to tell. Cancel-safe.
    pub async fn news(&mut self) {
        while self.to_tell.is_empty() && self.present() == self.told {
            if self.board.changed().await.is_err() {
                // The board is gone, and with it the service: whoever waits ends by that.
                std::future::pending::<()>().await;
            }
        }
        if self.to_tell.is_empty() {
            sleep_until(self.next_look).await;
        }
    }

    fn present(&self) -> Vec<Alarm> {
        let board = self.board.borrow();
        let concerned = |alarm: &&Alarm| alarm.tenant.as_ref().is_none_or(|tenant| *tenant == self.tenant);
        board.iter().filter(concerned).cloned().collect()
    }

    /// Looks at the board now, whenever the last look was.
    pub fn look(&mut self) {
        self.next_look = Instant::now() + LOOK_EVERY;
        let present = self.present();
        let is_of = |one: &Alarm, other: &Alarm| one.kind == other.kind && one.tenant == other.tenant;
        for over in &self.told {
            if !present.iter().any(|alarm| is_of(alarm, over)) {
                self.to_tell.push_back(Told::Over(over.clone()));
            }
        }
        for alarm in &present {
            if !self.told.contains(alarm) {
                self.to_tell.push_back(Told::Up(alarm.clone()));
            }
        }
        self.told = present;
    }
}

#[cfg(test)]
mod tests {
    use dispatch_core::time::Timestamp;
    use muster_engine::alarms::AlarmKind;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("valid")
    }

    #[tokio::test]
    async fn many_steps_between_two_looks_are_one_change() {
        let (board, leeds) = (AlarmBoard::default(), tenant("leeds"));
        let mut alarms = Alarms::new(&board, leeds);
        assert_eq!(alarms.next(), None);
        for count in 0..1_000 {
            board.raise(AlarmKind::Overloaded, None, Timestamp::default(), count);
        }
        assert_eq!(alarms.next(), None, "not before the next look");
        alarms.news().await;
        let told = alarms.next();
        assert!(matches!(told, Some(Told::Up(alarm)) if alarm.count == 999));
        assert_eq!(alarms.next(), None);
    }

    #[tokio::test]
    async fn a_tenant_hears_its_own_and_everybodys() {
        let board = AlarmBoard::default();
        board.raise(AlarmKind::CanarySilent, Some(&tenant("kent")), Timestamp::default(), 0);
        board.raise(AlarmKind::CanarySilent, Some(&tenant("leeds")), Timestamp::default(), 0);
        board.raise(AlarmKind::StoreFull, None, Timestamp::default(), 0);
        let mut alarms = Alarms::new(&board, tenant("leeds"));
        let mut told = Vec::new();
        while let Some(Told::Up(alarm)) = alarms.next() {
            told.push((alarm.kind, alarm.tenant));
        }
        assert_eq!(
            told,
            [
                (AlarmKind::CanarySilent, Some(tenant("leeds"))),
                (AlarmKind::StoreFull, None)
            ]
        );
        board.clear(AlarmKind::CanarySilent, Some(&tenant("leeds")));
        alarms.news().await;
        assert!(matches!(alarms.next(), Some(Told::Over(alarm)) if alarm.kind == AlarmKind::CanarySilent));
    }
}
