//! What waits until the commit it follows from is durable.
//!
//! Normally everything leaves in the order of the commits. While the store is slow, what a life depends on leaves at
//! once and the rest goes on waiting (DESIGN section 5). Two messages about the same alert are of the same urgency, so
//! that their order is kept either way.

use std::{collections::VecDeque, time::Duration};

use dispatch_core::{
    command::{Answer, DownMessage},
    ids::DeviceId,
    input::RequestToken,
    time::Timestamp,
};

/// A commit that takes longer than this is waited for by nobody in danger (DESIGN section 5).
pub const SLOW_AFTER: Duration = Duration::from_millis(250);

/// What leaves once it may.
pub enum Held {
    /// A message to a phone.
    Publish(DownMessage),
    /// The answer to a report or an ending.
    Answer { token: RequestToken, answer: Answer },
    /// A session ends.
    CloseSession(DeviceId),
    /// Anything else somebody waits for; never let out before it is durable.
    Reply(Box<dyn FnOnce() + Send>),
}

struct Waiting {
    after: u64,
    urgent: bool,
    held: Held,
}

struct InFlight {
    last: u64,
    since: Timestamp,
}

/// The queue of what waits, and the commits it waits for.
#[derive(Default)]
pub struct HeldBack {
    /// Commits handed to the journal and not yet known to be durable, oldest first.
    in_flight: VecDeque<InFlight>,
    /// In the order of what it waits for.
    waiting: VecDeque<Waiting>,
    /// How many of them are urgent.
    urgent: usize,
    submitted: u64,
    durable: u64,
    /// Nothing at all leaves before this is durable: the record of the start, which gives the epoch.
    first: u64,
}

impl HeldBack {
    /// Everything up to `sequence` was durable before the service started.
    pub fn recovered(&mut self, sequence: u64) {
        self.submitted = sequence;
        self.durable = sequence;
    }

    /// A commit that ends with `last` was handed to the journal.
    pub fn submit(&mut self, last: u64, now: Timestamp) {
        if self.first == 0 {
            self.first = last;
        }
        self.submitted = last;
        self.in_flight.push_back(InFlight { last, since: now });
    }

    /// How many commits are not yet durable.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The highest durable sequence.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Everything up to `sequence` is durable.
    pub fn durable_up_to(&mut self, sequence: u64) {
        self.durable = self.durable.max(sequence);
        while self.in_flight.front().is_some_and(|commit| commit.last <= sequence) {
            self.in_flight.pop_front();
        }
    }

    /// Whether the oldest commit has taken too long to be waited for.
    pub fn is_slow(&self, now: Timestamp) -> bool {
        self.in_flight
            .front()
            .is_some_and(|oldest| oldest.since + SLOW_AFTER <= now)
    }

    /// When the store will count as slow, if something urgent waits for it.
    pub fn slow_at(&self) -> Option<Timestamp> {
        if !self.has_started() || self.urgent == 0 {
            return None;
        }
        self.in_flight.front().map(|oldest| oldest.since + SLOW_AFTER)
    }

    /// Holds something back until everything submitted so far is durable.
    pub fn hold(&mut self, held: Held, urgent: bool) {
        self.urgent += usize::from(urgent);
        self.waiting.push_back(Waiting {
            after: self.submitted,
            urgent,
            held,
        });
    }

    /// The next thing that may leave: what is durable, in order.
    pub fn next_durable(&mut self) -> Option<Held> {
        let next = self.waiting.front()?;
        if next.after > self.durable {
            return None;
        }
        let waiting = self.waiting.pop_front()?;
        self.urgent -= usize::from(waiting.urgent);
        Some(waiting.held)
    }

    /// What is urgent and not yet durable, in order; nothing before the start itself is durable.
    pub fn take_urgent(&mut self) -> Vec<Held> {
        if !self.has_started() || self.urgent == 0 {
            return Vec::new();
        }
        self.urgent = 0;
        let (urgent, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.urgent);
        self.waiting = rest;
        urgent.into_iter().map(|waiting| waiting.held).collect()
    }

    fn has_started(&self) -> bool {
        self.first > 0 && self.durable >= self.first
    }
}
