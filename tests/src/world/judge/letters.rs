//! What leaves for the phones, and what the phones make of it.

use std::collections::{BTreeMap, BTreeSet};

use dispatch_core::{alert::MessageKind, attendance::Attendance, command::DownBody, ids::AlertId, responder::Purpose};
use muster_engine::ports::Outbound;
use muster_loadtest::What;
use muster_proto::v1::{Down, body, confirm, down, plain};

use super::Judge;
use crate::world::cast;

/// A store is slow when a commit takes this long.
const SLOW_AFTER_MS: u64 = 250;
/// Times one version of one message leaves for one phone at most: once, resends, and once for each time the phone or the
/// service comes back, or the person repeats an answer.
const SENDS_MAX: u64 = 400;

/// What has left for one phone about one alert.
#[derive(Clone, Copy, Debug, Default)]
pub struct SentPage {
    epoch: u64,
    pub version: u32,
    times: u64,
}

/// What a phone has been given, by alert.
#[derive(Clone, Debug, Default)]
pub struct PhonePage {
    /// What it was enrolled for.
    pub purpose: Option<Purpose>,
    pub alerts: BTreeMap<String, GivenPage>,
    /// What it knew of before the app was installed anew.
    pub wiped: BTreeSet<String>,
}

/// The newest message a phone was given about one alert.
#[derive(Clone, Copy, Debug)]
pub struct GivenPage {
    pub epoch: u64,
    pub version: u32,
    pub kind: &'static str,
    pub expires_ms: i64,
}

impl Judge {
    /// A message leaves the service for a phone.
    pub fn leaves(&mut self, outbound: &Outbound, payload: &[u8], at: u64) {
        self.count("messages");
        let message = &outbound.message;
        if !self.book.devices.contains_key(&message.device) {
            return self.violates(
                "I6 strangers",
                format_args!("{} has no access and is sent something", message.device),
            );
        }
        if self.acting_since.is_none() && self.durable < self.first_of_life {
            return self.violates("early", format_args!("something leaves before the start is durable"));
        }
        if message.owner_epoch != self.book.epoch {
            return self.violates(
                "F11 epoch",
                format_args!("a message of epoch {} leaves", message.owner_epoch),
            );
        }
        let Some((alert, version)) = message.about else { return };
        if let Err((promise, text)) = self.check_letter(outbound, alert, version, payload, at) {
            return self.violates(
                promise,
                format_args!("{alert} version {version} leaves at {at}: {text}"),
            );
        }
        let page = self.sent.entry((message.device, alert)).or_default();
        if (message.owner_epoch, version) < (page.epoch, page.version) {
            let text = format!("after version {} of epoch {}", page.version, page.epoch);
            return self.violates("I3 order", format_args!("{alert} version {version} leaves {text}"));
        }
        let times = if (page.epoch, page.version) == (message.owner_epoch, version) {
            page.times + 1
        } else {
            1
        };
        *page = SentPage {
            epoch: message.owner_epoch,
            version,
            times,
        };
        if times > SENDS_MAX {
            self.violates(
                "I8 bounds",
                format_args!("{alert} version {version} leaves {times} times"),
            );
        }
    }

    fn check_letter(
        &self,
        outbound: &Outbound,
        id: AlertId,
        version: u32,
        payload: &[u8],
        at: u64,
    ) -> Result<(), (&'static str, String)> {
        let message = &outbound.message;
        let Some(alert) = self.book.alerts.get(&id) else {
            return Err(("I3 order", "about an alert that is not in the journal".to_owned()));
        };
        let incident = &self.book.incidents[&alert.incident];
        let Some(&(kind, sequence)) = alert.versions.get(&version) else {
            return Err(("I3 order", "a version that was never decided".to_owned()));
        };
        if kind_of(&message.body) != Some(kind) {
            return Err(("I3 order", format!("it says {:?} instead of {kind:?}", message.body)));
        }
        if let (Some((end, ended_by)), MessageKind::Alert) = (alert.end, kind)
            && ended_by <= self.durable_before
        {
            return Err(("I3 sent again", format!("an alert that ended as {end:?}")));
        }
        if sequence > self.durable && !self.may_leave_early(at) {
            return Err((
                "early",
                format!("record {sequence} is not durable and the store is not slow"),
            ));
        }
        let device = &self.book.devices[&message.device];
        let foreign = device.responder != alert.responder
            || Some(device.purpose) != incident.purpose
            || Some(message.purpose) != incident.purpose
            || outbound.to.tenant != incident.tenant;
        if foreign {
            return Err((
                "I6 strangers",
                format!("to {} for {:?}", message.device, incident.purpose),
            ));
        }
        let number = self.incidents.get(&alert.incident).copied().unwrap_or_default();
        let told = tells_place(payload, incident, number);
        if kind == MessageKind::Confirmed {
            let DownBody::Confirmed { place, .. } = message.body else {
                return Ok(());
            };
            if !incident.places.contains(&place) {
                return Err(("I6 places", "a place that was never reported".to_owned()));
            }
            let went = alert
                .attendance
                .is_some_and(|attendance| !matches!(attendance, Attendance::NotNeeded | Attendance::TooLate));
            if !went {
                return Err(("I6 places", "to somebody who was not confirmed".to_owned()));
            }
        } else if told {
            return Err(("I6 places", "it tells where before anybody may know".to_owned()));
        }
        Ok(())
    }

    /// Whether what a life depends on may leave before it is durable.
    pub(super) fn may_leave_early(&self, at: u64) -> bool {
        let slow = self
            .in_flight
            .front()
            .is_some_and(|&(_, since)| at >= since + SLOW_AFTER_MS);
        self.journal_failed || slow
    }

    // --- on the phones

    /// A message reaches a phone.
    pub fn phone_gets(&mut self, phone: usize, down: &Down) {
        self.count("deliveries");
        let for_drills = matches!(down.purpose, Some(down::Purpose::Exercise(_)));
        let wanted = self.phones.get(phone).and_then(|page| page.purpose);
        if wanted.is_some_and(|wanted| for_drills != (wanted == Purpose::Exercise)) {
            return self.violates(
                "I6 strangers",
                format_args!("phone {phone} gets a message of another purpose"),
            );
        }
        let Some(kind) = wire_kind(down) else { return };
        let expires_ms = down
            .expires_at
            .as_ref()
            .map_or(i64::MAX, |at| at.seconds * 1000 + i64::from(at.nanos) / 1_000_000);
        let Some(page) = self.phones.get_mut(phone) else { return };
        let given = GivenPage {
            epoch: down.owner_epoch,
            version: down.alert_version,
            kind,
            expires_ms,
        };
        let known = page.alerts.entry(down.alert_id.clone()).or_insert(given);
        if (given.epoch, given.version) > (known.epoch, known.version) && given.version >= known.version {
            *known = given;
        }
    }

    /// The app was installed anew and knows nothing.
    pub fn phone_reinstalled(&mut self, phone: usize) {
        if let Some(page) = self.phones.get_mut(phone) {
            page.wiped.extend(std::mem::take(&mut page.alerts).into_keys());
        }
    }

    /// A phone writes a line in its log; its clock then.
    pub fn phone_logs(&mut self, phone: usize, what: &What, clock_ms: i64) {
        match what {
            What::Shown {
                alert_id,
                alert_version,
            } => {
                self.count("shown");
                let given = self
                    .phones
                    .get(phone)
                    .and_then(|page| page.alerts.get(alert_id))
                    .copied();
                let Some(given) = given else {
                    return self.violates("I3 shown", format_args!("phone {phone} shows {alert_id}, never sent"));
                };
                let stale = given.version != *alert_version || given.expires_ms <= clock_ms;
                if stale {
                    let text = format!("newest is {given:?}, its clock {clock_ms}");
                    self.violates(
                        "I3 shown",
                        format_args!("phone {phone} shows {alert_id} v{alert_version}; {text}"),
                    );
                }
            }
            What::Answered { .. } => self.count("answered"),
            What::Ignored { .. } => self.count("ignored by phones"),
            What::Received { duplicate: true, .. } => self.count("duplicates at phones"),
            _ => {}
        }
    }
}

fn kind_of(body: &DownBody) -> Option<MessageKind> {
    Some(match body {
        DownBody::Alert { .. } => MessageKind::Alert,
        DownBody::Confirmed { .. } => MessageKind::Confirmed,
        DownBody::NotNeeded => MessageKind::NotNeeded,
        DownBody::TooLate => MessageKind::TooLate,
        DownBody::StandDown(reason) => MessageKind::StandDown(*reason),
        DownBody::Probe => return None,
    })
}

/// The same words for a kind of message, whichever side names it.
pub fn word(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Alert => "alert",
        MessageKind::Confirmed => "confirmed",
        MessageKind::NotNeeded => "not needed",
        MessageKind::TooLate => "too late",
        MessageKind::StandDown(_) => "stand down",
    }
}

fn wire_kind(down: &Down) -> Option<&'static str> {
    let (Some(down::Purpose::Live(body)) | Some(down::Purpose::Exercise(body))) = &down.purpose else {
        return None;
    };
    let Some(body::Content::Plain(plain)) = &body.content else {
        return None;
    };
    Some(match plain.kind.as_ref()? {
        plain::Kind::Alert(_) => "alert",
        plain::Kind::StandDown(_) => "stand down",
        plain::Kind::Probe(_) => return None,
        plain::Kind::Confirm(confirm) => match confirm.outcome.as_ref()? {
            confirm::Outcome::Confirmed(_) => "confirmed",
            confirm::Outcome::NotNeeded(_) => "not needed",
            confirm::Outcome::TooLate(_) => "too late",
        },
    })
}

/// Whether the bytes hold the exact place or the address of an incident, in either encoding.
fn tells_place(payload: &[u8], incident: &super::pages::IncidentPage, number: u32) -> bool {
    let holds = |needle: &[u8]| payload.windows(needle.len()).any(|window| window == needle);
    let words = cast::secret_words(number);
    let told = incident.places.iter().any(|place| {
        let (latitude, longitude) = (place.position.latitude(), place.position.longitude());
        // Both: a round number by itself may begin another by chance.
        let both = [latitude, longitude];
        both.iter().all(|degrees| holds(&degrees.to_le_bytes()))
            || both.iter().all(|degrees| holds(degrees.to_string().as_bytes()))
    });
    told || holds(words.as_bytes())
}
