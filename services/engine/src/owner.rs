//! The owner of the core's state, without a clock or a network: what arrives goes to the dispatcher, what it wants written
//! down becomes commits, and what follows from them is let out once they are durable.
//!
//! ```text
//! handle_* ──> dispatcher ──> Effect::Submit ──> journal ─┐ handle_news(durable up to n)
//!                  └─> what follows ──────────────────────┴─> held back until then ─> Effect::Publish, Reply
//! ```
//! While the store is in trouble, DESIGN section 5 decides: slow past 250 ms, what a life depends on goes on and says that
//! it is not durable; full, everything else is refused; failed, what is in flight is finished and the service ends.

mod held;
mod leaving;

pub use held::SLOW_AFTER;
pub use leaving::LEAVES_WITHIN;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use dispatch_core::{
    alert::MessageKind,
    command::{Answer, Command, DownBody, DownMessage},
    dispatcher::Dispatcher,
    ids::{DeviceId, IncidentId, ResponderId},
    input::{DeliveryStage, Input, RequestToken},
    policy::PolicyBook,
    position::Fix,
    record::{Entry, Record},
    roads::RoadGraph,
    state::{State, StateImage},
    time::Timestamp,
};
use tokio::sync::oneshot;

use crate::{
    alarms::AlarmKind,
    inlet::Lane,
    owner::{
        held::{Held, HeldBack},
        leaving::Leaving,
    },
    ports::{Commit, Credentials as _, Entropy, JournalNews, Outbound},
    registry::{Directory, RegistryChange},
    requests::{Answered, FixesPage, Refused, ReplyTo, Request},
};

/// Commits in flight beyond which nothing but what a life depends on is taken in: far more than group commit needs to
/// work well, and a second's worth of the store's slowest days.
const IN_FLIGHT_ORDINARY_MAX: usize = 512;
/// Commits in flight beyond which nothing is taken in at all. A store that has stood still for this long keeps reports
/// waiting at the door, where they are refused in the open. The journal queues more than this.
pub const IN_FLIGHT_MAX: usize = 8_192;
/// People looked at for one page of fixes: a tenth of a millisecond, in which nothing else is done.
const FIXES_LOOKED_AT: usize = 4_096;
/// Deadlines acted upon at a time, so that a heap of them does not hold up an accept.
const DEADLINES_AT_ONCE: usize = 64;

/// What is to be done; in order.
pub enum Effect {
    /// Give this to the journal.
    Submit(Commit),
    /// Send this to a phone.
    Publish(Box<Outbound>),
    /// End a device's session.
    CloseSession(DeviceId),
    /// Tell somebody who waits.
    Reply(Box<dyn FnOnce() + Send>),
    /// Put an alarm up, with its count.
    Raise(AlarmKind, u64),
    /// Take an alarm down.
    Clear(AlarmKind),
}

/// The owner.
pub struct Owner {
    dispatcher: Dispatcher,
    policies: PolicyBook,
    pub(crate) directory: Arc<Directory>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// What is added to the clock, so that it does not run behind the journal when it was set back between two starts.
    ahead: Duration,
    held: HeldBack,
    waiting: HashMap<RequestToken, ReplyTo<Answered>>,
    last_token: u64,
    /// Goes with the next commit.
    pub(crate) registry: Vec<RegistryChange>,
    leaving: Leaving,
    /// Alarms this owner has up.
    store_slow: bool,
    store_full: bool,
    not_leaving: u64,
    effects: VecDeque<Effect>,
}

impl Owner {
    /// An owner that knows nothing yet. Feed it the journal with [`Owner::recover`], then [`Owner::start`] it.
    pub fn new(policies: PolicyBook, directory: Arc<Directory>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            dispatcher: Dispatcher::new(policies.clone()),
            policies,
            directory,
            entropy,
            ahead: Duration::ZERO,
            held: HeldBack::default(),
            waiting: HashMap::new(),
            last_token: 0,
            registry: Vec::new(),
            leaving: Leaving::default(),
            store_slow: false,
            store_full: false,
            not_leaving: 0,
            effects: VecDeque::new(),
        }
    }

    /// Measures ways along these streets from now on.
    pub fn load_streets(&mut self, graph: Arc<RoadGraph>) {
        self.dispatcher.load_streets(graph);
    }

    /// Applies a record of the journal, in order.
    pub fn recover(&mut self, entry: &Entry) {
        self.dispatcher.recover(entry);
        self.held.recovered(entry.sequence);
    }

    /// Takes up the state of a snapshot, before the first record is applied.
    pub fn restore(&mut self, image: StateImage) {
        let sequence = image.sequence;
        self.dispatcher.restore(image);
        self.held.recovered(sequence);
    }

    /// Enters a person or device of the register, whom a snapshot leaves out.
    pub fn recover_registered(&mut self, change: &RegistryChange) {
        match change {
            RegistryChange::PutResponder(row) => self.dispatcher.recover_person(row.profile.clone()),
            RegistryChange::PutDevice(access) => self.dispatcher.recover_device(access.device),
            // Who may speak for others is decided where messages come in.
            RegistryChange::RevokeDevice(_)
            | RegistryChange::PutTrunk(_)
            | RegistryChange::RevokeTrunk(_)
            // A snapshot has them.
            | RegistryChange::PutAed(_)
            | RegistryChange::RemoveAed(_)
            | RegistryChange::PutAddress { .. } => {}
        }
    }

    /// Puts people where they were before the restart, once they are known. A fix that seems to be from the future was
    /// taken before the clock was set back, and counts as taken at the restart.
    pub fn warm_up(&mut self, known: impl IntoIterator<Item = (ResponderId, Fix)>, now: Timestamp) {
        for (responder, mut fix) in known {
            fix.taken_at = fix.taken_at.min(now);
            self.dispatcher.warm_up(responder, fix);
        }
    }

    /// The journal has been replayed: starts to act.
    pub fn start(&mut self, now: Timestamp) {
        self.ahead = self.dispatcher.state().last_at().since(now);
        if !self.ahead.is_zero() {
            tracing::warn!(
                ms = self.ahead.as_millis(),
                "the clock was set back since the last record; running ahead of it"
            );
        }
        self.handle_input(Input::Started, None, now);
    }

    /// Whether what lies in a lane may be taken in now.
    pub fn admits(&self, lane: Lane) -> bool {
        match lane {
            Lane::Critical => self.held.in_flight() < IN_FLIGHT_MAX,
            Lane::Ordinary => self.held.in_flight() < IN_FLIGHT_ORDINARY_MAX,
            // Positions leave nothing behind, and the index must not fall behind while the store is slow.
            Lane::Positions => true,
        }
    }

    /// Takes in something that a phone or the bus said; `done` is told once what follows from it is durable.
    pub fn handle_input(&mut self, input: Input, done: Option<oneshot::Sender<()>>, now: Timestamp) {
        if let Input::Delivery {
            alert, version, stage, ..
        } = &input
            && *stage != DeliveryStage::Failed
        {
            self.leaving.left(*alert, *version, now + self.ahead);
            if *stage >= DeliveryStage::Received {
                self.leaving.heard();
            }
        }
        if matches!(input, Input::Reply { .. }) {
            self.leaving.heard();
        }
        // A position leaves nothing behind, so nothing can leave because of it.
        let is_silent = input.is_position() && done.is_none();
        self.dispatcher.handle(input, now + self.ahead);
        if is_silent {
            return;
        }
        self.carry_out(None, now);
        if let Some(done) = done {
            let tell = move || {
                // A phone that has gone away is no reason to stop.
                let _ = done.send(());
            };
            self.hold(Held::Reply(Box::new(tell)), false);
        }
        self.let_out(now);
    }

    /// Takes in a request of a control room.
    pub fn handle_request(&mut self, request: Request, now: Timestamp) {
        if self.store_full && !self.is_vital(&request) {
            metrics::counter!("muster_refused_store_full_total").increment(1);
            refuse(request, Refused::StoreFull);
            return;
        }
        match request {
            // Whoever asked may have stopped waiting; here and below that is no reason to stop.
            Request::Ping { reply } => drop(reply.send(Ok(()))),
            Request::Fixes { from, reply } => drop(reply.send(Ok(self.fixes(from)))),
            Request::Report { report, address, reply } => {
                let (incident, placed) = (report.key.id(), report.place.is_some());
                let token = self.await_answer(reply);
                self.dispatcher
                    .handle(Input::Report { token, report: *report }, now + self.ahead);
                // A report that gives a place replaces the address, with none if it names none.
                let address = placed.then(|| RegistryChange::PutAddress {
                    incident,
                    address: address.unwrap_or_default(),
                });
                self.carry_out(address, now);
            }
            Request::End { ending, reply } => {
                let token = self.await_answer(reply);
                self.dispatcher.handle(Input::End { token, ending }, now + self.ahead);
                self.carry_out(None, now);
            }
            Request::Register {
                rows,
                on_conflict,
                reply,
            } => {
                let mut registered = Vec::with_capacity(rows.len());
                for row in rows {
                    let (outcome, input) = self.register(row, on_conflict);
                    registered.push(outcome);
                    self.take_in(input, now);
                }
                self.carry_out(None, now);
                self.reply_when_durable(reply, registered);
            }
            Request::Update {
                tenant,
                responder,
                patch,
                reply,
            } => {
                let (outcome, input) = self.update(&tenant, responder, patch);
                self.answer_change(outcome, input, reply, now);
            }
            Request::RegisterAeds {
                rows,
                on_conflict,
                reply,
            } => {
                let mut registered = Vec::with_capacity(rows.len());
                for row in rows {
                    let (outcome, input) = self.register_aed(row, on_conflict);
                    registered.push(outcome);
                    self.take_in(input, now);
                }
                self.carry_out(None, now);
                self.reply_when_durable(reply, registered);
            }
            Request::UpdateAed {
                tenant,
                aed,
                patch,
                reply,
            } => {
                let (outcome, input) = self.update_aed(&tenant, aed, *patch);
                self.answer_change(outcome, input, reply, now);
            }
            Request::RemoveAed { tenant, aed, reply } => {
                let (outcome, input) = self.remove_aed(&tenant, aed);
                self.answer_change(outcome, input, reply, now);
            }
            Request::Issue { enrolment, reply } => {
                let (outcome, input) = self.issue(enrolment);
                self.answer_change(outcome, input, reply, now);
            }
            Request::IssueTrunk { enrolment, reply } => {
                let (issued, input) = self.issue_trunk(enrolment);
                self.take_in(Some(input), now);
                self.carry_out(None, now);
                self.reply_when_durable(reply, issued);
            }
            Request::RevokeTrunk { tenant, trunk, reply } => {
                let (outcome, input) = self.revoke_trunk(&tenant, trunk);
                self.answer_change(outcome, input, reply, now);
            }
            Request::Revoke { tenant, device, reply } => {
                let (outcome, input) = self.revoke(&tenant, device);
                self.answer_change(outcome, input, reply, now);
            }
        }
        self.let_out(now);
    }

    /// When [`Owner::handle_time`] next has something to do; `None` while there is nothing to wait for or too much is in
    /// flight already.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let deadline = self.dispatcher.next_deadline().map(|at| at - self.ahead);
        let deadline = deadline.filter(|_| self.admits(Lane::Critical));
        let slow = self.held.slow_at();
        let leaving = self.leaving.look_at().map(|at| at - self.ahead);
        let leaving = leaving.filter(|_| self.not_leaving == 0);
        [deadline, slow, leaving].into_iter().flatten().min()
    }

    /// Acts on what is due; a bounded amount at a time.
    pub fn handle_time(&mut self, now: Timestamp) {
        for _ in 0..DEADLINES_AT_ONCE {
            let due = self.dispatcher.next_deadline().is_some_and(|at| at <= now + self.ahead);
            if !due || !self.admits(Lane::Critical) {
                break;
            }
            self.dispatcher.handle_deadline(now + self.ahead);
            self.carry_out(None, now);
        }
        self.let_out(now);
    }

    /// Takes in what the journal tells.
    pub fn handle_news(&mut self, news: JournalNews, now: Timestamp) {
        match news {
            JournalNews::Durable(sequence) => self.held.durable_up_to(sequence),
            JournalNews::Full => {
                self.store_full = true;
                self.effects.push_back(Effect::Raise(AlarmKind::StoreFull, 0));
            }
            JournalNews::SpaceAgain => {
                self.store_full = false;
                self.effects.push_back(Effect::Clear(AlarmKind::StoreFull));
            }
        }
        self.let_out(now);
    }

    /// The journal failed: what a life depends on is let out, not durable; everything else is left unanswered. The
    /// process is to end now.
    pub fn handle_journal_failure(&mut self) {
        self.effects.push_back(Effect::Raise(AlarmKind::StoreFailed, 0));
        for held in self.held.take_urgent() {
            self.release(held, false);
        }
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What is known.
    pub fn state(&self) -> &State {
        self.dispatcher.state()
    }

    /// The highest durable sequence.
    pub fn durable(&self) -> u64 {
        self.held.durable()
    }

    /// Whether everything handed to the journal is durable.
    pub fn is_settled(&self) -> bool {
        self.held.in_flight() == 0
    }

    fn fixes(&self, from: usize) -> FixesPage {
        let state = self.dispatcher.state();
        let next = from.saturating_add(FIXES_LOOKED_AT);
        FixesPage {
            fixes: state.fixes(from, FIXES_LOOKED_AT).collect(),
            next: (next < state.responders_registered()).then_some(next),
        }
    }

    fn is_vital(&self, request: &Request) -> bool {
        match request {
            Request::Report { report, .. } => self.policies.is_life_threatening(&report.key.tenant, &report.kind),
            Request::End { .. } | Request::Ping { .. } | Request::Fixes { .. } => true,
            _ => false,
        }
    }

    fn take_in(&mut self, input: Option<Input>, now: Timestamp) {
        if let Some(input) = input {
            self.dispatcher.handle(input, now + self.ahead);
        }
    }

    fn answer_change<T: Send + 'static>(
        &mut self,
        outcome: T,
        input: Option<Input>,
        reply: ReplyTo<T>,
        now: Timestamp,
    ) {
        self.take_in(input, now);
        self.carry_out(None, now);
        self.reply_when_durable(reply, outcome);
    }

    fn await_answer(&mut self, reply: ReplyTo<Answered>) -> RequestToken {
        self.last_token += 1;
        let token = RequestToken(self.last_token);
        self.waiting.insert(token, reply);
        token
    }

    fn reply_when_durable<T: Send + 'static>(&mut self, reply: ReplyTo<T>, value: T) {
        self.hold(Held::Reply(Box::new(move || drop(reply.send(Ok(value))))), false);
    }

    /// Carries out what the dispatcher wants done; everything it wants written down since the last time becomes one
    /// commit. `address` is written along if the report it came with was taken in.
    fn carry_out(&mut self, address: Option<RegistryChange>, now: Timestamp) {
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
                Command::Publish(message) => {
                    if let Some((alert, version)) = message.about {
                        self.leaving.decided(alert, version, now + self.ahead);
                    }
                    follow_up.push((self.is_urgent(&message), Held::Publish(message)));
                }
                Command::Answer { token, answer } => {
                    follow_up.push((self.is_urgent_answer(&answer), Held::Answer { token, answer }));
                }
                Command::CloseSession { device } => follow_up.push((false, Held::CloseSession(device))),
            }
        }
        let taken_in = records
            .iter()
            .any(|entry| matches!(entry.record, Record::IncidentReported(_)));
        self.registry.extend(address.filter(|_| taken_in));
        self.commit(records, now);
        for (urgent, held) in follow_up {
            self.hold(held, urgent);
        }
    }

    fn commit(&mut self, entries: Vec<Entry>, now: Timestamp) {
        let Some(last) = entries.last().map(|entry| entry.sequence) else {
            return;
        };
        for entry in &entries {
            metrics::counter!("muster_records_total", "record" => entry.record.label()).increment(1);
            if let Record::IncidentForgotten { incident } = entry.record {
                self.directory.forget_address(incident);
            }
        }
        let registry = std::mem::take(&mut self.registry);
        for change in &registry {
            self.directory.apply(change.clone());
        }
        self.held.submit(last, now);
        self.effects.push_back(Effect::Submit(Commit { entries, registry }));
    }

    fn is_urgent(&self, message: &DownMessage) -> bool {
        let alert = message.about.and_then(|(alert, _)| self.state().alert(alert));
        alert.is_some_and(|alert| self.is_incident_urgent(alert.incident))
    }

    fn is_urgent_answer(&self, answer: &Answer) -> bool {
        match answer {
            Answer::Reported(reported) => self.is_incident_urgent(reported.incident),
            Answer::Ended(_) => true,
            Answer::RequestIdReused { .. } | Answer::PurposeChanged { .. } | Answer::CallOutChanged { .. } => false,
        }
    }

    fn is_incident_urgent(&self, incident: IncidentId) -> bool {
        let incident = self.state().incident(incident);
        // Of one that ended before it was reported, or is forgotten, nobody knows the kind: in doubt a life depends on it.
        incident.is_none_or(|incident| {
            let reported = incident.reported.as_ref();
            reported.is_none_or(|reported| self.policies.is_life_threatening(&incident.key.tenant, &reported.kind))
        })
    }

    fn hold(&mut self, held: Held, urgent: bool) {
        self.held.hold(held, urgent);
    }

    /// Lets out what may leave by now, and looks whether the alarms are still true.
    fn let_out(&mut self, now: Timestamp) {
        while let Some(held) = self.held.next_durable() {
            self.release(held, true);
        }
        let slow = self.held.is_slow(now);
        if slow {
            let urgent = self.held.take_urgent();
            if !urgent.is_empty() && !self.store_slow {
                self.store_slow = true;
                let waiting = self.held.in_flight() as u64;
                self.effects.push_back(Effect::Raise(AlarmKind::StoreSlow, waiting));
            }
            for held in urgent {
                metrics::counter!("muster_let_out_before_durable_total").increment(1);
                self.release(held, false);
            }
        } else if std::mem::take(&mut self.store_slow) {
            self.effects.push_back(Effect::Clear(AlarmKind::StoreSlow));
        }
        self.watch_leaving(now + self.ahead);
    }

    fn release(&mut self, held: Held, durable: bool) {
        match held {
            Held::Reply(reply) => self.effects.push_back(Effect::Reply(reply)),
            Held::Publish(message) => self.publish(message),
            Held::Answer { token, answer } => {
                if let Some(reply) = self.waiting.remove(&token) {
                    let answered = Answered { answer, durable };
                    let tell = move || drop(reply.send(Ok(answered)));
                    self.effects.push_back(Effect::Reply(Box::new(tell)));
                }
            }
            Held::CloseSession(device) => self.effects.push_back(Effect::CloseSession(device)),
        }
    }

    fn publish(&mut self, message: DownMessage) {
        let Some(to) = self.directory.access(message.device) else {
            // A device revoked since the decision is told nothing.
            let about = message.about.map(|(alert, _)| alert);
            self.leaving.forget(|alert| Some(alert) == about);
            return;
        };
        let (address, aed) = match &message.body {
            DownBody::Confirmed { incident, role, .. } => (
                self.directory.address(*incident),
                role.aed().and_then(|aed| self.directory.aed(aed)).map(Box::new),
            ),
            _ => (None, None),
        };
        let outbound = Outbound {
            to,
            message,
            address,
            aed,
        };
        self.effects.push_back(Effect::Publish(Box::new(outbound)));
    }

    fn watch_leaving(&mut self, now: Timestamp) {
        self.leaving.age(now);
        let mut stuck = self.leaving.stuck(now);
        if stuck > 0 {
            let state = self.dispatcher.state();
            self.leaving.forget(|id| {
                let wanted = state.alert(id).is_some_and(|alert| {
                    let asks = alert.message.kind == MessageKind::Alert;
                    alert.message.stage < Some(DeliveryStage::Published) && (!asks || alert.state.is_open())
                });
                !wanted
            });
            stuck = self.leaving.stuck(now);
        }
        if stuck != self.not_leaving {
            self.not_leaving = stuck;
            self.effects.push_back(match stuck {
                0 => Effect::Clear(AlarmKind::AlertsNotLeaving),
                count => Effect::Raise(AlarmKind::AlertsNotLeaving, count),
            });
        }
    }

    pub(crate) fn random_16(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

fn refuse(request: Request, why: Refused) {
    match request {
        Request::Ping { reply } => drop(reply.send(Err(why))),
        Request::Fixes { reply, .. } => drop(reply.send(Err(why))),
        Request::Report { reply, .. } | Request::End { reply, .. } => drop(reply.send(Err(why))),
        Request::Register { reply, .. } => drop(reply.send(Err(why))),
        Request::Update { reply, .. } => drop(reply.send(Err(why))),
        Request::RegisterAeds { reply, .. } => drop(reply.send(Err(why))),
        Request::UpdateAed { reply, .. } => drop(reply.send(Err(why))),
        Request::RemoveAed { reply, .. } => drop(reply.send(Err(why))),
        Request::Issue { reply, .. } => drop(reply.send(Err(why))),
        Request::IssueTrunk { reply, .. } => drop(reply.send(Err(why))),
        Request::Revoke { reply, .. } | Request::RevokeTrunk { reply, .. } => drop(reply.send(Err(why))),
    }
}
