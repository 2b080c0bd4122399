//! Stories: given these responders, when this happens, then these commands.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use dispatch_core::{
    alert::{AlertState, StandDownReason},
    attendance::{AbortReason, Attendance},
    command::{DownBody, Refusal, Warning},
    incident::{EndCause, IncidentState},
    input::{DeclineReason, DeliveryStage, Input, Place, Reply},
    position::{Fix, Metres},
    record::{Record, Verdict},
    responder::{Purpose, Skill, TravelMode},
    roster::Positions,
};
use world::*;

/// Ten people, 100 m apart, the first 100 m away.
fn ten() -> World {
    let mut world = World::new();
    (1..=10).for_each(|n| world.add(n, f64::from(n) * 100.0));
    world
}

fn last_decision(world: &World) -> &dispatch_core::record::Decision {
    let mut decisions = world.entries.iter().rev().filter_map(|entry| match &entry.record {
        Record::Decided(decision) => Some(decision),
        _ => None,
    });
    decisions.next().unwrap()
}

#[test]
fn the_seven_who_can_be_there_soonest_are_asked() {
    let mut world = World::new();
    (1..=10).for_each(|n| world.add(n, f64::from(n) * 100.0));
    // Far away, but quick.
    let mut driver = profile(11);
    driver.travel_mode = TravelMode::Car;
    world.add_with(driver, Purpose::Live, 1_100.0);
    world.add(12, 1_201.0);

    let answer = world.reported(report(1, 1));
    assert_eq!(answer.alerts_planned, 7);
    assert_eq!(answer.state, IncidentState::Searching);
    // 1,100 m by car takes as long as 354 m on foot.
    assert_eq!(world.asked(), [1, 2, 3, 11, 4, 5, 6]);
    let decision = last_decision(&world);
    assert_eq!(decision.candidates.len(), 11);
    assert_eq!(decision.candidates[7].verdict, Verdict::EnoughSooner);
    let first = &decision.candidates[0];
    assert!((99_990..100_010).contains(&first.distance.mm()), "{:?}", first.distance);
    assert!(
        world
            .sent
            .iter()
            .all(|(_, message)| matches!(message.body, DownBody::Alert { .. }))
    );
}

#[test]
fn everyone_not_asked_has_a_named_reason() {
    let mut world = World::new();
    let mut add = |n: u8, change: &dyn Fn(&mut dispatch_core::responder::ResponderProfile)| {
        let mut profile = profile(n);
        change(&mut profile);
        world.add_with(profile, Purpose::Live, 100.0 + f64::from(n));
    };
    add(1, &|p| p.on_duty = false);
    add(2, &|p| p.suspended = true);
    add(3, &|p| p.credential_valid_until = START);
    add(4, &|p| p.skills = [Skill::new("first_aid").unwrap()].into());
    add(5, &|_| ());
    add(6, &|_| ());
    world.add_with(profile(7), Purpose::Exercise, 107.0);
    world.input(Input::DeviceOffline { device: device(5) });
    world.reported(report(1, 1));
    let verdicts: Vec<Verdict> = last_decision(&world).candidates.iter().map(|c| c.verdict).collect();
    assert_eq!(
        verdicts,
        [
            Verdict::OffDuty,
            Verdict::Suspended,
            Verdict::CredentialExpired,
            Verdict::LacksSkill,
            Verdict::PhoneOffline,
            Verdict::Asked,
            Verdict::NoDevice,
        ]
    );
    // Who is asked for one incident is not asked for another.
    world.reported(report(2, 1));
    let busy = last_decision(&world)
        .candidates
        .iter()
        .filter(|c| c.verdict == Verdict::Busy)
        .count();
    assert_eq!(busy, 1);
}

#[test]
fn a_decline_is_made_up_for_by_one_other_at_once() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.reply(3, Reply::Decline(DeclineReason::TooFar));
    assert_eq!(world.asked(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(world.alert_of(3).state, AlertState::Declined(DeclineReason::TooFar));
    // Saying so twice asks nobody else.
    world.reply(3, Reply::Decline(DeclineReason::TooFar));
    assert_eq!(world.asked().len(), 8);
}

#[test]
fn without_a_receipt_the_alert_goes_out_again_and_then_somebody_else_is_asked() {
    let mut world = ten();
    world.reported(report(1, 1));
    (1..=6).for_each(|n| world.receive(n));
    world.pass(Duration::from_millis(1_999));
    assert_eq!(world.sent_to(7).len(), 1);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.sent_to(7).len(), 2, "again after 2 s");
    assert_eq!(
        world.sent_to(7)[0].about,
        world.sent_to(7)[1].about,
        "the same alert to the phone"
    );
    assert_eq!(world.sent_to(1).len(), 1, "but not to those who have it");
    world.seconds(2);
    assert_eq!(world.asked(), [1, 2, 3, 4, 5, 6, 7, 8], "replaced after 4 s");
    world.reply(7, Reply::Accept);
    assert_eq!(
        world.alert_of(7).attendance,
        Some(Attendance::Confirmed),
        "a late accept is still welcome"
    );
}

#[test]
fn a_receipt_without_an_answer_is_waited_for_15_seconds() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.seconds(1);
    world.everyone_receives();
    world.pass(Duration::from_millis(14_999));
    assert_eq!(world.asked().len(), 7);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.asked().len(), 10);
}

#[test]
fn three_are_confirmed_and_the_others_called_off() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.everyone_receives();
    for n in [2, 4, 6] {
        world.reply(n, Reply::Accept);
        assert!(matches!(world.last_sent_to(n), DownBody::Confirmed { .. }));
    }
    assert_eq!(world.incident(1).state, IncidentState::Covered);
    for n in [1, 3, 5, 7] {
        assert_eq!(world.last_sent_to(n), &DownBody::StandDown(StandDownReason::Enough));
        assert_eq!(world.alert_of(n).state, AlertState::Withdrawn(StandDownReason::Enough));
    }
    // An accept that crosses the stand-down is answered too, and an accept said twice gets the same answer.
    world.reply(1, Reply::Accept);
    assert_eq!(
        world.alert_of(1).state,
        AlertState::Withdrawn(StandDownReason::Enough),
        "it had its outcome"
    );
    assert_eq!(world.last_sent_to(1), &DownBody::NotNeeded);
    let before = world.sent_to(2).len();
    world.reply(2, Reply::Accept);
    assert_eq!(world.sent_to(2).len(), before + 1);
    assert!(matches!(world.last_sent_to(2), DownBody::Confirmed { .. }));
    assert_eq!(world.asked().len(), 7);
}

#[test]
fn an_accept_repeated_at_the_sight_of_its_answer_does_not_echo() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.reply(1, Reply::Accept);
    let answered = world.sent_to(1).len();
    world.reply(1, Reply::Accept);
    assert_eq!(world.sent_to(1).len(), answered + 1, "it may have been lost");
    world.receive(1);
    // A phone that repeats what it said whenever it is told again would otherwise never come to rest.
    world.reply(1, Reply::Accept);
    assert_eq!(world.sent_to(1).len(), answered + 1);
}

#[test]
fn only_a_confirmed_accept_learns_the_place() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.reply(1, Reply::Accept);
    let exact = world
        .sent
        .iter()
        .filter(|(_, m)| matches!(m.body, DownBody::Confirmed { .. }));
    assert_eq!(exact.map(|(_, m)| m.device).collect::<Vec<_>>(), [device(1)]);
}

#[test]
fn losing_somebody_on_the_way_starts_the_search_again() {
    let mut world = ten();
    world.reported(report(1, 1));
    [1, 2, 3].into_iter().for_each(|n| world.reply(n, Reply::Accept));
    world.reply(2, Reply::EnRoute);
    world.reply(2, Reply::Abort(AbortReason::CannotContinue));
    assert_eq!(world.incident(1).state, IncidentState::Searching);
    // Two are going; five more are asked, those withdrawn unheard among them, the one who gave up not.
    assert_eq!(world.asked()[7..], [4, 5, 6, 7, 8]);
    assert_ne!(
        world.alerts()[3].plan.alert,
        world.alert_of(4).plan.alert,
        "a new request is a new alert"
    );
    world.reply(4, Reply::Accept);
    assert_eq!(world.incident(1).state, IncidentState::Covered);
}

#[test]
fn a_finished_incident_does_not_search_for_more() {
    let mut world = ten();
    world.reported(report(1, 1));
    for n in [1, 2, 3] {
        world.reply(n, Reply::Accept);
        world.reply(n, Reply::WithPatient);
        world.reply(n, Reply::Finished);
    }
    world.seconds(600);
    assert_eq!(world.asked().len(), 7);
    assert_eq!(world.incident(1).state, IncidentState::Covered);
}

#[test]
fn ending_calls_everybody_off_but_those_with_the_patient() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.reply(1, Reply::Accept);
    world.reply(2, Reply::Accept);
    world.reply(1, Reply::WithPatient);
    let answer = world.end(ending(1, 2, EndCause::CrewOnScene));
    assert_eq!(
        (
            answer.alerts_withdrawn,
            answer.attendances_stood_down,
            answer.with_patient
        ),
        (5, 1, 1)
    );
    assert_eq!(answer.state, IncidentState::StoodDown);
    assert!(matches!(world.last_sent_to(1), DownBody::Confirmed { .. }));
    assert_eq!(
        world.last_sent_to(2),
        &DownBody::StandDown(StandDownReason::CrewOnScene)
    );
    assert_eq!(
        world.last_sent_to(7),
        &DownBody::StandDown(StandDownReason::CrewOnScene)
    );
    world.reply(1, Reply::Finished);
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::Finished));
    // Closing afterwards is fine; doing it twice is told.
    assert_eq!(world.end(ending(1, 3, EndCause::Closed)).state, IncidentState::Closed);
    assert_eq!(
        world.end(ending(1, 4, EndCause::Closed)).warnings,
        [Warning::IncidentEnded]
    );
    world.seconds(3_600);
    assert_eq!(world.asked().len(), 7);
}

#[test]
fn an_accept_after_the_end_is_too_late() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.end(ending(1, 2, EndCause::Cancelled));
    world.reply(5, Reply::Accept);
    assert_eq!(world.last_sent_to(5), &DownBody::TooLate);

    world.reported(report(2, 1));
    let first = world.alert_of(5).plan.alert;
    world.seconds(301);
    world.input(Input::Reply {
        device: device(5),
        alert: first,
        reply: Reply::Accept,
    });
    assert_eq!(world.last_sent_to(5), &DownBody::TooLate);
    let first = world.dispatcher.state().alert(first).unwrap();
    assert_eq!(first.state, AlertState::Undeliverable, "its outcome is not taken back");
}

#[test]
fn a_retry_gets_the_same_answer_and_asks_nobody() {
    let mut world = ten();
    let first = world.reported(report(1, 1));
    let again = world.reported(report(1, 1));
    assert!(again.duplicate);
    assert_eq!(
        dispatch_core::command::ReportAnswer {
            duplicate: false,
            ..again
        },
        first
    );
    let mut other = report(1, 1);
    other.request.fingerprint = [9; 32];
    assert!(matches!(
        world.report(other),
        dispatch_core::command::Answer::RequestIdReused { .. }
    ));
    assert_eq!(world.asked().len(), 7);
}

#[test]
fn stale_and_duplicate_revisions_change_nothing() {
    let mut world = ten();
    // The update comes before the creation.
    world.reported(report(1, 3));
    let mut stale = report(1, 2);
    stale.place = Some(Place {
        position: place(5_000.0),
        accuracy: Metres::new(0),
    });
    let answer = world.reported(stale);
    assert_eq!((answer.warnings, answer.revision), (vec![Warning::StaleRevision], 3));
    let mut same = report(1, 3);
    same.request.id = dispatch_core::ids::Reference::new("another").unwrap();
    assert_eq!(world.reported(same).warnings, [Warning::StaleRevision]);
    assert_eq!(world.asked().len(), 7);
    assert_eq!(
        world.incident(1).reported.as_ref().unwrap().place.unwrap().position,
        place(0.0)
    );
}

#[test]
fn a_cancel_before_the_report_leaves_a_tombstone() {
    let mut world = ten();
    assert_eq!(
        world.end(ending(1, 2, EndCause::Cancelled)).state,
        IncidentState::StoodDown
    );
    let answer = world.reported(report(1, 1));
    assert_eq!(answer.warnings, [Warning::IncidentEnded]);
    assert_eq!(world.asked().len(), 0);
    world.crash_and_restart();
    assert_eq!(world.reported(report(1, 3)).warnings, [Warning::IncidentEnded]);
}

#[test]
fn a_late_event_is_recorded_and_alerted_only_on_request() {
    let mut world = ten();
    // The clock of this dispatch system is known to be right.
    let mut fresh = report(1, 1);
    fresh.sent_at = world.now;
    world.reported(fresh);
    world.seconds(1_200);
    (1..=10).for_each(|n| world.at(n, f64::from(n) * 100.0));
    let mut late = report(2, 1);
    late.sent_at = START;
    let answer = world.reported(late.clone());
    assert_eq!(answer.state, IncidentState::Recorded);
    assert_eq!(answer.warnings, [Warning::LateNotAlerted { age_ms: 1_200_000 }]);
    assert_eq!(answer.alerts_planned, 0);
    // The control room asks for it after all.
    late.revision = 2;
    late.request.id = dispatch_core::ids::Reference::new("insist").unwrap();
    late.alert_although_late = true;
    assert!(world.reported(late).alerts_planned > 0);
}

#[test]
fn a_dispatch_system_whose_clock_is_slow_is_served() {
    let mut world = ten();
    world.seconds(900);
    (1..=10).for_each(|n| world.at(n, f64::from(n) * 100.0));
    let first = world.reported(report(1, 1));
    assert_eq!(first.warnings, [Warning::PerhapsLate { age_ms: 900_000 }]);
    assert_eq!(first.alerts_planned, 7, "in doubt people are asked");
    world.seconds(60);
    let mut second = report(2, 1);
    second.sent_at = START + Duration::from_secs(60);
    assert_eq!(
        world.reported(second).state,
        IncidentState::Searching,
        "its clock is known now"
    );
}

#[test]
fn a_drill_reaches_nobody_who_did_not_enrol_for_drills() {
    let mut world = ten();
    world.add_with(profile(20), Purpose::Exercise, 50.0);
    let mut drill = report(1, 1);
    drill.purpose = Purpose::Exercise;
    world.reported(drill);
    assert_eq!(world.asked(), [20]);
    assert!(
        world
            .sent
            .iter()
            .all(|(_, m)| m.purpose == Purpose::Exercise && m.device == device(20))
    );
    // And the reverse: a real incident does not reach a drill's phone.
    world.reported(report(2, 1));
    assert!(!world.asked()[1..].contains(&20));
    let mut changed = report(1, 2);
    changed.purpose = Purpose::Live;
    assert!(matches!(
        world.report(changed),
        dispatch_core::command::Answer::PurposeChanged { was: Purpose::Exercise }
    ));
}

#[test]
fn the_control_room_is_told_when_nobody_is_reached() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.pass(Duration::from_millis(9_999));
    assert_eq!(world.records(|r| matches!(r, Record::CouldNotAlert { .. })), 0);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.records(|r| matches!(r, Record::CouldNotAlert { .. })), 1);
    world.seconds(600);
    assert_eq!(world.records(|r| matches!(r, Record::CouldNotAlert { .. })), 1, "once");

    world.reported(report(2, 1));
    world.receive(1);
    world.seconds(20);
    assert_eq!(
        world.records(|r| matches!(r, Record::CouldNotAlert { .. })),
        1,
        "one receipt is enough"
    );
}

#[test]
fn an_exhausted_search_goes_on_when_somebody_walks_in_or_comes_on_duty() {
    let mut world = World::new();
    world.add(1, 3_000.0);
    let mut off_duty = profile(2);
    off_duty.on_duty = false;
    world.add_with(off_duty, Purpose::Live, 100.0);
    let answer = world.reported(report(1, 1));
    assert_eq!(
        (answer.state, answer.warnings),
        (IncidentState::Exhausted, vec![Warning::NobodyToAsk])
    );
    world.seconds(30);
    assert_eq!(
        world.records(|r| matches!(r, Record::Decided(_))),
        1,
        "looking in vain is not written down each time"
    );
    world.at(1, 500.0);
    world.seconds(5);
    assert_eq!(world.asked(), [1]);
    assert_eq!(world.incident(1).state, IncidentState::Searching);
    world.input(Input::PutResponder { profile: profile(2) });
    world.seconds(1);
    assert_eq!(world.asked(), [1, 2]);
}

#[test]
fn a_corrected_place_keeps_those_near_calls_off_the_others_and_asks_anew() {
    let mut world = World::new();
    world.add(1, 100.0);
    world.add(2, -1_000.0);
    world.add(3, 2_300.0);
    world.add(4, -900.0);
    world.reported(report(1, 1));
    assert_eq!(world.asked(), [1, 4, 2]);
    world.reply(1, Reply::Accept);
    world.reply(4, Reply::Accept);
    let mut corrected = report(1, 2);
    corrected.place = Some(Place {
        position: place(1_200.0),
        accuracy: Metres::new(0),
    });
    let answer = world.reported(corrected);
    assert_eq!(answer.alerts_planned, 1);
    assert!(
        matches!(world.last_sent_to(1), DownBody::Confirmed { place: told, .. } if told.position == place(1_200.0))
    );
    assert_eq!(world.last_sent_to(2), &DownBody::StandDown(StandDownReason::Relocated));
    assert_eq!(world.last_sent_to(4), &DownBody::StandDown(StandDownReason::Relocated));
    assert!(matches!(world.last_sent_to(3), DownBody::Alert { .. }));
}

#[test]
fn no_place_asks_nobody_until_a_revision_brings_one() {
    let mut world = ten();
    let mut placeless = report(1, 1);
    placeless.place = None;
    let answer = world.reported(placeless);
    assert_eq!(
        (answer.state, answer.warnings),
        (IncidentState::Recorded, vec![Warning::NoLocation])
    );
    assert_eq!(world.reported(report(1, 2)).alerts_planned, 7);
    // A later revision without one does not unlearn it.
    let mut placeless = report(1, 3);
    placeless.place = None;
    world.reported(placeless);
    world.reply(1, Reply::Accept);
    assert!(matches!(world.last_sent_to(1), DownBody::Confirmed { .. }));
}

#[test]
fn a_suspended_person_is_called_off_and_made_up_for() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.reply(2, Reply::Accept);
    for n in [1, 2] {
        let mut suspended = profile(n);
        suspended.suspended = true;
        world.input(Input::PutResponder { profile: suspended });
        assert_eq!(world.last_sent_to(n), &DownBody::StandDown(StandDownReason::Suspended));
    }
    assert_eq!(world.asked()[7..], [8, 9]);
    world.input(Input::RevokeDevice { device: device(3) });
    assert_eq!(world.closed, [device(3)]);
}

#[test]
fn an_unheard_stand_down_is_repeated_reported_and_told_when_the_phone_is_back() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.everyone_receives();
    world.reply(1, Reply::Accept);
    world.receive(1);
    world.end(ending(1, 2, EndCause::Cancelled));
    (2..=7).for_each(|n| world.receive(n));
    let before = world.sent_to(1).len();
    world.seconds(59);
    assert_eq!(world.sent_to(1).len() - before, 4, "after 2, 4, 8 and 16 s more");
    assert_eq!(world.records(|r| matches!(r, Record::MessageUnheard { .. })), 0);
    world.seconds(10);
    assert_eq!(world.records(|r| matches!(r, Record::MessageUnheard { .. })), 1);
    let before = world.sent_to(1).len();
    world.seconds(600);
    assert_eq!(world.sent_to(1).len(), before, "then its phone is waited for");
    world.input(Input::DeviceOnline { device: device(1) });
    assert_eq!(world.last_sent_to(1), &DownBody::StandDown(StandDownReason::Cancelled));
    world.receive(1);
    world.input(Input::DeviceOnline { device: device(1) });
    assert_eq!(world.sent_to(1).len(), before + 1, "and not told again once it has it");
}

#[test]
fn what_a_phone_gets_wrong_is_refused_with_a_reason() {
    let mut world = ten();
    world.reported(report(1, 1));
    let alert = world.alert_of(1).plan.alert;
    let fix = |seconds: u64| Fix {
        position: place(0.0),
        accuracy: Metres::new(5),
        taken_at: START - Duration::from_secs(seconds),
    };
    world.input(Input::Fix {
        device: device(1),
        fix: fix(60),
    });
    world.input(Input::Fix {
        device: device(99),
        fix: fix(0),
    });
    world.input(Input::Reply {
        device: device(2),
        alert,
        reply: Reply::Accept,
    });
    world.input(Input::Reply {
        device: device(1),
        alert: dispatch_core::ids::AlertId::from_bytes([0; 16]),
        reply: Reply::Accept,
    });
    world.input(Input::Delivery {
        device: device(1),
        alert,
        version: 7,
        stage: DeliveryStage::Received,
    });
    world.reply(1, Reply::Finished);
    world.reply(1, Reply::Decline(DeclineReason::Busy));
    world.reply(1, Reply::Accept);
    assert_eq!(
        world.refusals,
        [
            Refusal::NotTheirAlert,
            Refusal::UnknownAlert,
            Refusal::OtherVersion,
            Refusal::OutOfTurn,
            Refusal::OutOfTurn,
        ]
    );
    let positions = Positions {
        taken: 10,
        not_newer: 1,
        unknown: 1,
        vaguer: 0,
    };
    assert_eq!(world.dispatcher.state().positions(), positions);
}

#[test]
fn a_trunk_tells_where_a_person_is_and_a_better_fix_stands() {
    let mut world = World::new();
    world.add_with(profile(1), Purpose::Live, 10.0);
    let fix = |metres: f64, accuracy_m, seconds: u64| Fix {
        position: place(metres),
        accuracy: Metres::new(accuracy_m),
        taken_at: START + Duration::from_secs(seconds),
    };
    let responder = profile(1).responder;
    world.input(Input::TrunkFix {
        responder,
        fix: fix(200.0, 5, 60),
    });
    world.input(Input::TrunkFix {
        responder,
        fix: fix(400.0, 2_000, 61),
    });
    world.reported(report(1, 1));
    let distance = last_decision(&world).candidates[0].distance;
    assert!((199.0..201.0).contains(&distance.as_f64()), "{distance}");
    let positions = world.dispatcher.state().positions();
    assert_eq!((positions.taken, positions.vaguer), (2, 1));
}

#[test]
fn another_control_rooms_people_are_not_asked() {
    let mut world = World::new();
    let mut foreign = profile(1);
    foreign.tenant = dispatch_core::ids::TenantId::new("leeds").unwrap();
    world.add_with(foreign, Purpose::Live, 10.0);
    assert_eq!(world.reported(report(1, 1)).alerts_planned, 0);
    assert!(last_decision(&world).candidates.is_empty());
}

#[test]
fn somebody_on_the_way_whose_accept_was_lost_is_taken_at_their_word() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.reply(1, Reply::AtScene);
    assert_eq!(world.alert_of(1).attendance, Some(Attendance::AtScene));
    assert!(matches!(world.last_sent_to(1), DownBody::Confirmed { .. }));
    world.reply(2, Reply::EnRoute);
    world.reply(3, Reply::WithPatient);
    assert_eq!(world.incident(1).state, IncidentState::Covered);

    // One too many is told so; with the patient, they are left alone.
    world.reply(4, Reply::EnRoute);
    assert_eq!(world.last_sent_to(4), &DownBody::NotNeeded);
    let before = world.sent.len();
    world.reply(5, Reply::WithPatient);
    assert_eq!(world.sent.len(), before);
    assert_eq!(world.refusals, [Refusal::OutOfTurn]);
}

#[test]
fn versions_that_may_have_been_lost_are_not_used_again() {
    let mut world = ten();
    world.reported(report(1, 1));
    world.seconds(1);
    // What was sent from here on, such as a version 2, never reached the disk; twice.
    let before = world.entries.clone();
    let mut given = Vec::new();
    for _ in 0..2 {
        world.crash_and_restart();
        world.reply(1, Reply::Accept);
        given.push(world.alert_of(1).message.version);
        world.seconds(1);
        world.entries = before.clone();
    }
    assert!(given[0] > 2 && given[1] > given[0] + 1, "{given:?}");
    // Planned since the start, and so on the disk before anything was sent about it.
    world.crash_and_restart();
    world.seconds(2);
    world.at(9, 900.0);
    world.reported(report(2, 1));
    world.end(ending(2, 2, EndCause::Cancelled));
    assert!(world.alerts().iter().any(|alert| alert.message.version == 2));
}

#[test]
fn people_without_a_phone_take_nobodys_place_among_the_candidates() {
    let mut world = World::new();
    for n in 1..=200 {
        world.input(Input::PutResponder { profile: profile(n) });
        world.input(Input::TrunkFix {
            responder: profile(n).responder,
            fix: Fix {
                position: place(10.0),
                accuracy: Metres::new(5),
                taken_at: START,
            },
        });
    }
    world.add_with(profile(250), Purpose::Live, 900.0);
    assert_eq!(world.reported(report(1, 1)).alerts_planned, 1);
    assert_eq!(last_decision(&world).candidates.len(), 1);
    // Once one of them has a phone, they are one.
    world.add_with(profile(7), Purpose::Live, 20.0);
    world.reported(report(2, 1));
    assert_eq!(last_decision(&world).candidates.len(), 2);
    world.input(Input::RevokeDevice { device: device(7) });
    world.reported(report(3, 1));
    assert_eq!(last_decision(&world).candidates.len(), 1);
}

#[test]
fn after_a_restart_people_are_where_they_were_and_their_phones_are_asked() {
    let mut world = World::new();
    world.input(Input::PutResponder { profile: profile(1) });
    let enrolled = dispatch_core::responder::Device {
        device: device(1),
        responder: profile(1).responder,
        purpose: Purpose::Live,
        alertable: true,
    };
    world.input(Input::PutDevice { device: enrolled });
    let fix = Fix {
        position: place(100.0),
        accuracy: Metres::new(5),
        taken_at: START - Duration::from_secs(90),
    };
    world.dispatcher.warm_up(profile(1).responder, fix);
    assert_eq!(world.reported(report(1, 1)).alerts_planned, 1);
    world.input(Input::DeviceOnline { device: device(1) });
    assert_eq!(world.last_sent_to(1), &DownBody::Probe);
    let before = world.sent_to(1).len();
    world.at(1, 120.0);
    world.input(Input::DeviceOnline { device: device(1) });
    let after = world.sent_to(1).split_off(before);
    assert!(after.iter().all(|sent| sent.body != DownBody::Probe), "{after:?}");
    // What a phone has said since is not put back.
    world.dispatcher.warm_up(profile(1).responder, fix);
    let known = world.dispatcher.state().fixes(0, 10).next().unwrap().1;
    assert_eq!(known.position, place(120.0));
}
