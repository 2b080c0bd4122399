//! `muster import responders FILE`: reads a CSV file and registers its people through gRPC, a thousand at a time.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::{
    Timestamp as Calendar,
    civil::{Date, Time},
    tz::TimeZone,
};
use muster_proto::{
    google::Timestamp,
    v1::{ImportOutcome, ImportRespondersRequest, QuietHours, ResponderProfile, TravelMode},
};
use serde::Deserialize;

use super::{Counts, Door, Numbered, batches, tell, through};
use crate::{
    control_room::{ControlRoom, patiently, refused},
    telemetry::complain,
};

/// Flags of `muster import responders`.
#[derive(Args)]
pub struct Arguments {
    /// CSV with the header external_ref,name,skills,credential_valid_until,travel_mode,on_duty and perhaps quiet_hours.
    ///
    /// Skills are separated by spaces. credential_valid_until is a date (the person may be asked until its end, UTC) or
    /// a time such as 2027-03-31T12:00:00Z. travel_mode is foot, bicycle, car or empty. on_duty is true or false.
    /// quiet_hours, when the person is asked only if nobody else is sooner, is two times such as 22:00-07:00 or empty.
    file: PathBuf,
    #[command(flatten)]
    door: Door,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    external_ref: String,
    name: String,
    skills: String,
    credential_valid_until: String,
    travel_mode: String,
    on_duty: String,
    #[serde(default)]
    quiet_hours: String,
}

/// Imports a file; fails when a row was refused, after all others were taken.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (profiles, mut refusals) = read(&arguments.file)?;
    let counts = through(&arguments.door, async |room| {
        import(&room, &profiles, &mut refusals).await
    })?;
    tell(&counts, refusals.len());
    for (line, problem) in &refusals {
        complain(&format!("{}:{line}: {problem}", arguments.file.display()));
    }
    if refusals.is_empty() {
        Ok(())
    } else {
        bail!("{} rows were refused", refusals.len())
    }
}

/// Reads all rows, each with its line; those that cannot be read are told apart.
fn read(path: &PathBuf) -> anyhow::Result<(Numbered<ResponderProfile>, Numbered<String>)> {
    let reading = || format!("reading {}", path.display());
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(reading)?;
    let (mut profiles, mut refusals) = (Vec::new(), Vec::new());
    let headers = reader.headers().with_context(reading)?.clone();
    for record in reader.records() {
        let record = record.with_context(reading)?;
        let line = record.position().map_or(0, csv::Position::line);
        let parsed = record
            .deserialize::<Row>(Some(&headers))
            .map_err(|error| error.to_string());
        match parsed.and_then(|row| profile(&row)) {
            Ok(profile) => profiles.push((line, profile)),
            Err(problem) => refusals.push((line, problem)),
        }
    }
    Ok((profiles, refusals))
}

fn profile(row: &Row) -> Result<ResponderProfile, String> {
    let travel_mode = match row.travel_mode.as_str() {
        "" => TravelMode::Unspecified,
        "foot" => TravelMode::Foot,
        "bicycle" => TravelMode::Bicycle,
        "car" => TravelMode::Car,
        other => {
            return Err(format!(
                "travel_mode is '{other}'; accepted is foot, bicycle, car or nothing"
            ));
        }
    };
    let on_duty = match row.on_duty.as_str() {
        "true" => true,
        "false" => false,
        other => return Err(format!("on_duty is '{other}'; accepted is true or false")),
    };
    Ok(ResponderProfile {
        external_ref: row.external_ref.clone(),
        name: row.name.clone(),
        skills: row.skills.split_whitespace().map(str::to_owned).collect(),
        credential_valid_until: Some(valid_until(&row.credential_valid_until)?),
        travel_mode: travel_mode.into(),
        on_duty,
        quiet_hours: quiet_hours(&row.quiet_hours)?,
    })
}

/// Two times of the day with a hyphen between; nothing = none.
fn quiet_hours(text: &str) -> Result<Option<QuietHours>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let time = |part: &str| Some(Time::strptime("%H:%M", part.trim()).ok()?.strftime("%H:%M").to_string());
    let parts = text.split_once('-');
    let times = parts.and_then(|(from, to)| time(from).zip(time(to)));
    let different = times.filter(|(from, to)| from != to);
    let (from, to) = different.ok_or_else(|| {
        format!("quiet_hours is '{text}'; accepted is two different times such as 22:00-07:00, or nothing")
    })?;
    Ok(Some(QuietHours { from, to }))
}

/// A moment, or the end of a day in UTC.
fn valid_until(text: &str) -> Result<Timestamp, String> {
    let end_of_day = |date: Date| {
        date.tomorrow()
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    let moment = text
        .parse::<Calendar>()
        .ok()
        .or_else(|| text.parse::<Date>().ok().and_then(end_of_day));
    let moment = moment.ok_or_else(|| {
        format!(
            "credential_valid_until is '{text}'; accepted is a date YYYY-MM-DD or a time such as 2027-03-31T12:00:00Z"
        )
    })?;
    Ok(Timestamp {
        seconds: moment.as_second(),
        nanos: moment.subsec_nanosecond(),
    })
}

async fn import(
    room: &ControlRoom,
    profiles: &[(u64, ResponderProfile)],
    refusals: &mut Numbered<String>,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    for batch in batches(profiles) {
        let request = ImportRespondersRequest {
            profiles: batch.iter().map(|(_, profile)| profile.clone()).collect(),
        };
        let answer = patiently(|| {
            let (mut client, request) = (room.responders(), request.clone());
            async move { client.import_responders(request).await }
        })
        .await
        .map_err(|status| refused("importing", &status))?;
        for row in answer.into_inner().rows {
            *counts.entry(row.outcome()).or_insert(0) += 1;
            if row.outcome() == ImportOutcome::Refused {
                let line = batch.get(row.row as usize).map_or(0, |(line, _)| *line);
                refusals.push((line, row.message));
            }
        }
    }
    refusals.sort();
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_means_until_its_end() {
        assert_eq!(valid_until("1970-01-01").expect("valid").seconds, 86_400);
        assert_eq!(valid_until("1970-01-01T00:00:10Z").expect("valid").seconds, 10);
        assert!(valid_until("31/03/2027").expect_err("refused").contains("31/03/2027"));
    }

    #[test]
    fn a_bad_row_names_its_field_and_does_not_stop_the_others() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("people.csv");
        let text = "external_ref,name,skills,credential_valid_until,travel_mode,on_duty\n\
                    a,Ann,cpr aed,2030-01-01,foot,true\n\
                    b,Ben,cpr,2030-01-01,horse,true\n\
                    c,Cy,cpr,2030-01-01,,yes\n";
        std::fs::write(&path, text).expect("written");
        let (profiles, refusals) = read(&path).expect("readable");
        assert_eq!(profiles.len(), 1);
        assert_eq!(profiles[0].1.skills, ["cpr", "aed"]);
        assert_eq!(refusals.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4]);
        assert!(refusals[0].1.contains("'horse'") && refusals[1].1.contains("'yes'"));
        assert_eq!(profiles[0].1.quiet_hours, None, "no such column");
    }

    #[test]
    fn quiet_hours_are_two_different_times_or_nothing() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("people.csv");
        let mut text = "external_ref,name,skills,credential_valid_until,travel_mode,on_duty,quiet_hours\n".to_owned();
        for hours in ["22:00-07:00", "", "22:00", "7:00 - 22:30", "24:00-07:00", "07:00-07:00"] {
            text += &format!("a,Ann,cpr,2030-01-01,foot,true,{hours}\n");
        }
        std::fs::write(&path, text).expect("written");
        let (profiles, refusals) = read(&path).expect("readable");
        let read = profiles.iter().map(|(line, profile)| {
            let hours = profile.quiet_hours.as_ref();
            (*line, hours.map(|hours| (hours.from.as_str(), hours.to.as_str())))
        });
        let wanted = [(2, Some(("22:00", "07:00"))), (3, None), (5, Some(("07:00", "22:30")))];
        assert_eq!(read.collect::<Vec<_>>(), wanted);
        assert_eq!(refusals.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 6, 7]);
        assert!(refusals.iter().all(|(_, problem)| problem.contains("quiet_hours is '")));
    }
}
