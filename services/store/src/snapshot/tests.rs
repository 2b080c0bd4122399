use super::*;

fn at(sequence: u64) -> Head {
    Head {
        sequence,
        chain: Chain([3; 32]),
    }
}

#[test]
fn what_is_written_reads_back_and_every_changed_byte_is_seen() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("a.sqlite");
    for payload in [&b""[..], b"state"] {
        write(&store, at(7), payload).expect("written");
        let path = file(&store, 7);
        assert_eq!(read(&path).expect("read"), (at(7), payload.to_vec()));
        let sound = fs::read(&path).expect("read");
        for byte in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[byte] ^= 1;
            fs::write(&path, damaged).expect("written");
            assert!(read(&path).is_err(), "byte {byte}");
            fs::write(&path, &sound[..byte]).expect("written");
            assert!(read(&path).is_err(), "cut at {byte}");
        }
    }
}

#[test]
fn only_the_snapshots_of_this_store_are_listed_newest_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("a.sqlite");
    for sequence in [9, 100, 20] {
        write(&store, at(sequence), b"").expect("written");
    }
    for other in ["b.snapshot-7", "a.snapshot-part", "a.snapshot-x", "a.head"] {
        fs::write(dir.path().join(other), b"").expect("written");
    }
    let listed = list(&store).expect("listed");
    let sequences: Vec<_> = listed.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, [100, 20, 9]);
}
