//! Whether it stayed flat: of what is kept, the last quarter of the run against the one before; of times, the last
//! quarter against the second, because times differ by chance from minute to minute and half a year shows a trend best.

use std::time::Duration;

use crate::{
    arguments::{PARTS, PARTS_WITH_RESTART, Scale},
    measure::Reading,
    run::Outcome,
    table::say,
};

/// How much more the last quarter may take on the disk.
const DISK_GROWTH_MAX: f64 = 1.10;
/// How much more memory it may take; some is the luck of the allocator.
const MEMORY_GROWTH_MAX: f64 = 1.05;
/// How many more things the core may hold: it holds what is open and what happened within days, which varies.
const HELD_GROWTH_MAX: f64 = 1.10;
/// How much slower it may be, by processor time, which neighbours on the same machine disturb least.
const SLOWER_MAX: f64 = 1.2;
/// The same by the clock, which they do disturb.
const SLOWER_BY_THE_CLOCK_MAX: f64 = 1.5;
/// Answers and what is left of forgotten incidents are kept this long, whatever the retention.
const KEPT_IN_MEMORY: Duration = Duration::from_secs(7 * 86_400);
/// Numbers of things smaller than this differ by chance alone.
const HELD_BY_CHANCE: f64 = 50.0;
/// A snapshot on its way has files open. Of one descriptor lost in each part, three would be seen.
const DESCRIPTORS_BY_CHANCE: f64 = 1.0;
/// A restart this much longer than an earlier one is no trend.
const RESTART_BY_CHANCE: Duration = Duration::from_millis(100);
/// The kernel measures in pages and the allocator in arenas.
const MEMORY_BY_CHANCE: f64 = 2.0 * 1024.0 * 1024.0;

const QUARTER: usize = (PARTS / 4) as usize;

/// One thing that should have stayed as it was.
#[derive(Debug, PartialEq)]
struct Finding {
    what: &'static str,
    flat: bool,
    says: String,
}

/// Says what was found; returns whether all of it is well.
pub fn announce(scale: &Scale, outcome: &Outcome) -> bool {
    let findings = judge(scale, outcome);
    for finding in &findings {
        let word = if finding.flat { "flat" } else { "FAIL" };
        say(&format!("{word}  {:<22} {}", finding.what, finding.says));
    }
    let failed = findings.iter().filter(|finding| !finding.flat).count();
    say(&match failed {
        0 => "soak: everything stayed flat".to_owned(),
        _ => format!("soak: {failed} of {} did not stay flat", findings.len()),
    });
    failed == 0
}

fn judge(scale: &Scale, outcome: &Outcome) -> Vec<Finding> {
    let readings = &outcome.readings;
    let quarters = Quarters::of(readings);
    let held = |what, number: fn(&Reading) -> usize| {
        quarters.compare(what, HELD_GROWTH_MAX, HELD_BY_CHANCE, |reading| number(reading) as f64)
    };
    let mut findings = vec![
        past_retention(scale),
        quarters.compare("disk, bytes", DISK_GROWTH_MAX, 0.0, |reading| {
            reading.disk.total() as f64
        }),
        quarters.compare("memory, bytes", MEMORY_GROWTH_MAX, MEMORY_BY_CHANCE, |reading| {
            reading.memory as f64
        }),
        quarters.compare("descriptors", 1.0, DESCRIPTORS_BY_CHANCE, |reading| {
            reading.descriptors as f64
        }),
        held("incidents held", |reading| reading.core.incidents),
        held("alerts held", |reading| reading.core.alerts),
        held("tombstones held", |reading| reading.core.tombstones),
        held("live responders", |reading| reading.core.live_responders),
        held("answers held", |reading| reading.core.answers),
        held("addresses held", |reading| reading.addresses),
        held("clocks held", |reading| reading.core.cad_clocks),
        recovered(readings),
        none("wrong answers", outcome.wrong_answers),
        none("false alarms", outcome.alarms),
    ];
    if scale.times_tell {
        findings.extend([
            quarters.compare_times("processor time, us", SLOWER_MAX, |reading| reading.processor),
            quarters.compare_times("request p50, us", SLOWER_BY_THE_CLOCK_MAX, |reading| {
                reading.request.p50
            }),
            quarters.compare_times("commit p50, us", SLOWER_BY_THE_CLOCK_MAX, |reading| reading.commit.p50),
            restarts(readings),
        ]);
    }
    findings
}

/// The quarters that are held against each other.
struct Quarters<'a> {
    second: &'a [Reading],
    before: &'a [Reading],
    last: &'a [Reading],
}

impl<'a> Quarters<'a> {
    fn of(readings: &'a [Reading]) -> Self {
        let (rest, last) = readings.split_at(readings.len() - QUARTER);
        Self {
            second: &readings[QUARTER..2 * QUARTER],
            before: &rest[rest.len() - QUARTER..],
            last,
        }
    }

    /// The last quarter may have `factor` as much as the one before, or `chance` more.
    fn compare(&self, what: &'static str, factor: f64, chance: f64, number: impl Fn(&Reading) -> f64) -> Finding {
        let mean = |readings: &[Reading]| readings.iter().map(&number).sum::<f64>() / readings.len() as f64;
        let (before, last) = (mean(self.before), mean(self.last));
        let percent = if before > 0.0 {
            (last / before - 1.0) * 100.0
        } else {
            0.0
        };
        Finding {
            what,
            flat: last <= (before * factor).max(before + chance),
            says: format!("{before:.0}, then {last:.0} ({percent:+.1} %)"),
        }
    }

    /// The last quarter may be `factor` times as slow as the second; by medians, so that one bad minute does not count.
    fn compare_times(&self, what: &'static str, factor: f64, time: impl Fn(&Reading) -> Duration) -> Finding {
        let median = |readings: &[Reading]| {
            let mut times: Vec<Duration> = readings.iter().map(&time).collect();
            times.sort();
            us(times[times.len() / 2])
        };
        let (second, last) = (median(self.second), median(self.last));
        let percent = if second > 0.0 {
            (last / second - 1.0) * 100.0
        } else {
            0.0
        };
        Finding {
            what,
            flat: last <= second * factor,
            says: format!("{second:.0}, then {last:.0} ({percent:+.1} %)"),
        }
    }
}

/// Things are compared only where old records have begun to go.
fn past_retention(scale: &Scale) -> Finding {
    let compared_from = scale.part_ends_after(QUARTER as u64 - 1);
    let kept = scale.retention.max(KEPT_IN_MEMORY);
    let days = |span: Duration| span.as_secs() / 86_400;
    Finding {
        what: "past retention",
        flat: compared_from >= kept,
        says: format!("compared from day {}, kept {} days", days(compared_from), days(kept)),
    }
}

/// The last restart against the slowest of the second quarter.
fn restarts(readings: &[Reading]) -> Finding {
    let took = |readings: &[Reading]| {
        let restarts = readings.iter().filter_map(|reading| reading.restart);
        restarts.map(|restart| restart.took).max().unwrap_or_default()
    };
    let with_restart = PARTS_WITH_RESTART as usize;
    let (before, last) = (
        took(&readings[with_restart - QUARTER..with_restart]),
        took(&readings[PARTS as usize - 1..]),
    );
    Finding {
        what: "restart",
        flat: last <= before.mul_f64(SLOWER_BY_THE_CLOCK_MAX).max(before + RESTART_BY_CHANCE),
        says: format!(
            "{:.0} ms, then {:.0} ms",
            before.as_secs_f64() * 1e3,
            last.as_secs_f64() * 1e3
        ),
    }
}

/// A restart finds what was there before it.
fn recovered(readings: &[Reading]) -> Finding {
    let differing = readings
        .iter()
        .filter_map(|reading| Some((reading.core, reading.restart?.core)));
    let differing: Vec<_> = differing.filter(|(before, after)| before != after).collect();
    Finding {
        what: "recovered",
        flat: differing.is_empty(),
        says: match differing.first() {
            None => "each restart held what was held before it".to_owned(),
            Some((before, after)) => format!("{} differ; before {before:?}, after {after:?}", differing.len()),
        },
    }
}

fn none(what: &'static str, number: u64) -> Finding {
    Finding {
        what,
        flat: number == 0,
        says: number.to_string(),
    }
}

fn us(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Disk, Restart};

    const SCALE: Scale = Scale {
        incidents: 12_000,
        days: 360,
        retention: Duration::from_secs(30 * 86_400),
        responders: 100,
        seed: 1,
        times_tell: true,
    };

    /// A year in which nothing grows, but for what `change` does to a part.
    fn failing(change: impl Fn(usize, &mut Reading)) -> Vec<&'static str> {
        failing_at(&SCALE, change)
    }

    fn failing_at(scale: &Scale, change: impl Fn(usize, &mut Reading)) -> Vec<&'static str> {
        let part = |number| {
            let mut reading = Reading {
                memory: 100 << 20,
                descriptors: 20,
                disk: Disk {
                    journal: 1 << 30,
                    ..Disk::default()
                },
                processor: Duration::from_micros(1_000),
                ..Reading::default()
            };
            reading.request.p50 = Duration::from_micros(100);
            reading.commit.p50 = Duration::from_millis(4);
            reading.restart = Some(Restart {
                took: Duration::from_secs(1),
                core: reading.core,
            });
            change(number, &mut reading);
            reading
        };
        let outcome = Outcome {
            readings: (0..PARTS as usize).map(part).collect(),
            wrong_answers: 0,
            alarms: 0,
        };
        let findings = judge(scale, &outcome);
        findings
            .iter()
            .filter(|finding| !finding.flat)
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn what_stays_is_flat() {
        assert_eq!(failing(|_, _| ()), [""; 0]);
        // What was used up while the journal filled is no growth.
        assert_eq!(
            failing(|part, reading| reading.disk.log = (part.min(3) as u64) << 30),
            [""; 0]
        );
    }

    #[test]
    fn what_grows_is_found() {
        assert_eq!(
            failing(|part, reading| reading.disk.side = (part as u64) << 28),
            ["disk, bytes"]
        );
        assert_eq!(
            failing(|part, reading| reading.memory += (part as u64) << 22),
            ["memory, bytes"]
        );
        assert_eq!(
            failing(|part, reading| reading.descriptors += part as u64),
            ["descriptors"]
        );
        assert_eq!(
            failing(|part, reading| reading.addresses = part * 100),
            ["addresses held"]
        );
        assert_eq!(
            failing(|part, reading| reading.processor *= part as u32 + 10),
            ["processor time, us"]
        );
        let slower = |part: usize, reading: &mut Reading| {
            reading
                .restart
                .iter_mut()
                .for_each(|restart| restart.took *= part as u32 + 1);
        };
        assert_eq!(failing(slower), ["restart"]);
    }

    #[test]
    fn a_short_run_does_not_judge_times() {
        let scale = Scale {
            times_tell: false,
            ..SCALE
        };
        let slower = |part: usize, reading: &mut Reading| reading.processor *= part as u32 + 10;
        assert_eq!(failing_at(&scale, slower), [""; 0]);
    }

    #[test]
    fn a_restart_that_forgets_is_found() {
        let forgets = |_, reading: &mut Reading| reading.core.answers = 1;
        assert_eq!(failing(forgets), ["recovered"]);
    }

    #[test]
    fn a_year_that_is_all_kept_proves_nothing() {
        let scale = Scale {
            retention: Duration::from_secs(91 * 86_400),
            ..SCALE
        };
        assert!(past_retention(&SCALE).flat);
        assert!(!past_retention(&scale).flat);
    }
}
