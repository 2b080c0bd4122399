//! What will happen, in order of time; what was put in first goes first at the same moment.

use std::{cmp::Ordering, collections::BinaryHeap};

use dispatch_core::time::Timestamp;

use crate::{calls::Step, phones::Act};

/// Something that will happen.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A control room does something about its `call`-th call.
    Call { call: u64, step: Step },
    /// A phone or its person does something.
    Phone(Act),
    /// An hour has gone by.
    Round { hour: u64 },
}

struct Entry {
    at: Timestamp,
    order: u64,
    event: Event,
}

/// The queue of events.
#[derive(Default)]
pub struct Agenda {
    heap: BinaryHeap<Entry>,
    order: u64,
}

impl Agenda {
    /// Puts an event in.
    pub fn add(&mut self, at: Timestamp, event: Event) {
        self.order += 1;
        self.heap.push(Entry {
            at,
            order: self.order,
            event,
        });
    }

    /// When the next event is.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Takes out the next event.
    pub fn take(&mut self) -> Option<Event> {
        self.heap.pop().map(|entry| entry.event)
    }
}

impl Ord for Entry {
    /// The earliest is the greatest, because the heap hands out the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_goes_first_and_at_one_moment_the_first() {
        let mut agenda = Agenda::default();
        for (at, hour) in [(2, 0), (1, 1), (2, 2), (1, 3)] {
            agenda.add(Timestamp::from_unix_ms(at), Event::Round { hour });
        }
        let hours: Vec<u64> = std::iter::from_fn(|| agenda.take())
            .map(|event| match event {
                Event::Round { hour } => hour,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(hours, [1, 3, 0, 2]);
    }
}
