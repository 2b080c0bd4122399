//! What is known, as applying the records gives it. Nothing else changes it.

mod alerts;
mod call_outs;
mod forgetting;
mod history;
mod image;
mod sizes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    aeds::Aeds,
    alert::Alert,
    cad_clock::CadClock,
    call_out::ShiftNumber,
    command::Answer,
    ids::{AedId, AlertId, IncidentId, IncidentKey, Reference, ResponderId, TenantId},
    incident::{Incident, IncidentState, Reported},
    index::Handle,
    input::Fingerprint,
    ledger::{Ledger, Settled},
    policy::Policy,
    position::{Fix, Position},
    record::{Entry, IncidentReported, Record},
    responder::TravelMode,
    roster::{Positions, Roster},
    time::Timestamp,
};

pub use forgetting::{SETTLED_KEPT, Standing, Tombstone};
pub use history::{ALERTS_KEPT, History};
pub use image::{KeptAnswer, StateImage};
pub use sizes::Sizes;

/// Everything the core knows.
#[derive(Default)]
pub struct State {
    sequence: u64,
    last_at: Timestamp,
    epoch: u64,
    pub(crate) roster: Roster,
    aeds: Aeds,
    incidents: BTreeMap<IncidentId, Incident>,
    alerts: BTreeMap<AlertId, Alert>,
    ledger: Ledger,
    /// Every alert of a responder that is open, attended, or whose newest message waits for its outcome; derived.
    live_alerts: BTreeMap<ResponderId, BTreeSet<AlertId>>,
    answers: BTreeMap<(TenantId, Reference), (Fingerprint, Answer)>,
    answers_by_age: VecDeque<(Timestamp, TenantId, Reference)>,
    tombstones: BTreeMap<IncidentId, Tombstone>,
    tombstones_by_age: VecDeque<(Timestamp, IncidentId)>,
    cad_clocks: BTreeMap<(TenantId, Reference), CadClock>,
    histories: BTreeMap<ResponderId, History>,
    /// By their number less one.
    policies: Vec<Policy>,
    /// Defibrillators that somebody was asked to fetch and may still, with those alerts; derived.
    aeds_fetched: BTreeMap<AedId, BTreeSet<AlertId>>,
    /// Defibrillators that are not in their place, and since when.
    aeds_away: BTreeMap<AedId, Timestamp>,
    /// How many have taken each shift of a call-out and are coming, there, or were; none = not in the map; derived.
    shifts_taken: BTreeMap<(IncidentId, ShiftNumber), u32>,
}

impl State {
    /// Applies the next record; returns the message that had its outcome by it, if one had. Records about things not
    /// known (as when only one incident's records are replayed) change nothing else.
    pub fn apply(&mut self, entry: &Entry) -> Option<Settled> {
        let at = entry.at;
        let before = self.last_at;
        self.last_at = before.max(at);
        self.sequence = entry.sequence;
        match &entry.record {
            Record::Started { epoch } => self.started(*epoch, at, before),
            Record::ResponderPut(profile) => self.roster.put_responder(profile.clone()),
            Record::DevicePut(device) => self.roster.put_device(*device),
            Record::DeviceRevoked(device) => self.roster.revoke_device(*device),
            // Who may speak for others is decided where messages come in.
            Record::TrunkPut { .. } | Record::TrunkRevoked(_) => {}
            Record::AedPut(aed) => {
                self.aed_told(aed.aed);
                self.aeds.put(aed.clone());
            }
            Record::AedRemoved(aed) => {
                self.aed_told(*aed);
                self.aeds.remove(*aed);
            }
            Record::IncidentReported(report) => self.reported(report, at),
            Record::IncidentEnded {
                incident,
                key,
                revision,
                sent_at,
                cause,
            } => {
                self.observe_clock(&key.tenant, &key.cad_system, *sent_at, at);
                self.ended(*incident, key, *revision, cause.state(), at);
            }
            Record::IncidentForgotten { incident } => self.forget_incident(*incident, at),
            Record::IncidentStateChanged { incident, state } => self.incident_changed(*incident, *state, at),
            Record::PolicyAdopted(policy) => self.policies.push((**policy).clone()),
            Record::Decided(decision) => self.decided(decision, at),
            Record::CouldNotAlert { incident } => {
                if let Some(incident) = self.incidents.get_mut(incident) {
                    incident.told_could_not_alert = true;
                }
            }
            Record::RequestAnswered {
                tenant,
                request,
                answer,
            } => {
                self.keep_answer(KeptAnswer {
                    at,
                    tenant: tenant.clone(),
                    request: request.clone(),
                    answer: answer.clone(),
                });
                self.forget_old(at);
            }
            about_alert => return self.alert_changed(about_alert, at),
        }
        None
    }

    fn started(&mut self, epoch: u64, at: Timestamp, before: Timestamp) {
        self.epoch = epoch;
        self.forget_old(at);
        if at <= before {
            // Starting takes time, so our own clock was set back while we were away: what it told of others' is void.
            self.cad_clocks.clear();
        }
        // While the service was away nobody could answer: waits count from now on.
        for alerts in self.live_alerts.values() {
            for id in alerts {
                let alert = self.alerts.get_mut(id).expect("live alerts are known");
                alert.waits_since = at;
                alert.message.resends = 0;
                alert.message.sent_at = at;
            }
        }
        let active = self
            .incidents
            .values_mut()
            .filter(|incident| incident.state.is_active());
        for incident in active {
            incident.search_began_at = Some(at);
        }
    }

    fn reported(&mut self, report: &IncidentReported, at: Timestamp) {
        self.observe_clock(&report.key.tenant, &report.key.cad_system, report.sent_at, at);
        let heard_of = || Incident::heard_of(&report.key, at);
        let incident = self.incidents.entry(report.incident).or_insert_with(heard_of);
        if !incident.state.is_open() {
            // Only when a story is retold: the core had forgotten it, even its tombstone, and began anew.
            incident.state = IncidentState::Recorded;
            incident.settled_at = None;
        }
        incident.revision = report.revision;
        incident.reported = Some(Reported {
            kind: report.kind.clone(),
            purpose: report.purpose,
            place: report.place,
            scene: report.scene.clone(),
            ambulance_at: report.ambulance_at,
            call_out: report.call_out.clone(),
            revision: report.revision,
        });
        if report.alerting && incident.state == IncidentState::Recorded {
            incident.state = IncidentState::Searching;
            incident.search_began_at = Some(at);
        }
    }

    fn ended(&mut self, id: IncidentId, key: &IncidentKey, revision: u32, state: IncidentState, at: Timestamp) {
        if let Some(tombstone) = self.tombstones.get_mut(&id) {
            tombstone.standing = Standing { revision, state };
            return;
        }
        let incident = self.incidents.entry(id).or_insert_with(|| Incident::heard_of(key, at));
        incident.revision = revision;
        incident.state = state;
        self.note_settled(id, at);
    }

    fn incident_changed(&mut self, id: IncidentId, state: IncidentState, at: Timestamp) {
        let Some(incident) = self.incidents.get_mut(&id) else {
            return;
        };
        debug_assert!(incident.state.may_become(state), "{:?} to {state:?}", incident.state);
        if incident.state == IncidentState::Covered && state == IncidentState::Searching {
            incident.search_began_at = Some(at);
            incident.told_could_not_alert = false;
        }
        incident.state = state;
        self.note_settled(id, at);
    }

    fn observe_clock(&mut self, tenant: &TenantId, cad_system: &Reference, sent_at: Timestamp, at: Timestamp) {
        let clock = self.cad_clocks.entry((tenant.clone(), cad_system.clone())).or_default();
        clock.observe(sent_at, at);
    }

    /// The sequence of the newest record; 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When the newest record was made.
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// The number of the present owner; grows with each start.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// An incident.
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.incidents.get(&id)
    }

    /// An alert.
    pub fn alert(&self, id: AlertId) -> Option<&Alert> {
        self.alerts.get(&id)
    }

    /// All incidents, by id.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    /// The alerts of an incident, in order of asking.
    pub fn alerts_of(&self, incident: &Incident) -> impl Iterator<Item = &Alert> {
        incident.alerts.iter().filter_map(|id| self.alerts.get(id))
    }

    /// The alerts of a responder that are open, attended, or not yet acknowledged.
    pub fn live_alerts(&self, responder: ResponderId) -> impl Iterator<Item = &Alert> {
        self.live_alerts
            .get(&responder)
            .into_iter()
            .flatten()
            .filter_map(|id| self.alerts.get(id))
    }

    /// Every alert that is open, attended, or not yet acknowledged.
    pub fn all_live_alerts(&self) -> impl Iterator<Item = &Alert> {
        self.live_alerts.values().flatten().filter_map(|id| self.alerts.get(id))
    }

    /// The defibrillators.
    pub fn aeds(&self) -> &Aeds {
        &self.aeds
    }

    /// What became of the messages sent so far.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What became of fixes since the service started.
    pub fn positions(&self) -> Positions {
        self.roster.positions()
    }

    /// Where people are, from the `from`-th registered on; looks at `looked_at` of them.
    pub fn fixes(&self, from: usize, looked_at: usize) -> impl Iterator<Item = (ResponderId, Fix)> {
        self.roster.fixes(from, looked_at)
    }

    /// Where somebody was last, and how they travel.
    pub fn whereabouts(&self, person: Handle) -> Option<(Position, TravelMode)> {
        self.roster.whereabouts(person)
    }

    /// How many people are registered.
    pub fn responders_registered(&self) -> usize {
        self.roster.registered()
    }

    /// How many people's whereabouts are known.
    pub fn responders_located(&self) -> usize {
        self.roster.located()
    }

    /// What a request was answered.
    pub fn answer(&self, tenant: &TenantId, request: &Reference) -> Option<&(Fingerprint, Answer)> {
        self.answers.get(&(tenant.clone(), request.clone()))
    }

    /// The number of a policy in the journal; `None` when it was never used.
    pub fn policy_number(&self, policy: &Policy) -> Option<u32> {
        // The newest are looked at first: a policy in use was adopted last.
        let at = self.policies.iter().rposition(|known| known == policy)?;
        Some(u32::try_from(at + 1).unwrap_or(u32::MAX))
    }

    /// How many policies have been used.
    pub fn policies_adopted(&self) -> u32 {
        u32::try_from(self.policies.len()).unwrap_or(u32::MAX)
    }

    /// The policy of a number.
    pub fn policy(&self, number: u32) -> Option<&Policy> {
        self.policies.get((number as usize).checked_sub(1)?)
    }

    /// What is known of a dispatch system's clock.
    pub fn cad_clock(&self, tenant: &TenantId, cad_system: &Reference) -> CadClock {
        self.cad_clocks
            .get(&(tenant.clone(), cad_system.clone()))
            .cloned()
            .unwrap_or_default()
    }
}
