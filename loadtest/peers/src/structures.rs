//! The structures of this process, each with what it needs to keep up with people who move.

use std::marker::PhantomData;

use dispatch_core::{
    index::{Handle, LiveIndex},
    position::{EARTH_RADIUS_M, Metres, Position},
};
use kiddo::{MutableKdTree, SquaredEuclidean};
use muster_benches::{Flat, on_the_sphere};
use rstar::{RTree, primitives::GeomWithData};
use rustc_hash::FxHashMap;

/// A structure that holds people who move.
pub trait Structure: Default {
    /// What it is called in the table.
    const NAME: &'static str;
    /// A place as it wants it.
    type Place: Copy;

    fn place(flat: Flat) -> Self::Place;
    fn add(&mut self, id: u32, here: Self::Place);
    fn shift(&mut self, id: u32, from: Self::Place, to: Self::Place);
    /// Up to `count` nearest within `radius_m`, in order; returns how many.
    fn nearest(&self, centre: Self::Place, radius_m: u32, count: usize) -> usize;
    /// Everybody within `radius_m`; returns how many.
    fn within(&self, centre: Self::Place, radius_m: u32) -> usize;
}

/// The live index of `dispatch-core`.
#[derive(Default)]
pub struct Ours(LiveIndex);

impl Structure for Ours {
    const NAME: &'static str = "muster live index";
    type Place = Position;

    fn place(flat: Flat) -> Position {
        on_the_sphere(flat)
    }

    fn add(&mut self, id: u32, here: Position) {
        self.0.place(Handle(id), here);
    }

    fn shift(&mut self, id: u32, _: Position, to: Position) {
        self.0.place(Handle(id), to);
    }

    fn nearest(&self, centre: Position, radius_m: u32, count: usize) -> usize {
        self.0.nearest(centre, Metres::new(radius_m), count, |_| true).len()
    }

    fn within(&self, centre: Position, radius_m: u32) -> usize {
        self.0.within(centre, Metres::new(radius_m), |_| true).len()
    }
}

/// How points of an R-tree are made from places.
pub trait Projection<const N: usize> {
    const NAME: &'static str;

    fn point(flat: Flat) -> [f64; N];
    /// The square of a distance between such points.
    fn squared(distance_m: u32) -> f64;
}

/// The flat map, in metres.
pub struct OnTheMap;

impl Projection<2> for OnTheMap {
    const NAME: &'static str = "rstar 2D";

    fn point(flat: Flat) -> Flat {
        flat
    }

    fn squared(distance_m: u32) -> f64 {
        f64::from(distance_m).powi(2)
    }
}

/// The unit sphere; the chord between two points stands for their distance.
pub struct OnTheSphere;

impl Projection<3> for OnTheSphere {
    const NAME: &'static str = "rstar 3D sphere";

    fn point(flat: Flat) -> [f64; 3] {
        let position = on_the_sphere(flat);
        let (sin_lat, cos_lat) = position.latitude().to_radians().sin_cos();
        let (sin_lon, cos_lon) = position.longitude().to_radians().sin_cos();
        [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
    }

    fn squared(distance_m: u32) -> f64 {
        (f64::from(distance_m) / EARTH_RADIUS_M).powi(2)
    }
}

/// Points in an R-tree, as most would begin.
pub struct PointTree<const N: usize, P>(RTree<GeomWithData<[f64; N], u32>>, PhantomData<P>);

impl<P> Default for PointTree<2, P> {
    fn default() -> Self {
        Self(RTree::new(), PhantomData)
    }
}

impl<P> Default for PointTree<3, P> {
    fn default() -> Self {
        Self(RTree::new(), PhantomData)
    }
}

impl<const N: usize, P: Projection<N>> Structure for PointTree<N, P>
where
    Self: Default,
    [f64; N]: rstar::Point<Scalar = f64>,
{
    const NAME: &'static str = P::NAME;
    type Place = [f64; N];

    fn place(flat: Flat) -> [f64; N] {
        P::point(flat)
    }

    fn add(&mut self, id: u32, here: [f64; N]) {
        self.0.insert(GeomWithData::new(here, id));
    }

    fn shift(&mut self, id: u32, from: [f64; N], to: [f64; N]) {
        self.0.remove(&GeomWithData::new(from, id)).expect("it is there");
        self.0.insert(GeomWithData::new(to, id));
    }

    fn nearest(&self, centre: [f64; N], radius_m: u32, count: usize) -> usize {
        let reach = P::squared(radius_m);
        let found: Vec<(u32, f64)> = self
            .0
            .nearest_neighbor_iter_with_distance_2(centre)
            .take_while(|&(_, distance)| distance <= reach)
            .take(count)
            .map(|(entry, distance)| (entry.data, distance))
            .collect();
        std::hint::black_box(&found).len()
    }

    fn within(&self, centre: [f64; N], radius_m: u32) -> usize {
        let near = self.0.locate_within_distance(centre, P::squared(radius_m));
        let found: Vec<u32> = near.map(|entry| entry.data).collect();
        std::hint::black_box(&found).len()
    }
}

/// A k-d tree that takes points in and out.
#[derive(Default)]
pub struct Kiddo(MutableKdTree<f64, 2>);

impl Structure for Kiddo {
    const NAME: &'static str = "kiddo mutable";
    type Place = Flat;

    fn place(flat: Flat) -> Flat {
        flat
    }

    fn add(&mut self, id: u32, here: Flat) {
        self.0.add(&here, id).expect("there is room");
    }

    fn shift(&mut self, id: u32, from: Flat, to: Flat) {
        self.0.remove(&from, id);
        self.0.add(&to, id).expect("there is room");
    }

    fn nearest(&self, centre: Flat, radius_m: u32, count: usize) -> usize {
        let count = count.try_into().expect("not zero");
        let found = self
            .0
            .query(&centre)
            .nearest_n::<SquaredEuclidean<f64>>(count)
            .within(f64::from(radius_m).powi(2))
            .execute();
        std::hint::black_box(&found).len()
    }

    fn within(&self, centre: Flat, radius_m: u32) -> usize {
        let reach = f64::from(radius_m).powi(2);
        let found = self
            .0
            .query(&centre)
            .within::<SquaredEuclidean<f64>>(reach)
            .unsorted()
            .execute();
        std::hint::black_box(&found).len()
    }
}

/// A hash table of squares with 500 m sides, and a table of where everybody stands.
#[derive(Default)]
pub struct HashGrid {
    squares: FxHashMap<(i32, i32), Vec<(Flat, u32)>>,
    places: Vec<((i32, i32), u32)>,
}

const SQUARE_M: f64 = 500.0;

#[allow(clippy::cast_possible_truncation)]
fn square_of(flat: Flat) -> (i32, i32) {
    ((flat[0] / SQUARE_M).floor() as i32, (flat[1] / SQUARE_M).floor() as i32)
}

fn distance_squared(a: Flat, b: Flat) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

impl HashGrid {
    fn put(&mut self, id: u32, here: Flat) {
        let square = square_of(here);
        let people = self.squares.entry(square).or_default();
        self.places[id as usize] = (square, u32::try_from(people.len()).expect("not so many"));
        people.push((here, id));
    }

    fn around(&self, centre: Flat, radius_m: f64) -> impl Iterator<Item = (Flat, u32)> {
        let (from, to) = (
            square_of([centre[0] - radius_m, centre[1] - radius_m]),
            square_of([centre[0] + radius_m, centre[1] + radius_m]),
        );
        let squares = (from.0..=to.0).flat_map(move |east| (from.1..=to.1).map(move |north| (east, north)));
        squares
            .filter_map(|square| self.squares.get(&square))
            .flatten()
            .copied()
    }
}

impl Structure for HashGrid {
    const NAME: &'static str = "hash grid 500 m";
    type Place = Flat;

    fn place(flat: Flat) -> Flat {
        flat
    }

    fn add(&mut self, id: u32, here: Flat) {
        let count = self.places.len().max(id as usize + 1);
        self.places.resize(count, ((0, 0), 0));
        self.put(id, here);
    }

    fn shift(&mut self, id: u32, _: Flat, to: Flat) {
        let (square, place) = self.places[id as usize];
        let people = self.squares.get_mut(&square).expect("it is there");
        if square_of(to) == square {
            people[place as usize].0 = to;
            return;
        }
        people.swap_remove(place as usize);
        if let Some(&(_, other)) = people.get(place as usize) {
            self.places[other as usize].1 = place;
        }
        if people.is_empty() {
            self.squares.remove(&square);
        }
        self.put(id, to);
    }

    /// Squares in growing rings, until enough are nearer than the next ring.
    fn nearest(&self, centre: Flat, radius_m: u32, count: usize) -> usize {
        let radius = f64::from(radius_m);
        let mut found: Vec<(f64, u32)> = Vec::with_capacity(256);
        let mut reach = SQUARE_M / 2.0;
        loop {
            reach = (reach * 1.5).min(radius);
            found.clear();
            let around = self.around(centre, reach);
            found.extend(around.filter_map(|(place, id)| {
                let distance = distance_squared(centre, place);
                (distance <= reach * reach).then_some((distance, id))
            }));
            if found.len() >= count || reach >= radius {
                break;
            }
        }
        if found.len() > count {
            found.select_nth_unstable_by(count - 1, |a, b| a.0.total_cmp(&b.0));
            found.truncate(count);
        }
        found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        std::hint::black_box(&found).len()
    }

    fn within(&self, centre: Flat, radius_m: u32) -> usize {
        let radius = f64::from(radius_m);
        let around = self.around(centre, radius);
        let near = around.filter(|&(place, _)| distance_squared(centre, place) <= radius * radius);
        let found: Vec<u32> = near.map(|(_, id)| id).collect();
        std::hint::black_box(&found).len()
    }
}
