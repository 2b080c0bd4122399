//! What a phone says: the bytes of a `muster.v1.Up` to an [`Input`].

use dispatch_core::{
    attendance::AbortReason,
    call_out::{ShiftChoice, ShiftNumber},
    ids::{AlertId, DeviceId},
    input::{DeclineReason, DeliveryStage, Input, Reply},
    position::Fix,
    time::Timestamp,
};
use muster_engine::registry::Encoding;
use muster_proto::{
    google,
    v1::{self, PresenceState, ReceiptStage, ReplyKind, up::Kind},
};
use prost::Message as _;

use crate::{
    fix::{ReportedFix, timestamp},
    refusal::{Refusal, count_ignored},
    unknown,
};

/// Reads a payload. What this version does not know in it is counted, and ignored.
pub(crate) fn parse(encoding: Encoding, payload: &[u8]) -> Result<v1::Up, Refusal> {
    match encoding {
        Encoding::Json => {
            let mut json = serde_json::Deserializer::from_slice(payload);
            let mut unknown_fields = 0;
            let up: v1::Up =
                serde_ignored::deserialize(&mut json, |_| unknown_fields += 1).map_err(|_| Refusal::Malformed)?;
            json.end().map_err(|_| Refusal::Malformed)?;
            unknown::count(unknown_fields, unknown::json_values(&up, payload));
            Ok(up)
        }
        Encoding::Binary => {
            let up = v1::Up::decode(payload).map_err(|_| Refusal::Malformed)?;
            unknown::count(unknown::binary_fields(&up, payload), unknown::binary_values(&up));
            Ok(up)
        }
    }
}

/// What a message of this device means; `None` = nothing to act upon, which is counted.
pub(crate) fn input(device: DeviceId, up: v1::Up, now: Timestamp) -> Result<Option<Input>, Refusal> {
    let Some(kind) = up.kind else {
        count_ignored("no_content");
        return Ok(None);
    };
    let input = match kind {
        Kind::Position(position) => Some(Input::Fix {
            device,
            fix: fix(&position, up.sent_at, now)?,
        }),
        Kind::Receipt(receipt) => delivery(device, &receipt)?,
        Kind::Reply(said) => reply(device, &said)?,
        Kind::Presence(presence) => presence_of(device, presence.state()),
        Kind::Hello(_) => Some(Input::DeviceOnline { device }),
    };
    if input.is_none() {
        count_ignored("unspecified");
    }
    Ok(input)
}

/// A fix on Muster's clock; `sent_at` by the sender's, as in the message.
pub(crate) fn fix(position: &v1::Position, sent_at: Option<google::Timestamp>, now: Timestamp) -> Result<Fix, Refusal> {
    let moment = |at: google::Timestamp| timestamp(at.seconds, at.nanos);
    let reported = ReportedFix {
        latitude_deg: position.latitude_deg,
        longitude_deg: position.longitude_deg,
        accuracy_m: position.accuracy_m,
        taken_at: position.taken_at.map(moment).transpose()?,
        sent_at: sent_at.map(moment).transpose()?,
    };
    reported.check(now)
}

fn delivery(device: DeviceId, receipt: &v1::Receipt) -> Result<Option<Input>, Refusal> {
    let stage = match receipt.stage() {
        ReceiptStage::Unspecified => return Ok(None),
        ReceiptStage::Received => DeliveryStage::Received,
        ReceiptStage::Shown => DeliveryStage::Shown,
    };
    Ok(Some(Input::Delivery {
        device,
        alert: alert(&receipt.alert_id)?,
        version: receipt.alert_version,
        stage,
    }))
}

fn reply(device: DeviceId, said: &v1::Reply) -> Result<Option<Input>, Refusal> {
    let reply = match said.kind() {
        ReplyKind::Unspecified => return Ok(None),
        ReplyKind::Accept if said.shifts.is_empty() => Reply::Accept,
        ReplyKind::Accept => Reply::AcceptShifts(shifts(said)),
        ReplyKind::Decline => Reply::Decline(decline_reason(said)),
        ReplyKind::EnRoute => Reply::EnRoute,
        ReplyKind::AtScene => Reply::AtScene,
        ReplyKind::WithPatient => Reply::WithPatient,
        ReplyKind::AedAttached => Reply::AedAttached,
        ReplyKind::Finished => Reply::Finished,
        ReplyKind::CannotContinue => Reply::Abort(AbortReason::CannotContinue),
        ReplyKind::NeedHelp => Reply::NeedHelp,
        ReplyKind::AedNotThere => Reply::Abort(AbortReason::AedNotThere),
    };
    let alert = alert(&said.alert_id)?;
    Ok(Some(Input::Reply { device, alert, reply }))
}

/// A number that no shift can have is ignored: the others count.
fn shifts(said: &v1::Reply) -> ShiftChoice {
    said.shifts
        .iter()
        .filter_map(|&number| ShiftNumber::new(number))
        .collect()
}

fn decline_reason(said: &v1::Reply) -> DeclineReason {
    match said.decline_reason() {
        v1::DeclineReason::Unspecified => DeclineReason::Unstated,
        v1::DeclineReason::TooFar => DeclineReason::TooFar,
        v1::DeclineReason::Busy => DeclineReason::Busy,
        v1::DeclineReason::Unsafe => DeclineReason::Unsafe,
    }
}

fn presence_of(device: DeviceId, state: PresenceState) -> Option<Input> {
    match state {
        PresenceState::Unspecified => None,
        PresenceState::Online => Some(Input::DeviceOnline { device }),
        PresenceState::Offline => Some(Input::DeviceOffline { device }),
    }
}

fn alert(text: &str) -> Result<AlertId, Refusal> {
    text.parse().map_err(|_| Refusal::AlertId)
}
