//! The engine's answers to reports and endings.

use dispatch_core::{
    command::{EndAnswer, ReportAnswer, Warning},
    ids::IncidentKey,
};
use muster_proto::v1 as wire;

/// The answer to a report; `durable` once the report is on disk.
pub(crate) fn reported(answer: &ReportAnswer, key: &IncidentKey, durable: bool) -> wire::ReportIncidentResponse {
    wire::ReportIncidentResponse {
        incident_id: answer.incident.to_string(),
        key: Some(super::key(key)),
        revision: answer.revision,
        duplicate: answer.duplicate,
        durable,
        state: super::incident_state(answer.state).into(),
        alerts_planned: answer.alerts_planned,
        warnings: warnings(&answer.warnings, durable),
        sequence: answer.sequence,
    }
}

/// The answer to a stand-down or close; `durable` once the ending is on disk.
pub(crate) fn ended(answer: &EndAnswer, key: &IncidentKey, durable: bool) -> wire::IncidentEnding {
    wire::IncidentEnding {
        incident_id: answer.incident.to_string(),
        key: Some(super::key(key)),
        revision: answer.revision,
        duplicate: answer.duplicate,
        durable,
        state: super::incident_state(answer.state).into(),
        alerts_withdrawn: answer.alerts_withdrawn,
        attendances_stood_down: answer.attendances_stood_down,
        with_patient: answer.with_patient,
        warnings: warnings(&answer.warnings, durable),
        sequence: answer.sequence,
    }
}

fn warnings(warnings: &[Warning], durable: bool) -> Vec<wire::Warning> {
    let not_durable = (!durable).then(|| wire::Warning {
        code: wire::WarningCode::NotDurable.into(),
        message: "The store is in trouble: this was acted upon, but a power cut may still undo it. Repeat the request \
                  with the same request_id until the answer says durable."
            .to_owned(),
    });
    warnings.iter().map(warning).chain(not_durable).collect()
}

fn warning(warning: &Warning) -> wire::Warning {
    let (code, message) = match warning {
        Warning::LateNotAlerted { age_ms } => (
            wire::WarningCode::LateNotAlerted,
            format!(
                "The event is {} old, so it was recorded and nobody was asked. Set alert_although_late to ask.",
                minutes(*age_ms)
            ),
        ),
        Warning::PerhapsLate { age_ms } => (
            wire::WarningCode::PerhapsLate,
            format!(
                "The event looks {} old, but the clock of the dispatch system is not known well enough; people were \
                 asked.",
                minutes(*age_ms)
            ),
        ),
        Warning::NoLocation => (
            wire::WarningCode::NoLocation,
            "There is no location, so nobody can be asked until a revision brings one.".to_owned(),
        ),
        Warning::StaleRevision => (
            wire::WarningCode::StaleRevision,
            "A newer revision is already known; this one changed nothing.".to_owned(),
        ),
        Warning::IncidentEnded => (
            wire::WarningCode::IncidentEnded,
            "The incident had already ended; this changed nothing.".to_owned(),
        ),
        Warning::SceneNotUnderstood => (
            wire::WarningCode::SceneNotUnderstood,
            "A place kind, hazard or age band is not in the policy; it was treated as the policy says of such words."
                .to_owned(),
        ),
        Warning::SceneForVettedOnly => (
            wire::WarningCode::SceneForVettedOnly,
            "Only vetted people are asked to such a scene.".to_owned(),
        ),
        Warning::SceneExcluded => (
            wire::WarningCode::SceneExcluded,
            "Nobody is asked to such a scene; whoever was going has been called off.".to_owned(),
        ),
        Warning::NobodyToAsk => (
            wire::WarningCode::NobodyToAsk,
            "Nobody who may be asked is within reach now.".to_owned(),
        ),
    };
    wire::Warning {
        code: code.into(),
        message,
    }
}

fn minutes(age_ms: i64) -> String {
    let minutes = age_ms / 60_000;
    match minutes {
        1 => "1 minute".to_owned(),
        _ => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_plain_sentences() {
        let late = warning(&Warning::LateNotAlerted {
            age_ms: 15 * 60_000 + 59_000,
        });
        assert_eq!(late.code(), wire::WarningCode::LateNotAlerted);
        assert!(late.message.starts_with("The event is 15 minutes old"));
        assert_eq!(warning(&Warning::NobodyToAsk).code(), wire::WarningCode::NobodyToAsk);
    }
}
