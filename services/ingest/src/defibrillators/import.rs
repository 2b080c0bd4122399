//! An import: many defibrillators in one request and one commit, each on its own. A bad row does not stop the others.

use std::collections::BTreeSet;

use dispatch_core::{aeds::OpeningHours, ids::TenantId};
use muster_engine::requests::{AedRegistration, OnConflict, RegisteredAed};
use muster_proto::v1::{DefibrillatorImportRow, DefibrillatorProfile, ImportOutcome};

use super::Defibrillators;
use crate::{answer, parse, refusal::Refusal};

/// Registers or updates the defibrillators; one outcome for each row, in their order.
pub(super) async fn import(
    service: &Defibrillators,
    tenant: &TenantId,
    profiles: &[DefibrillatorProfile],
) -> Result<Vec<DefibrillatorImportRow>, Refusal> {
    parse::defibrillator_import_size(profiles.len())?;
    let checked = check(service, profiles, tenant);
    let good: Vec<_> = checked.iter().filter_map(|row| row.as_ref().ok().cloned()).collect();
    let registered = if good.is_empty() {
        Vec::new()
    } else {
        service.engine.register_aeds(good, OnConflict::Update).await?
    };
    outcomes(checked, registered)
}

/// Each row parsed, or why not.
fn check(
    service: &Defibrillators,
    profiles: &[DefibrillatorProfile],
    tenant: &TenantId,
) -> Vec<Result<AedRegistration, String>> {
    let mut seen = BTreeSet::new();
    let rows = profiles.iter().map(|profile| {
        let row = parse::defibrillator_registration(profile, tenant, service.service_area.as_ref());
        let row = row.map_err(|invalid| invalid.to_string())?;
        if seen.insert(profile.external_ref.as_str()) {
            Ok(row)
        } else {
            let message = "external_ref: an earlier row of this request has the same one; send each defibrillator once";
            Err(message.to_owned())
        }
    });
    rows.collect()
}

fn outcomes(
    checked: Vec<Result<AedRegistration, String>>,
    registered: Vec<RegisteredAed>,
) -> Result<Vec<DefibrillatorImportRow>, Refusal> {
    let mut registered = registered.into_iter();
    let mut rows = Vec::with_capacity(checked.len());
    for (row, checked) in (0_u32..).zip(checked) {
        let outcome = match checked {
            Err(message) => refused(message),
            Ok(_) => match registered.next() {
                Some(Ok((aed, outcome))) => DefibrillatorImportRow {
                    outcome: answer::registration_outcome(outcome).into(),
                    defibrillator_id: aed.aed.aed.to_string(),
                    opening_hours_not_understood: aed
                        .hours
                        .as_ref()
                        .is_some_and(|hours| !OpeningHours::is_understood(hours)),
                    ..DefibrillatorImportRow::default()
                },
                Some(Err(refusal)) => refused(refusal.to_string()),
                None => return Err(Refusal::Internal("a registration got no answer")),
            },
        };
        rows.push(DefibrillatorImportRow { row, ..outcome });
    }
    Ok(rows)
}

fn refused(message: String) -> DefibrillatorImportRow {
    DefibrillatorImportRow {
        outcome: ImportOutcome::Refused.into(),
        message,
        ..DefibrillatorImportRow::default()
    }
}
