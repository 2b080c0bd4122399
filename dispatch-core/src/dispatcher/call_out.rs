//! Call-outs: which shifts want people still, who has which, and what people are told of them.

use crate::{
    alert::{Alert, StandDownReason},
    call_out::{CallOut, Shift},
    command::Offer,
    ids::{AlertId, IncidentId},
    incident::Incident,
    time::Timestamp,
};

use super::Dispatcher;

impl Dispatcher {
    /// What an incident calls people out for; `None` when it is not a call-out.
    pub(super) fn call_out(&self, id: IncidentId) -> Option<&CallOut> {
        self.incident(id).reported.as_ref()?.call_out.as_deref()
    }

    /// The shift that somebody has taken.
    pub(super) fn shift_of(&self, alert: &Alert) -> Option<&Shift> {
        self.call_out(alert.incident)?.shift(alert.shift?)
    }

    /// The shifts that are not over and want people still, the earliest first.
    pub(super) fn open_shifts<'a>(&'a self, id: IncidentId, call_out: &'a CallOut) -> impl Iterator<Item = &'a Shift> {
        let wanting = call_out.shifts().iter();
        wanting.filter(move |shift| self.places_in(id, shift) > 0)
    }

    /// How many people are wanted still, in all shifts.
    pub(super) fn open_places(&self, id: IncidentId, call_out: &CallOut) -> u32 {
        call_out.shifts().iter().map(|shift| self.places_in(id, shift)).sum()
    }

    fn places_in(&self, id: IncidentId, shift: &Shift) -> u32 {
        if shift.ends_at <= self.now {
            return 0;
        }
        shift.wanted.saturating_sub(self.state.shift_taken(id, shift.number))
    }

    /// When the next wave of a call-out goes out; `None` = now. Answers to hundreds of requests come one by one, and what
    /// they leave open is made up for together, so that not each of them costs a look at everybody.
    pub(super) fn next_wave_of_call_out(&self, incident: &Incident) -> Option<Timestamp> {
        incident.reported.as_ref()?.call_out.as_ref()?;
        let last = self.state.alert(*incident.alerts.last()?)?;
        let next = last.planned_at + self.policy_of(incident.id).search_again_after;
        (self.now < next).then_some(next)
    }

    /// What somebody who is asked is told of the shifts.
    pub(super) fn offer(&self, id: IncidentId) -> Option<Offer> {
        let call_out = self.call_out(id)?;
        Some(Offer {
            skill: call_out.skill().cloned(),
            shifts: self.open_shifts(id, call_out).copied().collect(),
        })
    }

    /// A revision left shifts out: whoever had taken one of them need not come.
    pub(super) fn release_from_dropped_shifts(&mut self, id: IncidentId) {
        let Some(call_out) = self.call_out(id) else {
            return;
        };
        let alerts = self.state.alerts_of(self.incident(id));
        let dropped = alerts.filter(|alert| {
            let taken = alert.shift.filter(|_| alert.is_attended());
            taken.is_some_and(|number| call_out.shift(number).is_none())
        });
        let dropped: Vec<AlertId> = dropped.map(|alert| alert.plan.alert).collect();
        for alert in dropped {
            self.stand_down(alert, StandDownReason::Cancelled);
        }
    }
}
