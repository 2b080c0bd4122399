//! What is measured: of this process, of the disk, of the core's memory of things.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use anyhow::Context as _;
use dispatch_core::state::Sizes;
use hdrhistogram::Histogram;

/// The kernel tells processor time in hundredths of a second, on every Linux.
const TICK: Duration = Duration::from_millis(10);
/// The store's reserve for bad days: of one size always, so that it would only hide growth.
const RESERVE: &str = "reserve";
const BLOCK: u64 = 512;
/// Nothing here takes longer than ten minutes; what does counts as that.
const LONGEST_NS: u64 = 600_000_000_000;

/// One part of the run.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Incidents reported in this part.
    pub incidents: u64,
    /// Sequence of the newest record.
    pub sequence: u64,
    /// Real time the part took.
    pub took: Duration,
    /// Processor time of the whole process for one incident.
    pub processor: Duration,
    /// How long the owner takes over a request of a control room.
    pub request: Spread,
    /// From handing over a commit to having it on the disk, with nothing before it.
    pub commit: Spread,
    /// Bytes of memory resident.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Bytes on the disk.
    pub disk: Disk,
    /// What the core holds.
    pub core: Sizes,
    /// Addresses in the register in memory.
    pub addresses: usize,
    /// The restart at its end, if it had one.
    pub restart: Option<Restart>,
}

/// A restart.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// From opening the store to being ready.
    pub took: Duration,
    /// What the core holds when everything is replayed, before it begins to act.
    pub core: Sizes,
}

/// Median and tail.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread {
    /// Half are below.
    pub p50: Duration,
    /// Ninety-nine in a hundred are below.
    pub p99: Duration,
}

/// Where the bytes are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk {
    /// The store's main file.
    pub journal: u64,
    /// Its write-ahead log and the index of that.
    pub log: u64,
    /// Everything else but the reserve.
    pub side: u64,
}

impl Disk {
    /// All of it.
    pub fn total(self) -> u64 {
        self.journal + self.log + self.side
    }
}

/// Latencies of one part.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_max(LONGEST_NS, 3)?))
    }

    /// One more.
    pub fn add(&mut self, took: Duration) {
        self.0
            .saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What they come to; begins anew.
    pub fn take(&mut self) -> Spread {
        let at = |quantile| Duration::from_nanos(self.0.value_at_quantile(quantile));
        let spread = Spread {
            p50: at(0.5),
            p99: at(0.99),
        };
        self.0.reset();
        spread
    }
}

/// Bytes of memory resident in this process.
pub fn memory() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("reading memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// Descriptors this process has open, without the one for counting them.
pub fn descriptors() -> anyhow::Result<u64> {
    Ok(fs::read_dir("/proc/self/fd").context("counting descriptors")?.count() as u64 - 1)
}

/// Processor time of this process with all its threads, those that ended too.
pub fn processor() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").context("reading processor time")?;
    // The name in parentheses may hold blanks; user and system time are the 12th and 13th field behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let mut times = fields.skip(11).map(str::parse::<u32>);
    let mut next = || times.next().context("too few fields in /proc/self/stat");
    Ok(TICK * (next()?? + next()??))
}

/// Bytes that a data directory takes on the disk.
pub fn disk(dir: &Path) -> anyhow::Result<Disk> {
    let mut disk = Disk::default();
    for entry in fs::read_dir(dir).context("listing the data directory")? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // A file may be replaced while we look.
        let bytes = entry.metadata().map_or(0, |metadata| metadata.blocks() * BLOCK);
        match &*name {
            name if name.contains(RESERVE) => {}
            name if name.ends_with(".sqlite") => disk.journal += bytes,
            name if name.ends_with("-wal") || name.ends_with("-shm") => disk.log += bytes,
            _ => disk.side += bytes,
        }
    }
    Ok(disk)
}
