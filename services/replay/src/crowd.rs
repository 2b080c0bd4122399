//! Everybody who might help: where they live and are by day, how they travel, how willing they are; found by where they
//! may be.

use dispatch_core::{
    ids::{DeviceId, ResponderId},
    position::EARTH_RADIUS_M,
    responder::TravelMode,
    time::Timestamp,
};
use muster_people::{
    Person, Trait,
    habits::{Anchors, LocalSeconds},
    place::Place,
    population::Population,
    travel::{Mode, mode_of, speed_by},
};
use rand::RngExt as _;
use rstar::{RTree, primitives::GeomWithData};

use crate::study::{Resident, Study};

/// Of so many places drawn as homes are, one is taken for the day place, the nearer the likelier: a gravity model.
/// Assumption: 16 to draw from …
const DAY_PLACES_DRAWN: usize = 16;
/// … and the likelihood falls to a third with each so many metres: 8 km, about the usual commute in Britain.
const COMMUTE_M: f64 = 8_000.0;

/// One of the crowd.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Member {
    /// Whose draws these are.
    pub person: Person,
    /// Where they live and are by day.
    pub anchors: Anchors,
    /// By what means they come.
    pub mode: Mode,
    /// How fast, metres per second.
    pub speed_m_per_s: f64,
    /// The share of alerts they accept.
    pub willingness: f64,
}

/// Everybody, by number.
pub struct Crowd {
    members: Vec<Member>,
    /// Homes and day places on the unit sphere, where neither poles nor the antimeridian need care.
    anchors: RTree<GeomWithData<[f64; 3], u32>>,
}

impl Crowd {
    /// Draws everybody.
    pub fn of(study: &Study) -> Self {
        let homes: Vec<Place> = study.responders.iter().map(|resident| resident.home).collect();
        let member = |(number, resident): (usize, &Resident)| {
            let person = Person {
                seed: study.seed,
                number: number as u64,
            };
            let mode = resident.mode.unwrap_or_else(|| mode_of(person));
            let answers = &study.assumptions.answers;
            Member {
                person,
                anchors: Anchors {
                    home: resident.home,
                    day_place: day_place(person, resident.home, study.population.as_ref(), &homes),
                },
                mode,
                speed_m_per_s: speed_by(person, mode),
                willingness: answers.willingness_of(person, study.assumptions.willingness_concentration),
            }
        };
        let members: Vec<Member> = study.responders.iter().enumerate().map(member).collect();
        let anchors = (0..).zip(&members).flat_map(|(number, member): (u32, &Member)| {
            let places = [member.anchors.home, member.anchors.day_place];
            places.map(|place| GeomWithData::new(on_sphere(place), number))
        });
        let anchors = RTree::bulk_load(anchors.collect());
        Self { members, anchors }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// One of them.
    pub fn member(&self, number: u32) -> &Member {
        &self.members[number as usize]
    }

    /// The numbers of all who live or are by day within a distance, in order.
    pub fn anchored_near(&self, place: Place, within_m: f64) -> Vec<u32> {
        let chord = 2.0
            * (within_m / (2.0 * EARTH_RADIUS_M))
                .min(std::f64::consts::FRAC_PI_2)
                .sin();
        let near = self.anchors.locate_within_distance(on_sphere(place), chord * chord);
        let mut numbers: Vec<u32> = near.map(|anchor| anchor.data).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

impl Member {
    /// A moment by the sun over this person's home, so that a moment has one hour of the day for each person.
    pub fn local(&self, at: Timestamp) -> LocalSeconds {
        LocalSeconds(at.unix_ms().div_euclid(1000) + self.sun_shift_s())
    }

    /// The moment of an hour by the sun over this person's home.
    pub fn utc(&self, local: LocalSeconds) -> Timestamp {
        Timestamp::from_unix_ms((local.0 - self.sun_shift_s()) * 1000)
    }

    fn sun_shift_s(&self) -> i64 {
        // A day has 240 s for each degree.
        (self.anchors.home.longitude_deg() * 240.0).round() as i64
    }

    /// The way of travel as the register holds it.
    pub fn travel_mode(&self) -> TravelMode {
        match self.mode {
            Mode::Foot => TravelMode::Foot,
            Mode::Bicycle => TravelMode::Bicycle,
            Mode::Car => TravelMode::Car,
        }
    }
}

fn day_place(person: Person, home: Place, population: Option<&Population>, homes: &[Place]) -> Place {
    let mut stream = person.stream(Trait::DayPlace, 0);
    let mut drawn = Vec::with_capacity(DAY_PLACES_DRAWN);
    let mut weights = 0.0;
    for _ in 0..DAY_PLACES_DRAWN {
        let place = match population {
            Some(population) => population.somewhere(&mut stream),
            None => homes[stream.random_range(0..homes.len())],
        };
        weights += libm::exp(-home.distance_m(place) / COMMUTE_M);
        drawn.push((weights, place));
    }
    let draw = stream.random::<f64>() * weights;
    let taken = drawn.iter().find(|(up_to, _)| draw < *up_to);
    // All so far away that no weight is left: they stay at home.
    taken.map_or(home, |(_, place)| *place)
}

fn on_sphere(place: Place) -> [f64; 3] {
    let (latitude, longitude) = (place.latitude_deg().to_radians(), place.longitude_deg().to_radians());
    let round = latitude.cos();
    [round * longitude.cos(), round * longitude.sin(), latitude.sin()]
}

/// The identifier of a responder by number; in order of the numbers.
pub fn responder_id(number: u32) -> ResponderId {
    ResponderId::from_bytes(u128::from(number).to_be_bytes())
}

/// The identifier of their phone.
pub fn device_id(number: u32) -> DeviceId {
    DeviceId::from_bytes(u128::from(number).to_be_bytes())
}

/// The number of a responder by their identifier.
pub fn number_of(responder: ResponderId) -> u32 {
    let whole = u128::from_be_bytes(*responder.as_bytes());
    u32::try_from(whole).expect("identifiers are made of numbers here")
}
