//! What is told to phones: the newest message about an alert, only while it is true, the most urgent first.

use std::{cmp::Reverse, time::Duration};

use crate::{
    alert::{Alert, MessageKind},
    command::{Command, DownBody, DownMessage},
    ids::AlertId,
    record::Record,
    time::Timestamp,
};

use super::Dispatcher;

/// A confirmation or stand-down is true for this long: a phone that comes back within it is told.
const DIRECTION_EXPIRY: Duration = Duration::from_secs(3600);

/// Owners' numbers, which are seconds since 1970, count from here for versions: 2025-06-15, before the first release.
const VERSIONS_SINCE: u64 = 1_750_000_000;
/// Versions that an owner may give out about one alert for each second until the next start; a version is a number of 32
/// bits, so this lasts until 2059.
const VERSIONS_A_SECOND: u64 = 4;

/// Sorts what is sent after an outage: who goes is told where before anybody is asked, who is asked before anybody is
/// called off, and of each the newest first. An old backlog must not delay what can still save somebody (PagerDuty 2023,
/// 2025).
fn urgency(alert: &Alert) -> (u8, Reverse<(Timestamp, AlertId)>) {
    let rank = match alert.message.kind {
        MessageKind::Confirmed => 0,
        MessageKind::Alert => 1,
        MessageKind::NotNeeded | MessageKind::TooLate | MessageKind::StandDown(_) => 2,
    };
    (rank, Reverse((alert.message.planned_at, alert.plan.alert)))
}

/// The alerts, those with the most urgent message first.
pub(super) fn most_urgent_first(mut alerts: Vec<Alert>) -> Vec<AlertId> {
    alerts.sort_by_key(urgency);
    alerts.into_iter().map(|alert| alert.plan.alert).collect()
}

impl Dispatcher {
    /// When the newest message about an alert stops being true by itself.
    pub(super) fn message_expiry(&self, alert: &Alert) -> Timestamp {
        let hour = alert.message.planned_at + DIRECTION_EXPIRY;
        match alert.message.kind {
            MessageKind::Alert => alert.plan.expires_at,
            // Whoever has a shift tomorrow may look at the phone in the morning.
            MessageKind::Confirmed => self.shift_of(alert).map_or(hour, |shift| shift.ends_at.max(hour)),
            _ => hour,
        }
    }

    /// Whether the newest message about an alert may still be sent. A deadline that ends it may be due and not have had
    /// its turn yet, as after a pause of the process.
    pub(super) fn is_true_now(&self, alert: &Alert) -> bool {
        let holds = match alert.message.kind {
            MessageKind::Alert => alert.state.is_open(),
            MessageKind::Confirmed => alert.is_attended() && self.incident(alert.incident).state.is_open(),
            MessageKind::NotNeeded | MessageKind::TooLate | MessageKind::StandDown(_) => true,
        };
        holds && self.message_expiry(alert) > self.now
    }

    /// The version of the next message about an alert. What was sent while the store was in trouble may have been lost with
    /// its records, and phones take a version they have seen for a repeat: so the first after a start begins where no
    /// earlier owner can have got to. A message counts as from before the start when it is no newer than the owner's
    /// number, which is the start's second.
    pub(super) fn next_version(&self, alert: &Alert) -> u32 {
        let next = alert.message.version + 1;
        let planned = u64::try_from(alert.message.planned_at.unix_ms() / 1000).unwrap_or(0);
        if planned > self.state.epoch() {
            return next;
        }
        let since = self.state.epoch().saturating_sub(VERSIONS_SINCE);
        let first = since.saturating_mul(VERSIONS_A_SECOND);
        next.max(u32::try_from(first).unwrap_or(0))
    }

    /// Sends the newest message about an alert again, with the same id and version, if it is still true.
    pub(super) fn resend(&mut self, id: AlertId) {
        if !self.is_true_now(self.alert(id)) {
            return;
        }
        let version = self.alert(id).message.version;
        self.record(Record::MessageResent { alert: id, version });
        self.publish(id);
    }

    /// Sends the newest message about an alert to every phone it is meant for, if it is still true.
    pub(super) fn publish(&mut self, alert: AlertId) {
        let alert = *self.alert(alert);
        let incident = self.incident(alert.incident);
        let Some(reported) = incident.reported.as_ref() else {
            return;
        };
        if !self.is_true_now(&alert) {
            return;
        }
        let body = match alert.message.kind {
            MessageKind::Alert => DownBody::Alert {
                kind: reported.kind.clone(),
                role: alert.plan.role,
                cell: alert.plan.cell,
                band: alert.plan.band,
                call_out: self.offer(incident.id),
            },
            MessageKind::Confirmed => {
                let place = reported
                    .place
                    .expect("nobody is asked before the place is known, and it is never unlearned");
                DownBody::Confirmed {
                    incident: incident.id,
                    place,
                    role: alert.plan.role,
                    shift: self.shift_of(&alert).copied(),
                }
            }
            MessageKind::NotNeeded => DownBody::NotNeeded,
            MessageKind::TooLate => DownBody::TooLate,
            MessageKind::StandDown(reason) => DownBody::StandDown(reason),
        };
        let Some(person) = self.state.roster.person(alert.plan.responder) else {
            return;
        };
        let expires_at = self.message_expiry(&alert);
        let purpose = reported.purpose;
        let messages = person.alertable(purpose).map(|(device, _)| {
            Command::Publish(DownMessage {
                device,
                about: Some((alert.plan.alert, alert.message.version)),
                owner_epoch: self.state.epoch(),
                expires_at,
                purpose,
                body: body.clone(),
            })
        });
        self.follow_up.extend(messages);
    }
}
