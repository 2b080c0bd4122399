//! OpenStreetMap PBF: blocks of a few thousand nodes or ways, each packed by itself.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use dispatch_core::position::Position;
use flate2::read::ZlibDecoder;
use prost::Message;

use super::{
    barriers,
    collect::Sink,
    error::ImportError,
    pbf_messages::{Blob, BlobHeader, DenseNodes, HeaderBlock, Node, PrimitiveBlock, Way},
    rules::{self, Tags},
};

/// A block's header and a block, packed or not, at most: what the format allows.
const HEADER_MAX: u32 = 64 << 10;
const BLOCK_MAX: u64 = 32 << 20;
/// Blocks at most: 64 GiB unpacked, twice the planet.
const BLOCKS_MAX: u64 = 1 << 20;
/// What a file may ask of its reader. `HistoricalInformation` is not among them: several versions of a street at once.
const FEATURES: [&str; 2] = ["OsmSchema-V0.6", "DenseNodes"];

pub(super) fn read(path: &Path, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut blocks = Blocks::open(path)?;
    while let Some((kind, bytes)) = blocks.next()? {
        match kind.as_str() {
            "OSMHeader" => blocks.check_features(&bytes)?,
            "OSMData" if blocks.number > 1 => {
                let block =
                    PrimitiveBlock::decode(bytes.as_slice()).map_err(|error| blocks.damaged(error.to_string()))?;
                blocks.take(&block, sink)?;
            }
            _ if blocks.number == 1 => return Err(blocks.damaged("it does not begin with an OSMHeader".into())),
            _ => {}
        }
    }
    if blocks.number == 0 {
        return Err(blocks.damaged("the file is empty".into()));
    }
    Ok(())
}

struct Blocks {
    path: PathBuf,
    file: BufReader<File>,
    number: u64,
}

impl Blocks {
    fn open(path: &Path) -> Result<Self, ImportError> {
        let path = path.to_owned();
        match File::open(&path) {
            Ok(file) => Ok(Self {
                path,
                file: BufReader::new(file),
                number: 0,
            }),
            Err(source) => Err(ImportError::Unreadable { path, source }),
        }
    }

    /// The next block's kind and its unpacked bytes.
    fn next(&mut self) -> Result<Option<(String, Vec<u8>)>, ImportError> {
        let mut size = [0; 4];
        let got = fill(&mut self.file, &mut size).map_err(|source| self.unreadable(source))?;
        if got == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.number > BLOCKS_MAX {
            return Err(self.too_large("blocks", BLOCKS_MAX));
        }
        let size = u32::from_be_bytes(size);
        if got < 4 || size > HEADER_MAX {
            return Err(self.damaged("no block of an .osm.pbf file begins here".into()));
        }
        let header = self.bytes(u64::from(size))?;
        let header = BlobHeader::decode(header.as_slice()).map_err(|error| self.damaged(error.to_string()))?;
        let size = u64::try_from(header.size).ok().filter(|size| *size <= BLOCK_MAX);
        let size =
            size.ok_or_else(|| self.damaged(format!("a block of {} bytes; 32 MiB are accepted", header.size)))?;
        let blob = self.bytes(size)?;
        let blob = Blob::decode(blob.as_slice()).map_err(|error| self.damaged(error.to_string()))?;
        Ok(Some((header.kind, self.unpack(blob)?)))
    }

    fn bytes(&mut self, size: u64) -> Result<Vec<u8>, ImportError> {
        let mut bytes = Vec::new();
        let got = self.file.by_ref().take(size).read_to_end(&mut bytes);
        match got {
            Ok(got) if got as u64 == size => Ok(bytes),
            Ok(_) => Err(self.damaged("the file ends in the middle".into())),
            Err(source) => Err(self.unreadable(source)),
        }
    }

    fn unpack(&self, blob: Blob) -> Result<Vec<u8>, ImportError> {
        if let Some(raw) = blob.raw {
            return Ok(raw);
        }
        let Some(packed) = blob.zlib else {
            return Err(self.damaged(
                "packed in a way that is not accepted; raw and zlib are (`osmium cat -f pbf,pbf_compression=zlib`)"
                    .into(),
            ));
        };
        let mut bytes = Vec::new();
        ZlibDecoder::new(packed.as_slice())
            .take(BLOCK_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.damaged(format!("cannot be unpacked: {error}")))?;
        if bytes.len() as u64 > BLOCK_MAX {
            return Err(self.damaged("unpacks to more than 32 MiB".into()));
        }
        Ok(bytes)
    }

    fn check_features(&self, bytes: &[u8]) -> Result<(), ImportError> {
        let header = HeaderBlock::decode(bytes).map_err(|error| self.damaged(error.to_string()))?;
        for feature in &header.required_features {
            if !FEATURES.contains(&feature.as_str()) {
                let problem = format!(
                    "needs {feature:?} of its reader; {} are accepted",
                    FEATURES.join(" and ")
                );
                return Err(self.damaged(problem));
            }
        }
        Ok(())
    }

    fn take(&self, block: &PrimitiveBlock, sink: &mut dyn Sink) -> Result<(), ImportError> {
        let block = Block::of(block);
        for group in &block.block.groups {
            if sink.wants_ways() {
                group.ways.iter().try_for_each(|way| self.take_way(&block, way, sink))?;
                continue;
            }
            for node in &group.nodes {
                self.take_node(&block, node, sink)?;
            }
            if let Some(dense) = &group.dense {
                self.take_dense(&block, dense, sink)?;
            }
        }
        Ok(())
    }

    fn take_way(&self, block: &Block<'_>, way: &Way, sink: &mut dyn Sink) -> Result<(), ImportError> {
        let mut id = 0_i64;
        let nodes: Vec<i64> = way
            .nodes
            .iter()
            .map(|step| {
                id = id.wrapping_add(*step);
                id
            })
            .collect();
        let tags = block.tags(way.keys.iter().copied().zip(way.values.iter().copied()));
        let tags = tags.ok_or_else(|| self.damaged(format!("way {} has a tag without text", way.id)))?;
        sink.way(&nodes, rules::passage(Tags(&tags)))
            .map_err(|too_many| self.too_large(too_many.what, too_many.max))
    }

    fn take_node(&self, block: &Block<'_>, node: &Node, sink: &mut dyn Sink) -> Result<(), ImportError> {
        if !sink.wants_node(node.id) {
            return Ok(());
        }
        let tags = block.tags(node.keys.iter().copied().zip(node.values.iter().copied()));
        self.place(block, node.id, (node.latitude, node.longitude), tags, sink)
    }

    fn take_dense(&self, block: &Block<'_>, dense: &DenseNodes, sink: &mut dyn Sink) -> Result<(), ImportError> {
        if dense.latitudes.len() != dense.ids.len() || dense.longitudes.len() != dense.ids.len() {
            return Err(self.damaged("nodes without latitude or longitude".into()));
        }
        let (mut id, mut latitude, mut longitude) = (0_i64, 0_i64, 0_i64);
        let mut tags = dense.keys_values.split(|key| *key == 0);
        for place in 0..dense.ids.len() {
            id = id.wrapping_add(dense.ids[place]);
            latitude = latitude.wrapping_add(dense.latitudes[place]);
            longitude = longitude.wrapping_add(dense.longitudes[place]);
            let own = tags.next().unwrap_or_default();
            if !sink.wants_node(id) {
                continue;
            }
            let pairs = own.chunks_exact(2).map(|pair| (text(pair[0]), text(pair[1])));
            self.place(block, id, (latitude, longitude), block.tags(pairs), sink)?;
        }
        Ok(())
    }

    fn place(
        &self,
        block: &Block<'_>,
        id: i64,
        (latitude, longitude): (i64, i64),
        tags: Option<Vec<(&str, &str)>>,
        sink: &mut dyn Sink,
    ) -> Result<(), ImportError> {
        let tags = tags.ok_or_else(|| self.damaged(format!("node {id} has a tag without text")))?;
        let latitude = block.degrees(block.block.latitude_offset, latitude);
        let longitude = block.degrees(block.block.longitude_offset, longitude);
        let position = Position::from_degrees(latitude, longitude)
            .map_err(|invalid| self.damaged(format!("node {id}: {invalid}")))?;
        sink.node(id, position, barriers::passage_of(Tags(&tags)));
        Ok(())
    }

    fn damaged(&self, problem: String) -> ImportError {
        ImportError::Damaged {
            path: self.path.clone(),
            place: format!("block {}", self.number),
            problem,
        }
    }

    fn unreadable(&self, source: io::Error) -> ImportError {
        let path = self.path.clone();
        ImportError::Unreadable { path, source }
    }

    fn too_large(&self, what: &'static str, max: u64) -> ImportError {
        let path = self.path.clone();
        ImportError::TooLarge { path, what, max }
    }
}

/// A block with its texts.
struct Block<'a> {
    block: &'a PrimitiveBlock,
    texts: Vec<&'a str>,
}

impl<'a> Block<'a> {
    fn of(block: &'a PrimitiveBlock) -> Self {
        let strings = block.strings.iter().flat_map(|table| &table.strings);
        // No key or value that matters here has other than ASCII letters.
        let texts = strings
            .map(|text| std::str::from_utf8(text).unwrap_or_default())
            .collect();
        Self { block, texts }
    }

    /// `None` when a text is not there.
    fn tags(&self, pairs: impl Iterator<Item = (u32, u32)>) -> Option<Vec<(&'a str, &'a str)>> {
        let text = |number: u32| self.texts.get(number as usize).copied();
        pairs.map(|(key, value)| Some((text(key)?, text(value)?))).collect()
    }

    #[allow(clippy::cast_precision_loss)] // nanodegrees of the globe are below 2^53
    fn degrees(&self, offset: Option<i64>, units: i64) -> f64 {
        let granularity = i64::from(self.block.granularity.unwrap_or(100));
        offset.unwrap_or(0).saturating_add(granularity.saturating_mul(units)) as f64 / 1e9
    }
}

/// A number of a text; one below 0 is none.
fn text(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Reads until the buffer is full or the file ends, and says how much there was.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match from.read(&mut buffer[got..])? {
            0 => break,
            more => got += more,
        }
    }
    Ok(got)
}
