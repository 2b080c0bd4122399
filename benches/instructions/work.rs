//! What is counted. Runs under callgrind, which counts within [`counted`] only and closes a part of its profile whenever
//! that returns; a line on standard output names each part, in order.

use std::hint::black_box;

use anyhow::{Context as _, Result};
use dispatch_core::{
    index::LiveIndex,
    input::Input,
    position::{Metres, Position},
};
use muster_benches::{Asked, ControlRoom, Crowd, Move};

use crate::Size;

const CENTRES: usize = 1_000;
const INCIDENTS: usize = 50;
const FIXES: usize = 10_000;
const NEAREST: usize = 20;
const NEAREST_WITHIN: Metres = Metres::new(1_000);
const ALL_WITHIN: Metres = Metres::new(500);

/// Does everything once.
pub fn all(size: Size) -> Result<()> {
    let mut crowd = Crowd::new(size.people);
    let places = Places {
        dense: crowd.in_large_towns(CENTRES),
        anywhere: crowd.anywhere(CENTRES),
    };
    let mut built = None;
    part("index: enter, nobody there before", crowd.homes().len(), || {
        built = Some(crowd.index())
    });
    let mut index = built.context("the index was built")?;
    moves(&crowd, &mut index);
    queries(&index, &places, "");
    crowd.walk(&mut index, size.moves);
    queries(&index, &places, AGED);
    if !size.ageing_only {
        core(&crowd, &places);
    }
    Ok(())
}

/// Marks a query of an index that people have moved about in.
pub const AGED: &str = ", aged";

struct Places {
    dense: Vec<Position>,
    anywhere: Vec<Position>,
}

/// Everybody goes and comes back, so that the queries find everybody at home.
fn moves(crowd: &Crowd, index: &mut LiveIndex) {
    for (name, kind) in [
        ("index: move within a plot", Move::WithinAPlot),
        ("index: move to the next plot", Move::ToTheNextPlot),
        ("index: move elsewhere", Move::Elsewhere),
    ] {
        let list = crowd.there_and_back(kind);
        part(name, list.len(), || {
            for &(handle, position) in &list {
                index.place(handle, position);
            }
        });
    }
}

fn queries(index: &LiveIndex, places: &Places, aged: &str) {
    for (name, centres) in [("dense", &places.dense), ("anywhere", &places.anywhere)] {
        part(&format!("index: 20 nearest, {name}{aged}"), centres.len(), || {
            for &centre in centres {
                black_box(index.nearest(centre, NEAREST_WITHIN, NEAREST, |_| true));
            }
        });
    }
    part(
        &format!("index: all within 500 m, dense{aged}"),
        places.dense.len(),
        || {
            for &centre in &places.dense {
                black_box(index.within(centre, ALL_WITHIN, |_| true));
            }
        },
    );
}

/// Incidents stay open until their replies have been counted.
fn core(crowd: &Crowd, places: &Places) {
    let mut room = ControlRoom::with(crowd.homes());
    room.pass();
    let list = crowd.there_and_back(Move::WithinAPlot);
    let fixes = list[..FIXES.min(crowd.homes().len())].iter();
    let fixes = fixes.map(|&(handle, position)| room.fix(handle.0, position)).collect();
    inputs(&mut room, "core: position", fixes);
    let mut reports = |name, centres: &[Position]| -> Vec<Asked> {
        let reports = centres.iter().map(|&centre| room.report(centre)).collect();
        inputs(&mut room, name, reports);
        room.asked().to_vec()
    };
    reports("core: report, anywhere", &places.anywhere[..INCIDENTS]);
    let asked = reports("core: report, where people live", &crowd.at_home(INCIDENTS));
    let of_each = |place: usize| {
        let incidents = asked.chunk_by(|a, b| a.incident == b.incident);
        incidents.filter_map(move |asked| asked.get(place))
    };
    let declines = of_each(0).map(|asked| asked.declines()).collect();
    inputs(&mut room, "core: decline", declines);
    let accepts = of_each(1).map(|asked| asked.accepts()).collect();
    inputs(&mut room, "core: accept", accepts);
}

fn inputs(room: &mut ControlRoom, name: &str, inputs: Vec<Input>) {
    let count = inputs.len();
    let mut inputs = inputs.into_iter();
    part(name, count, || inputs.by_ref().for_each(|input| room.handle(input)));
}

fn part(name: &str, operations: usize, mut work: impl FnMut()) {
    println!("{operations} {name}");
    counted(&mut work);
}

/// Known to callgrind by this name, which therefore must stay one function that is called.
#[inline(never)]
pub fn counted(work: &mut dyn FnMut()) {
    work();
    black_box(());
}
