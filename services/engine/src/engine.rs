//! The task round the [`Owner`]: takes what happens from the lanes and the clock, hands it over, and carries out what comes
//! of it.
//!
//! ```text
//! lanes ──> owner ──> journal
//!   critical, ordinary,  └──> bus, waiting requests, alarms
//!   positions last
//! ```
//! While a commit is being written the owner goes on; the journal writes everything that has gathered in one go.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use dispatch_core::{
    ids::ResponderId, policy::PolicyBook, position::Fix, record::Entry, roads::RoadGraph, roster::Positions,
    state::StateImage,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    alarms::AlarmBoard,
    inlet::{Arrival, Inlet, Lane, Lanes, What, lanes},
    owner::{Effect, Owner},
    ports::{Clock, Entropy, Journal, JournalError, MessageBus},
    registry::{Directory, RegistryChange},
    requests::{EngineHandle, Request},
    stages::{Reports, Stage},
};

/// Arrivals taken from a lane at a time.
const BATCH: usize = 64;
/// Positions taken at a time; anything critical goes before the next batch.
const POSITION_BATCH: usize = 256;
/// How long the owner sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);
/// After the journal failed, the bus has this long to send what is on its way before the process ends.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long stopping waits for the journal to make durable what is in flight; after this the service manager would kill
/// the process anyway.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// The task that owns the core's state.
pub struct Engine {
    owner: Owner,
    clock: Arc<dyn Clock>,
    alarms: AlarmBoard,
    inlet: Inlet,
    lanes: Lanes,
    durable: watch::Sender<u64>,
    located: watch::Sender<usize>,
    /// The sequence up to which the ledger has been counted.
    counted: u64,
    reports: Reports,
    /// What has been told of what became of positions.
    told: Option<Positions>,
}

impl Engine {
    /// An engine that knows nothing yet. Feed it the journal with [`Engine::recover`], then [`Engine::run`] it.
    pub fn new(
        policies: PolicyBook,
        directory: Arc<Directory>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        alarms: AlarmBoard,
    ) -> Self {
        let (inlet, lanes) = lanes();
        Self {
            owner: Owner::new(policies, directory, entropy),
            clock,
            alarms,
            inlet,
            lanes,
            durable: watch::Sender::new(0),
            located: watch::Sender::new(0),
            counted: 0,
            reports: Reports::default(),
            told: None,
        }
    }

    /// Measures ways along these streets.
    pub fn load_streets(&mut self, graph: Arc<RoadGraph>) {
        self.owner.load_streets(graph);
    }

    /// Where the bus puts what phones say.
    pub fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// Where control rooms ask.
    pub fn handle(&self) -> EngineHandle {
        EngineHandle::new(
            self.inlet.clone(),
            self.durable.subscribe(),
            self.located.subscribe(),
            self.alarms.clone(),
        )
    }

    /// Applies a record of the journal, in order.
    pub fn recover(&mut self, entry: &Entry) {
        self.owner.recover(entry);
        self.durable.send_replace(entry.sequence);
    }

    /// Takes up the state of a snapshot, before the first record is applied.
    pub fn restore(&mut self, image: StateImage) {
        self.durable.send_replace(image.sequence);
        self.owner.restore(image);
    }

    /// Enters a person or device of the register, whom a snapshot leaves out.
    pub fn recover_registered(&mut self, change: &RegistryChange) {
        self.owner.recover_registered(change);
    }

    /// Puts people where they were before the restart, once everybody is known.
    pub fn warm_up(&mut self, known: impl IntoIterator<Item = (ResponderId, Fix)>) {
        self.owner.warm_up(known, self.clock.now());
        self.located.send_replace(self.owner.state().responders_located());
    }

    /// Works until `stop` turns true, then finishes what has arrived and what is in flight. An error means that the
    /// journal failed: nothing more was acknowledged as durable, and the process should end.
    pub async fn run(
        mut self,
        mut journal: impl Journal,
        bus: Arc<dyn MessageBus>,
        stop: watch::Receiver<bool>,
    ) -> Result<(), JournalError> {
        let outcome = self.work(&mut journal, &*bus, stop).await;
        if outcome.is_err() {
            self.owner.handle_journal_failure();
            while let Some(effect) = self.owner.poll_effect() {
                self.carry_out_without_journal(effect, &*bus);
            }
            sleep(LAST_WORDS).await;
        }
        outcome
    }

    async fn work(
        &mut self,
        journal: &mut impl Journal,
        bus: &dyn MessageBus,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), JournalError> {
        self.owner.start(self.clock.now());
        self.carry_out(journal, bus)?;
        let mut critical = Vec::with_capacity(BATCH);
        let mut ordinary = Vec::with_capacity(BATCH);
        let mut positions = Vec::with_capacity(POSITION_BATCH);
        loop {
            let (all, more) = (self.owner.admits(Lane::Critical), self.owner.admits(Lane::Ordinary));
            let wake = self.until_next_wake();
            tokio::select! {
                biased;
                news = journal.news() => {
                    self.owner.handle_news(news?, self.clock.now());
                    self.reports.durable(self.owner.durable());
                }
                _ = stop.wait_for(|&stop| stop) => break,
                // A probe that has given up waiting is no reason to stop.
                Some(beat) = self.lanes.pulse.recv() => drop(beat.send(())),
                _ = self.lanes.critical.recv_many(&mut critical, BATCH), if all => {}
                () = sleep(wake) => {}
                _ = self.lanes.ordinary.recv_many(&mut ordinary, BATCH), if more => {}
                _ = self.lanes.positions.recv_many(&mut positions, POSITION_BATCH) => {}
            }
            self.measure_lag(critical.iter().chain(&ordinary));
            for arrival in critical.drain(..).chain(ordinary.drain(..)) {
                self.take(arrival);
            }
            let now = self.clock.now();
            for position in positions.drain(..) {
                self.owner.handle_input(position, None, now);
            }
            self.owner.handle_time(now);
            self.carry_out(journal, bus)?;
            self.tell_positions();
            self.tell_ledger();
        }
        self.drain(journal, bus).await
    }

    /// Takes in what lies in the lanes already, and waits until everything is durable.
    async fn drain(&mut self, journal: &mut impl Journal, bus: &dyn MessageBus) -> Result<(), JournalError> {
        self.lanes.critical.close();
        self.lanes.ordinary.close();
        let finish = async {
            loop {
                while self.owner.admits(Lane::Ordinary) {
                    let next = self
                        .lanes
                        .critical
                        .try_recv()
                        .or_else(|_| self.lanes.ordinary.try_recv());
                    let Ok(arrival) = next else { break };
                    self.take(arrival);
                }
                self.carry_out(journal, bus)?;
                if self.owner.is_settled() {
                    return Ok(());
                }
                let news = journal.news().await?;
                self.owner.handle_news(news, self.clock.now());
            }
        };
        timeout(DRAIN_WITHIN, finish).await.unwrap_or_else(|_| {
            Err(JournalError {
                doing: "finishing",
                cause: format!("not durable within {} s", DRAIN_WITHIN.as_secs()),
            })
        })
    }

    fn take(&mut self, arrival: Arrival) {
        let now = self.clock.now();
        match arrival.what {
            What::Input(input, done) => self.owner.handle_input(input, done, now),
            What::Request(request @ Request::Report { .. }) => {
                Stage::Lane.took(arrival.at);
                let began = Instant::now();
                self.owner.handle_request(request, now);
                Stage::Choose.took(began);
            }
            What::Request(request) => self.owner.handle_request(request, now),
        }
    }

    fn measure_lag<'a>(&self, arrivals: impl Iterator<Item = &'a Arrival>) {
        // A round that took nothing says nothing: news of the journal comes between any two batches.
        if let Some(lag) = arrivals.map(|arrival| arrival.at.elapsed()).max() {
            self.lanes.lag.set(lag);
        }
    }

    fn until_next_wake(&self) -> Duration {
        self.owner
            .next_wake()
            .map_or(IDLE, |at| at.since(self.clock.now()).min(IDLE))
    }

    fn carry_out(&mut self, journal: &mut impl Journal, bus: &dyn MessageBus) -> Result<(), JournalError> {
        while let Some(effect) = self.owner.poll_effect() {
            match effect {
                Effect::Submit(commit) => {
                    self.reports.submitted(&commit);
                    journal.submit(commit)?;
                }
                other => self.carry_out_without_journal(other, bus),
            }
        }
        self.durable
            .send_if_modified(|told| std::mem::replace(told, self.owner.durable()) != self.owner.durable());
        Ok(())
    }

    fn carry_out_without_journal(&self, effect: Effect, bus: &dyn MessageBus) {
        match effect {
            // Only after a failure of the journal, which ends the service.
            Effect::Submit(_) => {}
            Effect::Publish(outbound) => bus.publish(*outbound),
            Effect::CloseSession(device) => bus.close_session(device),
            Effect::Reply(reply) => reply(),
            Effect::Raise(kind, count) => self.alarms.raise(kind, None, self.clock.now(), count),
            Effect::Clear(kind) => self.alarms.clear(kind, None),
        }
    }

    /// Counts what became of messages: totals since the journal began, which a restart does not set back.
    fn tell_ledger(&mut self) {
        let state = self.owner.state();
        if std::mem::replace(&mut self.counted, state.sequence()) == state.sequence() {
            return;
        }
        for (kind, total) in state.ledger().planned() {
            metrics::counter!("muster_messages_planned_total", "kind" => kind.label()).absolute(total);
        }
        for (kind, outcome, total) in state.ledger().settled() {
            let labels = [("kind", kind.label()), ("outcome", outcome.label())];
            metrics::counter!("muster_messages_total", &labels).absolute(total);
        }
        metrics::gauge!("muster_messages_open").set(state.ledger().open() as f64);
    }

    fn tell_positions(&mut self) {
        let positions = self.owner.state().positions();
        if self.told.replace(positions) != Some(positions) {
            for (outcome, total) in positions.counts() {
                metrics::counter!("muster_positions_total", "outcome" => outcome).absolute(total);
            }
        }
        let located = self.owner.state().responders_located();
        self.located
            .send_if_modified(|told| std::mem::replace(told, located) != located);
    }
}
