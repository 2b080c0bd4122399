//! The memory budget of a registered, located person with a phone, and that a position allocates nothing; measured with
//! a counting allocator.
#![allow(clippy::unwrap_used)]

use std::{alloc::System, time::Duration};

use dispatch_core::{
    dispatcher::Dispatcher,
    ids::{DeviceId, ResponderId, TenantId},
    input::Input,
    policy::PolicyBook,
    position::{Fix, Metres, Position},
    responder::{Device, Purpose, ResponderProfile, Skill, TravelMode},
    time::Timestamp,
};
use muster_engine::registry::{DeviceAccess, DeviceKind, Directory, Encoding, RegistryChange, ResponderRow};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Enough for the shares of tables and trees to settle.
const PEOPLE: u32 = 100_000;
/// Bytes that the core may take for each: profile, phone, position, their entries in ordered maps, and the live index.
const CORE_BUDGET: usize = 448;
/// Bytes that the directory may take for each: name and reference, the phone's access, and the ways to find them.
const DIRECTORY_BUDGET: usize = 768;

const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// Bytes that look random (splitmix64, Steele and others 2014), as ids do.
fn bytes(number: u32) -> [u8; 16] {
    let half = |salt: u64| {
        let mut x = (u64::from(number) + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (x ^ (x >> 27)).to_le_bytes()
    };
    let mut all = [0; 16];
    all[..8].copy_from_slice(&half(1));
    all[8..].copy_from_slice(&half(1 << 40));
    all
}

fn row(number: u32, tenant: &TenantId) -> ResponderRow {
    ResponderRow {
        external_ref: format!("staff/{number}"),
        name: format!("Responder {number}"),
        profile: ResponderProfile {
            responder: ResponderId::from_bytes(bytes(number)),
            tenant: tenant.clone(),
            skills: ["cpr", "aed"].map(|name| Skill::new(name).unwrap()).into(),
            credential_valid_until: NOW + Duration::from_secs(86_400),
            travel_mode: TravelMode::Foot,
            on_duty: true,
            suspended: false,
            quiet_hours: None,
        },
    }
}

fn access(number: u32, tenant: &TenantId) -> DeviceAccess {
    DeviceAccess {
        device: Device {
            device: DeviceId::from_bytes(bytes(number)),
            responder: ResponderId::from_bytes(bytes(number)),
            purpose: Purpose::Live,
            alertable: true,
        },
        tenant: tenant.clone(),
        kind: DeviceKind::Muster,
        encoding: Encoding::Json,
        topic_id: format!("{number:032x}"),
        secret_hash: [7; 32],
    }
}

/// A fix of a person, 60 m further east in every odd round: some stay in their plot of the index, others do not.
fn fix(number: u32, round: u32) -> Input {
    let (row, column) = (f64::from(number / 400), f64::from(number % 400));
    let east = 0.000_87 * f64::from(round % 2);
    Input::Fix {
        device: DeviceId::from_bytes(bytes(number)),
        fix: Fix {
            position: Position::from_degrees(51.3 + row * 0.001_6, -0.5 + column * 0.002_5 + east).unwrap(),
            accuracy: Metres::new(8),
            taken_at: NOW + Duration::from_secs(round.into()),
        },
    }
}

fn bytes_each(region: &Region<'_, System>) -> usize {
    let change = region.change();
    (change.bytes_allocated - change.bytes_deallocated) / PEOPLE as usize
}

#[test]
fn a_person_stays_within_the_budget_and_a_position_allocates_nothing() {
    let tenant = TenantId::new("london").unwrap();
    let directory = Directory::default();
    let region = Region::new(ALLOCATOR);
    for number in 0..PEOPLE {
        directory.apply(RegistryChange::PutResponder(row(number, &tenant)));
        directory.apply(RegistryChange::PutDevice(access(number, &tenant)));
    }
    let directory_bytes = bytes_each(&region);

    let region = Region::new(ALLOCATOR);
    let mut dispatcher = Dispatcher::new(PolicyBook::default());
    for number in 0..PEOPLE {
        let profile = directory
            .responder(ResponderId::from_bytes(bytes(number)))
            .unwrap()
            .profile;
        dispatcher.recover_person(profile);
        dispatcher.recover_device(access(number, &tenant).device);
        dispatcher.handle(fix(number, 0), NOW);
    }
    let core_bytes = bytes_each(&region);
    assert!(
        core_bytes <= CORE_BUDGET && directory_bytes <= DIRECTORY_BUDGET,
        "core {core_bytes}, directory {directory_bytes} bytes each"
    );

    // Everybody there and back, so that the index has room for both; then the same again.
    let mut allocated = 0;
    for round in 1..=4 {
        let region = Region::new(ALLOCATOR);
        for number in 0..PEOPLE {
            dispatcher.handle(fix(number, round), NOW + Duration::from_secs(round.into()));
        }
        allocated = region.change().allocations;
    }
    assert_eq!(dispatcher.state().positions().taken, u64::from(PEOPLE) * 5);
    assert_eq!(allocated, 0, "allocations for {PEOPLE} positions");
}
