//! The year: one thing after another until it is over.

mod desk;
mod register;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::ensure;
use dispatch_core::{ids::ResponderId, time::Timestamp};
use muster_engine::{ports::Entropy, requests::Refused};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::oneshot;

use crate::{
    agenda::{Agenda, Event},
    arguments::{PARTS, PARTS_WITH_RESTART, Scale},
    calls::{Call, START, Step},
    measure::{self, Latencies, Reading, Restart},
    people::Resident,
    phones::Phones,
    service::{Premises, Service},
    table,
};

const HOUR: Duration = Duration::from_secs(3_600);
/// The same moment may wake the owner this often: each time it acts on something, or it would never end.
const WAKES_AT_ONE_MOMENT_MAX: u32 = 1_000_000;
/// Why there always is a service.
const OPEN: &str = "only `restart` takes the service, and puts another in its place";

/// What came of it.
pub struct Outcome {
    /// One for each part.
    pub readings: Vec<Reading>,
    /// Answers that were missing or not what they should be.
    pub wrong_answers: u64,
    /// Alarms that the owner raised; nothing was wrong, so there should be none.
    pub alarms: u64,
}

/// A run on its way.
pub struct Run {
    scale: Scale,
    dir: PathBuf,
    premises: Premises,
    /// `None` only while it is started again.
    service: Option<Service>,
    agenda: Agenda,
    residents: Vec<Resident>,
    by_responder: HashMap<ResponderId, usize>,
    phones: Phones,
    chance: ChaCha8Rng,
    requests: Latencies,
    commits: Latencies,
    reported: u64,
    wrong_answers: u64,
    alarms: u64,
}

/// Random bytes that are the same for the same seed.
struct SeededEntropy(Mutex<ChaCha8Rng>);

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

impl Run {
    /// A service on a fresh store, with everybody registered and connected.
    pub fn new(scale: Scale, dir: &Path) -> anyhow::Result<Self> {
        let stream = |number: u64| ChaCha8Rng::seed_from_u64(scale.seed ^ (number << 32));
        let premises = Premises::new(dir, scale.retention, Arc::new(SeededEntropy(Mutex::new(stream(1)))))?;
        let service = premises.open(START)?;
        let mut run = Self {
            scale,
            dir: dir.to_owned(),
            premises,
            service: Some(service),
            agenda: Agenda::default(),
            residents: Vec::new(),
            by_responder: HashMap::new(),
            phones: Phones::new(scale.responders, scale.seed),
            chance: stream(2),
            requests: Latencies::new()?,
            commits: Latencies::new()?,
            reported: 0,
            wrong_answers: 0,
            alarms: 0,
        };
        run.register_everybody()?;
        run.everybody_connects(START)?;
        run.agenda.add(
            Call::draw(0, &scale).at,
            Event::Call {
                call: 0,
                step: Step::Report,
            },
        );
        run.agenda.add(START + HOUR, Event::Round { hour: 1 });
        Ok(run)
    }

    /// Runs it.
    pub fn finish(mut self) -> anyhow::Result<Outcome> {
        let mut readings = Vec::new();
        for part in 0..PARTS {
            let (began, worked, before) = (Instant::now(), measure::processor()?, self.reported);
            let end = START + self.scale.part_ends_after(part);
            self.until(end)?;
            self.service().settle()?;
            let mut reading = self.read(self.reported - before)?;
            let share = u32::try_from(reading.incidents.max(1))?;
            reading.took = began.elapsed();
            reading.processor = (measure::processor()? - worked) / share;
            if part < PARTS_WITH_RESTART || part + 1 == PARTS {
                reading.restart = Some(self.restart(end)?);
            }
            table::line(part, &reading);
            readings.push(reading);
        }
        Ok(Outcome {
            readings,
            wrong_answers: self.wrong_answers,
            alarms: self.alarms + self.service().alarms(),
        })
    }

    /// Everything that happens before `end`.
    fn until(&mut self, end: Timestamp) -> anyhow::Result<()> {
        let (mut last, mut wakes) = (START, 0);
        loop {
            let wake = self.service().next_wake();
            let Some(now) = wake
                .into_iter()
                .chain(self.agenda.next_at())
                .min()
                .filter(|&at| at < end)
            else {
                return Ok(());
            };
            let now = now.max(last);
            wakes = if now == last { wakes + 1 } else { 0 };
            ensure!(wakes < WAKES_AT_ONE_MOMENT_MAX, "time stands still at {now}");
            last = now;
            if wake.is_some_and(|wake| wake <= now) {
                self.service().time(now)?;
            } else if let Some(event) = self.agenda.take() {
                self.happen(event, now)?;
            }
            self.deliver(now);
        }
    }

    fn happen(&mut self, event: Event, now: Timestamp) -> anyhow::Result<()> {
        match event {
            Event::Call { call, step } => self.call(call, step, now),
            Event::Phone(act) => self
                .phones
                .act(act)
                .map_or(Ok(()), |input| self.service().input(input, now)),
            Event::Round { hour } => self.round(hour, now),
        }
    }

    /// Gives the phones what has left the service.
    fn deliver(&mut self, now: Timestamp) {
        for outbound in self.service().take_published() {
            let responder = outbound.to.device.responder;
            let Some(&who) = self.by_responder.get(&responder) else {
                continue;
            };
            let Self {
                phones, agenda, chance, ..
            } = self;
            phones.receive(who, &outbound.message, now, agenda, chance);
        }
    }

    fn read(&mut self, incidents: u64) -> anyhow::Result<Reading> {
        let (request, commit) = (self.requests.take(), self.commits.take());
        let disk = measure::disk(&self.dir)?;
        let service = self.service();
        Ok(Reading {
            incidents,
            sequence: service.state().sequence(),
            request,
            commit,
            memory: measure::memory()?,
            descriptors: measure::descriptors()?,
            disk,
            core: service.state().sizes(),
            addresses: service.directory.addresses_held(),
            ..Reading::default()
        })
    }

    fn service(&mut self) -> &mut Service {
        self.service.as_mut().expect(OPEN)
    }

    /// Stops the service and starts it again.
    fn restart(&mut self, now: Timestamp) -> anyhow::Result<Restart> {
        self.alarms += self.service().alarms();
        // One store, one service: the old one must be gone before the new one opens it.
        self.service = None;
        let began = Instant::now();
        self.service = Some(self.premises.open(now)?);
        let took = began.elapsed();
        let core = self.service().recovered();
        self.everybody_connects(now)?;
        Ok(Restart { took, core })
    }
}

/// What was answered, if it was; the owner answers before it returns, because it takes every commit for durable.
fn given<T>(mut answer: oneshot::Receiver<Result<T, Refused>>) -> Option<T> {
    answer.try_recv().ok()?.ok()
}
