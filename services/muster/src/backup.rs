//! `muster backup` and `muster restore`: copies of the store, one line about each.

use std::path::PathBuf;

use clap::Args;
use dispatch_core::time::Timestamp;
use muster_store::Copied;

use crate::{report_time::utc, service::JOURNAL_FILE, telemetry::say};

/// Flags of `muster backup`.
#[derive(Args)]
pub struct BackupArguments {
    /// Data directory of the service.
    #[arg(long, env = "MUSTER_DATA_DIR", default_value = "muster-data")]
    data_dir: PathBuf,
    /// The file to write; a second one, ending in .head, is written beside it and belongs to it.
    #[arg(long)]
    to: PathBuf,
}

/// Flags of `muster restore`.
#[derive(Args)]
pub struct RestoreArguments {
    /// The backup; its .head file must stand beside it.
    #[arg(long)]
    from: PathBuf,
    /// Data directory to restore into; made if there is none.
    #[arg(long, env = "MUSTER_DATA_DIR", default_value = "muster-data")]
    data_dir: PathBuf,
}

/// Takes a backup and verifies it.
pub fn take(arguments: &BackupArguments) -> anyhow::Result<()> {
    let copied = muster_store::backup(&arguments.data_dir.join(JOURNAL_FILE), &arguments.to)?;
    say(&format!("backed up {} to {}", summary(copied), arguments.to.display()));
    Ok(())
}

/// Puts a backup back.
pub fn put_back(arguments: &RestoreArguments) -> anyhow::Result<()> {
    crate::service::make_private(&arguments.data_dir)?;
    let copied = muster_store::restore(&arguments.from, &arguments.data_dir.join(JOURNAL_FILE))?;
    say(&format!(
        "restored {} into {}",
        summary(copied),
        arguments.data_dir.display()
    ));
    Ok(())
}

fn summary(copied: Copied) -> String {
    let Copied {
        records,
        last,
        last_at_ms,
    } = copied;
    let at = last_at_ms.map_or_else(String::new, |ms| format!(" of {}", utc(Timestamp::from_unix_ms(ms))));
    format!("{records} records up to number {last}{at}, verified,")
}
