//! OwnTracks: a stock app as a source of positions. Only `_type` `location` is used; its many other fields and message
//! types are its own and are not counted as unknown.

use dispatch_core::{ids::DeviceId, input::Input, time::Timestamp};
use serde::Deserialize;

use crate::{
    fix::{ReportedFix, timestamp},
    refusal::{Refusal, count_ignored},
};

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "_type")]
    kind: String,
}

#[derive(Deserialize)]
struct Location {
    lat: Option<f64>,
    lon: Option<f64>,
    /// Metres.
    acc: Option<f64>,
    /// Seconds since the Unix epoch.
    tst: Option<Seconds>,
}

/// Recordings of real phones hold times written both ways.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

/// What a publication of this device means; `None` = nothing to act upon, which is counted.
pub(crate) fn input(device: DeviceId, payload: &[u8], now: Timestamp) -> Result<Option<Input>, Refusal> {
    let message: Message = serde_json::from_slice(payload).map_err(|_| Refusal::Malformed)?;
    if message.kind != "location" {
        count_ignored("not_a_location");
        return Ok(None);
    }
    let location: Location = serde_json::from_slice(payload).map_err(|_| Refusal::Malformed)?;
    let reported = ReportedFix {
        latitude_deg: location.lat.ok_or(Refusal::Position)?,
        longitude_deg: location.lon.ok_or(Refusal::Position)?,
        accuracy_m: location.acc.ok_or(Refusal::Accuracy)?,
        taken_at: location.tst.map(|seconds| seconds.moment()).transpose()?,
        sent_at: None,
    };
    let fix = reported.check(now)?;
    Ok(Some(Input::Fix { device, fix }))
}

impl Seconds {
    fn moment(&self) -> Result<Timestamp, Refusal> {
        let seconds = match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.parse().map_err(|_| Refusal::Time)?,
        };
        if !seconds.is_finite() {
            return Err(Refusal::Time);
        }
        // A float cast saturates, and what saturates is refused as a time.
        #[allow(clippy::cast_possible_truncation)]
        timestamp(seconds as i64, 0)
    }
}

#[cfg(test)]
mod tests {
    use dispatch_core::position::{Fix, Metres, Position};

    use super::*;

    const DEVICE: DeviceId = DeviceId::from_bytes([7; 16]);
    const NOW: Timestamp = Timestamp::from_unix_ms(1_497_508_700_000);

    fn read(payload: &str) -> Result<Option<Input>, Refusal> {
        input(DEVICE, payload.as_bytes(), NOW)
    }

    #[test]
    fn a_location_is_a_fix() {
        let payload = r#"{"cog":271,"batt":41,"lon":2.29513,"acc":5,"vel":61,"vac":21,"lat":48.85833,"t":"u",
            "tst":1497508651,"alt":167,"_type":"location","topic":"owntracks/jane/iphone","p":71,"tid":"JJ"}"#;
        let fix = Fix {
            position: Position::from_degrees(48.85833, 2.29513).expect("in range"),
            accuracy: Metres::new(5),
            taken_at: Timestamp::from_unix_ms(1_497_508_651_000),
        };
        assert_eq!(read(payload), Ok(Some(Input::Fix { device: DEVICE, fix })));
        assert_eq!(read(&payload.replace("1497508651", "\"1497508651\"")), read(payload));
    }

    #[test]
    fn other_messages_say_nothing() {
        for payload in [
            r#"{"tst":"1440363922","_type":"lwt"}"#,
            r#"{"_type":"card","name":"x"}"#,
            r#"{"_type":"transition","acc":65,"lat":2.2,"lon":1.1,"tst":1433342520,"wtst":1432817332}"#,
        ] {
            assert_eq!(read(payload), Ok(None), "{payload}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused_with_the_reason() {
        for (payload, refusal) in [
            ("", Refusal::Malformed),
            ("[]", Refusal::Malformed),
            (r#"{"lat":48.8,"lon":2.2,"acc":5}"#, Refusal::Malformed),
            (r#"{"_type":"location","lon":2.2,"acc":5}"#, Refusal::Position),
            (r#"{"_type":"location","lat":48.8,"lon":2.2}"#, Refusal::Accuracy),
            (
                r#"{"_type":"location","lat":48.8,"lon":2.2,"acc":-1}"#,
                Refusal::Accuracy,
            ),
            (
                r#"{"_type":"location","lat":48.8,"lon":2.2,"acc":5,"tst":"soon"}"#,
                Refusal::Time,
            ),
            (
                r#"{"_type":"location","lat":48.8,"lon":2.2,"acc":5,"tst":1e300}"#,
                Refusal::Time,
            ),
            (
                r#"{"_type":"location","lat":48.8,"lon":2.2,"acc":5,"tst":1497509651}"#,
                Refusal::FixFromFuture,
            ),
        ] {
            assert_eq!(read(payload), Err(refusal), "{payload}");
        }
    }
}
