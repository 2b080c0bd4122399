//! What a trunk says: the bytes of a `muster.v1.TrunkUp` to one fix for each person it names. One that is wrong is refused
//! by itself; whether the trunk may speak for the person is not decided here.

use dispatch_core::{ids::ResponderId, position::Fix, time::Timestamp};
use muster_proto::v1;
use prost::Message as _;

use crate::{refusal::Refusal, up};

/// Most positions in one message: they fit into the bytes a message may have, and the engine takes 256 at a time.
const POSITIONS_MAX: usize = 100;

/// Reads a message: for each position, who and where, or why it is refused.
pub(crate) fn read(
    payload: &[u8],
    now: Timestamp,
) -> Result<impl Iterator<Item = Result<(ResponderId, Fix), Refusal>>, Refusal> {
    let said = v1::TrunkUp::decode(payload).map_err(|_| Refusal::Malformed)?;
    if said.positions.len() > POSITIONS_MAX {
        return Err(Refusal::TooLarge);
    }
    Ok(said.positions.into_iter().map(move |one| {
        let responder = one.responder.as_slice().try_into().map_err(|_| Refusal::Malformed)?;
        let position = one.position.ok_or(Refusal::Position)?;
        let fix = up::fix(&position, said.sent_at, now)?;
        Ok((ResponderId::from_bytes(responder), fix))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn one(responder: &[u8], latitude_deg: f64) -> v1::TrunkPosition {
        v1::TrunkPosition {
            responder: responder.to_vec(),
            position: Some(v1::Position {
                latitude_deg,
                longitude_deg: -0.12,
                accuracy_m: 5.0,
                taken_at: None,
            }),
        }
    }

    fn outcomes(positions: Vec<v1::TrunkPosition>) -> Result<Vec<Result<ResponderId, Refusal>>, Refusal> {
        let said = v1::TrunkUp {
            sent_at: None,
            positions,
        };
        let payload = said.encode_to_vec();
        let read = read(&payload, NOW)?;
        Ok(read.map(|one| one.map(|(responder, _)| responder)).collect())
    }

    #[test]
    fn each_position_is_taken_or_refused_by_itself() {
        let nowhere = v1::TrunkPosition {
            responder: vec![3; 16],
            position: None,
        };
        let said = vec![one(&[1; 16], 51.5), one(&[2; 15], 51.5), nowhere, one(&[4; 16], 91.0)];
        let expected = vec![
            Ok(ResponderId::from_bytes([1; 16])),
            Err(Refusal::Malformed),
            Err(Refusal::Position),
            Err(Refusal::Position),
        ];
        assert_eq!(outcomes(said), Ok(expected));
    }

    #[test]
    fn a_message_with_too_many_is_refused_whole() {
        let said = |count| vec![one(&[1; 16], 51.5); count];
        assert_eq!(outcomes(said(POSITIONS_MAX)).map(|all| all.len()), Ok(POSITIONS_MAX));
        assert_eq!(outcomes(said(POSITIONS_MAX + 1)), Err(Refusal::TooLarge));
        assert!(read(&[0xff; 20], NOW).is_err());
    }

    #[test]
    fn the_largest_message_fits() {
        let at = Some(muster_proto::google::Timestamp {
            seconds: 1_800_000_000,
            nanos: 999_000_000,
        });
        let mut one = one(&[1; 16], 51.512_345_6);
        one.position.as_mut().expect("set").taken_at = at;
        let said = v1::TrunkUp {
            sent_at: at,
            positions: vec![one; POSITIONS_MAX],
        };
        assert!(said.encoded_len() <= crate::intake::PAYLOAD_MAX);
    }
}
