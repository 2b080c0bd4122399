//! What may be asked of a soak.

use std::{fmt, path::PathBuf, time::Duration};

use anyhow::ensure;
use clap::Parser;

/// Parts into which a run is cut; each is measured.
pub const PARTS: u64 = 12;
/// Restarts happen at the end of this many parts, and at the very end. Between them lies one long life, in which a leak
/// that a restart would heal has time to show.
pub const PARTS_WITH_RESTART: u64 = PARTS / 2;
/// The second quarter is the first that is compared, and by then old records must go.
const RETENTION_SHARE_MAX: u64 = 4;
/// Fewer people than this would all be busy all the time.
const RESPONDERS_MIN: u32 = 50;

const DAY: Duration = Duration::from_secs(86_400);

/// Runs a year of calls through the real owner and the real store, on virtual time.
#[derive(Parser, Debug)]
pub struct Arguments {
    /// How many incidents.
    #[arg(long, default_value_t = 1_000_000)]
    incidents: u64,
    /// Over how many days.
    #[arg(long, default_value_t = 365)]
    days: u64,
    /// How many days the journal is kept.
    #[arg(long, default_value_t = 30)]
    retention_days: u64,
    /// How many people are registered.
    #[arg(long, default_value_t = 2_000)]
    responders: u32,
    /// The same seed gives the same year.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the store is; kept afterwards. It must be empty or not there yet. A temporary directory otherwise.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// 5,000 incidents in 60 days with 400 people, kept for 7 days: for a build server. Times are shown, not judged: they
    /// would tell of the server's other work.
    #[arg(long, conflicts_with_all = ["incidents", "days", "retention_days", "responders"])]
    short: bool,
}

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Incidents in all.
    pub incidents: u64,
    /// Virtual days.
    pub days: u64,
    /// How long the journal is kept.
    pub retention: Duration,
    /// People registered.
    pub responders: u32,
    /// Makes the year.
    pub seed: u64,
    /// Whether it lasts long enough for times to tell a trend from what else the machine does.
    pub times_tell: bool,
}

impl Arguments {
    /// The scale, if it makes sense.
    pub fn scale(&self) -> anyhow::Result<Scale> {
        let (incidents, days, retention_days, responders) = match self.short {
            true => (5_000, 60, 7, 400),
            false => (self.incidents, self.days, self.retention_days, self.responders),
        };
        ensure!(days >= PARTS, "--days is {days}; accepted: {PARTS} or more");
        ensure!(
            incidents >= days,
            "--incidents is {incidents}; accepted: one a day or more"
        );
        ensure!(
            (1..=days / RETENTION_SHARE_MAX).contains(&retention_days),
            "--retention-days is {retention_days}; accepted: 1 to a quarter of --days, to leave room for a plateau"
        );
        ensure!(
            responders >= RESPONDERS_MIN,
            "--responders is {responders}; accepted: {RESPONDERS_MIN} or more"
        );
        let days_kept = u32::try_from(retention_days)?;
        Ok(Scale {
            incidents,
            days,
            retention: DAY * days_kept,
            responders,
            seed: self.seed,
            times_tell: !self.short,
        })
    }
}

impl Scale {
    /// When a part ends, counted from the start; whole days, so that each ends at the same hour.
    pub fn part_ends_after(&self, part: u64) -> Duration {
        let days = (part + 1) * self.days / PARTS;
        Duration::from_secs(days * DAY.as_secs())
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            incidents,
            days,
            responders,
            seed,
            ..
        } = self;
        let kept = self.retention.as_secs() / DAY.as_secs();
        write!(
            f,
            "soak: {incidents} incidents in {days} days, {responders} responders, journal kept {kept} days, seed {seed}"
        )
    }
}
