//! `IncidentService`: tenant, parse, ask the engine or read the journal, answer.

use std::{pin::Pin, sync::Arc};

use dispatch_core::{
    command::Answer,
    ids::{IncidentId, TenantId},
    incident::IncidentKind,
    input::Ending,
};
use futures_util::Stream;
use muster_engine::{
    ports::{Clock, JournalReader},
    requests::EngineHandle,
    stages::Stage,
};
use muster_proto::v1::{
    self as wire, get_incident_request::Name, incident_service_server::IncidentService,
    report_incident_request::Purpose,
};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::{
    admission::Admission,
    alarms::Alarms,
    answer,
    class::Class,
    config::{LifeThreatening, Wanted},
    counted::Began,
    parse::{self, Caller, Page},
    reads::Reads,
    refusal::Refusal,
    service_area::ServiceArea,
    stories::Stories,
    tenant::tenant_of,
    watch::{Pages, Seats, Subject, Watch},
};

/// Where the list of incidents begins: after the highest sequence that a store can hold, in 63 bits.
const NEWEST: u64 = i64::MAX.unsigned_abs();

/// Incidents of all tenants.
pub(crate) struct Incidents {
    pub engine: EngineHandle,
    pub reads: Reads,
    pub clock: Arc<dyn Clock>,
    pub service_area: Option<ServiceArea>,
    pub wanted: Wanted,
    pub life_threatening: LifeThreatening,
    pub admission: Admission,
    pub seats: Seats,
    pub stopping: watch::Receiver<bool>,
}

impl Incidents {
    fn caller<'a>(&'a self, tenant: &'a TenantId) -> Caller<'a> {
        Caller {
            tenant,
            now: self.clock.now(),
            area: self.service_area.as_ref(),
        }
    }

    async fn report(
        &self,
        tenant: TenantId,
        request: wire::ReportIncidentRequest,
        began: Option<Began>,
    ) -> Result<wire::ReportIncidentResponse, Refusal> {
        let class = self.class(&tenant, &request);
        let _place = self.admission.admit(&tenant, class)?;
        let (report, address) = parse::report(request, self.caller(&tenant))?;
        let key = report.key.clone();
        if let Some(Began(began)) = began {
            Stage::Decode.took(began);
        }
        let answered = self.engine.report(report, address).await;
        let answered = answered.map_err(|refused| self.admission.refused(class, refused))?;
        match answered.answer {
            Answer::Reported(reported) => Ok(answer::reported(&reported, &key, answered.durable)),
            other => Err(no_answer(other)),
        }
    }

    /// A drill, however grave, takes no place from an emergency; nor does a report that is wrong.
    fn class(&self, tenant: &TenantId, request: &wire::ReportIncidentRequest) -> Class {
        let live = matches!(request.purpose, Some(Purpose::Live(_)));
        match IncidentKind::new(&request.kind) {
            Some(kind) if live && (self.life_threatening)(tenant, &kind) => Class::Vital,
            _ => Class::Report,
        }
    }

    async fn end(&self, ending: Ending) -> Result<Option<wire::IncidentEnding>, Refusal> {
        let key = ending.key.clone();
        let answered = self.engine.end(ending).await;
        let answered = answered.map_err(|refused| self.admission.refused(Class::Vital, refused))?;
        match answered.answer {
            Answer::Ended(ended) => Ok(Some(answer::ended(&ended, &key, answered.durable))),
            other => Err(no_answer(other)),
        }
    }

    async fn get(
        &self,
        tenant: TenantId,
        request: wire::GetIncidentRequest,
    ) -> Result<wire::GetIncidentResponse, Refusal> {
        let id = named(request.name, &tenant)?;
        let wanted = Arc::clone(&self.wanted);
        let incident = self.reads.read(move |reader| {
            let entries = reader.incident_entries(&tenant, id)?;
            Ok(answer::incident(id, &entries, wanted.as_ref()))
        });
        match incident.await? {
            Some(incident) => Ok(wire::GetIncidentResponse {
                incident: Some(incident),
            }),
            None => Err(Refusal::NotFound("incident")),
        }
    }

    async fn list(
        &self,
        tenant: TenantId,
        request: wire::ListIncidentsRequest,
    ) -> Result<wire::ListIncidentsResponse, Refusal> {
        let page = parse::page(request.page_size, &request.page_token)?;
        let before = page.from.unwrap_or(NEWEST);
        let open_only = request.open_only;
        // One more than asked for tells whether there is another page.
        let read = move |reader: &dyn JournalReader| reader.incidents_before(&tenant, before, open_only, page.size + 1);
        let mut rows = self.reads.read(read).await?;
        let more = rows.len() > page.size;
        rows.truncate(page.size);
        let last = rows.last().filter(|_| more);
        Ok(wire::ListIncidentsResponse {
            next_page_token: last.map(|row| Page::token(row.first_sequence)).unwrap_or_default(),
            incidents: rows.iter().map(answer::summary).collect(),
        })
    }

    async fn watch(&self, tenant: TenantId, request: wire::WatchIncidentsRequest) -> Result<Watch, Refusal> {
        let incident = match request.incident_id.as_str() {
            "" => None,
            id => Some(self.known(&tenant, parse::incident_id(id)?).await?),
        };
        let seat = self.seats.take(&tenant)?;
        let durable = self.engine.durable();
        let from_now = *durable.borrow();
        Ok(Watch {
            alarms: Alarms::new(self.engine.alarms(), tenant.clone()),
            pages: Pages {
                reads: self.reads.clone(),
                subject: Subject { tenant, incident },
                position: request.after_sequence.unwrap_or(from_now),
                durable,
                stories: Stories::default(),
            },
            clock: Arc::clone(&self.clock),
            stopping: self.stopping.clone(),
            seat,
        })
    }

    async fn known(&self, tenant: &TenantId, id: IncidentId) -> Result<IncidentId, Refusal> {
        let tenant = tenant.clone();
        let first = self
            .reads
            .read(move |reader| reader.entries_after(&tenant, 0, Some(id), 1));
        if first.await?.is_empty() {
            return Err(Refusal::NotFound("incident"));
        }
        Ok(id)
    }
}

fn named(name: Option<Name>, tenant: &TenantId) -> Result<IncidentId, Refusal> {
    match name {
        None => Err(parse::no_name().into()),
        Some(Name::IncidentId(id)) => Ok(parse::incident_id(&id)?),
        Some(Name::Key(key)) => match parse::own_key(&key, tenant)? {
            Some(key) => Ok(key.id()),
            None => Err(Refusal::NotFound("incident")),
        },
    }
}

/// The refusal that an answer without the wanted outcome is.
fn no_answer(answer: Answer) -> Refusal {
    match answer {
        Answer::RequestIdReused { id } => Refusal::RequestIdReused(id),
        Answer::PurposeChanged { was } => Refusal::PurposeChanged(was),
        Answer::CallOutChanged { was } => Refusal::CallOutChanged(was),
        Answer::Reported(_) | Answer::Ended(_) => Refusal::Internal("the answer belongs to another kind of request"),
    }
}

#[tonic::async_trait]
impl IncidentService for Incidents {
    async fn report_incident(
        &self,
        request: Request<wire::ReportIncidentRequest>,
    ) -> Result<Response<wire::ReportIncidentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let began = request.extensions().get::<Began>().copied();
        Ok(Response::new(self.report(tenant, request.into_inner(), began).await?))
    }

    async fn stand_down_incident(
        &self,
        request: Request<wire::StandDownIncidentRequest>,
    ) -> Result<Response<wire::StandDownIncidentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let ending = parse::stand_down(request.into_inner(), self.caller(&tenant)).map_err(Refusal::from)?;
        let ending = self.end(ending).await?;
        Ok(Response::new(wire::StandDownIncidentResponse { ending }))
    }

    async fn close_incident(
        &self,
        request: Request<wire::CloseIncidentRequest>,
    ) -> Result<Response<wire::CloseIncidentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let ending = parse::close(request.into_inner(), self.caller(&tenant)).map_err(Refusal::from)?;
        let ending = self.end(ending).await?;
        Ok(Response::new(wire::CloseIncidentResponse { ending }))
    }

    async fn get_incident(
        &self,
        request: Request<wire::GetIncidentRequest>,
    ) -> Result<Response<wire::GetIncidentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        Ok(Response::new(self.get(tenant, request.into_inner()).await?))
    }

    async fn list_incidents(
        &self,
        request: Request<wire::ListIncidentsRequest>,
    ) -> Result<Response<wire::ListIncidentsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        Ok(Response::new(self.list(tenant, request.into_inner()).await?))
    }

    type WatchIncidentsStream = Pin<Box<dyn Stream<Item = Result<wire::WatchIncidentsResponse, Status>> + Send>>;

    async fn watch_incidents(
        &self,
        request: Request<wire::WatchIncidentsRequest>,
    ) -> Result<Response<Self::WatchIncidentsStream>, Status> {
        let tenant = tenant_of(&request)?;
        let watch = self.watch(tenant, request.into_inner()).await?;
        Ok(Response::new(Box::pin(watch.events())))
    }
}
