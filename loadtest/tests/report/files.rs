//! A result is read from a file, or it is said why not.

use std::{error::Error, fs, path::PathBuf};

use muster_loadtest::{
    report::{ReadError, read},
    result::FORMAT,
};
use tempfile::TempDir;

use crate::sample;

struct Folder(TempDir);

impl Folder {
    fn file(&self, text: &str) -> PathBuf {
        let path = self.0.path().join("result.json");
        fs::write(&path, text).expect("a temporary folder can be written to");
        path
    }

    /// What a person is told when this is read: the error and its causes.
    fn refusal(&self, text: &str) -> (ReadError, String) {
        let error = read(&self.file(text)).expect_err("refused");
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            said += &format!(": {error}");
            cause = error.source();
        }
        assert!(said.contains("result.json"), "{said}");
        (error, said)
    }
}

#[test]
fn a_result_is_read_back_or_the_reader_says_why_not() {
    let folder = Folder(TempDir::new().expect("a temporary folder"));
    let run = sample::run();
    let json = serde_json::to_string(&run).expect("plain data");
    assert!(read(&folder.file(&json)).expect("a result") == run);

    let (error, said) = folder.refusal("percentiles: 3");
    assert!(matches!(error, ReadError::NotJson { .. }), "{said}");
    assert!(matches!(
        folder.refusal(&json[..json.len() / 2]).0,
        ReadError::NotJson { .. }
    ));
    for other in ["{}", "[]", "{\"format\": \"one\"}"] {
        let (error, said) = folder.refusal(other);
        assert!(matches!(error, ReadError::NotAResult { .. }), "{other}: {said}");
    }

    let newer = json.replacen(
        &format!("\"format\":{FORMAT}"),
        &format!("\"format\":{}", FORMAT + 1),
        1,
    );
    let (error, said) = folder.refusal(&newer);
    assert!(matches!(error, ReadError::OtherFormat { .. }), "{said}");
    assert!(said.contains("formats 1 to 1"), "{said}");

    let (_, said) = folder.refusal(&json.replacen("\"levels\"", "\"levls\"", 1));
    assert!(said.contains("missing field `levels`"), "{said}");
    let (_, said) = folder.refusal(&json.replacen("\"max_ms\":", "\"max_ms\":null,\"was\":", 1));
    assert!(
        said.contains("`hops[0].max_ms`") && said.contains("expected f64"),
        "{said}"
    );
    let missing = folder.0.path().join("none.json");
    assert!(matches!(read(&missing), Err(ReadError::Unreadable { .. })));
}
