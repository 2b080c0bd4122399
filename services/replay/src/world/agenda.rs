//! What will happen in a world, in order of time; of one moment, in the order in which it was foreseen.

use std::collections::BTreeMap;

use dispatch_core::{command::DownBody, ids::AlertId, time::Timestamp};

use crate::journey::Step;

/// Something that will happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A phone has a message.
    Heard { alert: AlertId, version: u32, word: Word },
    /// A person answers a request.
    Answers { alert: AlertId },
    /// A person on the way takes a step.
    Steps { alert: AlertId, step: Step },
    /// The ambulance is at the scene.
    AmbulanceThere(usize),
    /// Nothing more is expected of an incident.
    PutAway(usize),
}

/// What a message says to a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word {
    /// Will you go?
    Ask,
    /// Go.
    Go,
    /// Do not go, or stop.
    Stop,
}

impl Word {
    /// What a message says; `None` for a probe.
    pub(super) fn of(body: &DownBody) -> Option<Self> {
        match body {
            DownBody::Alert { .. } => Some(Self::Ask),
            DownBody::Confirmed { .. } => Some(Self::Go),
            DownBody::NotNeeded | DownBody::TooLate | DownBody::StandDown(_) => Some(Self::Stop),
            DownBody::Probe => None,
        }
    }
}

/// What will happen. Bounded by what is open: every incident puts a bounded number of events here, and takes them with it.
#[derive(Default)]
pub(super) struct Agenda {
    events: BTreeMap<(Timestamp, u64), Event>,
    foreseen: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, at: Timestamp, event: Event) {
        self.foreseen += 1;
        self.events.insert((at, self.foreseen), event);
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn take(&mut self) -> Option<(Timestamp, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}
