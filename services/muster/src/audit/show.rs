//! `muster audit show`: one incident's records in words; with `--why`, what each decision knew and why it fell so.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use dispatch_core::record::{IncidentReported, Record};
use muster_engine::ports::IncidentEntry;

use super::{shelf::Shelf, source, story, why};
use crate::{report_time::utc, telemetry::say};

/// Flags of `muster audit show`.
#[derive(Args)]
pub struct Arguments {
    /// The incident: "inc-…", or the control room's system/number, or system/number/date.
    incident: String,
    /// Explain each decision in plain words: what was known, who was asked and what that was worth, and why the others
    /// were not.
    #[arg(long)]
    why: bool,
    /// Data directory of the service.
    #[arg(long, env = "MUSTER_DATA_DIR", default_value = "muster-data")]
    data_dir: PathBuf,
}

/// Prints the record of one incident.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let reader = source::open(&arguments.data_dir)?;
    let incident = source::find(&reader, &arguments.incident)?;
    let entries = reader.entries_of_incident(incident)?;
    let Some(first) = entries.first() else {
        bail!("there is no incident {incident}");
    };
    let key = &first.key;
    say(&format!("incident   {incident}"));
    say(&format!(
        "key        {} {}/{} of {}",
        key.tenant, key.cad_system, key.cad_incident_number, key.call_date
    ));
    say(&format!("first seen {}", utc(first.entry.at)));
    say("");
    let lines = if arguments.why {
        explained(&entries, &Shelf::read(&reader)?)
    } else {
        entries.iter().flat_map(|entry| story::lines(&entry.entry)).collect()
    };
    lines.iter().for_each(|line| say(line));
    Ok(())
}

/// Each decision explained, then the story without the lists of those considered.
fn explained(entries: &[IncidentEntry], shelf: &Shelf) -> Vec<String> {
    let mut lines = Vec::new();
    let mut report: Option<&IncidentReported> = None;
    for entry in entries {
        match &entry.entry.record {
            Record::IncidentReported(newer) => report = Some(newer),
            Record::Decided(decision) => {
                lines.extend(why::explain(decision, shelf.policy(&decision.policy), report));
                lines.push(String::new());
            }
            _ => {}
        }
    }
    lines.push("What happened".to_owned());
    lines.extend(entries.iter().map(|entry| story::line(&entry.entry)));
    lines
}
