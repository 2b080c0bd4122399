//! A disk that keeps what was written apart from what was synced, so that a power cut can take the difference. The
//! journal's commit protocol runs on it as it runs on SQLite.

use std::{cell::RefCell, rc::Rc};

use muster_engine::registry::RegistryChange;
use muster_store::{
    chain::{Chain, Head, Row},
    commit::{Chained, Medium, MediumError},
    damage::{Damage, Recovered, recover},
};

use super::dice::Dice;

/// Groups that the reserve takes when it is used up too: little, so that waiting for space is seen.
const RESERVE_GROUPS: u32 = 3;

/// What is on the disk, and what is wrong with it.
#[derive(Default)]
pub struct Disk {
    rows: Vec<Row>,
    /// Changes to the register, each with the number of rows that were there once its group was.
    registry: Vec<(usize, RegistryChange)>,
    /// Rows that survive a power cut.
    rows_synced: usize,
    slots: [Option<Head>; 2],
    slots_synced: [Option<Head>; 2],
    next_slot: usize,
    /// The next sync of the journal, or of the head, fails.
    pub sync_fails: bool,
    /// The next sync of the head fails.
    pub head_sync_fails: bool,
    /// There is no space.
    pub full: bool,
    /// The reserve is nearly used up too.
    pub reserve_small: bool,
    reserve_left: Option<u32>,
    /// Steps that are still done before the process dies in the middle of the next one.
    pub steps_left: Option<u32>,
}

impl Disk {
    /// An empty disk with a head file that says so.
    pub fn new() -> Self {
        let slots = [Some(Head::START), None];
        Self {
            slots,
            slots_synced: slots,
            next_slot: 1,
            ..Self::default()
        }
    }

    /// All rows, synced or not.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The changes to the register, in order.
    pub fn registry(&self) -> impl Iterator<Item = &RegistryChange> {
        self.registry.iter().map(|(_, change)| change)
    }

    /// The last record that survives a power cut together with a head that knows of it.
    pub fn safe(&self) -> u64 {
        let head = newest(self.slots_synced);
        head.min(self.rows_synced as u64)
    }

    /// The power fails: what was not synced is kept, lost or spoilt, as the dice have it.
    pub fn power_cut(&mut self, dice: &mut Dice) {
        if self.rows_synced < self.rows.len() {
            let kept = dice.between(0, 3);
            let spoilt = self.rows.get(self.rows_synced).cloned();
            if kept != 0 {
                self.truncate(self.rows_synced);
            }
            if let Some(mut row) = spoilt.filter(|_| kept == 1) {
                // A row of a group that did not survive, with a byte changed: not to be believed.
                match row.record.first_mut() {
                    Some(byte) => *byte ^= 0x40,
                    None => row.at_ms ^= 1,
                }
                self.rows.push(row);
            }
        }
        for slot in 0..2 {
            if self.slots[slot] != self.slots_synced[slot] {
                match dice.between(0, 2) {
                    0 => {}
                    1 => self.slots[slot] = self.slots_synced[slot],
                    _ => self.slots[slot] = None,
                }
            }
        }
        self.slots_synced = self.slots;
    }

    fn truncate(&mut self, rows: usize) {
        self.rows.truncate(rows);
        self.rows_synced = self.rows_synced.min(rows);
        self.registry.retain(|(after, _)| *after <= rows);
    }

    /// What a start finds; what cannot be believed is cut off, and journal and head agree and are synced afterwards.
    pub fn open(&mut self) -> Result<Recovered, Damage> {
        let found = recover(Head::START, self.rows.iter().cloned().map(Ok), self.slots)?;
        if found.cut_off {
            self.truncate(usize::try_from(found.end.sequence).unwrap_or(usize::MAX));
        }
        // What a killed process wrote and did not sync must be synced before the head says that it is there.
        self.rows_synced = self.rows.len();
        self.next_slot = usize::from(sequence(self.slots[0]) >= sequence(self.slots[1]));
        if newest(self.slots) != found.end.sequence {
            self.slots[self.next_slot] = Some(found.end);
            self.next_slot = 1 - self.next_slot;
        }
        self.slots_synced = self.slots;
        (self.steps_left, self.reserve_left) = (None, None);
        Ok(found)
    }

    /// Damages the disk behind everybody's back: loses the last rows, or changes a byte of one. For the trial at the
    /// end of a run, which says whether it is noticed.
    pub fn damaged(&self, dice: &mut Dice) -> Option<Self> {
        let last = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        if last == 0 {
            return None;
        }
        let mut rows = self.rows.clone();
        let at = usize::try_from(dice.between(0, last - 1)).unwrap_or(0);
        match dice.between(0, 3) {
            0 => rows.truncate(at),
            1 => drop(rows.remove(at)),
            2 => rows[at].at_ms += 1,
            _ => rows[at].chain = Chain([7; 32]),
        }
        Some(Self {
            rows,
            rows_synced: at,
            slots: self.slots,
            slots_synced: self.slots,
            ..Self::new()
        })
    }

    /// Whether the process dies now: the step at hand is then half done.
    fn dies(&mut self) -> bool {
        match self.steps_left.as_mut() {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
}

fn sequence(slot: Option<Head>) -> Option<u64> {
    slot.map(|head| head.sequence)
}

fn newest(slots: [Option<Head>; 2]) -> u64 {
    slots.into_iter().filter_map(sequence).max().unwrap_or(0)
}

/// A process's hand on the disk.
#[derive(Clone)]
pub struct DiskAccess(pub Rc<RefCell<Disk>>);

fn died() -> MediumError {
    MediumError::Failed("the process died".to_owned())
}

impl Medium for DiskAccess {
    fn append(&mut self, group: &[Chained]) -> Result<(), MediumError> {
        let mut disk = self.0.borrow_mut();
        if disk.dies() {
            return Err(died());
        }
        if disk.full {
            match disk.reserve_left.as_mut() {
                Some(0) | None => return Err(MediumError::NoSpace("no space".to_owned())),
                Some(left) => *left -= 1,
            }
        }
        for chained in group {
            disk.rows.extend(chained.rows.iter().cloned());
        }
        let rows = disk.rows.len();
        let changes = group.iter().flat_map(|chained| &chained.commit.registry);
        disk.registry.extend(changes.map(|change| (rows, change.clone())));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), MediumError> {
        let mut disk = self.0.borrow_mut();
        if disk.dies() {
            return Err(died());
        }
        if std::mem::take(&mut disk.sync_fails) {
            return Err(MediumError::Failed("fsync of the journal".to_owned()));
        }
        disk.rows_synced = disk.rows.len();
        Ok(())
    }

    fn write_head(&mut self, head: Head) -> Result<(), MediumError> {
        let mut disk = self.0.borrow_mut();
        let next = disk.next_slot;
        if disk.dies() {
            disk.slots[next] = None;
            return Err(died());
        }
        disk.slots[next] = Some(head);
        Ok(())
    }

    fn sync_head(&mut self) -> Result<(), MediumError> {
        let mut disk = self.0.borrow_mut();
        if disk.dies() {
            return Err(died());
        }
        if std::mem::take(&mut disk.head_sync_fails) {
            return Err(MediumError::Failed("fsync of the head".to_owned()));
        }
        disk.slots_synced = disk.slots;
        disk.next_slot = 1 - disk.next_slot;
        Ok(())
    }

    fn tidy(&mut self) -> Result<(), MediumError> {
        Ok(())
    }

    fn release_reserve(&mut self) -> Result<(), MediumError> {
        let mut disk = self.0.borrow_mut();
        let groups = if disk.reserve_small { RESERVE_GROUPS } else { u32::MAX };
        disk.reserve_left.get_or_insert(groups);
        Ok(())
    }

    fn restore_reserve(&mut self) -> Result<bool, MediumError> {
        let mut disk = self.0.borrow_mut();
        if disk.full {
            return Ok(false);
        }
        disk.reserve_left = None;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::dice::Thing;

    fn write(disk: &Rc<RefCell<Disk>>, sequence: u64, before: Head, sync: bool) -> Head {
        let chain = before.chain.next(sequence, 1, b"record");
        let row = Row {
            sequence,
            at_ms: 1,
            record: b"record".to_vec(),
            chain,
        };
        let group = Chained {
            commit: muster_engine::ports::Commit::default(),
            rows: vec![row],
        };
        let head = Head { sequence, chain };
        let mut access = DiskAccess(disk.clone());
        access.append(&[group]).expect("there is space");
        if sync {
            access.sync().expect("it works");
            access.write_head(head).expect("it works");
            access.sync_head().expect("it works");
        }
        head
    }

    #[test]
    fn a_power_cut_takes_only_what_was_not_synced() {
        let mut lost = 0;
        for trial in 0..40 {
            let disk = Rc::new(RefCell::new(Disk::new()));
            let synced = write(&disk, 1, Head::START, true);
            write(&disk, 2, synced, false);
            let mut disk = disk.borrow_mut();
            assert_eq!(disk.safe(), 1);
            disk.power_cut(&mut Dice::new(trial, Thing::PowerCut, 0));
            let found = disk.open().expect("what was synced is there");
            assert!(found.end.sequence >= 1);
            lost += u32::from(found.end.sequence == 1);
        }
        assert!((1..40).contains(&lost), "sometimes it survives, sometimes not: {lost}");
    }

    #[test]
    fn damage_behind_the_head_is_refused() {
        let disk = Rc::new(RefCell::new(Disk::new()));
        let first = write(&disk, 1, Head::START, true);
        write(&disk, 2, first, true);
        let disk = disk.borrow();
        for trial in 0..20 {
            let mut damaged = disk
                .damaged(&mut Dice::new(trial, Thing::PowerCut, 0))
                .expect("there are rows");
            assert!(damaged.open().is_err(), "trial {trial}");
        }
    }
}
