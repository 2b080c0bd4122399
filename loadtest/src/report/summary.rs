//! The table printed at the end of a run: verdict first, then hops and counts. Plain text for a terminal or a log.

use std::fmt::Write as _;

use crate::{
    report::{
        reading::{SHARES, at_share},
        words::{NOTHING, ms, percentile, stretch, whole},
    },
    result::{Count, Ended, Hop, Level, RunResult},
};

/// A result as a plain table, ending with a line break.
pub fn summary(run: &RunResult) -> String {
    let mut text = format!("{}: {}\n", run.scenario.name, lasted(run));
    let _ = writeln!(text, "{}", verdict(run));
    text += &levels(&run.levels);
    text += &hops(&run.hops);
    text += &counts(&run.counts);
    text
}

/// How long the run lasted, and whether that was all of it.
pub fn lasted(run: &RunResult) -> String {
    match run.ended {
        Ended::Completed => format!("ran for {}", stretch(run.lasted_s)),
        Ended::Interrupted => format!(
            "ENDED EARLY by Ctrl-C after {} of {}",
            stretch(run.lasted_s),
            stretch(run.scenario.duration_s)
        ),
    }
}

/// The verdict in one line. A run that ended early has shown nothing about the part that is missing.
pub fn verdict(run: &RunResult) -> String {
    match run.ended {
        Ended::Completed => verdict_on(&run.levels),
        Ended::Interrupted => format!("ended early, not judged; until then {}", verdict_on(&run.levels)),
    }
}

fn verdict_on(levels: &[Level]) -> String {
    let missed = levels.iter().filter(|level| !level.met).count();
    match (missed, levels.len()) {
        (_, 0) => "no service levels asked for".to_owned(),
        (0, 1) => "the service level was met".to_owned(),
        (0, all) => format!("all {all} service levels met"),
        (missed, all) => format!("{missed} of {all} service levels MISSED"),
    }
}

fn levels(levels: &[Level]) -> String {
    let mut text = String::new();
    let width = levels
        .iter()
        .map(|level| level.wanted.chars().count())
        .max()
        .unwrap_or(0);
    for level in levels {
        let met = if level.met { "met   " } else { "MISSED" };
        let _ = writeln!(text, "  {met}  {:<width$}  found {}", level.wanted, level.found);
    }
    text
}

fn hops(hops: &[Hop]) -> String {
    if hops.is_empty() {
        return String::new();
    }
    let width = hops
        .iter()
        .map(|hop| hop.title.chars().count())
        .max()
        .unwrap_or(0)
        .max(16);
    let mut text = format!("\n{:<width$} {:>10}", "milliseconds", "count");
    for share in SHARES {
        let _ = write!(text, " {:>9}", percentile(share));
    }
    let _ = writeln!(text, " {:>9}", "max");
    for hop in hops {
        let _ = write!(text, "{:<width$} {:>10}", hop.title, whole(hop.count));
        for share in SHARES {
            let _ = write!(text, " {:>9}", at_share(hop, share).map_or(NOTHING.to_owned(), ms));
        }
        let max = if hop.count == 0 {
            NOTHING.to_owned()
        } else {
            ms(hop.max_ms)
        };
        let _ = writeln!(text, " {max:>9}");
    }
    text
}

fn counts(counts: &[Count]) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let width = counts
        .iter()
        .map(|count| count.title.chars().count())
        .max()
        .unwrap_or(0)
        .max(16);
    let mut text = "\n".to_owned();
    for count in counts {
        let mark = if count.is_trouble && count.value > 0 {
            "  TROUBLE"
        } else {
            ""
        };
        let _ = writeln!(text, "{:<width$} {:>10}{mark}", count.title, whole(count.value));
    }
    text
}
