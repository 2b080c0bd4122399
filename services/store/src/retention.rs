//! Lets old records go, so that the disk fills to a plateau: a few with each group, in the same transaction, so that no
//! start and no query ever waits for it. SQLite uses the freed pages again, so the file stops growing.
//!
//! ```text
//! 0 ──── gone ──── base ──── kept ──── end      the chain goes on from the base
//! ```
//! Time is that of the records, never a clock: a clock that runs wild must not empty the journal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{chain::Head, rows::signed, soundness};

/// Records that go with one group: more than a group usually adds, so that the journal shrinks, and few enough not to be
/// noticed.
const RECORDS_AT_ONCE: usize = 500;
/// Addresses looked at in one sweep.
const ADDRESSES_AT_ONCE: usize = 500;
/// Between two sweeps over addresses. With 500 at a time, ten thousand calls a day are looked at several times a day.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How long the address of an incident is kept after its last record: until complaints and the debriefing of responders
/// are through. The place itself stays in the journal for as long as that is kept.
pub const ADDRESS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What goes when.
pub struct Retention {
    keep: Duration,
    /// Records up to here are not needed by a start any more.
    covered: Arc<AtomicU64>,
    /// The last address looked at.
    swept: [u8; 16],
    swept_at_ms: i64,
}

impl Retention {
    /// Keeps records for `keep`, and whatever a start still needs: what comes after `covered`.
    pub fn new(keep: Duration, covered: Arc<AtomicU64>) -> Self {
        Self {
            keep,
            covered,
            swept: [0; 16],
            swept_at_ms: 0,
        }
    }

    /// One step, within a transaction of the writer; `now_ms` is the time of the newest record.
    pub fn step(&mut self, connection: &Connection, now_ms: i64) -> rusqlite::Result<()> {
        let before_ms = now_ms.saturating_sub(millis(self.keep));
        let_go(connection, before_ms, self.covered.load(Ordering::Relaxed))?;
        if now_ms.saturating_sub(self.swept_at_ms) >= millis(SWEEP_EVERY) {
            self.swept_at_ms = now_ms;
            self.sweep(connection, now_ms.saturating_sub(millis(ADDRESS_KEPT)))?;
        }
        Ok(())
    }

    /// Deletes addresses of incidents that ended and were last heard of before `before_ms`, or are not known any more.
    fn sweep(&mut self, connection: &Connection, before_ms: i64) -> rusqlite::Result<()> {
        let looked_at: Vec<([u8; 16], bool)> = connection
            .prepare_cached(
                "SELECT address.incident, coalesce(is_open, 0) = 0 AND coalesce(
                     (SELECT at_ms FROM journal WHERE journal.incident = address.incident
                      ORDER BY sequence DESC LIMIT 1) < ?2, 1)
                 FROM address LEFT JOIN incident USING (incident)
                 WHERE address.incident > ?1 ORDER BY address.incident LIMIT ?3",
            )?
            .query_map(params![self.swept, before_ms, ADDRESSES_AT_ONCE as i64], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        // At the end it begins again.
        self.swept = [0; 16];
        if looked_at.len() == ADDRESSES_AT_ONCE {
            self.swept = looked_at.last().map_or([0; 16], |(incident, _)| *incident);
        }
        for (incident, _) in looked_at.iter().filter(|(_, over)| *over) {
            connection
                .prepare_cached("DELETE FROM address WHERE incident = ?")?
                .execute([incident])?;
        }
        Ok(())
    }
}

/// Moves the base over the oldest records, as far as they are older than `before_ms` and covered.
fn let_go(connection: &Connection, before_ms: i64, covered: u64) -> rusqlite::Result<()> {
    let goes = |(sequence, at_ms): (i64, i64)| at_ms < before_ms && sequence <= signed(covered);
    let oldest = connection
        .prepare_cached("SELECT sequence, at_ms FROM journal ORDER BY sequence LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if !oldest.is_some_and(goes) {
        return Ok(());
    }
    let mut base: Option<Head> = None;
    let mut incidents = std::collections::BTreeSet::<[u8; 16]>::new();
    let mut statement =
        connection.prepare_cached("SELECT sequence, chain, at_ms, incident FROM journal ORDER BY sequence LIMIT ?")?;
    let mut rows = statement.query([RECORDS_AT_ONCE as i64])?;
    while let Some(row) = rows.next()? {
        if !goes((row.get(0)?, row.get(2)?)) {
            break;
        }
        base = Some(soundness::place(row)?);
        incidents.extend(row.get::<_, Option<[u8; 16]>>(3)?);
    }
    let Some(base) = base else {
        return Ok(());
    };
    connection
        .prepare_cached("UPDATE journal_base SET sequence = ?, chain = ?")?
        .execute(params![signed(base.sequence), base.chain.0])?;
    connection
        .prepare_cached("DELETE FROM journal WHERE sequence <= ?")?
        .execute([signed(base.sequence)])?;
    for incident in incidents {
        forget(connection, incident)?;
    }
    Ok(())
}

/// Drops what was derived for an incident that ended, once its last record is gone.
fn forget(connection: &Connection, incident: [u8; 16]) -> rusqlite::Result<()> {
    let over: bool = connection
        .prepare_cached(
            "SELECT NOT EXISTS (SELECT 1 FROM journal WHERE incident = ?1)
                AND NOT EXISTS (SELECT 1 FROM incident WHERE incident = ?1 AND is_open = 1)",
        )?
        .query_row([incident], |row| row.get(0))?;
    if over {
        for table in ["alert_incident", "incident", "address"] {
            connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE incident = ?"))?
                .execute([incident])?;
        }
    }
    Ok(())
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
