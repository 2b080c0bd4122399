//! The control room's watch: who was asked, and who said yes, as the service tells it.

use std::time::{Duration, Instant};

use muster_proto::v1::{AlertState, WatchIncidentsRequest, WatchIncidentsResponse, watch_incidents_response::Event};
use tokio::{sync::mpsc, time::sleep};

use crate::desk::Desk;

/// Between attempts to watch again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Something the watch told.
#[derive(Debug)]
pub struct Seen {
    /// Which incident of the run.
    pub number: usize,
    /// When it was told here.
    pub at: Instant,
    /// What.
    pub what: News,
}

/// What it told.
#[derive(Debug)]
pub enum News {
    /// These were asked first.
    FirstWave(Vec<String>),
    /// Somebody said yes to this alert.
    Accepted(String),
}

/// Watches until nobody listens; begins again where it stood.
pub async fn watch(desk: Desk, seen: mpsc::UnboundedSender<Seen>) {
    let mut after_sequence = None;
    while !seen.is_closed() {
        let request = WatchIncidentsRequest {
            after_sequence,
            incident_id: String::new(),
        };
        if let Ok(stream) = desk.room.incidents(0).watch_incidents(request).await {
            let mut stream = stream.into_inner();
            while let Ok(Some(told)) = stream.message().await {
                let at = Instant::now();
                after_sequence = Some(told.sequence);
                let Some((number, what)) = news(&desk, told) else {
                    continue;
                };
                if seen.send(Seen { number, at, what }).is_err() {
                    return;
                }
            }
        }
        sleep(AGAIN_AFTER).await;
    }
}

fn news(desk: &Desk, told: WatchIncidentsResponse) -> Option<(usize, News)> {
    let number = desk.number_of(&told.key?)?;
    match told.event? {
        Event::AlertsPlanned(planned) if planned.wave == 1 => Some((number, News::FirstWave(planned.alert_ids))),
        Event::AlertChanged(changed) if changed.state() == AlertState::Accepted => {
            Some((number, News::Accepted(changed.alert_id)))
        }
        _ => None,
    }
}
