//! From the values of a row to a defibrillator: which column tells what, and what to do with values that make no sense.

use dispatch_core::{
    aeds::Level,
    position::{Metres, Position},
};

use super::{AedEntry, Fields, Problem, Remedy, fields::shown, note, words};

/// Columns that tell the latitude in degrees, WGS84.
pub const LATITUDE: &[&str] = &["latitude", "lat", "latitude_deg", "y"];
/// Columns that tell the longitude in degrees, WGS84.
pub const LONGITUDE: &[&str] = &["longitude", "lon", "lng", "long", "longitude_deg", "x"];
/// Columns that tell both: `43.6, 1.44`.
pub const POINT: &[&str] = &["geo point", "geo_point", "geo_point_2d", "geopoint"];

const REFERENCE: &[&str] = &["@id", "ref", "external_ref", "osm_id", "id"];
const NAME: &[&str] = &["name", "location", "nom_site", "nom", "operator"];
const ADDRESS: &[&str] = &[
    "address",
    "address1",
    "address2",
    "address3",
    "adresse",
    "commune",
    "addr:housename",
    "addr:housenumber",
    "addr:street",
    "addr:city",
];
const POSTCODE: &[&str] = &["postcode", "addr:postcode", "code_postal"];
const NOTES: &[&str] = &[
    "notes",
    "defibrillator:location",
    "defibrillator:location:en",
    "implantation",
    "description",
    "note",
    "pb_disponibilite_temporaire",
];
const CABINET_CODE: &[&str] = &["cabinet_code", "defibrillator:code"];
const ACCESS: &[&str] = &["access", "accessibilite"];
const OPENING_HOURS: &[&str] = &["opening_hours"];
const INDOOR: &[&str] = &["indoor"];
const LEVEL: &[&str] = &["level"];
const OUT_OF_SERVICE: &[&str] = &["out_of_service"];
const STATUS: &[&str] = &["operational_status"];
const CONFIRMED_AT: &[&str] = &["confirmed_at", "check_date", "survey:date", "date_modified"];
const ACCURACY: &[&str] = &["accuracy_m"];

/// Most bytes that the service takes of each: longer texts are cut, so that the defibrillator is not lost.
const NAME_MAX: usize = 200;
const TEXT_MAX: usize = 500;
/// The list of Trafford, known by its columns, warns that its places may be those of postcodes.
const TRAFFORD_COLUMNS: [&str; 3] = ["location", "address1", "postcode"];
const TRAFFORD_ACCURACY_M: u32 = 100;

/// The defibrillator of a row; `None`, and a problem noted, when it cannot be used.
pub fn entry(row: &Fields, problems: &mut Vec<Problem>) -> Option<AedEntry> {
    let position = match position(row) {
        Ok(position) => position,
        Err(message) => {
            note(problems, row.line, Remedy::LeftOut, message);
            return None;
        }
    };
    let mut reading = Reading { row, problems };
    let access = reading.value(
        ACCESS,
        "yes, public, customers, permissive, private, no, unknown",
        words::access,
    );
    let mut notes = row.all(NOTES, "; ");
    let level = row.first(LEVEL).and_then(Level::new);
    if let Some(words) = row.first(LEVEL).filter(|_| level.is_none()) {
        // Words of a person; they still help to find it.
        notes = [notes, words.to_owned()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
    }
    let flag = reading.value(OUT_OF_SERVICE, "yes, no, true, false", words::yes_or_no);
    Some(AedEntry {
        line: row.line,
        external_ref: reference(row, position),
        name: reading.cut("name", row.first(NAME).unwrap_or_default(), NAME_MAX),
        position,
        accuracy: reading.accuracy(),
        address: reading.cut("address", &row.all(ADDRESS, ", "), TEXT_MAX),
        postcode: row.first(POSTCODE).unwrap_or_default().to_owned(),
        notes: reading.cut("notes", &notes, TEXT_MAX),
        cabinet_code: row.first(CABINET_CODE).unwrap_or_default().to_owned(),
        access: access.unwrap_or_default(),
        opening_hours: opening_hours(row),
        indoor: reading.value(INDOOR, "yes, no, true, false", words::yes_or_no),
        level,
        out_of_service: flag.unwrap_or_else(|| row.first(STATUS).is_some_and(words::is_out_of_service)),
        confirmed_at: reading.value(CONFIRMED_AT, "2027-03-31T12:00:00Z, 2027-03-31, 2027-03", words::moment),
    })
}

fn position(row: &Fields) -> Result<Position, String> {
    let (latitude, longitude) = match row.place {
        Some((longitude, latitude, _)) => (latitude, longitude),
        None => degrees(row)?,
    };
    if latitude == 0.0 && longitude == 0.0 {
        return Err("latitude and longitude are 0: that is what a list says that has no place".to_owned());
    }
    Position::from_degrees(latitude, longitude).map_err(|invalid| invalid.to_string())
}

fn degrees(row: &Fields) -> Result<(f64, f64), String> {
    let number = |(column, text): (&str, &str)| {
        let wrong = || format!("{column} is '{}'; accepted is a number of degrees", shown(text));
        text.trim().parse::<f64>().map_err(|_| wrong())
    };
    if let Some((column, both)) = row.named(POINT) {
        let parts = both.split_once(',');
        let parts = parts.ok_or_else(|| format!("{column} is '{}'; accepted is latitude, longitude", shown(both)))?;
        return Ok((number((column, parts.0))?, number((column, parts.1))?));
    }
    let required =
        |columns: &'static [&'static str]| row.named(columns).ok_or_else(|| format!("{} is empty", columns[0]));
    Ok((number(required(LATITUDE)?)?, number(required(LONGITUDE)?)?))
}

/// The list's own reference. Numbers that a statistics program wrote lose their `.0`.
fn reference(row: &Fields, position: Position) -> String {
    match row.first(REFERENCE) {
        Some(reference) => match reference.strip_suffix(".0") {
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => number.to_owned(),
            _ => reference.to_owned(),
        },
        None => format!("at {position:?}"),
    }
}

fn opening_hours(row: &Fields) -> String {
    let told = row.first(OPENING_HOURS);
    let told = told.or_else(|| row.first(ACCESS).map(words::hours_in_access));
    told.unwrap_or_default().to_owned()
}

/// A row being read, and where to note what makes no sense in it.
struct Reading<'a> {
    row: &'a Fields,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    /// What the first of these columns says; a word that is not known counts as nothing said.
    fn value<T>(&mut self, columns: &[&str], accepted: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (column, text) = self.row.named(columns)?;
        let value = read(text);
        if value.is_none() {
            let message = format!("{column} is '{}'; accepted is {accepted}", shown(text));
            note(self.problems, self.row.line, Remedy::UsedWithout, message);
        }
        value
    }

    fn accuracy(&mut self) -> Option<Metres> {
        let radius = |text: &str| text.parse().ok().filter(|metres| (0.0..=100_000.0).contains(metres));
        let told = self.value(ACCURACY, "0 to 100000", radius).map(Metres::from_f64);
        let is_trafford = || {
            TRAFFORD_COLUMNS
                .iter()
                .all(|column| self.row.first(&[column]).is_some())
        };
        let told = told.or_else(|| is_trafford().then(|| Metres::new(TRAFFORD_ACCURACY_M)));
        // An area is at least as vague as it is large.
        let area = self
            .row
            .place
            .map(|(_, _, reach)| Metres::from_f64(reach))
            .filter(|reach| reach.mm() > 0);
        told.max(area)
    }

    fn cut(&mut self, what: &str, text: &str, bytes_max: usize) -> String {
        if text.len() <= bytes_max {
            return text.to_owned();
        }
        let message = format!("{what}: {} bytes are too long and are cut to {bytes_max}", text.len());
        note(self.problems, self.row.line, Remedy::UsedWithout, message);
        let end = (0..=bytes_max).rev().find(|&end| text.is_char_boundary(end));
        text[..end.unwrap_or(0)].to_owned()
    }
}
