//! Streets of OpenStreetMap, read into a [`RoadGraph`], and the compact file that a graph is kept in.
//!
//! ```text
//! .osm.pbf  .osm  .osm.gz  folder of tables
//!      └───────┴─────┴──────────┘
//!        ways, then the nodes they need    two passes: only what lies on a street is kept in memory
//!                   │
//!        rules: who may use which way      rules.rs, barriers.rs
//!        pieces, barriers                  pieces.rs
//!        fragments left out                components.rs
//!        stretches between junctions       stretches.rs
//!                   │
//!               RoadGraph ── write ──> file ── read ──> RoadGraph
//! ```
//!
//! The streets are (c) OpenStreetMap contributors under the ODbL 1.0; the file says so, and whoever shows or passes on what
//! is in it must too.
//!
//! Absent on purpose: relations (turn restrictions, routes), ferries, streets that only exist on a plan, and downloads.

mod barriers;
mod bounded;
mod collect;
mod components;
mod error;
mod file;
mod pbf;
mod pbf_messages;
mod pieces;
mod report;
mod rules;
mod stretches;
mod tables;
mod varint;
mod xml;

#[cfg(test)]
mod tests;

use std::path::Path;

use dispatch_core::roads::{RoadGraph, RoadParts};

pub use components::COMPONENT_MIN;
pub use error::{ImportError, RoadFileError};
pub use file::{ATTRIBUTION, RoadFile, read, write};
pub use report::{ModeReport, RoadReport};
pub use rules::LeftOut;

/// Streets as they were imported.
#[derive(Debug)]
pub struct Import {
    /// The graph.
    pub graph: RoadGraph,
    /// What was taken and left.
    pub report: RoadReport,
}

/// Reads the streets of an OpenStreetMap extract: a file ending in `.osm.pbf` (or `.pbf`), `.osm`, `.osm.gz`, or a folder
/// with the tables `nodes.csv` and `way_nodes.csv` (or `.csv.gz`).
pub fn import(path: &Path) -> Result<Import, ImportError> {
    let mut report = RoadReport::default();
    let collected = collect::collect(path, &mut report)?;
    let mut pieces = pieces::cut(collected, &mut report);
    components::leave_out_fragments(&mut pieces, &mut report);
    let mut parts = stretches::join(&pieces);
    drop(pieces);
    if parts.stretches.is_empty() {
        return Err(ImportError::NoStreets);
    }
    parts.digest = file::digest_of(&parts);
    report.count_parts(&parts);
    let graph = RoadGraph::new(parts)?;
    report.count_lengths(&graph);
    Ok(Import { graph, report })
}

/// The parts that a graph was built from.
fn parts_of(graph: &RoadGraph) -> RoadParts {
    let mut parts = RoadParts {
        digest: *graph.digest(),
        junctions: graph.junctions().to_vec(),
        ..RoadParts::default()
    };
    for (stretch, _, bends) in graph.stretches() {
        parts.stretches.push(stretch);
        parts.bends.extend_from_slice(bends);
    }
    parts
}
