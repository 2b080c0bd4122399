//! The person behind a phone: what they say to an alert and how they go about it. Pure; the phone carries it.
//!
//! Everything is faster than in life, so that a short run holds whole stories: answers in half a second, arrival in one.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime},
};

use muster_proto::v1::{Down, Plain, ReplyKind, body, confirm, down, plain};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::log::{Kind, What};

/// Of all who are not busy with another alert.
const ACCEPT_SHARE: f64 = 0.5;
/// The rest stays silent.
const DECLINE_SHARE: f64 = 0.25;
/// From the alert to the answer, and from each stage to the next.
const PAUSE_MS: std::ops::Range<u64> = 50..700;

/// A person with a phone.
pub struct Person {
    dice: ChaCha8Rng,
    alerts: BTreeMap<String, Known>,
}

struct Known {
    version: u32,
    epoch: u64,
    expires_at: SystemTime,
    /// What comes next, and when.
    next: Option<(ReplyKind, Instant)>,
    /// The last thing said.
    said: Option<ReplyKind>,
    /// Called off.
    over: bool,
    /// Told to go.
    going: bool,
    /// The last word about it was acknowledged.
    closed: bool,
}

impl Known {
    fn is_with_patient(&self) -> bool {
        self.said == Some(ReplyKind::WithPatient)
    }

    /// Whether the person is bound by it: going, or waiting to hear whether to go.
    fn binds(&self) -> bool {
        let offered = self.said == Some(ReplyKind::Accept) && self.expires_at > SystemTime::now();
        (self.going || offered) && !self.over && self.said != Some(ReplyKind::Finished)
    }
}

impl Person {
    /// Somebody without any alert; the dice decide what they will say.
    pub fn new(dice: ChaCha8Rng) -> Self {
        Self {
            dice,
            alerts: BTreeMap::new(),
        }
    }

    /// Takes in a message about an alert and says what to write down; nothing for a message that says nothing known.
    pub fn handle(&mut self, down: &Down) -> Option<What> {
        let said = said(down)?;
        let kind = kind_of(&said)?;
        let expires_at = down.expires_at.as_ref().map_or(SystemTime::now(), system_time);
        let late = SystemTime::now().duration_since(expires_at).unwrap_or_default();
        let known = self.alerts.get(&down.alert_id);
        let duplicate = known.is_some_and(|known| {
            (down.owner_epoch, down.alert_version) <= (known.epoch, known.version)
                || down.alert_version <= known.version
        });
        let seen = What::Got {
            alert_id: down.alert_id.clone(),
            kind,
            duplicate,
            left: expires_at.duration_since(SystemTime::now()).unwrap_or_default(),
            late,
        };
        if !duplicate && late.is_zero() {
            self.take(down, kind, expires_at);
        }
        Some(seen)
    }

    fn take(&mut self, down: &Down, kind: Kind, expires_at: SystemTime) {
        let first = !self.alerts.contains_key(&down.alert_id);
        let next = (first && kind == Kind::Alert).then(|| self.answer()).flatten();
        let known = self.alerts.entry(down.alert_id.clone()).or_insert(Known {
            version: 0,
            epoch: 0,
            expires_at,
            next,
            said: None,
            over: false,
            going: false,
            closed: false,
        });
        (known.version, known.epoch) = (down.alert_version, down.owner_epoch);
        known.expires_at = expires_at;
        match kind {
            Kind::Alert => {}
            Kind::Confirmed => {
                known.going = true;
                known.over = false;
                known.next = Some((ReplyKind::EnRoute, Instant::now() + pause(&mut self.dice)));
            }
            // Nobody walks away from a patient because of a message.
            Kind::Refused | Kind::StandDown if known.is_with_patient() => {}
            Kind::Refused | Kind::StandDown => {
                known.over = true;
                known.next = None;
            }
        }
    }

    fn answer(&mut self) -> Option<(ReplyKind, Instant)> {
        let at = Instant::now() + pause(&mut self.dice);
        let draw: f64 = self.dice.random();
        if draw >= ACCEPT_SHARE + DECLINE_SHARE {
            return None;
        }
        let accepts = draw < ACCEPT_SHARE && !self.alerts.values().any(Known::binds);
        Some((if accepts { ReplyKind::Accept } else { ReplyKind::Decline }, at))
    }

    /// When [`Self::speak`] has something to say.
    pub fn next_deadline(&self) -> Option<Instant> {
        let due = self.alerts.values().filter_map(|known| known.next.map(|(_, at)| at));
        due.min()
    }

    /// What is due to be said now.
    pub fn speak(&mut self) -> Vec<(String, ReplyKind)> {
        let now = Instant::now();
        let mut lines = Vec::new();
        for (id, known) in &mut self.alerts {
            let Some((kind, _)) = known.next.filter(|(_, at)| *at <= now) else {
                continue;
            };
            known.said = Some(kind);
            known.next = match kind {
                ReplyKind::EnRoute => Some(ReplyKind::AtScene),
                ReplyKind::AtScene => Some(ReplyKind::WithPatient),
                ReplyKind::WithPatient => Some(ReplyKind::Finished),
                _ => None,
            }
            .map(|next| (next, now + pause(&mut self.dice)));
            lines.push((id.clone(), kind));
        }
        lines
    }

    /// The service has acknowledged what was said. With the last word the phone lets the matter rest: an app that went on
    /// saying all it ever said would soon use up what one phone may say.
    pub fn is_heard(&mut self, alert_id: &str, said: ReplyKind) {
        if let Some(known) = self.alerts.get_mut(alert_id).filter(|_| said == ReplyKind::Finished) {
            known.closed = true;
        }
    }

    /// What is said again after a reconnect, and when the service asks again: where each alert stands. What was said just
    /// before may be lost.
    pub fn repeat(&self) -> Vec<(String, u32, Option<ReplyKind>)> {
        let open = self.alerts.iter().filter(|(_, known)| known.may_matter());
        open.map(|(id, known)| (id.clone(), known.version, known.said.filter(|_| !known.over)))
            .collect()
    }

    /// Where one alert stands.
    pub fn repeat_one(&self, alert_id: &str) -> Option<ReplyKind> {
        self.alerts.get(alert_id).filter(|known| !known.over)?.said
    }
}

impl Known {
    fn may_matter(&self) -> bool {
        let unfinished = self.is_with_patient() || self.said == Some(ReplyKind::Finished);
        !self.closed && (unfinished || self.expires_at > SystemTime::now())
    }
}

fn pause(dice: &mut ChaCha8Rng) -> Duration {
    Duration::from_millis(dice.random_range(PAUSE_MS))
}

/// What a live message says.
fn said(down: &Down) -> Option<plain::Kind> {
    match down.purpose.clone()? {
        down::Purpose::Live(message) => match message.content? {
            body::Content::Plain(Plain { kind }) => kind,
        },
        down::Purpose::Exercise(_) => None,
    }
}

/// Whether a message only asks where the phone is.
pub fn is_probe(down: &Down) -> bool {
    matches!(said(down), Some(plain::Kind::Probe(_)))
}

fn kind_of(said: &plain::Kind) -> Option<Kind> {
    match said {
        plain::Kind::Alert(_) => Some(Kind::Alert),
        plain::Kind::StandDown(_) => Some(Kind::StandDown),
        plain::Kind::Probe(_) => None,
        plain::Kind::Confirm(answer) => match answer.outcome.as_ref()? {
            confirm::Outcome::Confirmed(_) => Some(Kind::Confirmed),
            confirm::Outcome::NotNeeded(_) | confirm::Outcome::TooLate(_) => Some(Kind::Refused),
        },
    }
}

fn system_time(wire: &muster_proto::google::Timestamp) -> SystemTime {
    let seconds = u64::try_from(wire.seconds).unwrap_or_default();
    let nanos = u32::try_from(wire.nanos).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
}
