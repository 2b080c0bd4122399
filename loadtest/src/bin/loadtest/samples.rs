//! Rates and what the service used, second by second.

use std::time::{Duration, Instant};

use muster_loadtest::result::Series;
use rustix::process::Pid;

use crate::observe::Usage;

/// How things stood at a moment; what grows is told as a rate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// Reports acknowledged.
    pub incidents: u64,
    /// Alerts on phones.
    pub alerts: u64,
    /// Positions sent.
    pub positions: u64,
    /// Things that went wrong.
    pub errors: u64,
    /// Incidents not over.
    pub in_flight: u64,
    /// Phones connected.
    pub phones: u64,
}

/// All moments so far.
pub struct Samples {
    begin: Instant,
    before: Option<(Instant, Moment)>,
    rates: [Series; 6],
    service: [Series; 2],
    harness: Series,
    usage: Usage,
    own_usage: Usage,
}

impl Samples {
    /// None yet; moments before `begin` only serve as the base of the first rates.
    pub fn new(begin: Instant) -> Self {
        let own = rustix::process::getpid();
        Self {
            begin,
            before: None,
            rates: [
                series("incidents_per_s", "incidents reported", "1/s"),
                series("alerts_per_s", "alerts on phones", "1/s"),
                series("positions_per_s", "positions sent", "1/s"),
                series("errors_per_s", "errors", "1/s"),
                series("in_flight", "incidents not over", ""),
                series("phones_connected", "phones connected", ""),
            ],
            service: [
                series("cpu_cores", "CPU of the service", "cores"),
                series("memory_mib", "memory of the service", "MiB"),
            ],
            harness: series("harness_cpu_cores", "CPU of the harness itself", "cores"),
            usage: Usage::new(own),
            own_usage: Usage::new(own),
        }
    }

    /// Takes a moment in; returns the positions sent per second since the one before.
    pub fn add(&mut self, now: Instant, moment: &Moment, service: Option<Pid>) -> f64 {
        let before = self.before.replace((now, *moment));
        let used = self.usage.look(service);
        let own = self.own_usage.look(Some(rustix::process::getpid()));
        let Some((then, before)) = before else { return 0.0 };
        let span = now.saturating_duration_since(then);
        let rates = [
            rate(before.incidents, moment.incidents, span),
            rate(before.alerts, moment.alerts, span),
            rate(before.positions, moment.positions, span),
            rate(before.errors, moment.errors, span),
            precise(moment.in_flight),
            precise(moment.phones),
        ];
        if let Some(at) = now.checked_duration_since(self.begin) {
            let at_s = at.as_secs_f64();
            for (series, value) in self.rates.iter_mut().zip(rates) {
                series.points.push((at_s, value));
            }
            if let Some(used) = used {
                self.service[1].points.push((at_s, used.mib));
                self.service[0].points.extend(used.cores.map(|cores| (at_s, cores)));
            }
            let cores = own.and_then(|own| own.cores);
            self.harness.points.extend(cores.map(|cores| (at_s, cores)));
        }
        rates[2]
    }

    /// Rates, and what the service used as far as it could be seen.
    pub fn told(self) -> (Vec<Series>, Vec<Series>) {
        let seen = self.service.iter().any(|series| !series.points.is_empty());
        let service = if seen {
            self.service.into_iter().chain([self.harness]).collect()
        } else {
            Vec::new()
        };
        (self.rates.into(), service)
    }
}

fn series(key: &str, title: &str, unit: &str) -> Series {
    Series {
        key: key.to_owned(),
        title: title.to_owned(),
        unit: unit.to_owned(),
        points: Vec::new(),
    }
}

fn rate(before: u64, now: u64, span: Duration) -> f64 {
    precise(now.saturating_sub(before)) / span.as_secs_f64().max(1e-3)
}

/// Counts of a run are far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn precise(count: u64) -> f64 {
    count as f64
}
