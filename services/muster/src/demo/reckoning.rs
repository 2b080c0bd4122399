//! The reckoning: matches the phones' own logs with the journal, alert id by alert id.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use dispatch_core::{
    alert::{Alert, AlertState},
    ids::{AlertId, IncidentId},
    incident::IncidentState,
    record::Record,
    state::State,
    time::Timestamp,
};
use muster_loadtest::{MessageKind, PhoneEvent, What};
use muster_store::SqliteReader;

use super::desk::ReportedCall;

/// What the journal and the phones say together.
#[derive(Default)]
pub struct Reckoning {
    /// Alerts in the journal.
    pub in_journal: BTreeSet<AlertId>,
    /// Alerts handed to the broker, by the journal.
    pub published: u64,
    /// Alerts in the phones' logs.
    pub on_phones: BTreeSet<AlertId>,
    /// Alerts the journal knows never reached their phone, and the phone agrees.
    pub undelivered: u64,
    /// Alerts on which the two disagree, or which have no outcome.
    pub unaccounted: BTreeSet<AlertId>,
    /// From the call of `ReportIncident` to the phone's receipt, first wave only.
    pub to_phone: Vec<Duration>,
    /// From the journal's receipt of the report to the incident being covered.
    pub to_covered: Vec<Duration>,
    /// Outcomes of alerts, by name.
    pub outcomes: BTreeMap<&'static str, u64>,
}

/// Whether every alert has ended and every phone has acknowledged the last word, as far as it can be reached.
pub fn is_settled(journal: &Path, calls: &[ReportedCall]) -> anyhow::Result<bool> {
    let (state, _) = replay(journal, calls)?;
    let settled = |alert: &Alert| {
        !alert.state.is_open() && (!alert.message.is_open() || alert.reached_at.is_none() || alert.message.resends >= 3)
    };
    Ok(alerts(&state).all(settled))
}

/// Matches the logs with the journal.
pub fn reckon(journal: &Path, calls: &[ReportedCall], events: &[PhoneEvent]) -> anyhow::Result<Reckoning> {
    let (state, to_covered) = replay(journal, calls)?;
    let mut reckoning = Reckoning {
        to_covered,
        ..Reckoning::default()
    };
    let mut first_receipt: BTreeMap<AlertId, Instant> = BTreeMap::new();
    for event in events {
        if let What::Received {
            alert_id,
            kind: MessageKind::Alert,
            ..
        } = &event.what
        {
            let at = first_receipt.entry(alert_id.parse()?).or_insert(event.at);
            *at = event.at.min(*at);
        }
    }
    reckoning.on_phones = first_receipt.keys().copied().collect();
    for alert in alerts(&state) {
        reckoning.take(alert, first_receipt.contains_key(&alert.plan.alert));
    }
    reckoning
        .unaccounted
        .extend(reckoning.on_phones.difference(&reckoning.in_journal));
    for call in calls {
        let Some(incident) = state.incident(call.incident) else {
            continue;
        };
        let first_wave = state.alerts_of(incident).filter(|alert| alert.wave == 1);
        let receipts = first_wave.filter_map(|alert| first_receipt.get(&alert.plan.alert));
        reckoning
            .to_phone
            .extend(receipts.map(|at| at.saturating_duration_since(call.reported_at)));
    }
    Ok(reckoning)
}

impl Reckoning {
    fn take(&mut self, alert: &Alert, on_phone: bool) {
        let id = alert.plan.alert;
        self.in_journal.insert(id);
        // Anything beyond the plan was handed over; a newer message takes the place of the alert's own.
        self.published += u64::from(alert.state != AlertState::Planned);
        let outcome = match alert.state {
            AlertState::Accepted => "accepted",
            AlertState::Declined(_) => "declined",
            AlertState::Expired => "expired",
            AlertState::Withdrawn(_) => "withdrawn",
            AlertState::Undeliverable => "undeliverable",
            _ => "open",
        };
        *self.outcomes.entry(outcome).or_insert(0) += 1;
        let in_journal = alert.reached_at.is_some();
        if alert.state.is_open() || in_journal != on_phone {
            self.unaccounted.insert(id);
        } else if !in_journal {
            self.undelivered += 1;
        }
    }
}

/// The state of the calls' incidents by the journal, and how long each took to be covered.
fn replay(journal: &Path, calls: &[ReportedCall]) -> anyhow::Result<(State, Vec<Duration>)> {
    let reader = SqliteReader::open_read_only(journal)?;
    let mut state = State::default();
    let mut to_covered = Vec::new();
    for call in calls {
        let entries = reader.entries_of_incident(call.incident)?;
        let first = entries.first().map(|first| first.entry.at);
        for entry in &entries {
            state.retell(&entry.entry);
        }
        let covered = entries
            .iter()
            .map(|entry| &entry.entry)
            .find_map(|entry| covered_at(&entry.record, entry.at));
        to_covered.extend(first.zip(covered).map(|(first, covered)| covered.since(first)));
    }
    Ok((state, to_covered))
}

fn covered_at(record: &Record, at: Timestamp) -> Option<Timestamp> {
    let covered = matches!(
        record,
        Record::IncidentStateChanged {
            state: IncidentState::Covered,
            ..
        }
    );
    covered.then_some(at)
}

fn alerts(state: &State) -> impl Iterator<Item = &Alert> {
    let ids: Vec<IncidentId> = state.incidents().map(|incident| incident.id).collect();
    ids.into_iter()
        .filter_map(|id| state.incident(id))
        .flat_map(|incident| state.alerts_of(incident))
}
