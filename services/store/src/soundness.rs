//! Whether the journal in SQLite can be trusted, on opening: the rule of [`crate::damage`] over the real rows, and what
//! follows from it.

use std::{collections::BTreeSet, fmt, fs::File, io, ops::Range, path::Path};

use dispatch_core::ids::IncidentId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    StoreError,
    chain::{Chain, Head, Row},
    damage::{self, Damage, Recovered},
    error::{on_file, while_doing},
    head::{self, HeadFile, head_file},
    project,
    rows::{self, signed},
};

/// Records and incidents that an error or a report lists before it only counts on.
const LISTED_MAX: usize = 100;

/// Which records are damaged, and which incidents they belong to, as far as that can still be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Sequences of damaged or missing records; the first 100.
    pub records: Vec<u64>,
    /// All of them.
    pub records_count: u64,
    /// Incident and control room; the first 100.
    pub incidents: BTreeSet<(IncidentId, String)>,
}

impl Affected {
    /// However many a damaged number claims, only the first are listed.
    fn add_all(&mut self, sequences: Range<u64>) {
        let room = LISTED_MAX.saturating_sub(self.records.len());
        self.records_count += sequences.end.saturating_sub(sequences.start);
        self.records.extend(sequences.take(room));
    }
}

impl fmt::Display for Affected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(first), Some(last)) = (self.records.first(), self.records.last()) {
            write!(f, "; {} records affected, from {first} to {last}", self.records_count)?;
            if self.records_count > self.records.len() as u64 {
                f.write_str(" and on")?;
            }
        }
        for (at, (incident, tenant)) in self.incidents.iter().enumerate() {
            let lead = if at == 0 { "; incidents " } else { ", " };
            write!(f, "{lead}{incident} of {tenant}")?;
        }
        Ok(())
    }
}

/// The journal and its side file, in order and ready to be written on.
pub struct Sound {
    /// The journal's last record.
    pub end: Head,
    /// The side file; it says the same.
    pub head: HeadFile,
}

/// Checks the journal from `start` on and brings its end and the side file in line, or says what is wrong.
pub fn settle(connection: &Connection, store: &Path, start: Head) -> Result<Sound, StoreError> {
    let path = head_file(store);
    let slots = head::read_slots(&path).map_err(on_file("reading how far the journal went", &path))?;
    let found = check(connection, start, slots)?.map_err(|source| damaged(connection, store, source))?;
    if found.cut_off {
        tracing::warn!(
            after = found.end.sequence,
            "cutting off records that were never acknowledged and are damaged"
        );
        cut_off(connection, found.end.sequence).map_err(while_doing("cutting off a damaged end"))?;
    }
    if found.unacknowledged > 0 {
        tracing::info!(
            records = found.unacknowledged,
            "keeping records that were written and not yet acknowledged"
        );
    }
    if found.unacknowledged > 0 {
        // Written by a process that was killed before it synced them: once the head points to them they must stay.
        sync_log(store)?;
    }
    let bringing = on_file("bringing it up to the journal", &path);
    let mut head = HeadFile::open(&path).map_err(&bringing)?;
    if head::newest(slots) != Some(found.end) {
        head.write(found.end).and_then(|()| head.sync()).map_err(&bringing)?;
    }
    Ok(Sound { end: found.end, head })
}

/// Makes what stands in SQLite's log survive a power cut.
fn sync_log(store: &Path) -> Result<(), StoreError> {
    let mut name = store.as_os_str().to_owned();
    name.push("-wal");
    let log = Path::new(&name);
    match File::open(log) {
        Ok(file) => file.sync_all().map_err(on_file("syncing it", log)),
        // Everything is in the store itself, which SQLite syncs before it lets the log go.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(on_file("opening it", log)(error)),
    }
}

/// The last acknowledged record, by the side file.
pub fn acknowledged(store: &Path) -> Result<u64, StoreError> {
    let path = head_file(store);
    let slots = head::read_slots(&path).map_err(on_file("reading how far the journal went", &path))?;
    let newest = head::newest(slots).ok_or_else(|| StoreError::Damaged {
        path: store.to_owned(),
        source: Damage::HeadUnreadable,
        affected: Affected::default(),
    })?;
    Ok(newest.sequence)
}

/// The rule over the rows after `start`.
pub fn check(
    connection: &Connection,
    start: Head,
    slots: [Option<Head>; 2],
) -> Result<Result<Recovered, Damage>, StoreError> {
    let reading = while_doing("checking the journal");
    let mut statement = connection.prepare(STORED_AFTER).map_err(&reading)?;
    let rows = statement
        .query_map([signed(start.sequence)], rows::stored)
        .map_err(&reading)?;
    let rows = rows.map(|row| row.map_err(|error| error.to_string()));
    Ok(damage::recover(start, rows, slots))
}

const STORED_AFTER: &str = "SELECT sequence, at_ms, record, chain FROM journal WHERE sequence > ? ORDER BY sequence";

/// Where the journal starts.
pub fn base(connection: &Connection) -> Result<Head, StoreError> {
    connection
        .query_row("SELECT sequence, chain FROM journal_base", [], place)
        .map_err(while_doing("reading where the journal starts"))
}

/// The last record, or the base when there is none.
pub fn end(connection: &Connection) -> Result<Head, StoreError> {
    let last = connection
        .query_row(
            "SELECT sequence, chain FROM journal ORDER BY sequence DESC LIMIT 1",
            [],
            place,
        )
        .optional()
        .map_err(while_doing("reading the end of the journal"))?;
    last.map_or_else(|| base(connection), Ok)
}

/// A place, from the columns `sequence` and `chain`, in this order.
pub fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        sequence: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
        chain: Chain(row.get(1)?),
    })
}

/// The error for a damage, with whom it concerns.
pub fn damaged(connection: &Connection, store: &Path, source: Damage) -> StoreError {
    StoreError::Damaged {
        path: store.to_owned(),
        affected: affected(connection, &source),
        source,
    }
}

/// Whom a damage concerns, as far as that can be read: an error on the way must not hide the damage itself.
pub fn affected(connection: &Connection, damage: &Damage) -> Affected {
    match damage {
        Damage::Broken { .. } => survey(connection).unwrap_or_default(),
        Damage::Short { last, head } => {
            let mut affected = Affected::default();
            affected.add_all(last + 1..head + 1);
            affected
        }
        Damage::HeadUnreadable | Damage::Unreadable { .. } | Damage::Foreign { .. } => Affected::default(),
    }
}

/// Every record that does not follow from the one stored before it.
pub fn survey(connection: &Connection) -> Result<Affected, StoreError> {
    let reading = while_doing("looking for damaged records");
    let mut affected = Affected::default();
    let mut before = base(connection)?;
    let mut statement = connection
        .prepare(
            "SELECT sequence, at_ms, record, chain, incident, tenant FROM journal
             WHERE sequence > ? ORDER BY sequence",
        )
        .map_err(&reading)?;
    let mut rows = statement.query([signed(before.sequence)]).map_err(&reading)?;
    while let Some(row) = rows.next().map_err(&reading)? {
        let record: Row = rows::stored(row).map_err(&reading)?;
        // Missing ones: nobody can say any more whose they were.
        affected.add_all(before.sequence + 1..record.sequence);
        if record.sequence == before.sequence + 1 && !record.follows(before) {
            affected.add_all(record.sequence..record.sequence + 1);
            let id: Option<[u8; 16]> = row.get("incident").map_err(&reading)?;
            let tenant: Option<String> = row.get("tenant").map_err(&reading)?;
            if let Some(id) = id
                && affected.incidents.len() < LISTED_MAX
            {
                let named = (IncidentId::from_bytes(id), tenant.unwrap_or_default());
                affected.incidents.insert(named);
            }
        }
        before = record.head();
    }
    Ok(affected)
}

/// Deletes the records after `last`, which nobody was told of, and derives anew what they had touched. What they changed
/// in the register stays: it was sound when it was written, and the control room asks again.
fn cut_off(connection: &Connection, last: u64) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let touched: Vec<[u8; 16]> = transaction
        .prepare("SELECT DISTINCT incident FROM journal WHERE sequence > ? AND incident IS NOT NULL")?
        .query_map([signed(last)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    transaction.execute("UPDATE journal_base SET keep_to = ?", [signed(last)])?;
    transaction.execute("DELETE FROM journal WHERE sequence > ?", [signed(last)])?;
    transaction.execute("UPDATE journal_base SET keep_to = NULL", [])?;
    for incident in touched {
        derive_anew(&transaction, incident)?;
    }
    transaction.commit()
}

fn derive_anew(connection: &Connection, incident: [u8; 16]) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM alert_incident WHERE incident = ?", params![incident])?;
    connection.execute("DELETE FROM incident WHERE incident = ?", params![incident])?;
    let mut statement = connection
        .prepare_cached("SELECT sequence, at_ms, record FROM journal WHERE incident = ? ORDER BY sequence")?;
    let mut rows = statement.query(params![incident])?;
    while let Some(row) = rows.next()? {
        // Sound records decode; one of a newer Muster is refused when the journal is read.
        if let Ok(entry) = rows::entry(row) {
            project::project(connection, &entry)?;
        }
    }
    Ok(())
}
