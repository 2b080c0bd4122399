//! What can be seen of the service from outside beyond its answers: its counters over HTTP, and its process.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::process::Pid;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

/// A page of counters is some kilobytes from the same machine or network.
const PAGE_WITHIN: Duration = Duration::from_secs(5);
/// Far above any page of counters.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Outcomes of positions that arrived well: the person is there, or was known to be by something better.
const TAKEN_IN: [&str; 3] = ["\"taken\"", "\"not_newer\"", "\"vaguer\""];
/// How often counters are looked at while waiting for one.
const LOOK: Duration = Duration::from_millis(10);

/// Positions as the service counts them; says nothing when it cannot be asked or does not count them.
#[derive(Clone, Debug)]
pub struct PositionsSeen {
    http: Option<String>,
}

/// The service's counters of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PositionsCounted {
    /// Taken in, or known better already.
    pub taken_in: u64,
    /// Everything that became of one, shed ones too.
    pub handled: u64,
}

impl PositionsSeen {
    /// Asks there.
    pub fn new(http: Option<String>) -> Self {
        Self { http }
    }

    /// The counters now.
    pub async fn counted(&self) -> Option<PositionsCounted> {
        counted(&page(self.http.as_deref()?, "/metrics").await?)
    }

    /// How many positions something has become of.
    pub async fn handled(&self) -> Option<u64> {
        Some(self.counted().await?.handled)
    }

    /// Waits until something has become of so many; gives up when nothing changes for a while, or they cannot be seen.
    pub async fn wait_handled(&self, wanted: u64, stuck_after: Duration) -> bool {
        let (mut last, mut changed) = (0, Instant::now());
        loop {
            let Some(handled) = self.handled().await else {
                return false;
            };
            if handled >= wanted {
                return true;
            }
            if handled != last {
                (last, changed) = (handled, Instant::now());
            } else if changed.elapsed() > stuck_after {
                return false;
            }
            sleep(LOOK).await;
        }
    }
}

/// Sums the counters of positions of a page of metrics; `None` when there is none.
fn counted(page: &str) -> Option<PositionsCounted> {
    let mut seen = false;
    let mut counted = PositionsCounted::default();
    for line in page.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let value = value.parse::<f64>().map_or(0, |value| value.max(0.0) as u64);
        if series.starts_with("muster_positions_total") {
            seen = true;
            counted.handled += value;
            if TAKEN_IN.iter().any(|outcome| series.contains(outcome)) {
                counted.taken_in += value;
            }
        } else if series.starts_with("muster_positions_shed_total") {
            counted.handled += value;
        }
    }
    seen.then_some(counted)
}

/// What the service calls itself.
pub async fn version(http: Option<&str>) -> Option<String> {
    Some(page(http?, "/version").await?.trim().to_owned())
}

/// The body of a page that was there.
async fn page(http: &str, path: &str) -> Option<String> {
    let asked = async {
        let mut stream = TcpStream::connect(http).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.take(PAGE_BYTES_MAX).read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8(answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let fine = head.split(' ').nth(1) == Some("200");
        // With a length known beforehand, as these pages have, the body comes in one piece.
        fine.then(|| body.to_owned())
    };
    timeout(PAGE_WITHIN, asked).await.ok().flatten()
}

/// Processor time and memory of a process on this machine.
#[derive(Debug)]
pub struct Usage {
    pid: Pid,
    before: Option<(Instant, u64)>,
}

/// One look.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// Processors kept busy since the last look.
    pub cores: Option<f64>,
    /// Resident memory.
    pub mib: f64,
}

impl Usage {
    /// Of this process.
    pub fn new(pid: Pid) -> Self {
        Self { pid, before: None }
    }

    /// Looks; another process id is another process.
    pub fn look(&mut self, pid: Option<Pid>) -> Option<Used> {
        let pid = pid?;
        if pid != self.pid {
            *self = Self::new(pid);
        }
        let raw = pid.as_raw_nonzero();
        let ticks = ticks(&fs::read_to_string(format!("/proc/{raw}/stat")).ok()?)?;
        let pages: u64 = {
            let statm = fs::read_to_string(format!("/proc/{raw}/statm")).ok()?;
            statm.split(' ').nth(1)?.parse().ok()?
        };
        let now = Instant::now();
        #[allow(clippy::cast_precision_loss)]
        let cores = self.before.map(|(then, before)| {
            let seconds = ticks.saturating_sub(before) as f64 / rustix::param::clock_ticks_per_second() as f64;
            seconds / now.duration_since(then).as_secs_f64().max(1e-3)
        });
        self.before = Some((now, ticks));
        #[allow(clippy::cast_precision_loss)]
        let mib = pages as f64 * rustix::param::page_size() as f64 / 1_048_576.0;
        Some(Used { cores, mib })
    }
}

/// Time in user mode and in the kernel, of a line of `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<u64> {
    // The name, in brackets, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some(user + kernel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_positions_are_summed_and_absent_ones_are_not_zero() {
        let page = "# TYPE muster_positions_total counter\n\
                    muster_positions_total{outcome=\"taken\"} 70\n\
                    muster_positions_total{outcome=\"not_newer\"} 5\n\
                    muster_positions_total{outcome=\"vaguer\"} 1\n\
                    muster_positions_total{outcome=\"unknown\"} 2\n\n\
                    muster_positions_shed_total{source=\"trunk\"} 3\nmuster_mqtt_sent_total 9\n";
        let expected = PositionsCounted {
            taken_in: 76,
            handled: 81,
        };
        assert_eq!(counted(page), Some(expected));
        assert_eq!(counted("muster_positions_shed_total 3\n"), None);
    }

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let stat = "42 (a) b) c) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("42 (a) S 1"), None);
        let mut usage = Usage::new(rustix::process::getpid());
        let used = usage.look(Some(rustix::process::getpid())).expect("ourselves");
        assert!(used.mib > 0.1 && used.cores.is_none());
        assert!(
            usage
                .look(Some(rustix::process::getpid()))
                .and_then(|used| used.cores)
                .is_some()
        );
    }
}
