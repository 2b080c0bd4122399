//! Axes: from a value to a place between 0 and 1, and where the ticks stand. Never yields a NaN.

use crate::words::{moment, percentile, tick, tick_ms};

/// Shorter times than 10 microseconds are not told apart: waking a thread takes longer.
const SHORTEST_MS: f64 = 0.01;
/// Longer times than 11 days are no latencies; a file may hold any number, and an axis must not go on for ever.
const LONGEST_MS: f64 = 1e9;
/// Likewise for rates and sizes.
const HIGHEST: f64 = 1e15;
/// An axis of times shows 1, 2, 5, 10, ... up to this many ticks, beyond it only 1, 10, 100, and then not each of these.
const TICKS_MAX: usize = 7;
/// Lengths between the ticks of a run's time, seconds.
const STEPS_S: [f64; 14] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
];
/// Steps of an axis of a run's time: more would run into each other on a small plot.
const STEPS_MAX: f64 = 5.0;

/// One axis of a plot.
#[derive(Clone, Debug)]
pub struct Axis {
    kind: Kind,
    /// Ends, on the kind's own scale.
    from: f64,
    to: f64,
    /// Place between 0 and 1, and words.
    pub ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Even,
    /// Each tenfold has the same length.
    Log,
    /// Each further nine has the same length: 90 %, 99 %, 99.9 %.
    Nines,
}

impl Axis {
    /// Milliseconds on a log scale that holds all the values.
    pub fn milliseconds(values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| value.is_finite()) {
            let value = value.clamp(SHORTEST_MS, LONGEST_MS);
            (low, high) = (low.min(value), high.max(value));
        }
        if high == 0.0 {
            (low, high) = (1.0, 10.0);
        }
        let low = round_values(low).0;
        let high = if round_values(high).1 > low {
            round_values(high).1
        } else {
            low * 10.0
        };
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let all = |parts: &'static [f64]| {
            let decades = decades.clone();
            let values = decades.flat_map(move |decade| parts.iter().map(move |part| part * 10_f64.powi(decade)));
            let inside = values.filter(|&value| value >= low * 0.999 && value <= high * 1.001);
            inside.collect::<Vec<f64>>()
        };
        let mut values = all(&[1.0, 2.0, 5.0]);
        if values.len() > TICKS_MAX {
            values = all(&[1.0]);
        }
        let values: Vec<f64> = values
            .iter()
            .copied()
            .step_by(values.len().div_ceil(TICKS_MAX))
            .collect();
        Self::with_ticks(Kind::Log, low, high, &values, tick_ms)
    }

    /// Shares from one half to `to_share`, each nine as long as the other.
    pub fn nines(to_share: f64) -> Self {
        let to_share = to_share.clamp(0.99, 0.9999);
        let shares: Vec<f64> = [0.5, 0.9, 0.99, 0.999, 0.9999]
            .into_iter()
            .filter(|&share| share <= to_share + 1e-9)
            .collect();
        Self::with_ticks(Kind::Nines, 0.5, to_share, &shares, percentile)
    }

    /// A run's time, from its beginning.
    pub fn seconds(to_s: f64) -> Self {
        let to_s = if to_s.is_finite() && to_s > 0.0 { to_s } else { 1.0 };
        let step = STEPS_S.into_iter().find(|step| to_s / step <= STEPS_MAX);
        // Beyond half a day, whole hours.
        let step = step.unwrap_or_else(|| (to_s / STEPS_MAX / 3600.0).ceil() * 3600.0);
        let values: Vec<f64> = (0..=(to_s / step) as u32).map(|n| f64::from(n) * step).collect();
        Self::with_ticks(Kind::Even, 0.0, to_s, &values, moment)
    }

    /// From zero to a round value at or above the highest.
    pub fn from_zero(values: impl Iterator<Item = f64>) -> Self {
        let high = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let high = if high > 0.0 { high.min(HIGHEST) } else { 1.0 };
        let step = round_step(high);
        let steps = (high / step - 1e-9).ceil().max(1.0);
        let values: Vec<f64> = (0..=steps as u32).map(|n| f64::from(n) * step).collect();
        Self::with_ticks(Kind::Even, 0.0, steps * step, &values, tick)
    }

    /// Round values about the lowest and the highest, which need not be near zero: for telling close values apart.
    pub fn around(values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            let value = value.clamp(-HIGHEST, HIGHEST);
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // A single value stands in the middle of a span of its own size.
        let span = if high > low { high - low } else { high.abs().max(1.0) };
        (low, high) = if high > low {
            (low, high)
        } else {
            (low - span / 2.0, high + span / 2.0)
        };
        let step = round_step(span);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let values: Vec<f64> = (0..=(last - first) as u32)
            .map(|n| (first + f64::from(n)) * step)
            .collect();
        Self::with_ticks(Kind::Even, first * step, last * step, &values, tick)
    }

    fn with_ticks(kind: Kind, from: f64, to: f64, values: &[f64], word: fn(f64) -> String) -> Self {
        let mut axis = Self {
            kind,
            from: kind.scaled(from),
            to: kind.scaled(to),
            ticks: Vec::new(),
        };
        axis.ticks = values.iter().map(|&value| (axis.at(value), word(value))).collect();
        axis
    }

    /// Where a value stands, 0 to 1; what lies outside stands at the end, what is no number at the beginning.
    pub fn at(&self, value: f64) -> f64 {
        let at = (self.kind.scaled(value) - self.from) / (self.to - self.from);
        if at.is_nan() { 0.0 } else { at.clamp(0.0, 1.0) }
    }
}

impl Kind {
    fn scaled(self, value: f64) -> f64 {
        match self {
            Self::Even => value,
            Self::Log => value.max(SHORTEST_MS).log10(),
            Self::Nines => -(1.0 - value.min(1.0)).log10(),
        }
    }
}

/// The length between the ticks of an axis this long: at most four of them fit.
fn round_step(span: f64) -> f64 {
    let tenfold = 10_f64.powf((span / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|part| part * tenfold);
    step.into_iter().find(|step| span / step <= 4.0).unwrap_or(span)
}

/// The values among 1, 2, 5, 10, ... next below and above.
fn round_values(value: f64) -> (f64, f64) {
    let tenfold = 10_f64.powf(value.log10().floor());
    let parts = [1.0, 2.0, 5.0, 10.0].map(|part| part * tenfold);
    let below = parts.iter().rev().find(|&&part| part <= value * 1.001);
    let above = parts.iter().find(|&&part| part >= value * 0.999);
    (
        below.copied().unwrap_or(tenfold),
        above.copied().unwrap_or(tenfold * 10.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, word)| word.as_str()).collect()
    }

    #[test]
    fn times_stand_between_round_values() {
        assert_eq!(
            words(&Axis::milliseconds([3.0, 18.0].into_iter())),
            ["2 ms", "5 ms", "10 ms", "20 ms"]
        );
        let wide = Axis::milliseconds([0.3, 4000.0].into_iter());
        assert_eq!(words(&wide), ["1 ms", "10 ms", "100 ms", "1 s"]);
        assert!((wide.at(0.2)).abs() < 1e-9 && (wide.at(5000.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn odd_values_stand_somewhere() {
        let single = Axis::milliseconds([10.0].into_iter());
        assert_eq!((single.at(10.0), single.at(1e9), single.at(f64::NAN)), (0.0, 1.0, 0.0));
        for axis in [
            Axis::milliseconds([].into_iter()),
            Axis::milliseconds([0.0, 0.0].into_iter()),
            Axis::milliseconds([f64::NAN, f64::INFINITY].into_iter()),
            Axis::milliseconds([f64::MIN_POSITIVE, f64::MAX].into_iter()),
            Axis::seconds(0.0),
            Axis::seconds(f64::MAX),
            Axis::from_zero([f64::MAX].into_iter()),
            Axis::seconds(f64::NAN),
            Axis::from_zero([].into_iter()),
            Axis::from_zero([f64::INFINITY, 0.0].into_iter()),
        ] {
            assert!(
                (2..=TICKS_MAX).contains(&axis.ticks.len()) || axis.ticks.len() == 1,
                "{axis:?}"
            );
            let places = [0.0, -1.0, 1.0, 1e12, f64::NAN, f64::NEG_INFINITY].map(|value| axis.at(value));
            assert!(
                places.iter().all(|place| (0.0..=1.0).contains(place)),
                "{axis:?} {places:?}"
            );
        }
    }

    #[test]
    fn close_values_are_told_apart() {
        assert_eq!(words(&Axis::around([9.1, 11.8].into_iter())), ["9", "10", "11", "12"]);
        let single = Axis::around([3.0, 3.0, f64::NAN].into_iter());
        assert!((single.at(3.0) - 0.5).abs() < 0.2, "{single:?}");
        for odd in [vec![], vec![0.0], vec![f64::MAX, f64::MIN], vec![-1.0, 1e-9]] {
            let axis = Axis::around(odd.into_iter());
            assert!((2..=7).contains(&axis.ticks.len()), "{axis:?}");
        }
    }

    #[test]
    fn each_nine_is_as_long_as_the_other() {
        let axis = Axis::nines(0.9999);
        assert_eq!(words(&axis), ["p50", "p90", "p99", "p99.9", "p99.99"]);
        let nine = axis.at(0.99) - axis.at(0.9);
        assert!((axis.at(0.999) - axis.at(0.99) - nine).abs() < 1e-6);
        assert_eq!(axis.at(1.0), 1.0);
        assert_eq!(words(&Axis::nines(0.5)).last(), Some(&"p99"));
    }

    #[test]
    fn a_run_of_any_length_has_a_handful_of_ticks() {
        for to_s in [0.5, 3.0, 43.0, 600.0, 3600.0, 86_400.0, 1e6] {
            assert!((1..=6).contains(&Axis::seconds(to_s).ticks.len()), "{to_s}");
        }
        assert_eq!(words(&Axis::seconds(600.0)).last(), Some(&"10:00"));
        assert_eq!(
            words(&Axis::from_zero([20_100.0].into_iter())),
            ["0", "10k", "20k", "30k"]
        );
    }
}
