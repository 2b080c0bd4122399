#![allow(clippy::unwrap_used)]
use dispatch_core::{incident::IncidentState, state::StateImage};
use muster_proto::journal::v1 as stored;
use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message as _;

use super::{InvalidSnapshot, SNAPSHOT_VERSION, decode_snapshot, encode_snapshot, strategies::image};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_snapshot_reads_back_equal(image in image()) {
        prop_assert_eq!(decode_snapshot(&encode_snapshot(&image)), Ok(image));
    }

    #[test]
    fn a_damaged_snapshot_never_panics(
        image in image(),
        damage in vec((any::<Index>(), any::<u8>()), 1..8),
        keep in any::<Index>(),
    ) {
        let mut bytes = encode_snapshot(&image);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode_snapshot(&bytes);
        let _ = decode_snapshot(&bytes[..keep.index(bytes.len())]);
    }

    #[test]
    fn parts_that_do_not_fit_together_are_refused(image in image()) {
        prop_assume!(!image.alerts.is_empty());
        let without_alerts = StateImage { alerts: Vec::new(), ..image.clone() };
        let without_incidents = StateImage { incidents: Vec::new(), ..image.clone() };
        let mut without_place = image;
        for incident in &mut without_place.incidents {
            incident.state = IncidentState::Searching;
            incident.reported.as_mut().unwrap().place = None;
        }
        for unfitting in [without_alerts, without_incidents, without_place] {
            let read = decode_snapshot(&encode_snapshot(&unfitting));
            let refused = matches!(read, Err(InvalidSnapshot::Unfitting { .. }));
            prop_assert!(refused, "{:?}", read);
        }
    }
}

proptest! {
    #[test]
    fn a_snapshot_from_before_defibrillators_is_read(image in image()) {
        let image = StateImage { aeds: Vec::new(), ..image };
        let mut older = stored::Snapshot::decode(&*encode_snapshot(&image)).unwrap();
        older.version = 1;
        prop_assert_eq!(decode_snapshot(&older.encode_to_vec()), Ok(image));
    }
}

#[test]
fn another_version_is_refused() {
    for found in [0, SNAPSHOT_VERSION + 1] {
        let bytes = stored::Snapshot {
            version: found,
            ..Default::default()
        }
        .encode_to_vec();
        assert_eq!(decode_snapshot(&bytes), Err(InvalidSnapshot::Version { found }));
    }
}
