//! An incident's records in words, a line each.

use dispatch_core::{
    attendance::Attendance,
    call_out::CallOut,
    input::DeliveryStage,
    record::{Candidate, Decision, Entry, IncidentReported, Record},
    responder::Purpose,
};

use super::{call_out, words::reason};
use crate::report_time::{time_of_day, utc};

/// One record in words; a decision with a line for each candidate.
pub fn lines(entry: &Entry) -> Vec<String> {
    let mut lines = vec![line(entry)];
    if let Record::Decided(decision) = &entry.record {
        let candidates = decision.candidates.iter();
        lines.extend(candidates.map(|candidate| considered(decision, candidate)));
    }
    lines
}

/// One record in one line.
pub fn line(entry: &Entry) -> String {
    format!(
        "{} {:>8}  {}",
        time_of_day(entry.at),
        entry.sequence,
        sentence(&entry.record)
    )
}

fn decided(decision: &Decision) -> String {
    format!(
        "wave {}: {} sought, {} asked of {} within reach (policy {} version {}, report revision {})",
        decision.wave,
        decision.sought,
        decision.alerts.len(),
        decision.candidates.len(),
        decision.policy.name,
        decision.policy.version,
        decision.revision,
    )
}

fn considered(decision: &Decision, candidate: &Candidate) -> String {
    let alert = decision
        .alerts
        .iter()
        .find(|plan| plan.responder == candidate.responder);
    let outcome = match alert {
        Some(plan) => format!("asked as {}", plan.alert),
        None => format!("not asked: {}", reason(candidate.verdict)),
    };
    format!(
        "{:>23}  {}: {} away (+-{}, fix {} s old), there in {} s; {outcome}",
        "",
        candidate.responder,
        candidate.distance,
        candidate.accuracy,
        candidate.fix_age.as_secs(),
        candidate.estimated_arrival.as_secs(),
    )
}

fn sentence(record: &Record) -> String {
    match record {
        Record::IncidentReported(report) => reported(report),
        Record::IncidentEnded {
            revision,
            cause,
            sent_at,
            ..
        } => {
            format!(
                "control room ended it: {cause:?}, revision {revision}, sent {}",
                utc(*sent_at)
            )
        }
        Record::IncidentStateChanged { state, .. } => format!("incident is now {state:?}"),
        Record::MessageProgress {
            alert,
            version,
            device,
            stage,
        } => {
            let stage = match stage {
                DeliveryStage::Failed => "could not be handed to the broker",
                DeliveryStage::Published => "handed to the broker",
                DeliveryStage::BrokerAcked => "taken by the broker",
                DeliveryStage::Received => "received by the phone",
                DeliveryStage::Shown => "shown on the phone",
            };
            format!("{alert} message {version}: {stage} ({device})")
        }
        Record::MessageResent { alert, version } => format!("{alert} message {version}: sent again"),
        Record::MessageUnheard { alert, version } => {
            format!("{alert} message {version}: not acknowledged in time; control room told")
        }
        Record::MessageLapsed { alert, version } => {
            format!("{alert} message {version}: never acknowledged while it was true; given up")
        }
        Record::AlertLapsed { alert } => format!("{alert}: waited long enough; somebody else is asked"),
        Record::AlertAccepted {
            alert,
            attendance,
            shift,
            version,
        } => {
            let told = match (attendance, shift) {
                (Attendance::Confirmed, Some(shift)) => {
                    format!("confirmed for shift {}, told the muster point", shift.get())
                }
                (Attendance::Confirmed, None) => "confirmed, told the exact place".to_owned(),
                (Attendance::NotNeeded, _) => "not needed, enough are going".to_owned(),
                _ => "too late".to_owned(),
            };
            format!("{alert}: accepted; {told} (message {version})")
        }
        Record::AlertDeclined { alert, reason } => format!("{alert}: declined, {reason:?}"),
        Record::AlertExpired { alert } => format!("{alert}: expired without an answer"),
        Record::AlertUndeliverable { alert } => format!("{alert}: undeliverable, the phone never had it"),
        Record::AlertWithdrawn { alert, reason, version } => {
            format!("{alert}: withdrawn, {reason:?}; phone told (message {version})")
        }
        Record::AlertRelocated { alert, version, .. } => {
            format!("{alert}: place or shifts changed; phone told anew (message {version})")
        }
        Record::AttendanceChanged { alert, attendance } => format!("{alert}: person is now {attendance:?}"),
        Record::AttendanceStoodDown { alert, reason, version } => {
            format!("{alert}: person called off, {reason:?} (message {version})")
        }
        Record::AlertReassigned { alert, role, version } => {
            format!("{alert}: the task is now {role:?}; phone told anew (message {version})")
        }
        Record::AttendanceStalled { alert } => {
            format!("{alert}: accepted and has not moved; counted as not coming")
        }
        Record::HelpNeeded { alert } => format!("{alert}: person asks for help; control room told"),
        Record::IncidentForgotten { .. } => "everything settled; no longer kept in memory".to_owned(),
        Record::CouldNotAlert { .. } => "nobody reached in time; control room told".to_owned(),
        Record::Started { epoch } => format!("service started as owner {epoch}"),
        Record::ResponderPut(_)
        | Record::DevicePut(_)
        | Record::DeviceRevoked(_)
        | Record::TrunkPut { .. }
        | Record::TrunkRevoked(_)
        | Record::PolicyAdopted(_)
        | Record::AedPut(_)
        | Record::AedRemoved(_)
        | Record::RequestAnswered { .. } => record.label().to_owned(),
        Record::Decided(decision) => decided(decision),
    }
}

fn reported(report: &IncidentReported) -> String {
    let purpose = match report.purpose {
        Purpose::Live => "live",
        Purpose::Exercise => "exercise",
    };
    let place = match report.place {
        Some(place) => format!("place {:?} +-{}", place.position, place.accuracy),
        None => "no place".to_owned(),
    };
    let alerting = if report.alerting {
        "people are asked"
    } else {
        "recorded only"
    };
    let shifts = report.call_out.as_deref().into_iter().flat_map(CallOut::shifts);
    let shifts: String = shifts.map(|shift| format!("; {}", call_out::wanted(shift))).collect();
    format!(
        "report revision {}: {} ({purpose}), {place}, sent {}; {alerting}{shifts}",
        report.revision,
        report.kind,
        utc(report.sent_at)
    )
}
