//! The table: one line for each part of the run, as it is measured.

use std::{io::Write as _, time::Duration};

use crate::measure::Reading;

const MIB: f64 = 1024.0 * 1024.0;
const HEAD: &str = "\
part  incidents    records     real  inc/s  cpu/inc  request p50   p99  commit p50   p99     rss  fds |  journal    log   side | incidents  tombst.   alerts   live  answers addresses | restart
                                 s            us            us    us          ms    ms     MiB      |      MiB    MiB    MiB |                                                      |      ms";

/// Says a line. Nobody listening is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Names the columns.
pub fn head() {
    say(HEAD);
}

/// One part.
pub fn line(part: u64, reading: &Reading) {
    let Reading {
        incidents,
        sequence,
        took,
        processor,
        request,
        commit,
        memory,
        descriptors,
        disk,
        core,
        addresses,
        restart,
    } = reading;
    let rate = *incidents as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE);
    let restart = restart.map_or("-".to_owned(), |restart| format!("{:.0}", ms(restart.took)));
    say(&format!(
        "{:>4} {incidents:>10} {sequence:>10} {:>8.1} {rate:>6.0} {:>8.0} {:>12.0} {:>5.0} {:>11.2} {:>5.1} {:>7.1} \
         {descriptors:>4} | {:>8.1} {:>6.1} {:>6.1} | {:>9} {:>8} {:>8} {:>6} {:>8} {addresses:>9} | {restart:>7}",
        part + 1,
        took.as_secs_f64(),
        us(*processor),
        us(request.p50),
        us(request.p99),
        ms(commit.p50),
        ms(commit.p99),
        mib(*memory),
        mib(disk.journal),
        mib(disk.log),
        mib(disk.side),
        core.incidents,
        core.tombstones,
        core.alerts,
        core.live_responders,
        core.answers,
    ));
}

fn us(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}
