//! Reading rows: the header, each row by the names of its columns, and what is wrong with those that cannot be used.

use std::{fmt, io};

use csv::StringRecord;

/// So many bad rows are told; one mistake in an export repeats in every row.
pub const BAD_ROWS_TOLD: usize = 20;

/// A row that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {field} is {value:?}; accepted is {accepted}")]
pub struct BadRow {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// Which column.
    pub field: String,
    /// What it says.
    pub value: String,
    /// What it may say.
    pub accepted: &'static str,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not readable as comma-separated values.
    #[error("not readable as comma-separated values")]
    Csv(#[from] csv::Error),
    /// A column is missing.
    #[error("the header lacks {wanted}; it has: {found}")]
    Column {
        /// What is wanted.
        wanted: &'static str,
        /// What is there.
        found: String,
    },
    /// Rows that cannot be used.
    #[error("{}", Told(.told, *.count))]
    Bad {
        /// The first of them, at most [`BAD_ROWS_TOLD`].
        told: Vec<BadRow>,
        /// How many there are.
        count: usize,
    },
}

/// Bad rows one below the other.
struct Told<'a>(&'a [BadRow], usize);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows cannot be used", self.1)?;
        for row in self.0 {
            write!(f, "\n  {row}")?;
        }
        match self.1 - self.0.len() {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Rows that were read.
#[derive(Clone, PartialEq, Debug)]
pub struct Rows<T> {
    /// Those that can be used, in the order of the file.
    pub rows: Vec<T>,
    /// The first of those that were skipped.
    pub skipped: Vec<BadRow>,
    /// How many were skipped.
    pub skipped_count: usize,
    /// Columns that nobody looked at.
    pub ignored: Vec<String>,
}

/// One row by the names of its columns.
pub(super) struct Row<'a> {
    pub(super) line: u64,
    header: &'a StringRecord,
    record: &'a StringRecord,
}

impl Row<'_> {
    /// What stands in the first of these columns that is there; `None` = empty or no such column.
    pub(super) fn text(&self, names: &[&str]) -> Option<&str> {
        let place = self.header.iter().position(|known| names.contains(&known))?;
        self.record.get(place).map(str::trim).filter(|text| !text.is_empty())
    }

    /// A number within bounds; `None` = empty or no such column.
    pub(super) fn number(
        &self,
        names: &[&str],
        bounds: std::ops::RangeInclusive<f64>,
        accepted: &'static str,
    ) -> Result<Option<f64>, BadRow> {
        let Some(text) = self.text(names) else {
            return Ok(None);
        };
        match text.parse::<f64>() {
            Ok(number) if bounds.contains(&number) => Ok(Some(number)),
            _ => Err(self.bad(names[0], text, accepted)),
        }
    }

    /// The row cannot be used because of this.
    pub(super) fn bad(&self, field: &str, value: &str, accepted: &'static str) -> BadRow {
        BadRow {
            line: self.line,
            field: field.to_owned(),
            value: value.to_owned(),
            accepted,
        }
    }
}

/// Whether a header has one of these columns.
pub(super) fn has(header: &StringRecord, names: &[&str]) -> bool {
    header.iter().any(|known| names.contains(&known))
}

/// Reads all rows. `check` looks at the header, `known` are all columns that anybody looks at.
pub(super) fn read<T>(
    file: impl io::Read,
    skip_bad: bool,
    known: &[&str],
    check: impl Fn(&StringRecord) -> Option<&'static str>,
    parse: impl Fn(&Row<'_>) -> Result<T, BadRow>,
) -> Result<Rows<T>, ReadError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(file);
    let header = reader.headers()?.clone();
    // A spreadsheet's mark at the beginning of the file is no part of the first column's name.
    let header: StringRecord = header.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
    if let Some(wanted) = check(&header) {
        let found = header.iter().collect::<Vec<_>>().join(", ");
        return Err(ReadError::Column { wanted, found });
    }
    let ignored = header.iter().filter(|name| !known.contains(name)).map(str::to_owned);
    let mut read = Rows {
        rows: Vec::new(),
        skipped: Vec::new(),
        skipped_count: 0,
        ignored: ignored.collect(),
    };
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        match parse(&Row {
            line,
            header: &header,
            record: &record,
        }) {
            Ok(row) => read.rows.push(row),
            Err(bad) => {
                read.skipped_count += 1;
                if read.skipped.len() < BAD_ROWS_TOLD {
                    read.skipped.push(bad);
                }
            }
        }
    }
    if read.skipped_count > 0 && !skip_bad {
        return Err(ReadError::Bad {
            told: read.skipped,
            count: read.skipped_count,
        });
    }
    Ok(read)
}
