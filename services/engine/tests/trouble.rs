//! The owner while its store is in trouble (DESIGN section 5), told without a clock or a network.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use dispatch_core::{
    command::{Answer, DownBody},
    ids::{AlertId, CallDate, DeviceId, IncidentKey, Reference, TenantId},
    incident::{EndCause, IncidentKind},
    input::{DeliveryStage, Ending, Input, Place, Reply, Report, RequestId},
    policy::{Policy, PolicyBook},
    position::{Fix, Metres, Position},
    responder::{Purpose, Skill, TravelMode},
    time::Timestamp,
};
use muster_engine::{
    alarms::AlarmKind,
    inlet::Lane,
    memory::MemoryEntropy,
    owner::{Effect, LEAVES_WITHIN, Owner, SLOW_AFTER},
    ports::{JournalNews, Outbound},
    registry::{DeviceKind, Directory, Encoding},
    requests::{Answered, Enrolment, OnConflict, Refused, Registration, Request},
};
use tokio::sync::oneshot::{self, Receiver};

const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
const MS: Duration = Duration::from_millis(1);

/// An owner, and what it wanted done.
struct Desk {
    owner: Owner,
    directory: Arc<Directory>,
    now: Timestamp,
    submitted: u64,
    /// The store makes everything durable at once.
    prompt: bool,
    published: Vec<Outbound>,
    alarms: Vec<(AlarmKind, Option<u64>)>,
}

type Answers<T> = Receiver<Result<T, Refused>>;

impl Desk {
    /// A started owner with one person, whose phone is connected near the place; everything so far is durable.
    fn new() -> (Self, DeviceId) {
        let mut desk = Self::not_yet_durable();
        desk.durable();
        let mut registered = desk.register("ann");
        desk.durable();
        let responder = registered.try_recv().unwrap().unwrap()[0]
            .clone()
            .unwrap()
            .0
            .profile
            .responder;
        let (reply, mut issued) = oneshot::channel();
        let enrolment = Enrolment {
            tenant: tenant(),
            responder,
            kind: DeviceKind::Muster,
            encoding: Encoding::Json,
            purpose: Purpose::Live,
        };
        desk.request(Request::Issue { enrolment, reply });
        desk.durable();
        let device = issued.try_recv().unwrap().unwrap().unwrap().access.device.device;
        let fix = Fix {
            position: position(),
            accuracy: Metres::new(5),
            taken_at: NOW,
        };
        desk.input(Input::Fix { device, fix });
        desk.input(Input::DeviceOnline { device });
        desk.durable();
        (desk, device)
    }

    fn not_yet_durable() -> Self {
        let kind = IncidentKind::new("lift_stuck").unwrap();
        let policy = Policy {
            name: "lift".to_owned(),
            life_threatening: false,
            ..Policy::default()
        };
        let mut policies = PolicyBook::default();
        policies.add(None, Some(kind), policy).unwrap();
        let directory = Arc::new(Directory::default());
        let owner = Owner::new(policies, Arc::clone(&directory), Arc::new(MemoryEntropy::default()));
        let mut desk = Self {
            owner,
            directory,
            now: NOW,
            submitted: 0,
            prompt: false,
            published: Vec::new(),
            alarms: Vec::new(),
        };
        desk.owner.start(NOW);
        desk.collect();
        desk
    }

    fn collect(&mut self) {
        self.carry_out();
        if self.prompt {
            self.owner.handle_news(JournalNews::Durable(self.submitted), self.now);
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.owner.poll_effect() {
            match effect {
                Effect::Submit(commit) => self.submitted = commit.entries.last().unwrap().sequence,
                Effect::Publish(outbound) => self.published.push(*outbound),
                Effect::CloseSession(_) => {}
                Effect::Reply(reply) => reply(),
                Effect::Raise(kind, count) => self.alarms.push((kind, Some(count))),
                Effect::Clear(kind) => self.alarms.push((kind, None)),
            }
        }
    }

    fn durable(&mut self) {
        self.news(JournalNews::Durable(self.submitted));
    }

    fn news(&mut self, news: JournalNews) {
        self.owner.handle_news(news, self.now);
        self.collect();
    }

    fn input(&mut self, input: Input) {
        self.owner.handle_input(input, None, self.now);
        self.collect();
    }

    fn request(&mut self, request: Request) {
        self.owner.handle_request(request, self.now);
        self.collect();
    }

    fn register(&mut self, name: &str) -> Answers<Vec<muster_engine::requests::Registered>> {
        let (reply, answer) = oneshot::channel();
        let row = Registration {
            tenant: tenant(),
            external_ref: name.to_owned(),
            name: name.to_owned(),
            skills: [Skill::new("cpr").unwrap()].into(),
            credential_valid_until: NOW + Duration::from_secs(86_400),
            travel_mode: TravelMode::Foot,
            on_duty: true,
            quiet_hours: None,
        };
        self.request(Request::Register {
            rows: vec![row],
            on_conflict: OnConflict::Refuse,
            reply,
        });
        answer
    }

    fn report(&mut self, number: &str, kind: &str) -> Answers<Answered> {
        let (reply, answer) = oneshot::channel();
        let report = Report {
            call_out: None,
            request: request_id(&format!("report-{number}")),
            key: key(number),
            revision: 1,
            sent_at: self.now,
            kind: IncidentKind::new(kind).unwrap(),
            purpose: Purpose::Live,
            place: Some(Place {
                position: position(),
                accuracy: Metres::new(0),
            }),
            call_connected_at: None,
            scene: Default::default(),
            ambulance_at: None,
            alert_although_late: false,
        };
        self.request(Request::Report {
            report: Box::new(report),
            address: None,
            reply,
        });
        answer
    }

    fn stand_down(&mut self, number: &str) -> Answers<Answered> {
        let (reply, answer) = oneshot::channel();
        let ending = Ending {
            request: request_id(&format!("end-{number}")),
            key: key(number),
            revision: 2,
            sent_at: self.now,
            cause: EndCause::Cancelled,
        };
        self.request(Request::End { ending, reply });
        answer
    }

    /// Lets time go by, waking the owner whenever it wants to be.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.owner.next_wake().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.owner.handle_time(self.now);
            self.collect();
        }
        self.now = end;
    }

    fn alert(&self) -> AlertId {
        self.published.iter().find_map(|sent| sent.message.about).unwrap().0
    }
}

fn tenant() -> TenantId {
    TenantId::new("london").unwrap()
}

fn position() -> Position {
    Position::from_degrees(51.5, -0.12).unwrap()
}

fn key(number: &str) -> IncidentKey {
    IncidentKey {
        tenant: tenant(),
        cad_system: Reference::new("cad").unwrap(),
        cad_incident_number: Reference::new(number).unwrap(),
        call_date: CallDate::parse("2026-09-21").unwrap(),
    }
}

fn request_id(id: &str) -> RequestId {
    RequestId {
        id: Reference::new(id).unwrap(),
        fingerprint: [0; 32],
    }
}

#[test]
fn a_slow_store_holds_up_no_alert_and_the_answer_says_so() {
    let (mut desk, device) = Desk::new();
    let mut answer = desk.report("1", "cardiac_arrest");
    desk.pass(SLOW_AFTER - MS);
    assert!(answer.try_recv().is_err());
    assert!(desk.published.is_empty() && desk.alarms.is_empty());

    desk.pass(MS);
    assert!(!answer.try_recv().unwrap().unwrap().durable);
    assert_eq!(desk.published.len(), 1);
    assert_eq!(desk.alarms, [(AlarmKind::StoreSlow, Some(1))]);

    // From now on nobody in danger waits at all: the accept is confirmed at once, though its acknowledgement is not given.
    let (done, mut acknowledged) = oneshot::channel();
    let alert = desk.alert();
    let reply = Reply::Accept;
    desk.owner
        .handle_input(Input::Reply { device, alert, reply }, Some(done), desk.now);
    desk.collect();
    assert!(matches!(desk.published[1].message.body, DownBody::Confirmed { .. }));
    assert!(acknowledged.try_recv().is_err());
    let mut ended = desk.stand_down("1");
    assert!(!ended.try_recv().unwrap().unwrap().durable);
    assert!(matches!(desk.published[2].message.body, DownBody::StandDown(_)));

    desk.durable();
    assert!(acknowledged.try_recv().is_ok());
    assert_eq!(desk.alarms.last(), Some(&(AlarmKind::StoreSlow, None)));
    // Nothing leaves a second time, and the next is durable before it leaves.
    assert_eq!(desk.published.len(), 3);
    let mut next = desk.report("2", "cardiac_arrest");
    assert!(next.try_recv().is_err());
    desk.durable();
    assert!(next.try_recv().unwrap().unwrap().durable);
}

#[test]
fn what_no_life_depends_on_waits_for_a_slow_store() {
    let (mut desk, _) = Desk::new();
    let mut lift = desk.report("1", "lift_stuck");
    let mut registered = desk.register("ben");
    desk.pass(Duration::from_secs(3));
    assert!(lift.try_recv().is_err() && registered.try_recv().is_err());
    assert!(desk.published.is_empty());
    desk.durable();
    assert!(lift.try_recv().unwrap().unwrap().durable && registered.try_recv().unwrap().is_ok());
}

#[test]
fn nothing_at_all_leaves_before_the_start_is_durable() {
    // Two starts that both were lost would speak with the same epoch.
    let mut desk = Desk::not_yet_durable();
    let mut answer = desk.report("1", "cardiac_arrest");
    desk.pass(Duration::from_secs(2));
    assert!(answer.try_recv().is_err());
    desk.durable();
    assert!(answer.try_recv().unwrap().unwrap().durable);
}

#[test]
fn a_full_store_takes_in_what_a_life_depends_on() {
    let (mut desk, device) = Desk::new();
    desk.news(JournalNews::Full);
    assert_eq!(desk.alarms, [(AlarmKind::StoreFull, Some(0))]);
    assert_eq!(desk.register("ben").try_recv().unwrap(), Err(Refused::StoreFull));
    assert_eq!(
        desk.report("1", "lift_stuck").try_recv().unwrap(),
        Err(Refused::StoreFull)
    );
    // The reserve does not serve either: out it goes, and says that it is not durable.
    let mut answer = desk.report("2", "cardiac_arrest");
    desk.pass(SLOW_AFTER);
    assert!(!answer.try_recv().unwrap().unwrap().durable);
    let alert = desk.alert();
    let reply = Reply::Accept;
    desk.input(Input::Reply { device, alert, reply });
    assert!(matches!(desk.published[1].message.body, DownBody::Confirmed { .. }));
    assert!(desk.stand_down("2").try_recv().unwrap().is_ok());

    desk.durable();
    desk.news(JournalNews::SpaceAgain);
    assert_eq!(desk.alarms.last(), Some(&(AlarmKind::StoreFull, None)));
    let mut registered = desk.register("ben");
    desk.durable();
    assert!(registered.try_recv().unwrap().is_ok());
}

#[test]
fn a_failed_store_lets_out_what_a_life_depends_on_and_nothing_else() {
    let (mut desk, _) = Desk::new();
    let mut registered = desk.register("ben");
    let mut answer = desk.report("1", "cardiac_arrest");
    desk.owner.handle_journal_failure();
    desk.collect();
    let Answered { answer, durable } = answer.try_recv().unwrap().unwrap();
    assert!(matches!(answer, Answer::Reported(_)) && !durable);
    assert_eq!(desk.published.len(), 1);
    assert!(registered.try_recv().is_err());
    assert_eq!(desk.alarms, [(AlarmKind::StoreFailed, Some(0))]);
}

#[test]
fn too_much_in_flight_keeps_the_less_important_out() {
    let (mut desk, _) = Desk::new();
    let mut incidents = 0;
    while desk.owner.admits(Lane::Ordinary) {
        drop(desk.report(&incidents.to_string(), "cardiac_arrest"));
        incidents += 1;
    }
    assert!(incidents > 100);
    assert!(desk.owner.admits(Lane::Critical) && desk.owner.admits(Lane::Positions));
    desk.durable();
    assert!(desk.owner.admits(Lane::Ordinary));
}

#[test]
fn alerts_that_do_not_leave_raise_the_alarm() {
    let (mut desk, device) = Desk::new();
    desk.prompt = true;
    drop(desk.report("1", "cardiac_arrest"));
    assert_eq!(desk.published.len(), 1);
    desk.pass(LEAVES_WITHIN - MS);
    assert_eq!(desk.alarms, []);
    desk.pass(MS);
    assert_eq!(desk.alarms, [(AlarmKind::AlertsNotLeaving, Some(1))]);

    let (alert, version) = desk.published[0].message.about.unwrap();
    let stage = DeliveryStage::Published;
    desk.input(Input::Delivery {
        device,
        alert,
        version,
        stage,
    });
    assert_eq!(desk.alarms.last(), Some(&(AlarmKind::AlertsNotLeaving, None)));
    // A failure is no departure.
    drop(desk.report("2", "cardiac_arrest"));
    let (alert, version) = desk.published.last().unwrap().message.about.unwrap();
    let stage = DeliveryStage::Failed;
    desk.input(Input::Delivery {
        device,
        alert,
        version,
        stage,
    });
    desk.pass(LEAVES_WITHIN);
    assert_eq!(desk.alarms.last(), Some(&(AlarmKind::AlertsNotLeaving, Some(1))));
}

#[test]
fn the_address_of_a_forgotten_incident_leaves_memory() {
    let (mut desk, _) = Desk::new();
    desk.prompt = true;
    drop(desk.report("1", "cardiac_arrest"));
    assert_eq!(desk.directory.addresses_held(), 1);
    drop(desk.stand_down("1"));
    // Nobody acknowledges the stand-down; an hour later it is given up, and ten minutes after that all is forgotten.
    desk.pass(Duration::from_secs(2 * 3600));
    assert_eq!(desk.directory.addresses_held(), 0);
}
