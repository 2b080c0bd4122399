//! `ResponderService`: the register of people and their devices.

use dispatch_core::ids::{ResponderId, TenantId};
use muster_engine::{
    ports::JournalReader,
    registry::ResponderRow,
    requests::{EngineHandle, OnConflict, RegistrationOutcome, ResponderPatch},
};
use muster_proto::v1::{self as wire, responder_service_server::ResponderService};
use tonic::{Request, Response, Status};

use crate::{
    answer, import,
    parse::{self, Page, Revoked},
    reads::Reads,
    refusal::Refusal,
    tenant::tenant_of,
};

/// Responders of all tenants.
pub(crate) struct Responders {
    pub engine: EngineHandle,
    pub reads: Reads,
    pub region: String,
    /// Whether there may be trunks.
    pub trunks: bool,
}

impl Responders {
    async fn register(
        &self,
        tenant: TenantId,
        request: wire::RegisterResponderRequest,
    ) -> Result<wire::RegisterResponderResponse, Refusal> {
        let registration = parse::registration(&request.profile.unwrap_or_default(), &tenant, "profile.")?;
        let registered = self.engine.register(vec![registration], OnConflict::Refuse).await?;
        let only = registered.into_iter().next();
        let (row, outcome) = only.ok_or(Refusal::Internal("a registration got no answer"))??;
        Ok(wire::RegisterResponderResponse {
            responder: Some(self.with_devices(row).await?),
            duplicate: outcome == RegistrationOutcome::Unchanged,
        })
    }

    async fn change(
        &self,
        tenant: TenantId,
        responder: ResponderId,
        patch: ResponderPatch,
    ) -> Result<wire::Responder, Refusal> {
        let row = self.engine.update(tenant, responder, patch).await??;
        self.with_devices(row).await
    }

    async fn get(&self, tenant: TenantId, id: ResponderId) -> Result<wire::Responder, Refusal> {
        let row = self.reads.read(move |reader| reader.responder(&tenant, id)).await?;
        self.with_devices(row.ok_or(Refusal::NotFound("responder"))?).await
    }

    async fn list(
        &self,
        tenant: TenantId,
        request: wire::ListRespondersRequest,
    ) -> Result<wire::ListRespondersResponse, Refusal> {
        let page = parse::page(request.page_size, &request.page_token)?;
        let read = move |reader: &dyn JournalReader| {
            // One more than asked for tells whether there is another page.
            let from = page.from.unwrap_or(0);
            let mut rows = reader.responders_after(&tenant, from, request.never_called, page.size + 1)?;
            let more = rows.len() > page.size;
            rows.truncate(page.size);
            let next = rows.last().filter(|_| more).map(|(number, _)| Page::token(*number));
            let responders: Result<_, _> = rows
                .iter()
                .map(|(_, row)| {
                    let id = row.profile.responder;
                    Ok(answer::responder(row, &reader.devices(id)?, reader.calls(id)?))
                })
                .collect();
            Ok(wire::ListRespondersResponse {
                responders: responders?,
                next_page_token: next.unwrap_or_default(),
            })
        };
        self.reads.read(read).await
    }

    async fn issue(
        &self,
        tenant: TenantId,
        request: wire::IssueCredentialRequest,
    ) -> Result<wire::IssueCredentialResponse, Refusal> {
        let enrolment = parse::enrolment(&request, &tenant)?;
        let issued = self.engine.issue(enrolment).await??;
        let (up_topic, down_topic) = answer::device_topics(&issued.access, &self.region);
        Ok(wire::IssueCredentialResponse {
            device_id: issued.access.device.device.to_string(),
            password: issued.password,
            up_topic,
            down_topic,
        })
    }

    async fn issue_trunk(
        &self,
        tenant: TenantId,
        request: wire::IssueTrunkCredentialRequest,
    ) -> Result<wire::IssueTrunkCredentialResponse, Refusal> {
        let enrolment = parse::trunk_enrolment(&request, &tenant)?;
        if !self.trunks {
            return Err(Refusal::NoTrunks);
        }
        let issued = self.engine.issue_trunk(enrolment).await?;
        Ok(wire::IssueTrunkCredentialResponse {
            trunk_id: issued.access.trunk.to_string(),
            password: issued.password,
            up_topic: answer::trunk_topic(&issued.access, &self.region),
        })
    }

    async fn revoke(&self, tenant: TenantId, whose: Revoked) -> Result<wire::RevokeCredentialResponse, Refusal> {
        match whose {
            Revoked::Device(device) => self.engine.revoke(tenant, device).await??,
            Revoked::Trunk(trunk) => self.engine.revoke_trunk(tenant, trunk).await??,
        }
        Ok(wire::RevokeCredentialResponse {})
    }

    async fn with_devices(&self, row: ResponderRow) -> Result<wire::Responder, Refusal> {
        let id = row.profile.responder;
        let read = move |reader: &dyn JournalReader| Ok((reader.devices(id)?, reader.calls(id)?));
        let (devices, calls) = self.reads.read(read).await?;
        Ok(answer::responder(&row, &devices, calls))
    }
}

#[tonic::async_trait]
impl ResponderService for Responders {
    async fn register_responder(
        &self,
        request: Request<wire::RegisterResponderRequest>,
    ) -> Result<Response<wire::RegisterResponderResponse>, Status> {
        let tenant = tenant_of(&request)?;
        Ok(Response::new(self.register(tenant, request.into_inner()).await?))
    }

    async fn import_responders(
        &self,
        request: Request<wire::ImportRespondersRequest>,
    ) -> Result<Response<wire::ImportRespondersResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let rows = import::import(&self.engine, &tenant, &request.into_inner().profiles).await?;
        Ok(Response::new(wire::ImportRespondersResponse { rows }))
    }

    async fn update_responder(
        &self,
        request: Request<wire::UpdateResponderRequest>,
    ) -> Result<Response<wire::UpdateResponderResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let (id, patch) = parse::update(request.get_ref()).map_err(Refusal::from)?;
        let responder = Some(self.change(tenant, id, patch).await?);
        Ok(Response::new(wire::UpdateResponderResponse { responder }))
    }

    async fn suspend_responder(
        &self,
        request: Request<wire::SuspendResponderRequest>,
    ) -> Result<Response<wire::SuspendResponderResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let id = parse::responder_id(&request.get_ref().responder_id).map_err(Refusal::from)?;
        let suspended = ResponderPatch {
            suspended: Some(true),
            ..ResponderPatch::default()
        };
        let responder = Some(self.change(tenant, id, suspended).await?);
        Ok(Response::new(wire::SuspendResponderResponse { responder }))
    }

    async fn get_responder(
        &self,
        request: Request<wire::GetResponderRequest>,
    ) -> Result<Response<wire::GetResponderResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let id = parse::responder_id(&request.get_ref().responder_id).map_err(Refusal::from)?;
        let responder = Some(self.get(tenant, id).await?);
        Ok(Response::new(wire::GetResponderResponse { responder }))
    }

    async fn list_responders(
        &self,
        request: Request<wire::ListRespondersRequest>,
    ) -> Result<Response<wire::ListRespondersResponse>, Status> {
        let tenant = tenant_of(&request)?;
        Ok(Response::new(self.list(tenant, request.into_inner()).await?))
    }

    async fn issue_credential(
        &self,
        request: Request<wire::IssueCredentialRequest>,
    ) -> Result<Response<wire::IssueCredentialResponse>, Status> {
        let tenant = tenant_of(&request)?;
        Ok(Response::new(self.issue(tenant, request.into_inner()).await?))
    }

    async fn revoke_credential(
        &self,
        request: Request<wire::RevokeCredentialRequest>,
    ) -> Result<Response<wire::RevokeCredentialResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let whose = parse::revoked(request.get_ref()).map_err(Refusal::from)?;
        Ok(Response::new(self.revoke(tenant, whose).await?))
    }

    async fn issue_trunk_credential(
        &self,
        request: Request<wire::IssueTrunkCredentialRequest>,
    ) -> Result<Response<wire::IssueTrunkCredentialResponse>, Status> {
        let tenant = tenant_of(&request)?;
        Ok(Response::new(self.issue_trunk(tenant, request.into_inner()).await?))
    }
}
