//! What an import took and left: for the person who runs it, to see whether the map is what they think it is.

use std::{collections::BTreeMap, fmt};

use dispatch_core::{
    position::Metres,
    responder::TravelMode,
    roads::{Direction, RoadGraph, RoadParts},
};

use super::rules::LeftOut;

/// The three ways of travelling, in the order of the reports.
pub(super) const MODES: [TravelMode; 3] = [TravelMode::Foot, TravelMode::Bicycle, TravelMode::Car];

/// Counts of an import.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoadReport {
    /// Ways that became streets.
    pub ways_taken: u64,
    /// Ways that did not, by reason.
    pub ways_left: BTreeMap<LeftOut, u64>,
    /// Nodes of streets that the file names but does not hold: an extract cut through its ways.
    pub nodes_missing: u64,
    /// Jumps of more than 50 km between two nodes of a way, left out.
    pub jumps_left: u64,
    /// Nodes of streets with a barrier that stops somebody there.
    pub barriers: u64,
    /// Junctions of the graph.
    pub junctions: u64,
    /// Stretches between them.
    pub stretches: u64,
    /// Bends of the stretches.
    pub bends: u64,
    /// For somebody on foot, by bicycle, by car.
    pub modes: [ModeReport; 3],
}

/// Counts for one way of travelling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ModeReport {
    /// Streets that may be used in one direction at least.
    pub length: Metres,
    /// Directed stretches: one that may be used both ways counts twice.
    pub arcs: u64,
    /// Fragments that were left out, because one cannot get from them to the rest and back.
    pub fragments_left: u64,
    /// Their length, with that of one-way streets that lead from one to another.
    pub length_left: Metres,
}

impl RoadReport {
    pub(super) fn leave(&mut self, reason: LeftOut) {
        *self.ways_left.entry(reason).or_default() += 1;
    }

    pub(super) fn count_parts(&mut self, parts: &RoadParts) {
        self.junctions = parts.junctions.len() as u64;
        self.stretches = parts.stretches.len() as u64;
        self.bends = parts.bends.len() as u64;
        for stretch in &parts.stretches {
            for (report, mode) in self.modes.iter_mut().zip(MODES) {
                let open = Direction::BOTH
                    .iter()
                    .filter(|direction| stretch.passage.allows(mode, **direction));
                report.arcs += open.count() as u64;
            }
        }
    }

    pub(super) fn count_lengths(&mut self, graph: &RoadGraph) {
        for (report, mode) in self.modes.iter_mut().zip(MODES) {
            report.length = graph.length_for(mode);
        }
    }
}

impl fmt::Display for RoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ways taken: {}", self.ways_taken)?;
        for (reason, ways) in &self.ways_left {
            writeln!(f, "ways left, {}: {ways}", reason.as_str())?;
        }
        writeln!(
            f,
            "nodes missing: {}; jumps left: {}; barriers: {}",
            self.nodes_missing, self.jumps_left, self.barriers
        )?;
        writeln!(
            f,
            "junctions: {}; stretches: {}; bends: {}",
            self.junctions, self.stretches, self.bends
        )?;
        for (report, name) in self.modes.iter().zip(["on foot", "by bicycle", "by car"]) {
            writeln!(
                f,
                "{name}: {:.1} km, {} arcs; left out: {} fragments, {:.1} km",
                report.length.as_f64() / 1000.0,
                report.arcs,
                report.fragments_left,
                report.length_left.as_f64() / 1000.0
            )?;
        }
        Ok(())
    }
}
