//! The delivery ledger: every message about an alert ends in exactly one counted outcome.
//!
//! ```text
//! planned ──┬──> Heard        the phone acknowledged it, or its person answered it
//!           ├──> Superseded   a newer message about the same alert replaced it first
//!           └──> Lapsed       it stopped being true first
//! ```
//! A broker's acknowledgement is no outcome: it proves nothing about a phone. A receipt that comes after the outcome is
//! still noted in the message's times, and takes nothing back. That the phone is late is reported to the control room
//! meanwhile ([`Record::MessageUnheard`](crate::record::Record::MessageUnheard)); that is no outcome either.
//!
//! Messages that have had their outcome are counts here, not a list: the list is the journal.

use std::collections::BTreeMap;

use crate::{
    alert::{Alert, Message, MessageKind},
    ids::AlertId,
    input::DeliveryStage,
    time::Timestamp,
};

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MessageOutcome {
    /// The phone acknowledged it, or its person answered it.
    Heard,
    /// A newer message about the same alert replaced it before the phone acknowledged it.
    Superseded,
    /// It stopped being true before the phone acknowledged it: it expired, or the person was past it.
    Lapsed,
}

impl MessageOutcome {
    /// The label of the outcome in counters.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::Superseded => "superseded",
            Self::Lapsed => "lapsed",
        }
    }
}

/// When a message first got to each stage, on any of the person's phones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Times {
    /// Handed to the broker.
    pub published: Option<Timestamp>,
    /// Taken by the broker.
    pub broker_acked: Option<Timestamp>,
    /// Received by a phone.
    pub received: Option<Timestamp>,
    /// On a screen.
    pub shown: Option<Timestamp>,
}

impl Times {
    /// When the message first got to a stage; `None` for a failed hand-over, which gets nowhere.
    pub fn of(&self, stage: DeliveryStage) -> Option<Timestamp> {
        match stage {
            DeliveryStage::Failed => None,
            DeliveryStage::Published => self.published,
            DeliveryStage::BrokerAcked => self.broker_acked,
            DeliveryStage::Received => self.received,
            DeliveryStage::Shown => self.shown,
        }
    }

    /// Notes that the message got to a stage; the first time stays.
    pub(crate) fn note(&mut self, stage: DeliveryStage, at: Timestamp) {
        let first = match stage {
            DeliveryStage::Failed => return,
            DeliveryStage::Published => &mut self.published,
            DeliveryStage::BrokerAcked => &mut self.broker_acked,
            DeliveryStage::Received => &mut self.received,
            DeliveryStage::Shown => &mut self.shown,
        };
        first.get_or_insert(at);
    }
}

/// A message that has just had its outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settled {
    /// About which alert.
    pub alert: AlertId,
    /// Which version.
    pub version: u32,
    /// What it said.
    pub kind: MessageKind,
    /// What became of it.
    pub outcome: MessageOutcome,
}

/// How many messages were planned and what became of them, since the journal began.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    planned: BTreeMap<MessageKind, u64>,
    settled: BTreeMap<(MessageKind, MessageOutcome), u64>,
}

impl Ledger {
    /// A ledger with these counts.
    pub(crate) fn of(planned: Vec<(MessageKind, u64)>, settled: Vec<(MessageKind, MessageOutcome, u64)>) -> Self {
        let settled = settled.into_iter();
        Self {
            planned: planned.into_iter().collect(),
            settled: settled.map(|(kind, outcome, count)| ((kind, outcome), count)).collect(),
        }
    }

    /// How many messages of each kind were planned.
    pub fn planned(&self) -> impl Iterator<Item = (MessageKind, u64)> + '_ {
        self.planned.iter().map(|(&kind, &count)| (kind, count))
    }

    /// How many messages of each kind had each outcome.
    pub fn settled(&self) -> impl Iterator<Item = (MessageKind, MessageOutcome, u64)> + '_ {
        self.settled
            .iter()
            .map(|(&(kind, outcome), &count)| (kind, outcome, count))
    }

    /// How many messages still wait for their outcome.
    pub fn open(&self) -> u64 {
        let planned: u64 = self.planned.values().sum();
        let settled: u64 = self.settled.values().sum();
        planned.saturating_sub(settled)
    }

    /// Enters the first message about an alert.
    pub(crate) fn first(&mut self, message: &Message) {
        *self.planned.entry(message.kind).or_default() += 1;
    }

    /// Enters a newer message about an alert in place of the present one.
    pub(crate) fn replace(&mut self, alert: &mut Alert, next: Message) -> Option<Settled> {
        let settled = self.settle(alert, MessageOutcome::Superseded);
        self.first(&next);
        alert.message = next;
        settled
    }

    /// Gives the newest message about an alert its outcome, unless it has had one.
    pub(crate) fn settle(&mut self, alert: &mut Alert, outcome: MessageOutcome) -> Option<Settled> {
        let message = &mut alert.message;
        if message.outcome.is_some() {
            return None;
        }
        message.outcome = Some(outcome);
        *self.settled.entry((message.kind, outcome)).or_default() += 1;
        Some(Settled {
            alert: alert.plan.alert,
            version: message.version,
            kind: message.kind,
            outcome,
        })
    }
}
