//! The file a street graph is kept in.
//!
//! ```text
//! "MUSTERRD"  version u16  digest 32 bytes  attribution: length u16, text  junctions, stretches, bends u32 each  body
//! ```
//!
//! Numbers are little-endian. The digest is the SHA-256 of everything behind it, so that no byte can change unseen, and it
//! is the graph's own: a decision record that names it names this file. In the body every position is the difference to the
//! one before, in few bytes: 5 bytes a point where a graph in memory has 8 to 14.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use dispatch_core::{
    position::Position,
    roads::{Passage, RoadGraph, RoadParts, StretchPart},
};
use sha2::{Digest, Sha256};

use super::{error::RoadFileError, parts_of, varint};

/// What the file says about whose data it is.
pub const ATTRIBUTION: &str = "Street data (c) OpenStreetMap contributors, available under the Open Database License 1.0 \
(ODbL); https://www.openstreetmap.org/copyright";

const MAGIC: &[u8; 8] = b"MUSTERRD";
const VERSION: u16 = 1;
const DIGEST_AT: usize = 10;
const CONTENT_AT: usize = DIGEST_AT + 32;
/// A file at most, read into memory at once: ten times Great Britain.
const FILE_MAX: u64 = 4 << 30;

/// A road file's content.
#[derive(Debug)]
pub struct RoadFile {
    /// The graph; its digest is the file's.
    pub graph: RoadGraph,
    /// Whose data it is; to be shown wherever the streets are.
    pub attribution: String,
}

/// Writes a graph to a file, whole or not at all: first beside it, then in its place.
pub fn write(graph: &RoadGraph, path: &Path) -> Result<(), RoadFileError> {
    let failed = |source| RoadFileError::Io {
        doing: "write",
        path: path.to_owned(),
        source,
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let parts = parts_of(graph);
    write_new(&parts, Path::new(&beside))
        .and_then(|()| fs::rename(&beside, path))
        .map_err(failed)
}

fn write_new(parts: &RoadParts, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(MAGIC)?;
    file.write_all(&VERSION.to_le_bytes())?;
    file.write_all(&digest_of(parts))?;
    write_content(parts, &mut file)?;
    file.into_inner()?.sync_all()
}

/// The digest of parts that are not written yet.
pub(super) fn digest_of(parts: &RoadParts) -> [u8; 32] {
    #[derive(Debug)]
    struct Hashing(Sha256);
    impl Write for Hashing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut content = BufWriter::new(Hashing(Sha256::new()));
    write_content(parts, &mut content).expect("hashing cannot fail");
    let hashing = content.into_inner().expect("hashing cannot fail");
    hashing.0.finalize().into()
}

#[allow(clippy::cast_possible_truncation)] // the attribution is short, and a graph counts in 29 bits
fn write_content(parts: &RoadParts, to: &mut impl Write) -> io::Result<()> {
    to.write_all(&(ATTRIBUTION.len() as u16).to_le_bytes())?;
    to.write_all(ATTRIBUTION.as_bytes())?;
    for count in [parts.junctions.len(), parts.stretches.len(), parts.bends.len()] {
        to.write_all(&(count as u32).to_le_bytes())?;
    }
    let mut before = (0, 0);
    for junction in &parts.junctions {
        write_position(*junction, &mut before, to)?;
    }
    let mut bends = parts.bends.iter();
    let mut from = 0;
    for stretch in &parts.stretches {
        varint::write_signed(i64::from(stretch.from) - from, to)?;
        from = i64::from(stretch.from);
        varint::write_signed(i64::from(stretch.to) - from, to)?;
        to.write_all(&[stretch.passage.bits()])?;
        varint::write(u64::from(stretch.bends), to)?;
        let mut before = parts.junctions[stretch.from as usize].to_e7();
        for bend in bends.by_ref().take(stretch.bends as usize) {
            write_position(*bend, &mut before, to)?;
        }
    }
    Ok(())
}

fn write_position(position: Position, before: &mut (i32, i32), to: &mut impl Write) -> io::Result<()> {
    let (latitude, longitude) = position.to_e7();
    varint::write_signed(i64::from(latitude) - i64::from(before.0), to)?;
    varint::write_signed(i64::from(longitude) - i64::from(before.1), to)?;
    *before = (latitude, longitude);
    Ok(())
}

/// Reads a graph from a file that [`write()`] made.
pub fn read(path: &Path) -> Result<RoadFile, RoadFileError> {
    let bytes = bytes_of(path).map_err(|source| RoadFileError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    })?;
    let damaged = |problem| RoadFileError::Damaged {
        path: path.to_owned(),
        problem,
    };
    if !bytes.starts_with(MAGIC) {
        let path = path.to_owned();
        return Err(RoadFileError::Foreign { path });
    }
    let Some((head, content)) = bytes.split_at_checked(CONTENT_AT) else {
        return Err(damaged("it is cut off"));
    };
    let version = u16::from_le_bytes([head[8], head[9]]);
    if version != VERSION {
        return Err(RoadFileError::OtherVersion {
            path: path.to_owned(),
            version,
            expected: VERSION,
        });
    }
    let digest: [u8; 32] = Sha256::digest(content).into();
    if head[DIGEST_AT..] != digest {
        return Err(damaged("its checksum is another; it was cut off or changed"));
    }
    let (mut parts, attribution) = take_content(content).ok_or_else(|| damaged("its counts do not fit its content"))?;
    parts.digest = digest;
    let graph = RoadGraph::new(parts).map_err(|source| RoadFileError::Roads {
        path: path.to_owned(),
        source,
    })?;
    Ok(RoadFile { graph, attribution })
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(io::Error::other("more than 4 GiB"));
    }
    Ok(bytes)
}

/// `None` when the bytes end too early or go on behind the end, or a number in them cannot be.
fn take_content(mut bytes: &[u8]) -> Option<(RoadParts, String)> {
    let attribution = usize::from(u16::from_le_bytes(take_array(&mut bytes)?));
    let (attribution, rest) = bytes.split_at_checked(attribution)?;
    bytes = rest;
    let attribution = std::str::from_utf8(attribution).ok()?.to_owned();
    let mut counts = [0; 3];
    for count in &mut counts {
        *count = u32::from_le_bytes(take_array(&mut bytes)?) as usize;
    }
    // Two bytes for each at least: a count that lies allocates no memory.
    if counts.iter().sum::<usize>() > bytes.len() / 2 {
        return None;
    }
    let mut parts = RoadParts::default();
    let mut before = (0, 0);
    for _ in 0..counts[0] {
        parts.junctions.push(take_position(&mut bytes, &mut before)?);
    }
    let mut from = 0;
    for _ in 0..counts[1] {
        take_stretch(&mut bytes, &mut from, &mut parts)?;
    }
    (bytes.is_empty() && parts.bends.len() == counts[2]).then_some((parts, attribution))
}

fn take_stretch(bytes: &mut &[u8], from: &mut i64, parts: &mut RoadParts) -> Option<()> {
    *from = from.checked_add(varint::take_signed(bytes)?)?;
    let to = from.checked_add(varint::take_signed(bytes)?)?;
    let [bits] = take_array(bytes)?;
    let stretch = StretchPart {
        from: u32::try_from(*from).ok()?,
        to: u32::try_from(to).ok()?,
        passage: Passage::from_bits(bits)?,
        bends: u32::try_from(varint::take(bytes)?).ok()?,
    };
    let mut before = parts.junctions.get(stretch.from as usize)?.to_e7();
    for _ in 0..stretch.bends {
        parts.bends.push(take_position(bytes, &mut before)?);
    }
    parts.stretches.push(stretch);
    Some(())
}

fn take_position(bytes: &mut &[u8], before: &mut (i32, i32)) -> Option<Position> {
    let mut next = |before: i32| i32::try_from(varint::take_signed(bytes)?.checked_add(i64::from(before))?).ok();
    *before = (next(before.0)?, next(before.1)?);
    Position::from_e7(before.0, before.1).ok()
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*array)
}
