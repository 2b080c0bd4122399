//! The way each person really has: straight to the patient, and by the two best defibrillators.
//!
//! Along streets where a graph is loaded and both ends lie near one that is open to the person's way of travelling; a
//! straight line otherwise, which the choice lengthens by the policy's detour.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    ids::AedId,
    index::Handle,
    position::{Metres, Origin, Position},
    record::{AedWay, Candidate, Verdict},
    responder::TravelMode,
    roads::{self, RoadGraph, Snap, ToPatient, ToPatientScratch, ViaAeds, ViaAedsScratch},
    roster::NearPerson,
};

/// Streets are searched this much farther than the straight line reaches, thousandths, and no farther than is of any use.
/// Whoever has no way as short as that (across a river, a railway) is taken to have this far to go, which is more than
/// anybody is asked for.
const SEARCH_PERMILLE: u64 = 1_500;

/// The street graph with what its searches work with, kept between choices.
pub struct Streets {
    graph: Arc<RoadGraph>,
    to_patient: ToPatientScratch,
    via_aeds: ViaAedsScratch,
    /// Where people are on the streets, by their place in the roster; looked up as they move, and when a choice finds
    /// somebody who was not, as after a start.
    people: Vec<Option<Snapped>>,
    /// Where those near the incident are, in their order; room that is used again.
    snaps: Vec<Option<Snap>>,
    /// Of those whose place has to be looked up, a number by which neighbours follow each other, and their place among
    /// those near.
    moved: Vec<(u64, usize)>,
    aeds: BTreeMap<(AedId, Network), Snapped>,
}

/// A position on the streets of one network, for as long as that position is the newest.
#[derive(Clone, Copy)]
struct Snapped {
    position: Position,
    network: Network,
    snap: Option<Snap>,
}

impl Snapped {
    fn is_at(&self, position: Position, network: Network) -> bool {
        self.position == position && self.network == network
    }
}

/// Ways of travelling that use the same streets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    Foot,
    Bicycle,
    Car,
}

impl Network {
    const ALL: [Self; 3] = [Self::Foot, Self::Bicycle, Self::Car];

    fn of(mode: TravelMode) -> Self {
        match mode {
            TravelMode::Unknown | TravelMode::Foot => Self::Foot,
            TravelMode::Bicycle => Self::Bicycle,
            TravelMode::Car => Self::Car,
        }
    }

    fn mode(self) -> TravelMode {
        match self {
            Self::Foot => TravelMode::Foot,
            Self::Bicycle => TravelMode::Bicycle,
            Self::Car => TravelMode::Car,
        }
    }
}

/// A defibrillator that may be fetched.
#[derive(Clone, Copy, Debug)]
pub struct OpenAed {
    /// Which.
    pub aed: AedId,
    /// Where.
    pub position: Position,
    /// How likely it is to be there and within reach, thousandths.
    pub chance_permille: u16,
}

/// What is measured.
pub struct Errand<'a> {
    /// Where the patient is.
    pub place: Position,
    /// How far people are looked for in a straight line.
    pub radius: Metres,
    /// Ways longer than this are of no use, if anything is known of that.
    pub longest: Option<Metres>,
    /// Length of a way over the straight line, thousandths, where no streets are known.
    pub detour_permille: u32,
    /// The people.
    pub near: &'a [NearPerson<'a>],
    /// The defibrillators.
    pub aeds: &'a [OpenAed],
}

impl Errand<'_> {
    /// Fills in the ways of all but those who are too far already: the street to the patient, if known, and the best two by
    /// a defibrillator. The candidates are the people, in their order.
    pub fn measure(&self, streets: Option<&mut Streets>, candidates: &mut [Candidate]) {
        if let Some(streets) = streets {
            for network in Network::ALL {
                streets.measure(self, network, candidates);
            }
        }
        if !self.aeds.is_empty() {
            self.fill_with_straight_lines(candidates);
        }
    }

    /// The defibrillators of those whose street is not known.
    fn fill_with_straight_lines(&self, candidates: &mut [Candidate]) {
        let patient = Origin::of(self.place);
        let aeds = self.aeds.iter().enumerate();
        let mut aeds: Vec<(Metres, usize)> = aeds
            .map(|(index, aed)| (patient.distance_to(aed.position), index))
            .collect();
        aeds.sort_unstable();
        for (near, candidate) in self.near.iter().zip(candidates) {
            if candidate.way.is_none() && !is_too_far(candidate) {
                candidate.aeds = self.by_straight_line(near, &aeds);
            }
        }
    }

    fn by_straight_line(&self, near: &NearPerson<'_>, aeds: &[(Metres, usize)]) -> [Option<AedWay>; 2] {
        let person = Origin::of(near.fix.position);
        let mut best: [Option<(Metres, usize)>; 2] = [None; 2];
        for &(to_patient, index) in aeds {
            // Those after this one are farther from the patient still.
            if best[1].is_some_and(|(second, _)| to_patient >= second) {
                break;
            }
            let mm = person.distance_to(self.aeds[index].position).mm() + to_patient.mm();
            let way = (Metres::from_mm(mm), index);
            if best[0].is_none_or(|first| way < first) {
                best = [Some(way), best[0]];
            } else if best[1].is_none_or(|second| way < second) {
                best[1] = Some(way);
            }
        }
        let lengthened = |(way, index): (Metres, usize)| {
            let mm = way.mm() * u64::from(self.detour_permille) / 1_000;
            self.aed_way(index, Metres::from_mm(mm))
        };
        best.map(|best| best.map(lengthened))
    }

    /// How far streets are searched.
    fn search_bound(&self) -> Metres {
        let far = Metres::from_mm(self.radius.mm() * SEARCH_PERMILLE / 1_000);
        self.longest.map_or(far, |longest| longest.min(far))
    }

    fn aed_way(&self, index: usize, way: Metres) -> AedWay {
        AedWay {
            aed: self.aeds[index].aed,
            way,
            chance_permille: self.aeds[index].chance_permille,
        }
    }
}

impl Streets {
    /// Streets of a graph that nothing was searched on yet.
    pub fn new(graph: Arc<RoadGraph>) -> Self {
        Self {
            graph,
            to_patient: ToPatientScratch::default(),
            via_aeds: ViaAedsScratch::default(),
            people: Vec::new(),
            snaps: Vec::new(),
            moved: Vec::new(),
            aeds: BTreeMap::new(),
        }
    }

    /// Names the graph in a decision.
    pub fn digest(&self) -> [u8; 32] {
        *self.graph.digest()
    }

    /// Looks up where on the streets somebody is.
    pub fn locate(&mut self, handle: Handle, position: Position, mode: TravelMode) {
        let (place, network) = (handle.0 as usize, Network::of(mode));
        if self.people.len() <= place {
            self.people.resize(place + 1, None);
        }
        if self.people[place].is_some_and(|known| known.is_at(position, network)) {
            return;
        }
        self.people[place] = Some(Snapped {
            position,
            network,
            snap: self.graph.snap(position, mode),
        });
    }

    /// Fills in the ways of those who travel by one network.
    fn measure(&mut self, errand: &Errand<'_>, network: Network, candidates: &mut [Candidate]) {
        let travels = |near: &NearPerson<'_>| Network::of(near.mode) == network;
        if !errand.near.iter().any(travels) {
            return;
        }
        let Some(patient) = self.graph.snap(errand.place, network.mode()) else {
            return;
        };
        let graph = Arc::clone(&self.graph);
        let bound = errand.search_bound();
        let to_patient = ToPatient::search(&graph, &mut self.to_patient, network.mode(), &patient, bound);
        let fetched = fetched(&graph, &mut self.aeds, errand, network, &to_patient, &patient);
        let ways: Vec<roads::AedWay> = fetched.iter().map(|(_, way)| *way).collect();
        // What is the same for everybody who goes by one of them.
        let aed = |(index, _): &(usize, _)| errand.aed_way(*index, Metres::default());
        let kinds: Vec<AedWay> = fetched.iter().map(aed).collect();
        let via = ViaAeds::search(&graph, &mut self.via_aeds, network.mode(), &ways, bound);
        look_up(
            &graph,
            errand,
            candidates,
            network,
            &mut self.people,
            &mut self.moved,
            &mut self.snaps,
        );
        for (snap, candidate) in self.snaps.iter().zip(candidates) {
            let Some(snap) = snap else {
                continue;
            };
            let off = snap.off_street().mm();
            let way = to_patient.distance_from(snap).unwrap_or(bound);
            candidate.way = Some(Metres::from_mm(way.mm() + off + patient.off_street().mm()));
            let best = via.best_two_from(snap);
            if best[0].is_some() {
                for (known, best) in candidate.aeds.iter_mut().zip(best) {
                    *known = best.map(|(place, way)| AedWay {
                        way: Metres::from_mm(way.mm() + off),
                        ..kinds[place]
                    });
                }
            }
        }
    }
}

/// The defibrillators from which the patient can be reached, by their place among those of the errand.
fn fetched(
    graph: &RoadGraph,
    known: &mut BTreeMap<(AedId, Network), Snapped>,
    errand: &Errand<'_>,
    network: Network,
    to_patient: &ToPatient<'_>,
    patient: &Snap,
) -> Vec<(usize, roads::AedWay)> {
    let way = |(index, aed): (usize, &OpenAed)| {
        let fresh = || Snapped {
            position: aed.position,
            network,
            snap: graph.snap(aed.position, network.mode()),
        };
        let snapped = known.entry((aed.aed, network)).or_insert_with(fresh);
        if !snapped.is_at(aed.position, network) {
            *snapped = fresh();
        }
        let snap = snapped.snap?;
        // In to the defibrillator and out again, and in to the patient.
        let steps = 2 * snap.off_street().mm() + patient.off_street().mm();
        let to_patient = Metres::from_mm(to_patient.distance_from(&snap)?.mm() + steps);
        Some((index, roads::AedWay { snap, to_patient }))
    };
    errand.aeds.iter().enumerate().filter_map(way).collect()
}

/// Whether somebody cannot beat the ambulance even in a straight line.
fn is_too_far(candidate: &Candidate) -> bool {
    candidate.verdict == Verdict::AmbulanceSooner
}

/// Where those near the incident who travel by a network are on its streets; `None` for all others.
///
/// First whoever has not moved, in a loop so short that the processor waits for the memory of many people at once; then
/// those who have, neighbours after each other, so that they find what they look at in its cache.
fn look_up(
    graph: &RoadGraph,
    errand: &Errand<'_>,
    candidates: &[Candidate],
    network: Network,
    people: &mut Vec<Option<Snapped>>,
    moved: &mut Vec<(u64, usize)>,
    snaps: &mut Vec<Option<Snap>>,
) {
    let highest = errand.near.iter().map(|near| near.handle.0 as usize + 1).max();
    people.resize(people.len().max(highest.unwrap_or(0)), None);
    moved.clear();
    snaps.clear();
    for (place, (near, candidate)) in errand.near.iter().zip(candidates).enumerate() {
        let travels = Network::of(near.mode) == network && !is_too_far(candidate);
        let known = people[near.handle.0 as usize];
        let known = known.filter(|known| known.is_at(near.fix.position, network));
        if travels && known.is_none() {
            moved.push((roads::neighbourhood(near.fix.position), place));
        }
        snaps.push(known.filter(|_| travels).and_then(|known| known.snap));
    }
    moved.sort_unstable();
    let mut stripe = Origin::of(errand.place).parallels();
    for &(_, place) in &*moved {
        let near = &errand.near[place];
        let position = near.fix.position;
        let snap = graph.snap_beside(position, network.mode(), &mut stripe);
        people[near.handle.0 as usize] = Some(Snapped {
            position,
            network,
            snap,
        });
        snaps[place] = snap;
    }
}
