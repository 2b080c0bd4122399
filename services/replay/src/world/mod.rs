//! The world of one policy: the real core on virtual time, the phones it speaks to, and the people who carry them.
//!
//! ```text
//! scene ── fixes, report ──> Dispatcher ── Publish ──> phone hears it ── reply ──> Dispatcher
//!                               ^  └─ Commit ──> ends of alerts, counted             │
//!                               └──────────────── steps of those on their way <──────┘
//! ```
//! The network is a delay and a share of phones that cannot be reached; receipts reach the core at once.

mod agenda;
mod journal;
mod lives;
mod phones;
mod report;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dispatch_core::{
    alert::Role,
    command::{Command, DownMessage},
    dispatcher::Dispatcher,
    ids::{AlertId, IncidentId},
    input::{Input, RequestToken},
    policy::{Policy, PolicyBook},
    responder::{Device, Purpose, ResponderProfile, Skills},
    time::Timestamp,
};

use crate::{
    crowd::{Crowd, device_id, responder_id},
    journey::{Conduct, Errand, Step},
    outcome::Fate,
    scene::{Circumstances, Scene},
    study::Study,
};
use agenda::{Agenda, Event, Word};
pub(crate) use lives::{Life, Lives, live_through};
pub(crate) use report::tenant;

/// How long after its report an incident is looked at: by then the ambulance has come and the last person has gone home.
/// The core forgets it much sooner or hears of it no more.
const LOOKED_AT_FOR: Duration = Duration::from_secs(12 * 3600);

/// What all worlds share.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) study: &'a Study,
    pub(crate) crowd: &'a Crowd,
    pub(crate) circumstances: &'a [Circumstances],
    /// What a role of the core means.
    pub(crate) errand: fn(&Study, Role) -> Errand,
}

/// The world of one policy.
pub(crate) struct World<'a> {
    shared: Shared<'a>,
    dispatcher: Dispatcher,
    agenda: Agenda,
    requests: BTreeMap<AlertId, Request>,
    numbers: BTreeMap<IncidentId, usize>,
    bedsides: BTreeMap<usize, Bedside>,
    tokens: u64,
    /// When each phone's newest fix that the core knows was taken.
    told_at: Vec<Timestamp>,
    life: Life,
}

/// A request to one person, and what they have made of it.
struct Request {
    incident: usize,
    responder: u32,
    errand: Errand,
    conduct: Conduct,
    stage: Stage,
    /// When the phone first had the request.
    rang_at: Option<Timestamp>,
    carries_aed: bool,
    fate: Option<Fate>,
}

/// How far a person is with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Has not been told to go.
    Asked,
    /// Has been told to go.
    Going,
    /// With the patient.
    WithPatient,
    /// Called off, or finished.
    Over,
}

/// Who and what is at a patient's side.
#[derive(Default)]
struct Bedside {
    /// The alerts of this incident.
    alerts: Vec<AlertId>,
    with_patient: u32,
    has_aed: bool,
}

impl<'a> World<'a> {
    /// A service under one policy, with everybody registered.
    pub(crate) fn new(shared: Shared<'a>, policy: &Policy, opens: Timestamp) -> Self {
        let book = PolicyBook::new(policy.clone()).expect("the study has checked its policies");
        let mut world = Self {
            shared,
            dispatcher: Dispatcher::new(book),
            agenda: Agenda::default(),
            requests: BTreeMap::new(),
            numbers: BTreeMap::new(),
            bedsides: BTreeMap::new(),
            tokens: 0,
            told_at: vec![Timestamp::from_unix_ms(i64::MIN); shared.crowd.len()],
            life: Life::new(shared.study.incidents.len(), shared.crowd.len()),
        };
        if let Some(streets) = &shared.study.map.streets {
            world.dispatcher.load_streets(Arc::clone(streets));
        }
        world.register(opens);
        world
    }

    /// Everybody may be asked under any of the policies, so that these differ in nothing but themselves.
    fn register(&mut self, opens: Timestamp) {
        let skills = self
            .shared
            .study
            .policies
            .iter()
            .flat_map(|policy| policy.skills_any.clone());
        let skills: Skills = skills.collect();
        for number in (0..).take(self.shared.crowd.len()) {
            let profile = ResponderProfile {
                responder: responder_id(number),
                tenant: tenant(),
                skills: skills.clone(),
                credential_valid_until: Timestamp::from_unix_ms(i64::MAX),
                travel_mode: self.shared.crowd.member(number).travel_mode(),
                on_duty: true,
                suspended: false,
                quiet_hours: None,
            };
            let device = Device {
                device: device_id(number),
                responder: profile.responder,
                purpose: Purpose::Live,
                alertable: true,
            };
            self.tell(Input::PutResponder { profile }, opens);
            self.tell(Input::PutDevice { device }, opens);
        }
        for site in &self.shared.study.map.aeds {
            self.tell(Input::PutAed { aed: site.aed.clone() }, opens);
        }
        self.tell(Input::Started, opens);
    }

    /// Lives through incidents, each up to its report; what follows from it comes with the next ones.
    pub(crate) fn live(&mut self, scenes: &[Scene]) {
        for scene in scenes {
            let at = self.shared.circumstances[scene.index].at;
            self.run_until(at);
            self.begin(scene, at);
        }
    }

    /// Lets everything come to its end.
    pub(crate) fn end(mut self) -> Life {
        while let Some(at) = self.agenda.next() {
            self.run_until(at);
        }
        debug_assert!(self.requests.is_empty(), "an incident is put away with its requests");
        self.life
    }

    fn run_until(&mut self, end: Timestamp) {
        loop {
            let deadline = self.dispatcher.next_deadline().filter(|&at| at <= end);
            let event = self.agenda.next().filter(|&at| at <= end);
            match (deadline, event) {
                (Some(due), event) if event.is_none_or(|at| due <= at) => {
                    self.dispatcher.handle_deadline(due);
                    self.collect(due);
                }
                (_, Some(_)) => {
                    let (at, event) = self.agenda.take().expect("looked at just now");
                    self.happen(event, at);
                }
                _ => return,
            }
        }
    }

    fn begin(&mut self, scene: &Scene, at: Timestamp) {
        let index = scene.index;
        for &(number, fix) in &scene.fixes {
            let told_before = &mut self.told_at[number as usize];
            // The core would pass over it; most phones lie still.
            if fix.taken_at <= *told_before {
                continue;
            }
            *told_before = fix.taken_at;
            self.dispatcher.handle(
                Input::Fix {
                    device: device_id(number),
                    fix,
                },
                at,
            );
        }
        let here = self.shared.circumstances[index];
        let report = report::report(&self.shared.study.incidents[index], &here);
        self.numbers.insert(report.key.id(), index);
        self.bedsides.insert(index, Bedside::default());
        self.agenda.add(at + here.ambulance, Event::AmbulanceThere(index));
        self.agenda.add(at + LOOKED_AT_FOR, Event::PutAway(index));
        let token = self.token();
        self.tell(Input::Report { token, report }, at);
    }

    fn token(&mut self) -> RequestToken {
        self.tokens += 1;
        RequestToken(self.tokens)
    }

    /// Tells the core something and does what it wants done.
    fn tell(&mut self, input: Input, at: Timestamp) {
        self.dispatcher.handle(input, at);
        self.collect(at);
    }

    fn collect(&mut self, now: Timestamp) {
        while let Some(command) = self.dispatcher.poll_command() {
            match command {
                Command::Commit(entries) => entries.iter().for_each(|entry| self.note(entry)),
                Command::Publish(message) => self.publish(&message, now),
                Command::Answer { .. } | Command::CloseSession { .. } | Command::Refused { .. } => {}
            }
        }
    }

    fn publish(&mut self, message: &DownMessage, now: Timestamp) {
        // A probe asks where the phone is; phones here have said all they know.
        let Some((alert, version)) = message.about else {
            return;
        };
        let Some(delivery) = self.requests.get(&alert).and_then(|request| request.conduct.delivery) else {
            return;
        };
        if let Some(word) = Word::of(&message.body) {
            self.agenda.add(now + delivery, Event::Heard { alert, version, word });
        }
    }
}

impl Request {
    fn new(shared: Shared<'_>, incident: usize, responder: u32, errand: Errand) -> Self {
        let member = shared.crowd.member(responder);
        Self {
            incident,
            responder,
            errand,
            conduct: Conduct::of(shared.study, member, &shared.circumstances[incident]),
            stage: Stage::Asked,
            rang_at: None,
            carries_aed: false,
            fate: None,
        }
    }
}

/// Whether the core hears of a step, and as what.
fn said(step: Step) -> Option<dispatch_core::input::Reply> {
    use dispatch_core::{attendance::AbortReason, input::Reply};
    match step {
        Step::Leave => Some(Reply::EnRoute),
        Step::TakeAed => None,
        Step::AedNotThere => Some(Reply::Abort(AbortReason::AedNotThere)),
        Step::AtScene => Some(Reply::AtScene),
        Step::WithPatient => Some(Reply::WithPatient),
        Step::AedAttached => Some(Reply::AedAttached),
        Step::Finished => Some(Reply::Finished),
    }
}
