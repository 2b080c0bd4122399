use std::time::Duration;

use super::*;

const START: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

fn at(latitude: f64, longitude: f64) -> Position {
    Position::from_degrees(latitude, longitude).expect("on the globe")
}

fn shift(number: u32, from_h: u64, to_h: u64, wanted: u32) -> Shift {
    Shift {
        number: ShiftNumber::new(number).expect("1 to 32"),
        starts_at: START + Duration::from_secs(from_h * 3_600),
        ends_at: START + Duration::from_secs(to_h * 3_600),
        wanted,
    }
}

fn refused(outline: Vec<Position>, shifts: Vec<Shift>) -> InvalidCallOut {
    CallOut::new(outline, None, false, shifts).expect_err("refused")
}

#[test]
fn each_fault_is_named() {
    assert_eq!(refused(vec![], vec![]), InvalidCallOut::Shifts(0));
    let many = (1..=32).chain([1]).map(|number| shift(number, 0, 1, 1));
    assert_eq!(refused(vec![], many.collect()), InvalidCallOut::Shifts(33));
    let twice = vec![shift(3, 0, 1, 1), shift(3, 1, 2, 1)];
    assert_eq!(refused(vec![], twice), InvalidCallOut::NumberTwice(3));
    assert_eq!(refused(vec![], vec![shift(2, 1, 1, 1)]), InvalidCallOut::Backwards(2));
    let nobody = vec![shift(1, 0, 1, 5), shift(2, 0, 1, 0)];
    assert_eq!(refused(vec![], nobody), InvalidCallOut::Wanted(5));
    let all = vec![shift(1, 0, 1, u32::MAX), shift(2, 0, 1, u32::MAX)];
    assert_eq!(refused(vec![], all), InvalidCallOut::Wanted(2 * u64::from(u32::MAX)));
    let line = vec![at(51.0, 0.0), at(52.0, 0.0)];
    let too_few = InvalidCallOut::Area(InvalidArea::TooFewPoints(2));
    assert_eq!(refused(line, vec![shift(1, 0, 1, 1)]), too_few);
    let detailed = vec![at(51.0, 0.0); CORNERS_MAX + 1];
    assert_eq!(
        refused(detailed, vec![shift(1, 0, 1, 1)]),
        InvalidCallOut::Corners(CORNERS_MAX + 1)
    );
}

#[test]
fn shifts_stand_by_their_start_and_end_with_the_last() {
    let shifts = vec![shift(1, 8, 20, 3), shift(2, 0, 12, 4), shift(3, 2, 4, 1)];
    let call_out = CallOut::new(vec![], None, false, shifts).expect("valid");
    let order: Vec<u32> = call_out.shifts().iter().map(|shift| shift.number.get()).collect();
    assert_eq!(order, [2, 3, 1]);
    assert_eq!(call_out.wanted(), 8);
    assert_eq!(call_out.ends_at(), START + Duration::from_secs(20 * 3_600));
}

#[test]
fn a_choice_holds_what_was_put_in() {
    let number = |n| ShiftNumber::new(n).expect("1 to 32");
    let choice: ShiftChoice = [1, 32].map(number).into_iter().collect();
    assert!(choice.contains(number(1)) && choice.contains(number(32)) && !choice.contains(number(2)));
    assert!((1..=32).all(|n| ShiftChoice::ANY.contains(number(n)) && !ShiftChoice::default().contains(number(n))));
    assert_eq!(ShiftNumber::new(0), None);
    assert_eq!(ShiftNumber::new(33), None);
    assert_eq!(ShiftNumber::new(256 + 1), None);
}

/// The circle in which people are looked for holds all of the area, also across the 180th meridian and far north.
#[test]
fn nobody_in_the_area_is_out_of_reach() {
    for (south, west) in [(51.0, -1.0), (-17.5, 178.9), (77.0, 15.0), (0.0, 0.0)] {
        let (north, east) = (south + 1.5, west + 2.0);
        let outline = [(south, west), (south, east), (north, east), (north, west)];
        let outline = outline.map(|(latitude, longitude)| {
            let turned = if longitude >= 180.0 {
                longitude - 360.0
            } else {
                longitude
            };
            at(latitude, turned)
        });
        let call_out = CallOut::new(outline.to_vec(), None, false, vec![shift(1, 0, 1, 1)]).expect("valid");
        let muster_point = outline[0];
        let within = Metres::new(2_000);
        let radius = call_out.radius(muster_point, within);
        let mut inside = 0;
        for step in 0..10_000 {
            let (up, along) = (f64::from(step / 100) / 50.0, f64::from(step % 100) / 40.0);
            let longitude = west + along;
            let there = at(
                south + up,
                if longitude >= 180.0 {
                    longitude - 360.0
                } else {
                    longitude
                },
            );
            if call_out.reaches(muster_point, within, there) {
                inside += 1;
                assert!(muster_point.distance_to(there) <= radius, "{there:?}");
            }
        }
        assert!(inside > 5_000, "{inside} of 10,000 about {south} {west}");
    }
}
