//! Numbers as a reader of results sees them: three digits that count, thousands apart, never a NaN.

/// Stands where there is no number.
pub const NOTHING: &str = "-";

/// Milliseconds, without the unit: `0.042`, `3.14`, `31.4`, `1,234`.
pub fn ms(ms: f64) -> String {
    number(ms)
}

/// A number with about three digits that count.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => NOTHING.to_owned(),
        0.0 => "0".to_owned(),
        size if size < 0.0995 => format!("{value:.3}"),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

/// A whole number with its thousands apart: `1,234,567`.
pub fn whole(value: u64) -> String {
    grouped(&value.to_string())
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.split_at(usize::from(digits.starts_with('-')));
    let mut grouped = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A stretch of time: `0.30 s`, `43 s`, `2 min 5 s`, `3 h 20 min`.
pub fn stretch(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NOTHING.to_owned();
    }
    if seconds < 9.95 && seconds.fract() != 0.0 {
        return format!("{} s", number(seconds));
    }
    let whole = seconds.round().max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes, seconds) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, 0) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A moment of a run on an axis: `0:30`, `12:00`, `1:00:00`.
pub fn moment(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Milliseconds at a tick of an axis, with the unit a reader would say: `0.1 ms`, `50 ms`, `2 s`.
pub fn tick_ms(ms: f64) -> String {
    let (value, unit) = if ms < 999.5 { (ms, "ms") } else { (ms / 1e3, "s") };
    format!("{} {unit}", plain(value))
}

/// A tick's value without needless zeros: `0.25`, `5`, `20k`, `2M`.
pub fn tick(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{}M", plain(value / 1e6)),
        size if size >= 1e4 => format!("{}k", plain(value / 1e3)),
        _ => plain(value),
    }
}

fn plain(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A percentile by its name in scenarios: `p99.9`.
pub fn percentile(share: f64) -> String {
    format!("p{}", plain(share * 100.0))
}

/// Arrows and bounds as a page shows them; scenarios and terminals keep to ASCII.
pub fn pretty(text: &str) -> String {
    text.replace("->", "→").replace("<=", "≤").replace(">=", "≥")
}

/// The first characters, with an ellipsis when there are more.
pub fn shortened(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        let said = [
            0.0,
            0.0421,
            0.5,
            3.172,
            9.996,
            31.41,
            99.96,
            1234.4,
            1_234_567.0,
            -5000.0,
        ]
        .map(number);
        let wanted = [
            "0",
            "0.042",
            "0.50",
            "3.17",
            "10.0",
            "31.4",
            "100",
            "1,234",
            "1,234,567",
            "-5,000",
        ];
        assert_eq!(said, wanted);
        assert_eq!(number(f64::NAN), NOTHING);
        assert_eq!(number(f64::INFINITY), NOTHING);
    }

    #[test]
    fn stretches_and_moments_read_like_a_clock() {
        let said = [0.0, 0.3, 43.0, 60.0, 125.2, 3600.0, 12_000.0, f64::NAN].map(stretch);
        let wanted = [
            "0 s",
            "0.30 s",
            "43 s",
            "1 min",
            "2 min 5 s",
            "1 h",
            "3 h 20 min",
            NOTHING,
        ];
        assert_eq!(said, wanted);
        assert_eq!([30.0, 720.0, 3600.0].map(moment), ["0:30", "12:00", "1:00:00"]);
    }

    #[test]
    fn ticks_carry_no_needless_zeros() {
        assert_eq!(
            [0.1, 50.0, 2000.0, 1e5].map(tick_ms),
            ["0.1 ms", "50 ms", "2 s", "100 s"]
        );
        assert_eq!(
            [0.25, 5000.0, 20_000.0, 2.5e6].map(tick),
            ["0.25", "5000", "20k", "2.5M"]
        );
        assert_eq!([0.5, 0.999, 0.9999].map(percentile), ["p50", "p99.9", "p99.99"]);
    }

    #[test]
    fn long_words_are_shortened_by_characters() {
        assert_eq!(shortened("größer", 6), "größer");
        assert_eq!(shortened("größere", 6), "größe…");
    }
}
