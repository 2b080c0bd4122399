//! CSV, with commas or semicolons.

use super::{
    Fields, Problem, ROWS_MAX, Remedy, UnreadableList,
    entry::{LATITUDE, LONGITUDE, POINT},
    fields::column_name,
    note,
};

/// The rows, each with its line; those that cannot be read are noted.
pub fn rows(bytes: &[u8], problems: &mut Vec<Problem>) -> Result<Vec<Fields>, UnreadableList> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(bytes))
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let columns: Vec<String> = reader.headers()?.iter().map(column_name).collect();
    require_place(&columns)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        if rows.len() + problems.len() >= ROWS_MAX {
            return Err(UnreadableList::TooManyRows);
        }
        match record {
            Ok(record) => {
                let mut row = Fields::new(record.position().map_or(0, |at| line(bytes, at)));
                columns
                    .iter()
                    .zip(&record)
                    .for_each(|(column, value)| row.put(column, value));
                rows.push(row);
            }
            Err(error) => {
                let line = error.position().map_or(0, |at| line(bytes, at));
                note(problems, line, Remedy::LeftOut, reason(&error));
            }
        }
    }
    Ok(rows)
}

/// The line on which a row begins. The library's position of it may lie before the end of the line above.
fn line(bytes: &[u8], at: &csv::Position) -> u64 {
    let from = usize::try_from(at.byte()).unwrap_or(usize::MAX);
    let rest = bytes.get(from..).unwrap_or_default().iter();
    let ends = rest
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .filter(|&&byte| byte == b'\n');
    at.line() + ends.count() as u64
}

/// Whichever of the two the first line has more of.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| header.iter().filter(|&&byte| byte == wanted).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

fn require_place(columns: &[String]) -> Result<(), UnreadableList> {
    let is_there = |names: &[&str]| columns.iter().any(|column| names.contains(&column.as_str()));
    if is_there(POINT) {
        return Ok(());
    }
    for (what, names) in [("the latitude", LATITUDE), ("the longitude", LONGITUDE)] {
        if !is_there(names) {
            let known = names.iter().chain(POINT).copied().collect::<Vec<_>>().join(", ");
            return Err(UnreadableList::NoColumn { what, known });
        }
    }
    Ok(())
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} values, the header {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}
