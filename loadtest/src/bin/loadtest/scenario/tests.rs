//! What is wrong with a scenario is told with file, line, key, problem and what is accepted.

use super::*;

const GOOD: &str = r#"name = "test"
description = "a test"
seed = 7
duration_s = 60

[population]
responders = 200
phones = 100
where = "london"

[incidents]
arrivals = "even"
per_s = 1
sites = 10

[[event]]
kind = "pause"
at_s = 5
for_ms = 100

[[level]]
hop = "report_acknowledged"
p99_ms = 25

[[level]]
count = "alerts_lost"
max = 0
"#;

/// Reads a text as if it were in `x.toml`.
fn read(text: &str) -> Result<Scenario, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.toml");
    fs::write(&path, text).expect("written");
    let read = Scenario::read(&path, None);
    read.map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn a_good_scenario_is_read_with_defaults() {
    let scenario = read(GOOD).expect("valid");
    assert_eq!((scenario.incidents.asked, scenario.positions.per_message), (7, 100));
    assert!(!scenario.has_trunk());
    assert_eq!(scenario.people_of_trunk(), 100);
}

#[test]
fn what_is_wrong_is_told_with_line_key_and_what_is_accepted() {
    for (from, to, told) in [
        (
            "phones = 100",
            "phonez = 100",
            "x.toml:8: population.phonez: unknown field `phonez`, expected one of `responders`, `phones`",
        ),
        ("phones = 100\n", "", "x.toml:6: population: missing field `phones`"),
        (
            "phones = 100",
            "phones = 300",
            "x.toml:8: population.phones: is 300; accepted is 1 to 200",
        ),
        (
            "seed = 7",
            "seed = \"x\"",
            "x.toml:3: seed: invalid type: string \"x\", expected u64",
        ),
        (
            "where = \"london\"",
            "where = \"paris\"",
            "x.toml:9: population.where: unknown variant `paris`, expected one of `london`, `great-britain`, `place`",
        ),
        (
            "where = \"london\"",
            "where = \"place\"",
            "x.toml:6: population.latitude_deg: is missing; it is needed because where is \"place\"",
        ),
        (
            "sites = 10",
            "sites = 10\nfile = \"x.csv\"",
            "x.toml:15: incidents.file: is accepted only with arrivals = \"recorded\"",
        ),
        (
            "per_s = 1\n",
            "",
            "x.toml:11: incidents.per_s: is missing; it is needed because arrivals is \"even\" or \"poisson\"",
        ),
        (
            "per_s = 1\n",
            "per_s = nan\n",
            "x.toml:13: incidents.per_s: is NaN; accepted is 0.001 to 1000",
        ),
        (
            "for_ms = 100",
            "for_s = 1",
            "x.toml:16: event[1].for_ms: is missing; it is needed because kind is \"pause\"",
        ),
        (
            "for_ms = 100",
            "for_ms = 0",
            "x.toml:19: event[1].for_ms: is 0; accepted is 1 to 60000",
        ),
        (
            "for_ms = 100",
            "for_ms = 100\ntimes = 3",
            "x.toml:16: event[1].every_s: is missing",
        ),
        (
            "count = \"alerts_lost\"",
            "count = \"alerts_found\"",
            "x.toml:26: level[2].count: is \"alerts_found\"; accepted are incidents_due, ",
        ),
        (
            "p99_ms = 25",
            "max = 25",
            "x.toml:23: level[1].max: is accepted only with count",
        ),
        (
            "p99_ms = 25\n",
            "",
            "x.toml:21: level[1]: says nothing to reach; accepted are p50_ms, ",
        ),
        (
            "p99_ms = 25\n",
            "p99 = 25\n",
            "x.toml:23: level[1].p99: unknown field `p99`, expected one of ",
        ),
        ("seed = 7", "seed = ", "x.toml:3: "),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let error = read(&GOOD.replacen(from, to, 1)).expect_err(to);
        assert!(error.starts_with(told), "for {to:?} it said\n{error}\nand not\n{told}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Scenario::read(Path::new("/nowhere/x.toml"), None)
        .expect_err("no file")
        .to_string();
    assert!(error.starts_with("/nowhere/x.toml: cannot be read: "), "{error}");
}

#[test]
fn every_scenario_that_is_shipped_is_valid_and_has_levels() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the scenarios") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let scenario = Scenario::read(&path, None).unwrap_or_else(|error| panic!("{error}"));
            assert!(!scenario.levels.is_empty(), "{}", path.display());
            crate::plan::Plan::new(&scenario).unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
            count += 1;
        }
    }
    assert!(count >= 9, "{count}");
}
