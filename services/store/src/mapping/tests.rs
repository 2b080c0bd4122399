#![allow(clippy::unwrap_used)]
use dispatch_core::record::Record;
use muster_proto::journal::v1::{self as stored, record::Fact};
use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message as _;

use super::{InvalidRecord, RECORD_VERSION, decode, encode, strategies::record};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn what_is_written_reads_back_equal(record in record()) {
        prop_assert_eq!(decode(&encode(&record)), Ok(record));
    }

    #[test]
    fn damaged_bytes_never_panic(
        record in record(),
        damage in vec((any::<Index>(), any::<u8>()), 1..8),
        keep in any::<Index>(),
    ) {
        let mut bytes = encode(&record);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode(&bytes);
        let _ = decode(&bytes[..keep.index(bytes.len())]);
    }
}

fn with_fact(version: u32, fact: Option<Fact>) -> Vec<u8> {
    stored::Record { version, fact }.encode_to_vec()
}

#[test]
fn a_newer_version_is_refused_even_with_a_fact_this_code_knows() {
    let fact = Some(Fact::Started(stored::Started { epoch: 1 }));
    assert_eq!(
        decode(&with_fact(RECORD_VERSION, fact.clone())),
        Ok(Record::Started { epoch: 1 })
    );
    assert_eq!(
        decode(&with_fact(1, fact.clone())),
        Ok(Record::Started { epoch: 1 }),
        "older records are read"
    );
    for found in [0, RECORD_VERSION + 1] {
        assert_eq!(
            decode(&with_fact(found, fact.clone())),
            Err(InvalidRecord::Version { found })
        );
    }
}

#[test]
fn errors_name_the_field() {
    let device = vec![7; 16];
    let put = |device: Vec<u8>, purpose| {
        Some(Fact::DevicePut(stored::DevicePut {
            device,
            responder: vec![8; 16],
            purpose,
            alertable: true,
        }))
    };
    let told = |fact| decode(&with_fact(1, fact)).unwrap_err().to_string();
    assert_eq!(told(None), "Record.fact is missing");
    assert_eq!(
        told(put(device.clone(), 99)),
        "DevicePut.purpose is 99, which is not a value this Muster knows"
    );
    assert_eq!(
        told(put(device, 0)),
        "DevicePut.purpose is 0, which is not a value this Muster knows"
    );
    assert_eq!(
        told(put(vec![1], 1)),
        "DevicePut.device is 1 bytes long, which is not 16 bytes long"
    );
    let ended = stored::IncidentEnded {
        incident: vec![1; 16],
        cause: 1,
        ..Default::default()
    };
    assert_eq!(told(Some(Fact::IncidentEnded(ended))), "IncidentEnded.key is missing");
    let relocated = stored::AlertRelocated {
        alert: vec![1; 16],
        cell_centre: Some(stored::Position {
            latitude_e7: 900_000_001,
            longitude_e7: 0,
        }),
        ..Default::default()
    };
    assert_eq!(
        told(Some(Fact::AlertRelocated(relocated))),
        "AlertRelocated.cell_centre is 900000001, 0 e7, which is not a place on the globe"
    );
    let answered = stored::RequestAnswered {
        tenant: "London".to_owned(),
        request_id: "1".to_owned(),
        fingerprint: vec![0; 31],
        answer: Some(stored::Answer::default()),
    };
    assert_eq!(
        told(Some(Fact::RequestAnswered(answered))),
        "RequestAnswered.fingerprint is 31 bytes long, which is not 32 bytes long"
    );
}
