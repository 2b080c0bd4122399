//! The live index: an R-tree over the positions of responders, exact on the sphere.
//!
//! Positions are indexed as points on the unit sphere, where the straight chord between two points grows with their
//! great-circle distance; so neither the antimeridian nor the poles are special. The tree proposes, the exact distance
//! decides. Dense handles go in and come out; outside ids are resolved by the roster.

use rstar::{PointDistance as _, RTree, primitives::GeomWithData};

use crate::position::{EARTH_RADIUS_M, Metres, Position};

/// Names an entry; small numbers without large gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Handle(pub u32);

/// An entry near a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Near {
    /// Which.
    pub handle: Handle,
    /// Exact great-circle distance.
    pub distance: Metres,
}

/// How far beyond a limit the tree is searched, so that rounding of the chord loses nothing. Chords are good to about a
/// hundred-millionth of a metre and distances are rounded to a millimetre.
const SLACK_M: f64 = 0.005;

type Entry = GeomWithData<[f64; 3], Handle>;

/// The index. One owner; no lock.
#[derive(Default)]
pub struct LiveIndex {
    tree: RTree<Entry>,
    /// Where each handle stands, by handle.
    places: Vec<Option<Position>>,
}

impl LiveIndex {
    /// Puts an entry where it now is, whether or not it was there before.
    pub fn place(&mut self, handle: Handle, position: Position) {
        if self.position(handle) == Some(position) {
            return;
        }
        self.remove(handle);
        let slot = handle.0 as usize;
        if slot >= self.places.len() {
            self.places.resize(slot + 1, None);
        }
        self.places[slot] = Some(position);
        self.tree.insert(Entry::new(position.unit_vector(), handle));
    }

    /// Takes an entry out; nothing happens when it is not in.
    pub fn remove(&mut self, handle: Handle) {
        let Some(position) = self.places.get_mut(handle.0 as usize).and_then(Option::take) else {
            return;
        };
        let removed = self.tree.remove(&Entry::new(position.unit_vector(), handle));
        assert!(removed.is_some(), "the tree and the table of places change together");
    }

    /// Where an entry stands.
    pub fn position(&self, handle: Handle) -> Option<Position> {
        self.places.get(handle.0 as usize).copied().flatten()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.tree.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `limit` nearest of those entries within `radius` of `centre` that `wanted` lets through. Of several equally
    /// far at the limit all are returned, so that the caller can break the tie by outside id; order is by distance.
    pub fn nearest(
        &self,
        centre: Position,
        radius: Metres,
        limit: usize,
        mut wanted: impl FnMut(Handle) -> bool,
    ) -> Vec<Near> {
        let here = centre.unit_vector();
        let mut reach = chord_squared(radius);
        let mut found: Vec<Near> = Vec::new();
        for entry in self.tree.nearest_neighbor_iter(here) {
            if entry.distance_2(&here) > reach {
                break;
            }
            let handle = entry.data;
            if !wanted(handle) {
                continue;
            }
            let position = self
                .position(handle)
                .expect("the tree and the table of places change together");
            let distance = centre.distance_to(position);
            if distance > radius {
                continue;
            }
            found.push(Near { handle, distance });
            if found.len() == limit {
                reach = reach.min(chord_squared(distance));
            }
        }
        found.sort_unstable_by_key(|near| (near.distance, near.handle));
        if let Some(last) = limit
            .checked_sub(1)
            .and_then(|last| found.get(last))
            .map(|near| near.distance)
        {
            found.retain(|near| near.distance <= last);
        }
        found
    }
}

/// The squared chord on the unit sphere of a great-circle distance with [`SLACK_M`] added; 4, the whole sphere, for
/// distances of half the circumference and more.
fn chord_squared(distance: Metres) -> f64 {
    let angle = (distance.as_f64() + SLACK_M) / EARTH_RADIUS_M;
    if angle >= std::f64::consts::PI {
        return 4.1;
    }
    let chord = 2.0 * libm::sin(angle / 2.0);
    // Near antipodes the chord hardly grows with the angle; a hair more costs nothing.
    chord * chord * (1.0 + 1e-9) + 1e-15
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obvious slow twin.
    #[derive(Default)]
    struct BruteForce(std::collections::BTreeMap<u32, Position>);

    impl BruteForce {
        fn nearest(&self, centre: Position, radius: Metres, limit: usize) -> Vec<Near> {
            let mut all: Vec<Near> = self
                .0
                .iter()
                .map(|(&handle, &position)| Near {
                    handle: Handle(handle),
                    distance: centre.distance_to(position),
                })
                .filter(|near| near.distance <= radius)
                .collect();
            all.sort_by_key(|near| (near.distance, near.handle));
            if all.len() > limit {
                let last = all[limit - 1].distance;
                all.retain(|near| near.distance <= last);
            }
            all
        }
    }

    /// Places that crowd where mistakes hide: the antimeridian, the poles, one town, one single point, and anywhere.
    fn place() -> impl Strategy<Value = Position> {
        let near = |latitude: f64, longitude: f64, spread: f64| {
            (-spread..spread, -spread..spread).prop_map(move |(north, east)| {
                let longitude = longitude + east;
                let longitude = if longitude > 180.0 {
                    longitude - 360.0
                } else {
                    longitude
                };
                Position::from_degrees((latitude + north).clamp(-90.0, 90.0), longitude).expect("in range")
            })
        };
        prop_oneof![
            near(0.0, 180.0, 0.02),
            near(-16.8, 179.99, 0.05),
            (89.97..=90.0f64, -180.0..=180.0f64)
                .prop_map(|(lat, lon)| Position::from_degrees(lat, lon).expect("in range")),
            (-90.0..=-89.97f64, -180.0..=180.0f64)
                .prop_map(|(lat, lon)| Position::from_degrees(lat, lon).expect("in range")),
            near(51.5, -0.12, 0.03),
            Just(Position::from_degrees(51.5, -0.12).expect("in range")),
            (-90.0..=90.0f64, -180.0..=180.0f64)
                .prop_map(|(lat, lon)| Position::from_degrees(lat, lon).expect("in range")),
        ]
    }

    #[derive(Clone, Debug)]
    enum Step {
        Place(u32, Position),
        Remove(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            9 => (0..60u32, place()).prop_map(|(handle, position)| Step::Place(handle, position)),
            1 => (0..60u32).prop_map(Step::Remove),
        ];
        prop::collection::vec(step, 0..200)
    }

    fn radius() -> impl Strategy<Value = Metres> {
        prop_oneof![
            Just(Metres::new(0)),
            (0..3_000u32).prop_map(Metres::new),
            (0..30_000_000u32).prop_map(Metres::new),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        #[test]
        fn every_answer_equals_brute_force(steps in steps(), centre in place(), radius in radius(), limit in 1..70usize) {
            let (mut index, mut brute) = (LiveIndex::default(), BruteForce::default());
            for step in steps {
                match step {
                    Step::Place(handle, position) => {
                        index.place(Handle(handle), position);
                        brute.0.insert(handle, position);
                    }
                    Step::Remove(handle) => {
                        index.remove(Handle(handle));
                        brute.0.remove(&handle);
                    }
                }
            }
            prop_assert_eq!(index.len(), brute.0.len());
            prop_assert_eq!(index.nearest(centre, radius, limit, |_| true), brute.nearest(centre, radius, limit));
        }
    }

    #[test]
    fn a_stadium_on_one_point_is_bounded_only_by_ties() {
        let mut index = LiveIndex::default();
        let pitch = Position::from_degrees(51.556, -0.2796).expect("in range");
        for handle in 0..2_000 {
            index.place(Handle(handle), pitch);
        }
        let far = Position::from_degrees(51.6, -0.2796).expect("in range");
        index.place(Handle(2_000), far);
        assert_eq!(index.nearest(pitch, Metres::new(100_000), 7, |_| true).len(), 2_000);
        assert_eq!(
            index
                .nearest(pitch, Metres::new(100_000), 7, |handle| handle.0 % 500 == 0)
                .len(),
            5
        );
    }
}
