//! Files as people draw them, good and bad.

use super::*;

fn refused(text: &str) -> String {
    read(text.as_bytes()).expect_err(text).to_string()
}

fn names(regions: &[Region]) -> Vec<&str> {
    regions.iter().map(Region::name).collect()
}

fn has(region: &Region, latitude: f64, longitude: f64) -> bool {
    let place = Position::from_degrees(latitude, longitude).expect("valid");
    region.area().contains(place)
}

/// A closed ring of GeoJSON, one degree wide, with a height at one corner.
fn square(south: f64, west: f64) -> String {
    let (north, east) = (south + 1.0, west + 1.0);
    format!("[[{west},{south},12.5],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]")
}

fn feature(properties: &str, geometry: &str) -> String {
    format!(r#"{{"type":"Feature","properties":{properties},"geometry":{geometry}}}"#)
}

fn collection(features: &[String]) -> String {
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

fn polygon_of(rings: &str) -> String {
    format!(r#"{{"type":"Polygon","coordinates":[{rings}]}}"#)
}

fn kml(inside: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>all</name>{inside}</Document></kml>"#
    )
}

const KML_RING: &str = "<LinearRing><coordinates>\n -1,51,0 0,51,0\n 0,52 -1,52 -1,51,0 </coordinates></LinearRing>";

#[test]
fn each_form_of_geojson_is_read() {
    let hole = "[[-0.6,51.4],[-0.4,51.4],[-0.4,51.6],[-0.6,51.6],[-0.6,51.4]]";
    let with_hole = polygon_of(&format!("{},{hole}", square(51.0, -1.0)));
    let two = format!(
        r#"{{"type":"MultiPolygon","coordinates":[[{}],[{}]]}}"#,
        square(51.0, -1.0),
        square(53.0, -1.0)
    );
    let file = collection(&[
        feature(r#"{"name":" HMP Æsc "}"#, &with_hole),
        feature("null", &two),
        feature(r#"{"name":7}"#, &polygon_of(&square(57.0, -3.0))),
    ]);
    let regions = read(format!("\u{feff}\n {file}").as_bytes()).expect("valid");
    assert_eq!(names(&regions), ["HMP Æsc", "feature 2", "feature 3"]);
    assert!(has(&regions[0], 51.2, -0.5) && !has(&regions[0], 51.5, -0.5) && !has(&regions[0], 50.5, -0.5));
    assert!(has(&regions[1], 51.5, -0.5) && has(&regions[1], 53.5, -0.5) && !has(&regions[1], 52.5, -0.5));
    for bare in [with_hole.clone(), feature("{}", &with_hole)] {
        let regions = read(bare.as_bytes()).expect("valid");
        assert_eq!(names(&regions), ["feature 1"]);
        assert!(has(&regions[0], 51.2, -0.5) && !has(&regions[0], 51.5, -0.5));
    }
}

#[test]
fn kml_is_read_with_folders_holes_and_several_polygons() {
    let text = kml(&format!(
        "<Folder><name>prisons</name>
        <Placemark id='1'><name>Grange &amp; <![CDATA[<Hill>]]></name><Style><LineStyle/></Style>
        <Polygon><innerBoundaryIs><LinearRing><coordinates>-0.6,51.4 -0.4,51.4 -0.4,51.6 -0.6,51.6 -0.6,51.4</coordinates>
        </LinearRing></innerBoundaryIs><outerBoundaryIs>{KML_RING}</outerBoundaryIs></Polygon></Placemark></Folder>
        <Placemark><MultiGeometry><Polygon><outerBoundaryIs>{KML_RING}</outerBoundaryIs></Polygon><MultiGeometry>
        <Polygon><outerBoundaryIs><LinearRing><coordinates>-1,53 0,53 0,54 -1,54 -1,53</coordinates></LinearRing>
        </outerBoundaryIs></Polygon></MultiGeometry></MultiGeometry></Placemark>"
    ));
    let regions = read(text.as_bytes()).expect("valid");
    assert_eq!(names(&regions), ["Grange & <Hill>", "placemark 2"]);
    assert!(has(&regions[0], 51.2, -0.5) && !has(&regions[0], 51.5, -0.5));
    assert!(has(&regions[1], 51.5, -0.5) && has(&regions[1], 53.5, -0.5) && !has(&regions[1], 52.5, -0.5));
}

#[test]
fn what_is_wrong_in_geojson_is_named_with_its_feature() {
    let one = |geometry: &str| refused(&collection(&[feature(r#"{"name":"Town"}"#, geometry)]));
    for (problem, named) in [
        (
            one("null"),
            "feature 1 'Town': geometry is ''; accepted is Polygon or MultiPolygon",
        ),
        (one(r#"{"type":"Point","coordinates":[0,51]}"#), "geometry is 'Point'"),
        (
            one(&polygon_of("[[0,51],[1,51],[0,51]]")),
            "2 different corners; accepted is at least 3",
        ),
        (
            one(&polygon_of("[[0,51],[1,51],[\"1\",52]]")),
            r#"corner ["1",52]: accepted is [longitude, latitude]"#,
        ),
        (one(&polygon_of("[[0,51],[1,51],[1]]")), "corner [1]"),
        (
            one(&polygon_of("[[530000,180000],[1,51],[1,2]]")),
            "corner 530000,180000: latitude 180000 is outside -90 to 90",
        ),
        (
            one(&polygon_of("[[0,91],[1,51],[1,2]]")),
            "accepted is longitude, then latitude",
        ),
        (
            one(&polygon_of("7")),
            "coordinates have 7; accepted is a ring of corners",
        ),
        (one(&polygon_of("")), "0 different corners"),
        (
            one(r#"{"type":"MultiPolygon","coordinates":[]}"#),
            "there is no polygon",
        ),
        (one(r#"{"type":"MultiPolygon"}"#), "coordinates have null"),
        (refused(&collection(&[])), "no feature"),
        (refused(r#"{"type":"FeatureCollection"}"#), "features: there is none"),
        (
            refused(r#"{"type":"Topology"}"#),
            "type is 'Topology'; accepted is FeatureCollection",
        ),
        (refused("{"), "cannot be read as JSON"),
        (
            refused(r#"{"type":"FeatureCollection","crs":{"properties":{"name":"urn:ogc:def:crs:EPSG::27700"}}}"#),
            "EPSG::27700",
        ),
    ] {
        assert!(problem.contains(named), "{named}: {problem}");
    }
    let long = feature(
        &format!(r#"{{"name":"{}"}}"#, "x".repeat(65)),
        &polygon_of(&square(51.0, 0.0)),
    );
    assert!(refused(&long).contains("the name of a region has 65 bytes; accepted is 1 to 64"));
}

#[test]
fn every_feature_that_is_wrong_is_told_up_to_a_number() {
    let point = |number| feature(&format!(r#"{{"name":"p{number}"}}"#), r#"{"type":"Point"}"#);
    let good = feature("{}", &polygon_of(&square(51.0, 0.0)));
    let problem = refused(&collection(&[point(1), good, point(3)]));
    assert!(problem.contains("feature 1 'p1'") && problem.contains("feature 3 'p3'") && !problem.contains("feature 2"));
    let many: Vec<String> = (0..13).map(point).collect();
    assert!(refused(&collection(&many)).ends_with("and 3 more"));
}

#[test]
fn what_is_wrong_in_kml_is_named_with_its_placemark_or_line() {
    let one = |inside: &str| refused(&kml(&format!("\n<Placemark><name>Town</name>{inside}</Placemark>")));
    let ring = |corners: &str| {
        one(&format!(
            "<Polygon><outerBoundaryIs><LinearRing><coordinates>{corners}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
        ))
    };
    for (problem, named) in [
        (one(""), "Placemark 1 'Town': it has no Polygon"),
        (
            one("<Point><coordinates>0,51</coordinates></Point>"),
            "it has a Point; accepted is Polygon",
        ),
        (
            one("<Polygon></Polygon>"),
            "a Polygon has 0 outerBoundaryIs; accepted is 1",
        ),
        (ring("0,51 1,51"), "2 different corners"),
        (ring("0,51 1,51 x,52"), "corner 'x,52'; accepted is longitude,latitude"),
        (ring("0,51 1,51 1"), "corner '1'"),
        (ring("0, 51 1, 51"), "corner '0,'"),
        (
            ring("0,51 1,51 NaN,52"),
            "corner 'NaN,52': longitude is not a finite number",
        ),
        (ring("0,51 1,51 1,99"), "latitude 99 is outside"),
        (ring(""), "0 different corners"),
        (refused(&kml("")), "no Placemark"),
        (refused(&kml("\n\n<NetworkLink/>")), "line 4: a NetworkLink"),
        (refused(&kml("\n<Placemark></Folder>")), "line 3"),
        (refused("<kml>\n<Document>\n"), "the file ends in the middle"),
        (refused("<gpx></gpx>"), "it begins with <gpx>; accepted is <kml>"),
        (
            refused(&format!("<kml>{}", "<a>".repeat(200))),
            "more than 100 elements",
        ),
        (refused("<kml><Placemark><name>&bomb;</name></Placemark></kml>"), "bomb"),
    ] {
        assert!(problem.contains(named), "{named}: {problem}");
    }
}

#[test]
fn other_files_and_too_much_are_refused_with_a_hint() {
    assert!(refused("PK\u{3}\u{4}").contains("KMZ"));
    assert!(refused("").contains("neither"));
    assert!(refused("name,latitude").contains("neither GeoJSON nor KML"));
    assert!(read(b"\xff\xfe<").is_err());
    assert!(refused(&" ".repeat(16 * 1024 * 1024 + 1)).contains("larger than"));
    let many = vec!["{}".to_owned(); FEATURES_MAX + 1];
    assert!(refused(&collection(&many)).contains("more than 10000 features"));
    let many = "<Placemark/>".repeat(FEATURES_MAX + 1);
    assert!(refused(&kml(&many)).contains("more than 10000 features"));
    let missing = read_file(Path::new("there/is/no.kml")).expect_err("no file");
    assert!(missing.to_string().contains("cannot be read"));
}
