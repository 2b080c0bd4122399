//! GeoJSON: points, and the buildings or areas as which some defibrillators are drawn.

use dispatch_core::position::Position;
use serde_json::{Map, Value};

use super::{Fields, Problem, ROWS_MAX, Remedy, UnreadableList, fields::shown, note};

/// The features, each with its number; those without a usable place are noted.
pub fn rows(bytes: &[u8], problems: &mut Vec<Problem>) -> Result<Vec<Fields>, UnreadableList> {
    let Value::Object(mut file) = serde_json::from_slice(bytes)? else {
        return Err(UnreadableList::NoFeatures("it is no object"));
    };
    let Some(Value::Array(features)) = file.remove("features") else {
        return Err(UnreadableList::NoFeatures("it has no list named features"));
    };
    if features.len() > ROWS_MAX {
        return Err(UnreadableList::TooManyRows);
    }
    let mut rows = Vec::with_capacity(features.len());
    for (number, feature) in (1..).zip(&features) {
        match row(number, feature) {
            Ok(row) => rows.push(row),
            Err(message) => note(problems, number, Remedy::LeftOut, message),
        }
    }
    Ok(rows)
}

fn row(number: u64, feature: &Value) -> Result<Fields, String> {
    let mut row = Fields::new(number);
    let none = Map::new();
    let properties = feature.get("properties").and_then(Value::as_object).unwrap_or(&none);
    for (name, value) in properties {
        if let Some(text) = text(value) {
            row.put(name, &text);
        }
    }
    // What OpenStreetMap calls it; `ref` there is only what its owner calls it.
    if let Some(id) = feature.get("id").and_then(text) {
        row.put("@id", &id);
    }
    if let Some(kind) = row.first(&["emergency"]).filter(|&kind| kind != "defibrillator") {
        return Err(format!("emergency is '{}'; accepted is defibrillator", shown(kind)));
    }
    let geometry = feature.get("geometry").filter(|geometry| !geometry.is_null());
    let geometry = geometry.ok_or("geometry: there is none; accepted is a point or an area")?;
    row.place = Some(place(geometry)?);
    Ok(row)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Longitude and latitude of the middle in degrees, and how far from it the outline reaches in metres.
fn place(geometry: &Value) -> Result<(f64, f64, f64), String> {
    let mut corners = Vec::new();
    gather(geometry.get("coordinates").unwrap_or(&Value::Null), &mut corners);
    // The first corner of an outline stands there again at its end.
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    if corners.is_empty() {
        return Err("geometry: it has no coordinates; accepted are longitude and latitude in degrees".to_owned());
    }
    let count = corners.len() as f64;
    let sum = |axis: fn(&(f64, f64)) -> f64| corners.iter().map(axis).sum::<f64>();
    let middle = (sum(|corner| corner.0) / count, sum(|corner| corner.1) / count);
    let position = |(longitude, latitude): (f64, f64)| Position::from_degrees(latitude, longitude).ok();
    let reach = position(middle).map_or(0.0, |middle| {
        let distances = corners.iter().filter_map(|&corner| position(corner));
        distances
            .map(|corner| middle.distance_to(corner).as_f64())
            .fold(0.0, f64::max)
    });
    Ok((middle.0, middle.1, reach))
}

/// The corners of a point, a line or an area, of an area only those of its first outline.
fn gather(coordinates: &Value, corners: &mut Vec<(f64, f64)>) {
    let Some(parts) = coordinates.as_array() else {
        return;
    };
    if let [longitude, latitude, ..] = parts.as_slice()
        && let (Some(longitude), Some(latitude)) = (longitude.as_f64(), latitude.as_f64())
    {
        corners.push((longitude, latitude));
        return;
    }
    let of_outlines = parts.iter().any(|part| part.get(0).is_some_and(Value::is_array));
    let taken = if of_outlines { 1 } else { parts.len() };
    parts.iter().take(taken).for_each(|part| gather(part, corners));
}
