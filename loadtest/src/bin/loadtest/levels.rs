//! Service levels: what a scenario asks for against what was found.

use muster_loadtest::result::Level;

use crate::{
    counts::{Counts, Key as Count},
    hops::{Hops, Key as Hop},
    scenario::LevelSection,
};

/// What is said of something that was not measured. It was not met.
const NOT_MEASURED: &str = "not measured";

/// Judges every level.
pub fn judge(levels: &[LevelSection], hops: &Hops, counts: &Counts) -> Vec<Level> {
    levels.iter().flat_map(|level| judge_one(level, hops, counts)).collect()
}

fn judge_one(level: &LevelSection, hops: &Hops, counts: &Counts) -> Vec<Level> {
    let mut judged = Vec::new();
    if let Some(name) = &level.hop {
        let key = Hop::ALL.into_iter().find(|key| key.name() == name);
        for (share, label, most) in [
            (0.5, "p50", level.p50_ms),
            (0.9, "p90", level.p90_ms),
            (0.99, "p99", level.p99_ms),
            (0.999, "p99.9", level.p999_ms),
            (1.0, "max", level.max_ms),
        ] {
            let Some(most) = most else { continue };
            let found = key.and_then(|key| hops.at_share_ms(key, share));
            judged.push(Level {
                wanted: format!("{name} {label} <= {most} ms"),
                found: found.map_or(NOT_MEASURED.to_owned(), |ms| format!("{ms:.2} ms")),
                met: found.is_some_and(|ms| ms <= most),
            });
        }
    }
    if let Some(name) = &level.count {
        let key = Count::ALL.into_iter().find(|key| key.name() == name);
        let found = key.and_then(|key| counts.known(key));
        let mut add = |sign: &str, bound: u64, met: bool| {
            judged.push(Level {
                wanted: format!("{name} {sign} {bound}"),
                found: found.map_or(NOT_MEASURED.to_owned(), |count| count.to_string()),
                met,
            });
        };
        if let Some(least) = level.min {
            add(">=", least, found.is_some_and(|count| count >= least));
        }
        if let Some(most) = level.max {
            add("<=", most, found.is_some_and(|count| count <= most));
        }
    }
    judged
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_level_is_met_missed_or_not_measured_and_the_last_is_a_miss() {
        let begin = Instant::now();
        let mut hops = Hops::new(begin, Duration::from_secs(1));
        hops.add(Hop::ReportAcknowledged, begin, begin + Duration::from_millis(20));
        let mut counts = Counts::default();
        counts.set(Count::AlertsLost, 1);
        let section = |text: &str| toml::from_str::<LevelSection>(text).expect("a level");
        let levels = [
            section("hop = 'report_acknowledged'\np50_ms = 25\nmax_ms = 10"),
            section("hop = 'report_last_phone'\np99_ms = 25"),
            section("count = 'alerts_lost'\nmax = 0\nmin = 1"),
            section("count = 'positions_lost'\nmax = 0"),
        ];
        let judged = judge(&levels, &hops, &counts);
        let met: Vec<bool> = judged.iter().map(|level| level.met).collect();
        assert_eq!(met, [true, false, false, true, false, false]);
        assert_eq!(judged[0].wanted, "report_acknowledged p50 <= 25 ms");
        assert_eq!(
            (judged[2].found.as_str(), judged[5].found.as_str()),
            (NOT_MEASURED, NOT_MEASURED)
        );
    }
}
