//! Turning what control rooms say about people and devices into inputs and changes to the register.

use dispatch_core::{
    ids::{DeviceId, ResponderId, TenantId, TrunkId},
    input::Input,
    responder::{Device, ResponderProfile},
};

use crate::{
    owner::Owner,
    ports::Credentials as _,
    registry::{DeviceAccess, DeviceKind, RegistryChange, ResponderRow, TrunkAccess, secret_hash},
    requests::{
        Enrolment, IssuedDevice, IssuedTrunk, OnConflict, Registered, Registration, RegistrationOutcome,
        RegistryRefusal, ResponderPatch, TrunkEnrolment,
    },
};

/// What became of a request, and what is to be handled because of it.
pub(crate) type Outcome<T> = (Result<T, RegistryRefusal>, Option<Input>);

impl Owner {
    pub(crate) fn register(&mut self, new: Registration, on_conflict: OnConflict) -> (Registered, Option<Input>) {
        let known = self.directory.responder_by_reference(&new.tenant, &new.external_ref);
        let row = |responder: ResponderId, suspended: bool| ResponderRow {
            external_ref: new.external_ref.clone(),
            name: new.name.clone(),
            profile: ResponderProfile {
                responder,
                tenant: new.tenant.clone(),
                skills: new.skills.clone(),
                credential_valid_until: new.credential_valid_until,
                travel_mode: new.travel_mode,
                on_duty: new.on_duty,
                suspended,
                quiet_hours: new.quiet_hours,
            },
        };
        let Some(known) = known else {
            let row = row(ResponderId::from_bytes(self.random_16()), false);
            return self.put(row, RegistrationOutcome::Created);
        };
        // Registering again does not lift a suspension.
        let wanted = row(known.profile.responder, known.profile.suspended);
        if wanted == known {
            return (Ok((known, RegistrationOutcome::Unchanged)), None);
        }
        match on_conflict {
            OnConflict::Refuse => (Err(RegistryRefusal::AlreadyRegistered), None),
            OnConflict::Update => self.put(wanted, RegistrationOutcome::Updated),
        }
    }

    fn put(&mut self, row: ResponderRow, outcome: RegistrationOutcome) -> (Registered, Option<Input>) {
        self.registry.push(RegistryChange::PutResponder(row.clone()));
        let input = Input::PutResponder {
            profile: row.profile.clone(),
        };
        (Ok((row, outcome)), Some(input))
    }

    pub(crate) fn update(
        &mut self,
        tenant: &TenantId,
        responder: ResponderId,
        patch: ResponderPatch,
    ) -> Outcome<ResponderRow> {
        let Some(known) = self.responder_of(tenant, responder) else {
            return (Err(RegistryRefusal::NoSuchResponder), None);
        };
        let mut row = known.clone();
        let profile = &mut row.profile;
        row.name = patch.name.unwrap_or(row.name);
        profile.skills = patch.skills.unwrap_or_else(|| profile.skills.clone());
        profile.credential_valid_until = patch.credential_valid_until.unwrap_or(profile.credential_valid_until);
        profile.travel_mode = patch.travel_mode.unwrap_or(profile.travel_mode);
        profile.on_duty = patch.on_duty.unwrap_or(profile.on_duty);
        profile.quiet_hours = patch.quiet_hours.unwrap_or(profile.quiet_hours);
        profile.suspended = patch.suspended.unwrap_or(profile.suspended);
        if row == known {
            return (Ok(row), None);
        }
        let (outcome, input) = self.put(row, RegistrationOutcome::Updated);
        (outcome.map(|(row, _)| row), input)
    }

    pub(crate) fn issue(&mut self, enrolment: Enrolment) -> Outcome<IssuedDevice> {
        if self.responder_of(&enrolment.tenant, enrolment.responder).is_none() {
            return (Err(RegistryRefusal::NoSuchResponder), None);
        }
        let password = self.new_password();
        let device = Device {
            device: DeviceId::from_bytes(self.random_16()),
            responder: enrolment.responder,
            purpose: enrolment.purpose,
            alertable: enrolment.kind == DeviceKind::Muster,
        };
        let access = DeviceAccess {
            device,
            tenant: enrolment.tenant,
            kind: enrolment.kind,
            encoding: enrolment.encoding,
            topic_id: hex(&self.random_16()),
            secret_hash: secret_hash(password.as_bytes()),
        };
        self.registry.push(RegistryChange::PutDevice(access.clone()));
        (Ok(IssuedDevice { access, password }), Some(Input::PutDevice { device }))
    }

    pub(crate) fn issue_trunk(&mut self, enrolment: TrunkEnrolment) -> (IssuedTrunk, Input) {
        let password = self.new_password();
        let access = TrunkAccess {
            trunk: TrunkId::from_bytes(self.random_16()),
            tenant: enrolment.tenant,
            external_ref_prefix: enrolment.external_ref_prefix,
            topic_id: hex(&self.random_16()),
            secret_hash: secret_hash(password.as_bytes()),
        };
        self.registry.push(RegistryChange::PutTrunk(access.clone()));
        let input = Input::PutTrunk {
            trunk: access.trunk,
            tenant: access.tenant.clone(),
        };
        (IssuedTrunk { access, password }, input)
    }

    pub(crate) fn revoke_trunk(&mut self, tenant: &TenantId, trunk: TrunkId) -> Outcome<()> {
        let known = self.directory.trunk(trunk);
        if known.is_none_or(|access| access.tenant != *tenant) {
            return (Err(RegistryRefusal::NoSuchTrunk), None);
        }
        self.registry.push(RegistryChange::RevokeTrunk(trunk));
        (Ok(()), Some(Input::RevokeTrunk { trunk }))
    }

    fn new_password(&self) -> String {
        let mut secret = [0; 32];
        self.entropy.fill(&mut secret);
        hex(&secret)
    }

    pub(crate) fn revoke(&mut self, tenant: &TenantId, device: DeviceId) -> Outcome<()> {
        if self
            .directory
            .access(device)
            .is_none_or(|access| access.tenant != *tenant)
        {
            return (Err(RegistryRefusal::NoSuchDevice), None);
        }
        self.registry.push(RegistryChange::RevokeDevice(device));
        (Ok(()), Some(Input::RevokeDevice { device }))
    }

    fn responder_of(&self, tenant: &TenantId, responder: ResponderId) -> Option<ResponderRow> {
        self.directory
            .responder(responder)
            .filter(|row| row.profile.tenant == *tenant)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
