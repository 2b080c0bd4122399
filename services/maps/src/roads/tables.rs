//! Streets without tags: a folder with `nodes.csv` (node_id, lon, lat) and `way_nodes.csv` (way_id, seq, node_id), either
//! packed as `.csv.gz` or not. Ways that name the same node are connected.
//!
//! Without tags nothing is known about one-way streets and bollards, so such streets are open to people on foot and on
//! bicycles, both ways, and to no car: its way would be too short.

use std::path::{Path, PathBuf};

use csv::StringRecord;
use dispatch_core::{
    position::Position,
    responder::TravelMode,
    roads::{Direction, Passage},
};

use super::{bounded::Bounded, collect::Sink, error::ImportError};

/// Nodes of one way at most; OpenStreetMap allows 2,000.
const WAY_NODES_MAX: usize = 100_000;

pub(super) fn read(folder: &Path, sink: &mut dyn Sink) -> Result<(), ImportError> {
    if sink.wants_ways() {
        read_ways(folder, sink)
    } else {
        read_nodes(folder, sink)
    }
}

fn read_ways(folder: &Path, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut table = Table::open(folder, "way_nodes.csv", ["way_id", "seq", "node_id"])?;
    let mut passage = Passage::NONE;
    for mode in [TravelMode::Foot, TravelMode::Bicycle] {
        passage = passage.with(mode, Direction::Along).with(mode, Direction::Against);
    }
    let mut known: Option<(i64, i64)> = None;
    let mut nodes = Vec::new();
    while table.next()? {
        let (way, place, node) = (table.number(0)?, table.number(1)?, table.number(2)?);
        match known {
            Some((same, before)) if same == way => {
                if place <= before {
                    return Err(table.damaged(format!(
                        "seq {place} of way {way} comes after {before}; growing ones are accepted"
                    )));
                }
                if nodes.len() == WAY_NODES_MAX {
                    return Err(table.damaged(format!("way {way} has more than {WAY_NODES_MAX} nodes")));
                }
            }
            Some(_) => table.hand_over(sink, &mut nodes, passage)?,
            None => {}
        }
        known = Some((way, place));
        nodes.push(node);
    }
    if !nodes.is_empty() {
        table.hand_over(sink, &mut nodes, passage)?;
    }
    Ok(())
}

fn read_nodes(folder: &Path, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut table = Table::open(folder, "nodes.csv", ["node_id", "lon", "lat"])?;
    while table.next()? {
        let node = table.number(0)?;
        if !sink.wants_node(node) {
            continue;
        }
        let (longitude, latitude) = (table.degrees(1)?, table.degrees(2)?);
        let position =
            Position::from_degrees(latitude, longitude).map_err(|invalid| table.damaged(invalid.to_string()))?;
        sink.node(node, position, Passage::ALL);
    }
    Ok(())
}

/// A table of which three columns are read, wherever they stand.
struct Table {
    path: PathBuf,
    rows: csv::Reader<Bounded>,
    names: [&'static str; 3],
    columns: [usize; 3],
    row: StringRecord,
}

impl Table {
    fn open(folder: &Path, name: &str, names: [&'static str; 3]) -> Result<Self, ImportError> {
        let packed = folder.join(format!("{name}.gz"));
        let path = if packed.exists() { packed } else { folder.join(name) };
        let text = Bounded::open(&path).map_err(|source| ImportError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let mut table = Self {
            path,
            rows: csv::Reader::from_reader(text),
            names,
            columns: [0; 3],
            row: StringRecord::new(),
        };
        let headers = table.rows.headers().cloned().map_err(|error| table.broken(error))?;
        for (column, name) in names.iter().enumerate() {
            let place = headers.iter().position(|header| header.trim() == *name);
            table.columns[column] =
                place.ok_or_else(|| table.damaged(format!("no column {name}; {} are needed", names.join(", "))))?;
        }
        Ok(table)
    }

    fn next(&mut self) -> Result<bool, ImportError> {
        self.rows.get_mut().begin_element();
        let found = self.rows.read_record(&mut self.row);
        found.map_err(|error| self.broken(error))
    }

    fn hand_over(&self, sink: &mut dyn Sink, nodes: &mut Vec<i64>, passage: Passage) -> Result<(), ImportError> {
        sink.way(nodes, Ok(passage)).map_err(|too_many| ImportError::TooLarge {
            path: self.path.clone(),
            what: too_many.what,
            max: too_many.max,
        })?;
        nodes.clear();
        Ok(())
    }

    fn field(&self, column: usize) -> &str {
        self.row.get(self.columns[column]).unwrap_or_default().trim()
    }

    fn number(&self, column: usize) -> Result<i64, ImportError> {
        let (name, text) = (self.names[column], self.field(column));
        text.parse()
            .map_err(|_| self.damaged(format!("{name} {text:?} is not a whole number")))
    }

    fn degrees(&self, column: usize) -> Result<f64, ImportError> {
        let (name, text) = (self.names[column], self.field(column));
        text.parse()
            .map_err(|_| self.damaged(format!("{name} {text:?} is not a number of degrees")))
    }

    fn damaged(&self, problem: String) -> ImportError {
        let line = self.row.position().map_or(1, csv::Position::line);
        ImportError::Damaged {
            path: self.path.clone(),
            place: format!("line {line}"),
            problem,
        }
    }

    fn broken(&self, error: csv::Error) -> ImportError {
        let line = error
            .position()
            .map_or(self.rows.position().line(), csv::Position::line);
        let path = self.path.clone();
        match error.into_kind() {
            csv::ErrorKind::Io(source) => ImportError::Unreadable { path, source },
            other => ImportError::Damaged {
                path,
                place: format!("line {line}"),
                problem: format!("not a row of this table ({other:?})"),
            },
        }
    }
}
