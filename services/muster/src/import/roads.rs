//! `muster import roads FILE --out PATH`: makes the file that `[streets]` names of an OpenStreetMap extract. Needs no running
//! service, which reads the file at its next start.

use std::path::PathBuf;

use clap::Args;
use muster_maps::roads;

use crate::telemetry::say;

/// Flags of `muster import roads`.
#[derive(Args)]
pub struct Arguments {
    /// OpenStreetMap extract: .osm.pbf, .osm, .osm.gz, or a folder with nodes.csv and way_nodes.csv (or .csv.gz).
    file: PathBuf,
    /// Where the road file goes; one that is there is replaced once the new one is whole.
    #[arg(long)]
    out: PathBuf,
}

/// Imports a map and says what was taken and left.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let import = roads::import(&arguments.file)?;
    roads::write(&import.graph, &arguments.out)?;
    say(import.report.to_string().trim_end());
    say(&format!("written to {}", arguments.out.display()));
    say(roads::ATTRIBUTION);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_becomes_a_file_that_can_be_read_again() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let arguments = Arguments {
            file: folder.path().join("street.osm"),
            out: folder.path().join("streets.road"),
        };
        let map = "<osm version=\"0.6\"><node id=\"1\" lat=\"51.5\" lon=\"-0.12\"/><node id=\"2\" lat=\"51.5\" lon=\"-0.11\"/>\
                   <way id=\"1\"><nd ref=\"1\"/><nd ref=\"2\"/><tag k=\"highway\" v=\"residential\"/></way></osm>";
        std::fs::write(&arguments.file, map).expect("written");
        run(&arguments).expect("imported");
        let read = roads::read(&arguments.out).expect("a road file");
        assert_eq!(read.graph.stretch_count(), 1);

        let error = run(&Arguments {
            file: folder.path().join("nowhere.osm"),
            ..arguments
        });
        let error = error.expect_err("not there");
        assert!(format!("{error:#}").contains("nowhere.osm"), "{error:#}");
    }
}
