//! The whole state as plain data, so that a snapshot of it can stand in for the records it came from.
//!
//! Law: a state restored from its image and given the records that came after equals the state that all the records
//! give, and acts the same from the next start on.
//!
//! Not in it: people and their devices, which the register keeps and gives back with
//! [`Dispatcher::recover_person`](crate::dispatcher::Dispatcher::recover_person), and where they are, which is soft.

use crate::{
    aeds::Aed,
    alert::{Alert, MessageKind},
    cad_clock::CadClock,
    command::Answer,
    ids::{AedId, Reference, ResponderId, TenantId},
    incident::Incident,
    input::RequestId,
    ledger::{Ledger, MessageOutcome},
    policy::Policy,
    time::Timestamp,
};

use super::{History, State, Tombstone};

/// Everything in a [`State`] but the register, in an order that is always the same.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StateImage {
    /// The sequence of the newest record in it.
    pub sequence: u64,
    /// When the newest record was made.
    pub last_at: Timestamp,
    /// The number of the newest owner.
    pub epoch: u64,
    /// By id.
    pub aeds: Vec<Aed>,
    /// By id.
    pub incidents: Vec<Incident>,
    /// By id.
    pub alerts: Vec<Alert>,
    /// In the order they were forgotten.
    pub tombstones: Vec<Tombstone>,
    /// In the order they were given.
    pub answers: Vec<KeptAnswer>,
    /// By tenant and system.
    pub cad_clocks: Vec<(TenantId, Reference, CadClock)>,
    /// Messages planned, by kind.
    pub messages_planned: Vec<(MessageKind, u64)>,
    /// Messages that had their outcome, by kind and outcome.
    pub messages_settled: Vec<(MessageKind, MessageOutcome, u64)>,
    /// How people answered, by person.
    pub histories: Vec<(ResponderId, History)>,
    /// Defibrillators that are not in their place, and since when; by id.
    pub aeds_away: Vec<(AedId, Timestamp)>,
    /// Policies in order of their numbers.
    pub policies: Vec<Policy>,
}

/// An answer kept for retries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptAnswer {
    /// When it was given.
    pub at: Timestamp,
    /// To whom.
    pub tenant: TenantId,
    /// To which request.
    pub request: RequestId,
    /// What was answered.
    pub answer: Answer,
}

impl State {
    /// The state as plain data.
    pub fn image(&self) -> StateImage {
        let answers = self.answers_by_age.iter().filter_map(|(at, tenant, id)| {
            let (fingerprint, answer) = self.answers.get(&(tenant.clone(), id.clone()))?;
            Some(KeptAnswer {
                at: *at,
                tenant: tenant.clone(),
                request: RequestId {
                    id: id.clone(),
                    fingerprint: *fingerprint,
                },
                answer: answer.clone(),
            })
        });
        let tombstones = self.tombstones_by_age.iter();
        let clocks = self.cad_clocks.iter();
        StateImage {
            sequence: self.sequence,
            last_at: self.last_at,
            epoch: self.epoch,
            aeds: self.aeds.iter().cloned().collect(),
            incidents: self.incidents.values().cloned().collect(),
            alerts: self.alerts.values().copied().collect(),
            tombstones: tombstones
                .filter_map(|(_, id)| self.tombstones.get(id).copied())
                .collect(),
            answers: answers.collect(),
            cad_clocks: clocks
                .map(|((tenant, system), clock)| (tenant.clone(), system.clone(), clock.clone()))
                .collect(),
            messages_planned: self.ledger.planned().collect(),
            messages_settled: self.ledger.settled().collect(),
            histories: self
                .histories
                .iter()
                .map(|(&responder, history)| (responder, history.clone()))
                .collect(),
            aeds_away: self.aeds_away.iter().map(|(&aed, &since)| (aed, since)).collect(),
            policies: self.policies.clone(),
        }
    }

    /// The state that an image shows, with an empty register.
    pub fn restore(image: StateImage) -> Self {
        let mut state = Self {
            sequence: image.sequence,
            last_at: image.last_at,
            epoch: image.epoch,
            ledger: Ledger::of(image.messages_planned, image.messages_settled),
            histories: image.histories.into_iter().collect(),
            policies: image.policies,
            ..Self::default()
        };
        image.aeds.into_iter().for_each(|aed| state.aeds.put(aed));
        let incidents = image.incidents.into_iter();
        state.incidents = incidents.map(|incident| (incident.id, incident)).collect();
        let clocks = image.cad_clocks.into_iter();
        state.cad_clocks = clocks
            .map(|(tenant, system, clock)| ((tenant, system), clock))
            .collect();
        for alert in image.alerts {
            state.alerts.insert(alert.plan.alert, alert);
            state.file(alert.plan.alert);
            state.note_fetching(None, &alert, alert.planned_at);
            state.note_shift(None, &alert);
        }
        // The image says which are away, and since when; filing the alerts only guessed.
        state.aeds_away = image.aeds_away.into_iter().collect();
        for tombstone in image.tombstones {
            state.bury(tombstone);
        }
        for kept in image.answers {
            state.keep_answer(kept);
        }
        state
    }

    pub(super) fn keep_answer(&mut self, kept: KeptAnswer) {
        let KeptAnswer {
            at,
            tenant,
            request,
            answer,
        } = kept;
        self.answers_by_age.push_back((at, tenant.clone(), request.id.clone()));
        self.answers.insert((tenant, request.id), (request.fingerprint, answer));
    }
}
