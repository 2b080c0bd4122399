//! The shifts of a call-out, and which of them a person can take.

use muster_proto::v1::{Alert, ReplyKind};

use super::Phone;

impl Phone {
    /// Notes the shifts that a request offers.
    pub(super) fn offered(&mut self, id: &str, asked: &Alert) {
        let offered = asked.call_out.as_ref().map(|call_out| &call_out.shifts);
        let numbers = offered.into_iter().flatten().map(|shift| shift.number);
        let numbers = numbers.collect();
        if let Some(alert) = self.alerts.get_mut(id) {
            alert.shifts = numbers;
        }
    }

    /// The shifts that go with what is said; none = any. One in three people can take any, one in three only the first,
    /// one in three only the last of those offered: our assumption, so that shifts fill unevenly.
    pub(super) fn shifts_for(&self, id: &str, said: ReplyKind) -> Vec<u32> {
        let Some(alert) = self.alerts.get(id).filter(|_| said == ReplyKind::Accept) else {
            return Vec::new();
        };
        let one = match self.person.number % 3 {
            0 => None,
            1 => alert.shifts.first(),
            _ => alert.shifts.last(),
        };
        one.copied().into_iter().collect()
    }
}
