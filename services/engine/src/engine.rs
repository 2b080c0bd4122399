//! The owner: one task that takes what happens from the lanes, asks the dispatcher, and lets commands out once the commit
//! they follow from is durable.
//!
//! ```text
//! lanes ──> dispatcher ──> Commit ──> journal ─┐ durable up to n
//!   critical, ordinary,      └─> what follows ─┴─> held until then ─> bus, waiting requests
//!   positions last
//! ```
//! While a commit is being written the owner goes on; the journal writes everything that has gathered in one go.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use dispatch_core::{
    command::{Answer, Command},
    dispatcher::Dispatcher,
    input::{Input, RequestToken},
    policy::PolicyBook,
    record::{Entry, Record},
    time::Timestamp,
};
use tokio::sync::{oneshot, watch};

use crate::{
    inlet::{Arrival, Inlet, Lanes, lanes},
    ports::{Clock, Commit, Credentials as _, Entropy, Journal, JournalError, JournalNews, MessageBus, Outbound},
    registry::{Address, Directory, RegistryChange},
    requests::{EngineHandle, Request},
};

/// Commits that may be in flight before the owner stops taking in more. One round of the lanes and the deadlines adds at
/// most `2 * BATCH + POSITION_BATCH + BATCH`, which together stays below the 1,024 that a journal must be able to queue.
const IN_FLIGHT_MAX: usize = 512;
/// Arrivals taken from a lane at a time.
const BATCH: usize = 64;
/// Positions taken at a time; anything critical goes before the next batch.
const POSITION_BATCH: usize = 256;
/// How long the owner sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// The owner of the core's state.
pub struct Engine {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) directory: Arc<Directory>,
    pub(crate) entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    /// What is added to the clock, so that it does not run behind the journal when it was set back between two starts.
    ahead: Duration,
    inlet: Inlet,
    lanes: Option<Lanes>,
    durable: watch::Sender<u64>,
    located: watch::Sender<usize>,
    /// Sequence of the newest record given to the journal.
    submitted: u64,
    /// Sequences of commits not yet known to be durable.
    in_flight: VecDeque<u64>,
    /// What waits for a sequence to be durable, in order.
    held: VecDeque<(u64, Held)>,
    waiting: HashMap<RequestToken, oneshot::Sender<Answer>>,
    last_token: u64,
    /// Goes with the next commit.
    pub(crate) registry: Vec<RegistryChange>,
}

enum Held {
    Command(Command),
    Reply(Box<dyn FnOnce() + Send>),
}

impl Engine {
    /// An engine that knows nothing yet. Feed it the journal with [`Engine::recover`], then [`Engine::run`] it.
    pub fn new(
        policies: PolicyBook,
        directory: Arc<Directory>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let (inlet, lanes) = lanes();
        Self {
            dispatcher: Dispatcher::new(policies),
            directory,
            entropy,
            clock,
            ahead: Duration::ZERO,
            inlet,
            lanes: Some(lanes),
            durable: watch::Sender::new(0),
            located: watch::Sender::new(0),
            submitted: 0,
            in_flight: VecDeque::new(),
            held: VecDeque::new(),
            waiting: HashMap::new(),
            last_token: 0,
            registry: Vec::new(),
        }
    }

    /// Where the bus puts what phones say.
    pub fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// Where control rooms ask.
    pub fn handle(&self) -> EngineHandle {
        EngineHandle::new(self.inlet.clone(), self.durable.subscribe(), self.located.subscribe())
    }

    /// Applies a record of the journal, in order.
    pub fn recover(&mut self, entry: &Entry) {
        self.dispatcher.recover(entry);
        self.submitted = entry.sequence;
        self.durable.send_replace(entry.sequence);
    }

    /// Works until `stop` turns true, then finishes what is in flight. An error means that the journal failed: nothing
    /// more was acknowledged, and the process should end.
    pub async fn run(
        mut self,
        mut journal: impl Journal,
        bus: Arc<dyn MessageBus>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), JournalError> {
        let mut lanes = self.lanes.take().expect("taken once, here");
        self.ahead = self.dispatcher.state().last_at().since(self.clock.now());
        if !self.ahead.is_zero() {
            tracing::warn!(
                ms = self.ahead.as_millis(),
                "the clock was set back since the last record; running ahead of it"
            );
        }
        self.handle_input(Input::Started, &mut journal, &*bus)?;
        let mut critical = Vec::with_capacity(BATCH);
        let mut ordinary = Vec::with_capacity(BATCH);
        let mut positions = Vec::with_capacity(POSITION_BATCH);
        loop {
            let open = self.in_flight.len() < IN_FLIGHT_MAX;
            let sleep = self.until_next_deadline();
            tokio::select! {
                biased;
                news = journal.news() => self.handle_news(news?, &*bus),
                _ = stop.wait_for(|&stop| stop) => break,
                _ = lanes.critical.recv_many(&mut critical, BATCH), if open => {}
                () = tokio::time::sleep(sleep), if open => {}
                _ = lanes.ordinary.recv_many(&mut ordinary, BATCH), if open => {}
                _ = lanes.positions.recv_many(&mut positions, POSITION_BATCH), if open => {}
            }
            for arrival in critical.drain(..).chain(ordinary.drain(..)) {
                match arrival {
                    Arrival::Input(input, done) => {
                        self.handle_input(input, &mut journal, &*bus)?;
                        if let Some(done) = done {
                            self.reply_when_durable(done, (), &*bus);
                        }
                    }
                    Arrival::Request(request) => self.handle_request(request, &mut journal, &*bus)?,
                }
            }
            for input in positions.drain(..) {
                self.handle_input(input, &mut journal, &*bus)?;
            }
            self.handle_deadlines(&mut journal, &*bus)?;
            self.tell_located();
        }
        while !self.in_flight.is_empty() {
            let news = journal.news().await?;
            self.handle_news(news, &*bus);
        }
        Ok(())
    }

    fn tell_located(&self) {
        let located = self.dispatcher.state().responders_located();
        self.located
            .send_if_modified(|told| std::mem::replace(told, located) != located);
    }

    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead
    }

    fn until_next_deadline(&self) -> Duration {
        self.dispatcher
            .next_deadline()
            .map_or(IDLE, |at| at.since(self.now()).min(IDLE))
    }

    fn handle_deadlines(&mut self, journal: &mut impl Journal, bus: &dyn MessageBus) -> Result<(), JournalError> {
        // A bounded number at a time, so that a heap of them does not hold up an accept.
        for _ in 0..BATCH {
            let now = self.now();
            if self.dispatcher.next_deadline().is_none_or(|at| at > now) {
                break;
            }
            self.dispatcher.handle_deadline(now);
            self.carry_out(journal, bus)?;
        }
        Ok(())
    }

    pub(crate) fn handle_input(
        &mut self,
        input: Input,
        journal: &mut impl Journal,
        bus: &dyn MessageBus,
    ) -> Result<(), JournalError> {
        self.dispatcher.handle(input, self.now());
        self.carry_out(journal, bus)
    }

    fn handle_request(
        &mut self,
        request: Request,
        journal: &mut impl Journal,
        bus: &dyn MessageBus,
    ) -> Result<(), JournalError> {
        match request {
            Request::Ping { reply } => {
                // Whoever asked may have stopped waiting.
                let _ = reply.send(());
                Ok(())
            }
            Request::Report { report, address, reply } => {
                let (incident, placed) = (report.key.id(), report.place.is_some());
                let token = self.await_answer(reply);
                self.dispatcher.handle(Input::Report { token, report }, self.now());
                // A report that gives a place replaces the address, with none if it names none.
                let address = placed.then(|| RegistryChange::PutAddress {
                    incident,
                    address: address.unwrap_or_default(),
                });
                self.carry_out_with(address, journal, bus)
            }
            Request::End { ending, reply } => {
                let token = self.await_answer(reply);
                self.handle_input(Input::End { token, ending }, journal, bus)
            }
            Request::Register {
                rows,
                on_conflict,
                reply,
            } => {
                let mut registered = Vec::with_capacity(rows.len());
                for row in rows {
                    let (outcome, input) = self.register(row, on_conflict);
                    if let Some(input) = input {
                        self.dispatcher.handle(input, self.now());
                    }
                    registered.push(outcome);
                }
                self.carry_out(journal, bus)?;
                self.reply_when_durable(reply, registered, bus);
                Ok(())
            }
            Request::Update {
                tenant,
                responder,
                patch,
                reply,
            } => {
                let (outcome, input) = self.update(&tenant, responder, patch);
                self.handle_inputs(input, journal, bus)?;
                self.reply_when_durable(reply, outcome, bus);
                Ok(())
            }
            Request::Issue { enrolment, reply } => {
                let (outcome, input) = self.issue(enrolment);
                self.handle_inputs(input, journal, bus)?;
                self.reply_when_durable(reply, outcome, bus);
                Ok(())
            }
            Request::Revoke { tenant, device, reply } => {
                let (outcome, input) = self.revoke(&tenant, device);
                self.handle_inputs(input, journal, bus)?;
                self.reply_when_durable(reply, outcome, bus);
                Ok(())
            }
        }
    }

    fn handle_inputs(
        &mut self,
        input: Option<Input>,
        journal: &mut impl Journal,
        bus: &dyn MessageBus,
    ) -> Result<(), JournalError> {
        input.map_or(Ok(()), |input| self.handle_input(input, journal, bus))
    }

    fn await_answer(&mut self, reply: oneshot::Sender<Answer>) -> RequestToken {
        self.last_token += 1;
        let token = RequestToken(self.last_token);
        self.waiting.insert(token, reply);
        token
    }

    fn reply_when_durable<T: Send + 'static>(&mut self, reply: oneshot::Sender<T>, value: T, bus: &dyn MessageBus) {
        // A caller who has gone away is no reason to stop.
        self.hold(Held::Reply(Box::new(move || drop(reply.send(value)))), bus);
    }

    fn carry_out(&mut self, journal: &mut impl Journal, bus: &dyn MessageBus) -> Result<(), JournalError> {
        self.carry_out_with(None, journal, bus)
    }

    /// Carries out what the dispatcher wants done; everything it wants written down since the last time becomes one
    /// commit. `address` is written along if the report it came with was taken in.
    fn carry_out_with(
        &mut self,
        address: Option<RegistryChange>,
        journal: &mut impl Journal,
        bus: &dyn MessageBus,
    ) -> Result<(), JournalError> {
        let mut records = Vec::new();
        let mut follow_up = Vec::new();
        while let Some(command) = self.dispatcher.poll_command() {
            match command {
                Command::Commit(entries) if records.is_empty() => records = entries,
                Command::Commit(entries) => records.extend(entries),
                Command::Refused { device, refusal } => {
                    metrics::counter!("muster_phone_refused_total", "reason" => refusal.label()).increment(1);
                    tracing::debug!(%device, reason = refusal.label(), "refused what a phone said");
                }
                other => follow_up.push(other),
            }
        }
        let taken_in = records
            .iter()
            .any(|entry| matches!(entry.record, Record::IncidentReported(_)));
        self.registry.extend(address.filter(|_| taken_in));
        self.commit(records, journal)?;
        for command in follow_up {
            self.hold(Held::Command(command), bus);
        }
        Ok(())
    }

    fn commit(&mut self, entries: Vec<Entry>, journal: &mut impl Journal) -> Result<(), JournalError> {
        let Some(last) = entries.last().map(|entry| entry.sequence) else {
            return Ok(());
        };
        for entry in &entries {
            metrics::counter!("muster_records_total", "record" => entry.record.label()).increment(1);
        }
        let registry = std::mem::take(&mut self.registry);
        for change in &registry {
            self.directory.apply(change.clone());
        }
        journal.submit(Commit { entries, registry })?;
        self.submitted = last;
        self.in_flight.push_back(last);
        Ok(())
    }

    /// Lets something out once everything submitted so far is durable; at once if it is.
    fn hold(&mut self, held: Held, bus: &dyn MessageBus) {
        if self.in_flight.is_empty() {
            self.let_out(held, bus);
        } else {
            self.held.push_back((self.submitted, held));
        }
    }

    fn handle_news(&mut self, news: JournalNews, bus: &dyn MessageBus) {
        match news {
            JournalNews::Durable(sequence) => self.durable_up_to(sequence, bus),
            JournalNews::Full => tracing::error!("the store has no space left"),
            JournalNews::SpaceAgain => tracing::info!("the store has space again"),
        }
    }

    fn durable_up_to(&mut self, sequence: u64, bus: &dyn MessageBus) {
        while self.in_flight.front().is_some_and(|&last| last <= sequence) {
            self.in_flight.pop_front();
        }
        self.durable.send_replace(sequence);
        while self.held.front().is_some_and(|&(after, _)| after <= sequence) {
            let (_, held) = self.held.pop_front().expect("looked at above");
            self.let_out(held, bus);
        }
    }

    fn let_out(&mut self, held: Held, bus: &dyn MessageBus) {
        match held {
            Held::Reply(reply) => reply(),
            Held::Command(Command::Publish(message)) => self.publish(message, bus),
            Held::Command(Command::Answer { token, answer }) => {
                if let Some(reply) = self.waiting.remove(&token) {
                    // A caller who has gone away is no reason to stop.
                    let _ = reply.send(answer);
                }
            }
            Held::Command(Command::CloseSession { device }) => bus.close_session(device),
            Held::Command(Command::Commit(_) | Command::Refused { .. }) => unreachable!("carried out at once"),
        }
    }

    fn publish(&self, message: dispatch_core::command::DownMessage, bus: &dyn MessageBus) {
        // A device revoked since the decision is told nothing.
        let Some(to) = self.directory.access(message.device) else {
            return;
        };
        let address: Option<Address> = match &message.body {
            dispatch_core::command::DownBody::Confirmed { incident, .. } => self.directory.address(*incident),
            _ => None,
        };
        bus.publish(Outbound { to, message, address });
    }

    pub(crate) fn random_16(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes
    }
}
