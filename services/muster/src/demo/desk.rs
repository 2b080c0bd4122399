//! The control room of the demo: reports calls when they are due, watches what happens, closes everything at the end.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use dispatch_core::ids::IncidentId;
use muster_loadtest::{MessageKind, PhoneEvent, What};
use muster_proto::v1::{
    BritishNationalGrid, CloseIncidentRequest, IncidentKey, Live, Location, ReportIncidentRequest,
    ReportIncidentResponse, WatchIncidentsRequest, WatchIncidentsResponse, location::Point,
    report_incident_request::Purpose, watch_incidents_response::Event,
};
use tokio::{task::JoinSet, time::Instant as TokioInstant};
use tonic::Streaming;

use super::{
    Arguments,
    account::Account,
    calls::{self, Call},
};
use crate::{
    control_room::{ControlRoom, refused},
    report_time::{utc, wire},
    service,
};

const CAD_SYSTEM: &str = "demo-cad";

/// A call that was reported.
#[derive(Clone, Debug)]
pub struct ReportedCall {
    /// Muster's name for the incident.
    pub incident: IncidentId,
    /// When the report was made.
    pub reported_at: Instant,
    /// From the call of `ReportIncident` to its answer.
    pub acknowledged_after: Duration,
}

/// The control room.
pub struct Desk {
    room: ControlRoom,
    account: Account,
    began: TokioInstant,
    ends: TokioInstant,
    calls: std::iter::Peekable<std::vec::IntoIter<Call>>,
    /// Reports under way.
    reports: JoinSet<anyhow::Result<(Call, IncidentKey, ReportedCall, ReportIncidentResponse)>>,
    reported: Vec<ReportedCall>,
    keys: Vec<IncidentKey>,
    watch: Streaming<WatchIncidentsResponse>,
    /// When an alert reached its phone, until the watch has told which incident it belongs to; phones can be quicker.
    on_phone: HashMap<String, Instant>,
    /// Which incident an alert belongs to.
    incident_of: HashMap<String, String>,
    /// Events of incidents whose report has not been answered yet.
    early: BTreeMap<String, Vec<WatchIncidentsResponse>>,
}

impl Desk {
    /// Opens the watch and the list of calls; the time of the demo begins.
    pub async fn open(room: &ControlRoom, account: Account, arguments: &Arguments) -> anyhow::Result<Self> {
        let calls = calls::schedule(arguments.duration, arguments.speed, arguments.seed)?;
        let watch = room
            .incidents()
            .watch_incidents(WatchIncidentsRequest {
                after_sequence: None,
                incident_id: String::new(),
            })
            .await
            .map_err(|status| refused("watching", &status))?
            .into_inner();
        let began = TokioInstant::now();
        account.begin(calls.len());
        Ok(Self {
            room: room.clone(),
            account,
            began,
            ends: began + arguments.duration,
            calls: calls.into_iter().peekable(),
            reports: JoinSet::new(),
            reported: Vec::new(),
            keys: Vec::new(),
            watch,
            on_phone: HashMap::new(),
            incident_of: HashMap::new(),
            early: BTreeMap::new(),
        })
    }

    /// Where things are told.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What has been reported so far.
    pub fn incidents(&self) -> &[ReportedCall] {
        &self.reported
    }

    /// Does the next thing; false once the time is up and every report is answered. Nothing is lost when the future is
    /// dropped half-way.
    pub async fn next(&mut self) -> anyhow::Result<bool> {
        let due = self.calls.peek().map(|call| self.began + call.after);
        tokio::select! {
            () = tokio::time::sleep_until(due.unwrap_or(self.ends)) => match self.calls.next() {
                Some(call) => self.report(call),
                None if self.reports.is_empty() => return Ok(false),
                None => self.ends += Duration::from_millis(50),
            },
            Some(done) = self.reports.join_next() => self.answered(done??),
            event = self.watch.message() => {
                let event = event.map_err(|status| refused("watching", &status))?.context("the watch ended")?;
                self.watched(event);
            }
        }
        Ok(true)
    }

    fn report(&mut self, call: Call) {
        let mut client = self.room.incidents();
        self.reports.spawn(async move {
            let now = service::now();
            let key = IncidentKey {
                tenant: String::new(),
                cad_system: CAD_SYSTEM.to_owned(),
                cad_incident_number: call.number.clone(),
                // Dates are re-based to now.
                call_date: utc(now)[..10].to_owned(),
            };
            let grid = BritishNationalGrid {
                easting_m: call.easting_m,
                northing_m: call.northing_m,
            };
            let request = ReportIncidentRequest {
                request_id: format!("report-{}", call.number),
                key: Some(key.clone()),
                revision: 1,
                sent_at: Some(wire(now)),
                kind: "cardiac_arrest".to_owned(),
                purpose: Some(Purpose::Live(Live {})),
                location: Some(Location {
                    point: Some(Point::BritishNationalGrid(grid)),
                    accuracy_m: Some(call.accuracy_m),
                    address: None,
                }),
                call_connected_at: None,
                alert_although_late: false,
                ..ReportIncidentRequest::default()
            };
            let reported_at = Instant::now();
            let answer = client
                .report_incident(request)
                .await
                .map_err(|status| refused("reporting", &status))?;
            let acknowledged_after = reported_at.elapsed();
            let answer = answer.into_inner();
            let incident = answer.incident_id.parse()?;
            Ok((
                call,
                key,
                ReportedCall {
                    incident,
                    reported_at,
                    acknowledged_after,
                },
                answer,
            ))
        });
    }

    fn answered(&mut self, answered: (Call, IncidentKey, ReportedCall, ReportIncidentResponse)) {
        let (call, key, reported, answer) = answered;
        self.account
            .reported(&answer.incident_id, &call, &reported, answer.alerts_planned);
        self.reported.push(reported);
        self.keys.push(key);
        for event in self.early.remove(&answer.incident_id).unwrap_or_default() {
            self.account.watched(&event);
        }
        self.tell_phones();
    }

    fn watched(&mut self, event: WatchIncidentsResponse) {
        if let Some(Event::SystemAlarm(alarm)) = &event.event {
            self.account.alarmed(alarm);
            return;
        }
        if let Some(Event::AlertsPlanned(planned)) = &event.event {
            for alert in &planned.alert_ids {
                self.incident_of.insert(alert.clone(), event.incident_id.clone());
            }
        }
        if self.account.knows(&event.incident_id) {
            self.account.watched(&event);
            self.tell_phones();
        } else {
            self.early.entry(event.incident_id.clone()).or_default().push(event);
        }
    }

    /// Tells of the alerts that have reached a phone and whose incident is known.
    fn tell_phones(&mut self) {
        let (incident_of, account) = (&self.incident_of, &self.account);
        self.on_phone.retain(|alert, at| match incident_of.get(alert) {
            Some(incident) if account.knows(incident) => {
                account.alert_on_phone(incident, *at);
                false
            }
            _ => true,
        });
    }

    /// Takes note of what a phone logged, for the live figures.
    pub fn phone_event(&mut self, event: &PhoneEvent) {
        if let What::Received {
            alert_id,
            kind: MessageKind::Alert,
            duplicate: false,
            ..
        } = &event.what
        {
            self.on_phone.insert(alert_id.clone(), event.at);
            self.tell_phones();
        }
        self.account.phone_event(&event.what);
    }

    /// Closes every incident.
    pub async fn close_all(&self) -> anyhow::Result<()> {
        for key in &self.keys {
            let request = CloseIncidentRequest {
                request_id: format!("close-{}", key.cad_incident_number),
                key: Some(key.clone()),
                revision: 2,
                sent_at: Some(wire(service::now())),
            };
            self.room
                .incidents()
                .close_incident(request)
                .await
                .map_err(|status| refused("closing", &status))?;
        }
        Ok(())
    }

    /// Ends the watch; returns what was reported.
    pub fn hang_up(self) -> Vec<ReportedCall> {
        self.account.end();
        self.reported
    }
}
