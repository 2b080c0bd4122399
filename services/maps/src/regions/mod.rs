//! Regions as they are drawn in other programs: GeoJSON and KML.
//!
//! ```text
//! bytes ──geojson or kml──> Drawing, one for each feature or placemark ──> Region
//! ```
//! A file is used as a whole or not at all: of rules that bar places, half would look like all. What is wrong is told for
//! each feature by its name. Absent on purpose: KMZ (packed KML), other coordinates than WGS84, links to other files.

mod geojson;
mod kml;

use std::{fs::File, io::Read, path::Path};

use dispatch_core::{
    position::Position,
    regions::{Area, InvalidArea, InvalidRegionName, Polygon, Region},
};

/// Largest file that is read, in bytes: three times the corners that one region may have, each with two numbers of 16
/// digits and a height.
pub const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most features in a file: more than a control room has places to bar.
pub const FEATURES_MAX: usize = 10_000;
/// Of what is wrong, so much is told at once.
const PROBLEMS_TOLD: usize = 10;
/// Most characters of a name that a message repeats.
const SHOWN_MAX: usize = 60;

/// A file of which no region can be used.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRegions {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
    /// More bytes than are read.
    #[error("the file is larger than {FILE_BYTES_MAX} bytes; simplify the outlines")]
    TooLarge,
    /// KMZ or another archive.
    #[error(
        "the file is packed, as KMZ is; accepted is the doc.kml in it (`unzip -p x.kmz doc.kml > x.kml`), or GeoJSON"
    )]
    Packed,
    /// Neither begins like JSON nor like XML.
    #[error("the file is neither GeoJSON nor KML: it begins neither with {{ nor with <")]
    Unknown,
    /// Not JSON.
    #[error("the file cannot be read as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not XML, or not KML.
    #[error("line {line}: {problem}")]
    Xml {
        /// Where.
        line: usize,
        /// What is wrong and what is accepted.
        problem: String,
    },
    /// JSON, but not what is read.
    #[error("{0}")]
    GeoJson(String),
    /// There is nothing in it.
    #[error("the file has no {0}; accepted is at least one")]
    Empty(&'static str),
    /// More features than are read.
    #[error("the file has more than {FEATURES_MAX} features; join them, or leave out what is not needed")]
    TooMany,
    /// Some features are no regions.
    #[error("{}", .0.join("; "))]
    Features(Vec<String>),
}

/// Reads a file.
pub fn read_file(path: &Path) -> Result<Vec<Region>, UnreadableRegions> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    read(&bytes)
}

/// The regions of a file, in its order. One without a name is called after its place in the file, such as `feature 3`.
pub fn read(bytes: &[u8]) -> Result<Vec<Region>, UnreadableRegions> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(UnreadableRegions::TooLarge);
    }
    if bytes.starts_with(b"PK") || bytes.starts_with(b"\x1f\x8b") {
        return Err(UnreadableRegions::Packed);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (drawings, what) = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => (geojson::drawings(bytes)?, "feature"),
        Some(b'<') => (kml::drawings(bytes)?, "Placemark"),
        _ => return Err(UnreadableRegions::Unknown),
    };
    if drawings.is_empty() {
        return Err(UnreadableRegions::Empty(what));
    }
    regions(drawings, what)
}

/// The outline and the holes of a polygon.
type Rings = Vec<Vec<Position>>;

/// A feature as the file draws it.
struct Drawing {
    name: Option<String>,
    /// Or what is wrong.
    polygons: Result<Vec<Rings>, String>,
}

fn regions(drawings: Vec<Drawing>, what: &str) -> Result<Vec<Region>, UnreadableRegions> {
    let (mut regions, mut problems) = (Vec::new(), Vec::new());
    for (number, drawing) in (1..).zip(drawings) {
        match region(&drawing, &format!("{} {number}", what.to_lowercase())) {
            Ok(region) => regions.push(region),
            Err(problem) => {
                let name = drawing.name.map(|name| format!(" '{}'", shown(&name)));
                problems.push(format!("{what} {number}{}: {problem}", name.unwrap_or_default()));
            }
        }
    }
    if problems.is_empty() {
        return Ok(regions);
    }
    if problems.len() > PROBLEMS_TOLD {
        let more = problems.len() - PROBLEMS_TOLD;
        problems.truncate(PROBLEMS_TOLD);
        problems.push(format!("and {more} more"));
    }
    Err(UnreadableRegions::Features(problems))
}

fn region(drawing: &Drawing, otherwise: &str) -> Result<Region, String> {
    let polygons = drawing.polygons.as_ref().map_err(Clone::clone)?;
    let polygons: Result<Vec<Polygon>, InvalidArea> = polygons.iter().map(|rings| polygon(rings)).collect();
    let area = polygons.and_then(Area::new).map_err(|invalid| invalid.to_string())?;
    let name = drawing.name.as_deref().unwrap_or(otherwise);
    Region::new(name, area).map_err(|invalid: InvalidRegionName| invalid.to_string())
}

fn polygon(rings: &[Vec<Position>]) -> Result<Polygon, InvalidArea> {
    match rings {
        [] => Err(InvalidArea::TooFewPoints(0)),
        [outline, holes @ ..] => Polygon::new(outline, holes),
    }
}

/// The name without the space around it; an empty one is none.
fn named(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// A name or value as a message repeats it.
fn shown(value: &str) -> String {
    value.chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests;
