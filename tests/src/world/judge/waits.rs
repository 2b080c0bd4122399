//! The waits of DESIGN section 3, each as "by now this must have happened", counted from when the service could act.

use std::{collections::BTreeMap, time::Duration};

use dispatch_core::{alert::MessageKind, incident::IncidentState, policy::Ranking, time::Timestamp};

use super::{
    Judge,
    pages::{AlertPage, IncidentPage},
};

/// How much later than due something may happen: deadlines are acted upon some at a time.
const GRACE: Duration = Duration::from_millis(150);
/// A direction is sent again after 2, 4, 8, 16, 32 s since the last time.
const DIRECTION_RESENDS: u32 = 5;
/// A direction not heard of is reported by then: a minute, and the longest step between two resends.
const UNHEARD_BY: Duration = Duration::from_secs(60 + 32);
/// An incident short of people looks again who is there.
const SEARCHES_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// What a life depends on is answered by then, however slow the store (DESIGN section 5).
const ANSWERED_WITHIN_MS: u64 = 250;

impl Judge {
    /// Looks for something that should have happened by `now`.
    pub fn waits(&mut self, clock: Timestamp, at: u64) {
        let now = clock + self.ahead;
        if self.broken() || self.book.sequence < self.first_of_life {
            return;
        }
        self.check_answers(at);
        let late = |due: Timestamp| now > due.max(self.able_since) + GRACE;
        let overdue = self.late_alert(now, &late).or_else(|| self.late_incident(&late));
        if let Some((what, text)) = overdue {
            let started = self.book.started_at;
            return self.violates(what, format_args!("{text}; it is {now}, started {started}"));
        }
        self.check_searches(now);
    }

    fn late_alert(&self, now: Timestamp, late: &impl Fn(Timestamp) -> bool) -> Option<(&'static str, String)> {
        for id in &self.book.live {
            let alert = &self.book.alerts[id];
            let incident = self.book.incidents.get(&alert.incident)?;
            let policy = self.book.policy(incident)?;
            if alert.is_open() && late(alert.expires_at) {
                return Some((
                    "waits: expiry",
                    format!("{id} should have ended at {}", alert.expires_at),
                ));
            }
            if alert.is_pending() {
                let (what, wait) = match alert.reached {
                    _ if alert.for_shift => ("waits: answer", policy.call_out.answer_wait),
                    Some(_) => ("waits: answer", policy.answer_wait),
                    None => ("waits: receipt", policy.receipt_wait),
                };
                let due = alert.waits_since + wait;
                if late(due) {
                    return Some((what, format!("{id} should have been made up for at {due}")));
                }
            }
            if !alert.is_unsettled() {
                continue;
            }
            let expiry = alert.message_expiry();
            if alert.kind != MessageKind::Alert && late(expiry) {
                return Some((
                    "waits: lapse",
                    format!("{id} {:?} should have been given up at {expiry}", alert.kind),
                ));
            }
            // Where to go is not said again once nobody is to go there, as to somebody with the patient after the close.
            let idle = alert.kind == MessageKind::Confirmed && !(incident.state.is_open() && alert.is_attended());
            if now >= expiry || idle {
                continue;
            }
            let due = resend_due(alert, policy.receipt_resend);
            if due.is_some_and(late) {
                return Some(("waits: resend", format!("{id} should have been sent again at {due:?}")));
            }
            let direction = alert.kind != MessageKind::Alert;
            let since = alert.planned_at.max(self.book.started_at);
            if direction && !alert.unheard && late(since + UNHEARD_BY) {
                return Some((
                    "I5 unheard",
                    format!("{id} {:?} is neither heard nor reported", alert.kind),
                ));
            }
        }
        None
    }

    fn late_incident(&self, late: &impl Fn(Timestamp) -> bool) -> Option<(&'static str, String)> {
        for (id, page) in &self.book.incidents {
            let searching = matches!(page.state, IncidentState::Searching | IncidentState::Exhausted);
            let (Some(began), Some(policy)) = (page.began, self.book.policy(page)) else {
                continue;
            };
            let reached = self
                .book
                .alerts_of(page)
                .any(|alert| alert.reached.is_some_and(|reached| reached >= began));
            let due = began + policy.could_not_alert_after;
            if searching && !page.told && !reached && late(due) {
                return Some((
                    "I2 could not alert",
                    format!("{id}: nobody was reached since {began}, nobody told"),
                ));
            }
        }
        None
    }

    fn check_answers(&mut self, at: u64) {
        let Some(since) = self.acting_since else { return };
        let late = self.arrived.iter().find(|(_, arrived)| {
            arrived.urgent && at > arrived.at.max(since).max(self.able_since_ms) + ANSWERED_WITHIN_MS + 50
        });
        if let Some((request, arrived)) = late {
            let text = format!(
                "request {request} arrived at {} and is not answered at {at}",
                arrived.at
            );
            self.violates("store trouble: answers", format_args!("{text}"));
        }
    }

    /// An incident that asks for more people must ask anybody it could ask within the time it looks again. Each person
    /// counts apart: while several incidents share few people, one is taken as the next comes free.
    fn check_searches(&mut self, now: Timestamp) {
        let mut free = BTreeMap::new();
        // By survival somebody may be free and not worth an alert; the core's own tests hold it to that.
        let asks_whoever_is_free = |page: &IncidentPage| {
            let policy = self.book.policy(page);
            policy.is_some_and(|policy| policy.ranking != Ranking::Survival)
        };
        let short = self.book.incidents.iter();
        let short = short.filter(|(_, page)| asks_whoever_is_free(page) && self.missing(page, now) > 0);
        for (&id, page) in short {
            for responder in self.who_could_be_asked(id, page, now) {
                let since = self.free_since.get(&(id, responder)).copied().unwrap_or(now);
                // A wave of a call-out asks as many as are missing, the nearest first: who was not among them waits for the next.
                let last_wave = page.asked_at.filter(|_| page.call_out.is_some());
                free.insert((id, responder), last_wave.map_or(since, |at| at.max(since)));
            }
        }
        self.free_since = free;
        let late = |since: Timestamp| now > since.max(self.able_since) + SEARCHES_AGAIN_AFTER + GRACE;
        if let Some((&(id, responder), since)) = self.free_since.iter().find(|&(_, &since)| late(since)) {
            let text = format!("{id} is short of people, and {responder} could be asked since {since}");
            self.violates("waits: search", format_args!("{text}; it is {now}"));
        }
    }

    fn missing(&self, page: &IncidentPage, now: Timestamp) -> u32 {
        let searching = matches!(page.state, IncidentState::Searching | IncidentState::Exhausted);
        if let (Some(call_out), Some(policy)) = (&page.call_out, self.book.policy(page)) {
            let room = searching && page.alerts.len() < policy.call_out.alerts_max as usize;
            let places = self.book.open_places(page, call_out, now);
            let wanted = places * policy.call_out.asked_per_place;
            return if room {
                wanted.saturating_sub(self.book.pending(page))
            } else {
                0
            };
        }
        match self.book.policy(page) {
            Some(policy) if searching && page.alerts.len() < policy.alerts_max as usize => policy
                .alert_count
                .saturating_sub(self.book.covering(page) + self.book.pending(page)),
            _ => 0,
        }
    }
}

fn resend_due(alert: &AlertPage, receipt_resend: Duration) -> Option<Timestamp> {
    match alert.kind {
        MessageKind::Alert => (alert.is_pending() && alert.resends == 0).then(|| alert.sent_at + receipt_resend),
        _ => (alert.resends < DIRECTION_RESENDS).then(|| alert.sent_at + Duration::from_secs(2 << alert.resends)),
    }
}
