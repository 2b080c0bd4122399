//! People, defibrillators and incidents about one place.

use std::time::Duration;

use dispatch_core::{
    aeds::{Access, Aed, AedState, Locality, OpeningHours},
    choose::{Chooser, Streets},
    dispatcher::Dispatcher,
    ids::{AedId, CallDate, DeviceId, IncidentKey, Reference, ResponderId, TenantId},
    incident::{Incident, IncidentKind, IncidentState, Reported},
    index::Handle,
    input::{Input, Place},
    policy::{Policy, PolicyBook},
    position::{Fix, Metres, Position},
    record::Decision,
    responder::{Device, Purpose, ResponderProfile, Skill, TravelMode},
    scene::{Scene, SceneRule},
    time::Timestamp,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::Arguments;

const START: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);
/// People stand this far from the middle at most, and incidents are this near to it: within 2 km of each other.
const PEOPLE_WITHIN_M: f64 = 1_690.0;
const INCIDENTS_WITHIN_M: f64 = 300.0;
/// Metres in a degree of latitude.
const METRES_PER_DEGREE: f64 = 111_195.0;

/// The core with everybody in it.
pub struct Town {
    dispatcher: Dispatcher,
    policy: Policy,
    middle: Position,
    homes: Vec<Position>,
    now: Timestamp,
}

/// A point that is surely on the globe.
pub fn position(latitude: f64, longitude: f64) -> Position {
    Position::from_degrees(latitude, longitude).expect("near a map")
}

impl Town {
    /// People and defibrillators scattered evenly about a place.
    pub fn new(middle: Position, arguments: &Arguments, dice: &mut ChaCha8Rng) -> Self {
        let Arguments { people, aeds, .. } = *arguments;
        let policy = Policy {
            candidates_max: 10_000,
            ..Policy::default()
        };
        let book = PolicyBook::new(policy.clone()).expect("the default with more candidates is valid");
        let mut town = Self {
            dispatcher: Dispatcher::new(book),
            policy,
            middle,
            homes: (0..people).map(|_| scattered(middle, PEOPLE_WITHIN_M, dice)).collect(),
            now: START,
        };
        for person in 0..people {
            town.dispatcher.recover_person(profile(person, arguments.bicycles));
            town.dispatcher.recover_device(device(person));
        }
        for aed in 0..aeds {
            let aed = aed_at(aed, scattered(middle, PEOPLE_WITHIN_M, dice));
            town.handle(Input::PutAed { aed });
        }
        town.handle(Input::Started);
        town
    }

    fn handle(&mut self, input: Input) {
        self.dispatcher.handle(input, self.now);
        while self.dispatcher.poll_command().is_some() {}
    }

    /// Everybody takes a few steps in one direction from home.
    pub fn move_everybody(&mut self, bearing_deg: f64) {
        self.now = self.now + Duration::from_secs(60);
        for person in 0..u32::try_from(self.homes.len()).expect("at most 10,000") {
            let fix = Fix {
                position: towards(self.homes[person as usize], bearing_deg, 10.0),
                accuracy: Metres::new(15),
                taken_at: self.now,
            };
            let device = device(person).device;
            self.handle(Input::Fix { device, fix });
        }
    }

    /// Looks up where on the streets everybody is, as the service does with each position.
    pub fn locate_everybody(&self, streets: &mut Streets) {
        let roster = self.dispatcher.state();
        for number in 0..u32::try_from(self.homes.len()).expect("at most 10,000") {
            let (position, mode) = roster.whereabouts(Handle(number)).expect("everybody moved");
            streets.locate(Handle(number), position, mode);
        }
    }

    /// An incident about the middle that nobody was asked for yet.
    pub fn incident(&self, number: u32, dice: &mut ChaCha8Rng) -> Incident {
        let key = IncidentKey {
            tenant: tenant(),
            cad_system: Reference::new("cad").expect("a reference"),
            cad_incident_number: Reference::new(&number.to_string()).expect("digits"),
            call_date: CallDate::parse("2026-09-21").expect("a date"),
        };
        Incident {
            id: key.id(),
            key,
            revision: 1,
            reported: Some(Reported {
                kind: IncidentKind::new("cardiac_arrest").expect("a kind"),
                purpose: Purpose::Live,
                place: Some(Place {
                    position: scattered(self.middle, INCIDENTS_WITHIN_M, dice),
                    accuracy: Metres::new(10),
                }),
                scene: Scene::default(),
                ambulance_at: Some(self.now + Duration::from_secs(480)),
                call_out: None,
                revision: 1,
            }),
            state: IncidentState::Searching,
            received_at: self.now,
            search_began_at: Some(self.now),
            told_could_not_alert: false,
            waves: 0,
            alerts: Vec::new(),
            settled_at: None,
        }
    }

    /// What is measured.
    pub fn choose(&self, incident: &Incident, streets: &mut Streets) -> Decision {
        let reported = incident.reported.as_ref().expect("made with a report");
        let chooser = Chooser {
            state: self.dispatcher.state(),
            policy: &self.policy,
            policy_number: 1,
            region: SceneRule::Everybody,
            incident,
            reported,
            place: reported.place.expect("made with a place"),
            now: self.now,
        };
        chooser.choose(Some(streets), self.policy.alert_count)
    }
}

fn scattered(middle: Position, within_m: f64, dice: &mut ChaCha8Rng) -> Position {
    let distance_m = within_m * dice.random::<f64>().sqrt();
    towards(middle, dice.random_range(0.0..360.0), distance_m)
}

fn towards(from: Position, bearing_deg: f64, metres: f64) -> Position {
    let (east, north) = bearing_deg.to_radians().sin_cos();
    let latitude = from.latitude() + metres * north / METRES_PER_DEGREE;
    let longitude = from.longitude() + metres * east / METRES_PER_DEGREE / from.latitude().to_radians().cos();
    position(latitude, longitude)
}

fn tenant() -> TenantId {
    TenantId::new("london").expect("a name")
}

fn bytes(number: u32) -> [u8; 16] {
    let scattered = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    scattered.to_le_bytes()
}

fn profile(person: u32, bicycles: u32) -> ResponderProfile {
    ResponderProfile {
        responder: ResponderId::from_bytes(bytes(person)),
        tenant: tenant(),
        skills: [Skill::new("cpr").expect("a skill")].into(),
        credential_valid_until: START + TEN_YEARS,
        travel_mode: if person % 10 < bicycles {
            TravelMode::Bicycle
        } else {
            TravelMode::Foot
        },
        on_duty: true,
        suspended: false,
        quiet_hours: None,
    }
}

fn device(person: u32) -> Device {
    Device {
        device: DeviceId::from_bytes(bytes(person)),
        responder: ResponderId::from_bytes(bytes(person)),
        purpose: Purpose::Live,
        alertable: true,
    }
}

fn aed_at(number: u32, position: Position) -> Aed {
    let gb = Locality::new("GB", "Europe/London").expect("known");
    Aed {
        aed: AedId::from_bytes(bytes(1_000_000 + number)),
        tenant: tenant(),
        position,
        accuracy: Metres::new(20),
        access: Access::Public,
        opening: OpeningHours::new("24/7", gb),
        indoor: None,
        level: None,
        state: AedState::Available,
        confirmed_at: None,
    }
}
