//! `muster audit redecide`: decides recorded decisions again and says whether the same comes out, to the bit; or what
//! another policy would have done at that moment.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args};
use dispatch_core::{
    choose::{Redecided, redecide},
    ids::IncidentId,
    policy::Policy,
    record::{Decision, Record},
};
use muster_store::SqliteReader;

use super::{
    differences, fields,
    shelf::{NoPolicy, Shelf},
    source,
};
use crate::{report_time::utc, telemetry::say};

/// Incidents read at a time; each holds a name and a number.
const INCIDENTS_AT_ONCE: usize = 500;

/// Flags of `muster audit redecide`.
#[derive(Args)]
#[command(group(ArgGroup::new("which").required(true).args(["incident", "all"])))]
pub struct Arguments {
    /// The incident: "inc-…", or the control room's system/number, or system/number/date.
    incident: Option<String>,
    /// Every incident; only decisions that come out otherwise are listed.
    #[arg(long)]
    all: bool,
    /// Decide by the policy in this file (TOML, as one policy of a configuration), and say what it would have done.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Data directory of the service.
    #[arg(long, env = "MUSTER_DATA_DIR", default_value = "muster-data")]
    data_dir: PathBuf,
}

/// Decides again and prints what came out; fails when a decision cannot be shown to be what its own policy gives.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let other = arguments.policy.as_ref().map(read_policy).transpose()?;
    let reader = source::open(&arguments.data_dir)?;
    let mut audit = Audit::new(Shelf::read(&reader)?, other, !arguments.all);
    match &arguments.incident {
        Some(name) => audit.incident(&reader, source::find(&reader, name)?)?,
        None => audit.all(&reader)?,
    }
    for line in audit.summary() {
        say(&line);
    }
    audit.verdict()
}

fn read_policy(path: &PathBuf) -> anyhow::Result<Policy> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    muster_policies::parse(&text).with_context(|| format!("{} is no usable policy", path.display()))
}

/// How many more another policy would have sought, with as many places taken as there were.
fn sought_by(other: &Policy, own: &Policy, made: &Decision) -> u32 {
    let missing = made
        .sought
        .saturating_add(other.alert_count)
        .saturating_sub(own.alert_count);
    missing.min(other.alerts_max.saturating_sub(made.asked_before))
}

/// Decisions made again so far.
struct Audit {
    shelf: Shelf,
    /// Decide by this one instead of the recorded one.
    other: Option<Policy>,
    /// Say also what comes out the same.
    verbose: bool,
    same: u64,
    from_before: u64,
    /// Decisions that come out otherwise, by the number of their own policy.
    otherwise: BTreeMap<u32, u64>,
    /// Decisions whose own policy is not at hand.
    without: u64,
}

impl Audit {
    fn new(shelf: Shelf, other: Option<Policy>, verbose: bool) -> Self {
        Self {
            shelf,
            other,
            verbose,
            same: 0,
            from_before: 0,
            otherwise: BTreeMap::new(),
            without: 0,
        }
    }

    fn all(&mut self, reader: &SqliteReader) -> anyhow::Result<()> {
        let mut after = 0;
        loop {
            let page = reader.incidents_after(after, INCIDENTS_AT_ONCE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.first_sequence;
            for row in page {
                self.incident(reader, row.incident)?;
            }
        }
    }

    fn incident(&mut self, reader: &SqliteReader, incident: IncidentId) -> anyhow::Result<()> {
        for entry in reader.entries_of_incident(incident)? {
            if let Record::Decided(decision) = &entry.entry.record {
                self.decision(decision).iter().for_each(|line| say(line));
            }
        }
        Ok(())
    }

    /// Decides one decision again; what there is to say about it.
    fn decision(&mut self, made: &Decision) -> Vec<String> {
        let named = &made.policy;
        let head = |what: &str| {
            format!(
                "{} decision {} ({}, policy {} '{}' version {}): {what}",
                made.incident,
                made.wave,
                utc(made.decided_at),
                named.number,
                named.name,
                named.version
            )
        };
        let own = self.shelf.policy(named);
        let policy = match (&self.other, &own) {
            (_, Err(why @ NoPolicy::FromBefore)) => {
                self.from_before += 1;
                return self.verbose.then(|| head(&why.to_string())).into_iter().collect();
            }
            (Some(other), _) => other,
            (None, Ok(own)) => own,
            (None, Err(why)) => {
                self.without += 1;
                return vec![head(&why.to_string())];
            }
        };
        let sought = match (&self.other, own) {
            (Some(other), Ok(own)) => sought_by(other, own, made),
            _ => made.sought,
        };
        let open = Decision { sought, ..made.clone() };
        match redecide(policy, &open) {
            Redecided::Same => {
                self.same += 1;
                self.verbose.then(|| head("same bits")).into_iter().collect()
            }
            Redecided::Differs(found) => {
                *self.otherwise.entry(named.number).or_default() += 1;
                let mut lines = vec![head("otherwise")];
                lines.extend(differences::lines(&found));
                lines
            }
        }
    }

    /// How many came out how, and which rules differ.
    fn summary(&self) -> Vec<String> {
        let otherwise: u64 = self.otherwise.values().sum();
        let decided = self.same + otherwise;
        let mut lines = vec![format!(
            "{decided} decided again: {} same bits, {otherwise} otherwise",
            self.same
        )];
        if self.other.is_some() {
            lines.push(
                "those considered are those of the record: whoever was too far away or not eligible then still is, and \
                 earlier decisions stand"
                    .to_owned(),
            );
        }
        if self.from_before > 0 {
            lines.push(format!("{} {}", self.from_before, NoPolicy::FromBefore));
        }
        if self.without > 0 {
            lines.push(format!("{} could not be decided again", self.without));
        }
        for &number in self.otherwise.keys() {
            lines.extend(self.rules_apart(number));
        }
        lines
    }

    /// Which fields tell the policy of the record from the one decided by now.
    fn rules_apart(&self, number: u32) -> Vec<String> {
        let Some(written) = self.shelf.text(number) else {
            return Vec::new();
        };
        let here = match (&self.other, self.shelf.of_number(number)) {
            (Some(other), _) => other,
            (None, Ok(own)) => own,
            (None, Err(_)) => return Vec::new(),
        };
        let fields = fields::apart(written, &muster_policies::text(here));
        let here = if self.other.is_some() {
            "the given one"
        } else {
            "as it is read now"
        };
        if fields.is_empty() {
            return vec![format!(
                "policy {number} as recorded and {here}: no field differs, so either the record was changed or this version \
                 of Muster decides by the same figures in another way"
            )];
        }
        let mut lines = vec![format!("policy {number} as recorded (there) and {here} (here):")];
        lines.extend(fields.into_iter().map(|field| format!("    {field}")));
        lines
    }

    /// An error unless every decision is what its own policy gives; another policy may give what it will.
    fn verdict(&self) -> anyhow::Result<()> {
        if self.other.is_some() {
            return Ok(());
        }
        let otherwise: u64 = self.otherwise.values().sum();
        if otherwise + self.without > 0 {
            bail!(
                "{otherwise} decisions come out otherwise by the policy they were made by, {} could not be decided again",
                self.without
            );
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "redecide_tests.rs"]
mod tests;
