//! What is said to a phone: an [`Outbound`] to the bytes of a `muster.v1.Down`.

use dispatch_core::{
    alert::{Role, StandDownReason},
    call_out::Shift,
    coarse::{CELL_SIZE_M, CoarseCell, DistanceBand},
    command::{DownBody, Offer},
    ids::AlertId,
    incident::IncidentKind,
    input::Place,
    responder::Purpose,
    time::Timestamp,
};
use muster_engine::{
    ports::Outbound,
    registry::{Address, AedRow, Encoding},
};
use muster_proto::{
    google,
    v1::{self, body::Content, confirm::Outcome, down, plain},
};
use prost::Message as _;

use crate::fix::timestamp;

/// A message ready for a broker. Goes out with QoS 1, never retained.
#[derive(Debug, PartialEq)]
pub(crate) struct Letter {
    pub payload: Vec<u8>,
    pub content_type: &'static str,
    /// What is left of its life, at least 1 s.
    pub expiry_s: u32,
}

/// Writes a message; `None` when its life is over.
pub(crate) fn letter(outbound: &Outbound, now: Timestamp) -> Option<Letter> {
    let expiry_s = expiry_s(outbound.message.expires_at, now)?;
    let down = down(outbound);
    let (payload, content_type) = match outbound.to.encoding {
        Encoding::Json => (
            serde_json::to_vec(&down).expect("writing to memory, and no key that is not text"),
            "application/json",
        ),
        Encoding::Binary => (down.encode_to_vec(), "application/protobuf"),
    };
    Some(Letter {
        payload,
        content_type,
        expiry_s,
    })
}

/// What a message of ours is about.
pub(crate) struct About {
    /// `None` for a probe.
    pub alert: Option<(AlertId, u32)>,
    pub expires_at: Timestamp,
}

/// Reads a message of our own again; `None` for what is none.
pub(crate) fn read_back(encoding: Encoding, payload: &[u8]) -> Option<About> {
    let down = match encoding {
        Encoding::Json => serde_json::from_slice(payload).ok()?,
        Encoding::Binary => v1::Down::decode(payload).ok()?,
    };
    let expires_at = down.expires_at?;
    Some(About {
        alert: down.alert_id.parse().ok().map(|alert| (alert, down.alert_version)),
        expires_at: timestamp(expires_at.seconds, expires_at.nanos).ok()?,
    })
}

fn expiry_s(expires_at: Timestamp, now: Timestamp) -> Option<u32> {
    let left_ms = u64::try_from(expires_at.ms_since(now)).ok().filter(|&left| left > 0)?;
    Some(u32::try_from(left_ms.div_ceil(1000)).unwrap_or(u32::MAX))
}

fn down(outbound: &Outbound) -> v1::Down {
    let message = &outbound.message;
    let (alert_id, alert_version) = match message.about {
        Some((alert, version)) => (alert.to_string(), version),
        None => (String::new(), 0),
    };
    let body = v1::Body {
        content: Some(Content::Plain(v1::Plain {
            kind: Some(kind(outbound)),
        })),
    };
    v1::Down {
        alert_id,
        alert_version,
        owner_epoch: message.owner_epoch,
        expires_at: Some(moment(message.expires_at)),
        purpose: Some(match message.purpose {
            Purpose::Live => down::Purpose::Live(body),
            Purpose::Exercise => down::Purpose::Exercise(body),
        }),
    }
}

fn kind(outbound: &Outbound) -> plain::Kind {
    match &outbound.message.body {
        DownBody::Alert {
            kind,
            role,
            cell,
            band,
            call_out,
        } => plain::Kind::Alert(v1::Alert {
            call_out: call_out.as_ref().map(called_out),
            ..alert(kind, *role, *cell, *band)
        }),
        DownBody::Confirmed { place, role, shift, .. } => confirm(Outcome::Confirmed(v1::Confirmed {
            shift: shift.as_ref().map(shift_time),
            ..confirmed(*place, *role, outbound)
        })),
        DownBody::NotNeeded => confirm(Outcome::NotNeeded(v1::NotNeeded {})),
        DownBody::TooLate => confirm(Outcome::TooLate(v1::TooLate {})),
        DownBody::StandDown(reason) => plain::Kind::StandDown(v1::StandDown {
            reason: stand_down_reason(*reason).into(),
        }),
        DownBody::Probe => plain::Kind::Probe(v1::Probe {}),
    }
}

fn alert(kind: &IncidentKind, role: Role, cell: CoarseCell, band: DistanceBand) -> v1::Alert {
    v1::Alert {
        incident_kind: kind.to_string(),
        role: told(role).into(),
        cell: Some(v1::CoarseCell {
            latitude_deg: cell.centre.latitude(),
            longitude_deg: cell.centre.longitude(),
            size_m: CELL_SIZE_M,
        }),
        distance: Some(v1::DistanceBand {
            from_m: band.from_m,
            to_m: band.to_m.unwrap_or(0),
        }),
        call_out: None,
    }
}

fn called_out(offer: &Offer) -> v1::CalledOut {
    v1::CalledOut {
        skill: offer
            .skill
            .as_ref()
            .map_or_else(String::new, |skill| skill.as_str().to_owned()),
        shifts: offer.shifts.iter().map(shift_time).collect(),
    }
}

fn shift_time(shift: &Shift) -> v1::ShiftTime {
    v1::ShiftTime {
        number: shift.number.get(),
        starts_at: Some(moment(shift.starts_at)),
        ends_at: Some(moment(shift.ends_at)),
    }
}

/// What somebody would do. Which defibrillator to fetch is told with the confirmation.
fn told(role: Role) -> v1::Role {
    match role {
        Role::Direct => v1::Role::Direct,
        Role::FetchAed(_) => v1::Role::FetchAed,
        Role::Guide => v1::Role::Guide,
        Role::Shift => v1::Role::Shift,
    }
}

fn confirm(outcome: Outcome) -> plain::Kind {
    plain::Kind::Confirm(v1::Confirm { outcome: Some(outcome) })
}

fn confirmed(place: Place, role: Role, outbound: &Outbound) -> v1::Confirmed {
    v1::Confirmed {
        latitude_deg: place.position.latitude(),
        longitude_deg: place.position.longitude(),
        accuracy_m: place.accuracy.as_f64(),
        address: outbound.address.as_ref().map(address),
        role: told(role).into(),
        defibrillator: outbound.aed.as_deref().map(to_fetch),
        shift: None,
    }
}

fn to_fetch(row: &AedRow) -> v1::DefibrillatorToFetch {
    let aed = &row.aed;
    let level = aed.level.as_ref().map(|level| level.as_str().to_owned());
    let hours = row.hours.as_ref().map(|hours| hours.expression().to_owned());
    v1::DefibrillatorToFetch {
        defibrillator_id: aed.aed.to_string(),
        latitude_deg: aed.position.latitude(),
        longitude_deg: aed.position.longitude(),
        accuracy_m: aed.accuracy.as_f64(),
        name: row.name.clone(),
        address: Some(&row.address)
            .filter(|parts| **parts != Address::default())
            .map(address),
        cabinet_code: row.cabinet_code.clone(),
        level: level.unwrap_or_default(),
        indoor: aed.indoor,
        opening_hours: hours.unwrap_or_default(),
    }
}

fn address(address: &Address) -> v1::Address {
    v1::Address {
        text: address.text.clone(),
        uprn: address.uprn.clone(),
        postcode: address.postcode.clone(),
        floor: address.floor.clone(),
        access_notes: address.access_notes.clone(),
    }
}

fn stand_down_reason(reason: StandDownReason) -> v1::StandDownReason {
    match reason {
        StandDownReason::Enough => v1::StandDownReason::Enough,
        StandDownReason::Cancelled => v1::StandDownReason::Cancelled,
        StandDownReason::Closed => v1::StandDownReason::Closed,
        StandDownReason::CrewOnScene => v1::StandDownReason::CrewOnScene,
        StandDownReason::Relocated => v1::StandDownReason::Relocated,
        StandDownReason::Suspended => v1::StandDownReason::Suspended,
        StandDownReason::SceneExcluded => v1::StandDownReason::SceneExcluded,
        StandDownReason::Replaced => v1::StandDownReason::Replaced,
    }
}

fn moment(at: Timestamp) -> google::Timestamp {
    google::Timestamp {
        seconds: at.unix_ms().div_euclid(1000),
        nanos: i32::try_from(at.unix_ms().rem_euclid(1000) * 1_000_000).expect("under a thousand million"),
    }
}

#[cfg(test)]
#[path = "down_tests.rs"]
mod letter_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_life_is_whole_seconds_and_at_least_one() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let left = |ms| expiry_s(Timestamp::from_unix_ms(now.unix_ms() + ms), now);
        assert_eq!(left(300_000), Some(300));
        assert_eq!(left(299_001), Some(300));
        assert_eq!(left(1), Some(1));
        assert_eq!(left(0), None);
        assert_eq!(left(-5), None);
        assert_eq!(left(i64::MAX - now.unix_ms()), Some(u32::MAX));
    }

    #[test]
    fn moments_before_the_epoch_keep_positive_nanoseconds() {
        let at = moment(Timestamp::from_unix_ms(-1));
        assert_eq!((at.seconds, at.nanos), (-1, 999_000_000));
    }
}
