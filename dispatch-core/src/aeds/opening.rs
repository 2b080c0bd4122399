//! When one can get at a defibrillator: an expression in the form of OpenStreetMap's `opening_hours`, with the country
//! whose public holidays count and the zone of the clock on the wall.
//!
//! The expression is what is written down; it is parsed again when the journal is replayed. Everything here depends on
//! arguments and on tables built into the program (holidays, time zones), never on the machine's clock or zone.

use std::{
    cmp::Ordering,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;
use opening_hours::{Context, OpeningHours as Rules, RuleKind, localization::Country};

use crate::{position::Position, time::Timestamp};

use super::{spans, sun::LocalClock};

/// Most bytes of an expression: twice what OpenStreetMap stores in one value (255 characters). Longer ones are written
/// by hand for other purposes, and parsing takes time that grows with the length.
pub const EXPRESSION_MAX: usize = 512;
/// 1970-01-01 and 9999-12-31: what lies outside is no moment at which anybody looks for a defibrillator, and calendars
/// have an end.
const EARLIEST_MS: i64 = 0;
const LATEST_MS: i64 = 253_402_214_400_000;

/// Whether one can get at something at a moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Openness {
    /// Yes.
    Open,
    /// No.
    Closed,
    /// Nobody said, or what was said is not understood, or it says so itself.
    Unknown,
}

/// A country or time zone that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocality {
    /// No calendar of holidays goes by this code.
    #[error("'{0}' is not a country whose holidays are known: two capital letters such as GB")]
    Country(String),
    /// Not in the list of zones.
    #[error("'{0}' is not a time zone: a name such as Europe/London")]
    TimeZone(String),
}

impl InvalidLocality {
    /// A bound, since the text comes from outside.
    fn shown(text: &str) -> String {
        text.chars().take(40).collect()
    }
}

/// Whose holidays and whose clock opening hours go by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Locality {
    country: Country,
    zone: Tz,
}

impl Locality {
    /// The locality of a country by its ISO 3166 code of two letters and a zone by its name in the IANA database.
    pub fn new(country: &str, time_zone: &str) -> Result<Self, InvalidLocality> {
        Ok(Self {
            country: country
                .parse()
                .map_err(|_| InvalidLocality::Country(InvalidLocality::shown(country)))?,
            zone: time_zone
                .parse()
                .map_err(|_| InvalidLocality::TimeZone(InvalidLocality::shown(time_zone)))?,
        })
    }

    /// The country's code.
    pub fn country(&self) -> &'static str {
        self.country.iso_code()
    }

    /// The zone's name.
    pub fn time_zone(&self) -> &'static str {
        self.zone.name()
    }
}

impl Ord for Locality {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.country(), self.time_zone()).cmp(&(other.country(), other.time_zone()))
    }
}

impl PartialOrd for Locality {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Locality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.country(), self.time_zone())
    }
}

/// Opening hours as somebody wrote them, and their meaning if they have one. Equal when they say the same in the same
/// words; clones share everything.
#[derive(Clone)]
pub struct OpeningHours {
    expression: Arc<str>,
    locality: Locality,
    /// `None`: not understood.
    rules: Option<Rules>,
}

impl OpeningHours {
    /// Takes an expression and works out what it means; one that means nothing is kept and never known to be open.
    /// `None` when it is empty or longer than [`EXPRESSION_MAX`] bytes.
    pub fn new(expression: &str, locality: Locality) -> Option<Self> {
        if !(1..=EXPRESSION_MAX).contains(&expression.len()) {
            return None;
        }
        Some(Self {
            expression: expression.into(),
            locality,
            rules: guarded(|| expression.parse().ok())
                .flatten()
                .filter(|rules: &Rules| spans::fit_two_days(&rules.get_expression())),
        })
    }

    /// The words.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whose holidays and whose clock.
    pub fn locality(&self) -> Locality {
        self.locality
    }

    /// Whether the words mean something.
    pub fn is_understood(&self) -> bool {
        self.rules.is_some()
    }

    /// Whether it is open at a moment; `place` is where the sun rises and sets.
    pub fn openness(&self, at: Timestamp, place: Position) -> Openness {
        let (Some(rules), Some(local)) = (&self.rules, self.local(at)) else {
            return Openness::Unknown;
        };
        let country = self.locality.country;
        let context = Context::default()
            .with_holidays(country.holidays())
            // Holidays of a part of the country: whether they hold here is not known, and so neither is what hangs on them.
            .with_holidays_unknown(country.holidays_regional())
            .with_locale(LocalClock::of(self.locality.zone, place));
        let rules = rules.clone().with_context(context);
        match guarded(|| rules.state(local).0) {
            Some(RuleKind::Open) => Openness::Open,
            Some(RuleKind::Closed) => Openness::Closed,
            Some(RuleKind::Unknown) | None => Openness::Unknown,
        }
    }

    /// The clock on the wall.
    fn local(&self, at: Timestamp) -> Option<NaiveDateTime> {
        let ms = at.unix_ms();
        let within = (EARLIEST_MS..LATEST_MS).contains(&ms);
        let utc = DateTime::from_timestamp_millis(ms).filter(|_| within)?;
        Some(utc.with_timezone(&self.locality.zone).naive_local())
    }

    fn said(&self) -> (&str, Locality) {
        (&self.expression, self.locality)
    }
}

/// What a library makes of words that came from outside. Should it break off, they mean nothing; the owner of all
/// incidents must not end over the opening hours of a library.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

impl PartialEq for OpeningHours {
    fn eq(&self, other: &Self) -> bool {
        self.said() == other.said()
    }
}

impl Eq for OpeningHours {}

impl Ord for OpeningHours {
    fn cmp(&self, other: &Self) -> Ordering {
        self.said().cmp(&other.said())
    }
}

impl PartialOrd for OpeningHours {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for OpeningHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {:?}", self.expression, self.locality)
    }
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
