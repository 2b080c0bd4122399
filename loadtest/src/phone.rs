//! A phone and its person as a pure state machine: messages and time go in, messages and log lines come out.
//!
//! No socket, no clock: `connection` carries what this decides. What the service relies on, and what the stories in
//! `stories.rs` hold fast:
//! - A message that has expired, or is of a lower epoch or version than one seen for the same alert, changes nothing.
//! - The same version again is acknowledged again and otherwise changes nothing; what was answered is said again, in
//!   case it was lost.
//! - The exact place is forgotten with the stand-down.
//! - After a reconnect the phone repeats where it stands. So nothing has to be queued while it is offline.
//! - A new owner (a higher epoch) that speaks in an older version has lost what came after it: it is told where the phone
//!   stands.

mod going;
mod known;
mod shifts;
#[cfg(test)]
mod stories;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use muster_people::{
    Person, Trait,
    answers::{self, Answer, AnswerModel, DayPart},
    place::Place,
};
use muster_proto::v1::{self, Down, Hello, Plain, ReceiptStage, ReplyKind, Up, body, confirm, down, plain, up};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use self::{going::Going, known::KnownAlert};
use crate::{Answered, IgnoreReason, MessageKind, Moment, What, whereabouts::Whereabouts};

/// How many alerts a phone remembers, to tell duplicates: far more than one person is asked within the minutes an alert
/// is valid, even in a load test. The oldest is forgotten first.
const ALERTS_REMEMBERED_MAX: usize = 64;
/// A person on the way reports this often, so that arrival can be foretold.
const POSITION_INTERVAL_ON_THE_WAY: Duration = Duration::from_secs(5);
/// Intervals vary by this share either way, so that phones that started together drift apart.
const POSITION_JITTER: f64 = 0.2;
/// Assumption: what a phone outdoors in a town says about its own uncertainty.
const POSITION_ACCURACY_M: f64 = 10.0;
/// What the phone says about itself.
const APP_VERSION: &str = concat!("muster-fleet ", env!("CARGO_PKG_VERSION"));

/// How a phone and its person behave.
#[derive(Clone, Copy, Debug)]
pub struct PhoneSettings {
    /// Time between positions of someone who is not on the way to an incident.
    pub position_interval: Duration,
    /// How people answer.
    pub answers: AnswerModel,
    /// Hours the people's clocks are ahead of UTC: decides what is day and night.
    pub utc_offset_hours: i8,
    /// What the phone is enrolled for; it ignores what is meant for the other.
    pub purpose: Purpose,
}

/// What a phone is enrolled for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Purpose {
    /// Real emergencies.
    #[default]
    Live,
    /// Drills.
    Exercise,
}

/// What a phone wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Publish at QoS 0: positions, of which the next replaces the last.
    SendOnce(Up),
    /// Publish at QoS 1.
    Send(Up),
    /// Write down.
    Log(What),
}

/// A phone and its person.
#[derive(Debug)]
pub struct Phone {
    person: Person,
    settings: PhoneSettings,
    whereabouts: Whereabouts,
    connected: bool,
    next_position: Moment,
    reporting: ChaCha8Rng,
    alerts: BTreeMap<String, KnownAlert>,
    alerts_seen: u64,
    going: Option<Going>,
    outputs: VecDeque<Output>,
}

impl Phone {
    /// A person at home, not connected.
    pub fn new(person: Person, home: Place, settings: PhoneSettings, now: Moment) -> Self {
        Self {
            person,
            settings,
            whereabouts: Whereabouts::at_home(person, home, now),
            connected: false,
            next_position: now,
            reporting: person.stream(Trait::Reporting, 0),
            alerts: BTreeMap::new(),
            alerts_seen: 0,
            going: None,
            outputs: VecDeque::new(),
        }
    }

    /// The alert that its person is on the way or at work because of.
    pub fn going_about(&self) -> Option<&str> {
        self.going.as_ref().map(|going| going.alert_id.as_str())
    }

    /// Takes out the next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_time`] wants to be called.
    pub fn next_deadline(&self) -> Option<Moment> {
        let position = self.connected.then_some(self.next_position);
        let alerts = self.alerts.values().filter_map(KnownAlert::next_deadline);
        let going = self.going.as_ref().and_then(|going| going.next_step_at);
        alerts.chain(position).chain(going).min()
    }

    /// The phone is connected and subscribed: it greets, and repeats where it stands, as anything said before may be lost.
    pub fn handle_ready(&mut self, now: Moment) {
        self.connected = true;
        self.send(
            up::Kind::Hello(Hello {
                app_version: APP_VERSION.into(),
            }),
            now,
        );
        self.send_position(now);
        let ids: Vec<String> = self.alerts.keys().cloned().collect();
        for id in ids {
            self.repeat(&id, now);
        }
    }

    /// The connection is gone.
    pub fn handle_lost(&mut self) {
        self.connected = false;
    }

    /// A message arrived.
    pub fn handle_down(&mut self, down: &Down, now: Moment) {
        let plain = match plain_of(down, self.settings.purpose) {
            Ok(plain) => plain,
            Err(reason) => return self.ignore(down, reason),
        };
        let Some(message) = plain.kind.as_ref() else {
            return self.ignore(down, IgnoreReason::NothingKnown);
        };
        let Some(kind) = kind_of(message) else {
            return self.ignore(down, IgnoreReason::NothingKnown);
        };
        if down.expires_at.as_ref().is_some_and(|at| Moment::from_wire(at) <= now) {
            return self.ignore(down, IgnoreReason::Expired);
        }
        if kind == MessageKind::Probe {
            self.log_received(down, kind, false);
            return self.send_position(now);
        }
        self.handle_alert_message(down, message, kind, now);
    }

    /// Does what is due.
    pub fn handle_time(&mut self, now: Moment) {
        if self.connected && self.next_position <= now {
            self.send_position(now);
        }
        let ids: Vec<String> = self
            .alerts
            .iter()
            .filter(|(_, alert)| alert.is_due(now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.show_if_due(&id, now);
            self.answer_if_due(&id, now);
        }
        self.step_if_due(now);
    }

    fn handle_alert_message(&mut self, down: &Down, message: &plain::Kind, kind: MessageKind, now: Moment) {
        let id = &down.alert_id;
        if let Some(known) = self.alerts.get_mut(id) {
            if down.owner_epoch < known.epoch {
                return self.ignore(down, IgnoreReason::OldEpoch);
            }
            let new_owner = down.owner_epoch > known.epoch;
            known.epoch = down.owner_epoch;
            if down.alert_version < known.version {
                self.ignore(down, IgnoreReason::OldVersion);
                if new_owner {
                    // It does not know what the owner before it told us, nor what we said to that.
                    self.repeat(id, now);
                }
                return;
            }
            if down.alert_version == known.version {
                self.log_received(down, kind, true);
                return self.repeat(id, now);
            }
        }
        self.log_received(down, kind, false);
        self.remember(down, now);
        self.send_receipt(id, ReceiptStage::Received, now);
        match message {
            plain::Kind::Confirm(v1::Confirm {
                outcome: Some(confirm::Outcome::Confirmed(place)),
            }) => {
                self.begin_going(id, place, now);
            }
            plain::Kind::Confirm(_) | plain::Kind::StandDown(_) => self.call_off(id, now),
            plain::Kind::Alert(asked) => self.offered(id, asked),
            plain::Kind::Probe(_) => {}
        }
    }

    /// Takes in a new alert or a new version of a known one; either will be shown in a moment.
    fn remember(&mut self, down: &Down, now: Moment) {
        let alert = match self.alerts.get_mut(&down.alert_id) {
            Some(known) => known,
            None => {
                self.forget_oldest();
                let day_part = DayPart::of_hour(now.hour(self.settings.utc_offset_hours));
                let reaction = self.settings.answers.reaction(self.person, self.alerts_seen, day_part);
                let known = KnownAlert::new(self.alerts_seen, reaction);
                self.alerts_seen += 1;
                self.alerts.entry(down.alert_id.clone()).or_insert(known)
            }
        };
        alert.take_version(down, now);
    }

    fn forget_oldest(&mut self) {
        if self.alerts.len() < ALERTS_REMEMBERED_MAX {
            return;
        }
        let going = self.going.as_ref().map(|going| going.alert_id.as_str());
        let others = self.alerts.iter().filter(|(id, _)| Some(id.as_str()) != going);
        let oldest = others.min_by_key(|(_, alert)| alert.ordinal).map(|(id, _)| id.clone());
        if let Some(id) = oldest {
            self.alerts.remove(&id);
        }
    }

    fn show_if_due(&mut self, id: &str, now: Moment) {
        let Some(alert) = self.alerts.get_mut(id) else { return };
        if alert.show_at.is_none_or(|at| at > now) {
            return;
        }
        alert.show_at = None;
        if alert.expires_at <= now {
            return;
        }
        alert.shown = true;
        if alert.is_open() && alert.answer_at.is_none() && alert.reaction.answer != Answer::Silence {
            alert.answer_at = Some(now.plus(alert.reaction.answered_after));
        }
        let alert_version = alert.version;
        self.send_receipt(id, ReceiptStage::Shown, now);
        self.log(What::Shown {
            alert_id: id.into(),
            alert_version,
        });
    }

    fn answer_if_due(&mut self, id: &str, now: Moment) {
        let Some(alert) = self.alerts.get_mut(id) else { return };
        if alert.answer_at.is_none_or(|at| at > now) {
            return;
        }
        alert.answer_at = None;
        if !alert.is_open() || alert.expires_at <= now {
            return;
        }
        let answer = alert.reaction.answer;
        match answer {
            Answer::Silence => {}
            Answer::Accept if self.is_committed(now) => self.decline(id, answers::DeclineReason::Busy, now),
            Answer::Accept => {
                self.log(What::Answered {
                    alert_id: id.into(),
                    answer: Answered::Accept,
                });
                self.say(id, ReplyKind::Accept, v1::DeclineReason::Unspecified, now);
            }
            Answer::Decline(reason) => self.decline(id, reason, now),
        }
    }

    fn decline(&mut self, id: &str, reason: answers::DeclineReason, now: Moment) {
        let reason = match reason {
            answers::DeclineReason::TooFar => v1::DeclineReason::TooFar,
            answers::DeclineReason::Busy => v1::DeclineReason::Busy,
            answers::DeclineReason::Unsafe => v1::DeclineReason::Unsafe,
        };
        self.log(What::Answered {
            alert_id: id.into(),
            answer: Answered::Decline,
        });
        self.say(id, ReplyKind::Decline, reason, now);
    }

    /// Whether the person goes to, or has offered to go to, somebody.
    fn is_committed(&self, now: Moment) -> bool {
        self.going.is_some() || self.alerts.values().any(|alert| alert.has_offered(now))
    }

    fn say(&mut self, id: &str, kind: ReplyKind, reason: v1::DeclineReason, now: Moment) {
        let reply = v1::Reply {
            alert_id: id.into(),
            kind: kind.into(),
            decline_reason: reason.into(),
            shifts: self.shifts_for(id, kind),
        };
        if let Some(alert) = self.alerts.get_mut(id) {
            alert.said = Some(reply.clone());
        }
        self.send(up::Kind::Reply(reply), now);
    }

    /// Says again how far an alert got here, as far as anybody may still want to know.
    fn repeat(&mut self, id: &str, now: Moment) {
        let Some(alert) = self.alerts.get(id) else { return };
        let said = alert.said.clone().filter(|_| !alert.over);
        let (unexpired, shown) = (alert.expires_at > now, alert.shown);
        if unexpired {
            self.send_receipt(id, ReceiptStage::Received, now);
        }
        if unexpired && shown {
            self.send_receipt(id, ReceiptStage::Shown, now);
        }
        if let Some(reply) = said {
            self.send(up::Kind::Reply(reply), now);
        }
    }

    fn send_receipt(&mut self, id: &str, stage: ReceiptStage, now: Moment) {
        let alert_version = self.alerts.get(id).map_or(0, |alert| alert.version);
        let receipt = v1::Receipt {
            alert_id: id.into(),
            alert_version,
            stage: stage.into(),
        };
        self.send(up::Kind::Receipt(receipt), now);
    }

    fn send_position(&mut self, now: Moment) {
        let here = self.whereabouts.place(now);
        let position = v1::Position {
            latitude_deg: here.latitude_deg(),
            longitude_deg: here.longitude_deg(),
            accuracy_m: POSITION_ACCURACY_M,
            taken_at: Some(now.to_wire()),
        };
        self.next_position = now.plus(self.position_wait());
        self.outputs
            .push_back(Output::SendOnce(envelope(up::Kind::Position(position), now)));
    }

    fn position_wait(&mut self) -> Duration {
        let mut interval = self.settings.position_interval;
        if self.whereabouts.is_on_the_way() {
            interval = interval.min(POSITION_INTERVAL_ON_THE_WAY);
        }
        interval.mul_f64(
            self.reporting
                .random_range(1.0 - POSITION_JITTER..1.0 + POSITION_JITTER),
        )
    }

    fn send(&mut self, kind: up::Kind, now: Moment) {
        self.outputs.push_back(Output::Send(envelope(kind, now)));
    }

    fn log(&mut self, what: What) {
        self.outputs.push_back(Output::Log(what));
    }

    fn log_received(&mut self, down: &Down, kind: MessageKind, duplicate: bool) {
        let (alert_id, alert_version) = (down.alert_id.clone(), down.alert_version);
        self.log(What::Received {
            alert_id,
            alert_version,
            kind,
            duplicate,
        });
    }

    fn ignore(&mut self, down: &Down, reason: IgnoreReason) {
        let (alert_id, alert_version) = (down.alert_id.clone(), down.alert_version);
        self.log(What::Ignored {
            alert_id,
            alert_version,
            reason,
        });
    }
}

fn envelope(kind: up::Kind, now: Moment) -> Up {
    Up {
        sent_at: Some(now.to_wire()),
        kind: Some(kind),
    }
}

/// What a message says, if it is for an app that only knows live alerts.
fn plain_of(down: &Down, enrolled_for: Purpose) -> Result<&Plain, IgnoreReason> {
    let body = match (&down.purpose, enrolled_for) {
        (Some(down::Purpose::Live(body)), Purpose::Live) => body,
        (Some(down::Purpose::Exercise(body)), Purpose::Exercise) => body,
        (Some(_), _) => return Err(IgnoreReason::OtherPurpose),
        (None, _) => return Err(IgnoreReason::NothingKnown),
    };
    match &body.content {
        Some(body::Content::Plain(plain)) => Ok(plain),
        _ => Err(IgnoreReason::NothingKnown),
    }
}

fn kind_of(message: &plain::Kind) -> Option<MessageKind> {
    Some(match message {
        plain::Kind::Alert(_) => MessageKind::Alert,
        plain::Kind::StandDown(_) => MessageKind::StandDown,
        plain::Kind::Probe(_) => MessageKind::Probe,
        plain::Kind::Confirm(confirm) => match confirm.outcome.as_ref()? {
            confirm::Outcome::Confirmed(_) => MessageKind::Confirmed,
            confirm::Outcome::NotNeeded(_) => MessageKind::NotNeeded,
            confirm::Outcome::TooLate(_) => MessageKind::TooLate,
        },
    })
}
