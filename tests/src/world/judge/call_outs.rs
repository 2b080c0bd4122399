//! Call-outs, judged: waves, shifts, and who is told what until when.

use dispatch_core::{
    attendance::Attendance,
    call_out::{CallOut, Shift},
    ids::IncidentId,
    incident::IncidentState,
    policy::Policy,
    record::{Decision, Record},
    time::Timestamp,
};

use super::{
    Judge,
    book::{Book, Broken, Room},
    pages::{AlertPage, End, IncidentPage},
};

/// When a request made now has to end by itself.
pub fn expiry(page: &IncidentPage, policy: &Policy, at: Timestamp) -> Timestamp {
    match &page.call_out {
        Some(call_out) => (at + policy.call_out.alert_expiry).min(call_out.ends_at()),
        None => at + policy.alert_expiry,
    }
}

impl IncidentPage {
    /// Notes the most that each shift ever wanted.
    pub fn note_wanted(&mut self) {
        let shifts = self.call_out.iter().flat_map(|call_out| call_out.shifts());
        for shift in shifts {
            let most = self.wanted_at_most.entry(shift.number).or_default();
            *most = (*most).max(shift.wanted);
        }
    }
}

impl AlertPage {
    /// Notes which shift the person has, and when it ends by what is known then.
    pub fn note_shift(&mut self, record: &Record, page: &IncidentPage) {
        if let Record::AlertAccepted { shift, .. } = record {
            self.shift = *shift;
        }
        self.shift_ends_at = self.shift.and_then(|number| {
            let shift = page.call_out.as_ref()?.shift(number)?;
            Some(shift.ends_at)
        });
    }

    /// Whether the person said that they can come, and for none of the shifts that want people.
    pub fn wants_another_shift(&self) -> bool {
        let accepted = matches!(self.end, Some((End::Accepted, _)));
        self.for_shift && accepted && self.attendance == Some(Attendance::NotNeeded)
    }

    /// Whether the person can go to a patient all the same.
    pub fn can_leave(&self, page: &IncidentPage, now: Timestamp) -> bool {
        let begins = || page.call_out.as_ref()?.shift(self.shift?).map(|shift| shift.starts_at);
        match self.attendance {
            _ if !self.for_shift => false,
            None => true,
            Some(Attendance::Confirmed) => begins().is_some_and(|begins| now < begins),
            Some(_) => false,
        }
    }
}

impl Book {
    fn taken(&self, page: &IncidentPage, shift: &Shift) -> u32 {
        let taken = self.alerts_of(page);
        let taken = taken.filter(|alert| alert.shift == Some(shift.number) && alert.covers());
        taken.map(|_| 1).sum()
    }

    /// How many people are wanted still in shifts that are not over.
    pub fn open_places(&self, page: &IncidentPage, call_out: &CallOut, at: Timestamp) -> u32 {
        let shifts = call_out.shifts().iter().filter(|shift| at < shift.ends_at);
        shifts
            .map(|shift| shift.wanted.saturating_sub(self.taken(page, shift)))
            .sum()
    }

    /// No more are asked than the places left call for.
    pub(super) fn check_wave(
        &self,
        page: &IncidentPage,
        call_out: &CallOut,
        policy: &Policy,
        at: Timestamp,
    ) -> Result<(), Broken> {
        let places = self.open_places(page, call_out, at);
        let (pending, asked) = (self.pending(page), page.alerts.len());
        if pending > places * policy.call_out.asked_per_place || asked > policy.call_out.alerts_max as usize {
            let text = format!("{pending} people are asked for {places} places, {asked} in all");
            return Err(("I8 bounds", text));
        }
        Ok(())
    }

    /// Whether what an accept came to is possible: a shift that is wanted still, or a no that depends on what they named.
    pub(super) fn room_in_shift(&self, page: &IncidentPage, record: &Record, at: Timestamp) -> Room {
        let Record::AlertAccepted { shift, .. } = record else {
            return Room::None;
        };
        let taken = shift.and_then(|number| page.call_out.as_ref()?.shift(number));
        let wanted = taken.is_some_and(|shift| at < shift.ends_at && self.taken(page, shift) < shift.wanted);
        if page.state.is_active() && wanted {
            Room::IfWorthIt
        } else {
            Room::None
        }
    }

    /// What must hold of a call-out between two commits.
    pub(super) fn check_call_out(&self, id: IncidentId, page: &IncidentPage) -> Result<(), Broken> {
        let Some(call_out) = &page.call_out else {
            return Ok(());
        };
        for shift in call_out.shifts() {
            let (taken, most) = (self.taken(page, shift), page.wanted_at_most[&shift.number]);
            if taken > most {
                let text = format!("{id}: {taken} have shift {}, {most} were wanted", shift.number.get());
                return Err(("I4 wanted", text));
            }
        }
        let dropped = |alert: &AlertPage| {
            let taken = alert.shift.filter(|_| alert.is_attended());
            let with_patient = alert.attendance.is_some_and(Attendance::is_with_patient);
            taken.is_some_and(|number| call_out.shift(number).is_none()) && !with_patient
        };
        if page.state.is_active() && self.alerts_of(page).any(dropped) {
            return Err(("I3 called off", format!("{id}: somebody has a shift that is no more")));
        }
        self.check_ended(id, page)?;
        let open = self.alerts_of(page).filter(|alert| alert.is_open()).count();
        let asking = matches!(page.state, IncidentState::Searching | IncidentState::Exhausted);
        if !asking && open > 0 {
            let text = format!("{id} is {:?} and {open} alerts are open", page.state);
            return Err(("I3 called off", text));
        }
        let places = self.open_places(page, call_out, self.last_at);
        let full = call_out
            .shifts()
            .iter()
            .all(|shift| self.taken(page, shift) >= shift.wanted);
        let covered = page.state == IncidentState::Covered;
        if page.state.is_active() && ((covered && places > 0) || (!covered && full)) {
            let text = format!("{id} is {:?} with {places} places left", page.state);
            return Err(("I4 covered", text));
        }
        Ok(())
    }
}

impl Judge {
    /// Nobody is called from outside the area, as far as anybody was told where people are.
    pub(super) fn check_called(&mut self, decision: &Decision) {
        let Some(page) = self.book.incidents.get(&decision.incident) else {
            return;
        };
        let (Some(call_out), Some(policy)) = (&page.call_out, self.book.policy(page)) else {
            return;
        };
        let mut alerts = decision.alerts.iter();
        let stray = alerts.find(|plan| {
            let fix = self.told.fix(plan.responder);
            fix.is_some_and(|fix| !call_out.reaches(decision.place.position, policy.radius, fix.position))
        });
        let stray = stray.map(|plan| plan.responder);
        for _ in &decision.alerts {
            self.count("called out");
        }
        if let Some(responder) = stray {
            self.violates(
                "call-outs: area",
                format_args!("{responder} is called and is not in the area"),
            );
        }
    }
}
