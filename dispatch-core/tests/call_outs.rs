//! Stories about call-outs: who is asked, how answers fill shifts, and what a call-out does not stand in the way of.
#![allow(missing_docs, clippy::unwrap_used)]

mod world;

use std::time::Duration;

use dispatch_core::{
    alert::{AlertState, Role, StandDownReason},
    attendance::{AbortReason, Attendance},
    call_out::{CallOut, Shift, ShiftChoice, ShiftNumber},
    choose::{Redecided, redecide},
    command::{Answer, DownBody, Offer},
    incident::{IncidentKind, IncidentState},
    input::{DeclineReason, Place, Reply, Report},
    policy::Policy,
    position::{Metres, Position},
    record::{Decision, Record, Verdict},
    responder::{Purpose, QuietHours, ResponderProfile, Skill},
    time::Timestamp,
};
use world::{START, World, incident_id, place, profile, report};

const HOUR: Duration = Duration::from_secs(3_600);
const WAVE: Duration = Duration::from_secs(5);

fn number(n: u32) -> ShiftNumber {
    ShiftNumber::new(n).unwrap()
}

fn only(n: u32) -> Reply {
    Reply::AcceptShifts([number(n)].into_iter().collect())
}

fn shift(n: u32, from: Timestamp, hours: u32, wanted: u32) -> Shift {
    Shift {
        number: number(n),
        starts_at: from,
        ends_at: from + HOUR * hours,
        wanted,
    }
}

/// From 100 m south of the muster point to 3,050 m north of it, 4 km wide.
fn valley() -> Vec<Position> {
    let corner = |north: f64, longitude| Position::from_degrees(place(north).latitude(), longitude).unwrap();
    vec![
        corner(-100.0, -0.15),
        corner(-100.0, -0.09),
        corner(3_050.0, -0.09),
        corner(3_050.0, -0.15),
    ]
}

fn flood(revision: u32, outline: Vec<Position>, wake: bool, shifts: &[Shift]) -> Report {
    let boat = Skill::new("boat");
    Report {
        kind: IncidentKind::new("flood").unwrap(),
        alert_although_late: true,
        call_out: Some(CallOut::new(outline, boat, wake, shifts.to_vec()).unwrap().into()),
        ..report(1, revision)
    }
}

/// Today's shift wants two and tomorrow's three.
fn two_shifts() -> [Shift; 2] {
    [shift(1, START + HOUR, 8, 2), shift(2, START + HOUR * 24, 8, 3)]
}

fn boatman(n: u8) -> ResponderProfile {
    ResponderProfile {
        skills: [Skill::new("boat").unwrap()].into(),
        ..profile(n)
    }
}

/// People with a boat every 15 m to the north, from 1 on.
fn town(people: u8) -> World {
    let mut world = World::with_policy(Policy::default());
    for n in 1..=people {
        world.add_with(boatman(n), Purpose::Live, 15.0 * f64::from(n));
    }
    world
}

fn decisions(world: &World) -> Vec<&Decision> {
    let decisions = world.entries.iter().filter_map(|entry| match &entry.record {
        Record::Decided(decision) => Some(decision),
        _ => None,
    });
    decisions.collect()
}

fn last_decision(world: &World) -> &Decision {
    decisions(world).last().unwrap()
}

fn state(world: &World) -> IncidentState {
    world.incident(1).state
}

fn taken(world: &World, n: u32) -> u32 {
    world.dispatcher.state().shift_taken(incident_id(1), number(n))
}

fn offered(body: &DownBody) -> Vec<u32> {
    match body {
        DownBody::Alert {
            call_out: Some(Offer { shifts, .. }),
            ..
        } => shifts.iter().map(|shift| shift.number.get()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn hundreds_with_the_skill_in_the_area_are_asked_at_once_nearest_first() {
    let mut world = town(220);
    world.add_with(profile(230), Purpose::Live, 20.0);
    world.add_with(boatman(231), Purpose::Live, -200.0);
    let answer = world.reported(flood(1, valley(), false, &[shift(1, START + HOUR, 8, 50)]));
    assert_eq!(answer.alerts_planned, 200, "four for each place");
    assert_eq!(
        world.asked(),
        (1..=200).collect::<Vec<u8>>(),
        "the nearest, and nobody without a boat or outside"
    );
    let decision = last_decision(&world);
    assert!(decision.alerts.iter().all(|plan| plan.role == Role::Shift));
    assert_eq!(
        decision.candidates.len(),
        200,
        "nobody is looked at beyond what is sought"
    );
    let first = world
        .sent_to(1)
        .into_iter()
        .find(|message| message.about.is_some())
        .unwrap();
    assert_eq!(offered(&first.body), [1]);
}

#[test]
fn without_an_area_the_policy_says_how_far_and_without_a_skill_which() {
    let mut world = town(150);
    world.add(200, 30.0);
    let call_out = CallOut::new(vec![], None, false, vec![shift(1, START + HOUR, 8, 100)]).unwrap();
    world.reported(Report {
        call_out: Some(call_out.into()),
        ..flood(1, vec![], false, &two_shifts())
    });
    assert_eq!(world.asked(), [200], "who can resuscitate, within 2 km");
    let boats = last_decision(&world).candidates.iter();
    let boats = boats.filter(|candidate| candidate.verdict == Verdict::LacksSkill);
    assert_eq!(boats.count(), 133, "15 m apart within 2 km");
}

#[test]
fn answers_fill_the_shifts_they_name_and_the_earliest_otherwise() {
    let mut world = town(40);
    world.reported(flood(1, valley(), false, &two_shifts()));
    assert_eq!(world.asked().len(), 20);
    world.reply(1, only(2));
    world.reply(2, Reply::Accept);
    world.reply(3, Reply::AcceptShifts([number(1), number(2)].into_iter().collect()));
    let shifts = |world: &World| [1, 2, 3].map(|n| world.alert_of(n).shift.map(ShiftNumber::get));
    assert_eq!(shifts(&world), [Some(2), Some(1), Some(1)]);
    let DownBody::Confirmed { shift, role, .. } = world.last_sent_to(1) else {
        panic!("{:?}", world.last_sent_to(1));
    };
    assert_eq!((*shift, *role), (Some(two_shifts()[1]), Role::Shift));

    world.reply(4, only(1));
    assert_eq!(
        world.alert_of(4).attendance,
        Some(Attendance::NotNeeded),
        "today's is full"
    );
    assert_eq!(*world.last_sent_to(4), DownBody::NotNeeded);
    world.reply(5, Reply::AcceptShifts(ShiftChoice::default()));
    assert_eq!(
        world.alert_of(5).attendance,
        Some(Attendance::NotNeeded),
        "of none of them"
    );
    assert_eq!(
        (state(&world), taken(&world, 1), taken(&world, 2)),
        (IncidentState::Searching, 2, 1)
    );

    world.reply(6, Reply::Accept);
    world.reply(7, only(2));
    assert_eq!((state(&world), taken(&world, 2)), (IncidentState::Covered, 3));
    let left = world.alerts().into_iter().filter(|alert| alert.state.is_open());
    assert_eq!(left.count(), 0, "who had not answered is called off");
    assert_eq!(*world.last_sent_to(8), DownBody::StandDown(StandDownReason::Enough));
    // The accept crossed the stand-down.
    world.reply(8, only(2));
    assert_eq!(*world.last_sent_to(8), DownBody::NotNeeded);
}

#[test]
fn a_place_left_again_is_offered_again_also_to_those_called_off() {
    let mut world = town(6);
    world.reported(flood(1, valley(), false, &[shift(1, START + HOUR, 8, 1)]));
    world.reply(1, Reply::Accept);
    assert_eq!(world.asked(), [1, 2, 3, 4]);
    world.seconds(10);
    world.reply(1, Reply::Abort(AbortReason::CannotContinue));
    assert_eq!((state(&world), taken(&world, 1)), (IncidentState::Searching, 0));
    assert_eq!(world.asked(), [1, 2, 3, 4, 2, 3, 4, 5]);
    assert_eq!(world.alert_of(2).plan.attempt, 2);
    world.reply(2, Reply::Accept);
    assert_eq!(state(&world), IncidentState::Covered);
}

#[test]
fn what_answers_leave_open_is_made_up_for_in_waves() {
    let mut world = town(30);
    world.reported(flood(1, valley(), false, &two_shifts()));
    assert_eq!(world.asked().len(), 20);
    for n in 1..=6 {
        world.reply(n, Reply::Decline(DeclineReason::Busy));
    }
    assert_eq!(decisions(&world).len(), 1, "not each by itself");
    world.pass(WAVE);
    assert_eq!(decisions(&world).len(), 2);
    assert_eq!(world.asked()[20..], [21, 22, 23, 24, 25, 26]);
    assert!(
        last_decision(&world)
            .candidates
            .iter()
            .all(|candidate| candidate.verdict == Verdict::Asked)
    );
    // Silence is made up for as well, and is no no.
    world.everyone_receives();
    world.pass(Duration::from_secs(600) + WAVE);
    assert_eq!(world.asked()[26..], [27, 28, 29, 30]);
    world.reply(7, only(1));
    assert_eq!(world.alert_of(7).attendance, Some(Attendance::Confirmed));
}

#[test]
fn who_cannot_take_what_is_left_is_made_up_for_and_not_asked_again() {
    let mut world = town(8);
    world.reported(flood(
        1,
        valley(),
        false,
        &[shift(1, START + HOUR, 8, 1), shift(2, START + HOUR * 9, 8, 1)],
    ));
    assert_eq!(world.asked().len(), 8);
    world.reply(1, only(1));
    for n in 2..=6 {
        world.reply(n, only(1));
    }
    world.add_with(boatman(20), Purpose::Live, 10.0);
    world.add_with(boatman(21), Purpose::Live, 20.0);
    world.pass(WAVE);
    assert_eq!(
        world.asked()[8..],
        [20, 21],
        "and none of those who named the first alone"
    );
}

#[test]
fn a_call_out_keeps_nobody_from_a_patient() {
    let mut world = World::with_policy(Policy {
        skills_any: Skill::new("boat").into_iter().collect(),
        ..Policy::soonest()
    });
    for n in 1..=4 {
        world.add_with(boatman(n), Purpose::Live, 15.0 * f64::from(n));
    }
    world.reported(flood(1, valley(), false, &[shift(1, START + HOUR, 8, 3)]));
    assert_eq!(world.asked(), [1, 2, 3, 4]);
    world.reply(1, Reply::Accept);
    world.reply(2, Reply::Accept);
    world.reply(2, Reply::EnRoute);
    world.reported(report(2, 1));
    let verdict = |world: &World, n: u8| {
        let decision = last_decision(world);
        let mut candidates = decision.candidates.iter();
        candidates
            .find(|candidate| candidate.responder == world::responder(n))
            .unwrap()
            .verdict
    };
    assert_eq!(verdict(&world, 1), Verdict::Asked, "their shift has not begun");
    assert_eq!(verdict(&world, 2), Verdict::Busy, "on their way to the muster point");
    assert!(world.alert_of(3).is_pending());
    assert_eq!(verdict(&world, 3), Verdict::Asked, "they have not answered yet");

    // And nobody who is asked to a patient is called out.
    let mut other = flood(1, valley(), false, &two_shifts());
    other.key = world::key(3);
    other.request.id = dispatch_core::ids::Reference::new("other").unwrap();
    world.reported(other);
    assert_eq!(verdict(&world, 3), Verdict::Busy);
    assert_eq!(verdict(&world, 4), Verdict::Busy);

    // Once the shift has begun, it does.
    world.seconds(2 * 3_600);
    let mut later = report(4, 1);
    later.alert_although_late = true;
    world.at(1, 15.0);
    world.reported(later);
    assert_eq!(verdict(&world, 1), Verdict::Busy);
}

#[test]
fn a_no_to_a_shift_is_no_sign_that_somebody_would_not_go_to_a_patient() {
    let mut world = town(8);
    world.reported(flood(1, valley(), false, &two_shifts()));
    world.reply(1, Reply::Decline(DeclineReason::Busy));
    world.reply(2, Reply::Accept);
    let history = |n| world.dispatcher.state().history(world::responder(n)).unwrap();
    assert_eq!((history(1).refused, history(1).alerted_at.len()), (0, 1));
    assert_eq!((history(2).accepted, history(2).alerted_at.len()), (0, 1));
}

#[test]
fn nobody_is_woken_unless_the_control_room_says_so() {
    let asleep = |n| ResponderProfile {
        quiet_hours: QuietHours::new(0, 1_439),
        ..boatman(n)
    };
    for wake in [false, true] {
        let mut world = World::with_policy(Policy::default());
        world.add_with(asleep(1), Purpose::Live, 10.0);
        world.add_with(boatman(2), Purpose::Live, 20.0);
        world.reported(flood(1, valley(), wake, &two_shifts()));
        assert_eq!(world.asked(), if wake { vec![1, 2] } else { vec![2] });
        let verdict = last_decision(&world).candidates[0].verdict;
        assert_eq!(verdict, if wake { Verdict::Asked } else { Verdict::Quiet });
    }
}

#[test]
fn a_revision_that_wants_more_asks_more_and_tells_those_asked() {
    let mut world = town(60);
    world.reported(flood(1, valley(), false, &two_shifts()));
    world.reply(1, only(1));
    world.seconds(10);
    let more = [two_shifts()[0], shift(2, START + HOUR * 24, 8, 6)];
    let answer = world.reported(flood(2, valley(), false, &more));
    assert_eq!(answer.alerts_planned, 7 * 4 - 19);
    let DownBody::Confirmed { .. } = world.last_sent_to(1) else {
        panic!("{:?}", world.last_sent_to(1));
    };
    assert!(world.alert_of(2).message.version > 1);
    assert_eq!(offered(world.last_sent_to(2)), [1, 2]);
    // Wanting fewer sends nobody home.
    let fewer = [shift(1, START + HOUR, 8, 1), shift(2, START + HOUR * 24, 8, 1)];
    world.reply(2, only(1));
    world.reported(flood(3, valley(), false, &fewer));
    assert_eq!(taken(&world, 1), 2);
    assert_eq!(world.alert_of(2).attendance, Some(Attendance::Confirmed));
}

#[test]
fn a_shift_left_out_of_a_revision_releases_those_who_had_taken_it() {
    let mut world = town(30);
    world.reported(flood(1, valley(), false, &two_shifts()));
    world.reply(1, only(1));
    world.reply(2, only(2));
    world.reported(flood(2, valley(), false, &two_shifts()[1..]));
    assert_eq!(*world.last_sent_to(1), DownBody::StandDown(StandDownReason::Cancelled));
    assert_eq!(world.alert_of(2).attendance, Some(Attendance::Confirmed));
    assert_eq!(offered(world.last_sent_to(3)), [2]);
    assert_eq!((taken(&world, 1), taken(&world, 2)), (0, 1));
}

#[test]
fn a_corrected_muster_point_is_told_to_everybody_wherever_they_are() {
    let mut world = town(30);
    world.reported(flood(1, valley(), false, &two_shifts()));
    world.reply(1, Reply::Accept);
    world.at(1, 40_000.0);
    let elsewhere = Place {
        position: place(500.0),
        accuracy: Metres::new(5),
    };
    world.reported(Report {
        place: Some(elsewhere),
        ..flood(2, valley(), false, &two_shifts())
    });
    let DownBody::Confirmed { place, .. } = world.last_sent_to(1) else {
        panic!("{:?}", world.last_sent_to(1));
    };
    assert_eq!(*place, elsewhere);
}

#[test]
fn an_incident_is_a_call_out_from_its_first_revision_or_never() {
    let mut world = town(3);
    world.reported(report(1, 1));
    let refused = world.report(flood(2, valley(), false, &two_shifts()));
    assert_eq!(refused, Answer::CallOutChanged { was: false });
    let mut world = town(3);
    world.reported(flood(1, valley(), false, &two_shifts()));
    let refused = world.report(Report {
        call_out: None,
        ..flood(2, valley(), false, &two_shifts())
    });
    assert_eq!(refused, Answer::CallOutChanged { was: true });
    assert_eq!(world.incident(1).revision, 1);
}

#[test]
fn what_is_told_of_a_shift_stays_true_until_it_ends() {
    let mut world = town(20);
    world.reported(flood(1, valley(), false, &two_shifts()));
    world.reply(1, only(2));
    let told = world.sent_to(1).last().copied().cloned().unwrap();
    assert_eq!(told.expires_at, two_shifts()[1].ends_at);
    // Nobody counts as lost who does not move before the shift, and nobody as gone while it lasts.
    world.seconds(30 * 3_600);
    let alert = world.alert_of(1);
    assert_eq!((alert.attendance, alert.stalled), (Some(Attendance::Confirmed), false));
    assert!(state(&world).is_open(), "an incident of a day, but for its shifts");
    world.seconds(7 * 3_600);
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::PresumedOver));
    assert!(!state(&world).is_open());
    assert_eq!(
        world.alert_of(2).state,
        AlertState::Undeliverable,
        "nobody's phone said a word"
    );
}

#[test]
fn a_shift_that_is_over_wants_nobody() {
    let mut world = town(40);
    world.reported(flood(
        1,
        valley(),
        false,
        &[shift(1, START, 1, 2), shift(2, START + HOUR, 2, 2)],
    ));
    assert_eq!(world.asked().len(), 16);
    let expiry = world.alerts()[0].plan.expires_at;
    assert_eq!(expiry, START + HOUR * 2);
    world.seconds(3_600);
    world.reply(1, only(1));
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::NotNeeded));
    world.reply(2, Reply::Accept);
    assert_eq!(world.alert_of(2).shift, Some(number(2)));
    let asked = world.asked().len();
    world.seconds(2 * 3_600 + 60);
    let later = world.alerts().into_iter().skip(asked);
    let late = later.filter(|alert| alert.planned_at >= START + HOUR * 3);
    assert_eq!(late.count(), 0, "nobody is asked for a shift that is over");
}

#[test]
fn the_end_calls_everybody_off() {
    let mut world = town(20);
    world.reported(flood(1, valley(), false, &two_shifts()));
    world.reply(1, Reply::Accept);
    let answer = world.end(world::ending(1, 2, dispatch_core::incident::EndCause::Closed));
    assert_eq!((answer.alerts_withdrawn, answer.attendances_stood_down), (19, 1));
    assert_eq!(taken(&world, 1), 0);
}

#[test]
fn a_restart_forgets_no_shift() {
    let mut world = town(40);
    world.reported(flood(1, valley(), false, &two_shifts()));
    world.reply(1, only(1));
    world.reply(2, only(1));
    world.reply(3, only(2));
    let before = world.picture();
    world.crash_and_restart();
    assert_eq!(world.picture().0[0].reported, before.0[0].reported);
    assert_eq!((taken(&world, 1), taken(&world, 2)), (2, 1));
    world.reply(4, only(1));
    assert_eq!(world.alert_of(4).attendance, Some(Attendance::NotNeeded));
    let image = world.dispatcher.state().image();
    let restored = dispatch_core::state::State::restore(image);
    assert_eq!(restored.shift_taken(incident_id(1), number(1)), 2);
}

#[test]
fn every_wave_is_decided_again_to_the_bit() {
    let mut world = town(60);
    world.add_with(profile(100), Purpose::Live, 5.0);
    world.reported(flood(1, valley(), false, &two_shifts()));
    for n in 1..=9 {
        world.reply(n, Reply::Decline(DeclineReason::TooFar));
    }
    world.seconds(1_300);
    let decisions = decisions(&world);
    assert!(decisions.len() >= 3, "{}", decisions.len());
    for decision in decisions {
        assert_eq!(redecide(&Policy::default(), decision), Redecided::Same);
        let mut other = decision.clone();
        other.sought = other.alerts.len() as u32 - 1;
        assert_ne!(redecide(&Policy::default(), &other), Redecided::Same);
    }
}
