//! The phones' own logs: what each saw and did, and when. The service's journal is checked against them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use muster_proto::v1::ReplyKind;

/// One line of a phone's log.
#[derive(Clone, Debug)]
pub struct PhoneEvent {
    /// Whose phone.
    pub person: u64,
    /// Which device.
    pub device_id: Arc<str>,
    /// When, on the monotonic clock of this process. For a message: as soon as the client handed it over.
    pub at: Instant,
    /// The same moment in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// What happened.
    pub what: What,
}

/// What happened on a phone. Positions are not logged: they are many and prove nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Connected and subscribed.
    Connected {
        /// The broker had kept the session.
        session_present: bool,
    },
    /// The connection was lost, or could not be made.
    Disconnected {
        /// Why, for a person to read.
        reason: String,
    },
    /// The broker refused the subscription to the phone's own topic.
    SubscriptionRefused {
        /// The reason code of the SUBACK.
        code: String,
    },
    /// A valid message arrived.
    Received {
        /// The alert it is about; empty for a probe.
        alert_id: String,
        /// Its version.
        alert_version: u32,
        /// What it says.
        kind: MessageKind,
        /// The same version had arrived before.
        duplicate: bool,
    },
    /// A message arrived and was not acted upon.
    Ignored {
        /// The alert it is about.
        alert_id: String,
        /// Its version.
        alert_version: u32,
        /// Why.
        reason: IgnoreReason,
    },
    /// A message is on the screen.
    Shown {
        /// The alert it is about.
        alert_id: String,
        /// Its version.
        alert_version: u32,
    },
    /// The person answered, once for each alert.
    Answered {
        /// The alert.
        alert_id: String,
        /// The answer.
        answer: Answered,
    },
    /// A person on the way got further.
    Progressed {
        /// The alert.
        alert_id: String,
        /// How far.
        stage: ReplyKind,
    },
    /// A payload could not be read.
    Unreadable {
        /// Why, for a person to read.
        reason: String,
    },
    /// Something the phone wanted to say at QoS 1 found the client's queue full. It is repeated at the next connect.
    Unsent,
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MessageKind {
    /// Will you go?
    Alert,
    /// Go; here is where.
    Confirmed,
    /// Enough others are going.
    NotNeeded,
    /// It was over before.
    TooLate,
    /// Do not go, or stop.
    StandDown,
    /// Say where you are.
    Probe,
}

/// Why a message was not acted upon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IgnoreReason {
    /// It had expired by the phone's clock.
    Expired,
    /// An owner with a higher epoch had spoken about this alert.
    OldEpoch,
    /// A newer version had arrived.
    OldVersion,
    /// It is a drill and this phone is for real emergencies, or the reverse.
    OtherPurpose,
    /// It says nothing this phone knows.
    NothingKnown,
}

/// The answer to an alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    /// Yes.
    Accept,
    /// No.
    Decline,
}

/// Counts over the logs. Alerts are counted by distinct alert id.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    alerts: BTreeSet<String>,
    answers: BTreeMap<String, bool>,
    stand_downs: BTreeSet<String>,
    confirmed: BTreeSet<String>,
    /// Messages that had arrived before.
    pub duplicates: u64,
    /// Messages not acted upon.
    pub ignored: u64,
    /// Payloads that could not be read.
    pub unreadable: u64,
    /// Connections lost or not made.
    pub disconnects: u64,
    /// Subscriptions refused.
    pub subscriptions_refused: u64,
    /// Things a phone wanted to say and could not queue.
    pub unsent: u64,
}

impl Summary {
    /// Takes one event into account.
    pub fn add(&mut self, event: &PhoneEvent) {
        match &event.what {
            What::Received {
                alert_id,
                kind,
                duplicate,
                ..
            } => {
                self.duplicates += u64::from(*duplicate);
                let ids = match kind {
                    MessageKind::Alert => &mut self.alerts,
                    MessageKind::StandDown => &mut self.stand_downs,
                    MessageKind::Confirmed => &mut self.confirmed,
                    MessageKind::NotNeeded | MessageKind::TooLate | MessageKind::Probe => return,
                };
                ids.insert(alert_id.clone());
            }
            What::Answered { alert_id, answer } => {
                self.answers.insert(alert_id.clone(), *answer == Answered::Accept);
            }
            What::Ignored { .. } => self.ignored += 1,
            What::Unreadable { .. } => self.unreadable += 1,
            What::Disconnected { .. } => self.disconnects += 1,
            What::SubscriptionRefused { .. } => self.subscriptions_refused += 1,
            What::Unsent => self.unsent += 1,
            What::Connected { .. } | What::Shown { .. } | What::Progressed { .. } => {}
        }
    }

    /// Alerts that reached a phone.
    pub fn alerts_received(&self) -> u64 {
        self.alerts.len() as u64
    }

    /// The ids of alerts that reached a phone.
    pub fn alert_ids(&self) -> impl Iterator<Item = &str> {
        self.alerts.iter().map(String::as_str)
    }

    /// Alerts accepted.
    pub fn accepted(&self) -> u64 {
        self.answers.values().filter(|&&accepted| accepted).count() as u64
    }

    /// Alerts declined.
    pub fn declined(&self) -> u64 {
        self.answers.len() as u64 - self.accepted()
    }

    /// Alerts received and not answered: silence, or called off before the person got to it.
    pub fn no_answer(&self) -> u64 {
        self.alerts.iter().filter(|&id| !self.answers.contains_key(id)).count() as u64
    }

    /// Alerts whose person was told to go.
    pub fn confirmed(&self) -> u64 {
        self.confirmed.len() as u64
    }

    /// Alerts whose person was told to stop.
    pub fn stand_downs(&self) -> u64 {
        self.stand_downs.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: What) -> PhoneEvent {
        PhoneEvent {
            person: 1,
            device_id: "dev-1".into(),
            at: Instant::now(),
            unix_ms: 0,
            what,
        }
    }

    fn received(alert_id: &str, kind: MessageKind, duplicate: bool) -> PhoneEvent {
        event(What::Received {
            alert_id: alert_id.into(),
            alert_version: 1,
            kind,
            duplicate,
        })
    }

    #[test]
    fn alerts_are_counted_once_and_those_without_answer_are_known() {
        let mut summary = Summary::default();
        for (id, duplicate) in [("a", false), ("a", true), ("b", false), ("c", false)] {
            summary.add(&received(id, MessageKind::Alert, duplicate));
        }
        summary.add(&event(What::Answered {
            alert_id: "a".into(),
            answer: Answered::Accept,
        }));
        summary.add(&event(What::Answered {
            alert_id: "b".into(),
            answer: Answered::Decline,
        }));
        summary.add(&received("a", MessageKind::StandDown, false));
        summary.add(&received("", MessageKind::Probe, false));
        let counts = [
            summary.alerts_received(),
            summary.accepted(),
            summary.declined(),
            summary.no_answer(),
        ];
        assert_eq!(counts, [3, 1, 1, 1]);
        assert_eq!((summary.stand_downs(), summary.duplicates), (1, 1));
    }
}
