//! Choosing: who is within reach, who of them may be asked, who can be there soonest, and the reason for each yes or no.

use std::collections::BTreeMap;

use crate::{
    alert::AlertState,
    alert::{PlannedAlert, Role},
    attendance::Attendance,
    coarse::CoarseCell,
    ids::{AlertId, ResponderId},
    incident::{Incident, Reported},
    input::Place,
    policy::Policy,
    record::{Candidate, Decision, Verdict},
    responder::Purpose,
    roster::{NearPerson, Person, Presence},
    state::State,
    time::Timestamp,
};

/// Considers everyone within the policy's reach of an incident and chooses up to `sought` of them. Changes nothing.
pub fn choose(
    state: &State,
    policy: &Policy,
    incident: &Incident,
    reported: &Reported,
    place: Place,
    sought: u32,
    now: Timestamp,
) -> Decision {
    let asked = attempts(state, incident);
    let candidates_max = policy.candidates_max as usize;
    let near = state
        .roster
        .near(place.position, policy.radius, candidates_max, &incident.key.tenant);
    let mut ranked: Vec<(Candidate, &NearPerson<'_>)> = near
        .iter()
        .map(|near| {
            let profile = &near.person.profile;
            let candidate = Candidate {
                responder: profile.responder,
                distance: near.distance,
                accuracy: near.fix.accuracy,
                fix_age: now.since(near.fix.taken_at),
                estimated_arrival: policy.estimated_arrival(near.distance, profile.travel_mode, place.position, now),
                verdict: eligibility(state, policy, incident, reported.purpose, near.person, &asked, now),
            };
            (candidate, near)
        })
        .collect();
    ranked.sort_by_key(|(candidate, _)| (candidate.estimated_arrival, candidate.responder));

    let cell = CoarseCell::around(place.position);
    let mut alerts = Vec::new();
    for (candidate, near) in &mut ranked {
        if candidate.verdict != Verdict::Asked {
            continue;
        }
        if alerts.len() == sought as usize {
            candidate.verdict = Verdict::EnoughSooner;
            continue;
        }
        let attempt = asked.get(&candidate.responder).map_or(0, |asked| asked.times) + 1;
        alerts.push(PlannedAlert {
            alert: AlertId::derive(incident.id, incident.revision, candidate.responder, attempt),
            responder: candidate.responder,
            role: Role::Direct,
            attempt,
            band: cell.band_from(near.fix.position),
            cell,
            estimated_arrival: candidate.estimated_arrival,
            expires_at: now + policy.alert_expiry,
        });
    }
    Decision {
        incident: incident.id,
        revision: incident.revision,
        wave: incident.waves + 1,
        policy: policy.reference(),
        place,
        sought,
        candidates: ranked.into_iter().map(|(candidate, _)| candidate).collect(),
        alerts,
    }
}

/// What a person was asked about one incident before.
struct Asked {
    times: u32,
    /// Every request ended without a no: they were willing, or had no say.
    may_be_asked_again: bool,
}

fn attempts(state: &State, incident: &Incident) -> BTreeMap<ResponderId, Asked> {
    let mut asked = BTreeMap::new();
    for alert in state.alerts_of(incident) {
        let entry = asked.entry(alert.plan.responder).or_insert(Asked {
            times: 0,
            may_be_asked_again: true,
        });
        entry.times += 1;
        let willing_or_unasked = match alert.attendance {
            // Offered to go when it was not their turn, or when it was over for them.
            Some(attendance) => matches!(attendance, Attendance::NotNeeded | Attendance::TooLate),
            None => matches!(alert.state, AlertState::Undeliverable | AlertState::Withdrawn(_)),
        };
        entry.may_be_asked_again &= willing_or_unasked;
    }
    asked
}

/// Yes, or a named no. The order tells the reader the most lasting reason first.
fn eligibility(
    state: &State,
    policy: &Policy,
    incident: &Incident,
    purpose: Purpose,
    person: &Person,
    asked: &BTreeMap<ResponderId, Asked>,
    now: Timestamp,
) -> Verdict {
    let profile = &person.profile;
    if profile.suspended {
        return Verdict::Suspended;
    }
    if now >= profile.credential_valid_until {
        return Verdict::CredentialExpired;
    }
    if !policy.skills_any.is_empty() && !profile.skills.any_of(&policy.skills_any) {
        return Verdict::LacksSkill;
    }
    let mut devices = person.alertable(purpose).peekable();
    if devices.peek().is_none() {
        return Verdict::NoDevice;
    }
    if !profile.on_duty {
        return Verdict::OffDuty;
    }
    if asked
        .get(&profile.responder)
        .is_some_and(|asked| !asked.may_be_asked_again)
    {
        return Verdict::AlreadyAsked;
    }
    let busy = state
        .live_alerts(profile.responder)
        .any(|alert| alert.incident != incident.id && (alert.is_pending() || alert.is_attended()));
    if busy {
        return Verdict::Busy;
    }
    if devices.all(|(_, presence)| presence == Presence::Offline) {
        return Verdict::PhoneOffline;
    }
    Verdict::Asked
}
