use chrono::{FixedOffset, NaiveDate};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{super::sun::LocalClock, *};

fn london() -> Position {
    Position::from_degrees(51.5074, -0.1278).expect("on the globe")
}

fn uk() -> Locality {
    Locality::new("GB", "Europe/London").expect("known")
}

/// A moment such as `2026-03-29T01:00:00Z`.
fn at(text: &str) -> Timestamp {
    let parsed: DateTime<FixedOffset> = DateTime::parse_from_rfc3339(text).expect("a moment");
    Timestamp::from_unix_ms(parsed.timestamp_millis())
}

fn openness(expression: &str, moment: &str) -> Openness {
    let hours = OpeningHours::new(expression, uk()).expect("short enough");
    assert!(hours.is_understood(), "{expression}");
    hours.openness(at(moment), london())
}

/// Each moment, with whether it is open then.
fn expect(expression: &str, moments: &[(&str, Openness)]) {
    for (moment, wanted) in moments {
        assert_eq!(openness(expression, moment), *wanted, "{expression} at {moment}");
    }
}

use Openness::{Closed, Open, Unknown};

#[test]
fn always_is_always_also_while_clocks_go_back() {
    let mut moment = at("2026-10-25T00:00:00Z");
    let hours = OpeningHours::new("24/7", uk()).expect("short enough");
    for _ in 0..(4 * 3_600) {
        assert_eq!(hours.openness(moment, london()), Open, "{moment}");
        moment = moment + std::time::Duration::from_secs(1);
    }
}

#[test]
fn a_bank_holiday_of_england_is_no_working_day() {
    // 26 December 2025 was a Friday; that of 2026 is a Saturday, and Monday the 28th is off in its place.
    let moments = [
        ("2025-12-24T12:00:00Z", Open),
        ("2025-12-26T12:00:00Z", Closed),
        ("2026-12-26T12:00:00Z", Closed),
        ("2026-12-28T12:00:00Z", Closed),
        ("2026-12-29T12:00:00Z", Open),
    ];
    expect("Mo-Fr 09:00-17:00; PH off", &moments);
    // Without a word about holidays the usual hours hold.
    expect("Mo-Fr 09:00-17:00", &[("2025-12-26T12:00:00Z", Open)]);
    expect(
        "PH 10:00-12:00",
        &[("2025-12-26T11:00:00Z", Open), ("2025-12-27T11:00:00Z", Closed)],
    );
}

#[test]
fn a_holiday_of_a_part_of_the_country_leaves_it_open_whether_it_is_open() {
    // Easter Monday: a holiday in England, not in Scotland; the country alone does not tell.
    expect("Mo-Fr 09:00-17:00; PH off", &[("2026-04-06T12:00:00Z", Unknown)]);
}

#[test]
fn nights_reach_into_the_next_day() {
    let moments = [
        ("2026-01-14T21:59:59Z", Closed),
        ("2026-01-14T22:00:00Z", Open),
        ("2026-01-15T05:59:59Z", Open),
        ("2026-01-15T06:00:00Z", Closed),
    ];
    expect("Mo-Su 22:00-06:00", &moments);
    // Friday night's hours end on Saturday.
    expect(
        "Fr 22:00-06:00",
        &[("2026-01-17T05:00:00Z", Open), ("2026-01-16T05:00:00Z", Closed)],
    );
}

#[test]
fn hours_follow_the_clock_on_the_wall_when_it_goes_forward() {
    // On 2026-03-29 at 01:00 UTC the clock goes from 01:00 to 02:00.
    let moments = [
        ("2026-03-28T08:59:59Z", Closed),
        ("2026-03-28T09:00:00Z", Open),
        ("2026-03-28T17:00:00Z", Closed),
        ("2026-03-29T07:59:59Z", Closed),
        ("2026-03-29T08:00:00Z", Open),
        ("2026-03-29T15:59:59Z", Open),
        ("2026-03-29T16:00:00Z", Closed),
    ];
    expect("09:00-17:00", &moments);
    // What begins in the hour that does not come begins when it is over.
    let moments = [("2026-03-29T00:59:59Z", Closed), ("2026-03-29T01:00:00Z", Open)];
    expect("01:30-05:00", &moments);
    let night = [
        ("2026-03-29T04:59:59Z", Open),
        ("2026-03-29T05:00:00Z", Closed),
        ("2026-03-28T06:00:00Z", Closed),
    ];
    expect("Mo-Su 22:00-06:00", &night);
}

#[test]
fn hours_follow_the_clock_on_the_wall_when_it_goes_back() {
    // On 2026-10-25 at 01:00 UTC the clock goes from 02:00 to 01:00.
    let moments = [
        ("2026-10-24T08:00:00Z", Open),
        ("2026-10-25T08:00:00Z", Closed),
        ("2026-10-25T09:00:00Z", Open),
        ("2026-10-25T16:59:59Z", Open),
        ("2026-10-25T17:00:00Z", Closed),
    ];
    expect("09:00-17:00", &moments);
    // 01:00 to 01:30 comes twice.
    let twice = [
        ("2026-10-25T00:00:00Z", Open),
        ("2026-10-25T00:30:00Z", Closed),
        ("2026-10-25T00:59:59Z", Closed),
        ("2026-10-25T01:00:00Z", Open),
        ("2026-10-25T01:30:00Z", Closed),
    ];
    expect("01:00-01:30", &twice);
    let night = [("2026-10-25T05:59:59Z", Open), ("2026-10-25T06:00:00Z", Closed)];
    expect("Mo-Su 22:00-06:00", &night);
}

#[test]
fn the_sun_rises_where_the_defibrillator_is() {
    // London on 21 June: sunrise 03:43 UTC, sunset 20:22 UTC (almanac).
    let summer = [
        ("2026-06-21T03:38:00Z", Closed),
        ("2026-06-21T03:48:00Z", Open),
        ("2026-06-21T20:17:00Z", Open),
        ("2026-06-21T20:27:00Z", Closed),
    ];
    expect("sunrise-sunset", &summer);
    // London on 21 December: sunrise 08:04, sunset 15:53.
    let winter = [
        ("2026-12-21T07:59:00Z", Closed),
        ("2026-12-21T08:09:00Z", Open),
        ("2026-12-21T15:58:00Z", Closed),
    ];
    expect("sunrise-sunset", &winter);
    let far_north = Position::from_degrees(69.65, 18.96).expect("on the globe");
    let tromso = Locality::new("NO", "Europe/Oslo").expect("known");
    let hours = OpeningHours::new("sunrise-sunset", tromso).expect("short enough");
    assert_eq!(
        hours.openness(at("2026-06-21T22:00:00Z"), far_north),
        Open,
        "midnight sun"
    );
    assert_eq!(
        hours.openness(at("2026-12-21T11:00:00Z"), far_north),
        Closed,
        "polar night"
    );
}

#[test]
fn words_that_mean_nothing_are_kept_and_never_open() {
    for words in [
        "when the caretaker is in",
        "Mo-Fr 25:99",
        ";",
        "horaires d'ouverture du service",
    ] {
        let hours = OpeningHours::new(words, uk()).expect("short enough");
        assert!(!hours.is_understood(), "{words}");
        assert_eq!(hours.expression(), words);
        assert_eq!(hours.openness(at("2026-01-01T12:00:00Z"), london()), Unknown);
    }
    expect("unknown \"ask at the desk\"", &[("2026-01-01T12:00:00Z", Unknown)]);
    assert_eq!(OpeningHours::new("", uk()), None);
    assert_eq!(OpeningHours::new(&"x".repeat(EXPRESSION_MAX + 1), uk()), None);
}

#[test]
fn the_same_words_elsewhere_are_other_hours() {
    let paris = Locality::new("FR", "Europe/Paris").expect("known");
    let there = OpeningHours::new("09:00-17:00", paris).expect("short enough");
    assert_ne!(OpeningHours::new("09:00-17:00", uk()), Some(there.clone()));
    assert_eq!(there.openness(at("2026-01-14T08:30:00Z"), london()), Open);
    assert_eq!((paris.country(), paris.time_zone()), ("FR", "Europe/Paris"));
    let wrong = |country, zone| Locality::new(country, zone).expect_err("refused").to_string();
    assert!(wrong("XX", "Europe/London").starts_with("'XX' is not a country"));
    assert!(wrong("GB", "Europe/Lundun").starts_with("'Europe/Lundun' is not a time zone"));
}

#[test]
fn moments_outside_every_calendar_are_unknown() {
    let hours = OpeningHours::new("24/7", uk()).expect("short enough");
    for ms in [i64::MIN, -1, LATEST_MS, i64::MAX] {
        assert_eq!(hours.openness(Timestamp::from_unix_ms(ms), london()), Unknown);
    }
    assert_eq!(hours.openness(Timestamp::from_unix_ms(LATEST_MS - 1), london()), Open);
}

/// Parts of expressions in any order: more of them mean something than random letters would.
fn expression() -> impl Strategy<Value = String> {
    let words = [
        "Mo",
        "Tu-Fr",
        "Sa",
        "Su",
        "PH",
        "SH",
        "off",
        "closed",
        "open",
        "unknown",
        "24/7",
        "08:00-12:00",
        "22:00-06:00",
        "30:00-26:00",
        "00:00-48:00",
        "48:00-24:00",
        "24:00-24:00",
        "sunrise-sunset",
        "(sunset+02:00)-(sunrise-01:30)",
        "(sunset+24:00)-(dusk-23:00)",
        "10:00+",
        "10:00-16:00/90",
        "dawn-",
        "-",
        ",",
        ";",
        "||",
        "\"a comment\"",
        "Jan-Mar",
        "Dec 25",
        "Feb 29",
        "easter",
        "easter +1 day",
        "week 1-53/2",
        "2020-2030/3",
        "2026+",
        "Mo[1]",
        "We[-1]",
        "PH -1 day",
        "Jan 1-Dec 31",
        "Oct 31 - Nov 1",
        "1900",
        "9999",
        ":",
        "12:00",
        "99:99",
        "(",
        ")",
        "[",
        "]",
    ];
    vec(select(words.to_vec()), 1..12).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn whatever_is_written_there_nothing_breaks(
        expression in prop_oneof![3 => expression(), 1 => ".{1,60}".prop_map(String::from)],
        ms in EARLIEST_MS..LATEST_MS,
        place in (-90.0..=90.0f64, -180.0..=180.0f64),
    ) {
        let place = Position::from_degrees(place.0, place.1).expect("on the globe");
        let Some(hours) = OpeningHours::new(&expression, uk()) else { return Ok(()) };
        let openness = hours.openness(Timestamp::from_unix_ms(ms), place);
        prop_assert!(hours.is_understood() || openness == Unknown);
        prop_assert_eq!(hours.openness(Timestamp::from_unix_ms(ms), place), openness);
        let again = OpeningHours::new(hours.expression(), hours.locality()).expect("as long as before");
        prop_assert_eq!(again.openness(Timestamp::from_unix_ms(ms), place), openness);
    }
}

#[test]
fn the_sun_is_computed_alike_on_every_machine() {
    use opening_hours::localization::Localize as _;
    use opening_hours_syntax::rules::time::TimeEvent;
    // To the second, as `libm` gives it: a change means that old decisions would not replay.
    let clock = LocalClock::of(chrono_tz::Europe::London, london());
    let day = NaiveDate::from_ymd_opt(2026, 6, 21).expect("a day");
    let told = |event| clock.event_time(day, event).expect("happens").to_string();
    assert_eq!(
        [told(TimeEvent::Sunrise), told(TimeEvent::Sunset)],
        ["04:43:02", "21:21:25"]
    );
}

#[test]
fn spans_that_the_library_would_stumble_over_mean_nothing() {
    let understood = |expression: &str| {
        OpeningHours::new(expression, uk())
            .expect("short enough")
            .is_understood()
    };
    for usual in [
        "sunrise-sunset",
        "sunset-sunrise",
        "(sunset+01:00)-(sunrise+01:00)",
        "(dusk-00:30)-26:00",
        "22:00-(dawn+02:00)",
        "20:00-(sunset+05:00)",
        "22:00-30:00",
    ] {
        assert!(understood(usual), "{usual}");
    }
    for stumbling in [
        "(dusk+20:00)-26:00",
        "(dusk+20:00)-(sunset+20:00)",
        "Mo 10:00-11:00; Tu (sunset+04:00)-24:30",
    ] {
        assert!(!understood(stumbling), "{stumbling}");
    }
}
