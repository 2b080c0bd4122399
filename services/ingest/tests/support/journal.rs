//! Reads what a journal in memory holds, as a store would.

use std::collections::BTreeMap;

use dispatch_core::{
    aeds::AedSearch,
    ids::{AedId, AlertId, IncidentId, IncidentKey, ResponderId, TenantId},
    position::Metres,
    record::{Entry, Record},
    state::State,
};
use muster_engine::{
    memory::MemoryJournalView,
    ports::{Calls, IncidentEntry, IncidentRow, JournalError, JournalReader},
    registry::{AedRow, DeviceAccess, RegistryChange, ResponderRow},
};
use tokio::sync::watch;

pub struct Reader {
    view: MemoryJournalView,
    durable: watch::Receiver<u64>,
}

impl Reader {
    pub fn new(view: MemoryJournalView, durable: watch::Receiver<u64>) -> Self {
        Self { view, durable }
    }

    fn entries(&self) -> Vec<Entry> {
        let durable = *self.durable.borrow();
        let commits = self.view.commits().into_iter();
        commits
            .flat_map(|commit| commit.entries)
            .filter(|entry| entry.sequence <= durable)
            .collect()
    }

    /// Every record about an incident.
    fn about_incidents(&self) -> Vec<IncidentEntry> {
        let mut keys: BTreeMap<IncidentId, IncidentKey> = BTreeMap::new();
        let mut alerts: BTreeMap<AlertId, IncidentId> = BTreeMap::new();
        let mut found = Vec::new();
        for entry in self.entries() {
            let incident = match &entry.record {
                Record::IncidentReported(report) => {
                    keys.insert(report.incident, report.key.clone());
                    report.incident
                }
                Record::IncidentEnded { incident, key, .. } => {
                    keys.insert(*incident, key.clone());
                    *incident
                }
                Record::IncidentStateChanged { incident, .. } | Record::CouldNotAlert { incident } => *incident,
                Record::Decided(decision) => {
                    alerts.extend(decision.alerts.iter().map(|plan| (plan.alert, decision.incident)));
                    decision.incident
                }
                other => match other.alert().and_then(|alert| alerts.get(&alert)) {
                    Some(incident) => *incident,
                    None => continue,
                },
            };
            let key = keys[&incident].clone();
            found.push(IncidentEntry { incident, key, entry });
        }
        found
    }

    fn registry(&self) -> Vec<RegistryChange> {
        let commits = self.view.commits().into_iter();
        commits.flat_map(|commit| commit.registry).collect()
    }

    /// People in order of registration, as they are now.
    fn people(&self) -> Vec<ResponderRow> {
        let mut people: Vec<ResponderRow> = Vec::new();
        for change in self.registry() {
            if let RegistryChange::PutResponder(row) = change {
                match people
                    .iter_mut()
                    .find(|known| known.profile.responder == row.profile.responder)
                {
                    Some(known) => *known = row,
                    None => people.push(row),
                }
            }
        }
        people
    }

    fn calls_of(&self, responder: ResponderId) -> Option<Calls> {
        let entries = self.entries();
        let asked = entries.iter().filter_map(|entry| match &entry.record {
            Record::Decided(decision) => Some((entry.at, &decision.alerts)),
            _ => None,
        });
        let asked = asked.flat_map(|(at, alerts)| alerts.iter().map(move |plan| (at, plan.responder)));
        let moments: Vec<_> = asked.filter(|(_, who)| *who == responder).map(|(at, _)| at).collect();
        moments.iter().max().map(|&last_at| Calls {
            times: u32::try_from(moments.len()).expect("few"),
            last_at,
        })
    }

    /// Defibrillators in order of registration, as they are now.
    fn defibrillators(&self, tenant: &TenantId) -> Vec<AedRow> {
        let mut rows: Vec<AedRow> = Vec::new();
        for change in self.registry() {
            match change {
                RegistryChange::PutAed(row) => match rows.iter_mut().find(|known| known.aed.aed == row.aed.aed) {
                    Some(known) => *known = *row,
                    None => rows.push(*row),
                },
                RegistryChange::RemoveAed(gone) => rows.retain(|row| row.aed.aed != gone),
                _ => {}
            }
        }
        rows.retain(|row| row.aed.tenant == *tenant);
        rows
    }
}

impl JournalReader for Reader {
    fn incident_entries(&self, tenant: &TenantId, incident: IncidentId) -> Result<Vec<IncidentEntry>, JournalError> {
        self.entries_after(tenant, 0, Some(incident), usize::MAX)
    }

    fn entries_after(
        &self,
        tenant: &TenantId,
        after: u64,
        incident: Option<IncidentId>,
        limit: usize,
    ) -> Result<Vec<IncidentEntry>, JournalError> {
        let entries = self.about_incidents().into_iter();
        Ok(entries
            .filter(|entry| entry.key.tenant == *tenant && entry.entry.sequence > after)
            .filter(|entry| incident.is_none_or(|wanted| entry.incident == wanted))
            .take(limit)
            .collect())
    }

    fn incidents_before(
        &self,
        tenant: &TenantId,
        before: u64,
        open_only: bool,
        limit: usize,
    ) -> Result<Vec<IncidentRow>, JournalError> {
        let mut state = State::default();
        let mut firsts: BTreeMap<IncidentId, u64> = BTreeMap::new();
        for entry in self.about_incidents() {
            firsts.entry(entry.incident).or_insert(entry.entry.sequence);
            state.retell(&entry.entry);
        }
        let mut rows: Vec<_> = state
            .incidents()
            .filter(|incident| incident.key.tenant == *tenant && (!open_only || incident.state.is_open()))
            .filter(|incident| {
                !incident
                    .reported
                    .as_ref()
                    .is_some_and(|reported| reported.kind.is_canary())
            })
            .map(|incident| IncidentRow {
                incident: incident.id,
                key: incident.key.clone(),
                revision: incident.revision,
                kind: incident.reported.as_ref().map(|reported| reported.kind.clone()),
                state: incident.state,
                received_at: incident.received_at,
                first_sequence: firsts[&incident.id],
            })
            .filter(|row| row.first_sequence < before)
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.first_sequence));
        rows.truncate(limit);
        Ok(rows)
    }

    fn responder(&self, tenant: &TenantId, responder: ResponderId) -> Result<Option<ResponderRow>, JournalError> {
        let people = self.people().into_iter();
        Ok(people
            .filter(|row| row.profile.tenant == *tenant)
            .find(|row| row.profile.responder == responder))
    }

    fn responders_after(
        &self,
        tenant: &TenantId,
        after: u64,
        never_called: bool,
        limit: usize,
    ) -> Result<Vec<(u64, ResponderRow)>, JournalError> {
        let people = self.people().into_iter().filter(|row| row.profile.tenant == *tenant);
        let called = |row: &ResponderRow| self.calls_of(row.profile.responder).is_some();
        Ok((1..)
            .zip(people)
            .filter(|(number, row)| *number > after && !(never_called && called(row)))
            .take(limit)
            .collect())
    }

    fn calls(&self, responder: ResponderId) -> Result<Option<Calls>, JournalError> {
        Ok(self.calls_of(responder))
    }

    fn devices(&self, responder: ResponderId) -> Result<Vec<DeviceAccess>, JournalError> {
        let mut devices: Vec<DeviceAccess> = Vec::new();
        for change in self.registry() {
            match change {
                RegistryChange::PutDevice(access) if access.device.responder == responder => devices.push(access),
                RegistryChange::RevokeDevice(gone) => devices.retain(|access| access.device.device != gone),
                _ => {}
            }
        }
        Ok(devices)
    }

    fn aed(&self, tenant: &TenantId, aed: AedId) -> Result<Option<AedRow>, JournalError> {
        Ok(self.defibrillators(tenant).into_iter().find(|row| row.aed.aed == aed))
    }

    fn aeds_after(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Vec<(u64, AedRow)>, JournalError> {
        let rows = (1..).zip(self.defibrillators(tenant));
        Ok(rows.filter(|(number, _)| *number > after).take(limit).collect())
    }

    fn aeds_near(&self, search: AedSearch<'_>) -> Result<Vec<(Metres, AedRow)>, JournalError> {
        let rows = self.defibrillators(search.tenant).into_iter();
        let mut rows: Vec<_> = rows
            .map(|row| (search.place.distance_to(row.aed.position), row))
            .filter(|(distance, _)| *distance <= search.radius)
            .collect();
        rows.sort_by_key(|(distance, row)| (*distance, row.aed.aed));
        rows.truncate(search.limit);
        Ok(rows)
    }
}
