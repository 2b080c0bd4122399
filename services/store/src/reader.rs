//! Reads what is durable, away from the writer: lists, one incident's story, the register. Serves the control room's
//! questions, and the command line beside a running service or without one.

use std::{
    array,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use dispatch_core::{
    aeds::{AedSearch, latitudes_within},
    ids::{AedId, IncidentId, ResponderId, TenantId},
    incident::CANARY,
    position::{Metres, Origin},
    time::Timestamp,
};
use muster_engine::{
    ports::{Calls, IncidentEntry, IncidentRow, JournalError, JournalReader},
    registry::{AedRow, DeviceAccess, ResponderRow},
};
use rusqlite::{Connection, Row};

use crate::{
    StoreError,
    error::as_journal_error,
    policies::{self, AdoptedPolicy},
    rows::{self, CHECKED, INCIDENT, all, get, signed},
    schema,
};

/// Connections for reading. A query takes microseconds to milliseconds, and a few side by side keep one long story from
/// holding up the lists; more would only compete for the same cores.
pub const READERS: usize = 4;

/// Reads a store. Calls block; a call waits while every connection is busy.
pub struct SqliteReader {
    /// The file; snapshots lie beside it.
    path: PathBuf,
    connections: [Mutex<Connection>; READERS],
    turn: AtomicUsize,
}

impl SqliteReader {
    /// Opens the store in the file `path` for reading only, whether a service has it open or not.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let mut opened = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            opened.push(Mutex::new(schema::open_reading(path)?));
        }
        let mut opened = opened.into_iter();
        Ok(Self {
            path: path.to_owned(),
            connections: array::from_fn(|_| opened.next().expect("as many as READERS were opened")),
            turn: AtomicUsize::new(0),
        })
    }

    /// Incidents of every tenant that a dispatch system gave this number, newest first. For the command line, which
    /// stands outside the tenants.
    pub fn find_incidents(&self, cad_system: &str, number: &str) -> Result<Vec<IncidentRow>, JournalError> {
        let sql = format!(
            "SELECT {INCIDENT} FROM incident WHERE cad_incident_number = ?2 AND cad_system = ?1
             ORDER BY first_sequence DESC"
        );
        self.read("finding incidents", |connection| {
            all(connection, &sql, &[&cad_system, &number], rows::incident)
        })
    }

    /// One incident of any tenant. For the command line.
    pub fn incident_by_id(&self, incident: IncidentId) -> Result<Option<IncidentRow>, JournalError> {
        self.read("finding an incident", |connection| incident_row(connection, incident))
    }

    /// All records about one incident of any tenant, in order; empty when there is none. For the command line.
    pub fn entries_of_incident(&self, incident: IncidentId) -> Result<Vec<IncidentEntry>, JournalError> {
        self.read("reading an incident", |connection| {
            incident_row(connection, incident)?.map_or(Ok(Vec::new()), |row| story(connection, &row))
        })
    }

    /// Incidents of every tenant first heard of after the record `after`, oldest first. For the command line.
    pub fn incidents_after(&self, after: u64, limit: usize) -> Result<Vec<IncidentRow>, JournalError> {
        let sql =
            format!("SELECT {INCIDENT} FROM incident WHERE first_sequence > ? {WHOLE} ORDER BY first_sequence LIMIT ?");
        self.read("listing incidents", |connection| {
            all(connection, &sql, &[&signed(after), &most(limit)], rows::incident)
        })
    }

    /// Every policy that decisions name, in order of their numbers, also those whose record was let go.
    pub fn policies(&self) -> Result<Vec<AdoptedPolicy>, JournalError> {
        self.read("reading policies", |connection| {
            policies::adopted(connection, &self.path)
        })
    }

    fn read<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, JournalError> {
        query(&self.connection()).map_err(|error| as_journal_error(doing, &error))
    }

    /// An idle connection, or the next in turn.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        let idle = self
            .connections
            .iter()
            .find_map(|connection| connection.try_lock().ok());
        idle.unwrap_or_else(|| {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % READERS;
            self.connections[turn].lock().unwrap_or_else(PoisonError::into_inner)
        })
    }
}

impl JournalReader for SqliteReader {
    fn incident_entries(&self, tenant: &TenantId, incident: IncidentId) -> Result<Vec<IncidentEntry>, JournalError> {
        self.read("reading an incident", |connection| {
            match incident_row(connection, incident)? {
                Some(row) if row.key.tenant == *tenant => story(connection, &row),
                _ => Ok(Vec::new()),
            }
        })
    }

    fn entries_after(
        &self,
        tenant: &TenantId,
        after: u64,
        incident: Option<IncidentId>,
        limit: usize,
    ) -> Result<Vec<IncidentEntry>, JournalError> {
        let (which, id) = match incident {
            Some(incident) => ("AND journal.incident = ?4", *incident.as_bytes()),
            None => ("AND ?4 IS NOT NULL", [0; 16]),
        };
        // CROSS JOIN: SQLite keeps the journal outside, so that it walks the index in order and stops at the limit.
        let sql = format!(
            "SELECT {CHECKED}, {INCIDENT}
             FROM journal CROSS JOIN incident ON incident.incident = journal.incident
             WHERE journal.tenant = ?1 AND journal.incident IS NOT NULL AND journal.sequence > ?2 {which}
             ORDER BY journal.sequence LIMIT ?3"
        );
        self.read("reading records", |connection| {
            let parameters = [
                &tenant.as_str() as &dyn rusqlite::ToSql,
                &signed(after),
                &most(limit),
                &id,
            ];
            all(connection, &sql, &parameters, incident_entry)
        })
    }

    fn incidents_before(
        &self,
        tenant: &TenantId,
        before: u64,
        open_only: bool,
        limit: usize,
    ) -> Result<Vec<IncidentRow>, JournalError> {
        let which = if open_only { "AND is_open = 1" } else { WHOLE };
        let sql = format!(
            "SELECT {INCIDENT} FROM incident WHERE tenant = ? AND first_sequence < ? {which} AND kind IS NOT '{CANARY}'
             ORDER BY first_sequence DESC LIMIT ?"
        );
        self.read("listing incidents", |connection| {
            let parameters = [&tenant.as_str() as &dyn rusqlite::ToSql, &signed(before), &most(limit)];
            all(connection, &sql, &parameters, rows::incident)
        })
    }

    fn responder(&self, tenant: &TenantId, responder: ResponderId) -> Result<Option<ResponderRow>, JournalError> {
        let sql = "SELECT * FROM responder WHERE tenant = ? AND responder = ?";
        self.read("reading a responder", |connection| {
            let found = all(
                connection,
                sql,
                &[&tenant.as_str(), responder.as_bytes()],
                rows::responder,
            )?;
            Ok(found.into_iter().next())
        })
    }

    fn responders_after(
        &self,
        tenant: &TenantId,
        after: u64,
        never_called: bool,
        limit: usize,
    ) -> Result<Vec<(u64, ResponderRow)>, JournalError> {
        let sql = if never_called {
            "SELECT * FROM responder WHERE tenant = ? AND number > ?
             AND NOT EXISTS (SELECT 1 FROM called WHERE called.responder = responder.responder)
             ORDER BY number LIMIT ?"
        } else {
            "SELECT * FROM responder WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?"
        };
        self.read("listing responders", |connection| {
            let parameters = [&tenant.as_str() as &dyn rusqlite::ToSql, &signed(after), &most(limit)];
            all(connection, sql, &parameters, |row| {
                let number: i64 = get(row, "number")?;
                Ok((u64::try_from(number).unwrap_or(0), rows::responder(row)?))
            })
        })
    }

    fn calls(&self, responder: ResponderId) -> Result<Option<Calls>, JournalError> {
        let sql = "SELECT times, last_at_ms FROM called WHERE responder = ?";
        self.read("reading how often somebody was called", |connection| {
            let found = all(connection, sql, &[responder.as_bytes()], |row| {
                Ok(Calls {
                    times: get(row, "times")?,
                    last_at: Timestamp::from_unix_ms(get(row, "last_at_ms")?),
                })
            })?;
            Ok(found.into_iter().next())
        })
    }

    fn devices(&self, responder: ResponderId) -> Result<Vec<DeviceAccess>, JournalError> {
        let sql = "SELECT * FROM device WHERE responder = ? ORDER BY number";
        self.read("reading devices", |connection| {
            all(connection, sql, &[responder.as_bytes()], rows::device)
        })
    }

    fn aed(&self, tenant: &TenantId, aed: AedId) -> Result<Option<AedRow>, JournalError> {
        let sql = "SELECT * FROM aed WHERE tenant = ? AND aed = ?";
        self.read("reading a defibrillator", |connection| {
            let found = all(connection, sql, &[&tenant.as_str(), aed.as_bytes()], rows::aed)?;
            Ok(found.into_iter().next())
        })
    }

    fn aeds_after(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<(u64, AedRow)>, JournalError> {
        let sql = "SELECT * FROM aed WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?";
        self.read("listing defibrillators", |connection| {
            let parameters = [&tenant.as_str() as &dyn rusqlite::ToSql, &signed(after), &most(limit)];
            all(connection, sql, &parameters, |row| {
                let number: i64 = get(row, "number")?;
                Ok((u64::try_from(number).unwrap_or(0), rows::aed(row)?))
            })
        })
    }

    fn aeds_near(&self, search: AedSearch<'_>) -> Result<Vec<(Metres, AedRow)>, JournalError> {
        self.read("finding defibrillators", |connection| {
            let mut found = near(connection, search)?;
            found.sort_unstable();
            found.truncate(search.limit);
            let row = |(distance, aed): (Metres, [u8; 16])| {
                let row = all(connection, "SELECT * FROM aed WHERE aed = ?", &[&aed], rows::aed)?;
                Ok(row.into_iter().next().map(|row| (distance, row)))
            };
            // One that is struck off between the two questions is left out.
            found.into_iter().filter_map(|near| row(near).transpose()).collect()
        })
    }
}

/// Defibrillators within the radius, in no order: the index gives a band of latitudes, exact distance decides.
fn near(connection: &Connection, search: AedSearch<'_>) -> Result<Vec<(Metres, [u8; 16])>, StoreError> {
    let band = latitudes_within(search.place, search.radius);
    let origin = Origin::of(search.place);
    let sql = "SELECT aed, latitude_e7, longitude_e7 FROM aed WHERE tenant = ? AND latitude_e7 BETWEEN ? AND ?";
    let parameters = [
        &search.tenant.as_str() as &dyn rusqlite::ToSql,
        band.start(),
        band.end(),
    ];
    let all = all(connection, sql, &parameters, |row| {
        Ok((origin.distance_to(rows::aed_position(row)?), get(row, "aed")?))
    })?;
    Ok(all
        .into_iter()
        .filter(|(distance, _)| *distance <= search.radius)
        .collect())
}

/// An incident that ended is let go as a whole: once its first record is gone, what is left of it is not shown.
const WHOLE: &str = "AND (is_open = 1 OR first_sequence > (SELECT sequence FROM journal_base))";

fn incident_row(connection: &Connection, incident: IncidentId) -> Result<Option<IncidentRow>, StoreError> {
    let sql = format!("SELECT {INCIDENT} FROM incident WHERE incident = ? {WHOLE}");
    let found = all(connection, &sql, &[incident.as_bytes()], rows::incident)?;
    Ok(found.into_iter().next())
}

fn story(connection: &Connection, incident: &IncidentRow) -> Result<Vec<IncidentEntry>, StoreError> {
    let sql = format!("SELECT {CHECKED} FROM journal WHERE incident = ? ORDER BY journal.sequence");
    all(connection, &sql, &[incident.incident.as_bytes()], |row| {
        Ok(IncidentEntry {
            incident: incident.incident,
            key: incident.key.clone(),
            entry: rows::checked(row)?,
        })
    })
}

fn incident_entry(row: &Row<'_>) -> Result<IncidentEntry, StoreError> {
    let incident = rows::incident(row)?;
    Ok(IncidentEntry {
        incident: incident.incident,
        key: incident.key,
        entry: rows::checked(row)?,
    })
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
