//! Any history: what control rooms, phones and time may do, in any order.

use std::time::Duration;

use dispatch_core::{
    aeds::{Access, Aed, AedState, Locality, OpeningHours},
    attendance::AbortReason,
    ids::AedId,
    incident::EndCause,
    input::{DeclineReason, DeliveryStage, Input, Place, Reply},
    position::Metres,
};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
pub enum Event {
    Report(u32, u32, bool),
    End(u32, u32, EndCause),
    Reply(u8, Reply),
    Receive(u8, DeliveryStage),
    Online(u8),
    Offline(u8),
    Move(u8, f64),
    Duty(u8, bool, bool),
    /// A defibrillator so many metres north, or one struck off.
    Aed(u8, f64, bool),
    Pass(u64),
    Crash,
}

pub fn event() -> impl Strategy<Value = Event> {
    let reply = prop_oneof![
        5 => Just(Reply::Accept),
        3 => Just(Reply::Decline(DeclineReason::Busy)),
        1 => Just(Reply::EnRoute),
        1 => Just(Reply::AtScene),
        1 => Just(Reply::WithPatient),
        1 => Just(Reply::Finished),
        1 => Just(Reply::Abort(AbortReason::CannotContinue)),
        1 => Just(Reply::NeedHelp),
    ];
    let stage = prop_oneof![
        Just(DeliveryStage::Failed),
        Just(DeliveryStage::BrokerAcked),
        Just(DeliveryStage::Received),
        Just(DeliveryStage::Shown)
    ];
    let cause = prop_oneof![
        Just(EndCause::Cancelled),
        Just(EndCause::CrewOnScene),
        Just(EndCause::Closed)
    ];
    let pass = prop_oneof![
        20 => (0..20_000u64).prop_map(Event::Pass),
        // Long enough for directions to lapse and incidents to be forgotten; rare, since searches go on meanwhile.
        1 => (0..4_500_000u64).prop_map(Event::Pass),
    ];
    prop_oneof![
        4 => (1..4u32, 1..5u32, any::<bool>()).prop_map(|(n, r, moved)| Event::Report(n, r, moved)),
        1 => (1..4u32, 1..7u32, cause).prop_map(|(n, r, c)| Event::End(n, r, c)),
        12 => (1..13u8, reply).prop_map(|(n, r)| Event::Reply(n, r)),
        8 => (1..13u8, stage).prop_map(|(n, s)| Event::Receive(n, s)),
        2 => (1..13u8).prop_map(Event::Online),
        1 => (1..13u8).prop_map(Event::Offline),
        3 => (1..13u8, 0.0..2_000.0f64).prop_map(|(n, m)| Event::Move(n, m)),
        1 => (1..13u8, any::<bool>(), any::<bool>()).prop_map(|(n, d, s)| Event::Duty(n, d, s)),
        1 => (1..5u8, 0.0..2_000.0f64, any::<bool>()).prop_map(|(n, m, gone)| Event::Aed(n, m, gone)),
        6 => pass,
        1 => Just(Event::Crash),
    ]
}

fn aed(n: u8, north: f64) -> Aed {
    let uk = Locality::new("GB", "Europe/London").unwrap();
    Aed {
        aed: AedId::from_bytes([n; 16]),
        tenant: TenantId::new("london").unwrap(),
        position: place(north),
        accuracy: Metres::new(5),
        access: Access::Public,
        opening: OpeningHours::new("Mo-Fr 09:00-17:00", uk),
        indoor: Some(true),
        level: None,
        state: AedState::Available,
        confirmed_at: None,
    }
}

pub fn happen(world: &mut World, event: &Event) {
    match event.clone() {
        Event::Report(n, revision, moved) => {
            let mut report = report(n, revision);
            report.sent_at = world.now;
            if moved {
                let north = f64::from(revision) * 300.0;
                report.place = Some(Place {
                    position: place(north),
                    accuracy: Metres::new(71),
                });
                report.request.id = Reference::new(&format!("moved-{n}-{revision}")).unwrap();
            }
            drop(world.report(report));
        }
        Event::End(n, revision, cause) => {
            let mut ending = ending(n, revision, cause);
            ending.request.id = Reference::new(&format!("end-{n}-{revision}-{cause:?}")).unwrap();
            drop(world.end(ending));
        }
        Event::Reply(n, reply) if world.asked().contains(&n) => world.reply(n, reply),
        Event::Receive(n, stage) if world.asked().contains(&n) => {
            let (alert, version) = (world.alert_of(n).plan.alert, world.alert_of(n).message.version);
            world.input(Input::Delivery {
                device: device(n),
                alert,
                version,
                stage,
            });
        }
        Event::Reply(..) | Event::Receive(..) => {}
        Event::Online(n) => world.input(Input::DeviceOnline { device: device(n) }),
        Event::Offline(n) => world.input(Input::DeviceOffline { device: device(n) }),
        Event::Move(n, north) => world.at(n, north),
        Event::Duty(n, on_duty, suspended) => {
            let mut profile = profile(n);
            (profile.on_duty, profile.suspended) = (on_duty, suspended && !on_duty);
            world.input(Input::PutResponder { profile });
        }
        Event::Aed(n, _, true) => world.input(Input::RemoveAed { aed: aed(n, 0.0).aed }),
        Event::Aed(n, north, false) => world.input(Input::PutAed { aed: aed(n, north) }),
        Event::Pass(ms) => world.pass(Duration::from_millis(ms)),
        Event::Crash => world.crash_and_restart(),
    }
}
