//! When calls come in: as many as asked for, more by day than by night.

use std::time::Duration;

/// Calls by hour of the day, in parts of a thousand. An assumption, in the shape that emergency services publish: fewest
/// at four in the morning, most from late morning to evening.
const BY_HOUR: [u32; 24] = [
    28, 24, 21, 19, 18, 20, 26, 36, 45, 51, 54, 55, 54, 53, 52, 52, 53, 54, 54, 53, 50, 46, 43, 39,
];
const DAY_S: f64 = 86_400.0;

/// The moment, counted from the start, at which a share of all calls of `days` days has come in.
pub fn moment(share: f64, days: u64) -> Duration {
    let all_days = share * days as f64;
    let day = all_days.floor();
    Duration::from_secs_f64(day * DAY_S + seconds_into_day(all_days - day))
}

/// The second of the day by which a share of the day's calls has come in.
fn seconds_into_day(share: f64) -> f64 {
    let mut left = share * f64::from(BY_HOUR.iter().sum::<u32>());
    for (hour, &calls) in BY_HOUR.iter().enumerate() {
        let calls = f64::from(calls);
        if left < calls {
            return (hour as f64 + left / calls) * 3_600.0;
        }
        left -= calls;
    }
    DAY_S
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_in_order_and_most_of_them_by_day() {
        let hours: Vec<u64> = (0..1_000)
            .map(|n| moment(f64::from(n) / 1_000.0, 1).as_secs() / 3_600)
            .collect();
        assert!(hours.is_sorted());
        let by_day = hours.iter().filter(|hour| (8..20).contains(*hour)).count();
        assert!((550..700).contains(&by_day), "{by_day}");
        assert_eq!(moment(0.5, 2), Duration::from_secs(86_400));
    }
}
