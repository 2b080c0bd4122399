//! GeoJSON (RFC 7946): a polygon, several, a feature, or a collection of features. Longitude comes before latitude.

use dispatch_core::position::Position;
use serde_json::Value;

use super::{Drawing, FEATURES_MAX, Rings, UnreadableRegions, named, shown};

const ACCEPTED: &str = "Polygon or MultiPolygon";

pub(super) fn drawings(bytes: &[u8]) -> Result<Vec<Drawing>, UnreadableRegions> {
    let file: Value = serde_json::from_slice(bytes)?;
    // Older programs name other coordinates; the standard has none but WGS84.
    if let Some(crs) = file.pointer("/crs/properties/name").and_then(Value::as_str)
        && !["CRS84", "EPSG::4326", "EPSG:4326"]
            .iter()
            .any(|wgs84| crs.ends_with(wgs84))
    {
        let problem = format!("crs is '{}'; accepted is WGS84 longitude and latitude", shown(crs));
        return Err(UnreadableRegions::GeoJson(problem));
    }
    match kind(&file) {
        "FeatureCollection" => collection(&file),
        "Feature" => Ok(vec![feature(&file)]),
        "Polygon" | "MultiPolygon" => Ok(vec![Drawing {
            name: None,
            polygons: polygons(&file),
        }]),
        other => Err(UnreadableRegions::GeoJson(format!(
            "type is '{}'; accepted is FeatureCollection, Feature, {ACCEPTED}",
            shown(other)
        ))),
    }
}

fn collection(file: &Value) -> Result<Vec<Drawing>, UnreadableRegions> {
    let Some(features) = file.get("features").and_then(Value::as_array) else {
        let problem = "features: there is none; accepted is a list of features";
        return Err(UnreadableRegions::GeoJson(problem.to_owned()));
    };
    if features.len() > FEATURES_MAX {
        return Err(UnreadableRegions::TooMany);
    }
    Ok(features.iter().map(feature).collect())
}

fn feature(feature: &Value) -> Drawing {
    let name = feature.pointer("/properties/name").and_then(Value::as_str);
    let polygons = match kind(feature) {
        "Feature" => polygons(feature.get("geometry").unwrap_or(&Value::Null)),
        other => Err(format!("type is '{}'; accepted is Feature", shown(other))),
    };
    Drawing {
        name: name.and_then(named),
        polygons,
    }
}

fn polygons(geometry: &Value) -> Result<Vec<Rings>, String> {
    let coordinates = geometry.get("coordinates").unwrap_or(&Value::Null);
    match kind(geometry) {
        "Polygon" => Ok(vec![rings(coordinates)?]),
        "MultiPolygon" => list(coordinates, "a list of polygons")?.iter().map(rings).collect(),
        other => Err(format!("geometry is '{}'; accepted is {ACCEPTED}", shown(other))),
    }
}

fn rings(polygon: &Value) -> Result<Rings, String> {
    let rings = list(polygon, "a list of rings")?.iter();
    rings
        .map(|ring| {
            let corners = list(ring, "a ring of corners")?;
            corners.iter().map(corner).collect()
        })
        .collect()
}

fn corner(corner: &Value) -> Result<Position, String> {
    // A height may follow.
    let numbers = corner.as_array().map(Vec::as_slice);
    let Some([longitude, latitude, ..]) = numbers else {
        return Err(no_corner(corner));
    };
    let (Some(longitude), Some(latitude)) = (longitude.as_f64(), latitude.as_f64()) else {
        return Err(no_corner(corner));
    };
    Position::from_degrees(latitude, longitude).map_err(|invalid| {
        format!("corner {longitude},{latitude}: {invalid}; accepted is longitude, then latitude, in degrees of WGS84")
    })
}

fn no_corner(corner: &Value) -> String {
    format!(
        "corner {}: accepted is [longitude, latitude]",
        shown(&corner.to_string())
    )
}

fn list<'a>(value: &'a Value, accepted: &str) -> Result<&'a Vec<Value>, String> {
    let wrong = || format!("coordinates have {}; accepted is {accepted}", shown(&value.to_string()));
    value.as_array().ok_or_else(wrong)
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}
