//! What is wrong with a scenario file: file, line, key, problem, and what is accepted.

use std::{fmt, io, ops::Range, path::Path};

use toml::de::{DeTable, DeValue};

/// A scenario file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}{}: {problem}", Place(*.line, .key))]
pub struct InvalidScenario {
    file: String,
    line: Option<usize>,
    key: String,
    problem: String,
}

/// A value that is wrong.
#[derive(Debug)]
pub struct Mistake {
    /// The key, such as `event[2].for_ms`.
    pub key: String,
    /// What is wrong and what is accepted.
    pub problem: String,
}

struct Place<'a>(Option<usize>, &'a str);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.0 {
            write!(f, ":{line}")?;
        }
        if !self.1.is_empty() {
            write!(f, ": {}", self.1)?;
        }
        Ok(())
    }
}

impl InvalidScenario {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self {
            file: path.display().to_string(),
            line: None,
            key: String::new(),
            problem: format!("cannot be read: {error}; accepted is a scenario in TOML"),
        }
    }

    /// What the parser says, with the key found again by its place in the text.
    pub(super) fn of_toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span();
        Self {
            file: path.display().to_string(),
            line: span.as_ref().map(|span| line_of(text, span.start)),
            key: span.map(|span| key_at(text, &span)).unwrap_or_default(),
            problem: error.message().replace('\n', "; "),
        }
    }

    pub(super) fn of_value(path: &Path, text: &str, mistake: &Mistake) -> Self {
        Self {
            file: path.display().to_string(),
            line: span_of(text, &mistake.key).map(|span| line_of(text, span.start)),
            key: mistake.key.clone(),
            problem: mistake.problem.clone(),
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

/// The innermost key whose name or value lies there; empty when the text is no TOML or the place is between keys.
fn key_at(text: &str, span: &Range<usize>) -> String {
    let Ok(table) = DeTable::parse(text) else {
        return String::new();
    };
    let mut path = String::new();
    descend(table.get_ref(), span, &mut path);
    path
}

fn descend(table: &DeTable<'_>, wanted: &Range<usize>, path: &mut String) {
    let holds = |span: Range<usize>| span.start <= wanted.start && wanted.end <= span.end;
    for (key, value) in table {
        // A table's own span is its header; what is in it is looked through all the same.
        let inner = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key.get_ref());
        let named = path.len();
        match value.get_ref() {
            DeValue::Table(table) => descend(table, wanted, path),
            DeValue::Array(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    if let DeValue::Table(table) = entry.get_ref() {
                        path.push_str(&format!("[{}]", index + 1));
                        let at = path.len();
                        descend(table, wanted, path);
                        if path.len() > at || holds(entry.span()) {
                            return;
                        }
                        path.truncate(named);
                    }
                }
            }
            _ => {}
        }
        if path.len() > named || holds(key.span()) || holds(value.span()) {
            return;
        }
        path.truncate(inner);
    }
}

/// Where a key's value is; when the key is absent, the table it should be in.
fn span_of(text: &str, key: &str) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    let mut span = None;
    let mut table = table.get_ref();
    for part in key.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let Some((_, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else {
            break;
        };
        let value = match (index, value.get_ref()) {
            (Some(index), DeValue::Array(entries)) => entries.get(index.checked_sub(1)?)?,
            _ => value,
        };
        span = Some(value.span());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    span
}
