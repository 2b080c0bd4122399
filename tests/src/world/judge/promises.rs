//! What the service promises: an acknowledgement means that what was said is on the disk, and so does an answer that says
//! so.

use dispatch_core::{command::Answer, ids::TenantId, input::RequestId, state::State, time::Timestamp};
use muster_engine::{
    alarms::AlarmKind,
    requests::{Answered, Refused},
};

use super::{Arrived, Judge, pages::Recount, people::end_of};
use crate::world::{
    cast::{self, Said},
    plan::Event,
};

impl Judge {
    /// The journal tells the service that everything up to `sequence` is durable; `safe` is what the disk holds against
    /// a power cut.
    pub fn told_durable(&mut self, sequence: u64, safe: u64) {
        if safe < sequence {
            return self.violates(
                "I1 synced",
                format_args!("{sequence} is called durable, a power cut would leave {safe}"),
            );
        }
        self.durable_before = self.durable;
        self.durable = self.durable.max(sequence);
        self.promised = self.promised.max(sequence);
        while self.in_flight.front().is_some_and(|&(last, _)| last <= sequence) {
            self.in_flight.pop_front();
        }
        if self.durable >= self.first_of_life {
            self.acting_since.get_or_insert(self.now_ms);
        }
    }

    /// What the journal told has been acted upon.
    pub fn effects_over(&mut self) {
        self.durable_before = self.durable;
    }

    /// The journal failed.
    pub fn journal_failed(&mut self) {
        self.count("journal failures");
        self.journal_failed = true;
    }

    /// A phone's message, with everything up to `submitted` that followed from it, is acknowledged.
    pub fn acknowledged(&mut self, submitted: u64, safe: u64) {
        self.count("acknowledgements");
        if submitted > safe {
            self.violates(
                "I1 acknowledged",
                format_args!("a phone is acknowledged at {submitted}, the disk is at {safe}"),
            );
        }
        self.promised = self.promised.max(submitted);
    }

    /// A request about an incident arrives at the service.
    pub fn request_arrives(&mut self, request: usize, event: &Event, at: u64, _now: Timestamp) {
        let urgent = match cast::said(&self.plan, event) {
            Some(Said::Report(report, _)) => {
                let policies = &self.book.policies;
                policies.is_life_threatening(&report.key.tenant, &report.kind)
            }
            Some(Said::End(_)) => true,
            None => return,
        };
        self.arrived.insert(request, Arrived { at, urgent });
    }

    /// An answer leaves the service.
    pub fn answered(&mut self, request: usize, event: &Event, outcome: &Result<Answered, Refused>, safe: u64) {
        let urgent = self.arrived.remove(&request).is_some_and(|arrived| arrived.urgent);
        let answered = match outcome {
            Ok(answered) => answered,
            Err(why) => {
                self.count("refusals");
                if urgent && *why != Refused::Stopped {
                    self.violates(
                        "store trouble: answers",
                        format_args!("request {request} is refused: {why}"),
                    );
                }
                return;
            }
        };
        self.count(if answered.durable {
            "durable answers"
        } else {
            "answers before durable"
        });
        if !answered.durable {
            if !self.may_leave_early(self.now_ms) {
                let text = "not durable, and the store is not slow";
                return self.violates("early", format_args!("request {request} is answered {text}"));
            }
            let up = [AlarmKind::StoreSlow, AlarmKind::StoreFailed, AlarmKind::StoreFull];
            if !up.iter().any(|kind| self.alarms.contains(kind)) {
                self.violates(
                    "store trouble: alarm",
                    format_args!("request {request} is not durable, and no alarm"),
                );
            }
            return;
        }
        let Some((tenant, id)) = request_of(&self.plan, event) else {
            return;
        };
        self.check_durable_answer(request, &tenant, &id, &answered.answer, safe);
    }

    fn check_durable_answer(&mut self, request: usize, tenant: &TenantId, id: &RequestId, answer: &Answer, safe: u64) {
        let written = self.book.answers.get(&(tenant.clone(), id.id.clone())).cloned();
        let Some((fingerprint, kept, sequence)) = written else {
            return self.violates(
                "I1 answers",
                format_args!("the answer to request {request} is not written down"),
            );
        };
        if sequence > safe {
            let text = format!("record {sequence}, the disk is at {safe}");
            return self.violates(
                "I1 answers",
                format_args!("request {request} is called durable: {text}"),
            );
        }
        self.promised = self.promised.max(sequence);
        let given = without_duplicate(answer);
        let same = fingerprint == id.fingerprint && without_duplicate(&kept) == given;
        let before = self.answers.entry(request).or_insert_with(|| given.clone());
        if !same || *before != given {
            let before = before.clone();
            self.violates(
                "F1 same answer",
                format_args!("request {request}: {given:?}, before: {before:?}"),
            );
        }
    }

    /// The core's own state must be what its records say.
    pub(super) fn compare(&mut self, state: &State, when: &str) {
        if self.broken() {
            return;
        }
        let different = difference(state, &self.shadow)
            .or_else(|| self.difference_to_book(state))
            .or_else(|| self.different_ledger(state));
        if let Some(text) = different {
            self.violates("I7 state", format_args!("{when}: {text}"));
        }
    }

    fn different_ledger(&self, state: &State) -> Option<String> {
        let theirs = Recount {
            planned: state.ledger().planned().collect(),
            settled: state
                .ledger()
                .settled()
                .map(|(kind, outcome, count)| ((kind, outcome), count))
                .collect(),
            last_start: self.book.recount.last_start,
        };
        let ours = &self.book.recount;
        (theirs != *ours).then(|| format!("the ledger says {theirs:?}, the records {ours:?}"))
    }

    fn difference_to_book(&self, state: &State) -> Option<String> {
        for incident in state.incidents() {
            let page = self.book.incidents.get(&incident.id)?;
            if page.state != incident.state || page.revision != incident.revision {
                return Some(format!(
                    "{} is {:?}, by the records {:?}",
                    incident.id, incident.state, page.state
                ));
            }
            for alert in state.alerts_of(incident) {
                let known = self.book.alerts.get(&alert.plan.alert)?;
                let ends = known.end.map(|(end, _)| end);
                if ends != end_of(alert.state) || known.attendance != alert.attendance {
                    return Some(format!(
                        "{} is {:?}, by the records {ends:?}",
                        alert.plan.alert, alert.state
                    ));
                }
            }
        }
        None
    }
}

fn difference(state: &State, shadow: &State) -> Option<String> {
    if (state.sequence(), state.epoch(), state.last_at()) != (shadow.sequence(), shadow.epoch(), shadow.last_at()) {
        let (here, there) = (state.sequence(), shadow.sequence());
        return Some(format!("the service is at record {here}, its records go to {there}"));
    }
    if !state.incidents().eq(shadow.incidents()) {
        return Some("the incidents differ from what their records give".to_owned());
    }
    let alerts = |state: &State| -> Vec<dispatch_core::alert::Alert> {
        let incidents = state.incidents();
        incidents
            .flat_map(|incident| state.alerts_of(incident).copied())
            .collect()
    };
    let (here, there) = (alerts(state), alerts(shadow));
    let differing = here.iter().zip(&there).find(|(here, there)| here != there);
    match differing {
        Some((here, there)) => Some(format!("{here:?} should be {there:?}")),
        None => (here.len() != there.len()).then(|| "the alerts differ".to_owned()),
    }
}

fn request_of(plan: &crate::world::plan::Plan, event: &Event) -> Option<(TenantId, RequestId)> {
    Some(match cast::said(plan, event)? {
        Said::Report(report, _) => (report.key.tenant, report.request),
        Said::End(ending) => (ending.key.tenant, ending.request),
    })
}

fn without_duplicate(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    match &mut answer {
        Answer::Reported(reported) => reported.duplicate = false,
        Answer::Ended(ended) => ended.duplicate = false,
        Answer::RequestIdReused { .. } | Answer::PurposeChanged { .. } | Answer::CallOutChanged { .. } => {}
    }
    answer
}
