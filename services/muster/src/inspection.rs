//! Looks for damage in the store while the service runs, so that it is found while a good backup still exists and not on
//! the day of a restart.

use std::{path::PathBuf, sync::Arc, time::Duration};

use muster_engine::{
    alarms::{AlarmBoard, AlarmKind},
    ports::Clock,
};
use tokio::{sync::watch, task::spawn_blocking, time::sleep};

/// The first look waits until phones and control rooms are back after the start.
const FIRST_AFTER: Duration = Duration::from_secs(300);
/// A look reads the whole store; once a day finds what a nightly backup would otherwise copy for weeks.
const EVERY: Duration = Duration::from_secs(86_400);

/// Inspects the store at `path` now and then until `stop` turns true.
pub async fn keep_inspecting(
    path: PathBuf,
    alarms: AlarmBoard,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    let mut wait = FIRST_AFTER;
    loop {
        tokio::select! {
            () = sleep(wait) => {}
            _ = stop.wait_for(|&stop| stop) => return,
        }
        wait = EVERY;
        let (path, alarms, clock) = (path.clone(), alarms.clone(), Arc::clone(&clock));
        if spawn_blocking(move || inspect(&path, &alarms, &*clock)).await.is_err() {
            tracing::error!("the inspection of the store panicked");
        }
    }
}

fn inspect(path: &std::path::Path, alarms: &AlarmBoard, clock: &dyn Clock) {
    let began = clock.now();
    match muster_store::verify(path) {
        Ok(report) if report.is_intact() => {
            tracing::info!(
                records = report.last,
                ms = clock.now().ms_since(began),
                "the store is intact"
            );
            alarms.clear(AlarmKind::JournalDamaged, None);
        }
        Ok(report) => {
            let count = report.affected.records_count + report.findings.len() as u64;
            tracing::error!(count, "the store is damaged; see `muster audit verify`");
            alarms.raise(AlarmKind::JournalDamaged, None, clock.now(), count);
        }
        Err(error) => tracing::warn!(%error, "the store could not be inspected"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::OpenOptions,
        io::{Seek as _, SeekFrom, Write as _},
    };

    use muster_engine::memory::MemoryClock;
    use muster_store::SqliteStore;

    use super::*;

    #[test]
    fn damage_raises_the_alarm() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.sqlite");
        let (journal, reader, recovery) = SqliteStore::open(&path).expect("opens");
        // The writer goes last and takes its log into the file, which is what is damaged below.
        drop((reader, recovery, journal));
        let (alarms, clock) = (AlarmBoard::default(), MemoryClock::default());
        let up = alarms.watch();
        inspect(&path, &alarms, &clock);
        assert!(up.borrow().is_empty());

        let mut file = OpenOptions::new().write(true).open(&path).expect("the store");
        // The second page: the root of a table.
        file.seek(SeekFrom::Start(4096)).expect("there are pages");
        file.write_all(&[0xFF; 16]).expect("written");
        inspect(&path, &alarms, &clock);
        assert_eq!(up.borrow()[0].kind, AlarmKind::JournalDamaged);
    }
}
