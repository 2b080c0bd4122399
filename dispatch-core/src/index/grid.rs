//! How the globe is cut up: into regions of 2^21 ten-millionths of a degree either way (23 km of latitude), each of eight by
//! eight fields, each of four by four plots. They get narrow towards the poles; since only those with somebody in them
//! exist, that costs nothing.

use crate::position::{LATITUDE_MAX, LONGITUDE_HALF, Position, RADIANS_PER_UNIT};

const PLOT_SHIFT: u32 = 16;
const FIELD_SHIFT: u32 = 18;
/// Plots in a field.
pub(super) const PLOTS: usize = 1 << (2 * (FIELD_SHIFT - PLOT_SHIFT));
/// Plots side by side in a field.
pub(super) const PLOTS_WIDE: usize = 1 << (FIELD_SHIFT - PLOT_SHIFT);
const LAST: i32 = PLOTS_WIDE as i32 - 1;
const FIELDS_WIDE: i16 = 1 << REGION_SHIFT;
const REGION_SHIFT: u32 = 3;
/// Fields in a region.
pub(super) const FIELDS: usize = 1 << (2 * REGION_SHIFT);
/// Length of a plot's side in ten-millionths of a degree.
pub(super) const PLOT_SIDE: i32 = 1 << PLOT_SHIFT;
/// Length of a field's side in ten-millionths of a degree.
pub(super) const FIELD_SIDE: i32 = 1 << FIELD_SHIFT;

/// Which field: rows count northwards from the equator, columns eastwards from Greenwich.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct FieldKey {
    pub(super) row: i16,
    pub(super) column: i16,
}

impl FieldKey {
    /// The field at a corner given in ten-millionths of a degree, on the globe or a little beyond.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn at(latitude: i32, longitude: i32) -> Self {
        // 1.8e9 >> 18 is 6866.
        Self {
            row: (latitude >> FIELD_SHIFT) as i16,
            column: (longitude >> FIELD_SHIFT) as i16,
        }
    }

    /// The one that is as far north and as far east as either.
    pub(super) fn north_east(self, other: Self) -> Self {
        Self {
            row: self.row.max(other.row),
            column: self.column.max(other.column),
        }
    }

    /// The one that is as far south and as far west as either.
    pub(super) fn south_west(self, other: Self) -> Self {
        Self {
            row: self.row.min(other.row),
            column: self.column.min(other.column),
        }
    }

    /// The region it lies in.
    pub(super) fn region(self) -> RegionKey {
        RegionKey {
            row: self.row >> REGION_SHIFT,
            column: self.column >> REGION_SHIFT,
        }
    }

    /// Its number in that region.
    #[allow(clippy::cast_sign_loss)]
    pub(super) fn number(self) -> usize {
        ((self.row & (FIELDS_WIDE - 1)) * FIELDS_WIDE + (self.column & (FIELDS_WIDE - 1))) as usize
    }

    /// The south-western corner of one of its plots.
    pub(super) fn corner(self, plot: usize) -> (i32, i32) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        let (row, column) = ((plot / PLOTS_WIDE) as i32, (plot % PLOTS_WIDE) as i32);
        (
            (i32::from(self.row) << FIELD_SHIFT) + row * PLOT_SIDE,
            (i32::from(self.column) << FIELD_SHIFT) + column * PLOT_SIDE,
        )
    }
}

/// Which region: as fields are counted, eight at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct RegionKey {
    pub(super) row: i16,
    pub(super) column: i16,
}

impl RegionKey {
    /// Its south-western field.
    pub(super) fn first(self) -> FieldKey {
        FieldKey {
            row: self.row << REGION_SHIFT,
            column: self.column << REGION_SHIFT,
        }
    }

    /// Its north-eastern field.
    pub(super) fn last(self) -> FieldKey {
        let FieldKey { row, column } = self.first();
        FieldKey {
            row: row + (FIELDS_WIDE - 1),
            column: column + (FIELDS_WIDE - 1),
        }
    }
}

/// Where a position lies: field, plot, and how far north and east of the plot's corner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spot {
    pub(super) field: FieldKey,
    pub(super) plot: u8,
    pub(super) north: u16,
    pub(super) east: u16,
}

impl Spot {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn of(position: Position) -> Self {
        let (latitude, longitude) = position.to_e7();
        let (row, column) = (latitude >> PLOT_SHIFT, longitude >> PLOT_SHIFT);
        Self {
            field: FieldKey::at(latitude, longitude),
            plot: ((row & LAST) * (LAST + 1) + (column & LAST)) as u8,
            north: (latitude & (PLOT_SIDE - 1)) as u16,
            east: (longitude & (PLOT_SIDE - 1)) as u16,
        }
    }
}

/// The south-western and north-eastern fields of what lies within an angle of a place, in radians; in two pieces where it
/// crosses the antimeridian.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub(super) fn around(centre: Position, angle: f64) -> [Option<(FieldKey, FieldKey)>; 2] {
    let (latitude, longitude) = centre.to_e7();
    let (latitude, longitude) = (i64::from(latitude), i64::from(longitude));
    let (pole, half) = (i64::from(LATITUDE_MAX), i64::from(LONGITUDE_HALF));
    let units = |angle: f64, most: i64| (angle / RADIANS_PER_UNIT).min(most as f64) as i64 + 2;
    let north = units(angle, 2 * pole);
    let (south, north) = (latitude - north, latitude + north);
    // On its way out from the centre a great circle changes its longitude fastest where it is farthest from the equator.
    let edge = south.abs().max(north.abs());
    let east = if edge >= pole {
        half
    } else {
        units(angle / libm::cos(edge as f64 * RADIANS_PER_UNIT), half).min(half)
    };
    let (west, east) = (longitude - east, longitude + east);
    let corner = |latitude: i64, longitude: i64| {
        let within = |units: i64, limit: i64| units.clamp(-limit, limit) as i32;
        FieldKey::at(within(latitude, pole), within(longitude, half))
    };
    let piece = |west: i64, east: i64| Some((corner(south, west), corner(north, east)));
    if east - west >= 2 * (half - i64::from(FIELD_SIDE)) {
        // Both ends might lie in one field.
        [piece(-half, half), None]
    } else if west < -half {
        [piece(-half, east), piece(west + 2 * half, half)]
    } else if east > half {
        [piece(west, half), piece(-half, east - 2 * half)]
    } else {
        [piece(west, east), None]
    }
}
