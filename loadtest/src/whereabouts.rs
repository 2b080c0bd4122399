//! Where the person with the phone is: about their own business, or on the way to somebody.

use muster_people::{
    Person,
    movement::{ARRIVED_WITHIN_M, Density, Idling, Walk, speed_of},
    place::Place,
};

use crate::moment::Moment;

/// A person's movement in real time.
#[derive(Debug)]
pub(crate) struct Whereabouts {
    person: Person,
    motion: Motion,
    since: Moment,
}

#[derive(Debug)]
enum Motion {
    Idling(Idling),
    OnTheWay(Walk),
}

impl Whereabouts {
    pub(crate) fn at_home(person: Person, home: Place, now: Moment) -> Self {
        Self {
            person,
            motion: Motion::Idling(Idling::new(person, home)),
            since: now,
        }
    }

    pub(crate) fn place(&mut self, now: Moment) -> Place {
        let elapsed = now.since(self.since);
        match &mut self.motion {
            Motion::Idling(idling) => idling.place_at(elapsed),
            Motion::OnTheWay(walk) => walk.place_after(elapsed),
        }
    }

    pub(crate) fn is_on_the_way(&self) -> bool {
        matches!(self.motion, Motion::OnTheWay(_))
    }

    /// Whether the person walks about when not called.
    #[cfg(test)]
    pub(crate) fn wanders(&self) -> bool {
        matches!(&self.motion, Motion::Idling(idling) if idling.wanders())
    }

    /// Sets off, and says when the person comes within arrival distance; `None` = never.
    pub(crate) fn set_off(&mut self, target: Place, now: Moment) -> Option<Moment> {
        let walk = Walk::new(self.place(now), target, speed_of(self.person, Density::Any));
        self.motion = Motion::OnTheWay(walk);
        self.since = now;
        walk.within_after(ARRIVED_WITHIN_M).map(|wait| now.plus(wait))
    }

    /// Stops here; no target is kept.
    pub(crate) fn stop(&mut self, now: Moment) {
        let here = self.place(now);
        *self = Self::at_home(self.person, here, now);
    }
}
