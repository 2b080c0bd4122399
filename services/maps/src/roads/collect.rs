//! The two passes over a map: first the ways people may use, then the nodes that lie on them.

use std::path::Path;

use dispatch_core::{position::Position, roads::Passage};

use super::{error::ImportError, pbf, report::RoadReport, rules::LeftOut, tables, xml};

/// Nodes of streets altogether, counted once for each way through them: five times Great Britain. At the limit the import
/// needs about 8 GB of memory.
const REFERENCES_MAX: usize = 200_000_000;

/// More than an import takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooMany {
    pub(super) what: &'static str,
    pub(super) max: u64,
}

/// Takes in what a pass over a file finds.
pub(super) trait Sink {
    /// Whether this pass is after ways.
    fn wants_ways(&self) -> bool;
    /// A way, by the ids of its nodes.
    fn way(&mut self, nodes: &[i64], passage: Result<Passage, LeftOut>) -> Result<(), TooMany>;
    /// Whether this pass is after this node.
    fn wants_node(&self, node: i64) -> bool;
    /// Where a node is, and who may pass it.
    fn node(&mut self, node: i64, position: Position, passage: Passage);
}

/// Streets and their nodes.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Who may use each street, and where its nodes end in `references`.
    pub(super) ways: Vec<(Passage, usize)>,
    /// The nodes of the streets, one street after the other, as numbers of `nodes`.
    pub(super) references: Vec<u32>,
    /// Where the nodes are, if the file says so, and who may pass them.
    pub(super) nodes: Vec<Option<(Position, Passage)>>,
}

/// Reads a map.
pub(super) fn collect(path: &Path, report: &mut RoadReport) -> Result<Collected, ImportError> {
    let format = Format::of(path)?;
    let mut ways = WayPass {
        ways: Vec::new(),
        references: Vec::new(),
        report,
    };
    format.read(path, &mut ways)?;
    let WayPass { ways, references, .. } = ways;
    let mut ids = references.clone();
    ids.sort_unstable();
    ids.dedup();
    let number_of = |id: &i64| ids.binary_search(id).map_or(0, number);
    let references = references.iter().map(number_of).collect();
    let mut nodes = NodePass {
        nodes: vec![None; ids.len()],
        ids,
    };
    format.read(path, &mut nodes)?;
    report.nodes_missing = nodes.nodes.iter().filter(|node| node.is_none()).count() as u64;
    Ok(Collected {
        ways,
        references,
        nodes: nodes.nodes,
    })
}

#[allow(clippy::cast_possible_truncation)] // at most `REFERENCES_MAX`
fn number(place: usize) -> u32 {
    place as u32
}

#[derive(Clone, Copy)]
enum Format {
    Pbf,
    Xml,
    Tables,
}

impl Format {
    fn of(path: &Path) -> Result<Self, ImportError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() {
            return Ok(Self::Tables);
        }
        if name.ends_with(".pbf") {
            return Ok(Self::Pbf);
        }
        if [".osm", ".osm.gz", ".xml", ".xml.gz"]
            .iter()
            .any(|ending| name.ends_with(ending))
        {
            return Ok(Self::Xml);
        }
        let path = path.to_owned();
        Err(ImportError::UnknownFormat { path })
    }

    fn read(self, path: &Path, sink: &mut dyn Sink) -> Result<(), ImportError> {
        match self {
            Self::Pbf => pbf::read(path, sink),
            Self::Xml => xml::read(path, sink),
            Self::Tables => tables::read(path, sink),
        }
    }
}

struct WayPass<'a> {
    ways: Vec<(Passage, usize)>,
    references: Vec<i64>,
    report: &'a mut RoadReport,
}

impl Sink for WayPass<'_> {
    fn wants_ways(&self) -> bool {
        true
    }

    fn way(&mut self, nodes: &[i64], passage: Result<Passage, LeftOut>) -> Result<(), TooMany> {
        match passage {
            Err(reason) => self.report.leave(reason),
            Ok(_) if nodes.len() < 2 => self.report.leave(LeftOut::WithoutNodes),
            Ok(passage) => {
                if self.references.len() + nodes.len() > REFERENCES_MAX {
                    let what = "nodes of streets";
                    let max = REFERENCES_MAX as u64;
                    return Err(TooMany { what, max });
                }
                self.references.extend_from_slice(nodes);
                self.ways.push((passage, self.references.len()));
            }
        }
        Ok(())
    }

    fn wants_node(&self, _: i64) -> bool {
        false
    }

    fn node(&mut self, _: i64, _: Position, _: Passage) {}
}

struct NodePass {
    /// In order.
    ids: Vec<i64>,
    nodes: Vec<Option<(Position, Passage)>>,
}

impl Sink for NodePass {
    fn wants_ways(&self) -> bool {
        false
    }

    fn way(&mut self, _: &[i64], _: Result<Passage, LeftOut>) -> Result<(), TooMany> {
        Ok(())
    }

    fn wants_node(&self, node: i64) -> bool {
        self.ids.binary_search(&node).is_ok()
    }

    fn node(&mut self, node: i64, position: Position, passage: Passage) {
        if let Ok(place) = self.ids.binary_search(&node) {
            self.nodes[place] = Some((position, passage));
        }
    }
}
