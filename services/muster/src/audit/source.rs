//! Opens the store and finds incidents in it by the names people give them.

use std::path::Path;

use anyhow::{Context as _, bail};
use dispatch_core::ids::IncidentId;
use muster_store::SqliteReader;

use crate::service::JOURNAL_FILE;

/// Opens the store in a data directory for reading.
pub fn open(data_dir: &Path) -> anyhow::Result<SqliteReader> {
    let path = data_dir.join(JOURNAL_FILE);
    SqliteReader::open_read_only(&path).with_context(|| format!("opening {}", path.display()))
}

/// The incident with this id, or this number in a control room's system.
pub fn find(reader: &SqliteReader, name: &str) -> anyhow::Result<IncidentId> {
    if name.starts_with("inc-") {
        return Ok(name.parse()?);
    }
    let mut parts = name.split('/');
    let (Some(system), Some(number), date, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        bail!("'{name}' is neither inc-… nor system/number nor system/number/date");
    };
    let mut found = reader.find_incidents(system, number)?;
    found.retain(|row| date.is_none_or(|date| row.key.call_date.to_string() == date));
    match found.as_slice() {
        [] => bail!("there is no incident {name}"),
        [one] => Ok(one.incident),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|row| format!("{} ({} of {})", row.incident, row.key.tenant, row.key.call_date))
                .collect();
            bail!("{name} names several incidents; choose one: {}", names.join(", "))
        }
    }
}
