//! Who may use a way of OpenStreetMap, by its tags.
//!
//! People are volunteers on their way to a cardiac arrest, without blue lights. The rule, where tags leave room:
//!
//! - **On foot** one passes everything one can walk on, private ways too (nobody stops a person who runs to a patient, and many
//!   house entrances lie on them), both ways even in one-way streets; not what says `foot=no` or `access=no`.
//! - **By bicycle** one obeys one-way streets and every `no`, `private`, `dismount` and `use_sidepath`, and takes no footway
//!   or pedestrian area unless bicycles are allowed there.
//! - **By car** one uses streets that a car of anybody may use: what is not surely open is closed. A detour too long in the
//!   estimate asks somebody else; a short cut that is not there keeps a patient waiting.
//!
//! Classes and defaults follow wiki.openstreetmap.org "Key:highway", "OSM tags for routing/Access restrictions" (United
//! Kingdom), "Key:oneway" and "Key:access"; they differ little elsewhere.

use dispatch_core::{
    responder::TravelMode,
    roads::{Direction, Passage},
};

/// Why a way was not taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LeftOut {
    /// No `highway` tag: a building, a river, a boundary.
    NotAStreet,
    /// Planned, being built, or gone.
    NotThere,
    /// A class that nobody travels on: race tracks, guided bus ways, rest areas.
    NoUse,
    /// Its tags close it to everybody.
    Closed,
    /// Fewer than two of its nodes are in the file.
    WithoutNodes,
}

impl LeftOut {
    /// In words, for a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAStreet => "not a street",
            Self::NotThere => "planned, being built or gone",
            Self::NoUse => "of a class nobody travels on",
            Self::Closed => "closed to everybody",
            Self::WithoutNodes => "nodes not in the file",
        }
    }
}

/// The tags of a node or way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tags<'a>(pub(super) &'a [(&'a str, &'a str)]);

impl<'a> Tags<'a> {
    pub(super) fn value(self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    pub(super) fn is(self, key: &str, value: &str) -> bool {
        self.value(key) == Some(value)
    }

    /// The value of the first of these keys that is there: from the narrowest to the widest.
    pub(super) fn first_of(self, keys: &[&str]) -> Option<&'a str> {
        keys.iter().find_map(|key| self.value(key))
    }
}

/// The keys that say whether somebody may pass, the narrowest first.
pub(super) fn access_keys(mode: TravelMode) -> &'static [&'static str] {
    match mode {
        TravelMode::Unknown | TravelMode::Foot => &["foot", "access"],
        TravelMode::Bicycle => &["bicycle", "vehicle", "access"],
        TravelMode::Car => &["motorcar", "motor_vehicle", "vehicle", "access"],
    }
}

/// Whether a value of such a key opens the way; a value that is not known closes it to cars alone.
pub(super) fn opens(mode: TravelMode, value: &str) -> bool {
    match mode {
        TravelMode::Unknown | TravelMode::Foot => !matches!(value, "no" | "use_sidepath"),
        TravelMode::Bicycle => !matches!(value, "no" | "private" | "dismount" | "use_sidepath" | "military"),
        TravelMode::Car => matches!(
            value,
            "yes" | "permissive" | "designated" | "official" | "public" | "destination" | "customers" | "unknown"
        ),
    }
}

/// Who may use a way, and in which direction.
pub(super) fn passage(tags: Tags<'_>) -> Result<Passage, LeftOut> {
    let class = tags.value("highway").ok_or(LeftOut::NotAStreet)?;
    let usual = usual_modes(class)?;
    let mut passage = Passage::NONE;
    for mode in [TravelMode::Foot, TravelMode::Bicycle, TravelMode::Car] {
        if !may_use(mode, class, usual, tags) {
            continue;
        }
        for direction in directions(mode, class, tags) {
            passage = passage.with(mode, *direction);
        }
    }
    if passage == Passage::NONE {
        return Err(LeftOut::Closed);
    }
    Ok(passage)
}

/// Who uses a class of street when nothing else is said.
#[derive(Clone, Copy)]
struct Usual {
    foot: bool,
    bicycle: bool,
    car: bool,
}

fn usual_modes(class: &str) -> Result<Usual, LeftOut> {
    let (foot, bicycle, car) = match class {
        "motorway" | "motorway_link" => (false, false, true),
        "trunk" | "trunk_link" | "primary" | "primary_link" | "secondary" | "secondary_link" | "tertiary"
        | "tertiary_link" | "unclassified" | "residential" | "living_street" | "service" | "road" => (true, true, true),
        // A track's surface and gates are unknown, so a car needs a tag that says it may.
        "track" | "path" | "cycleway" | "bridleway" => (true, true, false),
        "footway" | "pedestrian" | "steps" | "corridor" | "platform" | "elevator" => (true, false, false),
        "busway" => (false, false, false),
        "construction" | "proposed" | "planned" | "abandoned" | "disused" | "razed" | "demolished" | "dismantled"
        | "no" => return Err(LeftOut::NotThere),
        _ => return Err(LeftOut::NoUse),
    };
    Ok(Usual { foot, bicycle, car })
}

fn may_use(mode: TravelMode, class: &str, usual: Usual, tags: Tags<'_>) -> bool {
    let usually = match mode {
        TravelMode::Unknown | TravelMode::Foot => usual.foot,
        TravelMode::Bicycle => usual.bicycle,
        TravelMode::Car => usual.car,
    };
    // Nothing on wheels goes up steps or into a lift, whatever a tag about ramps says.
    if mode != TravelMode::Foot && matches!(class, "steps" | "elevator" | "corridor" | "platform") {
        return false;
    }
    let keys = access_keys(mode);
    // `access=yes` on a footway does not mean cars: only a key of one's own opens what is usually closed.
    let own = &keys[..keys.len() - 1];
    let motor_road = tags.is("motorroad", "yes") && mode != TravelMode::Car;
    if !usually || motor_road {
        return tags
            .first_of(own)
            .is_some_and(|value| matches!(value, "yes" | "designated" | "permissive" | "official"));
    }
    tags.first_of(keys).is_none_or(|value| opens(mode, value))
}

const ALONG: &[Direction] = &[Direction::Along];
const AGAINST: &[Direction] = &[Direction::Against];
const BOTH: &[Direction] = &Direction::BOTH;

fn directions(mode: TravelMode, class: &str, tags: Tags<'_>) -> &'static [Direction] {
    match mode {
        TravelMode::Unknown | TravelMode::Foot => on_foot(tags),
        TravelMode::Bicycle => by_bicycle(class, tags),
        TravelMode::Car => for_vehicles(class, tags.first_of(&["oneway:motor_vehicle", "oneway"]), tags),
    }
}

/// Only what is meant for people on foot binds them: `oneway:foot`, and moving stairs and walks.
fn on_foot(tags: Tags<'_>) -> &'static [Direction] {
    match tags.first_of(&["oneway:foot", "foot:oneway", "conveying"]) {
        Some("yes" | "forward") => ALONG,
        Some("-1" | "backward") => AGAINST,
        _ => BOTH,
    }
}

fn by_bicycle(class: &str, tags: Tags<'_>) -> &'static [Direction] {
    if let Some(own) = tags.first_of(&["oneway:bicycle", "bicycle:oneway"]) {
        return for_vehicles(class, Some(own), tags);
    }
    let lanes = ["cycleway", "cycleway:left", "cycleway:right", "cycleway:both"];
    let lane_against = lanes
        .iter()
        .any(|key| tags.value(key).is_some_and(|value| value.starts_with("opposite")));
    let lane_ways = ["cycleway:left:oneway", "cycleway:right:oneway", "cycleway:both:oneway"];
    let lane_both = lane_ways
        .iter()
        .any(|key| tags.value(key).is_some_and(|value| matches!(value, "no" | "-1")));
    if lane_against || lane_both {
        return BOTH;
    }
    for_vehicles(class, tags.value("oneway"), tags)
}

fn for_vehicles(class: &str, one_way: Option<&str>, tags: Tags<'_>) -> &'static [Direction] {
    let round = matches!(tags.value("junction"), Some("roundabout" | "circular"));
    match one_way {
        Some("yes" | "true" | "1") => ALONG,
        Some("-1" | "reverse") => AGAINST,
        // The direction changes with the hour or by a sign that no map knows.
        Some("reversible" | "alternating") => &[],
        Some("no" | "false" | "0") => BOTH,
        _ if round || class == "motorway" => ALONG,
        _ => BOTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `foot bicycle car`: `=` both ways, `>` along, `<` against, `-` closed.
    fn read(tags: &[(&str, &str)]) -> String {
        let Ok(passage) = passage(Tags(tags)) else {
            return "---".into();
        };
        let sign = |mode| match Direction::BOTH.map(|direction| passage.allows(mode, direction)) {
            [true, true] => '=',
            [true, false] => '>',
            [false, true] => '<',
            [false, false] => '-',
        };
        [TravelMode::Foot, TravelMode::Bicycle, TravelMode::Car]
            .map(sign)
            .iter()
            .collect()
    }

    #[test]
    fn classes_and_access() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("===", &[("highway", "residential")]),
            ("-->", &[("highway", "motorway")]),
            ("--=", &[("highway", "trunk"), ("motorroad", "yes")]),
            ("=--", &[("highway", "footway")]),
            ("==-", &[("highway", "footway"), ("bicycle", "yes")]),
            ("==-", &[("highway", "cycleway")]),
            ("-=-", &[("highway", "cycleway"), ("foot", "no")]),
            ("=--", &[("highway", "steps"), ("bicycle", "yes")]),
            ("===", &[("highway", "track"), ("motor_vehicle", "yes")]),
            ("==-", &[("highway", "track"), ("access", "yes")]),
            ("=--", &[("highway", "service"), ("access", "private")]),
            (
                "=-=",
                &[
                    ("highway", "service"),
                    ("access", "private"),
                    ("motor_vehicle", "destination"),
                ],
            ),
            ("---", &[("highway", "residential"), ("access", "no")]),
            ("=--", &[("highway", "residential"), ("access", "no"), ("foot", "yes")]),
            ("==-", &[("highway", "residential"), ("motor_vehicle", "permit")]),
            ("=-=", &[("highway", "primary"), ("bicycle", "use_sidepath")]),
            ("---", &[("highway", "raceway")]),
            ("---", &[("building", "yes")]),
        ];
        for (expected, tags) in cases {
            assert_eq!(read(tags), *expected, "{tags:?}");
        }
    }

    #[test]
    fn one_way_streets() {
        let street = ("highway", "residential");
        let one_way = ("oneway", "yes");
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("=>>", &[street, one_way]),
            ("=<<", &[street, ("oneway", "-1")]),
            ("==>", &[street, one_way, ("oneway:bicycle", "no")]),
            ("==>", &[street, one_way, ("cycleway", "opposite_lane")]),
            ("==>", &[street, one_way, ("cycleway:left:oneway", "-1")]),
            ("=>>", &[street, ("junction", "roundabout")]),
            ("===", &[street, ("junction", "roundabout"), ("oneway", "no")]),
            ("=--", &[street, ("oneway", "reversible")]),
            (">>>", &[street, one_way, ("oneway:foot", "yes")]),
            (">--", &[("highway", "steps"), ("conveying", "forward")]),
            ("=>-", &[("highway", "cycleway"), one_way]),
        ];
        for (expected, tags) in cases {
            assert_eq!(read(tags), *expected, "{tags:?}");
        }
    }

    #[test]
    fn the_reason_for_leaving_one_out_is_told() {
        assert_eq!(passage(Tags(&[])), Err(LeftOut::NotAStreet));
        assert_eq!(passage(Tags(&[("highway", "proposed")])), Err(LeftOut::NotThere));
        assert_eq!(passage(Tags(&[("highway", "rest_area")])), Err(LeftOut::NoUse));
        assert_eq!(
            passage(Tags(&[("highway", "service"), ("access", "no")])),
            Err(LeftOut::Closed)
        );
    }
}
