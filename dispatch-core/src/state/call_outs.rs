//! How many have taken each shift of a call-out, kept in step with the alerts, so that an answer among hundreds is counted
//! at once.

use crate::{alert::Alert, call_out::ShiftNumber, ids::IncidentId};

use super::State;

impl State {
    /// How many have taken a shift and are coming, there, or were.
    pub fn shift_taken(&self, incident: IncidentId, shift: ShiftNumber) -> u32 {
        self.shifts_taken.get(&(incident, shift)).copied().unwrap_or(0)
    }

    /// Notes what a record made of an alert; `before` is `None` when it is new here.
    pub(super) fn note_shift(&mut self, before: Option<&Alert>, after: &Alert) {
        let takes = |alert: &Alert| alert.shift.filter(|_| alert.covers());
        let (was, is) = (before.and_then(takes), takes(after));
        if was == is {
            return;
        }
        if let Some(shift) = is {
            *self.shifts_taken.entry((after.incident, shift)).or_default() += 1;
        }
        if let Some(shift) = was {
            self.leave_shift(after.incident, shift);
        }
    }

    /// Forgets one who had taken a shift, if they had.
    pub(super) fn forget_shift(&mut self, alert: &Alert) {
        if let Some(shift) = alert.shift.filter(|_| alert.covers()) {
            self.leave_shift(alert.incident, shift);
        }
    }

    fn leave_shift(&mut self, incident: IncidentId, shift: ShiftNumber) {
        let taken = self.shift_taken(incident, shift).saturating_sub(1);
        if taken == 0 {
            self.shifts_taken.remove(&(incident, shift));
        } else {
            self.shifts_taken.insert((incident, shift), taken);
        }
    }
}
