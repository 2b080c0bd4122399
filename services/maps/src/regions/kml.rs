//! KML 2: placemarks with polygons, in folders and documents of any depth. Longitude comes before latitude.

use dispatch_core::position::Position;
use quick_xml::{Reader, events::Event};

use super::{Drawing, FEATURES_MAX, Rings, UnreadableRegions, named, shown};

/// Elements open at once at most; folders in folders of real files are a handful deep.
const DEPTH_MAX: usize = 100;
/// What a placemark may draw besides polygons.
const NO_POLYGONS: [&str; 5] = ["Point", "LineString", "LinearRing", "Track", "Model"];

pub(super) fn drawings(bytes: &[u8]) -> Result<Vec<Drawing>, UnreadableRegions> {
    let at = |offset: u64| {
        let before = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        1 + bytes[..before].iter().filter(|&&byte| byte == b'\n').count()
    };
    let mut reader = Reader::from_reader(bytes);
    reader.config_mut().expand_empty_elements = true;
    let mut file = File::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let taken = match event {
            Ok(Event::Start(start)) => file.start(start.local_name().as_ref()),
            Ok(Event::End(_)) => file.end(),
            Ok(Event::Text(text)) => file.text(&text.xml10_content()),
            Ok(Event::CData(text)) => file.text(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => file.reference(&format!("&{};", &*reference)),
            Ok(Event::Eof) if !file.open.is_empty() => Err(Trouble::Xml("the file ends in the middle".to_owned())),
            Ok(Event::Eof) => return Ok(file.drawings),
            Ok(_) => Ok(()),
            Err(error) => Err(Trouble::Xml(error.to_string())),
        };
        match taken {
            Ok(()) => {}
            Err(Trouble::TooMany) => return Err(UnreadableRegions::TooMany),
            Err(Trouble::Xml(problem)) => {
                let line = at(reader.error_position().max(reader.buffer_position()));
                return Err(UnreadableRegions::Xml { line, problem });
            }
        }
    }
}

enum Trouble {
    TooMany,
    Xml(String),
}

/// What has been read, and the placemark that is open.
#[derive(Default)]
struct File {
    /// Names of the open elements.
    open: Vec<String>,
    drawings: Vec<Drawing>,
    /// Text of the open element, where it matters.
    text: String,
    name: String,
    polygons: Vec<Rings>,
    /// Rings of the open polygon: the outline, wherever it stood, and the holes.
    outlines: Rings,
    holes: Rings,
    problem: Option<String>,
}

impl File {
    fn start(&mut self, name: &str) -> Result<(), Trouble> {
        match self.open.len() {
            0 if name != "kml" => {
                return Err(Trouble::Xml(format!(
                    "it begins with <{}>; accepted is <kml>",
                    shown(name)
                )));
            }
            DEPTH_MAX => return Err(Trouble::Xml(format!("more than {DEPTH_MAX} elements in each other"))),
            _ => {}
        }
        match name {
            "Placemark" if self.is_in("Placemark") => {
                return Err(Trouble::Xml("a Placemark in a Placemark".to_owned()));
            }
            "Placemark" if self.drawings.len() == FEATURES_MAX => return Err(Trouble::TooMany),
            "Placemark" => self.begin_placemark(),
            "NetworkLink" => {
                let problem = "a NetworkLink draws nothing by itself; accepted is a Placemark with a Polygon";
                return Err(Trouble::Xml(problem.to_owned()));
            }
            // A ring of a polygon is one too.
            _ if NO_POLYGONS.contains(&name) && self.is_in("Placemark") && !self.is_in("Polygon") => {
                self.trouble(format!(
                    "it has a {name}; accepted is Polygon, or MultiGeometry of them"
                ));
            }
            _ => {}
        }
        self.text.clear();
        self.open.push(name.to_owned());
        Ok(())
    }

    fn end(&mut self) -> Result<(), Trouble> {
        // The reader has checked that ends match starts.
        let ended = self.open.pop().unwrap_or_default();
        let parent = self.open.last().map(String::as_str);
        match ended.as_str() {
            "name" if parent == Some("Placemark") => self.name = std::mem::take(&mut self.text),
            "coordinates" if self.is_in("Polygon") => self.end_ring(),
            "Polygon" if self.is_in("Placemark") => self.end_polygon(),
            "Placemark" => self.end_placemark(),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Trouble> {
        if matches!(self.open.last().map(String::as_str), Some("name" | "coordinates")) {
            self.text.push_str(text);
        }
        Ok(())
    }

    /// `&amp;` and the like; names have them.
    fn reference(&mut self, reference: &str) -> Result<(), Trouble> {
        let text = quick_xml::escape::unescape(reference).map_err(|error| Trouble::Xml(error.to_string()))?;
        self.text(&text)
    }

    fn begin_placemark(&mut self) {
        self.name.clear();
        self.polygons.clear();
        self.outlines.clear();
        self.holes.clear();
        self.problem = None;
    }

    fn end_ring(&mut self) {
        match ring(&self.text) {
            Ok(ring) if self.is_in("innerBoundaryIs") => self.holes.push(ring),
            Ok(ring) if self.is_in("outerBoundaryIs") => self.outlines.push(ring),
            Ok(_) => self.trouble("a ring outside outerBoundaryIs and innerBoundaryIs".to_owned()),
            Err(problem) => self.trouble(problem),
        }
    }

    fn end_polygon(&mut self) {
        let mut rings = std::mem::take(&mut self.outlines);
        if rings.len() != 1 {
            self.trouble(format!("a Polygon has {} outerBoundaryIs; accepted is 1", rings.len()));
        }
        rings.append(&mut self.holes);
        self.polygons.push(rings);
    }

    fn end_placemark(&mut self) {
        let polygons = std::mem::take(&mut self.polygons);
        if polygons.is_empty() {
            self.trouble("it has no Polygon; accepted is Polygon, or MultiGeometry of them".to_owned());
        }
        let polygons = self.problem.take().map_or(Ok(polygons), Err);
        let name = named(&self.name);
        self.drawings.push(Drawing { name, polygons });
    }

    fn is_in(&self, element: &str) -> bool {
        self.open.iter().any(|open| open == element)
    }

    /// Keeps the first thing that is wrong with the open placemark.
    fn trouble(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

/// `longitude,latitude` or `longitude,latitude,height`, separated by space.
fn ring(text: &str) -> Result<Vec<Position>, String> {
    text.split_whitespace().map(corner).collect()
}

fn corner(text: &str) -> Result<Position, String> {
    let wrong = || format!("corner '{}'; accepted is longitude,latitude", shown(text));
    let numbers: Result<Vec<f64>, _> = text.split(',').map(str::parse).collect();
    match numbers.map_err(|_| wrong())?[..] {
        [longitude, latitude] | [longitude, latitude, _] => {
            Position::from_degrees(latitude, longitude).map_err(|invalid| {
                format!(
                    "corner '{}': {invalid}; accepted is longitude,latitude in degrees of WGS84",
                    shown(text)
                )
            })
        }
        _ => Err(wrong()),
    }
}
