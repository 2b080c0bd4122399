//! The one table of deadlines. A deadline exists because of the state; the dispatcher sets it anew whenever that state
//! changes, so none has to be stored.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ids::{AlertId, IncidentId},
    time::Timestamp,
};

/// What falls due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Due {
    /// The phone has not acknowledged the newest message: send it again, or report it unheard.
    ResendMessage(AlertId),
    /// A confirmation or stand-down has stopped being true.
    LapseMessage(AlertId),
    /// No receipt or no answer: ask somebody else.
    ReplaceAlert(AlertId),
    /// The alert has lived its time.
    ExpireAlert(AlertId),
    /// Somebody who accepted should be moving by now.
    LookForMovement(AlertId),
    /// Somebody on the way or there has said nothing for hours.
    PresumeOver(AlertId),
    /// Nobody has been reached: tell the control room.
    TellCouldNotAlert(IncidentId),
    /// Too few are asked: look again who is there.
    SearchAgain(IncidentId),
    /// The control room never said that it is over.
    PresumeIncidentOver(IncidentId),
    /// Everything about an ended incident has been settled for a while.
    ForgetIncident(IncidentId),
}

/// The table.
#[derive(Default, Debug)]
pub struct Deadlines {
    when: BTreeMap<Due, Timestamp>,
    order: BTreeSet<(Timestamp, Due)>,
}

impl Deadlines {
    /// Sets, moves or (with `None`) clears a deadline.
    pub fn set(&mut self, due: Due, at: Option<Timestamp>) {
        let before = match at {
            Some(at) => self.when.insert(due, at),
            None => self.when.remove(&due),
        };
        if let Some(before) = before {
            self.order.remove(&(before, due));
        }
        if let Some(at) = at {
            self.order.insert((at, due));
        }
    }

    /// When something is due.
    pub fn get(&self, due: Due) -> Option<Timestamp> {
        self.when.get(&due).copied()
    }

    /// When the first of them falls due.
    pub fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|&(at, _)| at)
    }

    /// Takes out the first that is due at `now`.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Due> {
        let &(at, due) = self.order.first()?;
        if at > now {
            return None;
        }
        self.set(due, None);
        Some(due)
    }

    /// Everything that waits for a new search.
    pub fn searches(&self) -> impl Iterator<Item = (IncidentId, Timestamp)> + '_ {
        self.when.iter().filter_map(|(&due, &at)| match due {
            Due::SearchAgain(incident) => Some((incident, at)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_due_comes_first_and_moving_leaves_nothing_behind() {
        let at = Timestamp::from_unix_ms;
        let (a, b) = (
            Due::ExpireAlert(AlertId::from_bytes([1; 16])),
            Due::SearchAgain(IncidentId::from_bytes([2; 16])),
        );
        let mut table = Deadlines::default();
        table.set(a, Some(at(50)));
        table.set(b, Some(at(20)));
        table.set(b, Some(at(70)));
        assert_eq!(table.next(), Some(at(50)));
        assert_eq!(table.take_due(at(49)), None);
        assert_eq!(table.take_due(at(50)), Some(a));
        assert_eq!(table.take_due(at(60)), None);
        table.set(b, None);
        assert_eq!(table.next(), None);
    }
}
