//! The world itself: everything that is in it, and the loop that lets one thing happen after the other.

use std::{cell::RefCell, panic, rc::Rc};

use dispatch_core::{ids::ResponderId, input::Input};
use muster_engine::requests::{Answered, Refused};

use super::{
    agenda::{Agenda, Ms},
    broker::{Broker, Parcel},
    cast::{self, PersonCast},
    disk::Disk,
    handset::Handset,
    judge::{Judge, Violation},
    log::Log,
    plan::{Plan, What},
    rooms::{Room, RoomRequest},
    service::Service,
};

/// How long everything may take to settle once the faults are over. The longest wait of the service is the hour for
/// which directions stay true.
pub const SETTLES_WITHIN: Ms = 2 * 3_600_000;
/// How often it is looked whether everything has settled.
const LOOK_EVERY: Ms = 30_000;
/// Things that happen in one world at most; a world that needs more is going round in circles.
const HAPPENINGS_MAX: u64 = 400_000;

/// Something that is going to happen.
#[derive(Debug)]
pub enum Happening {
    /// An event of the plan.
    Planned(usize),
    /// The faults end.
    Heal,
    /// The service is started.
    Start,
    /// The service's own time has come.
    Wake { life: u64, wake: u64 },
    /// The writer of the store has done its steps.
    WriterTurn { life: u64 },
    /// A pause of the service is over.
    Resume { life: u64 },
    /// The service dies, in the middle of a commit if steps are given.
    Die { life: u64, steps_done: Option<u32> },
    /// The process ends after its journal failed.
    Exit { life: u64 },
    /// The store has space again.
    SpaceAgain,
    /// Something arrives at the service.
    Arrive(Arrival),
    /// A phone's own time has come.
    PhoneWake { phone: usize, wake: u64 },
    /// A phone tries to connect.
    PhoneConnect { phone: usize },
    /// A message reaches a phone.
    Deliver {
        phone: usize,
        connection: u64,
        parcel: Parcel,
    },
    /// The broker notices that a phone is gone.
    Will { phone: usize },
    /// A control room sends a request.
    Try { request: usize },
    /// A control room has waited long enough.
    Timeout { request: usize, attempt: u32 },
    /// An answer reaches a control room.
    Answer {
        request: usize,
        outcome: Result<Answered, Refused>,
    },
    /// Looks whether everything has settled.
    Look,
}

/// Something that arrives at the service.
#[derive(Debug)]
pub enum Arrival {
    /// What a phone published.
    Phone {
        phone: usize,
        bytes: Vec<u8>,
        acknowledged: bool,
    },
    /// What the bus says by itself.
    Bus(Box<Input>),
    /// A control room's request; the answer is lost on the way or takes this long.
    Room { request: usize, answer_after: Option<Ms> },
}

/// A person in the world.
pub struct Person {
    /// As drawn.
    pub cast: PersonCast,
    /// As registered; `None` until then.
    pub responder: Option<ResponderId>,
}

/// Everything there is.
pub struct World<'a> {
    pub plan: &'a Plan,
    pub agenda: Agenda<Happening>,
    pub log: Log,
    pub disk: Rc<RefCell<Disk>>,
    pub broker: Broker,
    pub people: Vec<Person>,
    pub handsets: Vec<Handset>,
    pub rooms: Vec<Room>,
    pub requests: Vec<RoomRequest>,
    pub service: Service,
    pub judge: Judge,
    pub healed: bool,
    settled_at: Option<Ms>,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What went wrong, if anything.
    pub violation: Option<Violation>,
    /// Over the whole log.
    pub fingerprint: u64,
    /// Lines in the log.
    pub lines: u64,
    /// The last of them.
    pub tail: Vec<String>,
    /// When the world ended.
    pub ended_at: Ms,
    /// Records in the journal at the end.
    pub records: u64,
    /// What was seen, by name: proof that the faults do happen.
    pub counts: super::judge::Counts,
}

/// Runs a plan to its end, or to the first violation. A panic of the code under judgement is one.
pub fn run(plan: &Plan) -> Outcome {
    let ran = panic::catch_unwind(|| run_unguarded(plan));
    ran.unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Outcome {
            violation: Some(Violation {
                promise: "assertion",
                text: text.unwrap_or_default(),
            }),
            ..Outcome::default()
        }
    })
}

fn run_unguarded(plan: &Plan) -> Outcome {
    let mut world = World::new(plan);
    let mut happenings = 0;
    let end = plan.heal_at + SETTLES_WITHIN;
    while world.judge.violation().is_none() && world.settled_at.is_none() {
        let Some(happening) = world.agenda.next_until(end) else {
            world.look(true);
            break;
        };
        happenings += 1;
        if happenings > HAPPENINGS_MAX {
            world
                .judge
                .violates("bounds", format_args!("more than {HAPPENINGS_MAX} things happened"));
            break;
        }
        world.happen(happening);
    }
    world.finish()
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan) -> Self {
        let people: Vec<Person> = (0..plan.people)
            .map(|number| Person {
                cast: cast::person(plan, number),
                responder: None,
            })
            .collect();
        let mut handsets = Vec::new();
        for (person, known) in people.iter().enumerate() {
            for &phone in &known.cast.phones {
                handsets.push(Handset::new(plan, handsets.len(), person, phone, known.cast.home, 0));
            }
        }
        let mut world = Self {
            plan,
            agenda: Agenda::default(),
            log: Log::default(),
            disk: Rc::new(RefCell::new(Disk::new())),
            broker: Broker::new(plan.seed, handsets.len()),
            judge: Judge::new(plan),
            people,
            handsets,
            rooms: (0..plan.tenants).map(|_| Room::default()).collect(),
            requests: Vec::new(),
            service: Service::default(),
            healed: false,
            settled_at: None,
        };
        world.agenda.at(0, Happening::Start);
        world.enrol_everybody();
        for (index, event) in plan.events.iter().enumerate() {
            world.agenda.at(event.at, Happening::Planned(index));
        }
        world.agenda.at(plan.heal_at, Happening::Heal);
        world
    }

    /// Adds a line to the log.
    pub fn note(&mut self, what: std::fmt::Arguments<'_>) {
        self.log.add(self.agenda.now(), what);
    }

    /// The present moment.
    pub fn now(&self) -> Ms {
        self.agenda.now()
    }

    fn happen(&mut self, happening: Happening) {
        self.judge.time(self.agenda.now());
        match happening {
            Happening::Planned(index) => self.planned(index),
            Happening::Heal => self.heal(),
            Happening::Start => self.start_service(),
            Happening::Wake { life, wake } => self.wake_service(life, wake),
            Happening::WriterTurn { life } => self.writer_turn(life),
            Happening::Resume { life } => self.resume_service(life),
            Happening::Die { life, steps_done } => self.die_if_alive(life, steps_done),
            Happening::Exit { life } => self.exit_after_failure(life),
            Happening::SpaceAgain => self.disk.borrow_mut().full = false,
            Happening::Arrive(arrival) => self.arrive(arrival),
            Happening::PhoneWake { phone, wake } => self.wake_phone(phone, wake),
            Happening::PhoneConnect { phone } => self.connect_phone(phone),
            Happening::Deliver {
                phone,
                connection,
                parcel,
            } => self.deliver(phone, connection, parcel),
            Happening::Will { phone } => self.notice_loss(phone),
            Happening::Try { request } => self.try_request(request),
            Happening::Timeout { request, attempt } => self.request_timed_out(request, attempt),
            Happening::Answer { request, outcome } => self.request_answered(request, outcome),
            Happening::Look => self.look(false),
        }
        self.judge_waits();
    }

    fn planned(&mut self, index: usize) {
        let event = &self.plan.events[index];
        let now = self.now();
        self.note(format_args!("plan {:?}", event.what));
        match event.what {
            What::Report { .. } | What::End { .. } => self.say_of_incident(index),
            What::RoomCutOff { .. } | What::RoomTrouble { .. } => self.trouble_room(event.what),
            What::BrokerTrouble { how, permille, for_ms } => self.broker.trouble(how, permille, now + for_ms),
            What::BrokerRestart { forgets, for_ms } => self.restart_broker(forgets, for_ms),
            What::StoreSlow { sync_ms, for_ms } => self.service.slow = Some((sync_ms, now + for_ms)),
            What::StoreFull { reserve_too, for_ms } => {
                let mut disk = self.disk.borrow_mut();
                (disk.full, disk.reserve_small) = (true, reserve_too);
                self.agenda.after(for_ms, Happening::SpaceAgain);
            }
            What::SyncFails { head: false } => self.disk.borrow_mut().sync_fails = true,
            What::SyncFails { head: true } => self.disk.borrow_mut().head_sync_fails = true,
            What::Crash {
                point,
                power_cut,
                down_ms,
            } => self.crash(point, power_cut, down_ms),
            What::Pause { for_ms } => self.pause_service(for_ms, false),
            What::Suspend { for_ms } => self.pause_service(for_ms, true),
            What::ClockStep { by_ms } => self.service.machine_clock_ms += by_ms,
            What::PhoneOffline { phone, for_ms } => self.phone_mishap(phone, for_ms, false),
            What::PhoneAsleep { phone, for_ms } => self.phone_mishap(phone, for_ms, true),
            What::Reinstall { phone, moved_m } => self.reinstall_phone(phone, moved_m, event.ordinal),
            What::OldFix { phone } | What::SayAgain { phone } | What::SayOtherwise { phone } => {
                self.odd_word(phone, event.what, event.ordinal);
            }
            What::Duty { .. } | What::Suspension { .. } | What::Revoke { .. } => self.change_register(event.what),
        }
    }

    /// Phase two: nothing new goes wrong, and what went wrong is mended.
    fn heal(&mut self) {
        self.note(format_args!("heal"));
        self.healed = true;
        self.broker.heal();
        self.service.slow = None;
        self.service.machine_clock_ms = 0;
        self.service.forget_planned_crash();
        {
            let mut disk = self.disk.borrow_mut();
            (disk.full, disk.sync_fails, disk.head_sync_fails) = (false, false, false);
        }
        self.heal_rooms();
        self.heal_phones();
        self.judge.healed();
        self.agenda.after(LOOK_EVERY, Happening::Look);
    }

    /// Looks whether everything has settled; `last` = it must have by now.
    fn look(&mut self, last: bool) {
        let open = self.requests.iter().filter(|request| !request.is_done()).count();
        let unsettled = match (open, self.service.state()) {
            (0, Some(state)) => self.judge.unsettled(state, &self.handsets),
            (0, None) => Some("the service is not there".to_owned()),
            (open, _) => Some(format!("{open} requests of control rooms are unanswered")),
        };
        match unsettled {
            None => self.settled_at = Some(self.now()),
            Some(what) if last => self
                .judge
                .violates("settles", format_args!("two hours after the faults ended: {what}")),
            Some(_) if self.healed => {
                self.end_what_is_open();
                self.agenda.after(LOOK_EVERY, Happening::Look);
            }
            Some(_) => {}
        }
    }

    fn judge_waits(&mut self) {
        let now = self.now();
        if self.service.is_able()
            && let Some(clock) = self.service.clock(now)
        {
            self.judge.waits(clock, now);
        }
    }

    fn judge_the_end(&mut self) {
        let connected: Vec<bool> = (0..self.handsets.len())
            .map(|phone| self.broker.sessions[phone].connection.is_some())
            .collect();
        if let Some(state) = self.service.state() {
            let disk = self.disk.borrow();
            self.judge.at_the_end(state, &disk, &self.handsets, &connected);
        }
    }

    fn finish(mut self) -> Outcome {
        if self.judge.violation().is_none() {
            self.judge_the_end();
        }
        Outcome {
            violation: self.judge.take_violation(),
            fingerprint: self.log.fingerprint(),
            lines: self.log.lines(),
            tail: self.log.tail().map(str::to_owned).collect(),
            ended_at: self.agenda.now(),
            records: self.disk.borrow().rows().len() as u64,
            counts: self.judge.counts(),
        }
    }
}
