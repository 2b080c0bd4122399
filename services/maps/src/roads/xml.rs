//! OpenStreetMap XML, `.osm` or `.osm.gz`: `node`, `way` with `nd` and `tag`; everything else is passed over.

use std::path::{Path, PathBuf};

use dispatch_core::position::Position;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    barriers,
    bounded::Bounded,
    collect::Sink,
    error::ImportError,
    rules::{self, Tags},
};

/// Nodes of one way, and tags of one element, at most; OpenStreetMap allows 2,000 nodes.
const CHILDREN_MAX: usize = 100_000;

pub(super) fn read(path: &Path, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let text = Bounded::open(path).map_err(|source| ImportError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut reader = Reader::from_reader(text);
    reader.config_mut().expand_empty_elements = true;
    let mut file = File {
        path: path.to_owned(),
        line: 1,
        depth: 0,
        element: Element::default(),
    };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().begin_element();
        file.line = reader.get_ref().line();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(start)) => file.start(&start, sink)?,
            Ok(Event::End(_)) => file.end(sink)?,
            Ok(Event::Eof) if file.depth > 0 => return Err(file.damaged("the file ends in the middle".into())),
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(quick_xml::Error::Io(source)) => {
                let source = std::io::Error::new(source.kind(), source.to_string());
                return Err(ImportError::Unreadable {
                    path: file.path,
                    source,
                });
            }
            Err(error) => return Err(file.damaged(error.to_string())),
        }
    }
}

/// What is read of the element of the second level that is open.
#[derive(Default)]
struct Element {
    kind: Kind,
    is_deleted: bool,
    id: i64,
    place: Option<(f64, f64)>,
    nodes: Vec<i64>,
    tags: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Other,
    Node,
    Way,
}

struct File {
    path: PathBuf,
    line: u64,
    /// How many elements are open.
    depth: usize,
    element: Element,
}

impl File {
    fn start(&mut self, start: &BytesStart<'_>, sink: &dyn Sink) -> Result<(), ImportError> {
        self.depth += 1;
        let name = start.name();
        let name: &str = name.as_ref();
        match (self.depth, name) {
            (1, "osm") => Ok(()),
            (1, other) => Err(self.damaged(format!("it begins with <{}>; <osm> is accepted", other))),
            (2, "node") if !sink.wants_ways() => self.begin(Kind::Node, start),
            (2, "way") if sink.wants_ways() => self.begin(Kind::Way, start),
            (2, _) => {
                self.element.kind = Kind::Other;
                Ok(())
            }
            (3, "nd") if self.element.kind == Kind::Way => self.add_node(start),
            (3, "tag") if self.element.kind != Kind::Other => self.add_tag(start),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, kind: Kind, start: &BytesStart<'_>) -> Result<(), ImportError> {
        let [id, latitude, longitude, visible, action] =
            self.attributes(start, ["id", "lat", "lon", "visible", "action"])?;
        self.element.kind = kind;
        self.element.nodes.clear();
        self.element.tags.clear();
        self.element.is_deleted = visible.as_deref() == Some("false") || action.as_deref() == Some("delete");
        self.element.id = self.number("id", id)?;
        self.element.place = None;
        if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
            self.element.place = Some((
                self.number("lat", Some(latitude))?,
                self.number("lon", Some(longitude))?,
            ));
        }
        Ok(())
    }

    fn add_node(&mut self, start: &BytesStart<'_>) -> Result<(), ImportError> {
        let [node] = self.attributes(start, ["ref"])?;
        let node = self.number("ref", node)?;
        self.element.nodes.push(node);
        self.check_children()
    }

    fn add_tag(&mut self, start: &BytesStart<'_>) -> Result<(), ImportError> {
        let [Some(key), Some(value)] = self.attributes(start, ["k", "v"])? else {
            return Err(self.damaged("a tag without k or v".into()));
        };
        self.element.tags.push((key, value));
        self.check_children()
    }

    fn check_children(&self) -> Result<(), ImportError> {
        if self.element.nodes.len() + self.element.tags.len() > CHILDREN_MAX {
            return Err(self.damaged(format!("an element of more than {CHILDREN_MAX} nodes and tags")));
        }
        Ok(())
    }

    fn end(&mut self, sink: &mut dyn Sink) -> Result<(), ImportError> {
        self.depth = self.depth.saturating_sub(1);
        let element = &self.element;
        if self.depth != 1 || element.kind == Kind::Other || element.is_deleted {
            return Ok(());
        }
        let tags: Vec<(&str, &str)> = element.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let tags = Tags(&tags);
        if element.kind == Kind::Way {
            return sink
                .way(&element.nodes, rules::passage(tags))
                .map_err(|too_many| ImportError::TooLarge {
                    path: self.path.clone(),
                    what: too_many.what,
                    max: too_many.max,
                });
        }
        if !sink.wants_node(element.id) {
            return Ok(());
        }
        let Some((latitude, longitude)) = element.place else {
            return Err(self.damaged(format!("node {} has no lat and lon", element.id)));
        };
        let position = Position::from_degrees(latitude, longitude)
            .map_err(|invalid| self.damaged(format!("node {}: {invalid}", element.id)))?;
        sink.node(element.id, position, barriers::passage_of(tags));
        Ok(())
    }

    /// The values of these attributes, as far as they are there.
    fn attributes<const N: usize>(
        &self,
        start: &BytesStart<'_>,
        names: [&str; N],
    ) -> Result<[Option<String>; N], ImportError> {
        let mut values = [const { None }; N];
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| self.damaged(error.to_string()))?;
            let key: &str = attribute.key.as_ref();
            let Some(place) = names.iter().position(|name| *name == key) else {
                continue;
            };
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map_err(|error| self.damaged(error.to_string()))?;
            values[place] = Some(value.into_owned());
        }
        Ok(values)
    }

    fn number<T: std::str::FromStr>(&self, name: &str, value: Option<String>) -> Result<T, ImportError> {
        let value = value.ok_or_else(|| self.damaged(format!("an element without {name}")))?;
        value
            .parse()
            .map_err(|_| self.damaged(format!("{name} {value:?} is not a number")))
    }

    fn damaged(&self, problem: String) -> ImportError {
        ImportError::Damaged {
            path: self.path.clone(),
            place: format!("line {}", self.line),
            problem,
        }
    }
}
