//! Who could be asked, by looking at everybody: what the service has been told of positions and presence since it
//! started, and what the records say of the person.

use std::collections::BTreeMap;

use dispatch_core::{
    alert::{AlertState, StandDownReason},
    attendance::Attendance,
    ids::{DeviceId, IncidentId, ResponderId},
    input::Input,
    position::Fix,
    time::Timestamp,
};

use super::{
    Judge,
    pages::{AlertPage, End, IncidentPage},
};

/// What the running service has been told and forgets when it stops.
#[derive(Default)]
pub struct Told {
    fixes: BTreeMap<ResponderId, Fix>,
    online: BTreeMap<DeviceId, bool>,
}

impl Told {
    /// Where somebody said last that they are.
    pub fn fix(&self, responder: ResponderId) -> Option<&Fix> {
        self.fixes.get(&responder)
    }
}

impl Judge {
    /// The service is told something by a phone or the bus.
    pub fn input(&mut self, input: &Input) {
        match *input {
            Input::Fix { device, fix } => {
                let Some(device) = self.book.devices.get(&device) else {
                    return;
                };
                let known = self.told.fixes.get(&device.responder);
                let says_more = |known: &Fix| fix.taken_at > known.taken_at && !fix.tells_nothing_after(known);
                if known.is_none_or(says_more) {
                    self.told.fixes.insert(device.responder, fix);
                }
            }
            Input::DeviceOnline { device } if self.book.devices.contains_key(&device) => {
                self.told.online.insert(device, true);
            }
            Input::DeviceOffline { device } if self.book.devices.contains_key(&device) => {
                self.told.online.insert(device, false);
            }
            Input::Reply { .. } => self.count("replies"),
            _ => {}
        }
    }

    /// Everybody whom the incident could ask now.
    pub(super) fn who_could_be_asked(&self, id: IncidentId, page: &IncidentPage, now: Timestamp) -> Vec<ResponderId> {
        let (Some(place), Some(policy), Some(purpose)) = (page.place, self.book.policy(page), page.purpose) else {
            return Vec::new();
        };
        let could_be_asked = |responder: ResponderId, fix: &Fix| {
            let Some(person) = self.book.people.get(&responder) else {
                return false;
            };
            let skilled = match page.call_out.as_ref().and_then(|call_out| call_out.skill()) {
                Some(skill) => person.skills.contains(skill),
                None => policy.skills_any.is_empty() || person.skills.any_of(&policy.skills_any),
            };
            let near = match &page.call_out {
                Some(call_out) => call_out.reaches(place.position, policy.radius, fix.position),
                None => fix.position.distance_to(place.position) <= policy.radius,
            };
            let mut devices = self
                .book
                .devices
                .values()
                .filter(|device| device.responder == responder && device.purpose == purpose && device.alertable);
            person.tenant == page.tenant
                && person.on_duty
                && !person.suspended
                && now < person.credential_valid_until
                && skilled
                && near
                && devices.any(|device| self.told.online.get(&device.device) != Some(&false))
                && !self.is_busy(id, page, responder, now)
                && self
                    .book
                    .alerts_of(page)
                    .filter(|alert| alert.responder == responder)
                    .all(may_be_asked_again)
        };
        let fixes = self.told.fixes.iter();
        fixes
            .filter(|&(&responder, fix)| could_be_asked(responder, fix))
            .map(|(&responder, _)| responder)
            .collect()
    }

    fn is_busy(&self, here: IncidentId, page: &IncidentPage, responder: ResponderId, now: Timestamp) -> bool {
        self.book.live.iter().any(|id| {
            let alert = &self.book.alerts[id];
            let elsewhere = &self.book.incidents[&alert.incident];
            let may_leave = page.call_out.is_none() && alert.can_leave(elsewhere, now);
            let busy = alert.incident != here && (alert.is_pending() || alert.is_attended());
            alert.responder == responder && busy && !may_leave
        })
    }
}

/// As docs/decisions/0005 says: who never had the alert, was called off before answering, or offered to go in vain.
fn may_be_asked_again(alert: &AlertPage) -> bool {
    match alert.attendance {
        Some(attendance) => {
            matches!(attendance, Attendance::NotNeeded | Attendance::TooLate) && !alert.wants_another_shift()
        }
        None => matches!(alert.end, Some((End::Undeliverable | End::Withdrawn, _))),
    }
}

/// The state an alert of the core has, in the judge's words.
pub fn end_of(state: AlertState) -> Option<End> {
    match state {
        AlertState::Accepted => Some(End::Accepted),
        AlertState::Declined(_) => Some(End::Declined),
        AlertState::Expired => Some(End::Expired),
        AlertState::Undeliverable => Some(End::Undeliverable),
        AlertState::Withdrawn(StandDownReason::Enough | _) => Some(End::Withdrawn),
        _ => None,
    }
}
