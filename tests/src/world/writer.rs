//! The store's writing thread in virtual time: it takes everything that waits, needs a while for each of the four steps,
//! and then tells. A crash in between leaves what the steps done so far leave.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use muster_engine::ports::{Commit, JournalNews};
use muster_store::{
    chain::Head,
    commit::{Attempt, GroupCommit},
};

use super::{
    agenda::Ms,
    dice::{Dice, Thing},
    disk::{Disk, DiskAccess},
};

/// A writer without space looks again after this.
pub const LOOK_AGAIN: Ms = 250;

/// The writer of one process.
pub struct Writer {
    protocol: GroupCommit<DiskAccess>,
    disk: Rc<RefCell<Disk>>,
    queue: VecDeque<Commit>,
    dice: Dice,
    /// When each of the four steps of the group at hand ends; `None` = idle.
    steps: Option<[Ms; 4]>,
}

/// What came of a turn of the writer.
#[derive(Debug)]
pub enum Turn {
    /// What it tells.
    Told(Vec<JournalNews>),
    /// It failed, after telling this.
    Failed(Vec<JournalNews>),
}

impl Writer {
    /// A writer that goes on at `end`.
    pub fn new(disk: Rc<RefCell<Disk>>, end: Head, seed: u64, life: u64) -> Self {
        Self {
            protocol: GroupCommit::new(DiskAccess(disk.clone()), end),
            disk,
            queue: VecDeque::new(),
            dice: Dice::new(seed, Thing::Store, life),
            steps: None,
        }
    }

    /// Takes a commit.
    pub fn submit(&mut self, commit: Commit) {
        self.queue.push_back(commit);
    }

    /// Begins a group if it is idle and something waits; returns when its turn comes.
    pub fn begin(&mut self, now: Ms, slow_sync_ms: Option<Ms>) -> Option<Ms> {
        if self.steps.is_some() {
            return None;
        }
        if self.protocol.waits() || (self.queue.is_empty() && self.protocol.is_full()) {
            self.steps = Some([now + LOOK_AGAIN; 4]);
            return Some(now + LOOK_AGAIN);
        }
        if self.queue.is_empty() {
            return None;
        }
        for commit in self.queue.drain(..) {
            self.protocol.take(commit);
        }
        let mut at = now;
        let usual = [(0, 1), (1, 8), (0, 0), (0, 4)];
        let steps = usual.map(|(least, most)| {
            at += self.dice.between(least, most);
            // Only the syncs wait for the disk.
            if let Some(slow) = slow_sync_ms.filter(|_| most > 1) {
                at += self.dice.between(slow / 2, slow);
            }
            at
        });
        self.steps = Some(steps);
        Some(steps[3])
    }

    /// When the step after `steps_done` steps of the group at hand is half done; `None` = no group, or only waiting.
    pub fn middle_of_step(&self, steps_done: u32, began: Ms) -> Option<Ms> {
        let steps = self.steps?;
        let done = (steps_done as usize).min(4);
        let from = if done == 0 { began } else { steps[done - 1] };
        let to = if done == 4 { steps[3] } else { steps[done] };
        Some(from.midpoint(to))
    }

    /// The group's turn: the four steps are done, one after the other.
    pub fn turn(&mut self) -> Turn {
        self.steps = None;
        let mut told = Vec::new();
        let written = self.protocol.write(&mut |news| told.push(news));
        let looked = match written {
            Ok(Attempt::Written) => self.protocol.look_for_space(&mut |news| told.push(news)),
            Ok(Attempt::WaitsForSpace) => Ok(()),
            Err(failure) => Err(failure),
        };
        match looked {
            Ok(()) => Turn::Told(told),
            Err(_) => Turn::Failed(told),
        }
    }

    /// The process dies at `now`: the steps that are over have happened, the one at hand half.
    pub fn die(&mut self, now: Ms, steps_done: Option<u32>) {
        let Some(steps) = self.steps.take() else { return };
        let over = steps.iter().take_while(|&&end| end <= now).count();
        let done = steps_done.unwrap_or(u32::try_from(over).unwrap_or(4));
        self.disk.borrow_mut().steps_left = Some(done);
        // Nobody hears what it says any more.
        let _ = self.protocol.write(&mut |_| {});
        self.disk.borrow_mut().steps_left = None;
    }
}
