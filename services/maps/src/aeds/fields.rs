//! One row of a list: its values by the names of their columns.

use std::collections::BTreeMap;

/// Most characters of a value that a message repeats.
const SHOWN_MAX: usize = 60;

/// A row. Names of columns are kept small and trimmed; empty values, and the `NA` of statistics programs, are left out.
#[derive(Debug, Default)]
pub struct Fields {
    pub line: u64,
    /// The place, where the format has its own way to tell it: longitude and latitude in degrees, and how far it may be off.
    pub place: Option<(f64, f64, f64)>,
    values: BTreeMap<String, String>,
}

impl Fields {
    pub fn new(line: u64) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }

    pub fn put(&mut self, column: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() && value != "NA" {
            self.values.insert(column_name(column), value.to_owned());
        }
    }

    /// The value of the first of these columns that has one.
    pub fn first(&self, columns: &[&str]) -> Option<&str> {
        let mut found = columns.iter().filter_map(|&column| self.values.get(column));
        found.next().map(String::as_str)
    }

    /// The same, with the name of the column.
    pub fn named<'a>(&'a self, columns: &[&'a str]) -> Option<(&'a str, &'a str)> {
        let mut found = columns
            .iter()
            .filter_map(|&column| Some((column, self.values.get(column)?)));
        found.next().map(|(column, value)| (column, value.as_str()))
    }

    /// All values of these columns, in the order of the columns.
    pub fn all(&self, columns: &[&str], between: &str) -> String {
        let values = columns.iter().filter_map(|&column| self.values.get(column));
        values.map(String::as_str).collect::<Vec<_>>().join(between)
    }
}

/// A column's name as it is compared: `## Geo Point` is `geo point`.
pub fn column_name(written: &str) -> String {
    written.trim().trim_start_matches(['#', ' ']).to_lowercase()
}

/// A value as a message repeats it.
pub fn shown(value: &str) -> String {
    value.chars().take(SHOWN_MAX).collect()
}
