//! Turning what control rooms say about defibrillators into inputs and changes to the register.

use dispatch_core::{
    aeds::{Aed, OpeningHours},
    ids::{AedId, TenantId},
    input::Input,
};

use crate::{
    owner::Owner,
    register::Outcome,
    registry::{AedRow, RegistryChange},
    requests::{AedPatch, AedRegistration, OnConflict, RegisteredAed, RegistrationOutcome, RegistryRefusal},
};

impl Owner {
    pub(crate) fn register_aed(
        &mut self,
        new: AedRegistration,
        on_conflict: OnConflict,
    ) -> (RegisteredAed, Option<Input>) {
        // The reference makes the id, so that there is no other place to look.
        let wanted = row(new);
        let Some(known) = self.directory.aed(wanted.aed.aed) else {
            return self.put_aed(wanted, RegistrationOutcome::Created);
        };
        // A store that lost its end may still have the row of a record that is gone.
        let in_core = self.state().aeds().get(wanted.aed.aed) == Some(&wanted.aed);
        if wanted == known && in_core {
            return (Ok((known, RegistrationOutcome::Unchanged)), None);
        }
        match on_conflict {
            OnConflict::Refuse => (Err(RegistryRefusal::AlreadyRegistered), None),
            OnConflict::Update => self.put_aed(wanted, RegistrationOutcome::Updated),
        }
    }

    pub(crate) fn update_aed(&mut self, tenant: &TenantId, aed: AedId, patch: AedPatch) -> Outcome<AedRow> {
        let Some(known) = self.aed_of(tenant, aed) else {
            return (Err(RegistryRefusal::NoSuchAed), None);
        };
        let changed = patched(known.clone(), patch);
        if changed == known {
            return (Ok(changed), None);
        }
        let (outcome, input) = self.put_aed(changed, RegistrationOutcome::Updated);
        (outcome.map(|(row, _)| row), input)
    }

    pub(crate) fn remove_aed(&mut self, tenant: &TenantId, aed: AedId) -> Outcome<()> {
        if self.aed_of(tenant, aed).is_none() {
            return (Err(RegistryRefusal::NoSuchAed), None);
        }
        self.registry.push(RegistryChange::RemoveAed(aed));
        (Ok(()), Some(Input::RemoveAed { aed }))
    }

    fn put_aed(&mut self, row: AedRow, outcome: RegistrationOutcome) -> (RegisteredAed, Option<Input>) {
        self.registry.push(RegistryChange::PutAed(Box::new(row.clone())));
        let input = Input::PutAed { aed: row.aed.clone() };
        (Ok((row, outcome)), Some(input))
    }

    fn aed_of(&self, tenant: &TenantId, aed: AedId) -> Option<AedRow> {
        self.directory.aed(aed).filter(|row| row.aed.tenant == *tenant)
    }
}

fn row(new: AedRegistration) -> AedRow {
    AedRow {
        aed: Aed {
            aed: AedId::derive(&new.tenant, &new.external_ref),
            tenant: new.tenant,
            position: new.place.position,
            accuracy: new.place.accuracy,
            access: new.access,
            opening: understood(new.hours.as_ref()),
            indoor: new.indoor,
            level: new.level,
            state: new.state,
            confirmed_at: new.confirmed_at,
        },
        external_ref: new.external_ref,
        name: new.name,
        address: new.address,
        cabinet_code: new.cabinet_code,
        hours: new.hours,
    }
}

fn patched(mut row: AedRow, patch: AedPatch) -> AedRow {
    let aed = &mut row.aed;
    if let Some((place, address)) = patch.place {
        (aed.position, aed.accuracy, row.address) = (place.position, place.accuracy, address);
    }
    if let Some(hours) = patch.hours {
        (aed.opening, row.hours) = (understood(hours.as_ref()), hours);
    }
    aed.access = patch.access.unwrap_or(aed.access);
    aed.indoor = patch.indoor.or(aed.indoor);
    aed.level = patch.level.unwrap_or_else(|| aed.level.clone());
    aed.state = patch.state.unwrap_or(aed.state);
    aed.confirmed_at = patch.confirmed_at.or(aed.confirmed_at);
    row.name = patch.name.unwrap_or(row.name);
    row.cabinet_code = patch.cabinet_code.unwrap_or(row.cabinet_code);
    row
}

/// What the core is told. Words that mean nothing may be about people, so they stay in the register.
fn understood(hours: Option<&OpeningHours>) -> Option<OpeningHours> {
    hours.filter(|hours| hours.is_understood()).cloned()
}
