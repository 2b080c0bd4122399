//! `muster replay` from its flags to what it leaves behind.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use clap::Parser;
use dispatch_core::{policy::Policy, position::Metres};
use muster_replay::{Arguments, Map, run};

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    replay: Arguments,
}

const INCIDENTS: &str = "time,lat,lon,ambulance_s\n\
    2017-01-10T12:00:00Z,51.51,-0.12,480\n\
    2017-01-10T23:00:00Z,51.52,-0.11,\n\
    2017-01-12T08:00:00Z,51.50,-0.10,600\n";

fn flags(arguments: &[&str]) -> Result<Arguments, clap::Error> {
    let all = std::iter::once("replay").chain(arguments.iter().copied());
    Flags::try_parse_from(all).map(|flags| flags.replay)
}

fn written(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn policies() -> Vec<Policy> {
    let policy = |name: &str, metres| Policy {
        name: name.to_owned(),
        radius: Metres::new(metres),
        ..Policy::default()
    };
    vec![policy("near", 600), policy("far & wide", 2_000)]
}

#[test]
fn a_study_of_londoners_leaves_a_page() {
    let directory = tempfile::tempdir().unwrap();
    let incidents = written(directory.path(), "incidents.csv", INCIDENTS);
    let page = directory.path().join("page.html");
    let arguments = [
        "--incidents",
        &incidents,
        "--responder-count",
        "2000",
        "--output",
        "json",
        "--html",
        page.to_str().unwrap(),
    ];
    run(&flags(&arguments).unwrap(), policies(), Map::default()).unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("far &amp; wide") && page.contains("3 incidents"));
}

#[test]
fn files_and_flags_make_the_study() {
    let directory = tempfile::tempdir().unwrap();
    let incidents = written(directory.path(), "incidents.csv", INCIDENTS);
    let responders = written(
        directory.path(),
        "responders.csv",
        "lat,lon,mode\n51.51,-0.12,car\n51.52,-0.11,\n",
    );
    let from = [
        "--incidents",
        &incidents,
        "--responders",
        &responders,
        "--from",
        "2017-01-10T20:00:00Z",
    ];
    let study = flags(&from).unwrap().study(policies(), Map::default()).unwrap();
    assert_eq!((study.incidents.len(), study.responders.len()), (2, 2));
    // Numbered by line, whichever are left out.
    assert_eq!(study.incidents[0].number, 3);
    assert!(study.population.is_none());
    let drawn = flags(&["--incidents", &incidents, "--responder-share", "0.0001"]).unwrap();
    assert_eq!(drawn.study(policies(), Map::default()).unwrap().responders.len(), 817);
    let none = flags(&["--incidents", &incidents, "--from", "2018-01-01T00:00:00Z"]).unwrap();
    let refused = none.study(policies(), Map::default()).err().unwrap().to_string();
    assert!(refused.contains("no incident between"), "{refused}");
}

#[test]
fn bad_rows_refuse_the_file_unless_they_are_to_be_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let bad = format!("{INCIDENTS}noon,51.5,-0.1,\n");
    let incidents = written(directory.path(), "incidents.csv", &bad);
    let refused = flags(&["--incidents", &incidents])
        .unwrap()
        .study(policies(), Map::default());
    let text = format!("{:#}", refused.err().unwrap());
    assert!(text.contains("line 5: time is \"noon\""), "{text}");
    let skipped = flags(&["--incidents", &incidents, "--skip-bad-rows"]).unwrap();
    assert_eq!(skipped.study(policies(), Map::default()).unwrap().incidents.len(), 3);
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    for wrong in [
        &["--seed", "1"][..],
        &["--incidents", "x", "--ambulance-mean", "0"],
        &["--incidents", "x", "--survival-curve", "cox_1972"],
        &["--incidents", "x", "--responder-share", "2"],
        &["--incidents", "x", "--responder-count", "5", "--responders", "y"],
        &["--incidents", "x", "--from", "yesterday"],
    ] {
        assert!(flags(wrong).is_err(), "{wrong:?}");
    }
}
