//! The calls: real places and times of medical 999 calls in London, see `deploy/demo/README.md`.

use std::time::Duration;

use anyhow::Context as _;
use jiff::civil::DateTime;
use serde::Deserialize;

const CALLS: &str = include_str!("../../../../deploy/demo/london-medical-calls.csv");

#[derive(Deserialize)]
struct Row {
    incident_number: String,
    called_at: String,
    easting_m: f64,
    northing_m: f64,
    accuracy_m: f64,
    property_category: String,
    postcode_district: String,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The fire brigade's number, made unique when the calls come round again.
    pub number: String,
    /// When it comes in, counted from the start of the demo.
    pub after: Duration,
    /// British National Grid, metres.
    pub easting_m: f64,
    /// British National Grid, metres.
    pub northing_m: f64,
    /// 0 = exact; dwellings are published as the centre of a 100 m cell.
    pub accuracy_m: f64,
    /// Such as "SW9 Dwelling".
    pub label: String,
}

/// The calls that come in within `duration`, beginning with one the seed chooses, `speed` times faster than they did.
pub fn schedule(duration: Duration, speed: f64, seed: u64) -> anyhow::Result<Vec<Call>> {
    let rows = csv::Reader::from_reader(CALLS.as_bytes())
        .into_deserialize()
        .collect::<Result<Vec<Row>, _>>()?;
    let times = rows
        .iter()
        .map(|row| seconds(&row.called_at))
        .collect::<anyhow::Result<Vec<i64>>>()?;
    let (first, last) = (
        *times.first().context("there are calls")?,
        *times.last().context("there are calls")?,
    );
    // A day after the last call the first comes round again.
    let round = last - first + 86_400;
    let start = usize::try_from(seed % rows.len() as u64)?;
    let mut calls = Vec::new();
    for n in start.. {
        let (lap, row) = (n / rows.len(), &rows[n % rows.len()]);
        let behind = times[n % rows.len()] - times[start] + round * i64::try_from(lap)?;
        #[allow(clippy::cast_precision_loss)]
        let after = Duration::from_secs_f64(behind as f64 / speed);
        if after >= duration {
            break;
        }
        calls.push(Call {
            number: if lap == 0 {
                row.incident_number.clone()
            } else {
                format!("{}.{lap}", row.incident_number)
            },
            after,
            easting_m: row.easting_m,
            northing_m: row.northing_m,
            accuracy_m: row.accuracy_m,
            label: format!("{} {}", row.postcode_district, row.property_category),
        });
    }
    Ok(calls)
}

fn seconds(text: &str) -> anyhow::Result<i64> {
    let time: DateTime = text.parse().with_context(|| format!("called_at '{text}'"))?;
    Ok(time.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_calls_in_order() {
        let calls = |seed| schedule(Duration::from_secs(60), 7_200.0, seed).expect("the calls are readable");
        let numbers = |seed| calls(seed).iter().map(|call| call.number.clone()).collect::<Vec<_>>();
        assert_eq!(numbers(5), numbers(5));
        assert_ne!(numbers(5), numbers(6));
        assert!(calls(1).is_sorted_by_key(|call| call.after));
        assert!((5..60).contains(&calls(1).len()), "{}", calls(1).len());
    }

    #[test]
    fn calls_come_round_again_under_other_numbers() {
        let calls = schedule(Duration::from_secs(20), 1e6, 370).expect("the calls are readable");
        let mut numbers: Vec<&str> = calls.iter().map(|call| call.number.as_str()).collect();
        assert!(numbers.len() > 371);
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), calls.len());
    }
}
