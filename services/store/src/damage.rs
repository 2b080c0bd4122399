//! What of a journal can be trusted after a crash: a pure rule over its rows and the side file, the same for SQLite and
//! for the disk of the simulated world.
//!
//! ```text
//! base ──────────── head ───────── end        rows up to the head were acknowledged: all must be there, unchanged
//!      acknowledged      not yet              rows after it were not: kept while the chain holds, else cut off
//! ```

use crate::{
    chain::{Head, Row},
    head::newest,
};

/// A journal that can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// Its last sound record. The head is to be brought here before anything is acknowledged.
    pub end: Head,
    /// Rows after `end` are to be deleted: their chain does not hold, and nobody was ever told of them.
    pub cut_off: bool,
    /// Sound records that were written but not acknowledged; they are kept.
    pub unacknowledged: u64,
}

/// A journal that lost or changed something it had acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// Neither slot of the side file can be read, so nobody knows how far the journal went.
    #[error("the side file that says how far the journal went is missing or damaged")]
    HeadUnreadable,
    /// Acknowledged records are gone from the end.
    #[error("records {} to {} were acknowledged and are gone", .last + 1, .head)]
    Short {
        /// The last record there is.
        last: u64,
        /// The last that was acknowledged.
        head: u64,
    },
    /// An acknowledged record is not what was written, is missing, or follows on something else.
    #[error("record {sequence} is missing or not as it was written")]
    Broken {
        /// The first such record.
        sequence: u64,
    },
    /// The disk refuses to hand out a record.
    #[error("record {sequence} cannot be read: {cause}")]
    Unreadable {
        /// The first such record.
        sequence: u64,
        /// What the disk said.
        cause: String,
    },
    /// The journal is sound in itself and is not the one that was acknowledged.
    #[error(
        "record {sequence} is another than the one acknowledged: the journal and its side file belong to two histories"
    )]
    Foreign {
        /// Where the two were compared.
        sequence: u64,
    },
}

/// Checks the rows after `start`, in order, against the chain and the slots of the side file.
///
/// `start` is a place that is known to be sound: the base of the journal, or a snapshot no newer than the head.
pub fn recover(
    start: Head,
    rows: impl IntoIterator<Item = Result<Row, String>>,
    slots: [Option<Head>; 2],
) -> Result<Recovered, Damage> {
    let head = newest(slots).ok_or(Damage::HeadUnreadable)?;
    let mut end = start;
    let mut cut_off = false;
    let mut acknowledged_seen = start == head;
    for row in rows {
        let sequence = end.sequence + 1;
        let row = row.map_err(|cause| Damage::Unreadable { sequence, cause })?;
        if !row.follows(end) {
            if sequence <= head.sequence {
                return Err(Damage::Broken { sequence });
            }
            cut_off = true;
            break;
        }
        end = row.head();
        if end.sequence == head.sequence {
            acknowledged_seen = end == head;
        }
    }
    if end.sequence < head.sequence {
        let (last, head) = (end.sequence, head.sequence);
        return Err(Damage::Short { last, head });
    }
    if !acknowledged_seen {
        let sequence = head.sequence;
        return Err(Damage::Foreign { sequence });
    }
    Ok(Recovered {
        end,
        cut_off,
        unacknowledged: end.sequence - head.sequence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;

    fn rows(count: u64) -> Vec<Row> {
        let mut end = Head::START;
        let row = |sequence| {
            let chain = end.chain.next(sequence, 5, b"record");
            end = Head { sequence, chain };
            Row {
                sequence,
                at_ms: 5,
                record: b"record".to_vec(),
                chain,
            }
        };
        (1..=count).map(row).collect()
    }

    fn check(rows: &[Row], slots: [Option<Head>; 2]) -> Result<(u64, bool, u64), Damage> {
        let found = recover(Head::START, rows.iter().cloned().map(Ok), slots)?;
        Ok((found.end.sequence, found.cut_off, found.unacknowledged))
    }

    #[test]
    fn a_tail_that_was_never_acknowledged_is_kept_or_cut_off() {
        let mut written = rows(6);
        let slots = [Some(written[2].head()), Some(written[3].head())];
        assert_eq!(check(&written, slots), Ok((6, false, 2)));
        written[4].record[0] ^= 1;
        assert_eq!(check(&written, slots), Ok((4, true, 0)));
        assert_eq!(check(&written[..4], slots), Ok((4, false, 0)));
    }

    #[test]
    fn what_was_acknowledged_must_be_there_unchanged() {
        let sound = rows(6);
        let slots = [Some(sound[4].head()), Some(sound[5].head())];
        assert_eq!(check(&sound[..5], slots), Err(Damage::Short { last: 5, head: 6 }));
        assert_eq!(check(&[], slots), Err(Damage::Short { last: 0, head: 6 }));
        for sequence in 1..=6 {
            let mut changed = sound.clone();
            changed[sequence - 1].at_ms += 1;
            let sequence = sequence as u64;
            assert_eq!(check(&changed, slots), Err(Damage::Broken { sequence }));
        }
        let mut gap = sound.clone();
        gap.remove(1);
        assert_eq!(check(&gap, slots), Err(Damage::Broken { sequence: 2 }));
    }

    #[test]
    fn the_older_slot_serves_when_the_newer_is_damaged() {
        let written = rows(6);
        assert_eq!(check(&written, [Some(written[4].head()), None]), Ok((6, false, 1)));
        assert_eq!(check(&written, [None; 2]), Err(Damage::HeadUnreadable));
        let other = Head {
            sequence: 5,
            chain: Chain([9; 32]),
        };
        assert_eq!(
            check(&written, [Some(other), None]),
            Err(Damage::Foreign { sequence: 5 })
        );
    }
}
