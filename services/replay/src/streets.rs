//! Ways along real streets, for the people as for the core.

use std::sync::{Arc, Mutex, PoisonError};

use dispatch_core::{
    position::{Metres, Position},
    responder::TravelMode,
    roads::{RoadGraph, ToPatient, ToPatientScratch, WAY_MAX},
};
use muster_people::travel::Mode;

use crate::journey::{Way, Ways};

/// The shortest way by street, with the steps off the street at both ends; where there is none, as without streets.
pub struct Streets {
    graph: Arc<RoadGraph>,
    scratch: Mutex<ToPatientScratch>,
}

/// Nobody searches farther than this many times the straight line, and a kilometre.
const SEARCH_FACTOR: f64 = 4.0;
const SEARCH_LEAST_M: f64 = 1_000.0;

impl Streets {
    /// Ways along the streets of a graph.
    pub fn new(graph: Arc<RoadGraph>) -> Self {
        Self {
            graph,
            scratch: Mutex::default(),
        }
    }

    fn along(&self, way: &Way) -> Option<f64> {
        let mode = match way.mode {
            Mode::Foot => TravelMode::Foot,
            Mode::Bicycle => TravelMode::Bicycle,
            Mode::Car => TravelMode::Car,
        };
        let on_street = |place: muster_people::place::Place| {
            let position = Position::from_degrees(place.latitude_deg(), place.longitude_deg()).ok()?;
            self.graph.snap(position, mode)
        };
        let (from, to) = (on_street(way.from)?, on_street(way.to)?);
        let bound = Metres::from_f64(way.from.distance_m(way.to) * SEARCH_FACTOR + SEARCH_LEAST_M).min(WAY_MAX);
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let search = ToPatient::search(&self.graph, &mut scratch, mode, &to, bound);
        let along = search.distance_from(&from)?;
        Some(along.as_f64() + from.off_street().as_f64() + to.off_street().as_f64())
    }
}

impl Ways for Streets {
    fn metres(&self, way: &Way) -> f64 {
        self.along(way)
            .unwrap_or_else(|| way.from.distance_m(way.to) * way.detour)
    }
}
