//! The desk of the control room: sees each incident through, from its report to the last look at it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use muster_loadtest::people::place::Place;
use muster_proto::{
    google::Timestamp,
    v1::{
        CallOut, GetIncidentRequest, Incident, IncidentKey, Live, Location, ReportIncidentRequest,
        ReportIncidentResponse, Shift, StandDownCause, StandDownIncidentRequest, Wgs84, get_incident_request::Name,
        location::Point, report_incident_request::Purpose,
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, sleep_until},
};

use crate::control_room::{ControlRoom, bounded, come_back, patiently};

/// A report or stand-down is tried again for this long after it was due, as a dispatch system would.
const TRY_FOR: Duration = Duration::from_secs(60);
/// Between attempts, where the service does not say when to come back.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// The last look is tried again for this long.
const LOOK_FOR: Duration = Duration::from_secs(20);
/// After the stand-down the last messages are on their way for a moment; then the incident is looked at.
const LOOK_AFTER: Duration = Duration::from_secs(2);

/// The control room's side of a run.
#[derive(Clone)]
pub struct Desk {
    /// Where.
    pub room: ControlRoom,
    /// The run's name, part of every reference.
    pub run: String,
    /// The kind of emergency.
    pub kind: String,
    /// So many people are called out for a shift; `None` = the soonest few are asked to a patient.
    pub called_out: Option<u32>,
    /// Everybody is called off this long after the report was due.
    pub stand_down_after: Duration,
    /// Turns true when the run is broken off: everybody is called off at once.
    pub hurry: watch::Receiver<bool>,
    /// Hears how each incident gets on.
    pub told: mpsc::UnboundedSender<Told>,
}

/// How an incident gets on.
#[derive(Debug)]
pub struct Told {
    /// Which incident of the run.
    pub number: usize,
    /// When.
    pub at: Instant,
    /// What.
    pub what: Step,
}

/// A step of an incident.
#[derive(Debug)]
pub enum Step {
    /// The report goes out.
    Sent,
    /// An attempt failed.
    AttemptFailed,
    /// The report was taken in but is not on disk yet.
    NotDurable,
    /// The report is on disk; so many were asked.
    Acknowledged {
        /// How many this report caused to be asked.
        asked: u32,
    },
    /// Nobody ever acknowledged the report.
    NotReported,
    /// The stand-down was due at this moment and is on disk.
    StoodDown {
        /// When it was due.
        due: Instant,
    },
    /// Nobody ever acknowledged the stand-down.
    NotStoodDown,
    /// How the incident stands after everything.
    Over(Option<Box<Incident>>),
}

impl Desk {
    /// Sees one incident through; it was due at `due`.
    pub async fn see_through(mut self, number: usize, due: Instant, place: Place) {
        self.tell(number, Step::Sent);
        let made_at = SystemTime::now();
        if !self.report(number, due, made_at, place).await {
            return;
        }
        let mut due = due + self.stand_down_after;
        tokio::select! {
            () = sleep_until(due.into()) => {}
            _ = self.hurry.wait_for(|hurry| *hurry) => due = Instant::now(),
        }
        let stood_down = self.stand_down(number, due).await;
        self.tell(number, stood_down);
        sleep(LOOK_AFTER).await;
        let incident = self.look(number).await;
        self.tell(number, Step::Over(incident.map(Box::new)));
    }

    /// The incident of this number as the control room sees it.
    pub async fn look(&self, number: usize) -> Option<Incident> {
        let request = GetIncidentRequest {
            name: Some(Name::Key(self.key(number))),
        };
        let until = Instant::now() + LOOK_FOR;
        loop {
            let answer = patiently(|| {
                let (mut client, request) = (self.room.incidents(number as u64), bounded(request.clone()));
                async move { client.get_incident(request).await }
            });
            match answer.await {
                Ok(answer) => return answer.into_inner().incident,
                // The service is perhaps being started again.
                Err(_) if Instant::now() < until => sleep(TRY_AGAIN_AFTER).await,
                Err(_) => return None,
            }
        }
    }

    async fn report(&self, number: usize, due: Instant, made_at: SystemTime, place: Place) -> bool {
        let location = Location {
            point: Some(Point::Wgs84(Wgs84 {
                latitude_deg: place.latitude_deg(),
                longitude_deg: place.longitude_deg(),
            })),
            ..Location::default()
        };
        let call_out = self
            .called_out
            .map(|wanted| call_out(location.clone(), wanted, made_at));
        let request = ReportIncidentRequest {
            request_id: format!("{}-r{number}", self.run),
            key: Some(self.key(number)),
            revision: 1,
            sent_at: Some(wire_time(made_at)),
            kind: self.kind.clone(),
            purpose: Some(Purpose::Live(Live {})),
            location: call_out.is_none().then_some(location),
            call_out,
            ..ReportIncidentRequest::default()
        };
        // The first answer says how many were asked; a repeat, until it is durable, says the same.
        while due.elapsed() < TRY_FOR {
            let mut client = self.room.incidents(number as u64);
            match client
                .report_incident(bounded(request.clone()))
                .await
                .map(tonic::Response::into_inner)
            {
                Ok(ReportIncidentResponse {
                    durable: true,
                    alerts_planned,
                    ..
                }) => {
                    self.tell(number, Step::Acknowledged { asked: alerts_planned });
                    return true;
                }
                Ok(_) => {
                    self.tell(number, Step::NotDurable);
                    sleep(TRY_AGAIN_AFTER).await;
                }
                Err(status) => {
                    tracing::debug!(number, code = ?status.code(), "a report failed");
                    self.tell(number, Step::AttemptFailed);
                    sleep(come_back(&status).unwrap_or(TRY_AGAIN_AFTER)).await;
                }
            }
        }
        self.tell(number, Step::NotReported);
        false
    }

    async fn stand_down(&self, number: usize, due: Instant) -> Step {
        let request = StandDownIncidentRequest {
            request_id: format!("{}-s{number}", self.run),
            key: Some(self.key(number)),
            revision: 2,
            sent_at: Some(wire_time(SystemTime::now())),
            cause: StandDownCause::CrewOnScene.into(),
        };
        while due.elapsed() < TRY_FOR {
            let mut client = self.room.incidents(number as u64);
            match client.stand_down_incident(bounded(request.clone())).await {
                Ok(_) => return Step::StoodDown { due },
                Err(status) => sleep(come_back(&status).unwrap_or(TRY_AGAIN_AFTER)).await,
            }
        }
        Step::NotStoodDown
    }

    fn key(&self, number: usize) -> IncidentKey {
        IncidentKey {
            cad_system: "loadtest".to_owned(),
            cad_incident_number: format!("{}-{number}", self.run),
            call_date: "2026-01-01".to_owned(),
            ..IncidentKey::default()
        }
    }

    /// The number of an incident of this run, by the key that the service tells.
    pub fn number_of(&self, key: &IncidentKey) -> Option<usize> {
        let number = key.cad_incident_number.strip_prefix(&self.run)?.strip_prefix('-')?;
        number.parse().ok()
    }

    fn tell(&self, number: usize, what: Step) {
        let at = Instant::now();
        // Fails only when the run has been given up.
        let _ = self.told.send(Told { number, at, what });
    }
}

/// A shift that begins in an hour, so that nobody sets off before they are called off.
fn call_out(muster_point: Location, wanted: u32, made_at: SystemTime) -> CallOut {
    const HOUR: Duration = Duration::from_secs(3_600);
    let shift = Shift {
        number: 1,
        starts_at: Some(wire_time(made_at + HOUR)),
        ends_at: Some(wire_time(made_at + 9 * HOUR)),
        wanted,
    };
    CallOut {
        muster_point: Some(muster_point),
        shifts: vec![shift],
        wake: true,
        ..CallOut::default()
    }
}

/// As it goes on the wire.
pub fn wire_time(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}
