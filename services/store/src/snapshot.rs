//! Snapshots: the state at a place of the journal, in files of their own beside the store, so that a start need not apply
//! the whole journal.
//!
//! A snapshot is only ever a shortcut: one that is damaged, or belongs to another history, is passed over for an older
//! one or for the journal itself.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use dispatch_core::state::StateImage;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use crate::{
    StoreError,
    chain::{Chain, Head},
    error::while_doing,
    file::{create_empty, sync_directory_of},
    mapping::snapshot::decode_snapshot,
    rows::signed,
    soundness,
};

const MAGIC: [u8; 8] = *b"MusterS1";
/// Magic, sequence, chain, length of the payload, and the SHA-256 over these and the payload.
const HEADER_LEN: usize = 8 + 8 + 32 + 8 + 32;

/// The file of the snapshot at `sequence`.
pub fn file(store: &Path, sequence: u64) -> PathBuf {
    store.with_extension(format!("snapshot-{sequence}"))
}

/// The snapshots beside a store, newest first; whether they are sound is not looked at.
pub fn list(store: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let directory = store.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut found = Vec::new();
    for entry in fs::read_dir(directory.unwrap_or(Path::new(".")))? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let sequence = extension.and_then(|extension| extension.strip_prefix("snapshot-")?.parse().ok());
        if let Some(sequence) = sequence
            && path.file_stem() == store.file_stem()
        {
            found.push((sequence, path));
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Writes a snapshot; it has its name only once it is whole and on the disk.
pub fn write(store: &Path, at: Head, payload: &[u8]) -> io::Result<()> {
    let path = file(store, at.sequence);
    let part = store.with_extension("snapshot-part");
    let mut file = create_empty(&part)?;
    let written = file
        .write_all(&header(at, payload))
        .and_then(|()| file.write_all(payload))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&part, &path))
        .and_then(|()| sync_directory_of(&path));
    if written.is_err() {
        // On a full disk every block counts.
        let _ = fs::remove_file(&part);
    }
    written
}

fn header(at: Head, payload: &[u8]) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&at.sequence.to_le_bytes());
    header[16..48].copy_from_slice(&at.chain.0);
    header[48..56].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    let hash: [u8; 32] = Sha256::new()
        .chain_update(&header[..56])
        .chain_update(payload)
        .finalize()
        .into();
    header[56..].copy_from_slice(&hash);
    header
}

/// The place and payload of a snapshot; an error of kind `InvalidData` means that the file is not what was written.
pub fn read(path: &Path) -> io::Result<(Head, Vec<u8>)> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the snapshot is damaged");
    let mut file = File::open(path)?;
    let mut found = [0; HEADER_LEN];
    file.read_exact(&mut found).map_err(|_| damaged())?;
    let mut payload = Vec::new();
    file.read_to_end(&mut payload)?;
    let sequence = u64::from_le_bytes(found[8..16].try_into().map_err(|_| damaged())?);
    let chain = Chain(found[16..48].try_into().map_err(|_| damaged())?);
    let at = Head { sequence, chain };
    if found != header(at, &payload) {
        return Err(damaged());
    }
    Ok((at, payload))
}

/// Where a start begins.
pub struct Beginning {
    /// The place of the state below.
    pub at: Head,
    /// The state there; `None` at the beginning of the journal.
    pub image: Option<StateImage>,
    /// The place of the next older sound snapshot: what comes before is not needed by any start.
    pub covered: u64,
}

/// The newest sound snapshot of this journal that is not after `limit`, else the journal's own beginning.
///
/// Fails when old records were let go and no snapshot takes their place.
pub fn beginning(connection: &Connection, store: &Path, limit: u64) -> Result<Beginning, StoreError> {
    let mut found: Option<Beginning> = None;
    let snapshots = list(store).unwrap_or_else(|error| {
        tracing::warn!(%error, "the snapshots cannot be listed");
        Vec::new()
    });
    for (sequence, path) in snapshots.into_iter().filter(|(sequence, _)| *sequence <= limit) {
        if let Some(found) = &mut found {
            // Not needed now, so it is not taken apart: whole and of this journal is enough to count on it.
            if belongs(connection, &path)?.is_ok() {
                found.covered = sequence;
                break;
            }
            continue;
        }
        match sound(connection, &path)? {
            Ok((at, image)) => {
                found = Some(Beginning {
                    at,
                    image: Some(image),
                    covered: 0,
                });
            }
            Err(why) => tracing::warn!(sequence, why, "a snapshot is passed over"),
        }
    }
    if let Some(found) = found {
        return Ok(found);
    }
    let base = soundness::base(connection)?;
    if base.sequence > 0 {
        return Err(StoreError::NoSnapshot {
            path: store.to_owned(),
            base: base.sequence,
        });
    }
    Ok(Beginning {
        at: Head::START,
        image: None,
        covered: 0,
    })
}

/// The snapshot in a file, or why it cannot be used.
pub fn sound(connection: &Connection, path: &Path) -> Result<Result<(Head, StateImage), String>, StoreError> {
    let (at, payload) = match belongs(connection, path)? {
        Ok(read) => read,
        Err(why) => return Ok(Err(why)),
    };
    Ok(match decode_snapshot(&payload) {
        Ok(image) if image.sequence == at.sequence => Ok((at, image)),
        Ok(image) => Err(format!("it holds the state at record {}", image.sequence)),
        Err(error) => Err(error.to_string()),
    })
}

/// The place and payload in a file that is whole and of this journal.
pub fn belongs(connection: &Connection, path: &Path) -> Result<Result<(Head, Vec<u8>), String>, StoreError> {
    let (at, payload) = match read(path) {
        Ok(read) => read,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if place(connection, at.sequence)? != Some(at) {
        return Ok(Err("it is of another journal".to_owned()));
    }
    Ok(Ok((at, payload)))
}

/// What the journal itself has at this sequence.
fn place(connection: &Connection, sequence: u64) -> Result<Option<Head>, StoreError> {
    let base = soundness::base(connection)?;
    if base.sequence == sequence {
        return Ok(Some(base));
    }
    connection
        .query_row(
            "SELECT sequence, chain FROM journal WHERE sequence = ?",
            [signed(sequence)],
            soundness::place,
        )
        .optional()
        .map_err(while_doing("looking up where a snapshot belongs"))
}

#[cfg(test)]
mod tests;
