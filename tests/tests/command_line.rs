//! What the command line promises to scripts: exit codes, and messages that name what is wrong.
#![allow(clippy::unwrap_used)]

use std::fs;

use muster_tests::service::run;

#[tokio::test]
async fn a_wrong_argument_is_a_usage_error() {
    let wrong: [&[&str]; 4] = [
        &[],
        &["no-such-command"],
        &["serve", "--no-such-flag"],
        &["serve", "--grpc-listen", "not an address"],
    ];
    for arguments in wrong {
        let ended = run(arguments).await.unwrap();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("Usage") || ended.stderr.contains("--help"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn help_and_version_are_no_errors() {
    for argument in ["--help", "--version"] {
        let ended = run([argument]).await.unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains("muster"), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_bad_configuration_is_refused_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("muster.toml");
    let data_dir = dir.path().join("data");
    for (text, key) in [("no_such_key = 1\n", "no_such_key"), ("data_dir = 7\n", "data_dir")] {
        fs::write(&file, text).unwrap();
        let checked = run(["check-config", "--config", file.to_str().unwrap()]).await.unwrap();
        assert_eq!(checked.code, Some(78), "{text}: {}", checked.stderr);
        assert!(checked.stderr.contains(key), "{text}: {}", checked.stderr);

        let arguments = [
            "serve",
            "--config",
            file.to_str().unwrap(),
            "--data-dir",
            data_dir.to_str().unwrap(),
        ];
        let served = run(arguments).await.unwrap();
        assert_eq!(served.code, Some(78), "{text}: {}", served.stderr);
        assert!(served.stderr.contains(key), "{text}: {}", served.stderr);
        assert!(!data_dir.exists(), "a refused start leaves nothing behind");
    }
}

#[tokio::test]
async fn a_missing_or_broken_configuration_file_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.toml");
    let broken = dir.path().join("broken.toml");
    fs::write(&broken, "= =\n").unwrap();
    for file in [missing, broken] {
        let ended = run(["check-config", "--config", file.to_str().unwrap()]).await.unwrap();
        assert_eq!(ended.code, Some(78), "{}", ended.stderr);
        assert!(
            ended.stderr.contains(file.file_name().unwrap().to_str().unwrap()),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn an_empty_configuration_is_fine() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("muster.toml");
    fs::write(&file, "").unwrap();
    let ended = run(["check-config", "--config", file.to_str().unwrap()]).await.unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
