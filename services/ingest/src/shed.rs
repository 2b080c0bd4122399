//! What was refused of late for being too much, and the alarms about it.

use std::collections::{BTreeMap, VecDeque};

use dispatch_core::{ids::TenantId, time::Timestamp};
use muster_engine::alarms::{AlarmBoard, AlarmKind};

/// The alarm counts what was refused in this time, and is over when nothing was.
const ALARM_FOR_MS: i64 = 10_000;
/// Refusals are counted together in steps of this length, so that at most eleven numbers are kept.
const STEP_MS: i64 = 1_000;

/// Refusals by whom they concern; `None` = everybody.
#[derive(Default)]
pub(crate) struct Shed(BTreeMap<Option<TenantId>, VecDeque<Step>>);

struct Step {
    began_ms: i64,
    count: u64,
}

impl Shed {
    /// One more was refused.
    pub fn note(&mut self, tenant: Option<&TenantId>, now: Timestamp) {
        let now_ms = now.unix_ms();
        let steps = self.0.entry(tenant.cloned()).or_default();
        match steps.back_mut() {
            Some(step) if now_ms < step.began_ms + STEP_MS => step.count += 1,
            _ => steps.push_back(Step {
                began_ms: now_ms,
                count: 1,
            }),
        }
    }

    /// Puts up the alarms that are due and takes down those that are over.
    pub fn tell(&mut self, board: &AlarmBoard, now: Timestamp) {
        let old_ms = now.unix_ms() - ALARM_FOR_MS;
        self.0.retain(|tenant, steps| {
            while steps.front().is_some_and(|step| step.began_ms <= old_ms) {
                steps.pop_front();
            }
            let count = steps.iter().map(|step| step.count).sum();
            if count > 0 {
                board.raise(AlarmKind::Overloaded, tenant.as_ref(), now, count);
            } else {
                board.clear(AlarmKind::Overloaded, tenant.as_ref());
            }
            count > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_alarm_counts_the_last_seconds_and_ends_by_itself() {
        let board = AlarmBoard::default();
        let up = board.watch();
        let mut shed = Shed::default();
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let leeds = TenantId::new("leeds").ok();
        for s in 0..12 {
            shed.note(None, now + Duration::from_secs(s));
            shed.note(None, now + Duration::from_secs(s));
        }
        shed.note(leeds.as_ref(), now + Duration::from_secs(11));
        shed.tell(&board, now + Duration::from_secs(11));
        let told: Vec<_> = up.borrow().iter().map(|a| (a.tenant.clone(), a.count)).collect();
        assert_eq!(
            told,
            [(None, 20), (leeds, 1)],
            "refusals of the first two seconds are past"
        );
        shed.tell(&board, now + Duration::from_secs(20));
        assert_eq!(up.borrow().len(), 2, "not over before ten seconds without");
        shed.tell(&board, now + Duration::from_secs(21));
        assert!(up.borrow().is_empty() && shed.0.is_empty());
    }

    #[test]
    fn a_flood_costs_no_memory() {
        let mut shed = Shed::default();
        for ms in 0..5_000 {
            shed.note(None, Timestamp::from_unix_ms(ms));
        }
        assert_eq!(shed.0[&None].len(), 5);
    }
}
