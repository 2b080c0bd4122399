//! Tells apart the spans of time that the library can place. It reckons in one day and the next; a span whose end comes
//! before its start is taken into the next day, and one that would then reach into a third makes it break off. With fixed
//! times it refuses such a span itself; here are those that depend on the sun.

use opening_hours_syntax::rules::{
    OpeningHoursExpression,
    time::{Time, TimeEvent, TimeSpan},
};

/// Minutes in a day.
const DAY: i32 = 24 * 60;
/// Where a clock fits its place, the sun rises before 16 o'clock and sets after 8, far in the north too, where it does so
/// at noon and at midnight.
const RISES_BEFORE: i32 = 16 * 60;
const SETS_AFTER: i32 = 8 * 60;

/// Whether every span ends before the third day begins, on every day of the year.
pub(super) fn fit_two_days(expression: &OpeningHoursExpression) -> bool {
    let mut spans = expression.rules.iter().flat_map(|rule| &rule.time_selector.spans);
    spans.all(fits)
}

fn fits(span: &TimeSpan) -> bool {
    let (start_latest, (end_earliest, end_latest)) = (between(span.range.start).1, between(span.range.end));
    // An end on the first day may be taken into the next; one on the next must come after the start.
    end_latest <= DAY || start_latest <= DAY || start_latest < end_earliest
}

/// The earliest and latest minute, from the midnight that begins the first day.
fn between(time: Time) -> (i32, i32) {
    match time {
        Time::Fixed(fixed) => {
            let minute = i32::from(fixed.mins_from_midnight());
            (minute, minute)
        }
        Time::Variable(by_sun) => {
            let (earliest, latest) = match by_sun.event {
                TimeEvent::Dawn | TimeEvent::Sunrise => (0, RISES_BEFORE),
                TimeEvent::Sunset | TimeEvent::Dusk => (SETS_AFTER, DAY),
            };
            let offset = i32::from(by_sun.offset);
            (earliest + offset, latest + offset)
        }
    }
}
