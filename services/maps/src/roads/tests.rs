//! The same streets as PBF and as XML make the same graph.

use std::{fs, io::Write, path::Path};

use flate2::{Compression, write::ZlibEncoder};
use prost::Message;

use super::{
    ImportError, import,
    pbf_messages::{Blob, BlobHeader, DenseNodes, HeaderBlock, Node, PrimitiveBlock, PrimitiveGroup, StringTable, Way},
};

const XML: &str = r#"<osm>
<node id="10" lat="51.5" lon="-0.12"/>
<node id="11" lat="51.501" lon="-0.121"><tag k="barrier" v="bollard"/></node>
<node id="14" lat="51.502" lon="-0.121"/>
<node id="9" lat="51.5" lon="-0.122"/>
<way id="5"><nd ref="10"/><nd ref="11"/><nd ref="14"/><nd ref="9"/><tag k="highway" v="residential"/></way>
<way id="6"><nd ref="9"/><nd ref="10"/><tag k="building" v="bollard"/></way>
</osm>"#;

fn strings() -> StringTable {
    let texts = ["", "highway", "residential", "barrier", "bollard", "building"];
    StringTable {
        strings: texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
    }
}

/// Three nodes packed densely in hundreds of nanodegrees, one by itself; offsets as files seldom have them.
fn block() -> PrimitiveBlock {
    let dense = DenseNodes {
        ids: vec![10, 1, 3],
        latitudes: vec![5_000_000, 10_000, 10_000],
        longitudes: vec![-1_200_000, -10_000, 0],
        keys_values: vec![0, 3, 4, 0, 0],
    };
    let node = Node {
        id: 9,
        latitude: 5_000_000,
        longitude: -1_220_000,
        ..Node::default()
    };
    let way = |id, key, value, nodes| Way {
        id,
        keys: vec![key],
        values: vec![value],
        nodes,
    };
    let group = PrimitiveGroup {
        nodes: vec![node],
        dense: Some(dense),
        ways: vec![way(5, 1, 2, vec![10, 1, 3, -5]), way(6, 5, 4, vec![9, 1])],
    };
    PrimitiveBlock {
        strings: Some(strings()),
        groups: vec![group],
        granularity: Some(100),
        latitude_offset: Some(51_000_000_000),
        longitude_offset: Some(0),
    }
}

fn blob(kind: &str, content: &[u8], is_packed: bool) -> Vec<u8> {
    let mut blob = Blob::default();
    if is_packed {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
        packer.write_all(content).expect("memory");
        blob.zlib = Some(packer.finish().expect("memory"));
    } else {
        blob.raw = Some(content.to_vec());
    }
    let blob = blob.encode_to_vec();
    let header = BlobHeader {
        kind: kind.into(),
        size: blob.len() as i32,
    };
    let header = header.encode_to_vec();
    [(header.len() as u32).to_be_bytes().as_slice(), &header, &blob].concat()
}

fn file(features: &[&str], block: &PrimitiveBlock, is_packed: bool) -> Vec<u8> {
    let header = HeaderBlock {
        required_features: features.iter().map(|feature| (*feature).to_owned()).collect(),
    };
    let header = blob("OSMHeader", &header.encode_to_vec(), is_packed);
    [header, blob("OSMData", &block.encode_to_vec(), is_packed)].concat()
}

fn imported(folder: &Path, name: &str, content: &[u8]) -> Result<super::Import, ImportError> {
    let path = folder.join(name);
    fs::write(&path, content).expect("a folder of our own");
    import(&path)
}

#[test]
fn pbf_and_xml_make_the_same_graph() {
    let folder = tempfile::tempdir().expect("a folder");
    let xml = imported(folder.path(), "a.osm", XML.as_bytes()).expect("XML");
    assert_eq!(xml.report.barriers, 1);
    for is_packed in [true, false] {
        let bytes = file(&["OsmSchema-V0.6", "DenseNodes"], &block(), is_packed);
        let pbf = imported(folder.path(), "a.osm.pbf", &bytes).expect("PBF");
        assert_eq!(pbf.report, xml.report);
        assert_eq!(pbf.graph.digest(), xml.graph.digest());
    }
}

#[test]
fn a_pbf_that_cannot_be_read_is_refused_with_its_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = |bytes: &[u8]| {
        imported(folder.path(), "b.pbf", bytes)
            .expect_err("damaged")
            .to_string()
    };
    let history = told(&file(&["HistoricalInformation"], &block(), true));
    assert!(
        history.contains("block 1: needs \"HistoricalInformation\" of its reader"),
        "{history}"
    );
    let mut no_text = block();
    no_text.groups[0].ways[0].values = vec![77];
    let no_text = told(&file(&[], &no_text, true));
    assert!(no_text.ends_with("block 2: way 5 has a tag without text"), "{no_text}");
    let bomb = [blob("OSMHeader", &[], false), blob("OSMData", &vec![0; 33 << 20], true)].concat();
    assert!(
        told(&bomb).ends_with("block 2: unpacks to more than 32 MiB"),
        "{}",
        told(&bomb)
    );
    let good = file(&[], &block(), true);
    for end in 1..good.len() {
        let whole_blocks = blob("OSMHeader", &HeaderBlock::default().encode_to_vec(), true).len();
        if end != whole_blocks {
            assert!(told(&good[..end]).contains("block"), "{end} bytes");
        }
    }
}

#[test]
fn no_flipped_byte_of_a_pbf_is_more_than_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = file(&["OsmSchema-V0.6", "DenseNodes"], &block(), false);
    let mut refused = 0;
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[place] ^= 1 << bit;
            refused += u32::from(imported(folder.path(), "c.pbf", &flipped).is_err());
        }
    }
    assert!(refused > 1_000, "{refused} were refused");
}
