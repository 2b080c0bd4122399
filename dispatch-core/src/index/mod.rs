//! The live index: an R-tree over positions that never stop moving, exact on the sphere.
//!
//! ```text
//! R-tree ──> region (23 km) ──> 8 x 8 fields (2.9 km) ──> 4 x 4 plots ──> lines of eight entries
//!            made when somebody enters                     │
//! slots: handle ───────────────────────────────────────────┴─> plot and place in a line
//! ```
//! The R-tree holds the regions with somebody in them, not the people: most moves stay within a plot and write to one cache
//! line, most others stay within a field, and the tree changes only when a region gets its first entry or loses its last.
//! Nothing is ever rebuilt, and no change copies more than a bounded number of entries.
//!
//! A query takes the fields around from the tree, throws out by a lower bound of the distance whatever is too far, eight
//! at a time, and lets the exact distance decide. Neither the antimeridian nor the poles are special. Dense handles go in
//! and come out; outside ids are resolved by the roster. docs/decisions/0014 says what else was tried.

mod chunks;
mod grid;
mod lanes;
mod lines;
mod near;

use std::ops::ControlFlow;

use rstar::{AABB, RStarInsertionStrategy, RTree, RTreeObject, RTreeParams};

use self::{
    chunks::Chunks,
    grid::{FIELDS, FieldKey, PLOTS, RegionKey, Spot},
    lines::{Entry, Lines, Place, Plot},
};
use crate::position::{Metres, Position};

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

/// The index. One owner; no lock.
pub struct LiveIndex {
    tree: RTree<Leaf, Wide>,
    regions: Table<Region, 6>,
    fields: Table<Field, 8>,
    lines: Lines,
    /// Where each handle is, by handle.
    slots: Chunks<Slot, 10>,
    len: usize,
}

/// A region with somebody in it, as the tree knows it: a point in rows and columns of regions.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Leaf {
    key: RegionKey,
    region: u32,
}

impl RTreeObject for Leaf {
    type Envelope = AABB<[f32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_point([f32::from(self.key.row), f32::from(self.key.column)])
    }
}

/// Elements that come and go.
struct Table<T, const SHIFT: u32> {
    all: Chunks<T, SHIFT>,
    /// Not in use.
    free: Vec<u32>,
}

impl<T: Copy, const SHIFT: u32> Table<T, SHIFT> {
    fn new(blank: T) -> Self {
        Self {
            all: Chunks::new(blank),
            free: Vec::new(),
        }
    }

    fn add(&mut self, element: T) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| self.all.extend(1));
        *self.all.get_mut(number) = element;
        number
    }
}

/// No field.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Region {
    /// How many fields it has.
    len: u32,
    fields: [u32; FIELDS],
}

impl Region {
    const EMPTY: Self = Self {
        len: 0,
        fields: [NONE; FIELDS],
    };
}

/// The shape of the tree.
struct Wide;

impl RTreeParams for Wide {
    const MIN_SIZE: usize = 6;
    const MAX_SIZE: usize = 16;
    const REINSERTION_COUNT: usize = 4;
    type DefaultInsertionStrategy = RStarInsertionStrategy;
}

#[derive(Clone, Copy)]
struct Field {
    key: FieldKey,
    /// How many people it has.
    len: u32,
    plots: [Plot; PLOTS],
}

impl Field {
    fn empty(key: FieldKey) -> Self {
        Self {
            key,
            len: 0,
            plots: [Plot::default(); PLOTS],
        }
    }
}

/// Where a handle is: the number of its field times [`PLOTS`] plus that of its plot, and its place.
#[derive(Clone, Copy)]
struct Slot {
    plot: u32,
    place: Place,
}

impl Slot {
    const OUT: Self = Self {
        plot: u32::MAX,
        place: Place::NOWHERE,
    };
}

impl Default for LiveIndex {
    fn default() -> Self {
        Self {
            tree: RTree::new_with_params(),
            regions: Table::new(Region::EMPTY),
            fields: Table::new(Field::empty(FieldKey::at(0, 0))),
            lines: Lines::default(),
            slots: Chunks::new(Slot::OUT),
            len: 0,
        }
    }
}

impl LiveIndex {
    /// Puts an entry where it now is, whether or not it was there before.
    pub fn place(&mut self, handle: Handle, position: Position) {
        let spot = Spot::of(position);
        let Some(slot) = self.slot(handle) else {
            while self.slots.len() <= handle.0 as usize {
                self.slots.extend(1);
            }
            self.len += 1;
            return self.enter(handle, spot, self.field_at(spot.field));
        };
        let field = slot.plot / PLOTS as u32;
        let stays = self.fields.all.get(field).key == spot.field;
        if stays && slot.plot % PLOTS as u32 == u32::from(spot.plot) {
            return self.lines.shift(slot.place, spot.north, spot.east);
        }
        let field = if stays { Some(field) } else { self.field_at(spot.field) };
        self.enter(handle, spot, field);
        self.leave(slot);
    }

    /// Takes an entry out; nothing happens when it is not in.
    pub fn remove(&mut self, handle: Handle) {
        let Some(slot) = self.slot(handle) else { return };
        *self.slots.get_mut(handle.0) = Slot::OUT;
        self.len -= 1;
        self.leave(slot);
    }

    /// Where an entry stands.
    pub fn position(&self, handle: Handle) -> Option<Position> {
        let slot = self.slot(handle)?;
        let corner = self
            .fields
            .all
            .get(slot.plot / PLOTS as u32)
            .key
            .corner(slot.plot as usize % PLOTS);
        Some(self.lines.get(slot.place).position(corner))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn slot(&self, handle: Handle) -> Option<Slot> {
        let known = (handle.0 as usize) < self.slots.len();
        let slot = known.then(|| *self.slots.get(handle.0))?;
        (slot.plot != Slot::OUT.plot).then_some(slot)
    }

    fn region_at(&self, key: RegionKey) -> Option<u32> {
        let there = Leaf { key, region: 0 }.envelope();
        let found = self
            .tree
            .locate_in_envelope_int(there, |leaf| ControlFlow::Break(leaf.region));
        found.break_value()
    }

    fn field_at(&self, key: FieldKey) -> Option<u32> {
        let region = self.region_at(key.region())?;
        let field = self.regions.all.get(region).fields[key.number()];
        (field != NONE).then_some(field)
    }

    /// Adds an entry to a field, or to a new one.
    fn enter(&mut self, handle: Handle, spot: Spot, field: Option<u32>) {
        let number = field.unwrap_or_else(|| self.open(spot.field));
        let field = self.fields.all.get_mut(number);
        field.len += 1;
        let entry = Entry {
            north: spot.north,
            east: spot.east,
            who: handle.0,
        };
        let slots = &mut self.slots;
        let plot = &mut field.plots[usize::from(spot.plot)];
        self.lines
            .push(plot, entry, |who, place| slots.get_mut(who).place = place);
        slots.get_mut(handle.0).plot = number * PLOTS as u32 + u32::from(spot.plot);
    }

    /// Takes the entry at `slot` out of its plot; what the slot says of it now is not touched.
    fn leave(&mut self, slot: Slot) {
        let number = slot.plot / PLOTS as u32;
        let field = self.fields.all.get_mut(number);
        field.len -= 1;
        let empty = (field.len == 0).then_some(field.key);
        let slots = &mut self.slots;
        let plot = &mut field.plots[slot.plot as usize % PLOTS];
        self.lines
            .take(plot, slot.place, |who, place| slots.get_mut(who).place = place);
        if let Some(key) = empty {
            self.close(number, key);
        }
    }

    /// A new field, in its region or a new one.
    fn open(&mut self, key: FieldKey) -> u32 {
        let field = self.fields.add(Field::empty(key));
        let region = self.region_at(key.region()).unwrap_or_else(|| {
            let region = self.regions.add(Region::EMPTY);
            self.tree.insert(Leaf {
                key: key.region(),
                region,
            });
            region
        });
        let region = self.regions.all.get_mut(region);
        region.fields[key.number()] = field;
        region.len += 1;
        field
    }

    /// Takes away an empty field, and its region with the last one.
    fn close(&mut self, field: u32, key: FieldKey) {
        self.fields.free.push(field);
        let number = self.region_at(key.region()).expect("a field lies in a region");
        let region = self.regions.all.get_mut(number);
        region.fields[key.number()] = NONE;
        region.len -= 1;
        if region.len == 0 {
            self.regions.free.push(number);
            let leaf = Leaf {
                key: key.region(),
                region: number,
            };
            let removed = self.tree.remove(&leaf);
            assert!(removed.is_some(), "the tree and the regions change together");
        }
    }
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
            border(),
            Just(Position::from_degrees(51.5, -0.12).expect("in range")),
            (-90.0..=90.0f64, -180.0..=180.0f64)
                .prop_map(|(lat, lon)| Position::from_degrees(lat, lon).expect("in range")),
        ]
    }

    /// On, or a hair beside, a border of plots, fields and regions.
    fn border() -> impl Strategy<Value = Position> {
        let beside = |middle: i32, shift: u32| {
            (-2..=2i32, -1..=1i32).prop_map(move |(n, by)| (((middle >> shift) + n) << shift) + by)
        };
        let shift = prop_oneof![Just(16u32), Just(18), Just(21)];
        shift.prop_flat_map(move |shift| {
            (beside(515_000_000, shift), beside(0, shift))
                .prop_map(|(latitude, longitude)| Position::from_e7(latitude, longitude).expect("in range"))
        })
    }

    #[derive(Clone, Debug)]
    enum Step {
        Place(u32, Position),
        /// So many in one place.
        Crowd(u32, Position),
        Remove(u32),
        /// All from the crowd's first on.
        Disperse(u32),
    }

    /// Handles of crowds begin here.
    const CROWD: u32 = 60;

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            9 => (0..60u32, place()).prop_map(|(handle, position)| Step::Place(handle, position)),
            1 => (0..60u32).prop_map(Step::Remove),
            1 => (1..600u32, place()).prop_map(|(count, position)| Step::Crowd(count, position)),
            1 => (0..600u32).prop_map(Step::Disperse),
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
                let before = index.lines.copied;
                let changes = match step {
                    Step::Place(..) | Step::Remove(_) => 1,
                    Step::Crowd(count, _) => count.into(),
                    Step::Disperse(_) => 600u64,
                };
                match step {
                    Step::Place(handle, position) => {
                        index.place(Handle(handle), position);
                        brute.0.insert(handle, position);
                    }
                    Step::Remove(handle) => {
                        index.remove(Handle(handle));
                        brute.0.remove(&handle);
                    }
                    Step::Crowd(count, position) => (CROWD..CROWD + count).for_each(|handle| {
                        index.place(Handle(handle), position);
                        brute.0.insert(handle, position);
                    }),
                    Step::Disperse(first) => (CROWD + first..CROWD + 600).for_each(|handle| {
                        index.remove(Handle(handle));
                        brute.0.remove(&handle);
                    }),
                }
                // A place left for another may shorten one run and lengthen another.
                let copied = index.lines.copied - before;
                prop_assert!(copied <= changes * u64::from(lines::COPIED_MAX + lines::COPIED_MAX / 2));
            }
            for (&handle, &position) in &brute.0 {
                prop_assert_eq!(index.position(Handle(handle)), Some(position));
            }
            prop_assert_eq!(index.len(), brute.0.len());
            prop_assert_eq!(index.nearest(centre, radius, limit, |_| true), brute.nearest(centre, radius, limit));
            let mut within = index.within(centre, radius, |_| true);
            within.sort_unstable_by_key(|near| (near.distance, near.handle));
            prop_assert_eq!(within, brute.nearest(centre, radius, usize::MAX));
        }
    }

    #[test]
    fn nobody_is_found_twice_however_far_the_search_goes() {
        for longitude in [-180.0, -179.999, -0.01, 0.0, 0.01, 107.0, 179.999] {
            let mut index = LiveIndex::default();
            let here = Position::from_degrees(-41.3, longitude).expect("in range");
            index.place(Handle(0), here);
            for (latitude, longitude) in [(-16.8, 179.994), (0.0, 0.0), (89.99, 12.0), (41.3, -73.0)] {
                let centre = Position::from_degrees(latitude, longitude).expect("in range");
                assert_eq!(index.within(centre, Metres::new(20_100_000), |_| true).len(), 1);
            }
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
