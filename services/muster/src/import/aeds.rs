//! `muster import aeds FILE`: registers the defibrillators of a published list.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use dispatch_core::aeds::{Access, Locality};
use muster_maps::aeds::{self, AedEntry, AedList, Remedy};
use muster_proto::{
    google,
    v1::{
        self as wire, DefibrillatorAccess, DefibrillatorProfile, ImportDefibrillatorsRequest, ImportOutcome,
        location::Point,
    },
};

use super::{Counts, Door, Numbered, batches, tell, through};
use crate::{
    control_room::{ControlRoom, patiently, refused},
    telemetry::{complain, say},
};

/// Flags of `muster import aeds`.
#[derive(Args)]
pub struct Arguments {
    /// CSV with the header ref,name,latitude,longitude,access,opening_hours,indoor,level,out_of_service,confirmed_at,
    /// accuracy_m,notes; or a GeoJSON export of OpenStreetMap; or another published list.
    ///
    /// Columns may stand in any order; only latitude and longitude must be there. access is public, customers, permissive,
    /// private or unknown. opening_hours are in the form of OpenStreetMap, such as "Mo-Fr 08:00-18:00; PH off" or 24/7.
    file: PathBuf,
    /// How the file is written.
    #[arg(long, value_enum, default_value_t = Format::Guess)]
    format: Format,
    /// Country whose public holidays the opening hours go by, such as GB. Needed if there are any.
    #[arg(long, requires = "time_zone")]
    country: Option<String>,
    /// Zone of the clock that the opening hours go by, such as Europe/London. Needed if there are any.
    #[arg(long, requires = "country")]
    time_zone: Option<String>,
    /// How far the place of a row that does not say so may be off, in metres.
    #[arg(long, default_value_t = 20)]
    accuracy_m: u32,
    #[command(flatten)]
    door: Door,
}

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// GeoJSON if it begins with a brace, otherwise CSV.
    Guess,
    /// Values separated by commas or semicolons.
    Csv,
    /// A GeoJSON FeatureCollection.
    Geojson,
}

/// Imports a file; fails when a row was refused, after all others were taken.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let list = read(arguments)?;
    let locality = locality(arguments, &list)?;
    let profiles: Vec<_> = list
        .entries
        .iter()
        .map(|entry| (entry.line, profile(entry, locality, arguments.accuracy_m)))
        .collect();
    let mut told = told_by_reader(&list);
    let left_out = list
        .problems
        .iter()
        .filter(|problem| problem.remedy == Remedy::LeftOut)
        .count();
    let merged = list
        .problems
        .iter()
        .filter(|problem| problem.remedy == Remedy::Merged)
        .count();
    let taken = through(&arguments.door, async |room| import(&room, &profiles, &mut told).await)?;
    let refused = left_out + taken.counts.get(&ImportOutcome::Refused).copied().unwrap_or(0);
    tell(&taken.counts, refused);
    if merged + taken.not_understood > 0 {
        say(&format!(
            "{merged} told twice and merged, {} with opening hours that mean nothing",
            taken.not_understood
        ));
    }
    told.sort();
    for (line, message) in &told {
        complain(&format!("{}:{line}: {message}", arguments.file.display()));
    }
    if refused > 0 {
        bail!("{refused} rows were refused");
    }
    Ok(())
}

fn read(arguments: &Arguments) -> anyhow::Result<AedList> {
    let reading = || format!("reading {}", arguments.file.display());
    let bytes = fs::read(&arguments.file).with_context(reading)?;
    let format = match arguments.format {
        Format::Guess => aeds::Format::Guess,
        Format::Csv => aeds::Format::Csv,
        Format::Geojson => aeds::Format::GeoJson,
    };
    aeds::read(&bytes, format).with_context(reading)
}

/// Whose holidays and clock; asked for before anything is sent, since guessing would open doors at the wrong hour.
fn locality(arguments: &Arguments, list: &AedList) -> anyhow::Result<Option<Locality>> {
    if let (Some(country), Some(time_zone)) = (&arguments.country, &arguments.time_zone) {
        return Ok(Some(Locality::new(country, time_zone)?));
    }
    match list
        .entries
        .iter()
        .filter(|entry| !entry.opening_hours.is_empty())
        .count()
    {
        0 => Ok(None),
        rows => bail!(
            "{rows} rows have opening hours; say whose holidays and whose clock they go by, for example --country GB \
             --time-zone Europe/London"
        ),
    }
}

fn told_by_reader(list: &AedList) -> Numbered<String> {
    let sentence = |problem: &aeds::Problem| match problem.remedy {
        Remedy::LeftOut => problem.message.clone(),
        Remedy::Merged => format!("merged: {}", problem.message),
        Remedy::UsedWithout => format!("taken without it: {}", problem.message),
    };
    list.problems
        .iter()
        .map(|problem| (problem.line, sentence(problem)))
        .collect()
}

fn profile(entry: &AedEntry, locality: Option<Locality>, accuracy_m: u32) -> DefibrillatorProfile {
    let address = wire::Address {
        text: entry.address.clone(),
        postcode: entry.postcode.clone(),
        access_notes: entry.notes.clone(),
        ..wire::Address::default()
    };
    let hours = locality
        .filter(|_| !entry.opening_hours.is_empty())
        .map(|locality| wire::OpeningHours {
            expression: entry.opening_hours.clone(),
            country: locality.country().to_owned(),
            time_zone: locality.time_zone().to_owned(),
        });
    DefibrillatorProfile {
        external_ref: entry.external_ref.clone(),
        location: Some(wire::Location {
            point: Some(Point::Wgs84(wire::Wgs84 {
                latitude_deg: entry.position.latitude(),
                longitude_deg: entry.position.longitude(),
            })),
            accuracy_m: Some(entry.accuracy.map_or(f64::from(accuracy_m), |metres| metres.as_f64())),
            address: Some(address),
        }),
        access: access(entry.access).into(),
        opening_hours: hours,
        indoor: entry.indoor,
        level: entry
            .level
            .as_ref()
            .map(|level| level.as_str().to_owned())
            .unwrap_or_default(),
        out_of_service: entry.out_of_service,
        confirmed_at: entry.confirmed_at.map(moment),
        name: entry.name.clone(),
        cabinet_code: entry.cabinet_code.clone(),
    }
}

fn access(access: Access) -> DefibrillatorAccess {
    match access {
        Access::Unknown => DefibrillatorAccess::Unspecified,
        Access::Public => DefibrillatorAccess::Public,
        Access::Permissive => DefibrillatorAccess::Permissive,
        Access::Private => DefibrillatorAccess::Private,
    }
}

fn moment(at: dispatch_core::time::Timestamp) -> google::Timestamp {
    let (ms, nanos_in_ms) = (at.unix_ms(), 1_000_000);
    google::Timestamp {
        seconds: ms.div_euclid(1000),
        nanos: i32::try_from(ms.rem_euclid(1000) * nanos_in_ms).expect("less than a thousand million"),
    }
}

/// What the service took.
#[derive(Default)]
struct Taken {
    counts: Counts,
    not_understood: usize,
}

async fn import(
    room: &ControlRoom,
    profiles: &[(u64, DefibrillatorProfile)],
    told: &mut Numbered<String>,
) -> anyhow::Result<Taken> {
    let mut taken = Taken {
        counts: BTreeMap::new(),
        not_understood: 0,
    };
    for batch in batches(profiles) {
        let request = ImportDefibrillatorsRequest {
            profiles: batch.iter().map(|(_, profile)| profile.clone()).collect(),
        };
        let answer = patiently(|| {
            let (mut client, request) = (room.defibrillators(), request.clone());
            async move { client.import_defibrillators(request).await }
        })
        .await
        .map_err(|status| refused("importing", &status))?;
        for row in answer.into_inner().rows {
            let sent = batch.get(row.row as usize);
            let line = sent.map_or(0, |(line, _)| *line);
            *taken.counts.entry(row.outcome()).or_insert(0) += 1;
            if row.outcome() == ImportOutcome::Refused {
                told.push((line, row.message));
            } else if row.opening_hours_not_understood {
                taken.not_understood += 1;
                let hours = sent.and_then(|(_, profile)| profile.opening_hours.as_ref());
                let words = hours.map_or("", |hours| hours.expression.as_str());
                told.push((
                    line,
                    format!("opening_hours '{words}' mean nothing; whether it is open is never known"),
                ));
            }
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str, locality: Option<(&str, &str)>) -> (tempfile::TempDir, Arguments) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("aeds.csv");
        fs::write(&file, text).expect("written");
        let arguments = Arguments {
            file,
            format: Format::Guess,
            country: locality.map(|(country, _)| country.to_owned()),
            time_zone: locality.map(|(_, zone)| zone.to_owned()),
            accuracy_m: 20,
            door: Door {
                data_dir: directory.path().to_owned(),
                certificate: None,
                key: None,
            },
        };
        (directory, arguments)
    }

    const LIST: &str = "ref,latitude,longitude,opening_hours,accuracy_m,level\n1,51.5,-0.1,24/7,,-1\n2,51.5,-0.2,,7,\n";

    #[test]
    fn hours_need_to_be_told_whose_they_are() {
        let (_dir, arguments) = arguments(LIST, None);
        let list = read(&arguments).expect("readable");
        let refusal = locality(&arguments, &list).expect_err("refused").to_string();
        assert!(
            refusal.starts_with("1 rows have opening hours") && refusal.contains("--time-zone"),
            "{refusal}"
        );
        let without = AedList {
            entries: list.entries[1..].to_vec(),
            ..list
        };
        assert_eq!(locality(&arguments, &without).expect("not needed"), None);
    }

    #[test]
    fn a_wrong_country_is_told_before_anything_is_sent() {
        let (_dir, arguments) = arguments(LIST, Some(("UK", "Europe/London")));
        let list = read(&arguments).expect("readable");
        let refusal = locality(&arguments, &list).expect_err("refused").to_string();
        assert!(refusal.starts_with("'UK' is not a country"), "{refusal}");
    }

    #[test]
    fn a_row_becomes_a_profile() {
        let (_dir, arguments) = arguments(LIST, Some(("GB", "Europe/London")));
        let list = read(&arguments).expect("readable");
        let locality = locality(&arguments, &list).expect("known");
        let profiles: Vec<_> = list.entries.iter().map(|entry| profile(entry, locality, 20)).collect();
        let accuracy = |profile: &DefibrillatorProfile| profile.location.as_ref().and_then(|place| place.accuracy_m);
        assert_eq!(
            profiles.iter().map(accuracy).collect::<Vec<_>>(),
            [Some(20.0), Some(7.0)]
        );
        let hours = profiles[0].opening_hours.as_ref().expect("there");
        assert_eq!((hours.expression.as_str(), hours.country.as_str()), ("24/7", "GB"));
        assert_eq!(
            (profiles[1].opening_hours.as_ref(), profiles[0].level.as_str()),
            (None, "-1")
        );
    }
}
