//! Everybody's way to the patient by way of a defibrillator: one search from all of them at once, backwards, that keeps for
//! each junction the best two.
//!
//! Two are enough for a choice between a person's best defibrillator and the next one when somebody else takes the first.
//! Which two are the best does not change by going on: of three that come to a junction, the third is never among the two
//! best of any place that is reached through it.

use super::{bound_mm, graph::RoadGraph, passage::mode_bit, queue::Queue, snap::Snap};
use crate::{position::Metres, responder::TravelMode};

/// A defibrillator that may be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AedWay {
    /// Where it is.
    pub snap: Snap,
    /// How far it is from there to the patient, with whatever the fetching itself adds, such as the steps off the street
    /// to the defibrillator and back.
    pub to_patient: Metres,
}

/// A way by one defibrillator; the smaller is the better one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Via {
    mm: u32,
    aed: u32,
}

/// Longer than any bound.
const NO_WAY: Via = Via {
    mm: u32::MAX,
    aed: u32::MAX,
};

/// The best two ways by different defibrillators, best first.
#[derive(Clone, Copy, Debug)]
struct BestTwo([Via; 2]);

impl BestTwo {
    const NONE: Self = Self([NO_WAY; 2]);

    /// Takes a way in if it is among the best two; says whether it is.
    fn offer(&mut self, via: Via) -> bool {
        let [first, second] = &mut self.0;
        if via.aed == first.aed {
            let is_better = via < *first;
            first.mm = first.mm.min(via.mm);
            return is_better;
        }
        if via < *first {
            *second = *first;
            *first = via;
            return true;
        }
        let is_better = via < *second;
        if is_better {
            *second = via;
        }
        is_better
    }

    fn holds(&self, via: Via) -> bool {
        self.0.contains(&via)
    }
}

#[derive(Clone, Copy, Debug)]
struct Label {
    epoch: u32,
    best: BestTwo,
}

/// What a search works with, allocated once and used again: 20 bytes for each junction of the largest graph searched.
#[derive(Debug, Default)]
pub struct ViaAedsScratch {
    epoch: u32,
    labels: Vec<Label>,
    queue: Queue<(u32, u32)>,
    /// The defibrillators that can be used, by their stretch.
    on_stretches: Vec<(Snap, Via)>,
    /// A bit for each stretch: whether there is one on it. Hardly any has, and thousands of people ask.
    has_aed: Vec<u64>,
}

impl ViaAedsScratch {
    fn restart(&mut self, junctions: usize, stretches: usize, bound_mm: u32) {
        self.queue.restart(bound_mm);
        self.on_stretches.clear();
        self.has_aed.clear();
        self.has_aed.resize(stretches.div_ceil(64), 0);
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.labels.clear();
            self.epoch = 1;
        }
        if self.labels.len() < junctions {
            let best = BestTwo::NONE;
            self.labels.resize(junctions, Label { epoch: 0, best });
        }
    }

    fn reach(&mut self, junction: u32, via: Via) {
        let label = &mut self.labels[junction as usize];
        if label.epoch != self.epoch {
            let best = BestTwo::NONE;
            *label = Label {
                epoch: self.epoch,
                best,
            };
        }
        if label.best.offer(via) {
            self.queue.push(via.mm, (junction, via.aed));
        }
    }

    fn put_on_stretch(&mut self, snap: Snap, via: Via) {
        self.on_stretches.push((snap, via));
        self.has_aed[snap.stretch as usize / 64] |= 1 << (snap.stretch % 64);
    }

    /// The defibrillators on a stretch, once they are sorted.
    fn on_stretch(&self, stretch: u32) -> impl Iterator<Item = &(Snap, Via)> {
        let aeds = if self.has_aed[stretch as usize / 64] >> (stretch % 64) & 1 == 0 {
            &[]
        } else {
            let first = self.on_stretches.partition_point(|(snap, _)| snap.stretch < stretch);
            &self.on_stretches[first..]
        };
        aeds.iter().take_while(move |(snap, _)| snap.stretch == stretch)
    }

    fn ways_from(&self, junction: u32) -> BestTwo {
        let label = self.labels[junction as usize];
        if label.epoch == self.epoch {
            label.best
        } else {
            BestTwo::NONE
        }
    }
}

/// The ways to one patient by way of a defibrillator, for one way of travelling.
#[derive(Clone, Copy, Debug)]
pub struct ViaAeds<'a> {
    graph: &'a RoadGraph,
    scratch: &'a ViaAedsScratch,
    mode: TravelMode,
    bound_mm: u32,
}

impl<'a> ViaAeds<'a> {
    /// Searches the ways by one of these defibrillators to the patient that are no longer than `bound`, at most
    /// [`super::WAY_MAX`]. Those that are further from the patient than that, or were snapped to another graph, are passed
    /// over.
    pub fn search(
        graph: &'a RoadGraph,
        scratch: &'a mut ViaAedsScratch,
        mode: TravelMode,
        aeds: &[AedWay],
        bound: Metres,
    ) -> Self {
        let bound_mm = bound_mm(bound);
        scratch.restart(graph.junctions().len(), graph.stretch_count(), bound_mm);
        for (aed, way) in (0_u32..).zip(aeds) {
            begin_at(graph, scratch, mode, bound_mm, aed, way);
        }
        scratch
            .on_stretches
            .sort_unstable_by_key(|(snap, via)| (snap.stretch, via.aed));
        settle(graph, scratch, mode_bit(mode), bound_mm);
        Self {
            graph,
            scratch,
            mode,
            bound_mm,
        }
    }

    /// The best two ways by different defibrillators, each with the defibrillator's place in the list that was searched,
    /// best first; of equally long ones the earlier in the list. A way has the distance to the defibrillator along streets
    /// and that from there to the patient as it was given; not what the person is off the street.
    pub fn best_two_from(&self, from: &Snap) -> [Option<(usize, Metres)>; 2] {
        let Some(stretch) = from.stretch_in(self.graph) else {
            return [None; 2];
        };
        let mut best = BestTwo::NONE;
        for (junction, mm) in from.ends_ahead(stretch, self.mode).into_iter().flatten() {
            for via in self.scratch.ways_from(junction).0 {
                self.offer(&mut best, via, mm);
            }
        }
        for (snap, via) in self.scratch.on_stretch(from.stretch) {
            if let Some(mm) = from.straight_to(snap, stretch, self.mode) {
                self.offer(&mut best, *via, mm);
            }
        }
        best.0.map(|via| {
            let way = Metres::from_mm(u64::from(via.mm));
            (via != NO_WAY).then_some((via.aed as usize, way))
        })
    }

    fn offer(&self, best: &mut BestTwo, via: Via, mm: u32) {
        let sum = via.mm.saturating_add(mm);
        if sum <= self.bound_mm {
            best.offer(Via { mm: sum, aed: via.aed });
        }
    }
}

fn begin_at(graph: &RoadGraph, scratch: &mut ViaAedsScratch, mode: TravelMode, bound_mm: u32, aed: u32, way: &AedWay) {
    let Some(stretch) = way.snap.stretch_in(graph) else {
        return;
    };
    let Some(to_patient) = u32::try_from(way.to_patient.mm()).ok().filter(|mm| *mm <= bound_mm) else {
        return;
    };
    scratch.put_on_stretch(way.snap, Via { mm: to_patient, aed });
    for (junction, mm) in way.snap.ends_behind(stretch, mode).into_iter().flatten() {
        let sum = to_patient + mm;
        if sum <= bound_mm {
            scratch.reach(junction, Via { mm: sum, aed });
        }
    }
}

/// Takes the nearest way that is still among the best two of its junction, and offers it to those that lead to it.
fn settle(graph: &RoadGraph, scratch: &mut ViaAedsScratch, mode_bit: u8, bound_mm: u32) {
    while let Some((mm, (junction, aed))) = scratch.queue.pop() {
        if !scratch.labels[junction as usize].best.holds(Via { mm, aed }) {
            continue;
        }
        for way in graph.ways_to(junction) {
            let sum = mm + way.mm();
            if way.is_open_to(mode_bit) && sum <= bound_mm {
                scratch.reach(way.from, Via { mm: sum, aed });
            }
        }
    }
}
