//! What a restart reads: every record in order, and the register.

use std::path::Path;

use dispatch_core::{record::Entry, state::StateImage};
use muster_engine::registry::RegistryChange;
use rusqlite::Connection;

use crate::{
    StoreError,
    error::while_doing,
    mapping::fields::id,
    rows::{self, all, parsed, signed},
    schema,
    snapshot::Beginning,
};

/// Reads what was durable when the store was opened. To be used before the first commit and then dropped.
pub struct Recovery {
    connection: Connection,
    beginning: Beginning,
}

impl Recovery {
    pub(crate) fn open(path: &Path, beginning: Beginning) -> Result<Self, StoreError> {
        let connection = schema::open_reading(path)?;
        Ok(Self { connection, beginning })
    }

    /// The state at [`Recovery::begins_after`], without people and devices; `None` at the beginning of the journal, and
    /// when it was taken already. To be restored before the entries are applied.
    pub fn take_image(&mut self) -> Option<StateImage> {
        self.beginning.image.take()
    }

    /// The sequence after which [`Recovery::entries`] begins: that of the snapshot this start uses; 0 without one.
    pub fn begins_after(&self) -> u64 {
        self.beginning.at.sequence
    }

    /// Hands out every record in order and returns the last sequence; 0 when there never was one. Stops at the first gap and
    /// at the first record that cannot be read: a state built on half a journal would ask people twice, or not at all.
    pub fn entries(&mut self, mut take: impl FnMut(Entry)) -> Result<u64, StoreError> {
        let reading = while_doing("reading the journal");
        let mut statement = self
            .connection
            .prepare("SELECT sequence, at_ms, record FROM journal WHERE sequence > ? ORDER BY sequence")
            .map_err(&reading)?;
        let mut last = self.beginning.at.sequence;
        let mut rows = statement.query([signed(last)]).map_err(&reading)?;
        while let Some(row) = rows.next().map_err(&reading)? {
            let entry = rows::entry(row)?;
            if entry.sequence != last + 1 {
                return Err(StoreError::Gap {
                    expected: last + 1,
                    found: entry.sequence,
                });
            }
            last = entry.sequence;
            take(entry);
        }
        Ok(last)
    }

    /// The register as changes to apply to an empty one: people in order of registration, devices that have access in
    /// order of enrolment, trunks, defibrillators in order of registration, addresses of incidents that have not ended.
    pub fn registry(&self) -> Result<Vec<RegistryChange>, StoreError> {
        let people = "SELECT * FROM responder ORDER BY tenant, number";
        let devices = "SELECT * FROM device ORDER BY number";
        let addresses = "SELECT address.* FROM address JOIN incident USING (incident) WHERE is_open = 1";
        let mut changes = all(&self.connection, people, &[], |row| {
            rows::responder(row).map(RegistryChange::PutResponder)
        })?;
        changes.extend(all(&self.connection, devices, &[], |row| {
            rows::device(row).map(RegistryChange::PutDevice)
        })?);
        changes.extend(all(
            &self.connection,
            "SELECT * FROM trunk ORDER BY number",
            &[],
            |row| rows::trunk(row).map(RegistryChange::PutTrunk),
        )?);
        changes.extend(all(
            &self.connection,
            "SELECT * FROM aed ORDER BY number",
            &[],
            |row| rows::aed(row).map(|row| RegistryChange::PutAed(Box::new(row))),
        )?);
        changes.extend(all(&self.connection, addresses, &[], |row| {
            Ok(RegistryChange::PutAddress {
                incident: parsed(row, "incident", |bytes: Vec<u8>| id("address.incident", &bytes))?,
                address: rows::address(row)?,
            })
        })?);
        Ok(changes)
    }
}
