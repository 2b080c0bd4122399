//! The side file: how far the journal was acknowledged. SQLite drops what follows a damaged byte of its log without a
//! word; this file knows how long the journal must be.
//!
//! Two slots are written in turn, so that a write cut short spoils only the slot that was being written.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{
    chain::{Chain, Head},
    file::{create_empty, sync_directory_of},
};

/// Bytes between the slots: a page, so that no disk writes both at once.
const SLOT_SPACING: usize = 4096;
const MAGIC: [u8; 8] = *b"MusterH1";
/// Magic, sequence, chain, and the first half of a SHA-256 over these.
const SLOT_LEN: usize = 8 + 8 + 32 + 16;

/// The bytes of a slot.
pub fn to_slot(head: Head) -> [u8; SLOT_LEN] {
    let mut slot = [0; SLOT_LEN];
    slot[..8].copy_from_slice(&MAGIC);
    slot[8..16].copy_from_slice(&head.sequence.to_le_bytes());
    slot[16..48].copy_from_slice(&head.chain.0);
    let checksum = checksum(&slot[..48]);
    slot[48..].copy_from_slice(&checksum);
    slot
}

/// What a slot holds; `None` when it is empty or damaged.
pub fn from_slot(slot: &[u8]) -> Option<Head> {
    let slot: &[u8; SLOT_LEN] = slot.get(..SLOT_LEN)?.try_into().ok()?;
    if slot[..8] != MAGIC || slot[48..] != checksum(&slot[..48]) {
        return None;
    }
    Some(Head {
        sequence: u64::from_le_bytes(slot[8..16].try_into().ok()?),
        chain: Chain(slot[16..48].try_into().ok()?),
    })
}

fn checksum(bytes: &[u8]) -> [u8; 16] {
    let hash = Sha256::digest(bytes);
    std::array::from_fn(|at| hash[at])
}

/// The side file of the store at `store`.
pub fn head_file(store: &Path) -> PathBuf {
    store.with_extension("head")
}

/// The slots of a side file; both `None` when there is no file.
pub fn read_slots(path: &Path) -> io::Result<[Option<Head>; 2]> {
    Ok(read_raw(path)?.each_ref().map(|slot| from_slot(slot)))
}

/// Whether the bytes of a slot were written and cannot be read: the write was cut short, or they are damaged.
pub fn is_spoilt(slot: &[u8]) -> bool {
    slot.iter().any(|&byte| byte != 0) && from_slot(slot).is_none()
}

/// The bytes of the slots of a side file; none when there is no file.
pub fn read_raw(path: &Path) -> io::Result<[Vec<u8>; 2]> {
    let mut bytes = Vec::with_capacity(2 * SLOT_SPACING);
    match File::open(path) {
        // Never more than a side file has, whatever somebody put there.
        Ok(file) => file.take(2 * SLOT_SPACING as u64).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok([0, SLOT_SPACING].map(|at| bytes.iter().skip(at).take(SLOT_LEN).copied().collect()))
}

/// The newest of the slots that can be read.
pub fn newest(slots: [Option<Head>; 2]) -> Option<Head> {
    slots.into_iter().flatten().max_by_key(|head| head.sequence)
}

/// The side file, open for writing.
pub struct HeadFile {
    file: File,
    /// The slot that does not hold the newest head.
    next: usize,
}

impl HeadFile {
    /// Makes the file, or makes it anew, with all the space it will ever need; it is on the disk when this returns.
    pub fn create(path: &Path, head: Head) -> io::Result<Self> {
        let mut file = create_empty(path)?;
        let mut bytes = vec![0; 2 * SLOT_SPACING];
        bytes[..SLOT_LEN].copy_from_slice(&to_slot(head));
        file.write_all(&bytes)?;
        file.sync_all()?;
        sync_directory_of(path)?;
        Ok(Self { file, next: 1 })
    }

    /// Opens a file that is there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let [first, second] = read_slots(path)?.map(|slot| slot.map(|head| head.sequence));
        Ok(Self {
            file: OpenOptions::new().write(true).open(path)?,
            next: usize::from(first >= second),
        })
    }

    /// Writes into the older slot; on the disk only after [`HeadFile::sync`].
    pub fn write(&mut self, head: Head) -> io::Result<()> {
        let at = self.next * SLOT_SPACING;
        self.file.seek(SeekFrom::Start(at as u64))?;
        self.file.write_all(&to_slot(head))
    }

    /// Returns once what was written is on the disk; the next write goes to the other slot.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.next = 1 - self.next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: u64) -> Head {
        Head {
            sequence,
            chain: Chain([u8::try_from(sequence).unwrap_or(0); 32]),
        }
    }

    #[test]
    fn a_slot_with_a_changed_byte_holds_nothing() {
        let sound = to_slot(at(7));
        assert_eq!(from_slot(&sound), Some(at(7)));
        for byte in 0..sound.len() {
            let mut damaged = sound;
            damaged[byte] ^= 1;
            assert_eq!(from_slot(&damaged), None, "byte {byte}");
        }
        assert_eq!(from_slot(&sound[..SLOT_LEN - 1]), None);
    }

    #[test]
    fn the_newest_slot_is_never_written_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.head");
        let mut file = HeadFile::create(&path, at(0)).expect("made");
        for sequence in 1..=5 {
            if sequence == 3 {
                file = HeadFile::open(&path).expect("opened");
            }
            file.write(at(sequence)).expect("written");
            let slots = read_slots(&path).expect("read");
            assert!(slots.contains(&Some(at(sequence - 1))), "{slots:?}");
            file.sync().expect("synced");
            assert_eq!(newest(read_slots(&path).expect("read")), Some(at(sequence)));
        }
    }
}
