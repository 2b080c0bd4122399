use std::collections::VecDeque;

use dispatch_core::{
    record::{Entry, Record},
    time::Timestamp,
};

use super::*;
use crate::damage::recover;

/// A disk that fails where it is told to and writes down what was done to it.
#[derive(Default)]
struct Disk {
    rows: Vec<Row>,
    unsynced: Vec<Row>,
    head: Option<Head>,
    unsynced_head: Option<Head>,
    reserve: bool,
    /// Step and its error, for the next times that this step is taken.
    faults: VecDeque<(&'static str, MediumError)>,
    steps: Vec<&'static str>,
}

impl Disk {
    fn step(&mut self, step: &'static str) -> Result<(), MediumError> {
        self.steps.push(step);
        match self.faults.front() {
            Some((fails, _)) if *fails == step => Err(self.faults.pop_front().expect("looked at").1),
            _ => Ok(()),
        }
    }
}

impl Medium for Disk {
    fn append(&mut self, group: &[Chained]) -> Result<(), MediumError> {
        self.step("append")?;
        self.unsynced = group.iter().flat_map(|chained| chained.rows.clone()).collect();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), MediumError> {
        self.step("sync")?;
        self.rows.append(&mut self.unsynced);
        Ok(())
    }

    fn write_head(&mut self, head: Head) -> Result<(), MediumError> {
        self.step("write_head")?;
        self.unsynced_head = Some(head);
        Ok(())
    }

    fn sync_head(&mut self) -> Result<(), MediumError> {
        self.step("sync_head")?;
        self.head = self.unsynced_head;
        Ok(())
    }

    fn tidy(&mut self) -> Result<(), MediumError> {
        self.step("tidy")
    }

    fn release_reserve(&mut self) -> Result<(), MediumError> {
        self.reserve = false;
        self.step("release")
    }

    fn restore_reserve(&mut self) -> Result<bool, MediumError> {
        self.step("restore")?;
        self.reserve = true;
        Ok(true)
    }
}

fn commit(sequences: impl IntoIterator<Item = u64>) -> Commit {
    let entry = |sequence| Entry {
        sequence,
        at: Timestamp::from_unix_ms(1_700_000_000_000),
        record: Record::Started { epoch: sequence },
    };
    Commit {
        entries: sequences.into_iter().map(entry).collect(),
        registry: Vec::new(),
    }
}

fn no_space() -> MediumError {
    MediumError::NoSpace("full".to_owned())
}

fn group(faults: impl IntoIterator<Item = (&'static str, MediumError)>) -> GroupCommit<Disk> {
    let disk = Disk {
        faults: faults.into_iter().collect(),
        ..Disk::default()
    };
    GroupCommit::new(disk, Head::START)
}

fn write(group: &mut GroupCommit<Disk>) -> (Result<Attempt, JournalError>, Vec<JournalNews>) {
    let mut told = Vec::new();
    let outcome = group.write(&mut |news| told.push(news));
    (outcome, told)
}

#[test]
fn nothing_is_told_before_the_head_is_synced() {
    let mut group = group([]);
    group.take(commit([1, 2]));
    group.take(commit([3]));
    assert_eq!(write(&mut group).1, [JournalNews::Durable(3)]);
    let disk = group.medium();
    assert_eq!(disk.steps, ["append", "sync", "write_head", "sync_head", "tidy"]);
    let found = recover(Head::START, disk.rows.iter().cloned().map(Ok), [disk.head, None]).expect("sound");
    assert_eq!((found.end.sequence, found.unacknowledged), (3, 0));
}

#[test]
fn any_failure_but_want_of_space_is_final() {
    for step in ["append", "sync", "write_head", "sync_head"] {
        let mut group = group([(step, MediumError::Failed("EIO".to_owned()))]);
        group.take(commit([1]));
        let (outcome, told) = write(&mut group);
        assert!(outcome.is_err_and(|error| error.cause == "EIO"), "{step}");
        assert_eq!(told, [], "{step}");
        let steps = group.medium().steps.len();
        assert!(write(&mut group).0.is_err(), "{step}");
        assert_eq!(group.medium().steps.len(), steps, "{step}: nothing is tried again");
    }
}

#[test]
fn the_reserve_gives_way_and_comes_back() {
    for step in ["append", "sync", "write_head", "sync_head"] {
        let mut group = group([(step, no_space())]);
        group.medium_mut().reserve = true;
        group.take(commit([1]));
        let (outcome, mut told) = write(&mut group);
        assert!(matches!(outcome, Ok(Attempt::Written)), "{step}");
        assert_eq!(told, [JournalNews::Full, JournalNews::Durable(1)], "{step}");
        assert!(!group.medium().reserve);
        assert_eq!(group.medium().rows.len(), 1, "{step}: written once");
        told.clear();
        group.look_for_space(&mut |news| told.push(news)).expect("looks");
        assert_eq!(told, [JournalNews::SpaceAgain]);
        assert!(!group.is_full());
    }
}

#[test]
fn without_any_space_everything_waits_in_order() {
    let mut group = group([("append", no_space()), ("append", no_space()), ("append", no_space())]);
    group.take(commit([1, 2]));
    let (outcome, told) = write(&mut group);
    assert!(matches!(outcome, Ok(Attempt::WaitsForSpace)));
    assert_eq!(told, [JournalNews::Full]);
    group.take(commit([3]));
    let (outcome, told) = write(&mut group);
    assert!(matches!(outcome, Ok(Attempt::Written)));
    assert_eq!(told, [JournalNews::Durable(3)], "Full is told once");
    let sequences: Vec<_> = group.medium().rows.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, [1, 2, 3]);
}
