//! What is wrong with the service as a whole, for people who are not looking at it: one board on which every part puts
//! up its alarms, read by the watches of control rooms, the probes and the counters.

use std::sync::Arc;

use dispatch_core::{ids::TenantId, time::Timestamp};
use tokio::sync::watch;

/// A kind of trouble.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlarmKind {
    /// Messages to phones have waited for 5 s and none has left since, or no phone has confirmed any of at least ten for
    /// 9 s. The count is how many.
    AlertsNotLeaving,
    /// The store takes longer than 250 ms: life-saving messages go out before they are durable. The count is how many
    /// commits wait.
    StoreSlow,
    /// The store has used up its space: only life-saving requests are taken in.
    StoreFull,
    /// The store failed; the service ends.
    StoreFailed,
    /// What is stored does not match what was written.
    JournalDamaged,
    /// The broker cannot be reached.
    BrokerAway,
    /// The canary incident of a tenant has not reached its phone.
    CanarySilent,
    /// Requests are being refused because there are too many. The count is how many were.
    Overloaded,
}

impl AlarmKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::AlertsNotLeaving,
        Self::StoreSlow,
        Self::StoreFull,
        Self::StoreFailed,
        Self::JournalDamaged,
        Self::BrokerAway,
        Self::CanarySilent,
        Self::Overloaded,
    ];

    /// The label of the kind in counters and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AlertsNotLeaving => "alerts_not_leaving",
            Self::StoreSlow => "store_slow",
            Self::StoreFull => "store_full",
            Self::StoreFailed => "store_failed",
            Self::JournalDamaged => "journal_damaged",
            Self::BrokerAway => "broker_away",
            Self::CanarySilent => "canary_silent",
            Self::Overloaded => "overloaded",
        }
    }
}

/// An alarm that is up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alarm {
    /// What is wrong.
    pub kind: AlarmKind,
    /// Whom it concerns; `None` = every tenant.
    pub tenant: Option<TenantId>,
    /// Since when.
    pub since: Timestamp,
    /// How many things are concerned; what they are depends on the kind, 0 = not counted.
    pub count: u64,
}

/// The board. Cloning it gives another hand on the same board.
#[derive(Clone)]
pub struct AlarmBoard(Arc<watch::Sender<Arc<[Alarm]>>>);

impl Default for AlarmBoard {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new([]))))
    }
}

impl AlarmBoard {
    /// Puts an alarm up. One that is up already keeps its beginning and takes the new count.
    pub fn raise(&self, kind: AlarmKind, tenant: Option<&TenantId>, now: Timestamp, count: u64) {
        self.0.send_if_modified(|alarms| {
            let up = alarms
                .iter()
                .find(|alarm| alarm.kind == kind && alarm.tenant.as_ref() == tenant);
            if up.is_some_and(|alarm| alarm.count == count) {
                return false;
            }
            if up.is_none() {
                tracing::error!(alarm = kind.label(), ?tenant, count, "alarm");
                metrics::counter!("muster_alarms_total", "alarm" => kind.label()).increment(1);
                metrics::gauge!("muster_alarm", "alarm" => kind.label()).increment(1);
            }
            let raised = Alarm {
                kind,
                tenant: tenant.cloned(),
                since: up.map_or(now, |alarm| alarm.since),
                count,
            };
            let others = without(alarms, kind, tenant);
            *alarms = others.chain([raised]).collect();
            true
        });
    }

    /// Takes an alarm down.
    pub fn clear(&self, kind: AlarmKind, tenant: Option<&TenantId>) {
        self.0.send_if_modified(|alarms| {
            let left: Arc<[Alarm]> = without(alarms, kind, tenant).collect();
            if left.len() == alarms.len() {
                return false;
            }
            tracing::warn!(alarm = kind.label(), ?tenant, "alarm over");
            metrics::gauge!("muster_alarm", "alarm" => kind.label()).decrement(1);
            *alarms = left;
            true
        });
    }

    /// The alarms that are up, as they change.
    pub fn watch(&self) -> watch::Receiver<Arc<[Alarm]>> {
        self.0.subscribe()
    }
}

fn without<'a>(alarms: &'a [Alarm], kind: AlarmKind, tenant: Option<&'a TenantId>) -> impl Iterator<Item = Alarm> + 'a {
    alarms
        .iter()
        .filter(move |alarm| alarm.kind != kind || alarm.tenant.as_ref() != tenant)
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_keeps_its_beginning_until_it_is_over() {
        let board = AlarmBoard::default();
        let up = board.watch();
        let at = Timestamp::from_unix_ms;
        board.raise(AlarmKind::StoreSlow, None, at(1), 3);
        board.raise(AlarmKind::StoreSlow, None, at(2), 5);
        board.raise(AlarmKind::StoreFull, None, at(3), 0);
        let kinds: Vec<_> = up.borrow().iter().map(|a| (a.kind, a.since, a.count)).collect();
        assert_eq!(
            kinds,
            [(AlarmKind::StoreSlow, at(1), 5), (AlarmKind::StoreFull, at(3), 0)]
        );
        board.clear(AlarmKind::StoreSlow, None);
        board.raise(AlarmKind::StoreSlow, None, at(9), 1);
        assert_eq!(up.borrow()[1].since, at(9));
    }

    #[test]
    fn one_tenants_alarm_is_not_anothers() {
        let board = AlarmBoard::default();
        let (leeds, kent) = (TenantId::new("leeds").ok(), TenantId::new("kent").ok());
        board.raise(AlarmKind::CanarySilent, leeds.as_ref(), Timestamp::default(), 0);
        board.clear(AlarmKind::CanarySilent, kent.as_ref());
        assert_eq!(board.watch().borrow().len(), 1);
        board.clear(AlarmKind::CanarySilent, leeds.as_ref());
        assert!(board.watch().borrow().is_empty());
    }
}
