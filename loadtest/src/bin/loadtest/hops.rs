//! The hops of an alert and how long they took: collected while a run goes on, told at its end.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use muster_loadtest::result::{Hop, HopSecond, Percentile};

/// Three digits: a percentile is right to a thousandth of itself.
const DIGITS: u8 = 3;
/// Steps per halving of what is left to 100 %: enough for a smooth curve, some 60 points.
const STEPS_PER_HALF: u32 = 5;

/// Nothing is measured beyond a day.
const LONGEST_US: u64 = 86_400_000_000;

/// A hop. The order is that of an alert's way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    ReportAcknowledged,
    ReportPublished,
    ReportFirstPhone,
    ReportEachPhone,
    ReportLastPhone,
    ReportAccepted,
    ReportConfirmed,
    AcceptTold,
    AcceptConfirmed,
    StandDownLastPhone,
    PhoneBack,
    HarnessLateness,
    PositionsLateness,
}

impl Key {
    /// Every hop.
    pub const ALL: [Self; 13] = [
        Self::ReportAcknowledged,
        Self::ReportPublished,
        Self::ReportFirstPhone,
        Self::ReportEachPhone,
        Self::ReportLastPhone,
        Self::ReportAccepted,
        Self::ReportConfirmed,
        Self::AcceptTold,
        Self::AcceptConfirmed,
        Self::StandDownLastPhone,
        Self::PhoneBack,
        Self::HarnessLateness,
        Self::PositionsLateness,
    ];

    /// Its name in scenarios and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReportAcknowledged => "report_acknowledged",
            Self::ReportPublished => "report_published",
            Self::ReportFirstPhone => "report_first_phone",
            Self::ReportEachPhone => "report_each_phone",
            Self::ReportLastPhone => "report_last_phone",
            Self::ReportAccepted => "report_accepted",
            Self::ReportConfirmed => "report_confirmed",
            Self::AcceptTold => "accept_told",
            Self::AcceptConfirmed => "accept_confirmed",
            Self::StandDownLastPhone => "stand_down_last_phone",
            Self::PhoneBack => "phone_back",
            Self::HarnessLateness => "harness_lateness",
            Self::PositionsLateness => "positions_lateness",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::ReportAcknowledged => "report -> durable acknowledgement",
            Self::ReportPublished => "report -> last alert of the first wave with the broker, by the service's clock",
            Self::ReportFirstPhone => "report -> first phone has it",
            Self::ReportEachPhone => "report -> each phone of the first wave",
            Self::ReportLastPhone => "report -> last phone of the first wave",
            Self::ReportAccepted => "report -> first accept told to the control room",
            Self::ReportConfirmed => "report -> first phone told to go",
            Self::AcceptTold => "accept on the phone -> told to the control room",
            Self::AcceptConfirmed => "accept on the phone -> told to go",
            Self::StandDownLastPhone => "stand-down -> last phone called off",
            Self::PhoneBack => "all connections cut -> each phone back",
            Self::HarnessLateness => "report due -> sent: the harness's own lateness",
            Self::PositionsLateness => "positions due -> handed to the connection: the harness's own lateness",
        }
    }
}

/// Everything measured so far.
pub struct Hops {
    begin: Instant,
    stretch: Duration,
    measured: BTreeMap<Key, Measured>,
}

/// One hop.
struct Measured {
    all: Histogram<u64>,
    sum_us: u128,
    max: Duration,
    /// Microseconds, by stretch of the run; few enough to be kept one by one.
    stretches: BTreeMap<u32, Vec<u32>>,
}

impl Hops {
    /// Measures from `begin` on; what was due before it is left out. Over time it is told by stretches of this length.
    pub fn new(begin: Instant, stretch: Duration) -> Self {
        Self {
            begin,
            stretch,
            measured: BTreeMap::new(),
        }
    }

    /// Something due at a moment was done at another.
    pub fn add(&mut self, key: Key, due: Instant, done: Instant) {
        let Some(at) = due.checked_duration_since(self.begin) else {
            return;
        };
        let took = done.saturating_duration_since(due);
        let Ok(stretch) = u32::try_from(at.as_nanos() / self.stretch.as_nanos().max(1)) else {
            return;
        };
        let measured = self.measured.entry(key).or_insert_with(|| Measured {
            all: Histogram::new(DIGITS).expect("3 significant digits are allowed"),
            sum_us: 0,
            max: Duration::ZERO,
            stretches: BTreeMap::new(),
        });
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // The histogram grows as needed; only one of absurd length would find no memory.
        let _ = measured.all.record(us.min(LONGEST_US));
        measured.sum_us += u128::from(us);
        measured.max = measured.max.max(took);
        let us = u32::try_from(us).unwrap_or(u32::MAX);
        measured.stretches.entry(stretch).or_default().push(us);
    }

    /// How often a hop was measured.
    pub fn count(&self, key: Key) -> u64 {
        self.measured.get(&key).map_or(0, |measured| measured.all.len())
    }

    /// The time within which a share of the measurements lie, milliseconds; `None` = nothing was measured.
    pub fn at_share_ms(&self, key: Key, share: f64) -> Option<f64> {
        let measured = self.measured.get(&key)?;
        if share >= 1.0 {
            return Some(ms(measured.max));
        }
        Some(ms_of_us(measured.all.value_at_quantile(share)).min(ms(measured.max)))
    }

    /// Median and 99th percentile for a glance; zero when nothing was measured.
    pub fn glance_ms(&self, key: Key) -> (f64, f64) {
        let at = |share| self.at_share_ms(key, share).unwrap_or(0.0);
        (at(0.5), at(0.99))
    }

    /// All hops that were measured.
    pub fn told(&self) -> Vec<Hop> {
        let hop = |(&key, measured): (&Key, &Measured)| measured.told(key, self.stretch);
        self.measured.iter().map(hop).collect()
    }
}

impl Measured {
    fn told(&self, key: Key, stretch: Duration) -> Hop {
        #[allow(clippy::cast_precision_loss)]
        let mean_ms = self.sum_us as f64 / self.all.len().max(1) as f64 / 1e3;
        Hop {
            key: key.name().to_owned(),
            title: key.title().to_owned(),
            count: self.all.len(),
            mean_ms,
            max_ms: ms(self.max),
            percentiles: self.percentiles(),
            over_time: self
                .stretches
                .iter()
                .map(|(&index, values)| second(stretch.as_secs_f64() * f64::from(index), values))
                .collect(),
        }
    }

    fn percentiles(&self) -> Vec<Percentile> {
        let max = ms(self.max);
        let mut points: Vec<Percentile> = Vec::new();
        for step in self.all.iter_quantiles(STEPS_PER_HALF) {
            let share = step.quantile_iterated_to();
            let point = Percentile {
                share,
                ms: ms_of_us(step.value_iterated_to()).min(max),
            };
            if points.last().is_none_or(|last| last.share < share) {
                points.push(point);
            }
        }
        // The histogram rounds; the highest is known exactly.
        if let Some(last) = points.last_mut().filter(|last| last.share >= 1.0) {
            last.ms = max;
        } else {
            points.push(Percentile { share: 1.0, ms: max });
        }
        points
    }
}

fn second(at_s: f64, values: &[u32]) -> HopSecond {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    // Nearest rank.
    let at = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).map_or(0.0, |&us| ms_of_us(us.into()))
    };
    HopSecond {
        at_s,
        count: sorted.len() as u64,
        p50_ms: at(50),
        p99_ms: at(99),
        max_ms: at(100),
    }
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

/// Microseconds of a run fit a double exactly.
#[allow(clippy::cast_precision_loss)]
fn ms_of_us(us: u64) -> f64 {
    us as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_before_the_beginning_is_left_out_and_shares_rise_to_one() {
        let begin = Instant::now() + Duration::from_secs(10);
        let mut hops = Hops::new(begin, Duration::from_secs(1));
        let key = Key::ReportAcknowledged;
        hops.add(key, begin - Duration::from_secs(1), begin + Duration::from_secs(5));
        assert_eq!((hops.count(key), hops.at_share_ms(key, 0.5)), (0, None));
        for n in 1..=100 {
            let due = begin + Duration::from_millis(10 * n);
            hops.add(key, due, due + Duration::from_millis(n));
        }
        let told = &hops.told()[0];
        assert_eq!((told.count, told.max_ms), (100, 100.0));
        assert!((told.mean_ms - 50.5).abs() < 0.01);
        assert!(
            told.percentiles
                .windows(2)
                .all(|two| two[0].share < two[1].share && two[0].ms <= two[1].ms)
        );
        assert_eq!(
            told.percentiles.last().map(|last| (last.share, last.ms)),
            Some((1.0, 100.0))
        );
        assert_eq!(told.over_time.iter().map(|second| second.count).sum::<u64>(), 100);
        assert_eq!(told.over_time[0].at_s, 0.0);
        let p99 = hops.at_share_ms(key, 0.99).expect("measured");
        assert!((p99 - 99.0).abs() < 0.1, "{p99}");
    }

    #[test]
    fn names_are_distinct_and_in_the_order_of_the_way() {
        assert!(
            Key::ALL
                .windows(2)
                .all(|two| two[0] < two[1] && two[0].name() != two[1].name())
        );
    }
}
