//! Counts what a newer app says that this version does not know. Such things are ignored, never refused: a newer app's
//! accept must not be lost.

use std::sync::LazyLock;

use muster_proto::{
    DESCRIPTORS,
    v1::{self, DeclineReason, PresenceState, ReceiptStage, ReplyKind, up::Kind},
};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use serde_json::Value as Json;

static UP: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS)
        .expect("the descriptors were written by our own build")
        .get_message_by_name("muster.v1.Up")
        .expect("Up is one of our messages")
});

/// Adds to the counters.
pub(crate) fn count(fields: u64, values: u64) {
    if fields > 0 {
        metrics::counter!("muster_mqtt_unknown_fields_total").increment(fields);
    }
    if values > 0 {
        metrics::counter!("muster_mqtt_unknown_values_total").increment(values);
    }
}

/// How many fields of a binary message are unknown.
pub(crate) fn binary_fields(up: &v1::Up, payload: &[u8]) -> u64 {
    // Known fields written again never take more room than they came in, so equal length leaves no room for others.
    if up.encoded_len() == payload.len() {
        return 0;
    }
    DynamicMessage::decode(UP.clone(), payload).map_or(0, |message| fields_within(&message))
}

fn fields_within(message: &DynamicMessage) -> u64 {
    let here = message.unknown_fields().map(|_| 1).sum::<u64>();
    let below = message.fields().filter_map(|(_, value)| match value {
        Value::Message(inner) => Some(fields_within(inner)),
        _ => None,
    });
    here + below.sum::<u64>()
}

/// How many enum values of a binary message are unknown.
pub(crate) fn binary_values(up: &v1::Up) -> u64 {
    let known = match &up.kind {
        Some(Kind::Receipt(receipt)) => vec![ReceiptStage::try_from(receipt.stage).is_ok()],
        Some(Kind::Reply(reply)) => vec![
            ReplyKind::try_from(reply.kind).is_ok(),
            DeclineReason::try_from(reply.decline_reason).is_ok(),
        ],
        Some(Kind::Presence(presence)) => vec![PresenceState::try_from(presence.state).is_ok()],
        Some(Kind::Position(_) | Kind::Hello(_)) | None => return 0,
    };
    known.into_iter().map(|known| u64::from(!known)).sum()
}

/// How many enum values of a JSON message are unknown. The parser makes them "unspecified", so a value that came out
/// so is looked up in the text.
pub(crate) fn json_values(up: &v1::Up, payload: &[u8]) -> u64 {
    let suspects: &[[&str; 2]] = match &up.kind {
        Some(Kind::Receipt(receipt)) if receipt.stage == 0 => &[["receipt", "stage"]],
        Some(Kind::Reply(reply)) if reply.kind == 0 || reply.decline_reason == 0 => &[
            ["reply", "kind"],
            ["reply", "declineReason"],
            ["reply", "decline_reason"],
        ],
        Some(Kind::Presence(presence)) if presence.state == 0 => &[["presence", "state"]],
        _ => return 0,
    };
    let Ok(json) = serde_json::from_slice::<Json>(payload) else {
        return 0;
    };
    let unknown = |[message, field]: &[&str; 2]| u64::from(is_unknown_value(field, &json[*message][*field]));
    suspects.iter().map(unknown).sum()
}

fn is_unknown_value(field: &str, value: &Json) -> bool {
    match value {
        Json::String(name) => !is_known_name(field, name),
        Json::Number(number) => !is_known_number(field, number),
        _ => false,
    }
}

fn is_known_name(field: &str, name: &str) -> bool {
    match field {
        "stage" => ReceiptStage::from_str_name(name).is_some(),
        "kind" => ReplyKind::from_str_name(name).is_some(),
        "state" => PresenceState::from_str_name(name).is_some(),
        _ => DeclineReason::from_str_name(name).is_some(),
    }
}

fn is_known_number(field: &str, number: &serde_json::Number) -> bool {
    let Some(number) = number.as_i64().and_then(|number| i32::try_from(number).ok()) else {
        return false;
    };
    match field {
        "stage" => ReceiptStage::try_from(number).is_ok(),
        "kind" => ReplyKind::try_from(number).is_ok(),
        "state" => PresenceState::try_from(number).is_ok(),
        _ => DeclineReason::try_from(number).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use muster_engine::registry::Encoding;

    use super::*;

    const ACCEPT: &str = r#"{"reply":{"alertId":"a","kind":"REPLY_KIND_ACCEPT"}}"#;

    fn json(text: &str) -> (v1::Up, u64) {
        let up = crate::up::parse(Encoding::Json, text.as_bytes()).expect("well-formed");
        let values = json_values(&up, text.as_bytes());
        (up, values)
    }

    #[test]
    fn a_value_unknown_in_json_is_seen_and_a_missing_one_is_not() {
        assert_eq!(json(ACCEPT).1, 0);
        assert_eq!(json(r#"{"reply":{"kind":"REPLY_KIND_UNSPECIFIED"}}"#).1, 0);
        assert_eq!(json(r#"{"reply":{"kind":"REPLY_KIND_TELEPORT"}}"#).1, 1);
        assert_eq!(
            json(r#"{"reply":{"kind":77,"declineReason":"DECLINE_REASON_RAIN"}}"#).1,
            2
        );
        assert_eq!(
            json(r#"{"reply":{"kind":2,"decline_reason":"DECLINE_REASON_RAIN"}}"#).1,
            1
        );
        assert_eq!(json(r#"{"presence":{"state":"PRESENCE_STATE_DOZING"}}"#).1, 1);
        assert_eq!(json(r#"{"receipt":{"stage":9}}"#).1, 1);
    }

    #[test]
    fn fields_unknown_in_binary_are_counted_at_every_depth() {
        let (up, _) = json(ACCEPT);
        let plain = up.encode_to_vec();
        assert_eq!(binary_fields(&up, &plain), 0);

        // Field 100 as a varint, once inside the reply (field 4) and once beside it.
        let extra = [0xa0, 0x06, 0x01];
        let Some(Kind::Reply(reply)) = &up.kind else {
            panic!("a reply")
        };
        let inner = [reply.encode_to_vec().as_slice(), &extra].concat();
        let length = u8::try_from(inner.len()).expect("short");
        let payload = [&[0x22, length][..], &inner, &extra].concat();
        let up = v1::Up::decode(payload.as_slice()).expect("well-formed");
        assert_eq!(binary_fields(&up, &payload), 2);
    }

    #[test]
    fn a_known_field_written_out_as_its_default_is_not_unknown() {
        // Presence with an explicit state 0.
        let payload = [0x2a, 0x02, 0x08, 0x00];
        let up = v1::Up::decode(payload.as_slice()).expect("well-formed");
        assert_eq!(binary_fields(&up, &payload), 0);
    }

    #[test]
    fn values_unknown_in_binary_are_counted() {
        let up = v1::Up {
            kind: Some(Kind::Reply(v1::Reply {
                kind: 77,
                decline_reason: 99,
                ..v1::Reply::default()
            })),
            ..v1::Up::default()
        };
        assert_eq!(binary_values(&up), 2);
    }
}
