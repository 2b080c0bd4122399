use std::time::Duration;

use dispatch_core::{
    incident::IncidentKind,
    position::{Metres, Position},
    time::Timestamp,
};
use muster_people::Person;

use super::*;
use crate::{
    assumptions::Assumptions,
    crowd::Crowd,
    study::{AedSite, Map, PastIncident, Resident},
};

fn place(metres_north: f64) -> Place {
    Place::new(51.5 + metres_north / 111_195.08, -0.12).expect("in range")
}

/// One person 500 m north of the patient, a defibrillator 300 m north of the patient; nothing is missing.
fn study() -> Study {
    let place_of_aed = place(300.0);
    let aed = AedSite::new(crate::study::aed_for_test(
        [7; 16],
        place_of_aed.latitude_deg(),
        place_of_aed.longitude_deg(),
    ));
    let incident = PastIncident {
        number: 2,
        at: Timestamp::from_unix_ms(1_699_920_000_000),
        position: Position::from_degrees(51.5, -0.12).expect("in range"),
        accuracy: Metres::new(0),
        kind: IncidentKind::new("cardiac_arrest").expect("valid"),
        ambulance: Some(Duration::from_secs(600)),
    };
    Study {
        incidents: vec![incident],
        responders: vec![Resident {
            home: place(500.0),
            mode: Some(Mode::Foot),
        }],
        population: None,
        map: Map {
            aeds: vec![aed],
            ..Map::default()
        },
        policies: Vec::new(),
        curve: "larsen_1993",
        assumptions: Assumptions {
            missing_hours_known: 0.0,
            ..Assumptions::default()
        },
        seed: 1,
    }
}

fn steps(study: &Study, errand: Errand) -> (Conduct, Vec<(Duration, Step)>) {
    let here = Circumstances::of(study, &study.incidents[0]);
    let conduct = Conduct {
        from: place(500.0),
        speed_m_per_s: 2.0,
        detour: 1.2,
        take_out: Duration::from_secs(40),
        ..Conduct::of(study, Crowd::of(study).member(0), &here)
    };
    let steps = conduct.steps(errand, study, &here, Duration::from_secs(900));
    (conduct, steps)
}

fn at(steps: &[(Duration, Step)], wanted: Step) -> Option<u64> {
    let step = steps.iter().find(|(_, step)| *step == wanted);
    step.map(|(after, _)| u64::try_from(after.as_millis()).expect("short"))
}

#[test]
fn a_way_straight_to_the_patient_by_hand() {
    let (conduct, steps) = steps(&study(), Errand::Direct);
    // 500 m, 600 m to walk, at 2 m/s.
    let there = at(&steps, Step::AtScene).expect("arrives");
    assert!(there.abs_diff(300_000) < 20, "{there}");
    let bedside = there + conduct.reaction.reaches_patient_after.as_millis() as u64;
    assert!(at(&steps, Step::WithPatient).expect("arrives").abs_diff(bedside) < 2);
    assert_eq!(at(&steps, Step::AedAttached), None);
    assert!(
        at(&steps, Step::Finished).expect("goes home") >= 900_000,
        "waits for the crew"
    );
}

#[test]
fn a_way_by_the_defibrillator_by_hand() {
    let (_, steps) = steps(&study(), Errand::FetchAed(0));
    // 200 m, 240 m to walk, and 40 s to get it out; then 300 m, 360 m to walk.
    assert!(at(&steps, Step::TakeAed).expect("there").abs_diff(160_000) < 20);
    assert!(at(&steps, Step::AtScene).expect("arrives").abs_diff(340_000) < 40);
    let bedside = at(&steps, Step::WithPatient).expect("arrives");
    assert_eq!(at(&steps, Step::AedAttached), Some(bedside + 60_000));
}

#[test]
fn whoever_finds_no_defibrillator_goes_on_without() {
    let mut study = study();
    study.assumptions.missing_hours_known = 1.0;
    let (_, steps) = steps(&study, Errand::FetchAed(0));
    assert!(at(&steps, Step::AedNotThere).expect("looks for it").abs_diff(160_000) < 20);
    assert!(at(&steps, Step::WithPatient).is_some());
    assert_eq!((at(&steps, Step::TakeAed), at(&steps, Step::AedAttached)), (None, None));
}

#[test]
fn a_guide_never_comes_to_the_patient() {
    let (_, steps) = steps(&study(), Errand::Guide);
    assert_eq!(at(&steps, Step::WithPatient), None);
    assert_eq!(at(&steps, Step::Finished), Some(900_000));
}

#[test]
fn who_is_asked_about_the_same_incident_does_the_same() {
    let study = study();
    let here = Circumstances::of(&study, &study.incidents[0]);
    let crowd = Crowd::of(&study);
    let member = crowd.member(0);
    assert_eq!(Conduct::of(&study, member, &here), Conduct::of(&study, member, &here));
    let other = Circumstances {
        emergency: muster_people::Emergency { seed: 1, number: 3 },
        ..here
    };
    assert_ne!(Conduct::of(&study, member, &here), Conduct::of(&study, member, &other));
    assert_eq!(member.person, Person { seed: 1, number: 0 });
}

#[test]
fn ways_come_from_the_map() {
    /// A town in which every way is a kilometre.
    struct Kilometre;
    impl Ways for Kilometre {
        fn metres(&self, _: &Way) -> f64 {
            1_000.0
        }
    }
    let mut study = study();
    study.map.ways = Box::new(Kilometre);
    let (_, steps) = steps(&study, Errand::FetchAed(0));
    assert_eq!(at(&steps, Step::TakeAed), Some(540_000));
    assert_eq!(at(&steps, Step::AtScene), Some(1_040_000));
}
