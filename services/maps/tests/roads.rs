#![allow(clippy::unwrap_used)]
//! Maps into graphs: a real extract, and small ones written here in each format.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use dispatch_core::{
    position::{Metres, Position},
    responder::TravelMode,
    roads::{RoadGraph, Snap, ToPatient, ToPatientScratch, WAY_MAX},
};
use muster_maps::roads::{self, ATTRIBUTION, ImportError, LeftOut, RoadFileError};
use tempfile::TempDir;

const KINGSWAY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/osm-roads/kingsway_junction.osm.gz"
);

/// A street 0-1-2-3 eastwards, 69 m a piece at this latitude, with what is asked for along it.
fn street(way_tags: &str, node_tags: [&str; 4]) -> String {
    let tags = |list: &str| {
        let pairs = list.split_whitespace().filter_map(|tag| tag.split_once('='));
        pairs
            .map(|(key, value)| format!("<tag k=\"{key}\" v=\"{value}\"/>"))
            .collect::<String>()
    };
    let node = |(number, list): (usize, &&str)| {
        let longitude = -0.12 + number as f64 / 1000.0;
        format!(
            "<node id=\"{number}\" lat=\"51.5\" lon=\"{longitude}\">{}</node>\n",
            tags(list)
        )
    };
    let nodes: String = node_tags.iter().enumerate().map(node).collect();
    let refs: String = (0..4).map(|number| format!("<nd ref=\"{number}\"/>")).collect();
    format!(
        "<?xml version=\"1.0\"?>\n<osm version=\"0.6\">\n{nodes}<way id=\"1\">{refs}{}</way>\n</osm>\n",
        tags(way_tags)
    )
}

fn saved(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn graph_of(text: &str) -> RoadGraph {
    let folder = TempDir::new().unwrap();
    roads::import(&saved(&folder, "street.osm", text)).unwrap().graph
}

fn at(graph: &RoadGraph, longitude: f64, mode: TravelMode) -> Option<Snap> {
    graph.snap(Position::from_degrees(51.5, longitude).unwrap(), mode)
}

/// The way in metres from one longitude on the street to another.
fn way_m(graph: &RoadGraph, mode: TravelMode, from: f64, to: f64) -> Option<u64> {
    let mut scratch = ToPatientScratch::default();
    let ways = ToPatient::search(graph, &mut scratch, mode, &at(graph, to, mode)?, WAY_MAX);
    Some(ways.distance_from(&at(graph, from, mode)?)?.mm() / 1000)
}

#[test]
fn a_real_junction_is_imported_and_connected() {
    let import = roads::import(Path::new(KINGSWAY)).unwrap();
    let report = &import.report;
    assert_eq!(report.ways_taken + report.ways_left.values().sum::<u64>(), 150);
    assert_eq!(report.ways_left[&LeftOut::NotAStreet], 45);
    let on_foot = report.modes[0];
    assert!(
        on_foot.length > report.modes[2].length,
        "more streets to walk than to drive"
    );
    // From every junction that can be walked to, one can walk back: the fragments are left out.
    let graph = &import.graph;
    let mut scratch = ToPatientScratch::default();
    let snaps: Vec<Snap> = graph
        .junctions()
        .iter()
        .filter_map(|place| graph.snap(*place, TravelMode::Car))
        .collect();
    assert!(snaps.len() > 50);
    let ways = ToPatient::search(graph, &mut scratch, TravelMode::Car, &snaps[0], WAY_MAX);
    assert!(snaps.iter().all(|snap| ways.distance_from(snap).is_some()));
}

#[test]
fn a_bollard_stops_a_car_on_either_side_and_nobody_else() {
    let graph = graph_of(&street("highway=residential", ["", "", "barrier=bollard", ""]));
    assert_eq!(way_m(&graph, TravelMode::Foot, -0.1199, -0.1171), Some(193));
    assert_eq!(way_m(&graph, TravelMode::Bicycle, -0.1199, -0.1171), Some(193));
    assert_eq!(
        way_m(&graph, TravelMode::Car, -0.1199, -0.1181),
        Some(124),
        "up to the bollard"
    );
    assert!(
        at(&graph, -0.1171, TravelMode::Car).unwrap().off_street() > Metres::new(60),
        "the short end is a fragment"
    );
    let open = graph_of(&street("highway=residential", ["", "", "barrier=gate", ""]));
    assert_eq!(way_m(&open, TravelMode::Car, -0.1199, -0.1171), Some(193));
}

#[test]
fn a_one_way_street_alone_is_no_street_for_cars() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, "a.osm", street("highway=residential oneway=yes", [""; 4]));
    let import = roads::import(&path).unwrap();
    assert_eq!(at(&import.graph, -0.119, TravelMode::Car), None);
    assert_eq!(import.report.modes[2].length_left.mm() / 1000, 207);
    assert_eq!(way_m(&import.graph, TravelMode::Foot, -0.118, -0.119), Some(69));
}

#[test]
fn tables_are_streets_to_walk() {
    let folder = TempDir::new().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed
        .write_all(b"node_id,lon,lat\n1,-0.12,51.5\n2,-0.119,51.5\n3,-0.118,51.5\n")
        .unwrap();
    saved(&folder, "nodes.csv.gz", packed.finish().unwrap());
    saved(
        &folder,
        "way_nodes.csv",
        "way_id,seq,node_id\n7,0,1\n7,1,2\n8,0,3\n8,1,2\n8,2,99\n",
    );
    let import = roads::import(folder.path()).unwrap();
    assert_eq!((import.report.ways_taken, import.report.nodes_missing), (2, 1));
    assert_eq!(way_m(&import.graph, TravelMode::Unknown, -0.12, -0.118), Some(138));
    assert_eq!(at(&import.graph, -0.12, TravelMode::Car), None);
}

#[test]
fn what_is_wrong_with_a_map_is_told_with_its_place() {
    let folder = TempDir::new().unwrap();
    let good = street("highway=residential", [""; 4]);
    let told = |name: &str, content: &[u8]| {
        let error = roads::import(&saved(&folder, name, content)).unwrap_err();
        let text = error.to_string();
        text.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let far = good.replace("lat=\"51.5\" lon=\"-0.119\"", "lat=\"151.5\" lon=\"0\"");
    assert_eq!(
        told("far.osm", far.as_bytes()),
        "far.osm, line 4: node 1: latitude 151.5 is outside -90 to 90 degrees"
    );
    let odd = good.replace("lat=\"51.5\" lon=\"-0.119\"", "lat=\"north\" lon=\"0\"");
    assert_eq!(
        told("odd.osm", odd.as_bytes()),
        "odd.osm, line 4: lat \"north\" is not a number"
    );
    let cut = good.trim_end().trim_end_matches("</osm>");
    assert_eq!(
        told("cut.osm", cut.as_bytes()),
        "cut.osm, line 8: the file ends in the middle"
    );
    assert!(told("cut.osm", &good.as_bytes()[..200]).starts_with("cut.osm, line 6: "));
    assert_eq!(
        told("page.osm", b"<html></html>"),
        "page.osm, line 1: it begins with <html>; <osm> is accepted"
    );
    assert_eq!(
        told("short.pbf", b"\0\0\xff\xff..."),
        "short.pbf, block 1: the file ends in the middle"
    );
    assert_eq!(
        told("text.pbf", b"<?xml version"),
        "text.pbf, block 1: no block of an .osm.pbf file begins here"
    );
    assert!(told("map.shp", b"").starts_with("map.shp is not a map; .osm.pbf, .osm, .osm.gz"));
    assert_eq!(
        told("none.osm", b"<osm></osm>"),
        "there is no street in it that anybody may use"
    );
    let gz = fs::read(KINGSWAY).unwrap();
    let cut = roads::import(&saved(&folder, "cut.osm.gz", &gz[..gz.len() / 2])).unwrap_err();
    assert!(matches!(cut, ImportError::Unreadable { .. }), "{cut:?}");

    saved(&folder, "way_nodes.csv", "way_id,seq,node_id\n7,0,1\n7,one,2\n");
    let error = roads::import(folder.path()).unwrap_err().to_string();
    assert!(
        error.ends_with("way_nodes.csv, line 3: seq \"one\" is not a whole number"),
        "{error}"
    );
}

#[test]
fn a_file_gives_back_what_was_written() {
    let folder = TempDir::new().unwrap();
    let graph = roads::import(Path::new(KINGSWAY)).unwrap().graph;
    let path = folder.path().join("kingsway.roads");
    roads::write(&graph, &path).unwrap();
    let read = roads::read(&path).unwrap();
    assert_eq!(read.graph.digest(), graph.digest());
    assert_eq!(read.graph.junctions(), graph.junctions());
    assert!(read.graph.stretches().eq(graph.stretches()));
    assert_eq!(read.attribution, ATTRIBUTION);
    assert!(ATTRIBUTION.contains("OpenStreetMap") && ATTRIBUTION.contains("ODbL"));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_damaged_or_foreign_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("street.roads");
    roads::write(&graph_of(&street("highway=residential", [""; 4])), &path).unwrap();
    let good = fs::read(&path).unwrap();
    for place in 0..good.len() {
        let mut flipped = good.clone();
        flipped[place] ^= 1 << (place % 8);
        assert!(
            roads::read(&saved(&folder, "flipped", &flipped)).is_err(),
            "byte {place}"
        );
        assert!(
            roads::read(&saved(&folder, "cut", &good[..place])).is_err(),
            "{place} bytes"
        );
    }
    let longer = [good.as_slice(), b"\0"].concat();
    assert!(matches!(
        roads::read(&saved(&folder, "longer", &longer)),
        Err(RoadFileError::Damaged { .. })
    ));
    let mut newer = good.clone();
    newer[8] = 2;
    let error = roads::read(&saved(&folder, "newer", &newer)).unwrap_err().to_string();
    assert!(
        error.ends_with("is a road file of version 2; this Muster reads version 1: import the map again"),
        "{error}"
    );
    assert!(matches!(
        roads::read(Path::new(KINGSWAY)),
        Err(RoadFileError::Foreign { .. })
    ));
}
