//! The service as a process of the world: the real owner of the state, the writer of its store, the clock of its machine;
//! it is started, stands still, dies anywhere, and is started again from what is on the disk.

use std::sync::Arc;

use dispatch_core::{input::Input, record::Entry, state::State, time::Timestamp};
use muster_bus::wire;
use muster_engine::{
    inlet::Lane,
    owner::{Effect, Owner},
    ports::{Credentials as _, Entropy, JournalNews, Outbound},
    registry::Directory,
};
use muster_store::mapping;
use tokio::sync::oneshot;

use super::{
    agenda::Ms,
    broker::Parcel,
    cast::{self, true_time},
    dice::{Dice, Thing},
    plan::Point,
    stage::{Arrival, Happening, World},
    writer::{Turn, Writer},
};
pub use requests::Waiting;

mod requests;

/// A service manager starts the service again this long after it ended by itself.
const STARTED_AGAIN_AFTER: Ms = 1_000;
/// After its journal failed the service has this long for its last words (as the engine has).
const LAST_WORDS: Ms = 500;
/// Wake-ups at one moment after which the service counts as going round in circles.
const WAKES_AT_ONCE_MAX: u32 = 2_000;

/// The service, running or not, and the machine it runs on.
#[derive(Default)]
pub struct Service {
    /// How often it has been started.
    pub life: u64,
    process: Option<Process>,
    /// How far the machine's clock is from true time.
    pub machine_clock_ms: i64,
    /// How long the machine has been asleep in all.
    slept: Ms,
    /// The store's syncs take this long, until then.
    pub slow: Option<(Ms, Ms)>,
    crash: Option<PlannedCrash>,
    /// What phones published while nobody listened, at a broker that stands outside.
    kept_outside: Vec<Arrival>,
}

#[derive(Clone, Copy)]
struct PlannedCrash {
    point: Point,
    power_cut: bool,
    down_ms: Ms,
}

/// One process.
struct Process {
    owner: Owner,
    directory: Arc<Directory>,
    writer: Writer,
    group_began: Ms,
    /// The machine's clock when it started, the moment of that, and how long the machine had slept by then.
    anchor: (Timestamp, Ms, Ms),
    /// It stands still since then, until then; the second tells that its clock does too.
    still: Option<(Ms, Ms, bool)>,
    inbox: Vec<Arrival>,
    answers: Vec<(usize, Option<Ms>, Waiting)>,
    acknowledgements: Vec<(usize, u64, oneshot::Receiver<()>)>,
    submitted: u64,
    failed: bool,
    wake: u64,
    wakes_at: Option<Ms>,
    wakes_at_once: (Ms, u32),
}

impl Process {
    /// Its clock: the machine's when it started, carried on evenly.
    fn now(&self, at: Ms, slept: Ms) -> Timestamp {
        let (anchor, started, slept_before) = self.anchor;
        let at = match self.still {
            Some((since, _, true)) => since.min(at),
            _ => at,
        };
        let run = at.saturating_sub(started).saturating_sub(slept - slept_before);
        anchor + std::time::Duration::from_millis(run)
    }
}

struct SeededEntropy(std::sync::Mutex<Dice>);

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .fill(bytes);
    }
}

impl Service {
    /// What the running service knows.
    pub fn state(&self) -> Option<&State> {
        self.process.as_ref().map(|process| process.owner.state())
    }

    /// Whether it runs and does not stand still.
    pub fn is_able(&self) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| process.still.is_none() && !process.failed)
    }

    /// A crash that has not happened yet does not.
    pub fn forget_planned_crash(&mut self) {
        self.crash = None;
    }

    /// The clock of the running service.
    pub fn clock(&self, at: Ms) -> Option<Timestamp> {
        self.process.as_ref().map(|process| process.now(at, self.slept))
    }

    /// Whether the device of this id may connect.
    pub fn has_access(&self, device: dispatch_core::ids::DeviceId) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| process.directory.access(device).is_some())
    }
}

impl World<'_> {
    pub(super) fn start_service(&mut self) {
        if self.service.process.is_some() {
            return;
        }
        let now = self.now();
        let found = self.disk.borrow_mut().open();
        let found = match found {
            Ok(found) => found,
            Err(damage) => {
                let why = format!("the service refuses its own journal: {damage}");
                return self.judge.violates("I1 recovery", format_args!("{why}"));
            }
        };
        let Some(entries) = self.read_journal() else { return };
        self.service.life += 1;
        let life = self.service.life;
        let directory = Arc::new(Directory::default());
        for change in self.disk.borrow().registry() {
            directory.apply(change.clone());
        }
        let entropy = Arc::new(SeededEntropy(Dice::new(self.plan.seed, Thing::Entropy, life).into()));
        let mut owner = Owner::new(cast::policies(), directory.clone(), entropy);
        entries.iter().for_each(|entry| owner.recover(entry));
        let machine_ms = true_time(now).unix_ms() + self.service.machine_clock_ms;
        self.service.process = Some(Process {
            owner,
            directory,
            writer: Writer::new(self.disk.clone(), found.end, self.plan.seed, life),
            group_began: now,
            anchor: (Timestamp::from_unix_ms(machine_ms), now, self.service.slept),
            still: None,
            inbox: Vec::new(),
            answers: Vec::new(),
            acknowledgements: Vec::new(),
            submitted: found.end.sequence,
            failed: false,
            wake: 0,
            wakes_at: None,
            wakes_at_once: (now, 0),
        });
        self.note(format_args!(
            "start {life} at {} records, {} unacknowledged",
            found.end.sequence, found.unacknowledged
        ));
        let state = self.service.process.as_ref().map(|process| process.owner.state());
        if let Some(state) = state {
            self.judge.started(&entries, state, Timestamp::from_unix_ms(machine_ms));
        }
        self.act(|owner, now| owner.start(now));
        for arrival in std::mem::take(&mut self.service.kept_outside) {
            self.agenda.after(1, Happening::Arrive(arrival));
        }
    }

    fn read_journal(&mut self) -> Option<Vec<Entry>> {
        let disk = self.disk.clone();
        let disk = disk.borrow();
        let mut entries = Vec::with_capacity(disk.rows().len());
        for row in disk.rows() {
            match mapping::decode(&row.record) {
                Ok(record) => entries.push(Entry {
                    sequence: row.sequence,
                    at: Timestamp::from_unix_ms(row.at_ms),
                    record,
                }),
                Err(error) => {
                    let sequence = row.sequence;
                    self.judge.violates(
                        "I7 records",
                        format_args!("record {sequence} does not read back: {error}"),
                    );
                    return None;
                }
            }
        }
        Some(entries)
    }

    /// Lets the owner do something, and carries out what comes of it.
    pub(super) fn act(&mut self, what: impl FnOnce(&mut Owner, Timestamp)) {
        let (at, slept) = (self.now(), self.service.slept);
        let Some(process) = self.service.process.as_mut() else {
            return;
        };
        let now = process.now(at, slept);
        what(&mut process.owner, now);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        loop {
            let Some(process) = self.service.process.as_mut() else {
                return;
            };
            let Some(effect) = process.owner.poll_effect() else {
                break;
            };
            if self.crashes_here(true) {
                return;
            }
            self.carry_out_one(effect);
            self.hear_replies();
            if self.crashes_here(false) {
                return;
            }
        }
        self.judge.effects_over();
        self.begin_group();
        self.plan_wake();
        let at = self.now();
        if let (Some(process), Some(now)) = (self.service.process.as_ref(), self.service.clock(at)) {
            self.judge.after_step(process.owner.state(), now);
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        let at = self.now();
        match effect {
            Effect::Submit(commit) => {
                self.note_commit(&commit);
                self.judge.submitted(&commit, at);
                if let Some(process) = self.service.process.as_mut() {
                    process.submitted = commit.entries.last().map_or(process.submitted, |last| last.sequence);
                    if !process.failed {
                        process.writer.submit(commit);
                    }
                }
            }
            Effect::Publish(outbound) => self.publish(&outbound),
            Effect::CloseSession(device) => {
                self.note(format_args!("close session {device}"));
                let phone = self.handsets.iter().position(|handset| handset.device == Some(device));
                if let Some(phone) = phone {
                    self.lose_connection(phone, false);
                }
            }
            Effect::Reply(reply) => reply(),
            Effect::Raise(kind, count) => {
                self.note(format_args!("alarm {} {count}", kind.label()));
                self.judge.alarm(kind, true);
            }
            Effect::Clear(kind) => {
                self.note(format_args!("alarm {} over", kind.label()));
                self.judge.alarm(kind, false);
            }
        }
    }

    fn note_commit(&mut self, commit: &muster_engine::ports::Commit) {
        for entry in &commit.entries {
            match &entry.record {
                dispatch_core::record::Record::Decided(decision) => self.note(format_args!(
                    "#{} decided {} wave {} asks {}",
                    entry.sequence,
                    decision.incident,
                    decision.wave,
                    decision
                        .alerts
                        .iter()
                        .map(|plan| format!("{}={} ", plan.alert, plan.responder))
                        .collect::<String>()
                )),
                record => self.note(format_args!("#{} {record:?}", entry.sequence)),
            }
        }
    }

    fn publish(&mut self, outbound: &Outbound) {
        let at = self.now();
        let Some(now) = self.service.clock(at) else { return };
        let device = outbound.message.device;
        let Some(phone) = self.handsets.iter().position(|handset| handset.device == Some(device)) else {
            return self.judge.violates(
                "I6 strangers",
                format_args!("{device} is sent something and is nobody's"),
            );
        };
        let Some(payload) = wire::write(outbound, now) else {
            self.note(format_args!("not sent, its life is over: {:?}", outbound.message.about));
            return;
        };
        self.note(format_args!(
            "send phone {phone} {:?} {:?}",
            outbound.message.about, outbound.message.body
        ));
        self.judge.leaves(outbound, &payload.bytes, at);
        let parcel = Parcel {
            bytes: payload.bytes,
            expires_at: at + 1000 * Ms::from(payload.expiry_s),
        };
        self.hand_to_broker(phone, outbound, parcel);
    }

    /// Sees which of those who wait for an answer have it.
    fn hear_replies(&mut self) {
        self.hear_answers();
        let safe = self.disk.borrow().safe();
        let Some(process) = self.service.process.as_mut() else {
            return;
        };
        let mut over = Vec::new();
        process
            .acknowledgements
            .retain_mut(|(phone, submitted, done)| match done.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => true,
                Ok(()) => {
                    over.push((*phone, *submitted));
                    false
                }
                Err(oneshot::error::TryRecvError::Closed) => false,
            });
        for (phone, submitted) in over {
            self.note(format_args!("acknowledge phone {phone} at {submitted}"));
            self.judge.acknowledged(submitted, safe);
        }
    }

    fn begin_group(&mut self) {
        let now = self.now();
        let slow = self
            .service
            .slow
            .filter(|&(_, until)| until > now)
            .map(|(sync, _)| sync);
        let life = self.service.life;
        let Some(process) = self.service.process.as_mut().filter(|process| !process.failed) else {
            return;
        };
        let Some(ends) = process.writer.begin(now, slow) else {
            return;
        };
        process.group_began = now;
        self.agenda.at(ends, Happening::WriterTurn { life });
        if let Some(PlannedCrash {
            point: Point::InCommit(steps_done),
            ..
        }) = self.service.crash
            && let Some(at) = process.writer.middle_of_step(steps_done, now)
        {
            let steps_done = Some(steps_done.min(4));
            // Ahead of the writer's turn, should both fall on one moment.
            self.agenda.at(
                at.min(ends.saturating_sub(1)).max(now),
                Happening::Die { life, steps_done },
            );
        }
    }

    pub(super) fn writer_turn(&mut self, life: u64) {
        let safe_before = self.disk.borrow().safe();
        let Some(process) = self.service.process.as_mut().filter(|_| self.service.life == life) else {
            return;
        };
        if process.failed {
            return;
        }
        let turn = process.writer.turn();
        let safe = self.disk.borrow().safe();
        let (told, failed) = match turn {
            Turn::Told(told) => (told, false),
            Turn::Failed(told) => (told, true),
        };
        for news in told {
            self.note(format_args!("store {news:?}"));
            if let JournalNews::Durable(sequence) = news {
                self.judge.told_durable(sequence, safe.max(safe_before));
            }
            self.act(|owner, now| owner.handle_news(news, now));
        }
        if failed {
            self.note(format_args!("store failed"));
            self.judge.journal_failed();
            if let Some(process) = self.service.process.as_mut() {
                process.failed = true;
            }
            self.act(|owner, _| owner.handle_journal_failure());
            self.agenda.after(LAST_WORDS, Happening::Exit { life });
        }
        self.take_from_inbox();
        self.begin_group();
    }

    fn plan_wake(&mut self) {
        let (at, slept, life) = (self.now(), self.service.slept, self.service.life);
        let Some(process) = self.service.process.as_mut() else {
            return;
        };
        let now = process.now(at, slept);
        let wakes_at = process.owner.next_wake().map(|wake| {
            let wait = u64::try_from(wake.ms_since(now)).unwrap_or(0);
            at + wait
        });
        if wakes_at == process.wakes_at && wakes_at.is_some_and(|wake| wake > at) {
            return;
        }
        process.wakes_at = wakes_at;
        process.wake += 1;
        let wake = process.wake;
        if let Some(wakes_at) = wakes_at {
            self.agenda.at(wakes_at, Happening::Wake { life, wake });
        }
    }

    pub(super) fn wake_service(&mut self, life: u64, wake: u64) {
        let at = self.now();
        let able = self.service.is_able();
        let Some(process) = self.service.process.as_mut().filter(|process| process.wake == wake) else {
            return;
        };
        if self.service.life != life || !able {
            return;
        }
        let (last, times) = process.wakes_at_once;
        process.wakes_at_once = if last == at { (at, times + 1) } else { (at, 1) };
        if process.wakes_at_once.1 > WAKES_AT_ONCE_MAX {
            return self.judge.violates(
                "bounds",
                format_args!("the owner wants to be woken again and again at once"),
            );
        }
        process.wakes_at = None;
        self.act(|owner, now| owner.handle_time(now));
    }

    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let inside = self.plan.broker_inside;
        let able = self.service.is_able();
        match self.service.process.as_mut() {
            None => {
                // A broker outside keeps what phones said until somebody listens again.
                if !inside && !matches!(arrival, Arrival::Room { .. }) {
                    self.service.kept_outside.push(arrival);
                }
            }
            Some(process) if process.failed => {}
            Some(process) if !able => process.inbox.push(arrival),
            Some(process) => {
                let lane = match &arrival {
                    Arrival::Room { .. } => Lane::Critical,
                    _ => Lane::Ordinary,
                };
                if process.owner.admits(lane) {
                    self.handle_arrival(arrival);
                } else {
                    process.inbox.push(arrival);
                }
            }
        }
    }

    fn take_from_inbox(&mut self) {
        let Some(process) = self.service.process.as_mut() else {
            return;
        };
        for arrival in std::mem::take(&mut process.inbox) {
            self.arrive(arrival);
        }
    }

    fn handle_arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Bus(input) => self.handle_input(*input, None),
            Arrival::Phone {
                phone,
                bytes,
                acknowledged,
            } => self.handle_published(phone, &bytes, acknowledged),
            Arrival::Room { request, answer_after } => self.handle_request(request, answer_after),
        }
    }

    fn handle_published(&mut self, phone: usize, bytes: &[u8], acknowledged: bool) {
        let at = self.now();
        let (Some(device), Some(now)) = (self.handsets[phone].device, self.service.clock(at)) else {
            return;
        };
        let Some(process) = self.service.process.as_ref() else {
            return;
        };
        let Some(access) = process.directory.access(device) else {
            return;
        };
        if let Some(input) = wire::read(&access, bytes, now) {
            let waits = acknowledged && self.plan.broker_inside && !input.is_position();
            self.handle_input(input, waits.then_some(phone));
        }
    }

    fn handle_input(&mut self, input: Input, acknowledge: Option<usize>) {
        if !input.is_position() {
            self.note(format_args!("input {input:?}"));
        }
        self.judge.input(&input);
        let (done, heard) = oneshot::channel();
        let done = acknowledge.map(|_| done);
        let (at, slept) = (self.now(), self.service.slept);
        let Some(process) = self.service.process.as_mut() else {
            return;
        };
        let now = process.now(at, slept);
        process.owner.handle_input(input, done, now);
        if let Some(phone) = acknowledge {
            // Registered before the effects are carried out; its place in the journal is where the core stands now.
            let sequence = process.owner.state().sequence();
            process.acknowledgements.push((phone, sequence, heard));
        }
        self.carry_out();
        self.hear_replies();
    }

    // --- stopping, standing still, starting again

    pub(super) fn crash(&mut self, point: Point, power_cut: bool, down_ms: Ms) {
        if self.service.process.is_none() {
            return;
        }
        self.service.crash = Some(PlannedCrash {
            point,
            power_cut,
            down_ms,
        });
        if point == Point::Now {
            self.die(None);
        }
    }

    /// Counts an effect towards a planned crash; true = the service died here.
    fn crashes_here(&mut self, before: bool) -> bool {
        let Some(crash) = self.service.crash.as_mut() else {
            return false;
        };
        let dies = match &mut crash.point {
            Point::BeforeEffect(0) => before,
            Point::AfterEffect(0) => !before,
            Point::BeforeEffect(left) | Point::AfterEffect(left) => {
                *left -= u32::from(!before);
                false
            }
            Point::Now | Point::InCommit(_) => false,
        };
        if dies {
            self.die(None);
        }
        dies
    }

    pub(super) fn die_if_alive(&mut self, life: u64, steps_done: Option<u32>) {
        let planned = matches!(
            self.service.crash,
            Some(PlannedCrash {
                point: Point::InCommit(_),
                ..
            })
        );
        if self.service.life == life && planned {
            self.die(steps_done);
        }
    }

    pub(super) fn exit_after_failure(&mut self, life: u64) {
        if self.service.life == life && self.service.process.is_some() {
            self.service.crash = None;
            self.die(None);
        }
    }

    fn die(&mut self, steps_done: Option<u32>) {
        let now = self.now();
        let crash = self.service.crash.take();
        let Some(mut process) = self.service.process.take() else {
            return;
        };
        let power_cut = crash.is_some_and(|crash| crash.power_cut);
        self.note(format_args!("die{}", if power_cut { " with the power" } else { "" }));
        if !process.failed {
            process.writer.die(now, steps_done);
        }
        if power_cut {
            let mut dice = Dice::new(self.plan.seed, Thing::PowerCut, self.service.life);
            self.disk.borrow_mut().power_cut(&mut dice);
        }
        self.judge.died(process.owner.state());
        if self.plan.broker_inside {
            self.broker_gone(true);
        }
        let down = crash.map_or(STARTED_AGAIN_AFTER, |crash| crash.down_ms);
        self.agenda.after(down, Happening::Start);
    }

    pub(super) fn pause_service(&mut self, for_ms: Ms, clock_too: bool) {
        let now = self.now();
        let life = self.service.life;
        let Some(process) = self.service.process.as_mut() else {
            return;
        };
        if process.still.is_none() {
            process.still = Some((now, now + for_ms, clock_too));
            self.agenda.after(for_ms, Happening::Resume { life });
        }
    }

    pub(super) fn resume_service(&mut self, life: u64) {
        let now = self.now();
        let Some(process) = self.service.process.as_mut().filter(|_| self.service.life == life) else {
            return;
        };
        if let Some((since, _, clock_too)) = process.still.take()
            && clock_too
        {
            self.service.slept += now - since;
        }
        let clock = self.service.clock(now);
        self.judge.able_again(clock);
        self.take_from_inbox();
        self.act(|owner, now| owner.handle_time(now));
    }
}
