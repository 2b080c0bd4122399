//! Gives opening hours their clock: local time without a zone, so that the hour that comes twice in autumn is an hour
//! like any other, and sunrise and sunset at the place itself.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use opening_hours::localization::{Coordinates, Localize};
use opening_hours_syntax::rules::time::TimeEvent;

use crate::position::Position;

/// The clock on the wall and the sun over the roof of one place.
#[derive(Clone)]
pub(super) struct LocalClock {
    zone: Tz,
    /// `None` never happens for a [`Position`]; without it the sun rises at 7 and sets at 19 o'clock.
    place: Option<Coordinates>,
}

impl LocalClock {
    pub fn of(zone: Tz, place: Position) -> Self {
        Self {
            zone,
            place: Coordinates::new(place.latitude(), place.longitude()),
        }
    }
}

impl Localize for LocalClock {
    // With a zone the library asks for the state "from now to a minute later"; in the minute before clocks go back that
    // later moment reads an hour earlier, and everything would be closed.
    type DateTime = NaiveDateTime;

    fn naive(&self, local: NaiveDateTime) -> NaiveDateTime {
        local
    }

    fn datetime(&self, local: NaiveDateTime) -> NaiveDateTime {
        local
    }

    fn event_time(&self, date: NaiveDate, event: TimeEvent) -> Option<NaiveTime> {
        let Some(place) = self.place else {
            return opening_hours::localization::NoLocation.event_time(date, event);
        };
        let event = place.event_time(date, event)?;
        Some(event.with_timezone(&self.zone).time())
    }
}
