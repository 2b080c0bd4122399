//! Watches: in order, without gaps, resumable, bounded.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use muster_proto::v1::{self as wire, watch_incidents_response::Event};
use support::{NOW, PATIENCE, Stand, at, key, reason, report};
use tonic::{Code, Status, Streaming};

type Events = Streaming<wire::WatchIncidentsResponse>;

async fn next(events: &mut Events) -> Result<Option<wire::WatchIncidentsResponse>, Status> {
    tokio::time::timeout(PATIENCE, events.message()).await.expect("in time")
}

/// Reads until `count` incidents have been reported; the numbers in order of the events, with their sequences.
async fn reported(events: &mut Events, count: usize) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let event = next(events).await.unwrap().unwrap();
        if matches!(event.event, Some(Event::Reported(_))) {
            seen.push((event.sequence, event.key.unwrap().cad_incident_number));
        }
    }
    seen
}

fn from(after_sequence: Option<u64>) -> wire::WatchIncidentsRequest {
    wire::WatchIncidentsRequest {
        after_sequence,
        incident_id: String::new(),
    }
}

fn numbers(events: &[(u64, String)]) -> Vec<usize> {
    events.iter().map(|(_, number)| number.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_watch_misses_nothing_and_resumes_anywhere() {
    const INCIDENTS: usize = 700;
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let mut live = client.watch_incidents(from(Some(0))).await.unwrap().into_inner();
    let mut reporter = client.clone();
    // More records than a page while a watch is reading along.
    let reporting = tokio::spawn(async move {
        for number in 0..INCIDENTS {
            reporter
                .report_incident(report(&format!("r{number}"), &number.to_string()))
                .await
                .unwrap();
        }
    });
    let seen = reported(&mut live, INCIDENTS).await;
    reporting.await.unwrap();
    assert_eq!(numbers(&seen), (0..INCIDENTS).collect::<Vec<_>>());
    assert!(seen.is_sorted());

    let (cut, _) = seen[300];
    let mut resumed = client.watch_incidents(from(Some(cut))).await.unwrap().into_inner();
    let rest = reported(&mut resumed, INCIDENTS - 301).await;
    // The report shares its record with a change of state, so a cut between the two repeats it and loses nothing.
    let rest: Vec<_> = numbers(&rest).into_iter().filter(|&number| number > 300).collect();
    assert_eq!(rest.first(), Some(&301));
    assert!(rest.is_sorted_by(|a, b| a + 1 == *b));
    stand.stop().await;
}

#[tokio::test]
async fn a_watch_from_now_on_hears_only_what_comes() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    client.report_incident(report("r1", "1")).await.unwrap();
    let mut events = client.watch_incidents(from(None)).await.unwrap().into_inner();
    client.report_incident(report("r2", "2")).await.unwrap();
    assert_eq!(numbers(&reported(&mut events, 1).await), [2]);
    stand.stop().await;
}

#[tokio::test]
async fn a_watch_of_one_incident_and_one_tenant() {
    let stand = Stand::new().await;
    let (mut london, mut leeds) = (stand.incidents("london").await, stand.incidents("leeds").await);
    leeds.report_incident(report("r1", "1")).await.unwrap();
    london.report_incident(report("r1", "1")).await.unwrap();
    let second = london.report_incident(report("r2", "2")).await.unwrap().into_inner();
    let only = wire::WatchIncidentsRequest {
        after_sequence: Some(0),
        incident_id: second.incident_id.clone(),
    };
    let mut events = london.watch_incidents(only.clone()).await.unwrap().into_inner();
    let close = wire::CloseIncidentRequest {
        request_id: "c".into(),
        key: key("2"),
        revision: 2,
        sent_at: at(NOW),
    };
    london.close_incident(close).await.unwrap();
    let mut states = Vec::new();
    while states.last() != Some(&wire::IncidentState::Closed) {
        let event = next(&mut events).await.unwrap().unwrap();
        assert_eq!(event.incident_id, second.incident_id);
        assert_eq!(event.key.unwrap().tenant, "london");
        if let Some(Event::StateChanged(changed)) = event.event {
            states.push(changed.state());
        }
    }
    assert_eq!(states[0], wire::IncidentState::Searching);
    let refusal = leeds.watch_incidents(only).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::NotFound, "NOT_FOUND".to_owned()));
    stand.stop().await;
}

#[tokio::test]
async fn watches_are_bounded_and_a_closed_one_makes_room() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let mut open = Vec::new();
    let refusal = loop {
        match client.watch_incidents(from(None)).await {
            Ok(events) => open.push(events.into_inner()),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(open.len(), 64);
    assert_eq!(
        reason(&refusal),
        (Code::ResourceExhausted, "TOO_MANY_WATCHES".to_owned())
    );
    assert!(
        stand.incidents("leeds").await.watch_incidents(from(None)).await.is_ok(),
        "each tenant has its own"
    );
    drop(open.pop());
    let mut waiting = tokio::time::interval(std::time::Duration::from_millis(10));
    let room = async {
        while client.watch_incidents(from(None)).await.is_err() {
            waiting.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, room).await.expect("in time");
    stand.stop().await;
}

#[tokio::test]
async fn a_watch_ends_when_the_service_stops() {
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let mut events = client.watch_incidents(from(None)).await.unwrap().into_inner();
    let began = std::time::Instant::now();
    let stopping = tokio::spawn(stand.stop());
    let refusal = next(&mut events).await.unwrap_err();
    assert_eq!(reason(&refusal), (Code::Unavailable, "STOPPING".to_owned()));
    stopping.await.unwrap();
    assert!(began.elapsed().as_secs() < 4, "the watch did not hold up the stop");
}

/// More incidents go on at once than a watch keeps in mind: one that it has forgotten is told as one that it has not.
#[tokio::test]
async fn a_watch_of_many_incidents_tells_each_change_once() {
    const INCIDENTS: usize = 100;
    let stand = Stand::new().await;
    let mut client = stand.incidents("london").await;
    let mut live = client.watch_incidents(from(Some(0))).await.unwrap().into_inner();
    for revision in 1..=3_u32 {
        for number in 0..INCIDENTS {
            let request = format!("r{number}-{revision}");
            if revision < 3 {
                let request = wire::ReportIncidentRequest {
                    revision,
                    ..report(&request, &number.to_string())
                };
                client.report_incident(request).await.unwrap();
                continue;
            }
            let close = wire::CloseIncidentRequest {
                request_id: request,
                key: key(&number.to_string()),
                revision,
                sent_at: at(NOW),
            };
            client.close_incident(close).await.unwrap();
        }
    }
    let mut told: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    let mut closed = 0;
    while closed < INCIDENTS {
        let event = next(&mut live).await.unwrap().unwrap();
        let what = match event.event.unwrap() {
            Event::Reported(reported) => format!("revision {}", reported.revision),
            Event::StateChanged(changed) => {
                closed += usize::from(changed.state() == wire::IncidentState::Closed);
                changed.state().as_str_name().to_owned()
            }
            other => format!("{other:?}"),
        };
        told.entry(event.key.unwrap().cad_incident_number)
            .or_default()
            .push(what);
    }
    let first = told["0"].clone();
    assert!(first.iter().any(|what| what == "revision 2"), "{first:?}");
    assert_eq!(
        first.iter().filter(|what| what.contains("SEARCHING")).count(),
        1,
        "{first:?}"
    );
    assert!(told.values().all(|events| *events == first), "{told:?}");
    assert_eq!(told.len(), INCIDENTS);
    stand.stop().await;
}
