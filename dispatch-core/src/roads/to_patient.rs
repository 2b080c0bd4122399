//! Everybody's way to the patient: one search from the patient, backwards along the streets, since that is where people
//! come from.

use super::{bound_mm, graph::RoadGraph, passage::mode_bit, queue::Queue, snap::Snap};
use crate::{position::Metres, responder::TravelMode};

/// What a search works with, allocated once and used again: 8 bytes for each junction of the largest graph searched.
#[derive(Debug, Default)]
pub struct ToPatientScratch {
    /// Labels of earlier searches count as none.
    epoch: u32,
    labels: Vec<Label>,
    queue: Queue<u32>,
}

/// The way from a junction to the patient.
#[derive(Clone, Copy, Debug, Default)]
struct Label {
    epoch: u32,
    mm: u32,
}

impl ToPatientScratch {
    fn restart(&mut self, junctions: usize, bound_mm: u32) {
        self.queue.restart(bound_mm);
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.labels.clear();
            self.epoch = 1;
        }
        if self.labels.len() < junctions {
            self.labels.resize(junctions, Label::default());
        }
    }

    fn reach(&mut self, junction: u32, mm: u32) {
        let label = &mut self.labels[junction as usize];
        if label.epoch == self.epoch && label.mm <= mm {
            return;
        }
        *label = Label { epoch: self.epoch, mm };
        self.queue.push(mm, junction);
    }

    fn way_from(&self, junction: u32) -> Option<u32> {
        let label = self.labels[junction as usize];
        (label.epoch == self.epoch).then_some(label.mm)
    }
}

/// The ways to one patient, for one way of travelling.
#[derive(Clone, Copy, Debug)]
pub struct ToPatient<'a> {
    graph: &'a RoadGraph,
    scratch: &'a ToPatientScratch,
    mode: TravelMode,
    patient: Snap,
    bound_mm: u32,
}

impl<'a> ToPatient<'a> {
    /// Searches the ways to the patient that are no longer than `bound`, at most [`super::WAY_MAX`].
    pub fn search(
        graph: &'a RoadGraph,
        scratch: &'a mut ToPatientScratch,
        mode: TravelMode,
        patient: &Snap,
        bound: Metres,
    ) -> Self {
        let bound_mm = bound_mm(bound);
        scratch.restart(graph.junctions().len(), bound_mm);
        if let Some(stretch) = patient.stretch_in(graph) {
            for (junction, mm) in patient.ends_behind(stretch, mode).into_iter().flatten() {
                if mm <= bound_mm {
                    scratch.reach(junction, mm);
                }
            }
        }
        settle(graph, scratch, mode_bit(mode), bound_mm);
        Self {
            graph,
            scratch,
            mode,
            patient: *patient,
            bound_mm,
        }
    }

    /// The shortest way along streets to the patient; `None` when there is none within the bound. The straight distances
    /// off the street at either end are not part of it: [`Snap::off_street`] tells them.
    pub fn distance_from(&self, from: &Snap) -> Option<Metres> {
        let stretch = from.stretch_in(self.graph)?;
        let mut best = None;
        if from.stretch == self.patient.stretch && self.patient.is_of(self.graph) {
            best = from.straight_to(&self.patient, stretch, self.mode);
        }
        for (junction, mm) in from.ends_ahead(stretch, self.mode).into_iter().flatten() {
            let Some(rest) = self.scratch.way_from(junction) else {
                continue;
            };
            let way = mm + rest;
            best = Some(best.map_or(way, |best: u32| best.min(way)));
        }
        best.filter(|mm| *mm <= self.bound_mm)
            .map(|mm| Metres::from_mm(u64::from(mm)))
    }
}

/// Takes the nearest junction whose way may have become shorter, and offers it to those that lead to it.
fn settle(graph: &RoadGraph, scratch: &mut ToPatientScratch, mode_bit: u8, bound_mm: u32) {
    while let Some((mm, junction)) = scratch.queue.pop() {
        if scratch.labels[junction as usize].mm < mm {
            continue;
        }
        for way in graph.ways_to(junction) {
            let sum = mm + way.mm();
            if way.is_open_to(mode_bit) && sum <= bound_mm {
                scratch.reach(way.from, sum);
            }
        }
    }
}
