//! Where people were last known to be, in files beside the store, so that a start need not wait for every phone to say it
//! again.
//!
//! Positions are soft: they are in no record, nothing waits for them to be written, and files that cannot be read are
//! passed over. Two files are written in turn and in place: a write cut short spoils only the older one, and no new space
//! is allotted, for which the journal's next fsync would have to wait. They are not part of a backup.

use std::{
    fs,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use dispatch_core::{
    ids::ResponderId,
    position::{Fix, Metres, Position},
    time::Timestamp,
};
use sha2::{Digest as _, Sha256};

use crate::file::open_private;

const MAGIC: [u8; 8] = *b"MusterP1";
/// Magic, moment, and the SHA-256 over these and the rows.
const HEADER_LEN: usize = 8 + 8 + 32;
/// Who, latitude and longitude in ten-millionths of a degree, accuracy in millimetres, moment of the fix.
const ROW_LEN: usize = 16 + 4 + 4 + 4 + 8;

/// Rows written at a time, 128 KiB. The journal's fsync waits behind at most so much: 36 MB at once, a million people, held
/// reports up for up to 190 ms, a megabyte at a time for 26 ms.
const CHUNK_ROWS: usize = (128 << 10) / ROW_LEN;
/// Left to others between two chunks; a million people take three seconds or so.
const PAUSE: Duration = Duration::from_millis(5);

/// A person and where they were.
pub type LastKnown = (ResponderId, Fix);

/// The two files.
pub struct Whereabouts {
    paths: [PathBuf; 2],
    /// Which is written next.
    next: usize,
}

impl Whereabouts {
    /// The files beside the store at `store`, and what the newest readable one holds; nobody when there is none.
    pub fn open(store: &Path) -> (Self, Vec<LastKnown>) {
        let paths = ["positions-a", "positions-b"].map(|extension| store.with_extension(extension));
        let (mut next, mut newest) = (0, None);
        for (number, path) in paths.iter().enumerate() {
            match fs::read(path).map(|bytes| from_bytes(&bytes)) {
                Ok(Some((at, people))) => {
                    if newest.as_ref().is_none_or(|(known, _)| at > *known) {
                        newest = Some((at, people));
                        next = 1 - number;
                    }
                }
                Ok(None) => tracing::warn!(file = %path.display(), "positions of before the start cannot be read"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(file = %path.display(), %error, "positions of before the start are not read")
                }
            }
        }
        (Self { paths, next }, newest.map_or_else(Vec::new, |(_, people)| people))
    }

    /// Writes where people are `at` this moment in place of the older of the two files; takes its time, so that the journal
    /// need not wait.
    pub fn save(&mut self, at: Timestamp, people: &[LastKnown]) -> io::Result<()> {
        let mut file = open_private(&self.paths[self.next], |options| options.create(true).truncate(false))?;
        let mut hash = start(at);
        file.seek(SeekFrom::Start(HEADER_LEN as u64))?;
        let mut rows = Vec::with_capacity(CHUNK_ROWS * ROW_LEN);
        for some in people.chunks(CHUNK_ROWS) {
            rows.clear();
            some.iter().for_each(|one| rows.extend_from_slice(&to_row(one)));
            hash.update(&rows);
            file.write_all(&rows)?;
            file.sync_data()?;
            thread::sleep(PAUSE);
        }
        file.set_len((HEADER_LEN + people.len() * ROW_LEN) as u64)?;
        // Last, so that a write cut short is seen.
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&MAGIC)?;
        file.write_all(&at.unix_ms().to_le_bytes())?;
        file.write_all(&hash.finalize())?;
        file.sync_data()?;
        self.next = 1 - self.next;
        Ok(())
    }
}

fn start(at: Timestamp) -> Sha256 {
    Sha256::new()
        .chain_update(MAGIC)
        .chain_update(at.unix_ms().to_le_bytes())
}

fn to_row((responder, fix): &LastKnown) -> [u8; ROW_LEN] {
    let mut row = [0; ROW_LEN];
    row[..16].copy_from_slice(responder.as_bytes());
    let (latitude, longitude) = fix.position.to_e7();
    row[16..20].copy_from_slice(&latitude.to_le_bytes());
    row[20..24].copy_from_slice(&longitude.to_le_bytes());
    // No phone is less sure than 100 km, a hundred million millimetres.
    let accuracy_mm = u32::try_from(fix.accuracy.mm()).unwrap_or(u32::MAX);
    row[24..28].copy_from_slice(&accuracy_mm.to_le_bytes());
    row[28..].copy_from_slice(&fix.taken_at.unix_ms().to_le_bytes());
    row
}

fn from_row(row: &[u8; ROW_LEN]) -> Option<LastKnown> {
    let number = |at: usize| i32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
    let fix = Fix {
        position: Position::from_e7(number(16), number(20)).ok()?,
        accuracy: Metres::from_mm(number(24).cast_unsigned().into()),
        taken_at: Timestamp::from_unix_ms(i64::from_le_bytes(row[28..].try_into().ok()?)),
    };
    Some((ResponderId::from_bytes(row[..16].try_into().ok()?), fix))
}

/// What a file holds; `None` when it is damaged or was cut short.
fn from_bytes(bytes: &[u8]) -> Option<(Timestamp, Vec<LastKnown>)> {
    let (header, rows) = bytes.split_at_checked(HEADER_LEN)?;
    let at = Timestamp::from_unix_ms(i64::from_le_bytes(header[8..16].try_into().ok()?));
    let hash = start(at).chain_update(rows).finalize();
    if header[..8] != MAGIC || header[16..] != hash[..] {
        return None;
    }
    let (rows, rest) = rows.as_chunks();
    let people: Option<Vec<LastKnown>> = rows.iter().map(from_row).collect();
    people.filter(|_| rest.is_empty()).map(|people| (at, people))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(number: u8) -> LastKnown {
        let fix = Fix {
            position: Position::from_degrees(51.5, f64::from(number) - 100.0).expect("in range"),
            accuracy: Metres::new(8),
            taken_at: Timestamp::from_unix_ms(1_800_000_000_000 - i64::from(number)),
        };
        (ResponderId::from_bytes([number; 16]), fix)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(1_800_000_000_000 + seconds * 1000)
    }

    #[test]
    fn the_newest_file_that_can_be_read_counts() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = dir.path().join("muster.db");
        let (mut files, people) = Whereabouts::open(&store);
        assert_eq!(people, []);
        files.save(at(0), &[known(1), known(2), known(3)]).expect("written");
        assert_eq!(Whereabouts::open(&store).1, [known(1), known(2), known(3)]);
        files.save(at(60), &[known(1), known(4)]).expect("written");
        assert_eq!(Whereabouts::open(&store).1, [known(1), known(4)]);
        // In place of the first, which was longer.
        files.save(at(120), &[known(5)]).expect("written");
        let (mut files, people) = Whereabouts::open(&store);
        assert_eq!(people, [known(5)]);

        let newest = dir.path().join("muster.positions-a");
        let mut bytes = fs::read(&newest).expect("there");
        for spoil in [20, HEADER_LEN + 3] {
            bytes[spoil] ^= 1;
            fs::write(&newest, &bytes).expect("written");
            assert_eq!(Whereabouts::open(&store).1, [known(1), known(4)]);
            bytes[spoil] ^= 1;
        }
        fs::write(&newest, &bytes[..bytes.len() - 1]).expect("written");
        assert_eq!(Whereabouts::open(&store).1, [known(1), known(4)]);
        // A start that found the newer one goes on with the older.
        files.save(at(180), &[known(6)]).expect("written");
        assert_eq!(Whereabouts::open(&store).1, [known(6)]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        let store = dir.path().join("muster.db");
        let (mut files, _) = Whereabouts::open(&store);
        files.save(at(0), &[known(1)]).expect("written");
        let file = fs::metadata(dir.path().join("muster.positions-a")).expect("there");
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}
