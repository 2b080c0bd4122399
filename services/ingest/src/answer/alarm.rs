//! What a watcher is told when the service itself is in trouble.

use dispatch_core::time::Timestamp;
use muster_engine::alarms::{Alarm, AlarmKind};
use muster_proto::v1::{self as wire, watch_incidents_response::Event};

use crate::alarms::Told;

/// An event that stands at `sequence`, the place in the journal that the watch has reached.
pub(crate) fn system_alarm(told: &Told, sequence: u64, now: Timestamp) -> wire::WatchIncidentsResponse {
    let (alarm, raised) = match told {
        Told::Up(alarm) => (alarm, true),
        Told::Over(alarm) => (alarm, false),
    };
    wire::WatchIncidentsResponse {
        sequence,
        at: Some(super::moment(now)),
        incident_id: String::new(),
        key: None,
        event: Some(Event::SystemAlarm(wire::SystemAlarm {
            kind: kind(alarm.kind).into(),
            raised,
            since: Some(super::moment(alarm.since)),
            count: if raised { alarm.count } else { 0 },
            message: if raised { up(alarm) } else { over(alarm).to_owned() },
        })),
    }
}

fn kind(kind: AlarmKind) -> wire::AlarmKind {
    match kind {
        AlarmKind::AlertsNotLeaving => wire::AlarmKind::AlertsNotLeaving,
        AlarmKind::StoreSlow => wire::AlarmKind::StoreSlow,
        AlarmKind::StoreFull => wire::AlarmKind::StoreFull,
        AlarmKind::StoreFailed => wire::AlarmKind::StoreFailed,
        AlarmKind::JournalDamaged => wire::AlarmKind::JournalDamaged,
        AlarmKind::BrokerAway => wire::AlarmKind::BrokerAway,
        AlarmKind::CanarySilent => wire::AlarmKind::CanarySilent,
        AlarmKind::Overloaded => wire::AlarmKind::Overloaded,
    }
}

/// What is wrong, and what the control room can rely on meanwhile.
fn up(alarm: &Alarm) -> String {
    let count = alarm.count;
    match (alarm.kind, &alarm.tenant) {
        (AlarmKind::AlertsNotLeaving, _) => {
            format!("Alerts are not leaving: {count} messages to phones wait. Do not rely on responders being asked.")
        }
        (AlarmKind::StoreSlow, _) => {
            "The store is slow. People are still alerted to life-threatening incidents; other \
                                      requests may be refused, and answers may not be durable yet."
                .to_owned()
        }
        (AlarmKind::StoreFull, _) => "The store is full. Only reports of life-threatening incidents, stand-downs and \
                                      closes are taken in."
            .to_owned(),
        (AlarmKind::StoreFailed, _) => {
            "The store failed and the service is ending. Do not rely on responders being asked.".to_owned()
        }
        (AlarmKind::JournalDamaged, _) => {
            "What is stored is damaged: what the service tells about past incidents may be incomplete.".to_owned()
        }
        (AlarmKind::BrokerAway, _) => {
            "Phones cannot be reached: the message broker is away. Do not rely on responders being asked.".to_owned()
        }
        (AlarmKind::CanarySilent, _) => {
            "The test alert has not reached its phone. Alerts may not be arriving.".to_owned()
        }
        (AlarmKind::Overloaded, None) => format!(
            "The service is overloaded: {count} requests were refused in the last seconds, the least important first. \
             A refused request was not acted upon."
        ),
        (AlarmKind::Overloaded, Some(_)) => format!(
            "This control room sends more than its budget: {count} of its reports, stand-downs or closes were refused \
             in the last seconds and not acted upon. If your systems do not do this, somebody may be using your key."
        ),
    }
}

fn over(alarm: &Alarm) -> &'static str {
    match alarm.kind {
        AlarmKind::AlertsNotLeaving => "Alerts are leaving again.",
        AlarmKind::StoreSlow => "The store is as fast as it should be again.",
        AlarmKind::StoreFull => "The store has space again; everything is taken in.",
        AlarmKind::StoreFailed => "The store works again.",
        AlarmKind::JournalDamaged => "What is stored is whole again.",
        AlarmKind::BrokerAway => "Phones can be reached again.",
        AlarmKind::CanarySilent => "The test alert reaches its phone again.",
        AlarmKind::Overloaded => "Requests are no longer refused for being too many.",
    }
}

#[cfg(test)]
mod tests {
    use dispatch_core::ids::TenantId;

    use super::*;

    #[test]
    fn every_alarm_is_a_plain_sentence() {
        for kind in AlarmKind::ALL {
            for tenant in [None, TenantId::new("leeds").ok()] {
                let alarm = Alarm {
                    kind,
                    tenant,
                    since: Timestamp::from_unix_ms(1_000),
                    count: 7,
                };
                for told in [Told::Up(alarm.clone()), Told::Over(alarm)] {
                    let event = system_alarm(&told, 42, Timestamp::from_unix_ms(9_000));
                    assert_eq!((event.sequence, event.incident_id.as_str(), event.key), (42, "", None));
                    let Some(Event::SystemAlarm(told)) = event.event else {
                        panic!("an alarm");
                    };
                    assert!(
                        told.message.ends_with('.') && !told.message.contains("  "),
                        "{}",
                        told.message
                    );
                    assert!(told.kind != 0 && told.since.is_some_and(|since| since.seconds == 1));
                }
            }
        }
    }
}
