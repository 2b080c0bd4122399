//! Moments as people read them.

use dispatch_core::time::Timestamp;
use jiff::Timestamp as Calendar;

/// `2026-11-22T21:30:05.123Z`.
pub fn utc(at: Timestamp) -> String {
    match Calendar::from_millisecond(at.unix_ms()) {
        Ok(calendar) => format!("{calendar:.3}"),
        Err(_) => at.to_string(),
    }
}

/// `21:30:05.123`.
pub fn time_of_day(at: Timestamp) -> String {
    let text = utc(at);
    text.get(11..23).map_or(text.clone(), str::to_owned)
}

/// As it stands in a message.
pub fn wire(at: Timestamp) -> muster_proto::google::Timestamp {
    let nanos = i32::try_from(at.unix_ms().rem_euclid(1_000) * 1_000_000).expect("less than a second");
    muster_proto::google::Timestamp {
        seconds: at.unix_ms().div_euclid(1_000),
        nanos,
    }
}
