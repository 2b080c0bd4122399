//! `loadtest` as its user meets it: what it refuses, with which words and exit codes.

use std::{
    fs,
    process::{Command, Output},
};

/// Runs `loadtest` to its end.
fn loadtest(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(arguments)
        .env_remove("MUSTER_BIN")
        .output()
        .expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_usage_exits_with_2_and_names_what_is_missing() {
    let neither = loadtest(&["run", "--scenario", "x.toml"]);
    assert_eq!(neither.status.code(), Some(2));
    assert!(said(&neither).contains("--self"), "{}", said(&neither));
    let both = loadtest(&["run", "--scenario", "x.toml", "--self", "--endpoints", "y.json"]);
    assert_eq!(both.status.code(), Some(2));
    let wrong = loadtest(&["run", "--scenario", "x.toml", "--self", "--duration", "5d"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).contains("accepted is 1s to 24h"), "{}", said(&wrong));
}

#[test]
fn a_bad_scenario_exits_with_78_and_the_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bad.toml");
    fs::write(&path, "name = \"bad\"\ncolour = \"red\"\n").expect("written");
    let path = path.to_str().expect("readable");
    let refused = loadtest(&["run", "--scenario", path, "--self"]);
    assert_eq!(refused.status.code(), Some(78));
    let expected = format!("loadtest: {path}:2: colour: unknown field `colour`, expected one of `name`");
    assert!(said(&refused).starts_with(&expected), "{}", said(&refused));
}

#[test]
fn a_service_that_is_not_there_is_a_failure_and_named() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/short.toml");
    let absent = loadtest(&["run", "--scenario", scenario, "--self", "--muster", "/nowhere/muster"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(said(&absent).contains("starting /nowhere/muster"), "{}", said(&absent));
    let absent = loadtest(&["run", "--scenario", scenario, "--endpoints", "/nowhere/endpoints.json"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(said(&absent).contains("/nowhere/endpoints.json"), "{}", said(&absent));
}

#[test]
fn a_fault_that_a_service_cannot_be_given_is_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let endpoints = folder.path().join("endpoints.json");
    fs::write(
        &endpoints,
        r#"{"grpc": "127.0.0.1:1", "mqtt": "127.0.0.1:1", "http": "127.0.0.1:1"}"#,
    )
    .expect("written");
    let endpoints = endpoints.to_str().expect("readable");
    for (name, needed) in [("broker-restart", "--self"), ("paused", "--pid")] {
        let scenario = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let refused = loadtest(&["run", "--scenario", &scenario, "--endpoints", endpoints]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(needed), "{}", said(&refused));
    }
}
