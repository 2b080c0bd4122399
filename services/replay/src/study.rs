//! What is studied: incidents that happened, people who might have helped, defibrillators, and the policies to compare.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dispatch_core::{
    aeds::Aed,
    incident::IncidentKind,
    policy::{InvalidPolicy, Policy},
    position::{Metres, Position},
    roads::RoadGraph,
    survival::SurvivalCurve,
    time::Timestamp,
};
use muster_people::{place::Place, population::Population, travel::Mode};

use crate::{
    assumptions::Assumptions,
    findings::Findings,
    journey::{Detour, Ways},
    world,
};

/// Most policies in one study: more lines than this cannot be told apart on a page.
pub const POLICIES_MAX: usize = 24;
/// Most incidents in one study: a year of a nation.
pub const INCIDENTS_MAX: usize = 1_000_000;
/// Most responders in one study: each lives in the memory of every policy's core.
pub const RESPONDERS_MAX: usize = 1_000_000;

/// A study, ready to run.
pub struct Study {
    /// What happened, in order of time.
    pub incidents: Vec<PastIncident>,
    /// Who might have helped. Their place in this list is who they are.
    pub responders: Vec<Resident>,
    /// Where people are by day is drawn from it; `None` = from the homes of the responders.
    pub population: Option<Population>,
    /// Defibrillators and ways.
    pub map: Map,
    /// The policies to compare; the first is what the others are compared with.
    pub policies: Vec<Policy>,
    /// By which curve survival is modelled, by its name; the others stand beside it.
    pub curve: &'static str,
    /// How people, ambulances and patients are taken to be.
    pub assumptions: Assumptions,
    /// Decides every draw.
    pub seed: u64,
}

/// An incident that happened.
#[derive(Clone, PartialEq, Debug)]
pub struct PastIncident {
    /// Its number in the study, such as its line in a file: what chance decides about it hangs on this alone.
    pub number: u64,
    /// When it was reported.
    pub at: Timestamp,
    /// Where; taken to be where the patient really was.
    pub position: Position,
    /// Radius of uncertainty that the report gave.
    pub accuracy: Metres,
    /// The kind of emergency.
    pub kind: IncidentKind,
    /// From the report to the ambulance's arrival, if known.
    pub ambulance: Option<Duration>,
}

/// Somebody who might have helped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Resident {
    /// Where they live.
    pub home: Place,
    /// How they travel; `None` = drawn.
    pub mode: Option<Mode>,
}

/// What is around: defibrillators that responders may be sent to, and how long ways are.
pub struct Map {
    /// Defibrillators.
    pub aeds: Vec<AedSite>,
    /// How long ways are.
    pub ways: Box<dyn Ways>,
    /// The streets that the core measures along; `None` = straight lines.
    pub streets: Option<Arc<RoadGraph>>,
}

impl Default for Map {
    /// No defibrillators; ways by [`Detour`].
    fn default() -> Self {
        Self {
            aeds: Vec::new(),
            ways: Box::new(Detour),
            streets: None,
        }
    }
}

/// A defibrillator.
#[derive(Clone, PartialEq, Debug)]
pub struct AedSite {
    /// As the core's register has it.
    pub aed: Aed,
    /// Where it is.
    pub place: Place,
}

impl AedSite {
    /// A defibrillator of the laboratory's control room.
    pub fn new(aed: Aed) -> Self {
        let (latitude, longitude) = (aed.position.latitude(), aed.position.longitude());
        Self {
            place: Place::new(latitude, longitude).expect("a position is on the globe"),
            aed: Aed {
                tenant: world::tenant(),
                ..aed
            },
        }
    }

    /// Its opening hours are known, so that nobody is sent to it when it is closed.
    pub fn hours_known(&self) -> bool {
        self.aed.opening.is_some()
    }
}

/// A study that cannot be run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidStudy {
    /// Too few or too many of something.
    #[error("{what}: {found} given; accepted are {least} to {most}")]
    Number {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
    /// Two policies could not be told apart.
    #[error("policies: the name '{0}' is there twice; accepted are different names")]
    SameName(String),
    /// A curve that is not published here.
    #[error(
        "survival curve: '{0}' is not known; accepted are larsen_1993, waalewijn_2001, valenzuela_1997, de_maio_2003"
    )]
    Curve(String),
    /// Incidents out of order or two of one number.
    #[error("incidents: number {0} is out of order or there twice; accepted are different numbers in order of time")]
    Order(u64),
    /// A policy that cannot be used.
    #[error("a policy cannot be used")]
    Policy(#[source] InvalidPolicy),
}

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Incidents lived through, under all policies.
    pub done: usize,
    /// Of so many.
    pub of: usize,
}

impl Study {
    /// Checks that the study can be run.
    ///
    /// # Errors
    /// Names the first thing that is wrong.
    pub fn check(&self) -> Result<(), InvalidStudy> {
        let number = |what, found, most| {
            let least = 1;
            match (least..=most).contains(&found) {
                true => Ok(()),
                false => Err(InvalidStudy::Number {
                    what,
                    found,
                    least,
                    most,
                }),
            }
        };
        number("policies", self.policies.len(), POLICIES_MAX)?;
        number("incidents", self.incidents.len(), INCIDENTS_MAX)?;
        number("responders", self.responders.len(), RESPONDERS_MAX)?;
        let mut names = BTreeSet::new();
        for policy in &self.policies {
            policy.check().map_err(InvalidStudy::Policy)?;
            if !names.insert(&policy.name) {
                return Err(InvalidStudy::SameName(policy.name.clone()));
            }
        }
        if !SurvivalCurve::PUBLISHED.iter().any(|(name, _)| *name == self.curve) {
            return Err(InvalidStudy::Curve(self.curve.to_owned()));
        }
        let mut numbers = BTreeSet::new();
        let mut before = Timestamp::from_unix_ms(i64::MIN);
        for incident in &self.incidents {
            if incident.at < before || !numbers.insert(incident.number) {
                return Err(InvalidStudy::Order(incident.number));
            }
            before = incident.at;
        }
        Ok(())
    }

    /// Lives through all incidents under each policy and says what came of it.
    ///
    /// # Errors
    /// As [`Study::check`].
    pub fn run(&self, progress: impl FnMut(Progress)) -> Result<Findings, InvalidStudy> {
        self.check()?;
        let lives = world::live_through(self, progress);
        Ok(Findings::of(self, &lives))
    }
}

/// A defibrillator that is always open.
#[cfg(test)]
pub(crate) fn aed_for_test(id: [u8; 16], latitude: f64, longitude: f64) -> Aed {
    use dispatch_core::aeds::{Access, AedState, Locality, OpeningHours};
    let gb = Locality::new("GB", "Europe/London").expect("known");
    Aed {
        aed: dispatch_core::ids::AedId::from_bytes(id),
        tenant: world::tenant(),
        position: Position::from_degrees(latitude, longitude).expect("in range"),
        accuracy: Metres::new(0),
        access: Access::Public,
        opening: OpeningHours::new("24/7", gb),
        indoor: None,
        level: None,
        state: AedState::Available,
        confirmed_at: None,
    }
}
