//! The state as a start rebuilds it, without the people and devices, who are in the register.
//!
//! For now its stored form is the records themselves, which saves nothing; snapshots are therefore off by default.

use dispatch_core::{record::Entry, state::State, time::Timestamp};

use crate::mapping::{InvalidRecord, decode, encode, fields::wrong};

/// What a snapshot holds.
#[derive(Default)]
pub struct Replica {
    entries: Vec<Entry>,
}

/// Sequence, time and length before each record.
const PREFIX_LEN: usize = 24;

impl Replica {
    /// The replica with this stored form.
    pub fn decode(mut payload: &[u8]) -> Result<Self, InvalidRecord> {
        let mut entries = Vec::new();
        while !payload.is_empty() {
            let cut_short = || wrong("Replica", payload.len(), "whole records");
            let (prefix, rest) = payload.split_at_checked(PREFIX_LEN).ok_or_else(cut_short)?;
            let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| prefix[at + byte]));
            let length = usize::try_from(number(16)).unwrap_or(usize::MAX);
            let (record, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
            entries.push(Entry {
                sequence: number(0),
                at: Timestamp::from_unix_ms(number(8).cast_signed()),
                record: decode(record)?,
            });
            payload = rest;
        }
        Ok(Self { entries })
    }

    /// Its stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in &self.entries {
            let record = encode(&entry.record);
            bytes.extend(entry.sequence.to_le_bytes());
            bytes.extend(entry.at.unix_ms().to_le_bytes());
            bytes.extend((record.len() as u64).to_le_bytes());
            bytes.extend(record);
        }
        bytes
    }

    /// The state it stands for.
    pub fn state(&self) -> State {
        let mut state = State::default();
        for entry in &self.entries {
            state.apply(entry);
        }
        state
    }

    /// Takes one more record.
    pub fn apply(&mut self, entry: &Entry) {
        self.entries.push(entry.clone());
    }
}
