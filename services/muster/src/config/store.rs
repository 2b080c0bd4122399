//! Section `[store]`.

use std::time::Duration;

use muster_store::StoreOptions;
use serde::Deserialize;

/// As in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    keep_days: Option<u64>,
    reserve_mib: Option<u64>,
}

/// Days that records may be kept: at least the week within which a report counts as repeated and some more, at most ten
/// years, beyond which backups are the place.
const KEEP_DAYS: std::ops::RangeInclusive<u64> = 14..=3660;
/// Megabytes that may be kept for a full disk; 0 for none.
const RESERVE_MIB: std::ops::RangeInclusive<u64> = 0..=4096;

/// The checked section over the defaults.
pub fn options(section: &StoreSection) -> Result<StoreOptions, String> {
    let mut options = StoreOptions::default();
    if let Some(days) = within("store.keep_days", section.keep_days, KEEP_DAYS)? {
        options.keep = Duration::from_secs(days * 24 * 3600);
    }
    if let Some(mib) = within("store.reserve_mib", section.reserve_mib, RESERVE_MIB)? {
        options.reserve_bytes = mib * 1024 * 1024;
    }
    Ok(options)
}

fn within(key: &str, value: Option<u64>, accepted: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, String> {
    match value {
        Some(value) if !accepted.contains(&value) => Err(format!(
            "{key} is {value}; accepted is {} to {}",
            accepted.start(),
            accepted.end()
        )),
        value => Ok(value),
    }
}
