//! The judge: a slow, obvious model that sees only the outside (what control rooms said and were answered, what left for
//! the phones and what they logged, what the journal holds) and says whether the service kept its promises.
//!
//! What is acted upon but not yet durable is judged too: the commits as the service hands them to its journal. After a
//! crash the model is made anew from what the disk still has, and what was promised must be in it.

mod book;
mod call_outs;
mod letters;
mod pages;
mod people;
mod promises;
mod settled;
mod waits;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    time::Duration,
};

use dispatch_core::{
    command::Answer,
    ids::{AlertId, DeviceId, IncidentId, ResponderId},
    record::{Entry, Record},
    state::State,
    time::Timestamp,
};
use muster_engine::{alarms::AlarmKind, ports::Commit};

use self::{
    book::Book,
    letters::{PhonePage, SentPage},
    people::Told,
};
use super::{
    cast::{self, policies},
    handset::Handset,
    plan::{Event, Plan},
};

/// A promise that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which; the same words mean the same promise.
    pub promise: &'static str,
    /// How.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.text)
    }
}

/// How often something was seen, by name.
pub type Counts = BTreeMap<&'static str, u64>;

/// A request the service has taken in and not yet answered.
struct Arrived {
    at: u64,
    urgent: bool,
}

/// The judge.
pub struct Judge {
    plan: Plan,
    violation: Option<Violation>,
    counts: Counts,
    incidents: BTreeMap<IncidentId, u32>,
    /// What control rooms have said, by incident.
    said: BTreeMap<u32, Vec<Event>>,
    rooms_closed: bool,
    healed: bool,
    book: Book,
    /// What applying the same records in the core gives.
    shadow: State,
    /// A fingerprint of each record handed to the journal, by its sequence less one.
    written: Vec<u64>,
    /// The highest sequence that was promised to anybody.
    promised: u64,
    durable: u64,
    /// The same before the journal last told something: what was held back until then leaves now.
    durable_before: u64,
    in_flight: VecDeque<(u64, u64)>,
    first_of_life: u64,
    journal_failed: bool,
    ahead: Duration,
    /// Since when the service can act: it started, or a pause ended.
    able_since: Timestamp,
    able_since_ms: u64,
    /// Since when anything may leave: the record of the start is durable.
    acting_since: Option<u64>,
    told: Told,
    /// Since when a person could be asked for an incident that is short of people.
    free_since: BTreeMap<(IncidentId, ResponderId), Timestamp>,
    arrived: BTreeMap<usize, Arrived>,
    answers: BTreeMap<usize, Answer>,
    alarms: BTreeSet<AlarmKind>,
    sent: BTreeMap<(DeviceId, AlertId), SentPage>,
    phones: Vec<PhonePage>,
    /// Alerts of which a phone was told more, while the store was in trouble, than a crash has left in the journal.
    orphans: BTreeSet<AlertId>,
    touched: BTreeSet<IncidentId>,
    now_ms: u64,
}

impl Judge {
    /// A judge of a plan's world.
    pub fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            violation: None,
            counts: Counts::new(),
            incidents: (0..plan.incidents)
                .map(|incident| (cast::incident_id(plan, incident), incident))
                .collect(),
            said: BTreeMap::new(),
            rooms_closed: false,
            healed: false,
            book: Book::new(policies()),
            shadow: State::default(),
            written: Vec::new(),
            promised: 0,
            durable: 0,
            durable_before: 0,
            in_flight: VecDeque::new(),
            first_of_life: 1,
            journal_failed: false,
            ahead: Duration::ZERO,
            able_since: Timestamp::default(),
            able_since_ms: 0,
            acting_since: None,
            told: Told::default(),
            free_since: BTreeMap::new(),
            arrived: BTreeMap::new(),
            answers: BTreeMap::new(),
            alarms: BTreeSet::new(),
            sent: BTreeMap::new(),
            phones: Vec::new(),
            orphans: BTreeSet::new(),
            touched: BTreeSet::new(),
            now_ms: 0,
        }
    }

    /// Notes a broken promise; the first one counts.
    pub fn violates(&mut self, promise: &'static str, text: fmt::Arguments<'_>) {
        self.violation.get_or_insert_with(|| Violation {
            promise,
            text: text.to_string(),
        });
    }

    /// The first broken promise.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The same, taken out.
    pub fn take_violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    fn broken(&self) -> bool {
        self.violation.is_some()
    }

    /// What was seen, counted.
    pub fn counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// The present moment of the world.
    pub fn time(&mut self, at: u64) {
        self.now_ms = at;
    }

    /// A control room says something about an incident.
    pub fn room_says(&mut self, event: &Event) {
        let (super::plan::What::Report { incident, .. } | super::plan::What::End { incident, .. }) = event.what else {
            return;
        };
        self.said.entry(incident).or_default().push(event.clone());
    }

    /// The faults have ended.
    pub fn healed(&mut self) {
        self.healed = true;
    }

    /// An alarm goes up or down.
    pub fn alarm(&mut self, kind: AlarmKind, up: bool) {
        if up {
            self.count("alarms");
            self.alarms.insert(kind);
        } else {
            self.alarms.remove(&kind);
        }
    }

    /// A phone was enrolled.
    pub fn enrolled(&mut self, phone: usize, handset: &Handset) {
        if self.phones.len() <= phone {
            self.phones.resize_with(phone + 1, PhonePage::default);
        }
        self.phones[phone].purpose = Some(handset.cast.purpose);
    }

    // --- the life of the service

    /// The service starts from these records.
    pub fn started(&mut self, entries: &[Entry], state: &State, machine: Timestamp) {
        self.count("starts");
        let last = entries.last().map_or(0, |entry| entry.sequence);
        if last < self.promised {
            let promised = self.promised;
            return self.violates(
                "I1 lost",
                format_args!("record {promised} was promised, {last} is the last there is"),
            );
        }
        for entry in entries {
            let known = self.written.get((entry.sequence - 1) as usize);
            if known != Some(&fingerprint(entry)) {
                let sequence = entry.sequence;
                return self.violates("I1 changed", format_args!("record {sequence} is not the one written"));
            }
        }
        self.written.truncate(last as usize);
        self.book = Book::new(policies());
        self.shadow = State::default();
        for entry in entries {
            if let Err((promise, text)) = self.book.enter(entry) {
                return self.violates(promise, format_args!("after a restart: {text}"));
            }
            self.shadow.apply(entry);
        }
        self.compare(state, "after a restart");
        self.find_orphans();
        self.ahead = self.book.last_at.since(machine);
        self.able_since = machine + self.ahead;
        self.able_since_ms = self.now_ms;
        (self.durable, self.durable_before) = (last, last);
        self.first_of_life = last + 1;
        (self.acting_since, self.journal_failed) = (None, false);
        self.in_flight.clear();
        self.told = Told::default();
        self.free_since.clear();
        self.arrived.clear();
        self.alarms.clear();
    }

    /// The service hands a commit to its journal.
    pub fn submitted(&mut self, commit: &Commit, at: u64) {
        let Some(last) = commit.entries.last() else { return };
        self.in_flight.push_back((last.sequence, at));
        for entry in &commit.entries {
            if self.broken() {
                return;
            }
            self.count(entry.record.label());
            self.written.push(fingerprint(entry));
            self.shadow.apply(entry);
            if let Err((promise, text)) = self.book.enter(entry) {
                return self.violates(promise, format_args!("record {}: {text}", entry.sequence));
            }
            self.touch(entry);
            if let Record::Decided(decision) = &entry.record {
                self.check_called(decision);
            }
        }
        for incident in std::mem::take(&mut self.touched) {
            if let Err((promise, text)) = self.book.check(incident) {
                return self.violates(promise, format_args!("after record {}: {text}", last.sequence));
            }
        }
    }

    fn find_orphans(&mut self) {
        for (&(_, alert), page) in &self.sent {
            let known = self.book.alerts.get(&alert).map_or(0, |known| known.version);
            if page.version > known && self.orphans.insert(alert) {
                *self.counts.entry("told and lost").or_default() += 1;
            }
        }
    }

    fn touch(&mut self, entry: &Entry) {
        let incident = match &entry.record {
            Record::IncidentReported(report) => Some(report.incident),
            Record::IncidentEnded { incident, .. } | Record::IncidentStateChanged { incident, .. } => Some(*incident),
            Record::Decided(decision) => Some(decision.incident),
            record => record
                .alert()
                .and_then(|alert| self.book.alerts.get(&alert))
                .map(|alert| alert.incident),
        };
        self.touched.extend(incident);
    }

    /// A pause of the service is over.
    pub fn able_again(&mut self, clock: Option<Timestamp>) {
        if let Some(clock) = clock {
            self.able_since = clock + self.ahead;
            self.able_since_ms = self.now_ms;
        }
    }

    /// The service has carried out everything that came of one thing.
    pub fn after_step(&mut self, state: &State, _now: Timestamp) {
        if state.sequence() != self.book.sequence {
            let (told, known) = (self.book.sequence, state.sequence());
            self.violates(
                "I7 sequence",
                format_args!("the service is at {known}, its journal at {told}"),
            );
        }
    }

    /// The service dies with this in its memory.
    pub fn died(&mut self, state: &State) {
        self.count("deaths");
        if state.sequence() == self.shadow.sequence() {
            self.compare(state, "before a crash");
        }
        self.acting_since = None;
        self.arrived.clear();
    }
}

/// Over the stored bytes of a record and its place.
fn fingerprint(entry: &Entry) -> u64 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hash = DefaultHasher::new();
    hash.write_u64(entry.sequence);
    hash.write_i64(entry.at.unix_ms());
    hash.write(&muster_store::mapping::encode(&entry.record));
    hash.finish()
}
