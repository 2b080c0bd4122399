//! Copies of a store: taken while the service runs, checked from end to end, and put in place of a lost one.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, backup::Backup};

use crate::{
    Report, StoreError,
    error::{on_file, while_doing},
    file::{open_private, sync_directory_of},
    head::{HeadFile, head_file, newest, read_slots},
    lock::StoreLock,
    schema, snapshot, soundness, verify,
};

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Records in the journal.
    pub records: u64,
    /// The last of them; 0 when there never was one.
    pub last: u64,
    /// When that was written, UTC.
    pub last_at_ms: Option<i64>,
}

impl From<Report> for Copied {
    fn from(report: Report) -> Self {
        Self {
            records: if report.first == 0 {
                0
            } else {
                report.last - report.first + 1
            },
            last: report.last,
            last_at_ms: report.last_at_ms,
        }
    }
}

/// Copies the store `from`, which a service may have open, into the new file `to`, with its side file beside it. The copy
/// is verified and on the disk when this returns. Nothing is overwritten.
pub fn backup(from: &Path, to: &Path) -> Result<Copied, StoreError> {
    let source = schema::open_reading(from)?;
    let head = head_file(to);
    refuse_existing([&head])?;
    create_new(to)?;
    let copied = copy_store(&source, from, to, &head).and_then(|()| verified(to));
    if copied.is_err() {
        // Half a backup is worse than none: somebody might believe in it.
        let snapshots = snapshot::list(to).unwrap_or_default();
        let made = [to.to_owned(), head];
        for file in made.into_iter().chain(snapshots.into_iter().map(|(_, path)| path)) {
            let _ = fs::remove_file(file);
        }
    }
    copied
}

fn copy_store(source: &Connection, from: &Path, to: &Path, head: &Path) -> Result<(), StoreError> {
    let doing = while_doing("copying the store");
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&doing)?;
    // All pages in one step: one moment of the store, whatever is written meanwhile, and the writer does not wait.
    Backup::new(source, &mut copy)
        .and_then(|backup| backup.step(-1).map(drop))
        .map_err(&doing)?;
    // One file that stands by itself, with no log beside it.
    copy.pragma_update(None, "journal_mode", "delete").map_err(&doing)?;
    let end = soundness::end(&copy)?;
    copy_snapshot(&copy, from, to, end.sequence)?;
    copy.close().map_err(|(_, error)| doing(error))?;
    sync(to)?;
    HeadFile::create(head, end).map_err(on_file("writing how far the backup goes", head))?;
    Ok(())
}

/// Takes along the newest sound snapshot that belongs to the copy: once old records were let go, no start can do without.
fn copy_snapshot(copy: &Connection, from: &Path, to: &Path, limit: u64) -> Result<(), StoreError> {
    let copying = on_file("copying a snapshot", from);
    for (sequence, path) in snapshot::list(from).map_err(&copying)? {
        if sequence > limit {
            continue;
        }
        // The service may be replacing it at this moment; then an older one serves.
        if snapshot::sound(copy, &path)?.is_ok()
            && let Ok((at, payload)) = snapshot::read(&path)
        {
            return snapshot::write(to, at, &payload).map_err(&copying);
        }
    }
    Ok(())
}

/// Puts the backup `from` in the place `store`, where there is none yet. The backup is verified first; everything is on
/// the disk when this returns. What was acknowledged after the backup was taken is lost.
pub fn restore(from: &Path, store: &Path) -> Result<Copied, StoreError> {
    let copied = verified(from)?;
    let _lock = StoreLock::take(store)?;
    refuse_existing([store, &beside(store, "-wal")])?;
    let part = beside(store, ".part");
    let _ = fs::remove_file(&part);
    create_new(&part)?;
    let copying = on_file("restoring the backup", store);
    let write = |part: &Path| -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(part)?;
        io::copy(&mut File::open(from)?, &mut file)?;
        file.sync_all()
    };
    write(&part).map_err(&copying)?;
    for (_, stale) in snapshot::list(store).map_err(&copying)? {
        fs::remove_file(stale).map_err(&copying)?;
    }
    for (_, path) in snapshot::list(from).map_err(&copying)? {
        let (at, payload) = snapshot::read(&path).map_err(&copying)?;
        snapshot::write(store, at, &payload).map_err(&copying)?;
    }
    // The side file first: should the machine fail in between, a journal is missing, and the service says so.
    let head = head_file(store);
    let end = newest(read_slots(&head_file(from)).map_err(&copying)?).expect("verified above");
    HeadFile::create(&head, end).map_err(on_file("restoring how far the journal goes", &head))?;
    fs::rename(&part, store)
        .and_then(|()| sync_directory_of(store))
        .map_err(&copying)?;
    Ok(copied)
}

/// What a copy holds, if it is whole.
fn verified(path: &Path) -> Result<Copied, StoreError> {
    let report = verify(path)?;
    if report.is_intact() && report.acknowledged == Some(report.last) {
        return Ok(report.into());
    }
    let damage = report.damage.as_ref().map(ToString::to_string);
    let mut findings: Vec<_> = damage.into_iter().chain(report.findings).collect();
    if findings.is_empty() {
        findings.push("its side file belongs to another copy".to_owned());
    }
    Err(StoreError::DamagedBackup {
        path: path.to_owned(),
        findings: findings.join("; "),
    })
}

fn refuse_existing<const N: usize>(paths: [&Path; N]) -> Result<(), StoreError> {
    match paths.into_iter().find(|path| path.exists()) {
        Some(path) => Err(StoreError::AlreadyThere { path: path.to_owned() }),
        None => Ok(()),
    }
}

/// Makes an empty file that only its owner may read: it will hold names and addresses.
fn create_new(path: &Path) -> Result<(), StoreError> {
    let made = open_private(path, |options| options.create_new(true));
    made.map(drop).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::AlreadyThere { path: path.to_owned() },
        _ => StoreError::Create {
            path: path.to_owned(),
            source,
        },
    })
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_directory_of(path))
        .map_err(on_file("bringing it to the disk", path))
}

fn beside(store: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(suffix);
    name.into()
}
