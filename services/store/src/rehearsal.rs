//! Makes snapshots, in a thread of its own with a connection of its own: it recovers from the last snapshot and the
//! records after it, exactly as a start does, and writes down where it got to. So every snapshot is a rehearsal of the
//! next start, damage is found while the service still runs, and nobody waits for any of it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use dispatch_core::state::State;

use crate::{
    StoreError,
    chain::Head,
    damage::Damage,
    error::{as_journal_error, on_file, while_doing},
    mapping::snapshot::encode_snapshot,
    rows, schema,
    snapshot::{self, Beginning},
    soundness,
};

/// Starts the thread. It makes a snapshot for a sequence that comes in, no more often than every `pause`, tells in
/// `covered` which records no start needs any more, and ends with the channel.
pub fn start(
    store: PathBuf,
    wanted: Receiver<u64>,
    covered: Arc<AtomicU64>,
    pause: Duration,
) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new()
        .name("store-rehearsal".to_owned())
        .spawn(move || {
            while let Ok(limit) = wanted.recv() {
                rehearse(&store, limit, &covered);
                if !rest(&wanted, pause) {
                    return;
                }
            }
        })
        .map_err(StoreError::Thread)
}

/// False when nothing more will be wanted. What is wanted meanwhile is wanted again by the next group.
fn rest(wanted: &Receiver<u64>, pause: Duration) -> bool {
    let until = Instant::now() + pause;
    loop {
        match wanted.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

fn rehearse(store: &Path, limit: u64, covered: &AtomicU64) {
    let began = Instant::now();
    match make(store, limit) {
        Ok(made) => {
            covered.store(made.covered, Ordering::Relaxed);
            metrics::histogram!("muster_store_snapshot_seconds").record(began.elapsed());
            tracing::debug!(sequence = made.sequence, "made a snapshot");
        }
        Err(error) => {
            let cause = as_journal_error("", &error).cause;
            metrics::counter!("muster_store_snapshot_failures_total").increment(1);
            match error {
                StoreError::Damaged { .. } | StoreError::Record { .. } | StoreError::NoSnapshot { .. } => {
                    tracing::error!(cause, "the journal is damaged: the next start would be refused");
                }
                _ => tracing::warn!(cause, "no snapshot could be made; the next start takes longer"),
            }
        }
    }
}

/// A snapshot was made.
struct Made {
    sequence: u64,
    /// The one before it.
    covered: u64,
}

/// Makes the snapshot at `limit`, which is durable, and removes all but it and the one it was made from.
fn make(store: &Path, limit: u64) -> Result<Made, StoreError> {
    let connection = schema::open_reading(store)?;
    let connection = connection
        .unchecked_transaction()
        .map_err(while_doing("beginning to read"))?;
    let from = snapshot::beginning(&connection, store, limit)?;
    let before = from.at.sequence;
    let (at, state) = advance(&connection, store, from, limit)?;
    let writing = on_file("writing a snapshot", store);
    snapshot::write(store, at, &encode_snapshot(&state.image())).map_err(&writing)?;
    for (sequence, path) in snapshot::list(store).map_err(&writing)? {
        if sequence != at.sequence && sequence != before {
            fs::remove_file(path).map_err(&writing)?;
        }
    }
    Ok(Made {
        sequence: at.sequence,
        covered: before,
    })
}

fn advance(
    connection: &rusqlite::Connection,
    store: &Path,
    from: Beginning,
    limit: u64,
) -> Result<(Head, State), StoreError> {
    let reading = while_doing("reading the journal for a snapshot");
    let mut at = from.at;
    let mut state = from.image.map_or_else(State::default, State::restore);
    let mut statement = connection
        .prepare(
            "SELECT sequence, at_ms, record, chain FROM journal WHERE sequence > ? AND sequence <= ? ORDER BY sequence",
        )
        .map_err(&reading)?;
    let mut found = statement
        .query([rows::signed(at.sequence), rows::signed(limit)])
        .map_err(&reading)?;
    while let Some(row) = found.next().map_err(&reading)? {
        let stored = rows::stored(row).map_err(&reading)?;
        if !stored.follows(at) {
            let sequence = at.sequence + 1;
            return Err(soundness::damaged(connection, store, Damage::Broken { sequence }));
        }
        at = stored.head();
        state.apply(&rows::entry(row)?);
    }
    Ok((at, state))
}
