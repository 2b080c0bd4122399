//! Counting: what the core writes down is what counts, alert by alert.

use dispatch_core::{
    ids::AlertId,
    record::{Entry, Record},
};

use super::{Request, World};
use crate::{crowd::number_of, outcome::Fate};

impl World<'_> {
    /// What the journal says is what is counted.
    pub(super) fn note(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Decided(decision) => {
                let index = self.numbers[&decision.incident];
                for plan in &decision.alerts {
                    let number = number_of(plan.responder);
                    self.life.outcomes[index].alerts += 1;
                    self.life.burden[number as usize] += 1;
                    self.bedsides.entry(index).or_default().alerts.push(plan.alert);
                    let request = Request::new(
                        self.shared,
                        index,
                        number,
                        (self.shared.errand)(self.shared.study, plan.role),
                    );
                    self.requests.insert(plan.alert, request);
                }
            }
            // An offer that crosses a withdrawal is still an offer: it counts in its place.
            Record::AlertAccepted { alert, attendance, .. } => self.ends(*alert, Fate::of_accept(*attendance)),
            Record::AlertDeclined { alert, .. } => self.ends(*alert, Fate::Declined),
            Record::AlertExpired { alert } => self.ends(*alert, Fate::Expired),
            Record::AlertUndeliverable { alert } => self.ends(*alert, Fate::Undeliverable),
            Record::AlertWithdrawn { alert, .. } => self.ends(*alert, Fate::Withdrawn),
            Record::AttendanceStoodDown { alert, .. } => {
                if let Some(request) = self.requests.get(alert) {
                    self.life.outcomes[request.incident].called_off += 1;
                }
            }
            _ => {}
        }
    }

    fn ends(&mut self, alert: AlertId, fate: Fate) {
        if let Some(request) = self.requests.get_mut(&alert) {
            request.fate = Some(fate);
        }
    }

    /// Counts how the alerts of an incident ended, and forgets it.
    pub(super) fn put_away(&mut self, index: usize) {
        let bedside = self.bedsides.remove(&index).unwrap_or_default();
        for alert in bedside.alerts {
            let fate = self.requests.remove(&alert).and_then(|request| request.fate);
            self.life.outcomes[index].count(fate);
        }
        self.numbers.retain(|_, known| *known != index);
    }
}
