//! Stories about who is asked, for what, and who is not, and why.
#![allow(missing_docs, clippy::unwrap_used)]

mod world;

use std::time::Duration;

use dispatch_core::{
    aeds::{Access, Aed, AedState, Locality, OpeningHours},
    alert::{AlertState, Role, StandDownReason},
    attendance::{AbortReason, Attendance},
    command::{DownBody, Warning},
    ids::{AedId, TenantId},
    incident::IncidentState,
    input::{DeclineReason, Input, Reply, Report},
    policy::{Policy, RoleKind},
    position::Metres,
    record::{Decision, Record, Verdict},
    responder::{Purpose, QuietHours, Skill},
    scene::{Scene, SceneWord},
};
use world::{START, World, place, profile, report};

fn last_decision(world: &World) -> &Decision {
    let decisions = world.entries.iter().rev();
    let found = decisions.filter_map(|entry| match &entry.record {
        Record::Decided(decision) => Some(decision),
        _ => None,
    });
    found.into_iter().next().unwrap()
}

/// A report that is not too late, whenever it comes.
fn whenever(number: u32) -> Report {
    Report {
        alert_although_late: true,
        ..report(number, 1)
    }
}

fn verdict(world: &World, n: u8) -> Verdict {
    let candidates = &last_decision(world).candidates;
    let found = candidates
        .iter()
        .find(|candidate| candidate.responder == world::responder(n));
    found.unwrap().verdict
}

fn scene(place_kind: Option<&str>, hazards: &[&str]) -> Scene {
    let word = |word: &str| SceneWord::new(word).unwrap();
    Scene {
        place_kind: place_kind.map(word),
        hazards: hazards.iter().map(|hazard| word(hazard)).collect(),
        age_band: None,
    }
}

fn with_scene(revision: u32, scene: Scene) -> Report {
    Report {
        scene,
        ..report(1, revision)
    }
}

fn vetted(n: u8) -> dispatch_core::responder::ResponderProfile {
    let skills = ["cpr", "vetted"].map(|name| Skill::new(name).unwrap());
    dispatch_core::responder::ResponderProfile {
        skills: skills.into(),
        ..profile(n)
    }
}

fn aed(n: u8, metres_north: f64) -> Aed {
    Aed {
        aed: AedId::from_bytes([n; 16]),
        tenant: TenantId::new("london").unwrap(),
        position: place(metres_north),
        accuracy: Metres::new(0),
        access: Access::Public,
        opening: OpeningHours::new("24/7", Locality::new("GB", "Europe/London").unwrap()),
        indoor: None,
        level: None,
        state: AedState::Available,
        confirmed_at: None,
    }
}

/// Five within 500 m and the shipped policy.
fn five() -> World {
    let mut world = World::with_policy(Policy::default());
    (1..=5).for_each(|n| world.add(n, f64::from(n) * 100.0));
    world
}

#[test]
fn nobody_is_sent_to_a_barred_scene_and_the_control_room_is_told() {
    for barred in [scene(Some("care_home"), &[]), scene(None, &["violence"])] {
        let mut world = five();
        let answer = world.reported(with_scene(1, barred));
        assert!(world.asked().is_empty());
        assert!(answer.warnings.contains(&Warning::SceneExcluded));
        assert_eq!(verdict(&world, 1), Verdict::SceneExcluded);
    }
}

#[test]
fn a_word_nobody_knows_sends_the_vetted_only() {
    let mut world = five();
    world.add_with(vetted(9), Purpose::Live, 300.0);
    let answer = world.reported(with_scene(1, scene(Some("submarine"), &[])));
    assert_eq!(world.asked(), [9]);
    assert!(answer.warnings.contains(&Warning::SceneNotUnderstood));
    assert_eq!(verdict(&world, 1), Verdict::NotVetted);
}

#[test]
fn a_danger_learned_later_calls_everybody_off_but_those_with_the_patient() {
    let mut world = World::with_policy(Policy::soonest());
    (1..=5).for_each(|n| world.add(n, f64::from(n) * 100.0));
    world.reported(report(1, 1));
    let asked = world.asked();
    assert!(asked.len() >= 3, "{asked:?}");
    let (going, there, waiting) = (asked[0], asked[1], asked[2]);
    world.reply(going, Reply::Accept);
    world.reply(there, Reply::Accept);
    world.reply(there, Reply::WithPatient);
    world.reported(with_scene(2, scene(None, &["weapon"])));
    let barred = DownBody::StandDown(StandDownReason::SceneExcluded);
    assert_eq!(world.last_sent_to(going), &barred);
    assert_eq!(world.alert_of(there).attendance, Some(Attendance::WithPatient));
    // Who had not answered was called off, by the danger or before it because enough were going.
    assert!(matches!(world.alert_of(waiting).state, AlertState::Withdrawn(_)));
    let asked = world.asked().len();
    world.seconds(60);
    assert_eq!(world.asked().len(), asked, "nobody is asked into danger");
}

#[test]
fn when_the_danger_is_over_the_search_goes_on() {
    let mut world = five();
    world.reported(report(1, 1));
    let going = world.asked()[0];
    world.reply(going, Reply::Accept);
    world.reported(with_scene(2, scene(None, &["weapon"])));
    let asked = world.asked().len();
    world.reported(report(1, 3));
    assert!(world.asked().len() > asked, "{:?}", world.incident(1).state);
    assert!(world.alert_of(going).state.is_open(), "was willing, and is asked again");
}

#[test]
fn whoever_wants_to_sleep_is_woken_only_when_nobody_else_is_sooner() {
    let all_day = QuietHours::new(0, 1_439).unwrap();
    let sleeper = |n| dispatch_core::responder::ResponderProfile {
        quiet_hours: Some(all_day),
        ..profile(n)
    };
    let mut world = World::with_policy(Policy::default());
    world.add(1, 100.0);
    world.add_with(sleeper(2), Purpose::Live, 200.0);
    world.reported(report(1, 1));
    assert_eq!(world.asked(), [1]);
    assert_eq!(verdict(&world, 2), Verdict::Quiet);

    let mut world = World::with_policy(Policy::default());
    world.add_with(sleeper(2), Purpose::Live, 100.0);
    world.add(1, 200.0);
    world.reported(report(1, 1));
    assert!(world.asked().contains(&2), "the nearest is woken");
}

#[test]
fn whoever_surely_comes_after_the_ambulance_is_left_in_peace() {
    let mut world = five();
    let mut coming = report(1, 1);
    coming.ambulance_at = Some(START + Duration::from_secs(60));
    world.reported(coming);
    assert!(world.asked().is_empty());
    assert_eq!(verdict(&world, 5), Verdict::AmbulanceSooner);
    // Nobody knows any more when it comes: they are asked.
    world.reported(report(1, 2));
    assert!(!world.asked().is_empty());
}

#[test]
fn nobody_helps_or_is_asked_without_end() {
    let mut policy = Policy::soonest();
    policy.rest.alerts_max = 2;
    policy.wanted = 1;
    policy.alert_count = 1;
    let mut world = World::with_policy(policy);
    world.add(1, 100.0);
    world.reported(whenever(1));
    world.reply(1, Reply::Accept);
    world.reply(1, Reply::WithPatient);
    world.reply(1, Reply::Finished);
    world.seconds(600);
    world.reported(whenever(2));
    assert_eq!(verdict(&world, 1), Verdict::Resting);
    world.seconds(3_600);
    world.at(1, 100.0);
    world.reported(whenever(3));
    world.reply(1, Reply::Decline(DeclineReason::Busy));
    world.end(world::ending(3, 2, dispatch_core::incident::EndCause::Closed));
    world.reported(whenever(4));
    assert_eq!(verdict(&world, 1), Verdict::Fatigued);
    assert_eq!(world.asked(), [1, 1]);
}

#[test]
fn a_person_who_says_yes_more_often_is_taken_to_be_likelier_to() {
    let mut world = World::with_policy(Policy::soonest());
    (1..=2).for_each(|n| world.add(n, f64::from(n) * 100.0));
    for number in 1..=3 {
        world.reported(report(number, 1));
        world.reply(1, Reply::Accept);
        world.reply(2, Reply::Decline(DeclineReason::Busy));
        world.end(world::ending(number, 2, dispatch_core::incident::EndCause::Closed));
        world.seconds(10);
    }
    world.reported(report(9, 1));
    let candidates = &last_decision(&world).candidates;
    let chance = |n: u8| {
        let found = candidates
            .iter()
            .find(|candidate| candidate.responder == world::responder(n));
        found.unwrap().acceptance_permille
    };
    // Ten answers of everybody's weigh 2.87 yes of 10: (2.87 + 3) / 13 and 2.87 / 13.
    assert_eq!((chance(1), chance(2)), (451, 220));
}

#[test]
fn one_goes_straight_and_one_fetches_the_defibrillator_on_their_way() {
    let mut world = World::with_policy(Policy::default());
    world.input(Input::PutAed { aed: aed(7, 350.0) });
    world.add(1, 100.0);
    world.add(2, 380.0);
    world.reported(report(1, 1));
    let role = |n| world.alert_of(n).plan.role;
    assert_eq!(
        (role(1), role(2)),
        (Role::Direct, Role::FetchAed(AedId::from_bytes([7; 16])))
    );
}

#[test]
fn a_shut_or_private_or_broken_defibrillator_is_fetched_by_nobody() {
    let shut = OpeningHours::new("Dec 25", Locality::new("GB", "Europe/London").unwrap());
    for useless in [
        Aed {
            opening: shut,
            ..aed(7, 350.0)
        },
        Aed {
            access: Access::Private,
            ..aed(7, 350.0)
        },
        Aed {
            state: AedState::OutOfService,
            ..aed(7, 350.0)
        },
    ] {
        let mut world = World::with_policy(Policy::default());
        world.input(Input::PutAed { aed: useless });
        world.add(2, 380.0);
        world.reported(report(1, 1));
        assert_eq!(world.alert_of(2).plan.role, Role::Direct);
    }
}

/// Two people and a defibrillator, fetched first.
fn fetching() -> World {
    let policy = Policy {
        roles: vec![RoleKind::FetchAed, RoleKind::Direct],
        ..Policy::soonest()
    };
    let mut world = World::with_policy(policy);
    world.input(Input::PutAed { aed: aed(7, 50.0) });
    (1..=4).for_each(|n| world.add(n, f64::from(n) * 100.0));
    world.reported(report(1, 1));
    assert_eq!(world.alert_of(1).plan.role, Role::FetchAed(AedId::from_bytes([7; 16])));
    world
}

fn other_incident(world: &mut World) {
    (11..=12).for_each(|n| world.add(n, f64::from(n) * 10.0));
    world.reported(report(2, 1));
}

fn is_fetched_for_the_other(world: &World) -> bool {
    let mut alerts = world.alerts().into_iter();
    alerts.any(|alert| alert.incident == world::incident_id(2) && alert.plan.role != Role::Direct)
}

#[test]
fn a_defibrillator_taken_for_one_incident_is_not_offered_to_the_next() {
    let mut world = fetching();
    other_incident(&mut world);
    assert!(!is_fetched_for_the_other(&world));

    // Nobody fetches it after all.
    let mut world = fetching();
    world.end(world::ending(1, 2, dispatch_core::incident::EndCause::Closed));
    other_incident(&mut world);
    assert!(is_fetched_for_the_other(&world));

    // It was carried to the patient: it is not in its place until its keeper says so.
    let mut world = fetching();
    world.reply(1, Reply::Accept);
    world.reply(1, Reply::AedAttached);
    world.reply(1, Reply::Finished);
    world.end(world::ending(1, 2, dispatch_core::incident::EndCause::Closed));
    world.crash_and_restart();
    world.at(1, 100.0);
    other_incident(&mut world);
    assert!(!is_fetched_for_the_other(&world));
    world.end(world::ending(2, 2, dispatch_core::incident::EndCause::Closed));
    world.input(Input::PutAed { aed: aed(7, 50.0) });
    world.reported(report(3, 1));
    let fetchers = world
        .alerts()
        .into_iter()
        .filter(|alert| alert.incident == world::incident_id(3));
    assert!(fetchers.into_iter().any(|alert| alert.plan.role != Role::Direct));
}

#[test]
fn whoever_finds_no_defibrillator_is_sent_on_to_the_patient() {
    let mut world = fetching();
    world.reply(1, Reply::Accept);
    world.reply(1, Reply::Abort(AbortReason::AedNotThere));
    assert_eq!(world.alert_of(1).plan.role, Role::Direct);
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::Confirmed));
    assert!(matches!(
        world.last_sent_to(1),
        DownBody::Confirmed { role: Role::Direct, .. }
    ));
    // Nobody else is sent to the empty cabinet.
    other_incident(&mut world);
    assert!(!is_fetched_for_the_other(&world));
    world.crash_and_restart();
    assert_eq!(world.alert_of(1).plan.role, Role::Direct);
}

#[test]
fn a_defibrillator_taken_out_of_service_is_given_up() {
    let mut world = fetching();
    world.reply(1, Reply::Accept);
    let broken = Aed {
        state: AedState::OutOfService,
        ..aed(7, 50.0)
    };
    world.input(Input::PutAed { aed: broken });
    assert!(matches!(
        world.last_sent_to(1),
        DownBody::Confirmed { role: Role::Direct, .. }
    ));

    let mut world = fetching();
    world.input(Input::RemoveAed {
        aed: AedId::from_bytes([7; 16]),
    });
    assert!(matches!(
        world.last_sent_to(1),
        DownBody::Alert { role: Role::Direct, .. }
    ));
}

#[test]
fn a_clearly_sooner_accepter_takes_the_place_of_one_who_has_not_moved() {
    let policy = Policy {
        wanted: 1,
        going_min: 0,
        improve_by: Some(Duration::from_secs(60)),
        ..Policy::soonest()
    };
    let mut world = World::with_policy(policy.clone());
    world.add(1, 50.0);
    world.add(2, 900.0);
    world.reported(report(1, 1));
    world.reply(2, Reply::Accept);
    assert!(
        world.alert_of(1).state.is_open(),
        "would be clearly sooner, so is not called off"
    );
    world.reply(1, Reply::Accept);
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::Confirmed));
    assert_eq!(world.last_sent_to(2), &DownBody::StandDown(StandDownReason::Replaced));

    // Whoever has set off is not turned round.
    let mut world = World::with_policy(policy);
    world.add(1, 50.0);
    world.add(2, 900.0);
    world.reported(report(1, 1));
    world.reply(2, Reply::Accept);
    world.reply(2, Reply::EnRoute);
    world.reply(1, Reply::Accept);
    assert_eq!(world.alert_of(2).attendance, Some(Attendance::EnRoute));
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::NotNeeded));
}

#[test]
fn somebody_who_does_not_move_is_counted_on_no_longer() {
    let policy = Policy {
        wanted: 1,
        alert_count: 1,
        ..Policy::soonest()
    };
    let stall = policy.stall_after;
    let accepted = || {
        let mut world = World::with_policy(policy.clone());
        (1..=2).for_each(|n| world.add(n, f64::from(n) * 300.0));
        world.reported(report(1, 1));
        world.reply(1, Reply::Accept);
        assert_eq!(world.incident(1).state, IncidentState::Covered);
        world.pass(stall - Duration::from_secs(10));
        world
    };
    let mut world = accepted();
    world.at(1, 200.0);
    world.seconds(20);
    assert_eq!(world.asked(), [1], "is on the way");

    let mut world = accepted();
    world.seconds(20);
    assert_eq!(world.asked(), [1, 2], "sits still");
    assert!(world.alert_of(1).stalled && world.alert_of(1).attendance == Some(Attendance::Confirmed));
    world.reply(1, Reply::AtScene);
    assert!(!world.alert_of(1).stalled);

    // A phone that cannot be heard says nothing about whether its person moves.
    let mut world = accepted();
    world.input(Input::DeviceOffline {
        device: world::device(1),
    });
    world.seconds(20);
    assert_eq!(world.asked(), [1]);
}

#[test]
fn the_more_are_near_the_fewer_are_asked_at_once() {
    let asked = |spacing: f64| {
        let mut world = World::with_policy(Policy::default());
        (1..=20).for_each(|n| world.add(n, f64::from(n) * spacing));
        world.reported(report(1, 1));
        world.asked().len()
    };
    assert!(asked(100.0) <= 7);
    // Those far away add too little to be disturbed.
    assert!(asked(900.0) < asked(50.0), "{} and {}", asked(900.0), asked(50.0));
}
