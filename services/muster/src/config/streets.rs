//! The `[streets]` section: a file that `muster import roads` made. A file that is named and cannot be used stops the start:
//! without streets other people would be asked than the operator thinks.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use dispatch_core::roads::RoadGraph;
use muster_maps::roads;
use serde::Deserialize;

use super::InvalidConfig;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StreetsSection {
    pub(super) file: Option<PathBuf>,
}

/// Reads the streets.
pub fn read(path: &Path) -> Result<RoadGraph, InvalidConfig> {
    let read = roads::read(path).map_err(|error| InvalidConfig::new("streets.file", causes(&error)))?;
    Ok(read.graph)
}

/// An error and what is behind it.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dispatch_core::{
        position::Position,
        roads::{Passage, RoadParts, StretchPart},
    };

    use super::*;

    fn street() -> RoadGraph {
        let junction = |longitude| Position::from_degrees(51.5, longitude).expect("in range");
        let parts = RoadParts {
            digest: [7; 32],
            junctions: vec![junction(-0.12), junction(-0.11)],
            stretches: vec![StretchPart {
                from: 0,
                to: 1,
                passage: Passage::ALL,
                bends: 0,
            }],
            bends: Vec::new(),
        };
        RoadGraph::new(parts).expect("a street")
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_the_reason() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| folder.path().join(name);
        roads::write(&street(), &path("good")).expect("written");
        assert_eq!(read(&path("good")).expect("whole").stretch_count(), 1);

        let mut damaged = fs::read(path("good")).expect("there");
        *damaged.last_mut().expect("not empty") ^= 1;
        fs::write(path("damaged"), damaged).expect("written");
        fs::write(path("map.osm"), "<osm/>").expect("written");
        for (name, why) in [
            ("missing", "No such file"),
            ("damaged", "is damaged"),
            ("map.osm", "muster import roads"),
        ] {
            let problem = read(&path(name)).expect_err(name).to_string();
            let named = problem.starts_with("streets.file: ") && problem.contains(name);
            assert!(named && problem.contains(why), "{problem}");
        }
    }
}
