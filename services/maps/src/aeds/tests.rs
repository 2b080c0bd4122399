use proptest::prelude::*;

use super::*;

fn read_text(text: &str) -> AedList {
    read(text.as_bytes(), Format::Guess).expect("readable")
}

fn told(list: &AedList) -> Vec<(u64, Remedy, &str)> {
    let problems = list.problems.iter();
    problems
        .map(|told| (told.line, told.remedy, told.message.as_str()))
        .collect()
}

const OWN: &str =
    "ref,name,latitude,longitude,access,opening_hours,indoor,level,out_of_service,confirmed_at,accuracy_m,notes\n";

#[test]
fn our_own_list_tells_everything() {
    let list = read_text(&format!(
        "\u{feff}{OWN}A1,Town hall,53.4,-2.3,public,Mo-Fr 09:00-17:00,yes,-1,false,2026-01-31,15,\"by the lift, left\"\n"
    ));
    assert_eq!(told(&list), []);
    let wanted = AedEntry {
        line: 2,
        external_ref: "A1".into(),
        name: "Town hall".into(),
        position: Position::from_degrees(53.4, -2.3).expect("on the globe"),
        accuracy: Some(Metres::new(15)),
        address: String::new(),
        postcode: String::new(),
        notes: "by the lift, left".into(),
        cabinet_code: String::new(),
        access: Access::Public,
        opening_hours: "Mo-Fr 09:00-17:00".into(),
        indoor: Some(true),
        level: Level::new("-1"),
        out_of_service: false,
        confirmed_at: Some(Timestamp::from_unix_ms(1_769_817_600_000)),
    };
    assert_eq!(list.entries, [wanted]);
}

#[test]
fn a_bad_row_is_told_and_the_others_go_on() {
    let list = read_text(&format!(
        "{OWN}1,a,53.4,-2.3,,,,,,,,\n2,b,north,-2.3,,,,,,,,\n3,c,153.4,-2.3,,,,,,,,\n4,d,0,0,,,,,,,,\n5,e\n\
         6,f,,-2.3,,,,,,,,\n7,g,53.5,-2.3,perhaps,,maybe,by the lift,,yesterday,-5,\n"
    ));
    let refs: Vec<_> = list.entries.iter().map(|entry| entry.external_ref.as_str()).collect();
    assert_eq!(refs, ["1", "7"]);
    let wanted = [
        (
            3,
            Remedy::LeftOut,
            "latitude is 'north'; accepted is a number of degrees",
        ),
        (4, Remedy::LeftOut, "latitude 153.4 is outside -90 to 90 degrees"),
        (
            5,
            Remedy::LeftOut,
            "latitude and longitude are 0: that is what a list says that has no place",
        ),
        (6, Remedy::LeftOut, "the row has 2 values, the header 12"),
        (7, Remedy::LeftOut, "latitude is empty"),
        (
            8,
            Remedy::UsedWithout,
            "access is 'perhaps'; accepted is yes, public, customers, permissive, private, no, unknown",
        ),
        (8, Remedy::UsedWithout, "accuracy_m is '-5'; accepted is 0 to 100000"),
        (
            8,
            Remedy::UsedWithout,
            "confirmed_at is 'yesterday'; accepted is 2027-03-31T12:00:00Z, 2027-03-31, 2027-03",
        ),
        (
            8,
            Remedy::UsedWithout,
            "indoor is 'maybe'; accepted is yes, no, true, false",
        ),
    ];
    assert_eq!(told(&list), wanted);
    let last = &list.entries[1];
    assert_eq!((last.access, last.indoor, &last.level), (Access::Unknown, None, &None));
    assert_eq!(last.notes, "by the lift", "words about the floor still help");
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    for end in ["\n", "\r\n"] {
        let text = [
            "ref,lat,lon",
            "1,51,0.5",
            "2,north,0.5",
            "",
            "\"3\n\",51,0.5",
            "4,south,0.5",
            "5",
        ]
        .join(end);
        let list = read_text(&text);
        let lines: Vec<_> = list.entries.iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [2, 5], "{end:?}");
        let told: Vec<_> = list.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(told, [3, 7, 8], "{end:?}");
    }
}

#[test]
fn one_told_twice_is_one() {
    let list = read_text(
        "ref,name,lat,lon,notes,out_of_service,confirmed_at\n\
         1,Gym,53.4,-2.3,,no,2025-01-01\n\
         1,,53.5,-2.4,behind the bar,no,2026-01-01\n\
         2,Gym,53.40004,-2.3,,yes,\n\
         3,Gym,53.4001,-2.3,,no,\n\
         4,,53.4,-2.3,,no,\n\
         5,,53.4,-2.3,,no,\n",
    );
    let refs: Vec<_> = list.entries.iter().map(|entry| entry.external_ref.as_str()).collect();
    assert_eq!(
        refs,
        ["1", "3", "4", "5"],
        "11 m away, or without a name, they may be two"
    );
    let first = &list.entries[0];
    assert_eq!((first.notes.as_str(), first.out_of_service), ("behind the bar", true));
    assert_eq!(first.confirmed_at, words::moment("2026-01-01"));
    let wanted = [
        (
            3,
            Remedy::Merged,
            "line 2 has the same reference; what only this one says is added to it",
        ),
        (
            4,
            Remedy::Merged,
            "line 2 has the same name and is within 5 m; what only this one says is added to it",
        ),
    ];
    assert_eq!(told(&list), wanted);
}

#[test]
fn openstreetmap_draws_points_and_areas() {
    let list = read_text(
        r#"{"type": "FeatureCollection", "features": [
        {"type": "Feature", "id": "node/1", "properties": {"emergency": "defibrillator", "access": "customers",
         "opening_hours": "Mo-Su 08:00-22:00; PH off", "indoor": "yes", "level": "0;1", "ref": "7", "operator": "Spar",
         "defibrillator:location": "at the till", "check_date": "2026-02-03"},
         "geometry": {"type": "Point", "coordinates": [-0.1, 51.5]}},
        {"type": "Feature", "properties": {"@id": "way/2", "emergency": "defibrillator", "operational_status": "broken"},
         "geometry": {"type": "Polygon", "coordinates":
          [[[-0.2, 51.5], [-0.1998, 51.5], [-0.1998, 51.5002], [-0.2, 51.5002], [-0.2, 51.5]], [[0, 0], [1, 1], [0, 0]]]}},
        {"type": "Feature", "id": "node/3", "properties": {"emergency": "phone"},
         "geometry": {"type": "Point", "coordinates": [-0.1, 51.5]}},
        {"type": "Feature", "id": "node/4", "properties": null, "geometry": null},
        {"type": "Feature", "id": 5, "geometry": {"type": "Point", "coordinates": [51.5, 100]}}
        ]}"#,
    );
    let [node, way] = list.entries.as_slice() else {
        panic!("{list:?}")
    };
    assert_eq!((node.external_ref.as_str(), node.name.as_str()), ("node/1", "Spar"));
    assert_eq!(
        (node.access, node.indoor, node.accuracy),
        (Access::Permissive, Some(true), None)
    );
    assert_eq!((&node.level, node.notes.as_str()), (&Level::new("0;1"), "at the till"));
    assert_eq!(node.opening_hours, "Mo-Su 08:00-22:00; PH off");
    assert_eq!((way.external_ref.as_str(), way.out_of_service), ("way/2", true));
    assert_eq!(
        way.position,
        Position::from_degrees(51.5001, -0.1999).expect("on the globe")
    );
    // Half a diagonal of 22 m by 14 m.
    let reach = way.accuracy.expect("an area").as_f64();
    assert!((13.0..13.3).contains(&reach), "{reach}");
    let wanted = [
        (3, Remedy::LeftOut, "emergency is 'phone'; accepted is defibrillator"),
        (
            4,
            Remedy::LeftOut,
            "geometry: there is none; accepted is a point or an area",
        ),
        (5, Remedy::LeftOut, "latitude 100 is outside -90 to 90 degrees"),
    ];
    assert_eq!(told(&list), wanted);
}

#[test]
fn french_towns_tell_access_in_a_sentence() {
    let list = read_text(
        "## Geo Point;Geo Shape;id;nom_site;adresse;commune;type_structure;implantation;accessibilite;pb_disponibilite_temporaire\n\
         43.60, 1.44;\"{\"\"type\"\": \"\"Point\"\"}\";6.0;Salle;1 RUE A;TOULOUSE;salle;Hall;\
         Equipements municipaux hors piscine- Accessibilité: horaires d'ouverture du service;\n\
         43.61, 1.45;;43.0;Duranti;16 RUE B;TOULOUSE;voie publique;sous le porche;Voie publique - Accessibilité: 24h/24h;\n",
    );
    assert_eq!(told(&list), []);
    let [hall, street] = list.entries.as_slice() else {
        panic!("{list:?}")
    };
    assert_eq!((hall.external_ref.as_str(), hall.access), ("6", Access::Permissive));
    assert_eq!(hall.opening_hours, "horaires d'ouverture du service");
    assert_eq!(
        (hall.address.as_str(), hall.notes.as_str()),
        ("1 RUE A, TOULOUSE", "Hall")
    );
    assert_eq!((street.access, street.opening_hours.as_str()), (Access::Public, "24/7"));
}

#[test]
fn the_list_of_trafford_is_read_whole() {
    let list = read(
        include_bytes!("../../../../deploy/demo/trafford-defibrillators.csv"),
        Format::Guess,
    );
    let list = list.expect("readable");
    assert_eq!((list.entries.len(), told(&list)), (185, vec![]));
    let first = &list.entries[0];
    assert_eq!(first.external_ref, "at 53.4482690,-2.3931840");
    assert_eq!(
        (first.name.as_str(), first.postcode.as_str()),
        ("Acre Hall Primary", "M41 6NA")
    );
    assert_eq!(first.address, "Irlam Road, Flixton, Manchester");
    assert!(
        list.entries
            .iter()
            .all(|entry| entry.accuracy == Some(Metres::new(100)))
    );
    assert!(
        list.entries
            .iter()
            .all(|entry| entry.confirmed_at.is_some() && entry.access == Access::Unknown)
    );
    assert!(
        list.entries
            .iter()
            .all(|entry| !entry.notes.contains("NA") && entry.opening_hours.is_empty())
    );
}

#[test]
fn what_is_no_list_is_refused_with_the_reason() {
    let refused = |text: &str| read(text.as_bytes(), Format::Guess).expect_err("refused").to_string();
    assert!(refused("").starts_with("no column tells the latitude; known names are latitude, lat,"));
    assert!(refused("name,lat\n").starts_with("no column tells the longitude"));
    assert!(refused("{").starts_with("the file cannot be read as JSON"));
    assert!(refused("{}").contains("no list named features"));
    assert!(refused(&"{\"features\": ".repeat(10_000)).starts_with("the file cannot be read as JSON"));
    let many = format!("lat,lon\n{}", "1,2\n".repeat(ROWS_MAX + 1));
    assert!(refused(&many).contains("more than 300000 rows"));
}

proptest! {
    #[test]
    fn damaged_files_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), header in 0..3usize) {
        let headers = ["", "lat,lon,access,level,confirmed_at\n", "{\"features\":[{\"geometry\":{\"coordinates\":["];
        let file = [headers[header].as_bytes(), &bytes].concat();
        for format in [Format::Guess, Format::Csv, Format::GeoJson] {
            let _ = read(&file, format);
        }
    }
}
