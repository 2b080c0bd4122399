//! Rules for regions from a configuration file with its polygons beside it.

use std::fs;

use dispatch_core::{position::Metres, scene::SceneRule};

use crate::config::{Overrides, load};

use super::*;

const TOWN: &str = r#"{"type":"FeatureCollection","features":[
    {"type":"Feature","properties":{"name":"town"},"geometry":{"type":"Polygon",
     "coordinates":[[[-0.2,51.4],[0.0,51.4],[0.0,51.6],[-0.2,51.6],[-0.2,51.4]]]}},
    {"type":"Feature","properties":{"name":"village"},"geometry":{"type":"Polygon",
     "coordinates":[[[-1.2,51.4],[-1.0,51.4],[-1.0,51.6],[-1.2,51.6],[-1.2,51.4]]]}}]}"#;

/// A configuration and its polygons in a directory of their own.
fn book(config: &str) -> Result<PolicyBook, String> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("muster.toml");
    fs::create_dir(directory.path().join("maps")).expect("a directory");
    for (name, text) in [
        ("maps/town.geojson", TOWN),
        (
            "swapped.geojson",
            r#"{"type":"Polygon","coordinates":[[[51.4,-0.2],[51.4,0.0],[51.6,0.0],[51.4,-0.2]]]}"#,
        ),
        ("broken.kml", "<kml>"),
        ("muster.toml", config),
    ] {
        fs::write(directory.path().join(name), text).expect("written");
    }
    let config = load(Some(&path), Overrides::default());
    config.map(|config| config.policies).map_err(|error| error.to_string())
}

fn place(longitude: f64) -> Option<Position> {
    Position::from_degrees(51.5, longitude).ok()
}

#[test]
fn rules_hold_within_what_the_file_beside_the_configuration_draws() {
    let book = book(
        "[policy]
        alert_count = 9
        [[region_rule]]
        name = 'town centre'
        file = 'maps/town.geojson'
        feature = 'town'
        policy = { radius_m = 500 }
        [[region_rule]]
        name = 'settled'
        tenant = 'london'
        incident_kind = 'fall'
        file = 'maps/town.geojson'
        scene = 'vetted_only'",
    );
    let book = book.expect("valid");
    let tenant = |name| TenantId::new(name).expect("valid");
    let kind = |name| IncidentKind::new(name).expect("valid");
    let (london, fall) = (tenant("london"), kind("fall"));
    let town = book.policy(&london, &fall, place(-0.1));
    assert_eq!(
        (town.name.as_str(), town.alert_count, town.radius),
        ("town centre", 9, Metres::new(500))
    );
    assert_eq!(
        book.policy(&london, &fall, place(-1.1)).name,
        "default",
        "the other feature"
    );
    // Without a feature it is both.
    for longitude in [-0.1, -1.1] {
        assert_eq!(book.scene_rule(&london, &fall, place(longitude)), SceneRule::VettedOnly);
    }
    for (tenant, kind, longitude) in [
        (tenant("wales"), fall.clone(), -0.1),
        (london.clone(), kind("bleed"), -0.1),
        (london, fall, -0.5),
    ] {
        assert_eq!(book.scene_rule(&tenant, &kind, place(longitude)), SceneRule::Everybody);
    }
}

#[test]
fn what_is_wrong_is_named_with_the_region() {
    let refused = |keys: &str| {
        let text = format!("[[region_rule]]\nname = 'prison'\n{}", keys.replace("; ", "\n"));
        book(&text).expect_err(keys)
    };
    for (keys, named) in [
        ("file = 'maps/town.geojson'", "either scene or policy"),
        (
            "file = 'maps/town.geojson'; scene = 'nobody'; policy = {}",
            "either scene or policy",
        ),
        ("file = 'maps/town.geojson'; scene = 'no one'", "vetted_only"),
        (
            "file = 'maps/town.geojson'; policy = { radius_m = 1 }",
            "radius_m is 1; accepted is 50",
        ),
        ("file = 'maps/town.geojson'; policy = { radius = 1 }", "radius"),
        (
            "file = 'maps/town.geojson'; policy = { receipt_wait_s = -1 }",
            "policy.receipt_wait_s is -1",
        ),
        (
            "file = 'maps/town.geojson'; policy = { life_threatening = false }",
            "special_policy",
        ),
        (
            "file = 'maps/town.geojson'; scene = 'nobody'; tenant = 'Big Ben'",
            "tenant",
        ),
        (
            "file = 'maps/town.geojson'; scene = 'nobody'; incident_kind = 'A'",
            "incident_kind is 'A'",
        ),
        ("file = 'maps/town.geojson'; scene = 'nobody'; colour = 'red'", "colour"),
        (
            "file = 'maps/town.geojson'; scene = 'nobody'; feature = 'city'",
            "region_rule 'prison': feature is 'city'; the file has 'town', 'village'",
        ),
        ("scene = 'nobody'", "file"),
        ("file = 'none.kml'; scene = 'nobody'", "No such file"),
        (
            "file = 'broken.kml'; scene = 'nobody'",
            "broken.kml: line 1: the file ends in the middle",
        ),
        (
            "file = 'swapped.geojson'; scene = 'nobody'",
            "wholly outside service_area",
        ),
    ] {
        let problem = refused(keys);
        assert!(problem.contains(named), "{keys}: {problem}");
    }
    let long = format!(
        "[[region_rule]]\nname = '{}'\nfile = 'maps/town.geojson'\nscene = 'nobody'",
        "x".repeat(65)
    );
    assert!(book(&long).expect_err("too long").contains("has 65 bytes"));
}
