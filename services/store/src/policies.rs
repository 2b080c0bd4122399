//! The policies that decisions name, also those whose record was let go: a snapshot has every one that was used before it,
//! and the journal those after it.

use std::path::Path;

use muster_proto::journal::v1::{self as stored, record::Fact};
use prost::Message as _;
use rusqlite::Connection;

use crate::{
    StoreError,
    chain::Head,
    error::while_doing,
    mapping::snapshot::{InvalidSnapshot, SNAPSHOT_VERSION},
    rows::{self, CHECKED, all, signed},
    snapshot, soundness,
};

/// A policy as it was written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdoptedPolicy {
    /// What decisions call it, from 1.
    pub number: u32,
    /// Every field it had when it was written down, as TOML.
    pub text: String,
}

/// The policies used in a journal, in order of their numbers. Their texts are not looked into, so that one that this
/// Muster does not understand hides no other.
pub fn adopted(connection: &Connection, store: &Path) -> Result<Vec<AdoptedPolicy>, StoreError> {
    // One view: records may be let go and snapshots made while this reads.
    let view = connection
        .unchecked_transaction()
        .map_err(while_doing("reading policies"))?;
    let (from, mut texts) = at_snapshot(&view, store)?;
    let sql = format!(
        "SELECT {CHECKED} FROM journal WHERE journal.tenant IS NULL AND journal.incident IS NULL AND journal.sequence > ?
         ORDER BY journal.sequence"
    );
    let after = all(&view, &sql, &[&signed(from)], |row| {
        Ok(match stored::Record::decode(&*rows::checked_bytes(row)?) {
            Ok(stored::Record {
                fact: Some(Fact::PolicyAdopted(policy)),
                ..
            }) => Some(policy.text),
            _ => None,
        })
    })?;
    texts.extend(after.into_iter().flatten());
    Ok((1..)
        .zip(texts)
        .map(|(number, text)| AdoptedPolicy { number, text })
        .collect())
}

/// The place of the newest snapshot that can be used, and the policies in it; the beginning when there is none.
fn at_snapshot(connection: &Connection, store: &Path) -> Result<(u64, Vec<String>), StoreError> {
    for (_, path) in snapshot::list(store).unwrap_or_default() {
        if let Ok((Head { sequence, .. }, payload)) = snapshot::belongs(connection, &path)?
            && let Ok(texts) = texts(&payload)
        {
            return Ok((sequence, texts));
        }
    }
    let base = soundness::base(connection)?;
    if base.sequence > 0 {
        return Err(StoreError::NoSnapshot {
            path: store.to_owned(),
            base: base.sequence,
        });
    }
    Ok((0, Vec::new()))
}

fn texts(payload: &[u8]) -> Result<Vec<String>, InvalidSnapshot> {
    let snapshot = stored::Snapshot::decode(payload).map_err(InvalidSnapshot::Damaged)?;
    if !(1..=SNAPSHOT_VERSION).contains(&snapshot.version) {
        return Err(InvalidSnapshot::Version {
            found: snapshot.version,
        });
    }
    Ok(snapshot.policies.into_iter().map(|policy| policy.text).collect())
}
