//! Where entries lie: eight to a cache line, lines in runs, runs doubling up to a bound and chained beyond it, so that no
//! single move ever copies more than [`COPIED_MAX`] entries.

use super::chunks::Chunks;
use crate::position::Position;

/// Entries in a line.
pub(super) const LANES: usize = 8;
/// Runs have 1, 2, 4, 8, 16 or 32 lines.
const CLASSES: usize = 6;
/// Entries in the longest run.
const LONGEST: u32 = (LANES as u32) << (CLASSES - 1);
/// The most entries that one change copies: those of a run that is exchanged for the next longer one.
#[cfg(test)]
pub(super) const COPIED_MAX: u32 = LONGEST / 2;
const NOTHING: u32 = u32::MAX;

/// Eight entries, 64 bytes: how far north and east of their plot's corner, and who.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Line {
    pub(super) north: [u16; LANES],
    pub(super) east: [u16; LANES],
    pub(super) who: [u32; LANES],
}

/// One entry of a line.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) north: u16,
    pub(super) east: u16,
    pub(super) who: u32,
}

impl Entry {
    /// Where it is, in a plot with this corner.
    pub(super) fn position(self, corner: (i32, i32)) -> Position {
        Position::from_units(corner.0 + i32::from(self.north), corner.1 + i32::from(self.east))
    }
}

impl Line {
    const EMPTY: Self = Self {
        north: [0; LANES],
        east: [0; LANES],
        who: [NOTHING; LANES],
    };

    pub(super) fn entry(&self, lane: usize) -> Entry {
        Entry {
            north: self.north[lane],
            east: self.east[lane],
            who: self.who[lane],
        }
    }
}

/// The entries of one plot: the first line of its newest run, the length class of that run, and how many there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plot {
    run: u32,
    load: u32,
}

impl Plot {
    const COUNT_BITS: u32 = 28;

    pub(super) fn len(self) -> u32 {
        self.load & ((1 << Self::COUNT_BITS) - 1)
    }

    fn class(self) -> usize {
        (self.load >> Self::COUNT_BITS) as usize
    }

    fn capacity(self) -> u32 {
        (LANES as u32) << self.class()
    }

    fn set(&mut self, class: usize, len: u32) {
        self.load = (class as u32) << Self::COUNT_BITS | len;
    }

    /// How many entries the newest run has; older ones are full.
    fn newest_len(self) -> u32 {
        (self.len() - 1) % LONGEST + 1
    }
}

/// Where an entry lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place(u32);

impl Place {
    pub(super) const NOWHERE: Self = Self(u32::MAX);

    fn of(run: u32, index: u32) -> Self {
        Self(run * LANES as u32 + index)
    }

    fn line(self) -> u32 {
        self.0 / LANES as u32
    }

    fn lane(self) -> usize {
        self.0 as usize % LANES
    }
}

/// All lines.
pub(super) struct Lines {
    lines: Chunks<Line, 10>,
    /// The next older run of a chained one, by the number of the longest run that it is or would be.
    older: Chunks<u32, 10>,
    /// The first free run of each class; the next one stands in its first lane.
    free: [u32; CLASSES],
    /// Entries copied by changes of runs since the beginning.
    pub(super) copied: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            lines: Chunks::new(Line::EMPTY),
            older: Chunks::new(NOTHING),
            free: [NOTHING; CLASSES],
            copied: 0,
        }
    }
}

impl Lines {
    /// The entry at a place.
    pub(super) fn get(&self, place: Place) -> Entry {
        self.lines.get(place.line()).entry(place.lane())
    }

    fn set(&mut self, place: Place, entry: Entry) {
        let (line, lane) = (self.lines.get_mut(place.line()), place.lane());
        line.north[lane] = entry.north;
        line.east[lane] = entry.east;
        line.who[lane] = entry.who;
    }

    /// Moves an entry within its plot.
    pub(super) fn shift(&mut self, place: Place, north: u16, east: u16) {
        let (line, lane) = (self.lines.get_mut(place.line()), place.lane());
        line.north[lane] = north;
        line.east[lane] = east;
    }

    /// Adds an entry to a plot; `moved` hears where every entry that this copies now lies, and the new one.
    pub(super) fn push(&mut self, plot: &mut Plot, entry: Entry, mut moved: impl FnMut(u32, Place)) {
        let (class, len) = (plot.class(), plot.len());
        if len == 0 {
            plot.run = self.allocate(0);
            plot.set(0, 0);
        } else if class + 1 < CLASSES && len == plot.capacity() {
            self.exchange(plot, class + 1, &mut moved);
        } else if class + 1 == CLASSES && len % LONGEST == 0 {
            let run = self.allocate(class);
            *self.older.get_mut(run >> class) = plot.run;
            plot.run = run;
        }
        plot.set(plot.class(), len + 1);
        let place = Place::of(plot.run, plot.newest_len() - 1);
        self.set(place, entry);
        moved(entry.who, place);
    }

    /// Takes an entry out of a plot; the last one takes its place. `moved` as in [`Self::push`].
    pub(super) fn take(&mut self, plot: &mut Plot, place: Place, mut moved: impl FnMut(u32, Place)) {
        let last = Place::of(plot.run, plot.newest_len() - 1);
        if last != place {
            let entry = self.get(last);
            self.set(place, entry);
            moved(entry.who, place);
        }
        let (class, len) = (plot.class(), plot.len() - 1);
        plot.set(class, len);
        if len == 0 {
            self.release(plot.run, class);
        } else if class + 1 == CLASSES && len % LONGEST == 0 {
            let older = *self.older.get(plot.run >> class);
            self.release(plot.run, class);
            plot.run = older;
        } else if class > 0 && len <= plot.capacity() / 4 {
            self.exchange(plot, class - 1, &mut moved);
        }
    }

    /// Puts a plot's only run into one of another class.
    fn exchange(&mut self, plot: &mut Plot, class: usize, moved: &mut impl FnMut(u32, Place)) {
        let (old, old_class, len) = (plot.run, plot.class(), plot.len());
        plot.run = self.allocate(class);
        plot.set(class, len);
        if class + 1 == CLASSES {
            *self.older.get_mut(plot.run >> class) = NOTHING;
        }
        for index in 0..len {
            let (entry, place) = (self.get(Place::of(old, index)), Place::of(plot.run, index));
            self.set(place, entry);
            moved(entry.who, place);
        }
        self.copied += u64::from(len);
        self.release(old, old_class);
    }

    fn allocate(&mut self, class: usize) -> u32 {
        let free = self.free[class];
        if free != NOTHING {
            self.free[class] = self.lines.get(free).who[0];
            return free;
        }
        if class + 1 == CLASSES {
            let run = self.lines.extend(1 << class);
            self.older.extend(1);
            return run;
        }
        let longer = self.allocate(class + 1);
        self.release(longer + (1 << class), class);
        longer
    }

    fn release(&mut self, run: u32, class: usize) {
        self.lines.get_mut(run).who[0] = self.free[class];
        self.free[class] = run;
    }

    /// Goes through the lines of a plot, each with the number of its entries.
    #[inline]
    pub(super) fn each(&self, plot: Plot, mut look: impl FnMut(&Line, usize)) {
        self.each_run(plot, |lines, mut len| {
            for line in lines {
                look(line, len.min(LANES));
                len = len.saturating_sub(LANES);
            }
        });
    }

    /// Goes through the runs of a plot, each with the number of its entries.
    #[inline]
    pub(super) fn each_run(&self, plot: Plot, mut look: impl FnMut(&[Line], usize)) {
        if plot.len() == 0 {
            return;
        }
        let (mut run, mut len) = (plot.run, plot.newest_len() as usize);
        loop {
            look(self.lines.slice(run, len.div_ceil(LANES)), len);
            if plot.class() + 1 < CLASSES {
                return;
            }
            run = *self.older.get(run >> (CLASSES - 1));
            len = LONGEST as usize;
            if run == NOTHING {
                return;
            }
        }
    }
}
