//! `muster audit show`: what was decided about an incident and why, message by message, with times. Reads the journal
//! itself, so it works while the service runs and when it does not.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use dispatch_core::{
    attendance::Attendance,
    ids::IncidentId,
    input::DeliveryStage,
    record::{Candidate, Decision, Entry, IncidentReported, Record, Verdict},
    responder::Purpose,
};
use muster_store::SqliteReader;

use crate::{
    report_time::{time_of_day, utc},
    service::JOURNAL_FILE,
    telemetry::say,
};

/// Flags of `muster audit show`.
#[derive(Args)]
pub struct Arguments {
    /// The incident: "inc-…", or the control room's system/number, or system/number/date.
    incident: String,
    /// Data directory of the service.
    #[arg(long, env = "MUSTER_DATA_DIR", default_value = "muster-data")]
    data_dir: PathBuf,
}

/// Prints the record of one incident.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = arguments.data_dir.join(JOURNAL_FILE);
    let reader = SqliteReader::open_read_only(&path).with_context(|| format!("opening {}", path.display()))?;
    let incident = find(&reader, &arguments.incident)?;
    let entries = reader.entries_of_incident(incident)?;
    let Some(first) = entries.first() else {
        bail!("there is no incident {incident}");
    };
    let key = &first.key;
    say(&format!("incident   {incident}"));
    say(&format!(
        "key        {} {}/{} of {}",
        key.tenant, key.cad_system, key.cad_incident_number, key.call_date
    ));
    say(&format!("first seen {}", utc(first.entry.at)));
    say("");
    for entry in &entries {
        for line in lines(&entry.entry) {
            say(&line);
        }
    }
    Ok(())
}

fn find(reader: &SqliteReader, name: &str) -> anyhow::Result<IncidentId> {
    if name.starts_with("inc-") {
        return Ok(name.parse()?);
    }
    let mut parts = name.split('/');
    let (Some(system), Some(number), date, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        bail!("'{name}' is neither inc-… nor system/number nor system/number/date");
    };
    let mut found = reader.find_incidents(system, number)?;
    found.retain(|row| date.is_none_or(|date| row.key.call_date.to_string() == date));
    match found.as_slice() {
        [] => bail!("there is no incident {name}"),
        [one] => Ok(one.incident),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|row| format!("{} ({} of {})", row.incident, row.key.tenant, row.key.call_date))
                .collect();
            bail!("{name} names several incidents; choose one: {}", names.join(", "))
        }
    }
}

/// One record in words; a decision with a line for each candidate.
fn lines(entry: &Entry) -> Vec<String> {
    let head = |text: String| format!("{} {:>8}  {text}", time_of_day(entry.at), entry.sequence);
    match &entry.record {
        Record::Decided(decision) => {
            let mut lines = vec![head(decided(decision))];
            lines.extend(
                decision
                    .candidates
                    .iter()
                    .map(|candidate| considered(decision, candidate)),
            );
            lines
        }
        record => vec![head(sentence(record))],
    }
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

fn reason(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Asked => "asked",
        Verdict::EnoughSooner => "enough others can be there sooner",
        Verdict::OffDuty => "off duty",
        Verdict::Suspended => "suspended",
        Verdict::CredentialExpired => "credential expired",
        Verdict::LacksSkill => "lacks the skill",
        Verdict::NoDevice => "no device for this purpose",
        Verdict::PhoneOffline => "phone not connected",
        Verdict::Busy => "busy with another incident",
        Verdict::AlreadyAsked => "already asked",
        Verdict::AmbulanceSooner => "the ambulance is surely sooner",
        Verdict::Quiet => "not to be woken while others are sooner",
        Verdict::SceneExcluded => "nobody is sent to such a scene",
        Verdict::NotVetted => "only vetted people are sent to such a scene",
        Verdict::Resting => "helped a short while ago",
        Verdict::Fatigued => "asked often enough lately",
    }
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
            version,
        } => {
            let told = match attendance {
                Attendance::Confirmed => "confirmed, told the exact place",
                Attendance::NotNeeded => "not needed, enough are going",
                _ => "too late",
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
            format!("{alert}: place corrected; phone told anew (message {version})")
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
    format!(
        "report revision {}: {} ({purpose}), {place}, sent {}; {alerting}",
        report.revision,
        report.kind,
        utc(report.sent_at)
    )
}
