//! `muster import`: reads a file and registers what it holds through gRPC, a thousand rows at a time; of a map, it makes a
//! file for the next start.

pub mod aeds;
pub mod responders;
pub mod roads;

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use muster_proto::v1::ImportOutcome;
use prost::Message;

use crate::{
    control_room::ControlRoom,
    endpoints::{self, Endpoints},
    telemetry::say,
};

/// Rows in one request, as the service accepts at most.
const BATCH: usize = 1_000;
/// Bytes of rows in one request; the service accepts 256 KiB in all.
const BATCH_BYTES: usize = 200 * 1024;

/// Flags that say into which service, and as whom.
#[derive(Args)]
struct Door {
    /// Data directory of the running service, for its endpoints.
    #[arg(long, env = "MUSTER_DATA_DIR", default_value = "muster-data")]
    data_dir: PathBuf,
    /// The control room's certificate, PEM; the service's development one if left out.
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,
    /// The key of the certificate, PEM.
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
}

impl Door {
    fn endpoints(&self) -> anyhow::Result<Endpoints> {
        let mut endpoints = Endpoints::read(&self.data_dir)?;
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            endpoints.control_room = Some(endpoints::ControlRoom {
                tenant: String::new(),
                certificate: certificate.clone(),
                key: key.clone(),
            });
        }
        Ok(endpoints)
    }
}

/// Things with the line they stand in.
type Numbered<T> = Vec<(u64, T)>;

/// What became of rows.
type Counts = BTreeMap<ImportOutcome, usize>;

/// Connects and does the work, on this thread.
fn through<T>(door: &Door, work: impl AsyncFnOnce(ControlRoom) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let endpoints = door.endpoints()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { work(ControlRoom::connect(&endpoints).await?).await })
}

fn tell(counts: &Counts, refused: usize) {
    let count = |outcome: ImportOutcome| counts.get(&outcome).copied().unwrap_or(0);
    say(&format!(
        "{} created, {} updated, {} unchanged, {refused} refused",
        count(ImportOutcome::Created),
        count(ImportOutcome::Updated),
        count(ImportOutcome::Unchanged),
    ));
}

/// The rows in requests that the service accepts.
fn batches<T: Message>(mut rows: &[(u64, T)]) -> Vec<&[(u64, T)]> {
    let mut batches = Vec::new();
    while !rows.is_empty() {
        let mut bytes = 0;
        let fits = rows.iter().take(BATCH).take_while(|(_, row)| {
            bytes += row.encoded_len();
            bytes <= BATCH_BYTES
        });
        // A row too large for any request goes alone, and the service says what is wrong with it.
        let (batch, rest) = rows.split_at(fits.count().max(1));
        batches.push(batch);
        rows = rest;
    }
    batches
}

#[cfg(test)]
mod tests {
    use muster_proto::v1::ResponderProfile;

    use super::*;

    #[test]
    fn batches_are_bounded_by_rows_and_by_bytes() {
        let named = |length: usize| ResponderProfile {
            name: "x".repeat(length),
            ..ResponderProfile::default()
        };
        let rows: Vec<_> = (0..1_500).map(|line| (line, named(1))).collect();
        assert_eq!(
            batches(&rows).iter().map(|batch| batch.len()).collect::<Vec<_>>(),
            [1_000, 500]
        );
        let rows: Vec<_> = [10, BATCH_BYTES + 1, 150_000, 150_000]
            .map(|length| (0, named(length)))
            .into();
        assert_eq!(
            batches(&rows).iter().map(|batch| batch.len()).collect::<Vec<_>>(),
            [1, 1, 1, 1]
        );
    }
}
