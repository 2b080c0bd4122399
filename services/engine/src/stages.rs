//! Where the time of a report goes, hop by hop, for those who look for what to make faster.
//!
//! ```text
//! decode: from the request's headers to a checked report     ingest
//! lane: waiting for the owner                                engine
//! choose: considering people, planning alerts                engine
//! journal: from handing the commit over to knowing it is on disk   engine
//! bus: from there to the queue of the phone's session, each alert by itself   bus
//! ```
//! What is left until the phone has it is the session's own task and the network.

use std::{collections::VecDeque, time::Instant};

use dispatch_core::record::Record;

use crate::ports::Commit;

/// A hop of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// From the request's headers to a checked report.
    Decode,
    /// Waiting for the owner.
    Lane,
    /// Considering people and planning alerts.
    Choose,
    /// From handing the commit over to knowing that it is on disk.
    Journal,
    /// From handing a message to the bus to its place in the queue of the phone's session.
    Bus,
}

impl Stage {
    /// The label in `muster_stage_seconds`.
    const fn label(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Lane => "lane",
            Self::Choose => "choose",
            Self::Journal => "journal",
            Self::Bus => "bus",
        }
    }

    /// Notes how long it took since `began`.
    pub fn took(self, began: Instant) {
        metrics::histogram!("muster_stage_seconds", "stage" => self.label()).record(began.elapsed());
    }
}

/// Commits with a report that are on their way to the disk; as many as the journal has in flight.
#[derive(Default)]
pub(crate) struct Reports(VecDeque<(u64, Instant)>);

impl Reports {
    /// A commit is handed to the journal.
    pub fn submitted(&mut self, commit: &Commit) {
        let is_report = |record: &Record| matches!(record, Record::IncidentReported(_));
        if !commit.entries.iter().any(|entry| is_report(&entry.record)) {
            return;
        }
        if let Some(last) = commit.entries.last() {
            self.0.push_back((last.sequence, Instant::now()));
        }
    }

    /// Everything up to `sequence` is on disk.
    pub fn durable(&mut self, sequence: u64) {
        while let Some(&(last, began)) = self.0.front()
            && last <= sequence
        {
            Stage::Journal.took(began);
            self.0.pop_front();
        }
    }
}
