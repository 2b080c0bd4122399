//! Who is registered: where they live, what phone they have, and what changes about them as the year goes by.

use dispatch_core::{
    ids::{DeviceId, ResponderId},
    input::Input,
    position::{Fix, Metres, Position},
    responder::{Purpose, Skill, TravelMode},
    time::Timestamp,
};
use muster_engine::{
    registry::{DeviceKind, Encoding},
    requests::{Enrolment, Registration, ResponderPatch},
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::calls::{START, tenant};

/// How many control rooms there are; each has a town of its own.
pub const TOWNS: usize = 2;
/// People registered for each square kilometre. Some 27 within the default policy's 1,200 m, of whom 7 are asked.
const PEOPLE_PER_KM2: f64 = 6.0;
const METRES_PER_DEGREE: f64 = 111_195.08;
/// People stay this close to home, in metres each way.
const STROLL_M: f64 = 200.0;
/// Share of people whose duty, name or phone changes within a day: an assumption, enough for the register to be written
/// several times over in a year.
const CHANGES_DUTY: f64 = 0.02;
const CHANGES_NAME: f64 = 0.001;
const CHANGES_PHONE: f64 = 0.003;
/// Share of phones that are out of reach for an hour.
const OUT_OF_REACH: f64 = 0.01;

/// A square of town.
pub struct Town {
    south: f64,
    west: f64,
    side_m: f64,
}

impl Town {
    /// The square of a town that shares `responders` people with the others.
    pub fn new(town: usize, responders: u32) -> Self {
        let people = f64::from(responders) / TOWNS as f64;
        Self {
            south: 51.5 + town as f64,
            west: -0.12 - 2.0 * town as f64,
            side_m: (people / PEOPLE_PER_KM2).sqrt() * 1_000.0,
        }
    }

    /// A place by shares of the side from the middle, and metres from there.
    pub fn position(&self, east: f64, north: f64, east_m: f64, north_m: f64) -> Position {
        let latitude = self.south + (north * self.side_m + north_m) / METRES_PER_DEGREE;
        let longitude = self.west + (east * self.side_m + east_m) / (METRES_PER_DEGREE * self.south.to_radians().cos());
        Position::from_degrees(latitude, longitude).expect("a town in England")
    }
}

/// A registered person.
pub struct Resident {
    /// Who.
    pub responder: ResponderId,
    /// Their phone of the moment.
    pub device: DeviceId,
    /// Which control room's.
    pub town: usize,
    home: (f64, f64),
    on_duty: bool,
    in_reach: bool,
}

/// A change to the register.
pub enum Change {
    /// Of a person.
    Update(ResponderPatch),
    /// The phone is replaced.
    NewPhone,
}

impl Resident {
    /// A person as registered.
    pub fn new(responder: ResponderId, device: DeviceId, town: usize, chance: &mut ChaCha8Rng) -> Self {
        Self {
            responder,
            device,
            town,
            home: (chance.random_range(-0.5..0.5), chance.random_range(-0.5..0.5)),
            on_duty: true,
            in_reach: true,
        }
    }

    /// Where the phone says that it is.
    pub fn fix(&self, responders: u32, now: Timestamp, chance: &mut ChaCha8Rng) -> Input {
        let (east_m, north_m) = (
            chance.random_range(-STROLL_M..STROLL_M),
            chance.random_range(-STROLL_M..STROLL_M),
        );
        let position = Town::new(self.town, responders).position(self.home.0, self.home.1, east_m, north_m);
        let fix = Fix {
            position,
            accuracy: Metres::new(15),
            taken_at: now,
        };
        Input::Fix {
            device: self.device,
            fix,
        }
    }

    /// The phone goes out of reach or comes back, as the hour has it.
    pub fn presence(&mut self, chance: &mut ChaCha8Rng) -> Option<Input> {
        let device = self.device;
        let in_reach = !chance.random_bool(OUT_OF_REACH);
        if std::mem::replace(&mut self.in_reach, in_reach) == in_reach {
            return None;
        }
        Some(match in_reach {
            true => Input::DeviceOnline { device },
            false => Input::DeviceOffline { device },
        })
    }

    /// What changes about the person today.
    pub fn change(&mut self, day: u64, chance: &mut ChaCha8Rng) -> Option<Change> {
        let draw: f64 = chance.random_range(0.0..1.0);
        let mut patch = ResponderPatch::default();
        if draw < CHANGES_PHONE {
            return Some(Change::NewPhone);
        } else if draw < CHANGES_PHONE + CHANGES_NAME {
            patch.name = Some(format!("Somebody Else {day}"));
        } else if draw < CHANGES_PHONE + CHANGES_NAME + CHANGES_DUTY {
            self.on_duty = !self.on_duty;
            patch.on_duty = Some(self.on_duty);
        } else {
            return None;
        }
        Some(Change::Update(patch))
    }

    /// The person's next phone.
    pub fn enrolment(&self) -> Enrolment {
        enrolment(self.town, self.responder)
    }
}

/// Which town a person lives in.
pub fn town_of(number: u32) -> usize {
    number as usize % TOWNS
}

/// The `number`-th person to register.
pub fn registration(number: u32) -> Registration {
    Registration {
        tenant: tenant(town_of(number)),
        external_ref: format!("R{number:06}"),
        name: format!("Somebody {number}"),
        skills: Skill::new("cpr").into_iter().collect(),
        // Nobody's credential expires within the longest run.
        credential_valid_until: START + std::time::Duration::from_secs(100 * 365 * 86_400),
        travel_mode: TravelMode::Foot,
        on_duty: true,
        quiet_hours: None,
    }
}

/// A phone for a person.
pub fn enrolment(town: usize, responder: ResponderId) -> Enrolment {
    Enrolment {
        tenant: tenant(town),
        responder,
        kind: DeviceKind::Muster,
        encoding: Encoding::Binary,
        purpose: Purpose::Live,
    }
}
