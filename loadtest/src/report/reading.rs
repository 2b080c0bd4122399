//! What the figures of a hop say and how far they can be trusted. Knows nothing of how they are shown.

use crate::result::{Hop, HopSecond};

/// The percentiles of every table.
pub const SHARES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
/// Shares are sums of parts; this much is rounding.
pub const ROUNDING: f64 = 1e-9;

/// The time at or below which this share (0 to 1) of the measurements lies; `None` without measurements.
pub fn at_share(hop: &Hop, share: f64) -> Option<f64> {
    if hop.count == 0 {
        return None;
    }
    let point = hop.percentiles.iter().find(|point| point.share >= share - ROUNDING);
    let ms = point.map_or(hop.max_ms, |point| point.ms);
    ms.is_finite().then_some(ms)
}

/// Whether a hop is the harness's own doing: how late it sent what was due.
pub fn is_of_harness(hop: &Hop) -> bool {
    hop.key.ends_with("_lateness")
}

/// Whether a hop counts from the moment an incident's report was due: the way of an alert.
pub fn is_from_report(hop: &Hop) -> bool {
    hop.key.starts_with("report_")
}

/// Whether there are enough measurements for at least one to lie above this share; else the percentile is the maximum.
pub fn is_supported(hop: &Hop, share: f64) -> bool {
    hop.count as f64 * (1.0 - share) >= 1.0 - ROUNDING
}

/// A service level about a percentile of a hop, understood from its words.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limit<'a> {
    /// The hop's key.
    pub hop: &'a str,
    /// The percentile; 1 is the maximum.
    pub share: f64,
    /// Milliseconds.
    pub ms: f64,
}

impl<'a> Limit<'a> {
    /// Understands `report_first_phone p99 <= 25 ms`; `None` for levels about something else.
    pub fn understand(wanted: &'a str) -> Option<Self> {
        let words: Vec<&str> = wanted.split_whitespace().collect();
        let [hop, percentile, "<=", ms, "ms"] = words[..] else {
            return None;
        };
        let share = match percentile {
            "max" => 1.0,
            _ => percentile.strip_prefix('p')?.parse::<f64>().ok()? / 100.0,
        };
        let ms = ms.parse().ok()?;
        (share > 0.0 && share <= 1.0).then_some(Self { hop, share, ms })
    }
}

/// How long the stretches of a plot must be, whole seconds, so that about `stretches_max` cover the run; `None` when there
/// are no more points than that to begin with.
pub fn joined_every_s(points: usize, length_s: f64, stretches_max: usize) -> Option<f64> {
    (points > stretches_max).then(|| (length_s / stretches_max as f64).ceil().max(1.0))
}

/// Whether two moments lie in the same stretch.
pub fn is_same_stretch(a_s: f64, b_s: f64, every_s: Option<f64>) -> bool {
    every_s.is_some_and(|every_s| (a_s / every_s).floor() == (b_s / every_s).floor())
}

/// Joins what lies in the same stretch: the highest p99 and maximum, the mean of p50 by count. Where nothing was measured,
/// there is nothing to join.
pub fn joined(over_time: &[HopSecond], every_s: Option<f64>) -> Vec<HopSecond> {
    let measured: Vec<HopSecond> = over_time.iter().filter(|second| is_measured(second)).copied().collect();
    let stretches = measured.chunk_by(|a, b| is_same_stretch(a.at_s, b.at_s, every_s));
    stretches.map(one_of).collect()
}

fn is_measured(second: &HopSecond) -> bool {
    let numbers = [second.at_s, second.p50_ms, second.p99_ms, second.max_ms];
    second.count > 0 && numbers.iter().all(|number| number.is_finite())
}

fn one_of(stretches: &[HopSecond]) -> HopSecond {
    let mut joined = stretches[0];
    let counts = stretches.iter().map(|stretch| stretch.count);
    let count = counts.fold(0, u64::saturating_add);
    let weighed: f64 = stretches
        .iter()
        .map(|stretch| stretch.p50_ms * stretch.count as f64)
        .sum();
    joined.count = count;
    joined.p50_ms = weighed / count as f64;
    for stretch in stretches {
        joined.p99_ms = joined.p99_ms.max(stretch.p99_ms);
        joined.max_ms = joined.max_ms.max(stretch.max_ms);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples::stairs;

    #[test]
    fn a_percentile_is_the_first_time_with_its_share() {
        let hop = stairs(1000);
        assert_eq!(
            SHARES.map(|share| at_share(&hop, share)),
            [500.0, 900.0, 990.0, 999.0].map(Some)
        );
        assert_eq!(at_share(&stairs(0), 0.5), None);
        assert!(is_supported(&hop, 0.999) && !is_supported(&hop, 0.9999));
    }

    #[test]
    fn limits_are_understood_from_their_words() {
        let limit = Limit::understand("report_first_phone p99.9 <= 25 ms").expect("a limit");
        assert_eq!((limit.hop, limit.ms), ("report_first_phone", 25.0));
        assert!((limit.share - 0.999).abs() < 1e-12);
        for other in [
            "alerts_lost <= 0",
            "hop p0 <= 1 ms",
            "hop p101 <= 1 ms",
            "hop mean <= 1 ms",
            "",
        ] {
            assert_eq!(Limit::understand(other), None, "{other}");
        }
    }

    #[test]
    fn joining_keeps_the_worst_and_all_counts() {
        let second = |at: u32| HopSecond {
            at_s: f64::from(at),
            count: u64::from(at % 2),
            p50_ms: 2.0,
            p99_ms: 5.0,
            max_ms: if at == 77 { 900.0 } else { 7.0 },
        };
        let seconds: Vec<HopSecond> = (0..100).map(second).collect();
        let every_s = joined_every_s(seconds.len(), 99.0, 10);
        assert_eq!(every_s, Some(10.0));
        let thin = joined(&seconds, every_s);
        assert_eq!(thin.len(), 10);
        assert_eq!(thin.iter().map(|stretch| stretch.count).sum::<u64>(), 50);
        assert!(thin.iter().any(|stretch| stretch.max_ms == 900.0));
        assert!(thin.iter().all(|stretch| stretch.p50_ms == 2.0));
        assert_eq!(joined_every_s(10, 99.0, 10), None);
        assert_eq!(joined(&seconds, None).len(), 50, "those with a measurement");
    }
}
