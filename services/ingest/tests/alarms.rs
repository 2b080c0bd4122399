//! Watches tell the alarms of the service itself.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use dispatch_core::{ids::TenantId, time::Timestamp};
use muster_engine::{alarms::AlarmKind, memory::MemoryJournal};
use muster_proto::v1::{self as wire, watch_incidents_response::Event};
use support::{NOW, PATIENCE, PLENTY, Stand, UNLIMITED, reason, report};
use tonic::{Code, Streaming};

type Events = Streaming<wire::WatchIncidentsResponse>;

/// Alarms are to be told within this time.
const SOON: Duration = Duration::from_secs(1);

fn from(after_sequence: Option<u64>) -> wire::WatchIncidentsRequest {
    wire::WatchIncidentsRequest {
        after_sequence,
        incident_id: String::new(),
    }
}

/// The next alarm and the sequence that came with it; other events are passed over.
async fn next_alarm(events: &mut Events) -> (u64, wire::SystemAlarm) {
    loop {
        let event = events.message().await.unwrap().unwrap();
        if let Some(Event::SystemAlarm(alarm)) = event.event {
            assert_eq!((event.incident_id.as_str(), event.key), ("", None));
            return (event.sequence, alarm);
        }
    }
}

async fn soon(events: &mut Events) -> (u64, wire::SystemAlarm) {
    tokio::time::timeout(SOON, next_alarm(events))
        .await
        .expect("within a second")
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(NOW * 1000)
}

#[tokio::test]
async fn what_is_wrong_is_told_at_once_and_what_changes_within_a_second() {
    let stand = Stand::new().await;
    let board = stand.handle.alarms();
    board.raise(AlarmKind::BrokerAway, None, now(), 0);
    let mut client = stand.incidents("london").await;
    let mut events = client.watch_incidents(from(None)).await.unwrap().into_inner();
    let (_, told) = soon(&mut events).await;
    assert_eq!((told.kind(), told.raised), (wire::AlarmKind::BrokerAway, true));
    assert_eq!(told.since.unwrap().seconds, NOW);
    assert!(told.message.contains("Phones cannot be reached"));

    board.raise(AlarmKind::AlertsNotLeaving, None, now(), 3);
    let (_, told) = soon(&mut events).await;
    assert_eq!((told.kind(), told.count), (wire::AlarmKind::AlertsNotLeaving, 3));
    board.raise(AlarmKind::AlertsNotLeaving, None, now(), 9);
    assert_eq!(soon(&mut events).await.1.count, 9);
    board.clear(AlarmKind::BrokerAway, None);
    let (_, told) = soon(&mut events).await;
    assert_eq!((told.kind(), told.raised), (wire::AlarmKind::BrokerAway, false));
    stand.stop().await;
}

#[tokio::test]
async fn an_alarm_of_one_tenant_is_told_to_it_alone() {
    let stand = Stand::new().await;
    let leeds = TenantId::new("leeds").ok();
    let open = async |tenant| {
        let mut client = stand.incidents(tenant).await;
        client.watch_incidents(from(None)).await.unwrap().into_inner()
    };
    let (mut in_leeds, mut in_london) = (open("leeds").await, open("london").await);
    let board = stand.handle.alarms();
    board.raise(AlarmKind::CanarySilent, leeds.as_ref(), now(), 0);
    assert_eq!(soon(&mut in_leeds).await.1.kind(), wire::AlarmKind::CanarySilent);
    board.raise(AlarmKind::StoreFull, None, now(), 0);
    assert_eq!(soon(&mut in_london).await.1.kind(), wire::AlarmKind::StoreFull);
    stand.stop().await;
}

#[tokio::test]
async fn an_alarm_carries_the_place_at_which_to_resume() {
    const INCIDENTS: usize = 200;
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    for number in 0..INCIDENTS {
        let report = report(&format!("r{number}"), &number.to_string());
        client.report_incident(report).await.unwrap();
    }
    // A page of 200 reports is on its way when the alarm comes. Wherever it falls, resuming from what it carries must give
    // everything that had not been told before it.
    let mut events = client.watch_incidents(from(Some(0))).await.unwrap().into_inner();
    let mut last_told = events.message().await.unwrap().unwrap().sequence;
    stand.handle.alarms().raise(AlarmKind::StoreFull, None, now(), 0);
    let alarm_at = loop {
        let event = tokio::time::timeout(PATIENCE, events.message())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        if matches!(event.event, Some(Event::SystemAlarm(_))) {
            break event.sequence;
        }
        last_told = event.sequence;
    };
    assert_eq!(alarm_at, last_told);
    // A watch that opens under an alarm hears it before anything else, and stands where it was asked to.
    let mut again = client.watch_incidents(from(Some(7))).await.unwrap().into_inner();
    assert_eq!(soon(&mut again).await.0, 7);
    stand.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_nobody() {
    const INCIDENTS: usize = 600;
    let stand = Stand::new().await;
    // On connections of their own, as other dispatch systems are; each has more before it than its window takes.
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut client = stand.incidents("london").await;
        slow.push(client.watch_incidents(from(Some(0))).await.unwrap().into_inner());
    }
    let mut client = stand.incidents("london").await;
    let mut reader = stand.incidents("london").await;
    let mut events = reader.watch_incidents(from(Some(0))).await.unwrap().into_inner();
    let reporting = tokio::spawn(async move {
        for number in 0..INCIDENTS {
            let report = report(&format!("r{number}"), &number.to_string());
            client.report_incident(report).await.unwrap();
        }
    });
    let mut seen = 0;
    while seen < INCIDENTS {
        let event = tokio::time::timeout(PATIENCE, events.message())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        seen += usize::from(matches!(event.event, Some(Event::Reported(_))));
    }
    reporting.await.unwrap();
    stand.handle.alarms().raise(AlarmKind::AlertsNotLeaving, None, now(), 1);
    assert_eq!(soon(&mut events).await.1.kind(), wire::AlarmKind::AlertsNotLeaving);
    drop(slow);
    stand.stop().await;
}

#[tokio::test]
async fn alarms_are_told_while_nothing_becomes_durable() {
    let stand = Stand::with_journal(MemoryJournal::new(), UNLIMITED).await;
    let mut client = stand.incidents("london").await;
    let mut events = client.watch_incidents(from(None)).await.unwrap().into_inner();
    stand.handle.alarms().raise(AlarmKind::StoreSlow, None, now(), 0);
    assert_eq!(soon(&mut events).await.1.kind(), wire::AlarmKind::StoreSlow);
    stand.journal.allow(PLENTY);
    stand.stop().await;
}

#[tokio::test]
async fn the_last_alarm_is_told_before_the_watch_ends() {
    let mut stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let mut events = client.watch_incidents(from(None)).await.unwrap().into_inner();
    let board = stand.handle.alarms().clone();
    board.raise(AlarmKind::StoreSlow, None, now(), 1);
    assert_eq!(soon(&mut events).await.1.kind(), wire::AlarmKind::StoreSlow);
    // Sooner after the last look than the next one is due.
    board.raise(AlarmKind::StoreFailed, None, now(), 0);
    stand.stop_engine().await;
    assert_eq!(soon(&mut events).await.1.kind(), wire::AlarmKind::StoreFailed);
    let refusal = events.message().await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::Unavailable, "STOPPING".to_owned()));
    stand.stop().await;
}
