//! What the control room was told: every acknowledgement, incident by incident.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use muster_proto::v1::ReportIncidentRequest;
use tokio::{sync::Notify, time::timeout};

/// How the control room ends an incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// It is over.
    Close,
    /// Not needed after all.
    StandDown,
}

/// An acknowledgement.
#[derive(Clone, Debug)]
pub struct Answered {
    /// When it arrived.
    pub at: Instant,
    /// Muster's name for the incident.
    pub incident_id: String,
    /// Of the record.
    pub sequence: u64,
    /// Whether it claims to be on the disk.
    pub durable: bool,
    /// People a report caused to be asked.
    pub alerts_planned: u32,
}

/// One incident as the control room knows it.
#[derive(Clone, Debug)]
pub struct Story {
    /// What is reported.
    pub report: ReportIncidentRequest,
    /// The answer to the report.
    pub reported: Option<Answered>,
    /// How it is to end and when that was first sent; a repeated request carries the same time.
    pub ending: Option<(Ending, SystemTime)>,
    /// The answer to the ending.
    pub ended: Option<Answered>,
}

/// All stories of a run.
#[derive(Clone, Default)]
pub struct Ledger {
    stories: Arc<Mutex<BTreeMap<String, Story>>>,
    answered: Arc<Notify>,
}

impl Ledger {
    /// A report is about to be sent.
    pub fn open(&self, number: &str, report: ReportIncidentRequest) {
        let story = Story {
            report,
            reported: None,
            ending: None,
            ended: None,
        };
        self.with(|stories| stories.insert(number.to_owned(), story));
    }

    /// A report was answered.
    pub fn reported(&self, number: &str, answer: Answered) {
        self.change(number, |story| story.reported = Some(answer));
        self.answered.notify_waiters();
    }

    /// An ending is about to be sent.
    pub fn ending(&self, number: &str, ending: Ending, sent_at: SystemTime) {
        self.change(number, |story| story.ending = Some((ending, sent_at)));
    }

    /// An ending was answered.
    pub fn ended(&self, number: &str, answer: Answered) {
        self.change(number, |story| story.ended = Some(answer));
        self.answered.notify_waiters();
    }

    /// Waits for the next acknowledgement, or for `patience`.
    pub async fn next_answer(&self, patience: Duration) {
        // Either way it is time for the next fault.
        let _ = timeout(patience, self.answered.notified()).await;
    }

    /// Everything told so far.
    pub fn stories(&self) -> BTreeMap<String, Story> {
        self.with(|stories| stories.clone())
    }

    /// Incidents whose report was acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.with(|stories| stories.values().filter(|story| story.reported.is_some()).count())
    }

    fn change(&self, number: &str, change: impl FnOnce(&mut Story)) {
        self.with(|stories| stories.get_mut(number).map(change));
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Story>) -> T) -> T {
        act(&mut self.stories.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
