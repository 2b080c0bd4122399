//! `DefibrillatorService`: the register of defibrillators.

mod import;

use std::sync::Arc;

use dispatch_core::{
    aeds::{Aed, AedSearch, AedState, Openness},
    ids::{AedId, TenantId},
    position::{Metres, Position},
    time::Timestamp,
};
use muster_engine::{
    ports::{Clock, JournalReader},
    registry::AedRow,
    requests::{EngineHandle, OnConflict, RegistrationOutcome},
};
use muster_proto::v1::{self as wire, defibrillator_service_server::DefibrillatorService};
use tonic::{Request, Response, Status};

use crate::{
    answer,
    parse::{self, Listed, Page},
    reads::Reads,
    refusal::Refusal,
    service_area::ServiceArea,
    tenant::tenant_of,
};

/// Most defibrillators looked at for one page of those that are open: some ten milliseconds of reading. A page that is not
/// full by then says where to go on.
const LOOKED_AT_MAX: usize = 2_000;

/// As many are read at a time when only some of them are wanted.
const READ_AT_A_TIME: usize = 500;

/// Defibrillators of all tenants.
pub(crate) struct Defibrillators {
    pub engine: EngineHandle,
    pub reads: Reads,
    pub clock: Arc<dyn Clock>,
    pub service_area: Option<ServiceArea>,
}

impl Defibrillators {
    async fn register(
        &self,
        tenant: TenantId,
        request: wire::RegisterDefibrillatorRequest,
    ) -> Result<wire::RegisterDefibrillatorResponse, Refusal> {
        let profile = request.profile.unwrap_or_default();
        let registration = parse::defibrillator_registration(&profile, &tenant, self.service_area.as_ref());
        let registration = registration.map_err(|invalid| invalid.within("profile."))?;
        let registered = self
            .engine
            .register_aeds(vec![registration], OnConflict::Refuse)
            .await?;
        let only = registered.into_iter().next();
        let (row, outcome) = only.ok_or(Refusal::Internal("a registration got no answer"))??;
        Ok(wire::RegisterDefibrillatorResponse {
            defibrillator: Some(self.told(&row)),
            duplicate: outcome == RegistrationOutcome::Unchanged,
        })
    }

    async fn update(
        &self,
        tenant: TenantId,
        request: &wire::UpdateDefibrillatorRequest,
    ) -> Result<wire::Defibrillator, Refusal> {
        let (id, patch) = parse::defibrillator_update(request, self.service_area.as_ref())?;
        let row = self.engine.update_aed(tenant, id, patch).await??;
        Ok(self.told(&row))
    }

    async fn remove(&self, tenant: TenantId, id: &str) -> Result<(), Refusal> {
        let id = parse::defibrillator_id(id)?;
        Ok(self.engine.remove_aed(tenant, id).await??)
    }

    async fn get(&self, tenant: TenantId, id: AedId) -> Result<wire::Defibrillator, Refusal> {
        let row = self.reads.read(move |reader| reader.aed(&tenant, id)).await?;
        Ok(self.told(&row.ok_or(Refusal::NotFound("defibrillator"))?))
    }

    async fn list(
        &self,
        tenant: TenantId,
        request: &wire::ListDefibrillatorsRequest,
    ) -> Result<wire::ListDefibrillatorsResponse, Refusal> {
        let wanted = Wanted {
            now: self.clock.now(),
            open_now: request.open_now,
        };
        let listed = parse::defibrillator_list(request)?;
        let read = move |reader: &dyn JournalReader| match listed {
            Listed::All(page) => wanted.page(reader, &tenant, page),
            Listed::Near { place, radius, limit } => wanted.near(reader, &tenant, place, radius, limit),
        };
        self.reads.read(read).await
    }

    fn told(&self, row: &AedRow) -> wire::Defibrillator {
        answer::defibrillator(row, self.clock.now(), None)
    }
}

/// Which of those listed are wanted.
#[derive(Clone, Copy)]
struct Wanted {
    now: Timestamp,
    open_now: bool,
}

type ListRead = Result<wire::ListDefibrillatorsResponse, muster_engine::ports::JournalError>;

impl Wanted {
    fn wants(self, aed: &Aed) -> bool {
        !self.open_now || (aed.state == AedState::Available && aed.openness(self.now) == Openness::Open)
    }

    fn page(self, reader: &dyn JournalReader, tenant: &TenantId, page: Page) -> ListRead {
        let mut after = page.from.unwrap_or(0);
        let mut found = Vec::new();
        let mut looked_at = 0;
        let at_a_time = if self.open_now { READ_AT_A_TIME } else { page.size };
        let more = loop {
            // One more than fits tells whether there is another page.
            let rows = reader.aeds_after(tenant, after, at_a_time + 1)?;
            let ends = rows.len() <= at_a_time;
            let mut rows = rows.into_iter().take(at_a_time).peekable();
            while let Some((number, row)) = rows.next_if(|_| found.len() < page.size) {
                after = number;
                looked_at += 1;
                if self.wants(&row.aed) {
                    found.push(answer::defibrillator(&row, self.now, None));
                }
            }
            let over = ends && rows.peek().is_none();
            if over || found.len() == page.size || looked_at >= LOOKED_AT_MAX {
                break !over;
            }
        };
        Ok(wire::ListDefibrillatorsResponse {
            defibrillators: found,
            next_page_token: if more { Page::token(after) } else { String::new() },
        })
    }

    fn near(
        self,
        reader: &dyn JournalReader,
        tenant: &TenantId,
        place: Position,
        radius: Metres,
        limit: usize,
    ) -> ListRead {
        let search = AedSearch {
            tenant,
            place,
            radius,
            // Of those that are closed nobody knows beforehand how many there are.
            limit: if self.open_now { LOOKED_AT_MAX } else { limit },
        };
        let rows = reader.aeds_near(search)?.into_iter();
        let wanted = rows.filter(|(_, row)| self.wants(&row.aed)).take(limit);
        Ok(wire::ListDefibrillatorsResponse {
            defibrillators: wanted
                .map(|(distance, row)| answer::defibrillator(&row, self.now, Some(distance)))
                .collect(),
            next_page_token: String::new(),
        })
    }
}

#[tonic::async_trait]
impl DefibrillatorService for Defibrillators {
    async fn register_defibrillator(
        &self,
        request: Request<wire::RegisterDefibrillatorRequest>,
    ) -> Result<Response<wire::RegisterDefibrillatorResponse>, Status> {
        let tenant = tenant_of(&request)?;
        Ok(Response::new(self.register(tenant, request.into_inner()).await?))
    }

    async fn import_defibrillators(
        &self,
        request: Request<wire::ImportDefibrillatorsRequest>,
    ) -> Result<Response<wire::ImportDefibrillatorsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let rows = import::import(self, &tenant, &request.into_inner().profiles).await?;
        Ok(Response::new(wire::ImportDefibrillatorsResponse { rows }))
    }

    async fn update_defibrillator(
        &self,
        request: Request<wire::UpdateDefibrillatorRequest>,
    ) -> Result<Response<wire::UpdateDefibrillatorResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let defibrillator = Some(self.update(tenant, request.get_ref()).await?);
        Ok(Response::new(wire::UpdateDefibrillatorResponse { defibrillator }))
    }

    async fn remove_defibrillator(
        &self,
        request: Request<wire::RemoveDefibrillatorRequest>,
    ) -> Result<Response<wire::RemoveDefibrillatorResponse>, Status> {
        let tenant = tenant_of(&request)?;
        self.remove(tenant, &request.get_ref().defibrillator_id).await?;
        Ok(Response::new(wire::RemoveDefibrillatorResponse {}))
    }

    async fn get_defibrillator(
        &self,
        request: Request<wire::GetDefibrillatorRequest>,
    ) -> Result<Response<wire::GetDefibrillatorResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let id = parse::defibrillator_id(&request.get_ref().defibrillator_id).map_err(Refusal::from)?;
        let defibrillator = Some(self.get(tenant, id).await?);
        Ok(Response::new(wire::GetDefibrillatorResponse { defibrillator }))
    }

    async fn list_defibrillators(
        &self,
        request: Request<wire::ListDefibrillatorsRequest>,
    ) -> Result<Response<wire::ListDefibrillatorsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        Ok(Response::new(self.list(tenant, request.get_ref()).await?))
    }
}
