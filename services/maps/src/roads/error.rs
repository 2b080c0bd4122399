//! What can be wrong with a map and with a road file.

use std::{io, path::PathBuf};

use dispatch_core::roads::InvalidRoads;

/// A map that could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No known ending.
    #[error("{} is not a map; .osm.pbf, .osm, .osm.gz, or a folder with nodes.csv and way_nodes.csv (or .csv.gz) are accepted", path.display())]
    UnknownFormat {
        /// What was asked for.
        path: PathBuf,
    },
    /// Not there, not readable, cut off.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Larger than an import takes.
    #[error("{} has more than {max} {what}; import a smaller area", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Bytes, nodes of streets, ...
        what: &'static str,
        /// How many are accepted.
        max: u64,
    },
    /// Something in it is wrong.
    #[error("{}, {place}: {problem}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Line, element or block.
        place: String,
        /// What is wrong and what is accepted.
        problem: String,
    },
    /// No way that people may use, or not one of its nodes.
    #[error("there is no street in it that anybody may use")]
    NoStreets,
    /// The streets do not make a graph.
    #[error("the streets make no graph")]
    Roads(#[from] InvalidRoads),
}

/// A road file that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RoadFileError {
    /// The file system said no.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `read` or `write`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Some other file.
    #[error("{} is no road file; `muster import roads` makes one of an OpenStreetMap extract", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Written by another Muster.
    #[error("{} is a road file of version {version}; this Muster reads version {expected}: import the map again", path.display())]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// What it says.
        version: u16,
        /// What is read.
        expected: u16,
    },
    /// Cut off, flipped, or with something after its end.
    #[error("{} is damaged: {problem}; import the map again", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How it shows.
        problem: &'static str,
    },
    /// Whole, but no graph.
    #[error("{} holds no street graph", path.display())]
    Roads {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        source: InvalidRoads,
    },
}
