//! Reads a result from a file. Refuses what it does not understand, and says what it would.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::error::Category;
use thiserror::Error;

use crate::result::{FORMAT, RunResult};

/// No result is read past this size: a day of seven hops by the second is some 60 MB, and a file that is far larger is
/// something else.
const BYTES_MAX: u64 = 256 << 20;

/// A file that is not a result.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than any result.
    #[error(
        "{path} is larger than {} MiB; accepted is what `loadtest run --json` wrote",
        BYTES_MAX >> 20
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is no JSON.
    #[error("{path} is not JSON; accepted is what `loadtest run --json` wrote")]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The file is JSON, but does not say which form it has.
    #[error("{path} does not say its `format`, a number; accepted is what `loadtest run --json` wrote")]
    NotAResult {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Another loadtest wrote it.
    #[error("{path} has format {found}; accepted are formats 1 to {FORMAT}: use the loadtest that wrote it")]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A field is missing or has another type.
    #[error("{path}: {} is not as format {FORMAT} has it", place(.field))]
    Field {
        /// The file.
        path: PathBuf,
        /// Which: `hops[2].count`; `.` is the whole.
        field: String,
        /// What is wrong with it and what is accepted.
        source: serde_json::Error,
    },
}

fn place(field: &str) -> String {
    match field {
        "." => "the result".to_owned(),
        field => format!("`{field}`"),
    }
}

/// What every form has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

/// Reads what `loadtest run --json` wrote.
///
/// # Errors
/// When the file cannot be read, is no JSON, has a newer format, or a field is missing or has another type.
pub fn read(path: &Path) -> Result<RunResult, ReadError> {
    parse(path, &bytes(path)?)
}

fn bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    match read {
        Ok(length) if length as u64 > BYTES_MAX => Err(ReadError::TooLarge { path: path.into() }),
        Ok(_) => Ok(bytes),
        Err(source) => Err(ReadError::Unreadable {
            path: path.into(),
            source,
        }),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<RunResult, ReadError> {
    let any: AnyFormat = serde_json::from_slice(bytes).map_err(|source| match source.classify() {
        Category::Data => ReadError::NotAResult {
            path: path.into(),
            source,
        },
        Category::Syntax | Category::Eof | Category::Io => ReadError::NotJson {
            path: path.into(),
            source,
        },
    })?;
    if !(1..=FORMAT).contains(&any.format) {
        return Err(ReadError::OtherFormat {
            path: path.into(),
            found: any.format,
        });
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut json).map_err(|error| ReadError::Field {
        path: path.into(),
        field: error.path().to_string(),
        source: error.into_inner(),
    })
}
