//! Strikes at set times, whatever else happens: the open loop.
//!
//! A thread of its own, since the timers of an asynchronous runtime come up to a millisecond late, which is half of what is
//! being measured.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

/// Strikes waiting to be heard. Whoever listens falls this far behind only when it hangs; then strikes are missed by
/// nobody, they wait, and the lateness shows.
pub type Strikes = mpsc::UnboundedReceiver<Instant>;

/// Strikes at each of these moments, in order.
pub fn at(moments: Vec<Instant>) -> anyhow::Result<Strikes> {
    strike(moments.into_iter())
}

/// Strikes every `gap` from `begin` on, `count` times.
pub fn every(begin: Instant, gap: Duration, count: u64) -> anyhow::Result<Strikes> {
    // By multiplication, so that rounding does not add up.
    let moment = move |number: u64| begin + Duration::from_secs_f64(gap.as_secs_f64() * precise(number));
    strike((0..count).map(moment))
}

fn strike(moments: impl Iterator<Item = Instant> + Send + 'static) -> anyhow::Result<Strikes> {
    let (sender, strikes) = mpsc::unbounded_channel();
    thread::Builder::new().name("metronome".to_owned()).spawn(move || {
        for moment in moments {
            thread::sleep(moment.saturating_duration_since(Instant::now()));
            if sender.send(moment).is_err() {
                return;
            }
        }
    })?;
    Ok(strikes)
}

/// Counts of strikes are far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn precise(number: u64) -> f64 {
    number as f64
}
