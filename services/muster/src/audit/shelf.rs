//! The policies that decisions name.

use dispatch_core::{policy::Policy, record::PolicyRef};
use muster_store::SqliteReader;

/// Policies by their number in the journal.
pub struct Shelf(Vec<Written>);

/// A policy as it was written down.
struct Written {
    /// Every field it had.
    text: String,
    /// As this Muster reads it, or why it cannot.
    policy: Result<Policy, String>,
}

/// Why the policy of a decision is not at hand.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPolicy {
    /// The decision names none.
    #[error("recorded before decisions could be made again")]
    FromBefore,
    /// The journal does not have it.
    #[error("its policy, number {0}, is not in the journal")]
    Lost(u32),
    /// It is written in words that this Muster does not know.
    #[error("its policy, number {0}, cannot be read: {1}")]
    Unreadable(u32, String),
}

impl Shelf {
    /// All of them.
    pub fn read(reader: &SqliteReader) -> anyhow::Result<Self> {
        let adopted = reader.policies()?;
        Ok(Self::new(adopted.into_iter().map(|policy| policy.text)))
    }

    /// From their texts, the first being number 1.
    pub fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let written = texts.into_iter().map(|text| Written {
            policy: muster_policies::parse(&text).map_err(|problem| problem.to_string()),
            text,
        });
        Self(written.collect())
    }

    /// The policy that a decision names.
    pub fn policy(&self, named: &PolicyRef) -> Result<&Policy, NoPolicy> {
        self.of_number(named.number)
    }

    /// The policy of this number.
    pub fn of_number(&self, number: u32) -> Result<&Policy, NoPolicy> {
        if number == 0 {
            return Err(NoPolicy::FromBefore);
        }
        let policy = self.written(number).ok_or(NoPolicy::Lost(number))?.policy.as_ref();
        policy.map_err(|problem| NoPolicy::Unreadable(number, problem.clone()))
    }

    /// The text of a policy as it was written down.
    pub fn text(&self, number: u32) -> Option<&str> {
        self.written(number).map(|written| written.text.as_str())
    }

    fn written(&self, number: u32) -> Option<&Written> {
        self.0.get((number as usize).checked_sub(1)?)
    }
}
