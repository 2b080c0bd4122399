//! The commit protocol: in which order a group of commits reaches the disk, what may be told after which step, and what
//! becomes of it when a step fails. Knows no SQLite, so that the simulated world runs the very same steps over a disk of
//! its own.
//!
//! ```text
//! append ─> sync ─> write_head ─> sync_head ─> Durable is told
//! ```
//! No space: the group is kept, in order, and written once there is space; the reserve gives way first. Any other error
//! is final: after a failed fsync nobody knows what is on the disk, so nothing is tried again and nothing acknowledged.

use muster_engine::ports::{Commit, JournalError, JournalNews};

use crate::{
    chain::{Head, Row},
    mapping::encode,
};

/// A commit, its records in stored form and chained.
#[derive(Clone, Debug, PartialEq)]
pub struct Chained {
    /// What the engine handed over.
    pub commit: Commit,
    /// One row for each of its records.
    pub rows: Vec<Row>,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediumError {
    /// There is no space. Nothing was changed; the step may be tried again.
    NoSpace(String),
    /// Anything else. What is on the disk is unknown.
    Failed(String),
}

/// What a journal is written on.
pub trait Medium {
    /// Writes a group, all or nothing. It need not survive a crash, and after an error nothing of it is left.
    fn append(&mut self, group: &[Chained]) -> Result<(), MediumError>;
    /// Returns once what was appended survives a power cut. After an error of want of space nothing of it is left.
    fn sync(&mut self) -> Result<(), MediumError>;
    /// Writes how far the journal goes beside it.
    fn write_head(&mut self, head: Head) -> Result<(), MediumError>;
    /// Returns once the head survives a power cut.
    fn sync_head(&mut self) -> Result<(), MediumError>;
    /// Housekeeping that nobody waits for, after a group was told.
    fn tidy(&mut self) -> Result<(), MediumError>;
    /// Gives up the space kept for bad days.
    fn release_reserve(&mut self) -> Result<(), MediumError>;
    /// Keeps space for bad days again, if there is enough; tells whether the reserve is whole.
    fn restore_reserve(&mut self) -> Result<bool, MediumError>;
}

/// What became of an attempt to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Everything taken is durable and told.
    Written,
    /// What was taken waits for space; call [`GroupCommit::write`] again later and take nothing until then.
    WaitsForSpace,
}

/// Writes groups of commits on a medium.
pub struct GroupCommit<M> {
    medium: M,
    /// The end of the journal, with what is taken and not yet written.
    end: Head,
    /// The head as it stands on the medium.
    head: Head,
    /// Taken and not yet written.
    taken: Vec<Chained>,
    /// Space ran out and the reserve is not whole again.
    full: bool,
    failure: Option<JournalError>,
}

impl<M: Medium> GroupCommit<M> {
    /// Goes on at `end`, to which the medium's head already points.
    pub fn new(medium: M, end: Head) -> Self {
        Self {
            medium,
            end,
            head: end,
            taken: Vec::new(),
            full: false,
            failure: None,
        }
    }

    /// Says that the medium has no whole reserve from the start.
    pub fn starts_full(&mut self) {
        self.full = true;
    }

    /// Whether the reserve is in use.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Whether taken commits wait to be written.
    pub fn waits(&self) -> bool {
        !self.taken.is_empty() || self.head != self.end
    }

    /// The medium, to look at.
    pub fn medium(&self) -> &M {
        &self.medium
    }

    /// The medium, to break it.
    pub fn medium_mut(&mut self) -> &mut M {
        &mut self.medium
    }

    /// Adds a commit to the group to be written next.
    pub fn take(&mut self, commit: Commit) {
        let mut rows = Vec::with_capacity(commit.entries.len());
        for entry in &commit.entries {
            let (at_ms, record) = (entry.at.unix_ms(), encode(&entry.record));
            let chain = self.end.chain.next(entry.sequence, at_ms, &record);
            self.end = Head {
                sequence: entry.sequence,
                chain,
            };
            rows.push(Row {
                sequence: entry.sequence,
                at_ms,
                record,
                chain,
            });
        }
        self.taken.push(Chained { commit, rows });
    }

    /// Writes what was taken and tells what is to be told. An error is final: every later call gives it again.
    pub fn write(&mut self, tell: &mut dyn FnMut(JournalNews)) -> Result<Attempt, JournalError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let outcome = self.write_with_reserve(tell);
        outcome.inspect_err(|failure| self.failure = Some(failure.clone()))
    }

    /// Makes the reserve whole again if space has come back. To be called now and then while [`GroupCommit::is_full`].
    pub fn look_for_space(&mut self, tell: &mut dyn FnMut(JournalNews)) -> Result<(), JournalError> {
        if !self.full || self.waits() {
            return Ok(());
        }
        match self.medium.restore_reserve() {
            Ok(true) => {
                self.full = false;
                tell(JournalNews::SpaceAgain);
                Ok(())
            }
            Ok(false) | Err(MediumError::NoSpace(_)) => Ok(()),
            Err(MediumError::Failed(cause)) => {
                let failure = failed("restoring the reserve", cause);
                self.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn write_with_reserve(&mut self, tell: &mut dyn FnMut(JournalNews)) -> Result<Attempt, JournalError> {
        match self.write_once(tell) {
            Err(MediumError::NoSpace(_)) => self.run_out(tell)?,
            outcome => return self.settled(outcome),
        }
        let outcome = self.write_once(tell);
        self.settled(outcome)
    }

    fn settled(&self, outcome: Result<(), MediumError>) -> Result<Attempt, JournalError> {
        match outcome {
            Err(MediumError::Failed(cause)) => Err(failed("writing", cause)),
            Err(MediumError::NoSpace(_)) if self.waits() => Ok(Attempt::WaitsForSpace),
            // Housekeeping alone had no space; it comes round again.
            Err(MediumError::NoSpace(_)) | Ok(()) => Ok(Attempt::Written),
        }
    }

    /// The reserve gives way, once.
    fn run_out(&mut self, tell: &mut dyn FnMut(JournalNews)) -> Result<(), JournalError> {
        match self.medium.release_reserve() {
            Ok(()) | Err(MediumError::NoSpace(_)) => {}
            Err(MediumError::Failed(cause)) => return Err(failed("releasing the reserve", cause)),
        }
        if !std::mem::replace(&mut self.full, true) {
            tell(JournalNews::Full);
        }
        Ok(())
    }

    fn write_once(&mut self, tell: &mut dyn FnMut(JournalNews)) -> Result<(), MediumError> {
        if !self.taken.is_empty() {
            self.medium.append(&self.taken)?;
            self.medium.sync()?;
            self.taken.clear();
        }
        if self.head != self.end {
            self.medium.write_head(self.end)?;
            self.medium.sync_head()?;
            self.head = self.end;
            tell(JournalNews::Durable(self.end.sequence));
        }
        self.medium.tidy()
    }
}

fn failed(doing: &'static str, cause: String) -> JournalError {
    JournalError { doing, cause }
}

#[cfg(test)]
mod tests;
