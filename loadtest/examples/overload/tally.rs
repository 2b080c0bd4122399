//! What became of the requests, by kind, and the table of it.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::asks::Kind;

/// What became of the first attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Answered, this long after it was due.
    Ok(Duration),
    /// Refused with a time to come back at, this long after it was sent.
    Refused(Duration),
    /// No answer, or a refusal without a hint.
    Failed,
}

/// The requests of one kind.
pub struct Row {
    /// Sent.
    pub sent: u64,
    /// Answered at the first attempt.
    pub ok: u64,
    /// Refused at the first attempt, with a hint.
    pub refused: u64,
    /// Neither.
    pub failed: u64,
    /// Vital ones that were never answered, whatever the attempts.
    pub never: u64,
    ok_us: Histogram<u64>,
    refused_us: Histogram<u64>,
}

impl Row {
    fn new() -> Self {
        let histogram = || Histogram::new(3).expect("three digits are allowed");
        Self {
            sent: 0,
            ok: 0,
            refused: 0,
            failed: 0,
            never: 0,
            ok_us: histogram(),
            refused_us: histogram(),
        }
    }

    /// The 99th percentile of what was answered.
    pub fn ok_p99(&self) -> Duration {
        Duration::from_micros(self.ok_us.value_at_quantile(0.99))
    }
}

/// All kinds.
pub struct Tally(Vec<Row>);

impl Tally {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Kind::ALL.map(|_| Row::new()).into())
    }

    /// The requests of a kind.
    pub fn row(&self, kind: Kind) -> &Row {
        &self.0[kind as usize]
    }

    /// One more is over; `never` if it was vital and all attempts came to nothing.
    pub fn add(&mut self, kind: Kind, first: Outcome, never: bool) {
        let row = &mut self.0[kind as usize];
        row.sent += 1;
        row.never += u64::from(never);
        match first {
            Outcome::Ok(after) => {
                row.ok += 1;
                record(&mut row.ok_us, after);
            }
            Outcome::Refused(after) => {
                row.refused += 1;
                record(&mut row.refused_us, after);
            }
            Outcome::Failed => row.failed += 1,
        }
    }

    /// Whether anything was refused or failed.
    pub fn has_refusals(&self) -> bool {
        self.0.iter().any(|row| row.refused + row.failed > 0)
    }

    /// The lines of the table for one multiple.
    pub fn lines(&self, multiple: u32) -> String {
        let ms = |us: u64| {
            #[allow(clippy::cast_precision_loss)]
            let ms = us as f64 / 1e3;
            format!("{ms:.1}")
        };
        let mut lines = String::new();
        for kind in Kind::ALL {
            let row = self.row(kind);
            let refusal = match row.refused {
                0 => "-".to_owned(),
                _ => ms(row.refused_us.value_at_quantile(0.5)),
            };
            lines += &format!(
                "{:<19} {:>8} {:>8} {:>8} {:>8} {:>7} {:>9} {:>9} {:>9} {:>11}\n",
                kind.label(),
                format!("{multiple}x"),
                row.sent,
                row.ok,
                row.refused,
                row.failed,
                ms(row.ok_us.value_at_quantile(0.5)),
                ms(row.ok_us.value_at_quantile(0.99)),
                ms(row.ok_us.max()),
                refusal,
            );
        }
        lines
    }
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    histogram.record(us).expect("it grows as needed");
}

/// The head of the table; times in milliseconds.
pub const HEAD: &str =
    "class               multiple     sent       ok  refused  failed    p50 ok    p99 ok    max ok p50 refusal\n";
