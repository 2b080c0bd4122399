//! Answers to control rooms, kept so that a retry gets the same.

use dispatch_core::{
    command::{Answer, EndAnswer, ReportAnswer, Warning},
    ids::TenantId,
    input::RequestId,
    record::Record,
};
use muster_proto::journal::v1::{self as stored, WarningCode, answer::Answer as Stored};

use super::{
    InvalidRecord, Word,
    fields::{id, reference, required, tenant, wrong},
    words::word,
};

pub fn answered(tenant: &TenantId, request: &RequestId, answer: &Answer) -> stored::RequestAnswered {
    stored::RequestAnswered {
        tenant: tenant.as_str().to_owned(),
        request_id: request.id.as_str().to_owned(),
        fingerprint: request.fingerprint.to_vec(),
        answer: Some(stored::Answer {
            answer: Some(stored_answer(answer)),
        }),
    }
}

pub fn from_answered(answered: stored::RequestAnswered) -> Result<Record, InvalidRecord> {
    let given = &answered.fingerprint;
    let fingerprint = given.as_slice().try_into().map_err(|_| {
        let found = format_args!("{} bytes long", given.len()).to_string();
        wrong("RequestAnswered.fingerprint", found, "32 bytes long")
    })?;
    let answer = required("RequestAnswered.answer", answered.answer)?;
    Ok(Record::RequestAnswered {
        tenant: tenant("RequestAnswered.tenant", &answered.tenant)?,
        request: RequestId {
            id: reference("RequestAnswered.request_id", &answered.request_id)?,
            fingerprint,
        },
        answer: from_stored_answer(required("Answer.answer", answer.answer)?)?,
    })
}

fn stored_answer(answer: &Answer) -> Stored {
    match answer {
        Answer::Reported(report) => Stored::Reported(stored::ReportAnswer {
            incident: report.incident.as_bytes().to_vec(),
            revision: report.revision,
            duplicate: report.duplicate,
            state: report.state.to_stored(),
            alerts_planned: report.alerts_planned,
            warnings: report.warnings.iter().copied().map(warning).collect(),
            sequence: report.sequence,
        }),
        Answer::Ended(end) => Stored::Ended(stored::EndAnswer {
            incident: end.incident.as_bytes().to_vec(),
            revision: end.revision,
            duplicate: end.duplicate,
            state: end.state.to_stored(),
            alerts_withdrawn: end.alerts_withdrawn,
            attendances_stood_down: end.attendances_stood_down,
            with_patient: end.with_patient,
            warnings: end.warnings.iter().copied().map(warning).collect(),
            sequence: end.sequence,
        }),
        Answer::RequestIdReused { id } => Stored::RequestIdReused(stored::RequestIdReused {
            request_id: id.as_str().to_owned(),
        }),
        Answer::PurposeChanged { was } => Stored::PurposeChanged(stored::PurposeChanged { was: was.to_stored() }),
        Answer::CallOutChanged { was } => Stored::CallOutChanged(stored::CallOutChanged { was: *was }),
    }
}

fn from_stored_answer(answer: Stored) -> Result<Answer, InvalidRecord> {
    Ok(match answer {
        Stored::Reported(report) => Answer::Reported(ReportAnswer {
            incident: id("ReportAnswer.incident", &report.incident)?,
            revision: report.revision,
            duplicate: report.duplicate,
            state: word("ReportAnswer.state", report.state)?,
            alerts_planned: report.alerts_planned,
            warnings: warnings(&report.warnings)?,
            sequence: report.sequence,
        }),
        Stored::Ended(end) => Answer::Ended(EndAnswer {
            incident: id("EndAnswer.incident", &end.incident)?,
            revision: end.revision,
            duplicate: end.duplicate,
            state: word("EndAnswer.state", end.state)?,
            alerts_withdrawn: end.alerts_withdrawn,
            attendances_stood_down: end.attendances_stood_down,
            with_patient: end.with_patient,
            warnings: warnings(&end.warnings)?,
            sequence: end.sequence,
        }),
        Stored::RequestIdReused(reused) => Answer::RequestIdReused {
            id: reference("RequestIdReused.request_id", &reused.request_id)?,
        },
        Stored::PurposeChanged(changed) => Answer::PurposeChanged {
            was: word("PurposeChanged.was", changed.was)?,
        },
        Stored::CallOutChanged(changed) => Answer::CallOutChanged { was: changed.was },
    })
}

fn warning(warning: Warning) -> stored::Warning {
    let (code, age_ms) = match warning {
        Warning::LateNotAlerted { age_ms } => (WarningCode::LateNotAlerted, age_ms),
        Warning::PerhapsLate { age_ms } => (WarningCode::PerhapsLate, age_ms),
        Warning::NoLocation => (WarningCode::NoLocation, 0),
        Warning::StaleRevision => (WarningCode::StaleRevision, 0),
        Warning::IncidentEnded => (WarningCode::IncidentEnded, 0),
        Warning::NobodyToAsk => (WarningCode::NobodyToAsk, 0),
        Warning::SceneNotUnderstood => (WarningCode::SceneNotUnderstood, 0),
        Warning::SceneForVettedOnly => (WarningCode::SceneForVettedOnly, 0),
        Warning::SceneExcluded => (WarningCode::SceneExcluded, 0),
    };
    stored::Warning {
        code: code.into(),
        age_ms,
    }
}

fn warnings(warnings: &[stored::Warning]) -> Result<Vec<Warning>, InvalidRecord> {
    warnings.iter().map(from_warning).collect()
}

fn from_warning(warning: &stored::Warning) -> Result<Warning, InvalidRecord> {
    let age_ms = warning.age_ms;
    match WarningCode::try_from(warning.code) {
        Ok(WarningCode::LateNotAlerted) => Ok(Warning::LateNotAlerted { age_ms }),
        Ok(WarningCode::PerhapsLate) => Ok(Warning::PerhapsLate { age_ms }),
        Ok(WarningCode::NoLocation) => Ok(Warning::NoLocation),
        Ok(WarningCode::StaleRevision) => Ok(Warning::StaleRevision),
        Ok(WarningCode::IncidentEnded) => Ok(Warning::IncidentEnded),
        Ok(WarningCode::NobodyToAsk) => Ok(Warning::NobodyToAsk),
        Ok(WarningCode::SceneNotUnderstood) => Ok(Warning::SceneNotUnderstood),
        Ok(WarningCode::SceneForVettedOnly) => Ok(Warning::SceneForVettedOnly),
        Ok(WarningCode::SceneExcluded) => Ok(Warning::SceneExcluded),
        Ok(WarningCode::Unspecified) | Err(_) => Err(wrong("Warning.code", warning.code, "a value this Muster knows")),
    }
}
