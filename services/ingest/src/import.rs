//! An import: many people in one request and one commit, each on its own. A bad row does not stop the others.

use std::collections::BTreeSet;

use dispatch_core::ids::TenantId;
use muster_engine::requests::{EngineHandle, OnConflict, Registered, Registration};
use muster_proto::v1::{ImportOutcome, ImportRow, ResponderProfile};

use crate::{answer, parse, refusal::Refusal};

/// Registers or updates the people; one outcome for each row, in their order.
pub(crate) async fn import(
    engine: &EngineHandle,
    tenant: &TenantId,
    profiles: &[ResponderProfile],
) -> Result<Vec<ImportRow>, Refusal> {
    parse::import_size(profiles.len())?;
    let checked = check(profiles, tenant);
    let good: Vec<_> = checked.iter().filter_map(|row| row.as_ref().ok().cloned()).collect();
    let registered = if good.is_empty() {
        Vec::new()
    } else {
        engine.register(good, OnConflict::Update).await?
    };
    outcomes(checked, registered)
}

/// Each row parsed, or why not.
fn check(profiles: &[ResponderProfile], tenant: &TenantId) -> Vec<Result<Registration, String>> {
    let mut seen = BTreeSet::new();
    let rows = profiles.iter().map(|profile| {
        let row = parse::registration(profile, tenant, "").map_err(|invalid| invalid.to_string())?;
        if seen.insert(profile.external_ref.as_str()) {
            Ok(row)
        } else {
            Err("external_ref: an earlier row of this request has the same one; send each person once".to_owned())
        }
    });
    rows.collect()
}

fn outcomes(
    checked: Vec<Result<Registration, String>>,
    registered: Vec<Registered>,
) -> Result<Vec<ImportRow>, Refusal> {
    let mut registered = registered.into_iter();
    let mut rows = Vec::with_capacity(checked.len());
    for (row, checked) in (0_u32..).zip(checked) {
        let outcome = match checked {
            Err(message) => refused(message),
            Ok(_) => match registered.next() {
                Some(Ok((person, outcome))) => ImportRow {
                    outcome: answer::registration_outcome(outcome).into(),
                    responder_id: person.profile.responder.to_string(),
                    ..ImportRow::default()
                },
                Some(Err(refusal)) => refused(refusal.to_string()),
                None => return Err(Refusal::Internal("a registration got no answer")),
            },
        };
        rows.push(ImportRow { row, ..outcome });
    }
    Ok(rows)
}

fn refused(message: String) -> ImportRow {
    ImportRow {
        outcome: ImportOutcome::Refused.into(),
        message,
        ..ImportRow::default()
    }
}
