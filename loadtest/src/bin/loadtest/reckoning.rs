//! The reckoning: each alert the control room knows of, by its id, against what the phones themselves wrote down.

use std::{collections::HashMap, time::Instant};

use muster_proto::v1::{AlertState, IncidentAlert};

/// What is known of an alert from the phones and the watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlertLog {
    /// Of which incident it was part of the first wave.
    pub first_wave_of: Option<usize>,
    /// When a phone first had any word of it.
    pub on_phone: Option<Instant>,
    /// A phone had the request itself, and not only a later word.
    pub request: bool,
    /// A phone had the request more than once.
    pub twice: bool,
    /// When its person said yes.
    pub accepted: Option<Instant>,
    /// When the watch told so.
    pub accept_told: Option<Instant>,
    /// When its person was told to go.
    pub confirmed: Option<Instant>,
    /// When its person was called off.
    pub stood_down: Option<Instant>,
}

/// How alerts came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reckoned {
    /// By the control room's view.
    pub planned: u64,
    /// By the phones' logs.
    pub on_phones: u64,
    /// Withdrawn before they were handed to the broker.
    pub never_sent: u64,
    /// Handed to the broker, or still wanted, and on no phone.
    pub lost: u64,
    /// The service says that a phone has it and none does, or the reverse.
    pub unaccounted: u64,
    /// On a phone more than once.
    pub twice: u64,
}

impl Reckoned {
    /// Matches the alerts of an incident, in order of asking; those of the first wave come first.
    pub fn of(alerts: &[IncidentAlert], first_wave: usize, logs: &HashMap<String, AlertLog>) -> Self {
        let mut reckoned = Self::default();
        for (index, alert) in alerts.iter().enumerate() {
            let log = logs.get(&alert.alert_id).copied().unwrap_or_default();
            let on_phone = log.on_phone.is_some();
            let ended = matches!(alert.state(), AlertState::Withdrawn | AlertState::Undeliverable);
            // One of the first wave had all the time of the incident to be sent.
            let never_sent = ended && !is_sent(alert) && index >= first_wave;
            let unaccounted = match alert.received_at {
                Some(_) => !on_phone,
                // With a later word on the phone the receipt of the request is no longer waited for.
                None => log.request && log.stood_down.is_none() && log.confirmed.is_none(),
            };
            if unaccounted || !on_phone {
                tracing::debug!(alert_id = alert.alert_id, state = ?alert.state(), ?log, "an alert that does not match");
            }
            reckoned.planned += 1;
            reckoned.on_phones += u64::from(on_phone);
            reckoned.never_sent += u64::from(!on_phone && never_sent);
            reckoned.lost += u64::from(!on_phone && !never_sent);
            reckoned.unaccounted += u64::from(unaccounted);
            reckoned.twice += u64::from(log.twice);
        }
        reckoned
    }

    /// Whether nothing is left to be heard of.
    pub fn is_fine(&self) -> bool {
        self.lost == 0 && self.unaccounted == 0
    }

    /// Puts two together.
    pub fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.on_phones += other.on_phones;
        self.never_sent += other.never_sent;
        self.lost += other.lost;
        self.unaccounted += other.unaccounted;
        self.twice += other.twice;
    }
}

/// Whether the broker was given it; where it is quick, its having it is all that is told.
fn is_sent(alert: &IncidentAlert) -> bool {
    alert.published_at.is_some() || alert.broker_acked_at.is_some()
}

#[cfg(test)]
mod tests {
    use muster_proto::google::Timestamp;

    use super::*;

    fn alert(id: &str, published: bool, received: bool, state: AlertState) -> IncidentAlert {
        IncidentAlert {
            alert_id: id.to_owned(),
            state: state.into(),
            published_at: published.then(Timestamp::default),
            received_at: received.then(Timestamp::default),
            ..IncidentAlert::default()
        }
    }

    #[test]
    fn an_alert_is_lost_when_it_was_to_be_sent_and_no_phone_had_it() {
        let at = Some(Instant::now());
        let heard = AlertLog {
            on_phone: at,
            request: true,
            ..AlertLog::default()
        };
        let recalled = AlertLog {
            stood_down: at,
            ..heard
        };
        let logs = HashMap::from([
            ("heard".to_owned(), heard),
            ("unknown to the service".to_owned(), heard),
            ("recalled".to_owned(), recalled),
        ]);
        let alerts = [
            alert("heard", true, true, AlertState::Withdrawn),
            alert("recalled", true, false, AlertState::Withdrawn),
            alert("never sent in all that time", false, false, AlertState::Withdrawn),
            alert("unknown to the service", true, false, AlertState::Undeliverable),
            alert("claimed", true, true, AlertState::Received),
            alert("gone", true, false, AlertState::Undeliverable),
            alert("recalled in time", false, false, AlertState::Withdrawn),
            alert("forgotten", false, false, AlertState::Planned),
        ];
        let expected = Reckoned {
            planned: 8,
            on_phones: 3,
            never_sent: 1,
            lost: 4,
            unaccounted: 2,
            twice: 0,
        };
        assert_eq!(Reckoned::of(&alerts, 3, &logs), expected);
        assert!(!expected.is_fine() && Reckoned::of(&alerts[..2], 2, &logs).is_fine());
    }
}
