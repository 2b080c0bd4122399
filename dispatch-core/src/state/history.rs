//! What is kept of how people answered: enough to judge how likely they are to come, and whether they have been asked or
//! have helped enough for a while. Drills do not count.

use std::{collections::VecDeque, time::Duration};

use crate::{
    alert::{Alert, AlertState, Role},
    attendance::Attendance,
    ids::{AedId, AlertId, ResponderId},
    responder::Purpose,
    time::Timestamp,
};

use super::State;

/// Moments of alerts kept of one person: as many as a policy may allow (`rest.alerts_max`).
pub const ALERTS_KEPT: usize = 32;
/// And for how long: as far back as a policy may look (`rest.alerts_within_s`).
const ALERTS_KEPT_FOR: Duration = Duration::from_secs(31 * 86_400);

/// A defibrillator that was taken, or was not where it should be, is offered again after this, or once its keeper says how
/// it is. A day is our assumption: by then it has been missed.
const AED_AWAY_FOR: Duration = Duration::from_secs(86_400);

/// How one person answered so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// Requests to a patient that they accepted.
    pub accepted: u32,
    /// Requests to a patient that reached them and that they declined or did not answer in time.
    pub refused: u32,
    /// When they were last asked, oldest first, at most [`ALERTS_KEPT`].
    pub alerted_at: VecDeque<Timestamp>,
    /// When they last ended an attendance in which they went.
    pub helped_until: Option<Timestamp>,
}

impl History {
    /// How many alerts they have had since a moment.
    pub fn alerts_since(&self, since: Timestamp) -> usize {
        self.alerted_at.iter().rev().take_while(|&&at| at > since).count()
    }

    fn alerted(&mut self, at: Timestamp) {
        let old = |&first: &Timestamp| first <= at - ALERTS_KEPT_FOR;
        while self.alerted_at.len() >= ALERTS_KEPT || self.alerted_at.front().is_some_and(old) {
            self.alerted_at.pop_front();
        }
        self.alerted_at.push_back(at);
    }
}

impl State {
    /// How a person answered so far; `None` when they were never asked.
    pub fn history(&self, responder: ResponderId) -> Option<&History> {
        self.histories.get(&responder)
    }

    /// Everybody who was ever asked.
    pub fn histories(&self) -> impl Iterator<Item = (ResponderId, &History)> {
        self.histories.iter().map(|(&responder, history)| (responder, history))
    }

    pub(super) fn note_alerted(&mut self, alert: &Alert, at: Timestamp) {
        if self.is_live(alert) {
            self.histories.entry(alert.plan.responder).or_default().alerted(at);
        }
    }

    /// Notes what a record made of an alert.
    pub(super) fn note_answer(&mut self, before: &Alert, after: &Alert, at: Timestamp) {
        if !self.is_live(after) {
            return;
        }
        let history = self.histories.entry(after.plan.responder).or_default();
        // Whoever has no time for a shift may well have ten minutes for a neighbour.
        let to_patient = after.plan.role != Role::Shift;
        if to_patient && before.attendance.is_none() && after.attendance.is_some() {
            history.accepted += 1;
        } else if to_patient && before.state.is_open() && !after.state.is_open() && refused(after) {
            history.refused += 1;
        }
        let went = before
            .attendance
            .is_some_and(|attendance| attendance != Attendance::Confirmed);
        if went && before.is_attended() && !after.is_attended() {
            history.helped_until = Some(at);
        }
    }

    /// Whether a defibrillator is being fetched, or was and has not been put back as far as known.
    pub fn is_aed_taken(&self, aed: AedId, now: Timestamp) -> bool {
        let away = self.aeds_away.get(&aed);
        if away.is_some_and(|&since| now.since(since) < AED_AWAY_FOR) {
            return true;
        }
        self.aeds_fetched.contains_key(&aed)
    }

    /// The alerts of those who are to fetch a defibrillator.
    pub fn fetching(&self, aed: AedId) -> Vec<AlertId> {
        self.aeds_fetched.get(&aed).into_iter().flatten().copied().collect()
    }

    /// Its keeper said how a defibrillator is: what was presumed of it is void.
    pub(super) fn aed_told(&mut self, aed: AedId) {
        self.aeds_away.remove(&aed);
    }

    /// Keeps what is known of defibrillators in step with an alert.
    pub(super) fn note_fetching(&mut self, before: Option<&Alert>, after: &Alert, at: Timestamp) {
        let fetches = |alert: &Alert| {
            let waits = alert.is_pending() || (alert.is_attended() && !alert.stalled);
            alert.plan.role.aed().filter(|_| waits)
        };
        let (was, is) = (before.and_then(fetches), fetches(after));
        if let Some(aed) = was.filter(|_| was != is) {
            let by = self.aeds_fetched.entry(aed).or_default();
            by.remove(&after.plan.alert);
            if by.is_empty() {
                self.aeds_fetched.remove(&aed);
            }
        }
        if let Some(aed) = is.filter(|_| was != is) {
            self.aeds_fetched.entry(aed).or_default().insert(after.plan.alert);
        }
        let arrived = matches!(
            after.attendance,
            Some(Attendance::AtScene | Attendance::WithPatient | Attendance::AedAttached | Attendance::Finished)
        );
        let news = before.is_none_or(|before| before.attendance != after.attendance);
        if let Some(aed) = after.plan.role.aed().filter(|_| arrived && news) {
            self.aeds_away.insert(aed, at);
        }
        // Somebody who was sent for it and is not any more did not find it.
        let lost = before.and_then(|before| before.plan.role.aed());
        if let Some(aed) = lost.filter(|&aed| after.plan.role.aed() != Some(aed)) {
            self.aeds_away.insert(aed, at);
        }
    }

    fn is_live(&self, alert: &Alert) -> bool {
        let reported = self
            .incidents
            .get(&alert.incident)
            .and_then(|incident| incident.reported.as_ref());
        reported.is_some_and(|reported| reported.purpose == Purpose::Live)
    }
}

/// Whether an alert ended by the person's no, or by their silence for longer than the wait.
fn refused(alert: &Alert) -> bool {
    match alert.state {
        AlertState::Declined(_) | AlertState::Expired => true,
        AlertState::Withdrawn(_) => alert.lapsed && alert.reached_at.is_some(),
        _ => false,
    }
}
