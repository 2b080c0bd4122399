use super::*;

const HEADER: &str = "time,lat,lon,accuracy_m,kind,ambulance_s\n";

fn refused(rows: &str) -> String {
    let file = format!("{HEADER}{rows}");
    incidents(file.as_bytes(), false).expect_err("refused").to_string()
}

#[test]
fn incidents_are_read_and_put_in_order_of_time() {
    let file = "incident,time,easting,northing,accuracy_m\n\
                b,2017-03-01T12:00:00+01:00,530034,180381,71\n\
                a,2017-03-01T10:59:59Z,530034,180381,\n";
    let read = incidents(file.as_bytes(), false).expect("valid");
    assert_eq!(read.ignored, ["incident"]);
    let [first, second] = &read.rows[..] else {
        panic!("two rows");
    };
    assert_eq!((first.number, second.number), (3, 2));
    assert_eq!(second.at.ms_since(first.at), 1_000);
    assert_eq!(second.accuracy.mm(), 71_000);
    assert_eq!(second.kind.as_str(), "cardiac_arrest");
    assert!(
        (second.position.latitude() - 51.507).abs() < 0.01,
        "{}",
        second.position.latitude()
    );
}

#[test]
fn a_bad_row_is_told_by_line_field_value_and_what_is_accepted() {
    let good = "2017-03-01T12:00:00Z,51.5,-0.1,,,\n";
    let told = |row: &str| {
        let text = refused(&format!("{good}{row}\n"));
        text.lines().nth(1).expect("a row is told").trim().to_owned()
    };
    assert_eq!(
        told("yesterday,51.5,-0.1,,,"),
        "line 3: time is \"yesterday\"; accepted is a moment such as 2017-01-31T14:05:00Z, with Z or an offset, from 2000 to 2199"
    );
    assert_eq!(
        told("2017-03-01T12:00:00Z,91,-0.1,,,"),
        "line 3: lat is \"91\"; accepted is degrees from -90 to 90"
    );
    for (row, field) in [
        ("2017-03-01T12:00:00,51.5,-0.1,,,", "time"),
        ("1899-03-01T12:00:00Z,51.5,-0.1,,,", "time"),
        ("2017-03-01T12:00:00Z,51.5,,,,", "lon"),
        ("2017-03-01T12:00:00Z,0,0,,,", "lat, lon"),
        ("2017-03-01T12:00:00Z,51.5,NaN,,,", "lon"),
        ("2017-03-01T12:00:00Z,51.5,-0.1,-1,,", "accuracy_m"),
        ("2017-03-01T12:00:00Z,51.5,-0.1,,Heart Attack,", "kind"),
        ("2017-03-01T12:00:00Z,51.5,-0.1,,,soon", "ambulance_s"),
    ] {
        assert!(
            told(row).starts_with(&format!("line 3: {field} is ")),
            "{row}: {}",
            told(row)
        );
    }
}

#[test]
fn grid_metres_are_told_from_degrees_and_from_the_sea() {
    let told = |row: &str| {
        let file = format!("easting,northing\n{row}\n");
        responders(file.as_bytes(), false).expect_err("refused").to_string()
    };
    assert!(told("51.5,0.1").contains("look like degrees"));
    assert!(told("800000,180000").contains("0 to 700000"));
    assert!(told("530000,").contains("northing"));
}

#[test]
fn the_first_twenty_bad_rows_are_told_and_all_are_counted() {
    let bad = "2017-03-01T12:00:00Z,95,0,,,\n".repeat(25);
    let text = refused(&bad);
    assert!(text.starts_with("25 rows cannot be used"));
    assert_eq!(text.lines().count(), 1 + BAD_ROWS_TOLD + 1);
    assert!(text.ends_with("and 5 more"));
    let file = format!("{HEADER}{bad}2017-03-01T12:00:00Z,51.5,-0.1,,,\n");
    let read = incidents(file.as_bytes(), true).expect("skipped");
    assert_eq!(
        (read.rows.len(), read.skipped_count, read.skipped.len()),
        (1, 25, BAD_ROWS_TOLD)
    );
}

#[test]
fn a_header_that_lacks_a_column_is_told_what_it_has() {
    let text = incidents("when,lat,lon\n".as_bytes(), false)
        .expect_err("refused")
        .to_string();
    assert_eq!(text, "the header lacks time; it has: when, lat, lon");
    let text = incidents("time,lat\n".as_bytes(), false)
        .expect_err("refused")
        .to_string();
    assert!(text.contains("lat and lon, or easting and northing"));
    assert!(
        incidents("time,lat,lon\n1,2\n".as_bytes(), true).is_err(),
        "a row of another length"
    );
}

#[test]
fn responders_and_populations_are_read() {
    let read = responders(
        "\u{feff}lat,lon,mode,id\n51.5,-0.1,car,7\n51.6,-0.1,,8\n".as_bytes(),
        false,
    )
    .expect("valid");
    assert_eq!(read.rows[0].mode, Some(muster_people::travel::Mode::Car));
    assert_eq!(read.rows[1].mode, None);
    assert!(read.ignored.is_empty());
    assert!(responders("lat,lon,mode\n51.5,-0.1,horse\n".as_bytes(), false).is_err());
    let london = population(LONDON.as_bytes(), false).expect("the shipped file is valid");
    assert_eq!(london.rows.len(), 4_835);
    assert!(population("lat,lon,residents,radius_m\n51,0,1.5,3\n".as_bytes(), false).is_err());
}
