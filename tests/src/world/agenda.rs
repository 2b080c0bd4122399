//! Virtual time: what is going to happen, in order. Time passes only by taking the next thing out.

use std::collections::BTreeMap;

/// Milliseconds since the world began.
pub type Ms = u64;

/// Things to come, in order of their time; of two at one moment the one put in first comes first.
#[derive(Debug)]
pub struct Agenda<T> {
    now: Ms,
    counter: u64,
    coming: BTreeMap<(Ms, u64), T>,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self {
            now: 0,
            counter: 0,
            coming: BTreeMap::new(),
        }
    }
}

impl<T> Agenda<T> {
    /// The present moment.
    pub fn now(&self) -> Ms {
        self.now
    }

    /// How many things are to come.
    pub fn len(&self) -> usize {
        self.coming.len()
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.coming.is_empty()
    }

    /// Puts something in at a moment; one that has passed counts as now.
    pub fn at(&mut self, at: Ms, thing: T) {
        self.counter += 1;
        self.coming.insert((at.max(self.now), self.counter), thing);
    }

    /// Puts something in this long from now.
    pub fn after(&mut self, wait: Ms, thing: T) {
        self.at(self.now.saturating_add(wait), thing);
    }

    /// Takes out the next thing not later than `end`, and time moves there; with none, time moves to `end`.
    pub fn next_until(&mut self, end: Ms) -> Option<T> {
        let due = self.coming.first_entry().filter(|entry| entry.key().0 <= end);
        match due {
            Some(entry) => {
                self.now = entry.key().0;
                Some(entry.remove())
            }
            None => {
                self.now = self.now.max(end);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_in_order_and_ties_keep_theirs() {
        let mut agenda = Agenda::default();
        for (at, name) in [(5, "b"), (3, "a"), (5, "c"), (9, "d")] {
            agenda.at(at, name);
        }
        assert_eq!(
            [5, 5, 5, 5].map(|end| agenda.next_until(end)),
            [Some("a"), Some("b"), Some("c"), None]
        );
        agenda.at(1, "late");
        assert_eq!((agenda.next_until(8), agenda.now()), (Some("late"), 5));
        assert_eq!((agenda.next_until(8), agenda.now()), (None, 8));
    }
}
