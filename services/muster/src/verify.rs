//! `muster audit verify`: says whether the store is as it was written, and if not, what is damaged and whom it concerns.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use dispatch_core::time::Timestamp;
use muster_store::Report;

use crate::{report_time::utc, service::JOURNAL_FILE, telemetry::say};

/// Flags of `muster audit verify`.
#[derive(Args)]
pub struct Arguments {
    /// Data directory of the service.
    #[arg(long, env = "MUSTER_DATA_DIR", default_value = "muster-data")]
    data_dir: PathBuf,
    /// Take the journal as it stands for complete, when its side file is lost or knows of records that are gone and there
    /// is no backup that has them. Only while the service is stopped; whatever is missing stays missing.
    #[arg(long)]
    accept_head: bool,
}

/// Prints what was found; fails if anything is damaged.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = arguments.data_dir.join(JOURNAL_FILE);
    if arguments.accept_head {
        let (now, before) = muster_store::accept_head(&path)?;
        let before = before.map_or_else(|| "unknown".to_owned(), |before| before.to_string());
        say(&format!(
            "accepted record {now} as the last; the side file said {before}"
        ));
    }
    let report = muster_store::verify(&path).with_context(|| format!("opening {}", path.display()))?;
    for line in lines(&report) {
        say(&line);
    }
    if !report.is_intact() {
        bail!("the store {} is damaged", path.display());
    }
    Ok(())
}

fn lines(report: &Report) -> Vec<String> {
    let at = report
        .last_at_ms
        .map_or_else(|| "never".to_owned(), |ms| utc(Timestamp::from_unix_ms(ms)));
    let acknowledged = report
        .acknowledged
        .map_or_else(|| "unknown".to_owned(), |sequence| sequence.to_string());
    let mut lines = vec![format!(
        "records {} to {}, the last written {at}; acknowledged up to {acknowledged}; {} rows in the register",
        report.first, report.last, report.register_rows
    )];
    if report.spoilt_mark {
        lines.push(format!(
            "note: one of the two marks of how far the journal was acknowledged cannot be read, as after a write that was \
             cut short; the other says {acknowledged}"
        ));
    }
    lines.extend(report.damage.as_ref().map(|damage| format!("damage: {damage}")));
    if report.affected.records_count > 0 {
        lines.push(format!("affected: {} records", report.affected.records_count));
        lines.extend(
            report
                .affected
                .records
                .iter()
                .map(|record| format!("  record {record}")),
        );
    }
    let incidents = report.affected.incidents.iter();
    lines.extend(incidents.map(|(incident, tenant)| format!("  incident {incident} of {tenant}")));
    lines.extend(report.findings.iter().map(|finding| format!("damage: {finding}")));
    if report.is_intact() {
        lines.push("intact".to_owned());
    }
    lines
}
