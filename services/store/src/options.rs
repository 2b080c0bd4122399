//! What an operator may choose about the store.

use std::time::Duration;

/// Bytes kept for bad days unless told otherwise: some hundred thousand accepts, stand-downs and endings.
pub const RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// How long records are kept unless told otherwise: a year and a month, so that this year's figures can be compared with
/// last year's.
pub const KEEP: Duration = Duration::from_secs(400 * 24 * 3600);

/// Records between two snapshots. A start applies at most this many, and what came during the pause, in a few hundred
/// milliseconds.
pub const SNAPSHOT_EVERY: u64 = 20_000;
/// Least time between two snapshots: under the heaviest load one core spends a small part of its time on them.
pub const SNAPSHOT_PAUSE: Duration = Duration::from_secs(30);

/// Choices about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Size of the file that is given up when the disk is full; 0 for none.
    pub reserve_bytes: u64,
    /// How long records are kept, by their own time. Some more stay, so that a start always has what it needs.
    pub keep: Duration,
    /// Records between two snapshots.
    pub snapshot_every: u64,
    /// Least time between two snapshots.
    pub snapshot_pause: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            reserve_bytes: RESERVE_BYTES,
            keep: KEEP,
            snapshot_every: SNAPSHOT_EVERY,
            snapshot_pause: SNAPSHOT_PAUSE,
        }
    }
}
