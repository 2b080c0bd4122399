//! All defibrillators, and which are near a place.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use crate::{
    ids::{AedId, TenantId},
    position::{EARTH_RADIUS_M, LATITUDE_MAX, Metres, Origin, Position, RADIANS_PER_UNIT},
};

use super::{Aed, OpeningHours};

/// Every registered defibrillator.
///
/// They lie still, so no tree is needed: each control room's are kept in order of latitude, and a search looks at those in
/// the band that the radius spans. A country's 100,000 have some hundreds in a band of 2 km. No great circle is shorter
/// than its difference of latitude, so the band leaves nothing out, at the poles and the antimeridian too.
#[derive(Default)]
pub struct Aeds {
    aeds: BTreeMap<AedId, Aed>,
    by_latitude: BTreeMap<TenantId, BTreeSet<(i32, AedId)>>,
    /// Every opening hours that somebody has or had, so that all who have them share one copy.
    hours: BTreeSet<OpeningHours>,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct AedSearch<'a> {
    /// Whose register.
    pub tenant: &'a TenantId,
    /// Round which place.
    pub place: Position,
    /// How far, inclusive.
    pub radius: Metres,
    /// How many at most; the nearest.
    pub limit: usize,
}

/// A defibrillator near a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NearAed<'a> {
    /// Which.
    pub aed: &'a Aed,
    /// Exact distance to the place.
    pub distance: Metres,
}

impl Aeds {
    /// Registers or changes one.
    pub fn put(&mut self, mut aed: Aed) {
        self.remove(aed.aed);
        if let Some(opening) = &mut aed.opening {
            match self.hours.get(opening) {
                Some(known) => *opening = known.clone(),
                None => drop(self.hours.insert(opening.clone())),
            }
        }
        let shelf = self.by_latitude.entry(aed.tenant.clone()).or_default();
        shelf.insert((aed.position.to_e7().0, aed.aed));
        self.aeds.insert(aed.aed, aed);
    }

    /// Forgets one; gives it back if it was known.
    pub fn remove(&mut self, aed: AedId) -> Option<Aed> {
        let gone = self.aeds.remove(&aed)?;
        let shelf = self.by_latitude.get_mut(&gone.tenant).expect("entered with the aed");
        shelf.remove(&(gone.position.to_e7().0, aed));
        if shelf.is_empty() {
            self.by_latitude.remove(&gone.tenant);
        }
        Some(gone)
    }

    /// One.
    pub fn get(&self, aed: AedId) -> Option<&Aed> {
        self.aeds.get(&aed)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Aed> {
        self.aeds.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.aeds.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.aeds.is_empty()
    }

    /// The nearest, nearest first; of those equally far, the lower id first.
    pub fn near(&self, search: AedSearch<'_>) -> Vec<NearAed<'_>> {
        self.near_where(search, |_| true)
    }

    /// The nearest of those that `keep` wants, in the same order.
    pub fn near_where(&self, search: AedSearch<'_>, mut keep: impl FnMut(&Aed) -> bool) -> Vec<NearAed<'_>> {
        let Some(shelf) = self.by_latitude.get(search.tenant) else {
            return Vec::new();
        };
        let origin = Origin::of(search.place);
        let band = latitudes_within(search.place, search.radius);
        let lowest = (*band.start(), AedId::from_bytes([0; 16]));
        let highest = (*band.end(), AedId::from_bytes([u8::MAX; 16]));
        let mut found = Vec::new();
        for (_, id) in shelf.range(lowest..=highest) {
            let aed = self.aeds.get(id).expect("the shelf and the list change together");
            let distance = origin.distance_to(aed.position);
            if distance <= search.radius && keep(aed) {
                found.push(NearAed { aed, distance });
            }
        }
        found.sort_unstable_by_key(|near| (near.distance, near.aed.aed));
        found.truncate(search.limit);
        found
    }
}

/// The latitudes, in ten-millionths of a degree, outside which everything is farther away than `radius`.
pub fn latitudes_within(place: Position, radius: Metres) -> RangeInclusive<i32> {
    // Distances are rounded to the millimetre, a tenth of a unit, and their formula errs by far less than a part in a
    // million; two units and as much more are a safe margin.
    let units = radius.as_f64() / EARTH_RADIUS_M / RADIANS_PER_UNIT * (1.0 + 1e-6) + 2.0;
    // At most the whole globe, so that the cast is exact.
    #[allow(clippy::cast_possible_truncation)]
    let units = libm::ceil(units).min(2.0 * f64::from(LATITUDE_MAX)) as i32;
    let latitude = place.to_e7().0;
    let lowest = latitude.saturating_sub(units).max(-LATITUDE_MAX);
    let highest = latitude.saturating_add(units).min(LATITUDE_MAX);
    lowest..=highest
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
