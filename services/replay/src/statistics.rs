//! Means with their uncertainty, quantiles, and how unevenly something is shared out.

use serde::Serialize;

/// Of a normal distribution, 95 % lies within this many standard errors of the mean.
const NORMAL_95: f64 = 1.959_964;

/// A mean and half the width of its 95 % confidence interval, by the normal approximation: the mean of some hundred
/// incidents or more is all but normal, whatever the shape of the single ones.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Half the width of its confidence interval; 0 for fewer than two values.
    pub ci95: f64,
}

impl Mean {
    /// Of values; 0 when there are none.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        // Welford's way: one pass, and no difference of large sums.
        let (mut count, mut mean, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
        for value in values {
            count += 1.0;
            let off = value - mean;
            mean += off / count;
            squares += off * (value - mean);
        }
        let ci95 = if count < 2.0 {
            0.0
        } else {
            NORMAL_95 * (squares / (count - 1.0) / count).sqrt()
        };
        Self { mean, ci95 }
    }

    /// Whether zero lies outside the interval.
    pub fn is_beyond_chance(&self) -> bool {
        self.mean.abs() > self.ci95
    }
}

/// The value below which a share (0 to 1) of sorted values lies, between neighbours by a straight line; `None` of nothing.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let below = sorted[at.floor() as usize];
    let above = sorted[at.ceil() as usize];
    Some(below + (above - below) * at.fract())
}

/// The Gini coefficient of a burden: 0 = all bear the same, near 1 = one bears all. 0 when nobody bears anything.
pub fn gini(burden: &[u32]) -> f64 {
    let mut sorted = burden.to_vec();
    sorted.sort_unstable();
    let total: f64 = sorted.iter().map(|&one| f64::from(one)).sum();
    if total == 0.0 {
        return 0.0;
    }
    let count = sorted.len() as f64;
    let ranked: f64 = (1..)
        .zip(&sorted)
        .map(|(rank, &one)| f64::from(rank) * f64::from(one))
        .sum();
    2.0 * ranked / (count * total) - (count + 1.0) / count
}

/// The Lorenz curve at `points` + 1 places: which share of the burden the least burdened share of people bears.
pub fn lorenz(burden: &[u32], points: usize) -> Vec<f64> {
    let mut sorted = burden.to_vec();
    sorted.sort_unstable();
    let total: u64 = sorted.iter().map(|&one| u64::from(one)).sum();
    let mut upto = vec![0_u64];
    for one in sorted {
        upto.push(upto.last().copied().unwrap_or(0) + u64::from(one));
    }
    let people = upto.len() - 1;
    let at = |point: usize| upto[point * people / points.max(1)] as f64 / (total.max(1)) as f64;
    (0..=points).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_and_its_interval_by_hand() {
        // Variance of 1, 2, 3, 4, 5 is 2.5; the standard error sqrt(2.5 / 5).
        let mean = Mean::of([1.0, 2.0, 3.0, 4.0, 5.0].into_iter());
        assert!((mean.mean - 3.0).abs() < 1e-12);
        assert!((mean.ci95 - 1.959_964 * 0.5_f64.sqrt()).abs() < 1e-9, "{mean:?}");
        assert!(mean.is_beyond_chance());
        assert!(!Mean::of([-1.0, 1.0].into_iter()).is_beyond_chance());
        assert_eq!(Mean::of([7.0].into_iter()), Mean { mean: 7.0, ci95: 0.0 });
        assert_eq!(Mean::of([].into_iter()), Mean::default());
    }

    #[test]
    fn quantiles_by_hand() {
        let sorted = [10.0, 20.0, 30.0, 50.0];
        assert_eq!(quantile(&sorted, 0.0), Some(10.0));
        assert_eq!(quantile(&sorted, 0.5), Some(25.0));
        assert_eq!(quantile(&sorted, 1.0), Some(50.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn shares_of_a_burden_by_hand() {
        assert_eq!(gini(&[3, 3, 3]), 0.0);
        assert_eq!(gini(&[0, 0]), 0.0);
        assert_eq!(gini(&[]), 0.0);
        // Of 0, 0, 0, 4: 2 x 16 / 16 - 5/4.
        assert!((gini(&[4, 0, 0, 0]) - 0.75).abs() < 1e-12);
        // Of 1, 3: 2 x 7 / 8 - 3/2.
        assert!((gini(&[3, 1]) - 0.25).abs() < 1e-12);
        assert_eq!(lorenz(&[3, 1], 2), [0.0, 0.25, 1.0]);
        assert_eq!(lorenz(&[], 2), [0.0, 0.0, 0.0]);
    }
}
