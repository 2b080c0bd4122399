//! Too much to do, a store in trouble, and what the health says.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use dispatch_core::time::Timestamp;
use muster_engine::{
    memory::MemoryJournal,
    ports::{Commit, Journal, JournalError, JournalNews},
};
use muster_ingest::{Budget, Limits};
use muster_proto::v1::{self as wire, watch_incidents_response::Event};
use support::{NOW, PATIENCE, PLENTY, Stand, UNLIMITED, at, key, profile, reason, report};
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt;

fn stand_down(request_id: &str, number: &str) -> wire::StandDownIncidentRequest {
    wire::StandDownIncidentRequest {
        request_id: request_id.into(),
        key: key(number),
        revision: 2,
        sent_at: at(NOW),
        cause: wire::StandDownCause::Cancelled.into(),
    }
}

fn list() -> wire::ListIncidentsRequest {
    wire::ListIncidentsRequest::default()
}

/// When to try again, as the refusal says.
fn hint(status: &Status) -> Duration {
    status.get_details_retry_info().unwrap().retry_delay.unwrap()
}

fn assert_refused(status: &Status, why: &str) {
    assert_eq!(reason(status), (Code::ResourceExhausted, why.to_owned()));
}

#[tokio::test]
async fn a_slow_store_is_said_in_the_answer() {
    let (journal, view) = MemoryJournal::new();
    view.allow(1);
    let stand = Stand::with_journal((journal, view), UNLIMITED).await;
    let mut client = stand.incidents("london").await;
    stand.handle.durable().wait_for(|&sequence| sequence > 0).await.unwrap();
    let mut reporter = client.clone();
    let reporting = tokio::spawn(async move { reporter.report_incident(report("r1", "1")).await });
    // Once the report is with the store, time passes.
    while stand.journal.commits().len() < 2 {
        tokio::task::yield_now().await;
    }
    stand.clock.set(Timestamp::from_unix_ms(NOW * 1000 + 251));
    let answer = tokio::time::timeout(PATIENCE, reporting)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let answer = answer.into_inner();
    assert!(!answer.durable);
    let warning = answer
        .warnings
        .iter()
        .find(|w| w.code() == wire::WarningCode::NotDurable);
    assert!(warning.unwrap().message.contains("Repeat the request"));

    let mut ender = client.clone();
    let ending = tokio::spawn(async move { ender.stand_down_incident(stand_down("s1", "1")).await });
    let ending = tokio::time::timeout(PATIENCE, ending).await.unwrap().unwrap().unwrap();
    let ending = ending.into_inner().ending.unwrap();
    assert!(!ending.durable);
    assert!(
        ending
            .warnings
            .iter()
            .any(|w| w.code() == wire::WarningCode::NotDurable)
    );

    // The same requests tell when they have become durable.
    stand.journal.allow(PLENTY);
    let again = client.report_incident(report("r1", "1")).await.unwrap().into_inner();
    assert!(again.durable && again.duplicate);
    assert!(again.warnings.iter().all(|w| w.code() != wire::WarningCode::NotDurable));
    stand.stop().await;
}

#[tokio::test]
async fn a_tenant_over_its_budget_is_refused_and_the_others_are_not() {
    let limits = Limits {
        vital: Budget { per_s: 50, burst: 20 },
        report: Budget { per_s: 50, burst: 10 },
        register: Budget { per_s: 20, burst: 5 },
        query: Budget { per_s: 50, burst: 7 },
    };
    let (journal, view) = MemoryJournal::new();
    view.allow(PLENTY);
    let stand = Stand::with_journal((journal, view), limits).await;
    let mut wild = stand.incidents("wild").await;
    for number in 0..20 {
        let name = number.to_string();
        wild.report_incident(report(&name, &name)).await.unwrap();
    }
    let refusal = wild.report_incident(report("20", "20")).await.unwrap_err();
    assert_refused(&refusal, "TENANT_BUDGET");
    assert_eq!(hint(&refusal), Duration::from_millis(40), "two tokens at 50 a second");
    let refusal = wild.stand_down_incident(stand_down("s", "1")).await.unwrap_err();
    assert_refused(&refusal, "TENANT_BUDGET");

    // Other classes of the same tenant have budgets of their own.
    let other = |number: &str| wire::ReportIncidentRequest {
        kind: "fall".into(),
        ..report(number, number)
    };
    for number in 100..110 {
        wild.report_incident(other(&number.to_string())).await.unwrap();
    }
    assert_refused(&wild.report_incident(other("110")).await.unwrap_err(), "TENANT_BUDGET");
    for _ in 0..7 {
        wild.list_incidents(list()).await.unwrap();
    }
    assert_refused(&wild.list_incidents(list()).await.unwrap_err(), "TENANT_BUDGET");
    let mut register = stand.responders("wild").await;
    let person = |number: usize| wire::RegisterResponderRequest {
        profile: Some(profile(&number.to_string())),
    };
    // A registration is one request to the register and reads nothing from the budget of queries.
    for number in 0..5 {
        register.register_responder(person(number)).await.unwrap();
    }
    assert_refused(
        &register.register_responder(person(5)).await.unwrap_err(),
        "TENANT_BUDGET",
    );

    let mut calm = stand.incidents("calm").await;
    calm.report_incident(report("r", "1")).await.unwrap();
    calm.list_incidents(list()).await.unwrap();

    // Somebody is told that vital requests are being refused, and only its own control room.
    let watch = wire::WatchIncidentsRequest::default();
    let mut told = calm.watch_incidents(watch).await.unwrap().into_inner();
    stand.clock.set(Timestamp::from_unix_ms(NOW * 1000 + 1_000));
    let mut own = wild.watch_incidents(watch_all()).await.unwrap().into_inner();
    let alarm = async {
        loop {
            let event = own.message().await.unwrap().unwrap();
            if let Some(Event::SystemAlarm(alarm)) = event.event {
                break alarm;
            }
        }
    };
    let alarm = tokio::time::timeout(PATIENCE, alarm).await.unwrap();
    assert_eq!((alarm.kind(), alarm.count), (wire::AlarmKind::Overloaded, 2));
    calm.report_incident(report("r2", "2")).await.unwrap();
    let event = told.message().await.unwrap().unwrap();
    assert!(!matches!(event.event, Some(Event::SystemAlarm(_))));

    // Whoever waits as told is let in.
    wild.stand_down_incident(stand_down("s", "1")).await.unwrap();
    stand.stop().await;
}

fn watch_all() -> wire::WatchIncidentsRequest {
    wire::WatchIncidentsRequest::default()
}

/// A journal at which the owner is held up until it is let go.
struct Sticky {
    journal: MemoryJournal,
    held: Arc<(Mutex<bool>, Condvar)>,
}

#[async_trait]
impl Journal for Sticky {
    fn submit(&mut self, commit: Commit) -> Result<(), JournalError> {
        let (held, let_go) = &*self.held;
        let guard = let_go.wait_while(held.lock().unwrap(), |held| *held).unwrap();
        drop(guard);
        self.journal.submit(commit)
    }

    async fn news(&mut self) -> Result<JournalNews, JournalError> {
        self.journal.news().await
    }
}

/// Lets the owner go in the end, also when the test fails: its thread would hold up the end of the runtime for ever.
struct LetGo(Arc<(Mutex<bool>, Condvar)>);

impl Drop for LetGo {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap() = false;
        self.0.1.notify_all();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_the_owner_lags_only_what_is_vital_is_taken_in() {
    let (journal, view) = MemoryJournal::new();
    view.allow(PLENTY);
    let held = Arc::new((Mutex::new(false), Condvar::new()));
    let sticky = Sticky {
        journal,
        held: Arc::clone(&held),
    };
    let stand = Stand::with_journal((sticky, view), UNLIMITED).await;
    let mut client = stand.incidents("london").await;
    client.report_incident(report("r0", "0")).await.unwrap();
    client.list_incidents(list()).await.unwrap();

    *held.0.lock().unwrap() = true;
    let let_go = LetGo(held);
    let waiting: Vec<_> = (1..=3)
        .map(|number| {
            let (mut client, name) = (client.clone(), format!("r{number}"));
            tokio::spawn(async move { client.report_incident(report(&name, &name)).await })
        })
        .collect();
    let refusal = until_refused(async || client.clone().list_incidents(list()).await.map(drop)).await;
    assert_refused(&refusal, "OVERLOADED");
    assert!((1_000..=3_000).contains(&hint(&refusal).as_millis()));
    let refusal = client.watch_incidents(watch_all()).await.unwrap_err();
    assert_refused(&refusal, "OVERLOADED");
    let person = wire::RegisterResponderRequest {
        profile: Some(profile("1")),
    };
    let refusal = stand
        .responders("london")
        .await
        .register_responder(person)
        .await
        .unwrap_err();
    assert_refused(&refusal, "OVERLOADED");
    // A drill would wait for the owner until it is refused: its limit is higher.
    let drill = || wire::ReportIncidentRequest {
        purpose: Some(wire::report_incident_request::Purpose::Exercise(
            wire::Exercise::default(),
        )),
        ..report("drill", "drill")
    };
    let refusal = until_refused(async || {
        let mut client = client.clone();
        let asked = tokio::time::timeout(Duration::from_millis(50), client.report_incident(drill())).await;
        asked.unwrap_or_else(|_| Err(Status::ok("still waiting"))).map(drop)
    });
    assert_refused(&refusal.await, "OVERLOADED");

    drop(let_go);
    for report in waiting {
        assert!(
            report.await.unwrap().unwrap().into_inner().durable,
            "taken in, only later"
        );
    }
    client.stand_down_incident(stand_down("s0", "0")).await.unwrap();
    // Over as soon as it is over.
    let again = async {
        while client.list_incidents(list()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    stand.stop().await;
}

/// Asks until it is refused for being too much.
async fn until_refused(ask: impl AsyncFn() -> Result<(), Status>) -> Status {
    let asking = async {
        loop {
            match ask().await {
                Err(status) if status.code() == Code::ResourceExhausted => return status,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("refused in time")
}

#[tokio::test]
async fn the_health_says_what_the_service_says() {
    let stand = Stand::new().await;
    let mut health = HealthClient::new(stand.channel("london").await);
    let service = "muster.v1.IncidentService";
    let mut told = health
        .watch(HealthCheckRequest {
            service: service.into(),
        })
        .await
        .unwrap()
        .into_inner();
    let mut next = async || {
        let message = tokio::time::timeout(PATIENCE, told.message()).await.unwrap();
        message.unwrap().unwrap().status()
    };
    while next().await != ServingStatus::Serving {}
    stand.ready.send_replace(false);
    assert_eq!(next().await, ServingStatus::NotServing);
    for service in ["", service, "muster.v1.ResponderService"] {
        let request = HealthCheckRequest {
            service: service.into(),
        };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::NotServing, "'{service}'");
    }
    stand.ready.send_replace(true);
    assert_eq!(next().await, ServingStatus::Serving);
    // Stopping is told although everything else is well.
    stand.begin_stop();
    assert_eq!(next().await, ServingStatus::NotServing);
    drop(told);
    stand.stop().await;
}

#[tokio::test]
async fn a_call_in_progress_is_finished_by_a_stop() {
    let (journal, view) = MemoryJournal::new();
    view.allow(1);
    let stand = Stand::with_journal((journal, view), UNLIMITED).await;
    let mut client = stand.incidents("london").await;
    let reporting = tokio::spawn(async move { client.report_incident(report("r1", "1")).await });
    while stand.journal.commits().len() < 2 {
        tokio::task::yield_now().await;
    }
    stand.begin_stop();
    stand.journal.allow(PLENTY);
    let answer = tokio::time::timeout(PATIENCE, reporting)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(answer.into_inner().durable);
    stand.stop().await;
}
