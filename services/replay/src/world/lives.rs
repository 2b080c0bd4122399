//! Living through a study under every policy, as many at a time as the machine has processors.

use std::{num::NonZero, sync::Mutex, thread};

use dispatch_core::{alert::Role, policy::Policy, position::Metres};

use super::{Shared, World, report};
use crate::{
    crowd::Crowd,
    journey::Errand,
    outcome::Outcome,
    scene::{Circumstances, Scene},
    study::{Progress, Study},
};

/// Incidents lived through between two words of progress. The scenes of so many are held at a time: some tens of
/// thousands of fixes.
const BATCH: usize = 256;

/// What came of all incidents under one policy.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Life {
    /// By incident, in the order of the study.
    pub(crate) outcomes: Vec<Outcome>,
    /// Alerts by responder, in the order of the study.
    pub(crate) burden: Vec<u32>,
}

impl Life {
    pub(super) fn new(incidents: usize, responders: usize) -> Self {
        Self {
            outcomes: vec![Outcome::default(); incidents],
            burden: vec![0; responders],
        }
    }
}

/// Everything a run found, policy by policy.
pub(crate) struct Lives {
    pub(crate) circumstances: Vec<Circumstances>,
    pub(crate) by_policy: Vec<Life>,
}

/// Lives through a study that has been checked.
pub(crate) fn live_through(study: &Study, progress: impl FnMut(Progress)) -> Lives {
    live_with(study, report::errand, progress)
}

/// The same, with what a role means told by the caller.
pub(super) fn live_with(
    study: &Study,
    errand: fn(&Study, Role) -> Errand,
    mut progress: impl FnMut(Progress),
) -> Lives {
    let crowd = Crowd::of(study);
    let circumstances: Vec<Circumstances> = study
        .incidents
        .iter()
        .map(|past| Circumstances::of(study, past))
        .collect();
    let shared = Shared {
        study,
        crowd: &crowd,
        circumstances: &circumstances,
        errand,
    };
    let reach = study
        .policies
        .iter()
        .map(|policy| policy.radius)
        .max()
        .unwrap_or_default();
    let opens = study.incidents[0].at;
    let open = |policies: &[Policy]| -> Vec<World<'_>> {
        policies
            .iter()
            .map(|policy| World::new(shared, policy, opens))
            .collect()
    };
    let mut worlds = side_by_side(&study.policies, open);

    let of = study.incidents.len();
    let indices: Vec<usize> = (0..of).collect();
    for batch in indices.chunks(BATCH) {
        let scenes = side_by_side(batch, |part| scenes(shared, part, reach));
        live(&mut worlds, &scenes);
        progress(Progress {
            done: batch.last().map_or(0, |last| last + 1),
            of,
        });
    }
    let by_policy = worlds.into_iter().map(World::end).collect();
    Lives {
        circumstances,
        by_policy,
    }
}

fn scenes(shared: Shared<'_>, indices: &[usize], reach: Metres) -> Vec<Scene> {
    let scene = |&index: &usize| Scene::of(shared.study, shared.crowd, shared.circumstances, index, reach);
    indices.iter().map(scene).collect()
}

fn live(worlds: &mut [World<'_>], scenes: &[Scene]) {
    // Worlds take differently long: each processor takes the next one when it has done with its last.
    let rest = Mutex::new(worlds.iter_mut());
    let next = || rest.lock().expect("no world panics with the list held").next();
    thread::scope(|scope| {
        for _ in 0..processors() {
            scope.spawn(|| {
                while let Some(world) = next() {
                    world.live(scenes);
                }
            });
        }
    });
}

/// Does the same with each part of a list, the parts side by side; the results in the order of the list.
fn side_by_side<T: Sync, R: Send>(all: &[T], work: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    let part = all.len().div_ceil(processors()).max(1);
    thread::scope(|scope| {
        let work = &work;
        let parts: Vec<_> = all.chunks(part).map(|part| scope.spawn(move || work(part))).collect();
        let joined = parts
            .into_iter()
            .flat_map(|part| part.join().expect("work does not panic"));
        joined.collect()
    })
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
