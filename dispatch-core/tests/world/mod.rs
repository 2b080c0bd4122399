//! A small world to tell stories in: responders stand north of one place, time goes by when told to, and everything the
//! dispatcher wants done is kept.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod events;

use std::{collections::BTreeMap, time::Duration};

use dispatch_core::{
    alert::Alert,
    command::{Answer, Command, DownBody, DownMessage, EndAnswer, Refusal, ReportAnswer},
    dispatcher::Dispatcher,
    ids::{AlertId, CallDate, DeviceId, IncidentId, IncidentKey, Reference, ResponderId, TenantId},
    incident::{EndCause, Incident, IncidentKind},
    input::{DeliveryStage, Ending, Input, Place, Reply, Report, RequestId, RequestToken},
    ledger::Settled,
    policy::{Policy, PolicyBook},
    position::{Fix, Metres, Position},
    record::{Entry, Record},
    responder::{Device, Purpose, ResponderProfile, Skill, TravelMode},
    scene::Scene,
    state::State,
    time::Timestamp,
};

pub const START: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

pub struct World {
    pub dispatcher: Dispatcher,
    pub now: Timestamp,
    pub entries: Vec<Entry>,
    pub sent: Vec<(Timestamp, DownMessage)>,
    pub answers: Vec<Answer>,
    pub refusals: Vec<Refusal>,
    pub closed: Vec<DeviceId>,
    /// What the records alone make when nothing is forgotten, and the messages that had their outcome on the way.
    pub history: State,
    pub settled: Vec<Settled>,
    token: u64,
    book: PolicyBook,
}

pub fn place(metres_north: f64) -> Position {
    Position::from_degrees(51.5 + metres_north / 111_195.08, -0.12).unwrap()
}

pub fn responder(n: u8) -> ResponderId {
    ResponderId::from_bytes([n; 16])
}

pub fn device(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 16])
}

pub fn key(number: u32) -> IncidentKey {
    IncidentKey {
        tenant: TenantId::new("london").unwrap(),
        cad_system: Reference::new("cad").unwrap(),
        cad_incident_number: Reference::new(&number.to_string()).unwrap(),
        call_date: CallDate::parse("2026-09-21").unwrap(),
    }
}

pub fn profile(n: u8) -> ResponderProfile {
    ResponderProfile {
        responder: responder(n),
        tenant: TenantId::new("london").unwrap(),
        skills: [Skill::new("cpr").unwrap()].into(),
        credential_valid_until: START + Duration::from_secs(86_400 * 365),
        travel_mode: TravelMode::Foot,
        on_duty: true,
        suspended: false,
        quiet_hours: None,
    }
}

pub fn report(number: u32, revision: u32) -> Report {
    let request = format!("report-{number}-{revision}");
    Report {
        request: RequestId {
            id: Reference::new(&request).unwrap(),
            fingerprint: [1; 32],
        },
        key: key(number),
        revision,
        sent_at: START,
        kind: IncidentKind::new("cardiac_arrest").unwrap(),
        purpose: Purpose::Live,
        place: Some(Place {
            position: place(0.0),
            accuracy: Metres::new(0),
        }),
        call_connected_at: None,
        scene: Scene::default(),
        ambulance_at: None,
        call_out: None,
        alert_although_late: false,
    }
}

pub fn ending(number: u32, revision: u32, cause: EndCause) -> Ending {
    let request = format!("end-{number}-{revision}");
    Ending {
        request: RequestId {
            id: Reference::new(&request).unwrap(),
            fingerprint: [2; 32],
        },
        key: key(number),
        revision,
        sent_at: START,
        cause,
    }
}

impl World {
    /// A started service that knows nobody; 7 within 1,200 m by median arrival, so that stories can count.
    pub fn new() -> Self {
        Self::with_policy(Policy::soonest())
    }

    /// The same by another policy.
    pub fn with_policy(policy: Policy) -> Self {
        Self::with_book(PolicyBook::new(policy).unwrap())
    }

    /// The same by several policies.
    pub fn with_book(book: PolicyBook) -> Self {
        let mut world = Self::restarted_with(book, &[], START);
        world.input(Input::Started);
        world
    }

    /// A service that has replayed these records and not started to act.
    pub fn restarted(entries: &[Entry], now: Timestamp) -> Self {
        Self::restarted_with(PolicyBook::new(Policy::soonest()).unwrap(), entries, now)
    }

    fn restarted_with(book: PolicyBook, entries: &[Entry], now: Timestamp) -> Self {
        let mut dispatcher = Dispatcher::new(book.clone());
        entries.iter().for_each(|entry| dispatcher.recover(entry));
        let mut history = State::default();
        let settled = entries.iter().filter_map(|entry| history.retell(entry)).collect();
        Self {
            dispatcher,
            now,
            entries: entries.to_vec(),
            sent: Vec::new(),
            answers: Vec::new(),
            refusals: Vec::new(),
            closed: Vec::new(),
            history,
            settled,
            token: 0,
            book,
        }
    }

    /// Kill -9 and start: what was in memory is gone.
    pub fn crash_and_restart(&mut self) {
        let mut next = Self::restarted_with(self.book.clone(), &self.entries, self.now);
        next.input(Input::Started);
        *self = next;
    }

    pub fn input(&mut self, input: Input) {
        self.dispatcher.handle(input, self.now);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(command) = self.dispatcher.poll_command() {
            match command {
                Command::Commit(entries) => {
                    for entry in &entries {
                        assert_eq!(entry.sequence, self.entries.last().map_or(0, |last| last.sequence) + 1);
                        self.settled.extend(self.history.retell(entry));
                        self.entries.push(entry.clone());
                    }
                }
                Command::Publish(message) => {
                    self.check_true(&message);
                    self.sent.push((self.now, message));
                }
                Command::Answer { answer, .. } => self.answers.push(answer),
                Command::CloseSession { device } => self.closed.push(device),
                Command::Refused { refusal, .. } => self.refusals.push(refusal),
            }
        }
    }

    /// Nothing is sent that is not the newest word about an alert, or not true any more.
    fn check_true(&self, message: &DownMessage) {
        let Some((alert, version)) = message.about else {
            return;
        };
        let state = self.dispatcher.state();
        let alert = state.alert(alert).unwrap();
        assert_eq!(version, alert.message.version, "not the newest: {message:?}");
        assert!(message.expires_at > self.now, "expired: {message:?}");
        let open = state.incident(alert.incident).unwrap().state.is_open();
        match message.body {
            DownBody::Alert { .. } => assert!(open && alert.state.is_open(), "asked in vain: {message:?}"),
            DownBody::Confirmed { .. } => assert!(open && alert.is_attended(), "sent in vain: {message:?}"),
            _ => {}
        }
    }

    /// The process is paused and goes on later, with everything that fell due meanwhile.
    pub fn pause(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.pass(Duration::ZERO);
    }

    /// Lets time go by, deadline after deadline.
    pub fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.dispatcher.next_deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.dispatcher.handle_deadline(self.now);
            self.collect();
        }
        self.now = end;
    }

    pub fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// Registers a person with a connected live phone, this far north of the place.
    pub fn add(&mut self, n: u8, metres_north: f64) {
        self.add_with(profile(n), Purpose::Live, metres_north);
    }

    pub fn add_with(&mut self, profile: ResponderProfile, purpose: Purpose, metres_north: f64) {
        let n = profile.responder.as_bytes()[0];
        let enrolled = Device {
            device: device(n),
            responder: profile.responder,
            purpose,
            alertable: true,
        };
        self.input(Input::PutResponder { profile });
        self.input(Input::PutDevice { device: enrolled });
        self.at(n, metres_north);
        self.input(Input::DeviceOnline { device: device(n) });
    }

    /// A fix of somebody's phone.
    pub fn at(&mut self, n: u8, metres_north: f64) {
        let fix = Fix {
            position: place(metres_north),
            accuracy: Metres::new(10),
            taken_at: self.now,
        };
        self.input(Input::Fix { device: device(n), fix });
    }

    pub fn report(&mut self, report: Report) -> Answer {
        self.token += 1;
        self.input(Input::Report {
            token: RequestToken(self.token),
            report,
        });
        self.answers.last().unwrap().clone()
    }

    pub fn reported(&mut self, report: Report) -> ReportAnswer {
        match self.report(report) {
            Answer::Reported(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    pub fn end(&mut self, ending: Ending) -> EndAnswer {
        self.token += 1;
        self.input(Input::End {
            token: RequestToken(self.token),
            ending,
        });
        match self.answers.last().unwrap().clone() {
            Answer::Ended(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    pub fn incident(&self, number: u32) -> &Incident {
        self.history.incident(key(number).id()).unwrap()
    }

    /// The newest alert of a person.
    pub fn alert_of(&self, n: u8) -> &Alert {
        let all = self.alerts();
        let id = all
            .iter()
            .rev()
            .find(|alert| alert.plan.responder == responder(n))
            .unwrap()
            .plan
            .alert;
        self.history.alert(id).unwrap()
    }

    /// All alerts, in order of asking.
    pub fn alerts(&self) -> Vec<&Alert> {
        let planned = self.entries.iter().filter_map(|entry| match &entry.record {
            Record::Decided(decision) => Some(&decision.alerts),
            _ => None,
        });
        planned
            .flatten()
            .map(|plan| self.history.alert(plan.alert).unwrap())
            .collect()
    }

    /// Who has been asked, in order.
    pub fn asked(&self) -> Vec<u8> {
        self.alerts()
            .iter()
            .map(|alert| alert.plan.responder.as_bytes()[0])
            .collect()
    }

    pub fn reply(&mut self, n: u8, reply: Reply) {
        let alert = self.alert_of(n).plan.alert;
        self.input(Input::Reply {
            device: device(n),
            alert,
            reply,
        });
    }

    /// The phone says that it has the newest message about the person's newest alert.
    pub fn receive(&mut self, n: u8) {
        let (alert, version) = (self.alert_of(n).plan.alert, self.alert_of(n).message.version);
        self.input(Input::Delivery {
            device: device(n),
            alert,
            version,
            stage: DeliveryStage::Received,
        });
    }

    pub fn everyone_receives(&mut self) {
        for n in self.asked() {
            self.receive(n);
        }
    }

    /// What has been sent to somebody, in order.
    pub fn sent_to(&self, n: u8) -> Vec<&DownMessage> {
        self.sent
            .iter()
            .filter(|(_, message)| message.device == device(n))
            .map(|(_, message)| message)
            .collect()
    }

    pub fn last_sent_to(&self, n: u8) -> &DownBody {
        &self.sent_to(n).last().unwrap().body
    }

    pub fn records(&self, wanted: impl Fn(&Record) -> bool) -> usize {
        self.entries.iter().filter(|entry| wanted(&entry.record)).count()
    }

    /// Incidents and alerts, for comparing two worlds.
    pub fn picture(&self) -> (Vec<Incident>, BTreeMap<AlertId, Alert>) {
        let state = self.dispatcher.state();
        let incidents: Vec<Incident> = state.incidents().cloned().collect();
        let alerts = incidents
            .iter()
            .flat_map(|incident| state.alerts_of(incident))
            .map(|a| (a.plan.alert, *a))
            .collect();
        (incidents, alerts)
    }
}

pub fn incident_id(number: u32) -> IncidentId {
    key(number).id()
}
