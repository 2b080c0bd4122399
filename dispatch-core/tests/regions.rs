//! Stories of regions: within a polygon other people are asked, or none.
#![allow(clippy::unwrap_used)]

mod world;

use dispatch_core::{
    alert::{AlertState, StandDownReason},
    attendance::Attendance,
    command::{DownBody, Warning},
    incident::IncidentState,
    input::{Input, Place, Reply, Report},
    policy::{Policy, PolicyBook, RegionRule, RegionalRule},
    position::{Metres, Position},
    record::{Record, Verdict},
    regions::{Area, Polygon, Region},
    responder::{Purpose, Skill},
    scene::SceneRule,
};
use world::*;

/// A strip of the map a kilometre wide, from here to there in metres north of the place.
fn strip(south_m: f64, north_m: f64) -> Region {
    let corner =
        |metres_north, east: f64| Position::from_degrees(place(metres_north).latitude(), -0.12 + east).unwrap();
    let corners = [
        corner(south_m, -0.007),
        corner(south_m, 0.007),
        corner(north_m, 0.007),
        corner(north_m, -0.007),
    ];
    let area = Area::new(vec![Polygon::new(&corners, &[]).unwrap()]).unwrap();
    Region::new("the strip", area).unwrap()
}

fn book(rules: impl IntoIterator<Item = (Region, RegionRule)>) -> PolicyBook {
    let mut book = PolicyBook::new(Policy::soonest()).unwrap();
    for (region, rule) in rules {
        let (tenant, kind) = (None, None);
        let rule = RegionalRule {
            tenant,
            kind,
            region,
            rule,
        };
        book.add_region(rule).unwrap();
    }
    book
}

/// Six people, 100 m apart, the first 100 m away; nobody is sent to what is 500 m north or more.
fn beside_a_prison() -> World {
    with_six(book([(strip(500.0, 2_000.0), RegionRule::Scene(SceneRule::Nobody))]))
}

fn with_six(book: PolicyBook) -> World {
    let mut world = World::with_book(book);
    (1..=6).for_each(|n| world.add(n, f64::from(n) * 100.0));
    world
}

fn at(revision: u32, metres_north: f64) -> Report {
    let place = Place {
        position: place(metres_north),
        accuracy: Metres::new(0),
    };
    Report {
        place: Some(place),
        ..report(1, revision)
    }
}

fn verdicts(world: &World) -> Vec<Verdict> {
    let mut decisions = world.entries.iter().rev().filter_map(|entry| match &entry.record {
        Record::Decided(decision) => Some(decision),
        _ => None,
    });
    let candidates = &decisions.next().unwrap().candidates;
    candidates.iter().map(|candidate| candidate.verdict).collect()
}

#[test]
fn nobody_is_sent_into_a_barred_region_and_the_control_room_is_told() {
    let mut world = beside_a_prison();
    let answer = world.reported(at(1, 600.0));
    assert_eq!(answer.alerts_planned, 0);
    assert_eq!(answer.warnings, [Warning::SceneExcluded, Warning::NobodyToAsk]);
    assert_eq!(verdicts(&world), [Verdict::SceneExcluded; 6]);
    // Nor later, when somebody walks in.
    world.add(7, 610.0);
    world.seconds(60);
    assert!(world.asked().is_empty() && world.sent.is_empty());
}

#[test]
fn outside_it_people_are_asked_as_usual_even_those_within() {
    let mut world = beside_a_prison();
    let answer = world.reported(at(1, 499.0));
    assert_eq!((answer.alerts_planned, answer.warnings), (6, vec![]));
    let mut asked = world.asked();
    asked.sort_unstable();
    assert_eq!(asked, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_place_corrected_into_a_barred_region_calls_everybody_off_but_those_with_the_patient() {
    let mut world = beside_a_prison();
    world.reported(at(1, 0.0));
    world.reply(1, Reply::Accept);
    world.reply(2, Reply::Accept);
    world.reply(2, Reply::WithPatient);
    let answer = world.reported(at(2, 600.0));
    assert_eq!(answer.alerts_planned, 0);
    assert!(answer.warnings.contains(&Warning::SceneExcluded));
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::StoodDown));
    assert_eq!(world.alert_of(2).attendance, Some(Attendance::WithPatient));
    for n in [1, 3, 4, 5, 6] {
        assert_eq!(
            world.last_sent_to(n),
            &DownBody::StandDown(StandDownReason::SceneExcluded),
            "{n}"
        );
    }
    for n in 3..=6 {
        let withdrawn = AlertState::Withdrawn(StandDownReason::SceneExcluded);
        assert_eq!(world.alert_of(n).state, withdrawn, "{n}");
    }
}

#[test]
fn a_place_corrected_out_of_a_barred_region_is_searched_for_at_once() {
    let mut world = beside_a_prison();
    assert_eq!(world.reported(at(1, 600.0)).state, IncidentState::Exhausted);
    let answer = world.reported(at(2, 400.0));
    assert_eq!((answer.alerts_planned, answer.state), (6, IncidentState::Searching));
    assert_eq!(answer.warnings, []);
    // And those who were called off before they had answered may be asked again.
    world.reported(at(3, 600.0));
    assert_eq!(world.reported(at(4, 300.0)).alerts_planned, 6);
}

#[test]
fn a_restart_forgets_no_region() {
    let mut world = beside_a_prison();
    world.reported(at(1, 600.0));
    world.crash_and_restart();
    (1..=6).for_each(|n| {
        world.input(Input::DeviceOnline { device: device(n) });
        world.at(n, f64::from(n) * 100.0);
    });
    world.seconds(60);
    assert!(world.asked().is_empty());
}

#[test]
fn only_vetted_people_are_sent_where_a_region_says_so() {
    let mut world = with_six(book([(
        strip(500.0, 2_000.0),
        RegionRule::Scene(SceneRule::VettedOnly),
    )]));
    let mut vetted = profile(7);
    vetted.skills = ["cpr", "vetted"].map(|skill| Skill::new(skill).unwrap()).into();
    world.add_with(vetted, Purpose::Live, 1_000.0);
    let answer = world.reported(at(1, 600.0));
    assert_eq!(world.asked(), [7]);
    assert_eq!(answer.warnings, [Warning::SceneForVettedOnly]);
    assert!(verdicts(&world).contains(&Verdict::NotVetted));
}

#[test]
fn the_scene_and_the_region_are_both_looked_at() {
    let vetted_only = RegionRule::Scene(SceneRule::VettedOnly);
    let mut world = with_six(book([(strip(-500.0, 500.0), vetted_only)]));
    let mut custody = at(1, 0.0);
    custody.scene.place_kind = dispatch_core::scene::SceneWord::new("custody");
    let answer = world.reported(custody);
    assert_eq!(answer.warnings, [Warning::SceneExcluded, Warning::NobodyToAsk]);

    // A word that would let everybody in lifts no bar.
    let mut world = beside_a_prison();
    let mut home = at(1, 600.0);
    home.scene.place_kind = dispatch_core::scene::SceneWord::new("home");
    let answer = world.reported(home);
    assert_eq!(answer.warnings, [Warning::SceneExcluded, Warning::NobodyToAsk]);
    assert!(world.asked().is_empty());
}

/// 500 m in town, which ends 1 km north of the place; 1 km in the country.
fn town() -> PolicyBook {
    let mut country = Policy::soonest();
    country.radius = Metres::new(1_000);
    let mut town = country.clone();
    town.name = "town".to_owned();
    town.radius = Metres::new(500);
    let mut policies = PolicyBook::new(country).unwrap();
    let rule = RegionalRule {
        tenant: None,
        kind: None,
        region: strip(-500.0, 1_000.0),
        rule: RegionRule::Policy(Box::new(town)),
    };
    policies.add_region(rule).unwrap();
    policies
}

#[test]
fn in_town_nobody_is_asked_from_as_far_as_in_the_country() {
    let mut world = World::with_book(town());
    world.add(1, 800.0);
    assert_eq!(world.reported(report(1, 1)).alerts_planned, 0);

    let mut world = World::with_book(town());
    world.add(1, 1_900.0);
    assert_eq!(world.reported(at(1, 1_100.0)).alerts_planned, 1);
}

#[test]
fn a_place_corrected_into_town_keeps_only_those_whom_the_town_would_ask() {
    let mut world = World::with_book(town());
    world.add(1, 1_900.0);
    world.add(2, 1_300.0);
    assert_eq!(world.reported(at(1, 1_100.0)).alerts_planned, 2);
    world.reported(at(2, 990.0));
    let withdrawn = AlertState::Withdrawn(StandDownReason::Relocated);
    assert_eq!(world.alert_of(1).state, withdrawn);
    assert!(world.alert_of(2).state.is_open());
    // The decisions name the policy that ruled.
    let named = world.entries.iter().filter_map(|entry| match &entry.record {
        Record::Decided(decision) => Some(decision.policy.name.as_str()),
        _ => None,
    });
    assert_eq!(
        named.collect::<Vec<_>>().last(),
        Some(&"soonest"),
        "nobody new was asked"
    );
    world.add(3, 980.0);
    world.seconds(10);
    assert_eq!(world.asked().last(), Some(&3));
    assert_eq!(
        world.records(|record| matches!(record, Record::PolicyAdopted(policy) if policy.name == "town")),
        1
    );
}
