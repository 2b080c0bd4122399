//! How much one control room may ask: one whose systems have gone wild, or whose key was stolen, costs itself, not the
//! others.
//!
//! Each tenant has one token bucket for each class of request, so that no report is refused for a noisy screen.

use std::{collections::BTreeMap, time::Duration};

use dispatch_core::{ids::TenantId, time::Timestamp};

use crate::class::Class;

/// A rate that may be exceeded for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests a second in the long run; at least 1.
    pub per_s: u32,
    /// Requests at once after a pause; at least 1.
    pub burst: u32,
}

/// What each tenant may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Reports of a life-threatening kind, stand-downs, closes.
    pub vital: Budget,
    /// Other reports.
    pub report: Budget,
    /// Changes to the register.
    pub register: Budget,
    /// Reads and new watches.
    pub query: Budget,
}

impl Default for Limits {
    /// Generous: the busiest hour on record in all of England was 2.5 calls a second.
    fn default() -> Self {
        Self {
            // A backlog after an outage is replayed at once: 500 is a quarter of an hour of a large control room.
            vital: Budget { per_s: 50, burst: 500 },
            report: Budget { per_s: 50, burst: 500 },
            // Credentials are issued one by one: all the people of a large service may be enrolled at once.
            register: Budget {
                per_s: 200,
                burst: 20_000,
            },
            // Sixty screens that each look three times a second; a page of the longest list is one request.
            query: Budget {
                per_s: 200,
                burst: 2_000,
            },
        }
    }
}

impl Limits {
    const fn of(&self, class: Class) -> Budget {
        match class {
            Class::Vital => self.vital,
            Class::Report => self.report,
            Class::Register => self.register,
            Class::Query => self.query,
        }
    }
}

/// What one request costs. Tokens are counted in thousandths, of which a bucket gains `per_s` in a millisecond.
const REQUEST: i64 = 1_000;
/// Who is refused waits until this part of the burst is back: at the next token alone all who wait would come at once,
/// and all but one be refused again.
const BACK_AFTER_PART: i64 = 10;

/// The budgets of all tenants: one entry for each that our authority has certified and that has called.
pub(crate) struct Budgets {
    limits: Limits,
    tenants: BTreeMap<TenantId, Buckets>,
}

/// What a tenant has left, in thousandths of a request.
struct Buckets {
    left: [i64; Class::ALL.len()],
    at_ms: i64,
}

impl Budgets {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            tenants: BTreeMap::new(),
        }
    }

    /// Takes one request from the tenant's budget; if there is none left, says how long to wait.
    pub fn pay(&mut self, tenant: &TenantId, class: Class, now: Timestamp) -> Result<(), Duration> {
        let limits = self.limits;
        let now_ms = now.unix_ms();
        // Looked up before it is made, so that the common case copies no name.
        let buckets = match self.tenants.get_mut(tenant) {
            Some(known) => known,
            None => self.tenants.entry(tenant.clone()).or_insert_with(|| Buckets {
                left: Class::ALL.map(|class| full(limits.of(class))),
                at_ms: now_ms,
            }),
        };
        buckets.fill(&limits, now_ms);
        let (left, budget) = (&mut buckets.left[class as usize], limits.of(class));
        if *left >= REQUEST {
            *left -= REQUEST;
            return Ok(());
        }
        let wanted = (full(budget) / BACK_AFTER_PART).max(REQUEST);
        let wait_ms = (wanted - *left + per_ms(budget) - 1) / per_ms(budget);
        Err(Duration::from_millis(wait_ms.unsigned_abs()))
    }
}

impl Buckets {
    fn fill(&mut self, limits: &Limits, now_ms: i64) {
        let passed_ms = now_ms.saturating_sub(self.at_ms).max(0);
        self.at_ms = self.at_ms.max(now_ms);
        for class in Class::ALL {
            let budget = limits.of(class);
            let left = &mut self.left[class as usize];
            *left = passed_ms
                .saturating_mul(per_ms(budget))
                .saturating_add(*left)
                .min(full(budget));
        }
    }
}

fn full(budget: Budget) -> i64 {
    i64::from(budget.burst.max(1)) * REQUEST
}

fn per_ms(budget: Budget) -> i64 {
    i64::from(budget.per_s.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("valid")
    }

    #[test]
    fn each_class_has_its_burst_and_then_its_rate() {
        let leeds = tenant("leeds");
        for (class, burst, in_four_seconds) in [
            (Class::Vital, 500, 200),
            (Class::Report, 500, 200),
            (Class::Register, 20_000, 800),
            (Class::Query, 2_000, 800),
        ] {
            let mut budgets = Budgets::new(Limits::default());
            let mut paid = |count: usize, at| (0..count).filter(|_| budgets.pay(&leeds, class, at).is_ok()).count();
            assert_eq!(paid(100_000, NOW), burst);
            let later = (1..=40).map(|tick| paid(100, NOW + Duration::from_millis(tick * 100)));
            assert_eq!(later.sum::<usize>(), in_four_seconds);
        }
    }

    #[test]
    fn one_at_ten_times_its_budget_costs_the_others_nothing() {
        let mut budgets = Budgets::new(Limits::default());
        let (wild, calm) = (tenant("wild"), tenant("calm"));
        for ms in 0..10_000 {
            let now = NOW + Duration::from_millis(ms);
            let wild = (0..2).map(|_| budgets.pay(&wild, Class::Vital, now));
            let refused = wild.filter(|paid| paid.is_err()).count();
            assert!(ms < 1_000 || refused > 0 || ms % 20 == 0, "{ms}");
            if ms % 20 == 0 {
                assert!(budgets.pay(&calm, Class::Vital, now).is_ok(), "{ms}");
            }
        }
    }

    #[test]
    fn whoever_waits_as_told_is_let_in() {
        let mut budgets = Budgets::new(Limits::default());
        let leeds = tenant("leeds");
        let wait = loop {
            if let Err(wait) = budgets.pay(&leeds, Class::Query, NOW) {
                break wait;
            }
        };
        assert_eq!(wait, Duration::from_secs(1), "200 tokens at 200 a second");
        for _ in 0..200 {
            assert!(budgets.pay(&leeds, Class::Query, NOW + wait).is_ok());
        }
        assert!(budgets.pay(&leeds, Class::Query, NOW + wait).is_err());
    }

    #[test]
    fn no_report_is_refused_for_a_noisy_screen() {
        let mut budgets = Budgets::new(Limits::default());
        let leeds = tenant("leeds");
        while budgets.pay(&leeds, Class::Query, NOW).is_ok() {}
        assert!(budgets.pay(&leeds, Class::Vital, NOW).is_ok());
    }

    #[test]
    fn a_clock_that_stands_still_or_jumps_neither_fills_nor_breaks_a_bucket() {
        let mut budgets = Budgets::new(Limits::default());
        let leeds = tenant("leeds");
        while budgets.pay(&leeds, Class::Query, NOW).is_ok() {}
        assert!(
            budgets
                .pay(&leeds, Class::Query, NOW - Duration::from_secs(3_600))
                .is_err()
        );
        assert!(budgets.pay(&leeds, Class::Query, NOW).is_err());
        let far = Timestamp::from_unix_ms(i64::MAX / 4);
        assert_eq!(
            (0..3_000)
                .filter(|_| budgets.pay(&leeds, Class::Query, far).is_ok())
                .count(),
            2_000
        );
    }
}
