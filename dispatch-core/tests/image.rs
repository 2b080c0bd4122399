//! A snapshot of the state stands in for the records it came from, and the state stays small.
#![allow(clippy::unwrap_used)]

mod world;

use std::{collections::BTreeMap, time::Duration};

use dispatch_core::{
    command::Command,
    dispatcher::Dispatcher,
    incident::EndCause,
    input::{Input, Place, Reply},
    policy::{Policy, PolicyBook},
    position::{Fix, Metres},
    record::{Entry, Record},
};
use proptest::prelude::*;
use world::{
    events::{event, happen},
    *,
};

/// A dispatcher from a snapshot after the first `kept` records, the register as it is at the end, and the other records.
fn from_snapshot(entries: &[Entry], kept: usize) -> Dispatcher {
    let mut before = Dispatcher::new(PolicyBook::new(Policy::soonest()).unwrap());
    entries[..kept].iter().for_each(|entry| before.recover(entry));
    let mut after = Dispatcher::new(PolicyBook::new(Policy::soonest()).unwrap());
    after.restore(before.state().image());
    let (mut people, mut devices) = (BTreeMap::new(), BTreeMap::new());
    for entry in entries {
        match &entry.record {
            Record::ResponderPut(profile) => drop(people.insert(profile.responder, profile.clone())),
            Record::DevicePut(device) => drop(devices.insert(device.device, *device)),
            Record::DeviceRevoked(device) => drop(devices.remove(device)),
            _ => {}
        }
    }
    // In another order than they came.
    people
        .into_values()
        .rev()
        .for_each(|profile| after.recover_person(profile));
    devices
        .into_values()
        .rev()
        .for_each(|device| after.recover_device(device));
    entries[kept..].iter().for_each(|entry| after.recover(entry));
    after
}

/// Everything that a started dispatcher does within a while, with everybody where they were.
fn acts(dispatcher: &mut Dispatcher, mut now: dispatch_core::time::Timestamp) -> Vec<Command> {
    dispatcher.handle(Input::Started, now);
    for n in 1..=12 {
        let fix = Fix {
            position: place(f64::from(n) * 90.0),
            accuracy: Metres::new(10),
            taken_at: now,
        };
        dispatcher.handle(Input::Fix { device: device(n), fix }, now);
    }
    let end = now + Duration::from_secs(5 * 3_600);
    let mut commands: Vec<Command> = std::iter::from_fn(|| dispatcher.poll_command()).collect();
    for _ in 0..200 {
        let Some(at) = dispatcher.next_deadline().filter(|&at| at <= end) else {
            break;
        };
        now = now.max(at);
        dispatcher.handle_deadline(now);
        commands.extend(std::iter::from_fn(|| dispatcher.poll_command()));
    }
    commands
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_snapshot_at_any_place_and_the_records_after_it_are_all_the_records(
        events in prop::collection::vec(event(), 1..80),
        at in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new();
        (1..=12).for_each(|n| world.add(n, f64::from(n) * 90.0));
        events.iter().for_each(|event| happen(&mut world, event));
        let mut whole = World::restarted(&world.entries, world.now).dispatcher;
        prop_assert_eq!(whole.state().image(), world.dispatcher.state().image());
        let mut snapshot = from_snapshot(&world.entries, at.index(world.entries.len() + 1));
        prop_assert_eq!(snapshot.state().image(), whole.state().image());
        prop_assert_eq!(acts(&mut snapshot, world.now), acts(&mut whole, world.now));
        prop_assert_eq!(snapshot.state().image(), whole.state().image());
    }
}

/// One call of a year.
#[derive(Clone, Debug)]
struct Call {
    hours_since_last: u64,
    seconds_to_end: u64,
    /// What the seven do: nothing, receive, accept, accept and go there, decline.
    replies: [u8; 7],
    corrected: bool,
    acknowledged: bool,
}

fn call() -> impl Strategy<Value = Call> {
    let what = (any::<[u8; 7]>(), any::<bool>(), any::<bool>());
    (1..100u64, 1..600u64, what).prop_map(
        |(hours_since_last, seconds_to_end, (replies, corrected, acknowledged))| Call {
            hours_since_last,
            seconds_to_end,
            replies,
            corrected,
            acknowledged,
        },
    )
}

fn run(world: &mut World, number: u32, call: &Call) {
    world.seconds(call.hours_since_last * 3_600);
    // The helpers of the world look through all records; those of past calls are of no use here.
    world.entries.drain(..world.entries.len() - 1);
    (1..=10).for_each(|n| world.at(n, f64::from(n) * 100.0));
    let mut first = report(number, 1);
    first.sent_at = world.now;
    world.reported(first);
    for (n, what) in (1..).zip(call.replies) {
        if !world.asked().contains(&n) {
            continue;
        }
        match what % 5 {
            0 => {}
            1 => world.receive(n),
            2 => world.reply(n, Reply::Accept),
            3 => {
                world.reply(n, Reply::Accept);
                world.reply(n, Reply::WithPatient);
            }
            _ => world.reply(n, Reply::Decline(dispatch_core::input::DeclineReason::Busy)),
        }
    }
    if call.corrected {
        let mut corrected = report(number, 2);
        corrected.sent_at = world.now;
        corrected.place = Some(Place {
            position: place(300.0),
            accuracy: Metres::new(0),
        });
        world.reported(corrected);
    }
    world.seconds(call.seconds_to_end);
    let mut last = ending(number, 3, EndCause::Closed);
    last.sent_at = world.now;
    world.end(last);
    if call.acknowledged {
        world.everyone_receives();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]
    #[test]
    fn a_year_of_calls_leaves_only_what_is_open_and_seven_days(calls in prop::collection::vec(call(), 175)) {
        const WEEK: Duration = Duration::from_secs(7 * 86_400);
        // An hour for directions, four for somebody who never says that they finished, and ten minutes.
        const SETTLES: Duration = Duration::from_secs(6 * 3_600);
        let mut world = World::new();
        (1..=10).for_each(|n| world.add(n, f64::from(n) * 100.0));
        let mut ended = Vec::new();
        for (number, call) in (1..).zip(&calls) {
            run(&mut world, number, call);
            ended.push(world.now);
            let within = |span| ended.iter().filter(|&&at| world.now.since(at) <= span).count();
            let image = world.dispatcher.state().image();
            prop_assert!(image.incidents.len() <= within(SETTLES));
            prop_assert!(image.alerts.len() <= 60 * within(SETTLES));
            prop_assert!(image.tombstones.len() <= within(WEEK + SETTLES));
            prop_assert!(image.answers.len() <= 3 * within(WEEK + SETTLES));
            prop_assert_eq!(image.cad_clocks.len(), 1);
            prop_assert!(image.messages_settled.len() <= 30);
        }
        world.seconds(6 * 3_600);
        let image = world.dispatcher.state().image();
        prop_assert_eq!((image.incidents.len(), image.alerts.len()), (0, 0));
        prop_assert_eq!(world.dispatcher.next_deadline(), None);
        prop_assert_eq!(world.dispatcher.state().ledger().open(), 0);
    }
}
