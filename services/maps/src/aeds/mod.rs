//! Lists of defibrillators, as they are published: CSV with commas or semicolons, and GeoJSON.
//!
//! ```text
//! bytes ──table or geojson──> Fields, one for each row ──entry──> AedEntry ──merge──> AedList
//! ```
//! Columns are found by their names, of which several are known for each ([`entry`]); no other order is asked for. A row
//! that cannot be used is told with its line and the reason, and the others go on. Nothing is invented: what a list does
//! not say stays unknown, words that are not understood are kept.
//!
//! Our own CSV has the header `ref,name,latitude,longitude,access,opening_hours,indoor,level,out_of_service,confirmed_at,
//! accuracy_m,notes`; of these only latitude and longitude must be there. `address`, `postcode` and `cabinet_code` are
//! known as well.

mod entry;
mod fields;
mod geojson;
mod merge;
mod table;
mod words;

use dispatch_core::{
    aeds::{Access, Level},
    position::{Metres, Position},
    time::Timestamp,
};

use fields::Fields;

/// Largest file that is read, in bytes: OpenStreetMap's defibrillators of all Germany take half of it.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most rows in a file: more than any country has, and a second or two to read.
pub const ROWS_MAX: usize = 300_000;

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// GeoJSON if it begins with `{`, otherwise CSV.
    #[default]
    Guess,
    /// Values separated by commas or semicolons, whichever the header has more of.
    Csv,
    /// A `FeatureCollection`.
    GeoJson,
}

/// A file of which nothing can be used.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableList {
    /// More bytes than are read.
    #[error("the file has {0} bytes; at most {FILE_BYTES_MAX} are read")]
    TooLarge(usize),
    /// More rows than are read.
    #[error("the file has more than {ROWS_MAX} rows; split it")]
    TooManyRows,
    /// A column without which no place can be told.
    #[error("no column tells {what}; known names are {known}")]
    NoColumn {
        /// What is missing.
        what: &'static str,
        /// Names by which it is found.
        known: String,
    },
    /// Not CSV.
    #[error("the header cannot be read as CSV")]
    Csv(#[from] csv::Error),
    /// Not JSON.
    #[error("the file cannot be read as JSON")]
    Json(#[from] serde_json::Error),
    /// JSON, but not a list of places.
    #[error("the file is JSON, but no GeoJSON FeatureCollection: {0}")]
    NoFeatures(&'static str),
}

/// A defibrillator as a list tells of it.
#[derive(Clone, PartialEq, Debug)]
pub struct AedEntry {
    /// Line of the row; of GeoJSON, number of the feature, from 1.
    pub line: u64,
    /// The list's own reference; of a list without any, the place: whoever moves in such a list is another one.
    pub external_ref: String,
    /// What it is called; may be empty.
    pub name: String,
    /// Where.
    pub position: Position,
    /// Radius within which it really is, if the list tells.
    pub accuracy: Option<Metres>,
    /// Where to look for it, in words; may be empty.
    pub address: String,
    /// Postcode; may be empty.
    pub postcode: String,
    /// What else helps to find it; may be empty.
    pub notes: String,
    /// What opens its cabinet; may be empty.
    pub cabinet_code: String,
    /// Who may get at it.
    pub access: Access,
    /// When, in the list's own words; may be empty, may mean nothing.
    pub opening_hours: String,
    /// Inside a building.
    pub indoor: Option<bool>,
    /// On which floor.
    pub level: Option<Level>,
    /// It cannot be used.
    pub out_of_service: bool,
    /// When somebody last saw that all this is so.
    pub confirmed_at: Option<Timestamp>,
}

/// What became of something that is not as it should be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Remedy {
    /// The row is left out.
    LeftOut,
    /// The row is the same defibrillator as an earlier one and is merged into it.
    Merged,
    /// The row is used without the value.
    UsedWithout,
}

/// Something about a row that is not as it should be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// Line of the row; of GeoJSON, number of the feature, from 1.
    pub line: u64,
    /// What became of it.
    pub remedy: Remedy,
    /// The column, what stands there, what is accepted.
    pub message: String,
}

/// What a file holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AedList {
    /// Each defibrillator once, in the order of the file.
    pub entries: Vec<AedEntry>,
    /// What was not as it should be, by line.
    pub problems: Vec<Problem>,
}

/// Reads a list.
pub fn read(bytes: &[u8], format: Format) -> Result<AedList, UnreadableList> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(UnreadableList::TooLarge(bytes.len()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let mut problems = Vec::new();
    let rows = match format {
        Format::Guess if first == Some(&b'{') => geojson::rows(bytes, &mut problems)?,
        Format::GeoJson => geojson::rows(bytes, &mut problems)?,
        Format::Guess | Format::Csv => table::rows(bytes, &mut problems)?,
    };
    let entries = rows.iter().filter_map(|row| entry::entry(row, &mut problems)).collect();
    let entries = merge::merged(entries, &mut problems);
    problems.sort();
    Ok(AedList { entries, problems })
}

/// Notes what is wrong with a row.
fn note(problems: &mut Vec<Problem>, line: u64, remedy: Remedy, message: String) {
    problems.push(Problem { line, remedy, message });
}

#[cfg(test)]
mod tests;
