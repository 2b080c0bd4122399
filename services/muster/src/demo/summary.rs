//! The summary: what came of the demo, for programs and for people.

use std::{collections::BTreeMap, time::Duration};

use muster_loadtest::Summary as PhoneSummary;
use serde::Serialize;

use super::{desk::ReportedCall, reckoning::Reckoning};

/// What the demo was asked to do.
#[derive(Clone, Copy, Serialize)]
pub struct Settings {
    /// How many people.
    pub responders: u64,
    /// How much faster calls came in.
    pub speed: f64,
    /// The seed.
    pub seed: u64,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: usize,
    /// Half were no slower.
    pub p50: f64,
    /// 99 % were no slower.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Percentiles {
    /// Exact percentiles (nearest rank) of what was measured; all 0 of nothing.
    fn of(measured: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = measured.collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted
                .get(at)
                .map_or(0.0, |span| (span.as_secs_f64() * 1e5).round() / 1e2)
        };
        Self {
            count: sorted.len(),
            p50: rank(50),
            p99: rank(99),
            max: rank(100),
        }
    }
}

/// What came of the demo.
#[derive(Serialize)]
pub struct Summary {
    #[serde(flatten)]
    settings: Settings,
    incidents: usize,
    incidents_covered: usize,
    alerts_in_journal: usize,
    alerts_published: u64,
    alerts_received: usize,
    accepted: u64,
    declined: u64,
    no_answer: u64,
    confirmed: u64,
    stand_downs: u64,
    duplicates_on_phones: u64,
    disconnects: u64,
    outcomes: BTreeMap<&'static str, u64>,
    undelivered_alerts: u64,
    /// Alerts on which the phones' logs and the journal disagree, or which have no outcome.
    pub unaccounted_alerts: usize,
    report_ack_ms: Percentiles,
    report_to_phone_ms: Percentiles,
    report_to_covered_ms: Percentiles,
}

impl Summary {
    /// Puts the sources together.
    pub fn new(settings: Settings, calls: &[ReportedCall], phones: &PhoneSummary, reckoning: &Reckoning) -> Self {
        Self {
            settings,
            incidents: calls.len(),
            incidents_covered: reckoning.to_covered.len(),
            alerts_in_journal: reckoning.in_journal.len(),
            alerts_published: reckoning.published,
            alerts_received: reckoning.on_phones.len(),
            accepted: phones.accepted(),
            declined: phones.declined(),
            no_answer: phones.no_answer(),
            confirmed: phones.confirmed(),
            stand_downs: phones.stand_downs(),
            duplicates_on_phones: phones.duplicates,
            disconnects: phones.disconnects,
            outcomes: reckoning.outcomes.clone(),
            undelivered_alerts: reckoning.undelivered,
            unaccounted_alerts: reckoning.unaccounted.len(),
            report_ack_ms: Percentiles::of(calls.iter().map(|call| call.acknowledged_after)),
            report_to_phone_ms: Percentiles::of(reckoning.to_phone.iter().copied()),
            report_to_covered_ms: Percentiles::of(reckoning.to_covered.iter().copied()),
        }
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let Settings {
            responders,
            speed,
            seed,
        } = self.settings;
        let outcomes: Vec<String> = self
            .outcomes
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        let line = |name: &str, text: String| format!("  {name:<22}{text}");
        let span = |p: &Percentiles| {
            format!(
                "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms ({} measured)",
                p.p50, p.p99, p.max, p.count
            )
        };
        let seconds = |p: &Percentiles| {
            format!(
                "p50 {:.1} s, max {:.1} s ({} incidents)",
                p.p50 / 1e3,
                p.max / 1e3,
                p.count
            )
        };
        [
            String::new(),
            format!("Summary ({responders} responders, calls {speed} times faster than real, seed {seed})"),
            line(
                "incidents",
                format!("{}, of which {} were covered", self.incidents, self.incidents_covered),
            ),
            line(
                "people asked",
                format!(
                    "{} accepted, {} declined, {} gave no answer",
                    self.accepted, self.declined, self.no_answer
                ),
            ),
            line("told to go", self.confirmed.to_string()),
            line("called off", self.stand_downs.to_string()),
            line("report to disk", span(&self.report_ack_ms)),
            line("report to phone", span(&self.report_to_phone_ms)),
            line("report to covered", seconds(&self.report_to_covered_ms)),
            line(
                "alerts in the journal",
                format!("{} ({})", self.alerts_in_journal, outcomes.join(", ")),
            ),
            line(
                "alerts on phones",
                format!("{} by the phones' own logs", self.alerts_received),
            ),
            line(
                "never delivered",
                format!("{} (known to the journal)", self.undelivered_alerts),
            ),
            line("unaccounted", self.unaccounted_alerts.to_string()),
        ]
        .join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let p = Percentiles::of((1..=200).map(Duration::from_millis));
        assert_eq!((p.count, p.p50, p.p99, p.max), (200, 100.0, 198.0, 200.0));
        let none = Percentiles::of(std::iter::empty());
        assert_eq!((none.count, none.p50, none.max), (0, 0.0, 0.0));
    }
}
