//! What is kept of how people answered: enough to judge how likely they are to come, and whether they have been asked or
//! have helped enough for a while. Drills do not count.

use std::{collections::VecDeque, time::Duration};

use crate::{
    alert::{Alert, AlertState},
    attendance::Attendance,
    ids::ResponderId,
    responder::Purpose,
    time::Timestamp,
};

use super::State;

/// Moments of alerts kept of one person: as many as a policy may allow (`rest.alerts_max`).
pub const ALERTS_KEPT: usize = 32;
/// And for how long: as far back as a policy may look (`rest.alerts_within_s`).
const ALERTS_KEPT_FOR: Duration = Duration::from_secs(31 * 86_400);

/// How one person answered so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// Requests they accepted.
    pub accepted: u32,
    /// Requests that reached them and that they declined or did not answer in time.
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
        if before.attendance.is_none() && after.attendance.is_some() {
            history.accepted += 1;
        } else if before.state.is_open() && !after.state.is_open() && refused(after) {
            history.refused += 1;
        }
        let went = before
            .attendance
            .is_some_and(|attendance| attendance != Attendance::Confirmed);
        if went && before.is_attended() && !after.is_attended() {
            history.helped_until = Some(at);
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
