//! Whether two runs differ by more than chance: the rule behind the marks of a comparison.
//!
//! It looks at one run each and takes measurements as independent. It knows nothing of what differs from run to run on the
//! same machine, hence the least differences, and hence the advice to repeat.

use crate::{
    report::reading::{ROUNDING, at_share, is_supported},
    result::Hop,
};

/// Half the width, in standard deviations, of the range that holds a percentile 95 times out of 100.
const DEVIATIONS: f64 = 1.96;
/// Differences up to this share are never marked: two runs of the same thing on the same machine differ by as much.
const DIFFERENCE_MIN: f64 = 0.05;
/// Nor are differences up to this, milliseconds: that is a wake-up of the harness's own threads.
const DIFFERENCE_MIN_MS: f64 = 0.1;

/// Whether the second run is worse than the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Worse.
    Worse,
    /// Better.
    Better,
    /// No difference that chance or the machine would not explain.
    Same,
    /// Too few measurements to tell.
    TooFew,
}

impl Mark {
    /// As a comparison says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worse => "WORSE",
            Self::Better => "better",
            Self::Same => "same",
            Self::TooFew => "too few",
        }
    }
}

/// The rule, for who reads the marks.
pub fn rule() -> String {
    format!(
        "WORSE and better: the ranges in which the percentile would lie in 95 of 100 runs, were measurements independent,\n\
         do not meet, and it differs by more than {} % and {DIFFERENCE_MIN_MS} ms. One pause delays many alerts, so they are not\n\
         quite independent: repeat before believing. A maximum is a single measurement and is never marked.\n",
        DIFFERENCE_MIN * 100.0
    )
}

/// Judges a percentile of a hop in a second run by that in a first.
pub fn mark(a: &Hop, b: &Hop, share: f64) -> Mark {
    let (Some(of_a), Some(of_b)) = (at_share(a, share), at_share(b, share)) else {
        return Mark::TooFew;
    };
    let (Some(range_a), Some(range_b)) = (range(a, share), range(b, share)) else {
        return Mark::TooFew;
    };
    let difference = (of_b - of_a).abs();
    if difference <= DIFFERENCE_MIN_MS || difference <= DIFFERENCE_MIN * of_a.min(of_b) {
        return Mark::Same;
    }
    match () {
        () if range_b.0 > range_a.1 => Mark::Worse,
        () if range_b.1 < range_a.0 => Mark::Better,
        () => Mark::Same,
    }
}

/// The range in which a percentile would lie in 95 of 100 runs, were its measurements independent; `None` when they are
/// too few to bound it from above.
///
/// The number of measurements at or below the true percentile is binomial, so its deviation is known whatever the
/// distribution is; the times at the shares that far below and above are the range.
fn range(hop: &Hop, share: f64) -> Option<(f64, f64)> {
    if hop.count == 0 {
        return None;
    }
    let reach = DEVIATIONS * (share * (1.0 - share) / hop.count as f64).sqrt();
    let (low, high) = (share - reach, share + reach);
    if high >= 1.0 || !is_supported(hop, high) {
        return None;
    }
    // Outwards where the distribution has steps: a coarse one must not pass for a certain one.
    let below = hop.percentiles.iter().take_while(|point| point.share <= low + ROUNDING);
    let low_ms = below.last().map_or(0.0, |point| point.ms);
    Some((low_ms, at_share(hop, high)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples::stairs;

    #[test]
    fn few_measurements_bound_no_high_percentile() {
        assert_eq!(range(&stairs(300), 0.99), None);
        let (low, high) = range(&stairs(10_000), 0.99).expect("enough");
        // 1.96 deviations of 10 each.
        assert!(
            (9880.0..9881.0).contains(&low) && (9919.0..9921.0).contains(&high),
            "{low} to {high}"
        );
    }
}
