//! The hash that chains each record of the journal to all before it, so that a changed, lost or exchanged byte is seen.

use sha2::{Digest as _, Sha256};

/// SHA-256 over everything up to and including a record:
/// `SHA-256(chain before || sequence || at_ms || record)`, numbers as 8 bytes, least significant first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// Before the first record.
    pub const START: Self = Self([0; 32]);

    /// The chain after one more record.
    #[must_use]
    pub fn next(self, sequence: u64, at_ms: i64, record: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(self.0)
            .chain_update(sequence.to_le_bytes())
            .chain_update(at_ms.to_le_bytes())
            .chain_update(record)
            .finalize();
        Self(hash.into())
    }
}

/// A place in the journal, with the chain at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Sequence of the last record; 0 before the first.
    pub sequence: u64,
    /// The chain after it.
    pub chain: Chain,
}

impl Head {
    /// Before the first record.
    pub const START: Self = Self {
        sequence: 0,
        chain: Chain::START,
    };
}

/// A record as it lies on the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// From 1, without gaps.
    pub sequence: u64,
    /// When, UTC.
    pub at_ms: i64,
    /// The stored form of the record.
    pub record: Vec<u8>,
    /// The chain after it.
    pub chain: Chain,
}

impl Row {
    /// Whether this row is the one that follows `before`.
    pub fn follows(&self, before: Head) -> bool {
        self.sequence == before.sequence + 1 && self.chain == before.chain.next(self.sequence, self.at_ms, &self.record)
    }

    /// The place after this row.
    pub fn head(&self) -> Head {
        Head {
            sequence: self.sequence,
            chain: self.chain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_row_counts() {
        let row = |sequence, at_ms, record: &[u8]| Row {
            sequence,
            at_ms,
            record: record.to_vec(),
            chain: Chain::START.next(1, 2, b"abc"),
        };
        assert!(row(1, 2, b"abc").follows(Head::START));
        for changed in [
            row(2, 2, b"abc"),
            row(1, 3, b"abc"),
            row(1, 2, b"abd"),
            row(1, 2, b"ab"),
        ] {
            assert!(!changed.follows(Head::START), "{changed:?}");
        }
        let elsewhere = Head {
            sequence: 0,
            chain: Chain([1; 32]),
        };
        assert!(!row(1, 2, b"abc").follows(elsewhere));
    }
}
