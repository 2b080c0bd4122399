//! Alerts as they stand, and the newest message about each.

use dispatch_core::{
    alert::{Alert, AlertState, Message, MessageKind},
    ledger::Times,
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::super::{
    InvalidRecord, Word,
    call_out::{from_shift_number, shift_number},
    decision,
    fields::{id, required, wrong},
    words::word,
};

const KNOWN: &str = "a value this Muster knows";

pub fn alert(alert: &Alert) -> stored::KnownAlert {
    let (state, decline_reason, withdrawn_reason) = state(alert.state);
    stored::KnownAlert {
        plan: Some(decision::planned(&alert.plan)),
        incident: alert.incident.as_bytes().to_vec(),
        wave: alert.wave,
        planned_at_ms: alert.planned_at.unix_ms(),
        state: state.into(),
        decline_reason,
        withdrawn_reason,
        reached_at_ms: alert.reached_at.map(Timestamp::unix_ms),
        waits_since_ms: alert.waits_since.unix_ms(),
        lapsed: alert.lapsed,
        message: Some(message(&alert.message)),
        request: Some(times(alert.request)),
        answered_at_ms: alert.answered_at.map(Timestamp::unix_ms),
        attendance: alert.attendance.map(Word::to_stored),
        attendance_at_ms: alert.attendance_at.map(Timestamp::unix_ms),
        stalled: alert.stalled,
        shift: shift_number(alert.shift),
    }
}

pub fn from_alert(alert: stored::KnownAlert) -> Result<Alert, InvalidRecord> {
    Ok(Alert {
        incident: id("KnownAlert.incident", &alert.incident)?,
        wave: alert.wave,
        planned_at: Timestamp::from_unix_ms(alert.planned_at_ms),
        state: from_state(&alert)?,
        reached_at: alert.reached_at_ms.map(Timestamp::from_unix_ms),
        waits_since: Timestamp::from_unix_ms(alert.waits_since_ms),
        lapsed: alert.lapsed,
        request: from_times(required("KnownAlert.request", alert.request)?),
        answered_at: alert.answered_at_ms.map(Timestamp::from_unix_ms),
        attendance: optional("KnownAlert.attendance", alert.attendance)?,
        attendance_at: alert.attendance_at_ms.map(Timestamp::from_unix_ms),
        stalled: alert.stalled,
        shift: from_shift_number("KnownAlert.shift", alert.shift)?,
        message: from_message(required("KnownAlert.message", alert.message)?)?,
        plan: decision::from_planned(required("KnownAlert.plan", alert.plan)?)?,
    })
}

fn optional<T: Word>(field: &'static str, number: Option<i32>) -> Result<Option<T>, InvalidRecord> {
    number.map(|number| word(field, number)).transpose()
}

fn state(state: AlertState) -> (stored::AlertState, Option<i32>, Option<i32>) {
    match state {
        AlertState::Planned => (stored::AlertState::Planned, None, None),
        AlertState::Published => (stored::AlertState::Published, None, None),
        AlertState::BrokerAcked => (stored::AlertState::BrokerAcked, None, None),
        AlertState::Received => (stored::AlertState::Received, None, None),
        AlertState::Shown => (stored::AlertState::Shown, None, None),
        AlertState::Accepted => (stored::AlertState::Accepted, None, None),
        AlertState::Declined(reason) => (stored::AlertState::Declined, Some(reason.to_stored()), None),
        AlertState::Expired => (stored::AlertState::Expired, None, None),
        AlertState::Withdrawn(reason) => (stored::AlertState::Withdrawn, None, Some(reason.to_stored())),
        AlertState::Undeliverable => (stored::AlertState::Undeliverable, None, None),
    }
}

fn from_state(alert: &stored::KnownAlert) -> Result<AlertState, InvalidRecord> {
    Ok(match stored::AlertState::try_from(alert.state) {
        Ok(stored::AlertState::Planned) => AlertState::Planned,
        Ok(stored::AlertState::Published) => AlertState::Published,
        Ok(stored::AlertState::BrokerAcked) => AlertState::BrokerAcked,
        Ok(stored::AlertState::Received) => AlertState::Received,
        Ok(stored::AlertState::Shown) => AlertState::Shown,
        Ok(stored::AlertState::Accepted) => AlertState::Accepted,
        Ok(stored::AlertState::Declined) => {
            let reason = required("KnownAlert.decline_reason", alert.decline_reason)?;
            AlertState::Declined(word("KnownAlert.decline_reason", reason)?)
        }
        Ok(stored::AlertState::Expired) => AlertState::Expired,
        Ok(stored::AlertState::Withdrawn) => {
            let reason = required("KnownAlert.withdrawn_reason", alert.withdrawn_reason)?;
            AlertState::Withdrawn(word("KnownAlert.withdrawn_reason", reason)?)
        }
        Ok(stored::AlertState::Undeliverable) => AlertState::Undeliverable,
        Ok(stored::AlertState::Unspecified) | Err(_) => return Err(wrong("KnownAlert.state", alert.state, KNOWN)),
    })
}

fn message(message: &Message) -> stored::KnownMessage {
    stored::KnownMessage {
        version: message.version,
        kind: Some(kind(message.kind)),
        stage: message.stage.map(Word::to_stored),
        planned_at_ms: message.planned_at.unix_ms(),
        sent_at_ms: message.sent_at.unix_ms(),
        resends: message.resends,
        reported_unheard: message.reported_unheard,
        times: Some(times(message.times)),
        outcome: message.outcome.map(Word::to_stored),
    }
}

fn from_message(message: stored::KnownMessage) -> Result<Message, InvalidRecord> {
    Ok(Message {
        version: message.version,
        kind: from_kind(&required("KnownMessage.kind", message.kind)?)?,
        stage: optional("KnownMessage.stage", message.stage)?,
        planned_at: Timestamp::from_unix_ms(message.planned_at_ms),
        sent_at: Timestamp::from_unix_ms(message.sent_at_ms),
        resends: message.resends,
        reported_unheard: message.reported_unheard,
        times: from_times(required("KnownMessage.times", message.times)?),
        outcome: optional("KnownMessage.outcome", message.outcome)?,
    })
}

pub fn kind(kind: MessageKind) -> stored::KindOfMessage {
    let (word, reason) = match kind {
        MessageKind::Alert => (stored::MessageKind::Alert, None),
        MessageKind::Confirmed => (stored::MessageKind::Confirmed, None),
        MessageKind::NotNeeded => (stored::MessageKind::NotNeeded, None),
        MessageKind::TooLate => (stored::MessageKind::TooLate, None),
        MessageKind::StandDown(reason) => (stored::MessageKind::StandDown, Some(reason.to_stored())),
    };
    stored::KindOfMessage {
        kind: word.into(),
        reason,
    }
}

pub fn from_kind(kind: &stored::KindOfMessage) -> Result<MessageKind, InvalidRecord> {
    Ok(match stored::MessageKind::try_from(kind.kind) {
        Ok(stored::MessageKind::Alert) => MessageKind::Alert,
        Ok(stored::MessageKind::Confirmed) => MessageKind::Confirmed,
        Ok(stored::MessageKind::NotNeeded) => MessageKind::NotNeeded,
        Ok(stored::MessageKind::TooLate) => MessageKind::TooLate,
        Ok(stored::MessageKind::StandDown) => {
            let reason = required("KindOfMessage.reason", kind.reason)?;
            MessageKind::StandDown(word("KindOfMessage.reason", reason)?)
        }
        Ok(stored::MessageKind::Unspecified) | Err(_) => return Err(wrong("KindOfMessage.kind", kind.kind, KNOWN)),
    })
}

fn times(times: Times) -> stored::StageTimes {
    stored::StageTimes {
        published_ms: times.published.map(Timestamp::unix_ms),
        broker_acked_ms: times.broker_acked.map(Timestamp::unix_ms),
        received_ms: times.received.map(Timestamp::unix_ms),
        shown_ms: times.shown.map(Timestamp::unix_ms),
    }
}

fn from_times(times: stored::StageTimes) -> Times {
    Times {
        published: times.published_ms.map(Timestamp::from_unix_ms),
        broker_acked: times.broker_acked_ms.map(Timestamp::from_unix_ms),
        received: times.received_ms.map(Timestamp::from_unix_ms),
        shown: times.shown_ms.map(Timestamp::from_unix_ms),
    }
}
