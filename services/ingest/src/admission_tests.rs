//! Who is let in, with a lag and a clock that stand where they are put.

use std::sync::atomic::{AtomicU64, Ordering};

use dispatch_core::time::Timestamp;
use muster_engine::{alarms::AlarmKind, memory::MemoryClock};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

struct Stand {
    admission: Admission,
    lag_ms: Arc<AtomicU64>,
    clock: Arc<MemoryClock>,
    board: AlarmBoard,
}

impl Stand {
    fn new() -> Self {
        let (lag_ms, clock, board) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(MemoryClock::default()),
            AlarmBoard::default(),
        );
        clock.set(NOW);
        let seen = Arc::clone(&lag_ms);
        let lag: OwnerLag = Arc::new(move || Duration::from_millis(seen.load(Ordering::SeqCst)));
        let admission = Admission::new(lag, board.clone(), Arc::clone(&clock) as _, Limits::default());
        Self {
            admission,
            lag_ms,
            clock,
            board,
        }
    }

    fn admit(&self, class: Class) -> Result<Place, Refusal> {
        self.admission.admit(&tenant("leeds"), class)
    }

    fn tell(&self) -> Vec<(Option<TenantId>, u64)> {
        lock(&self.admission.0.shed).tell(&self.board, self.clock.now());
        let board = self.board.watch();
        let up = board.borrow();
        assert!(up.iter().all(|alarm| alarm.kind == AlarmKind::Overloaded));
        up.iter().map(|alarm| (alarm.tenant.clone(), alarm.count)).collect()
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

#[test]
fn what_matters_least_is_refused_first() {
    let stand = Stand::new();
    for (lag_ms, admitted) in [(49, 4), (50, 3), (99, 3), (100, 2), (499, 2), (500, 1), (60_000, 1)] {
        stand.lag_ms.store(lag_ms, Ordering::SeqCst);
        let let_in: Vec<_> = Class::ALL.map(|class| stand.admit(class).is_ok()).into();
        let expected: Vec<_> = (0..4).map(|rank| rank < admitted).collect();
        assert_eq!(let_in, expected, "at {lag_ms} ms");
    }
}

#[test]
fn each_class_has_its_places_and_a_place_comes_back() {
    let stand = Stand::new();
    for (class, places) in [(Class::Query, QUERY_PLACES), (Class::Register, REGISTER_PLACES)] {
        let mut taken: Vec<_> = (0..places).map(|_| stand.admit(class).expect("a place")).collect();
        assert!(matches!(stand.admit(class), Err(Refusal::Overloaded)), "{class:?}");
        taken.pop();
        assert!(stand.admit(class).is_ok());
    }
    assert!(stand.admit(Class::Report).is_ok() && stand.admit(Class::Vital).is_ok());
}

#[test]
fn what_is_shed_raises_everybodys_alarm_until_it_is_over() {
    let stand = Stand::new();
    stand.lag_ms.store(80, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(stand.admit(Class::Query).is_err());
    }
    let refusal = stand.admission.refused(Class::Vital, Refused::Overloaded);
    assert!(matches!(refusal, Refusal::Overloaded));
    assert_eq!(stand.tell(), [(None, 4)]);
    stand.clock.set(NOW + Duration::from_secs(9));
    assert_eq!(stand.tell(), [(None, 4)]);
    stand.clock.set(NOW + Duration::from_secs(10));
    assert_eq!(stand.tell(), []);
}

#[test]
fn a_tenant_over_its_budget_is_alarmed_alone_and_only_for_what_is_vital() {
    let stand = Stand::new();
    for _ in 0..2_000 {
        stand.admit(Class::Query).expect("within the budget");
    }
    assert!(matches!(stand.admit(Class::Query), Err(Refusal::TenantBudget { .. })));
    assert_eq!(stand.tell(), []);
    for _ in 0..500 {
        stand.admit(Class::Vital).expect("within the budget");
    }
    assert!(matches!(stand.admit(Class::Vital), Err(Refusal::TenantBudget { .. })));
    assert_eq!(stand.tell(), [(Some(tenant("leeds")), 1)]);
    assert!(stand.admission.admit(&tenant("kent"), Class::Vital).is_ok());
}
