//! The control room's side: a desk that reports incidents and ends them, on a schedule and not on answers, and repeats
//! every request word for word until it is answered, as a dispatch system does.

use std::{
    fs,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use muster_proto::v1::{
    CloseIncidentRequest, GetIncidentRequest, Incident, RegisterResponderRequest, ReportIncidentRequest,
    ReportIncidentResponse, ResponderProfile, StandDownCause, StandDownIncidentRequest, TravelMode,
    get_incident_request::Name, incident_service_client::IncidentServiceClient,
    responder_service_client::ResponderServiceClient,
};
use muster_tests::{
    control_room::{Point2d, cardiac_arrest, key, timestamp},
    service::Endpoints,
};
use tokio::time::sleep;
use tonic::{
    Status,
    transport::{Certificate, Channel, ClientTlsConfig, Identity},
};

use crate::ledger::{Answered, Ending};

/// After this a request counts as unanswered and is repeated.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Time before a request is repeated: a service that is starting refuses at once.
const REPEAT_AFTER: Duration = Duration::from_millis(50);
/// A day, the unit of credentials.
const DAY: Duration = Duration::from_secs(86_400);

/// A control room that finds the service again after each restart.
#[derive(Clone)]
pub struct Desk {
    /// Incidents.
    pub incidents: IncidentServiceClient<Channel>,
    /// Responders.
    pub responders: ResponderServiceClient<Channel>,
}

impl Desk {
    /// Connects when first used, and again whenever the connection was lost.
    pub fn new(endpoints: &Endpoints) -> Result<Self> {
        let files = &endpoints.control_room;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(fs::read(&endpoints.ca_certificate)?))
            .domain_name("localhost")
            .identity(Identity::from_pem(fs::read(&files.certificate)?, fs::read(&files.key)?));
        let channel = Channel::from_shared(format!("https://{}", endpoints.grpc))?
            .tls_config(tls)?
            .connect_timeout(ANSWER_WAIT)
            .timeout(ANSWER_WAIT)
            .connect_lazy();
        Ok(Self {
            incidents: IncidentServiceClient::new(channel.clone()),
            responders: ResponderServiceClient::new(channel).max_decoding_message_size(1 << 24),
        })
    }

    /// One try.
    pub async fn report(&self, report: &ReportIncidentRequest) -> Result<ReportIncidentResponse, Status> {
        Ok(self
            .incidents
            .clone()
            .report_incident(report.clone())
            .await?
            .into_inner())
    }

    /// An incident as it stands; `None` when there is none.
    pub async fn incident(&self, number: &str) -> Result<Option<Incident>> {
        let request = GetIncidentRequest {
            name: Some(Name::Key(key(number))),
        };
        match self.incidents.clone().get_incident(request).await {
            Ok(answer) => Ok(answer.into_inner().incident),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(status).with_context(|| format!("asking for {number}")),
        }
    }

    /// One try to end an incident.
    pub async fn end(&self, number: &str, ending: Ending, sent_at: SystemTime) -> Result<Answered, Status> {
        let (request_id, sent_at) = (format!("{number}-end"), Some(timestamp(sent_at)));
        let ending = match ending {
            Ending::Close => {
                let request = CloseIncidentRequest {
                    request_id,
                    key: Some(key(number)),
                    revision: 2,
                    sent_at,
                };
                self.incidents
                    .clone()
                    .close_incident(request)
                    .await?
                    .into_inner()
                    .ending
            }
            Ending::StandDown => {
                let request = StandDownIncidentRequest {
                    request_id,
                    key: Some(key(number)),
                    revision: 2,
                    sent_at,
                    cause: StandDownCause::Cancelled.into(),
                };
                let answer = self.incidents.clone().stand_down_incident(request).await?;
                answer.into_inner().ending
            }
        };
        let ending = ending.ok_or_else(|| Status::internal("an answer without an ending"))?;
        Ok(Answered {
            at: Instant::now(),
            incident_id: ending.incident_id,
            sequence: ending.sequence,
            durable: ending.durable,
            alerts_planned: 0,
        })
    }

    /// Tries to register somebody: a request that may wait, unlike a life-threatening report.
    pub async fn register(&self, external_ref: &str) -> Result<(), Status> {
        let request = RegisterResponderRequest {
            profile: Some(profile(external_ref)),
        };
        self.responders.clone().register_responder(request).await.map(|_| ())
    }

    /// Reports until there is an answer; `None` when nobody answers until `give_up`.
    pub async fn report_until_answered(&self, report: &ReportIncidentRequest, give_up: Instant) -> Option<Answered> {
        loop {
            if let Ok(answer) = self.report(report).await {
                return Some(Answered {
                    at: Instant::now(),
                    incident_id: answer.incident_id,
                    sequence: answer.sequence,
                    durable: answer.durable,
                    alerts_planned: answer.alerts_planned,
                });
            }
            if Instant::now() > give_up {
                return None;
            }
            sleep(REPEAT_AFTER).await;
        }
    }

    /// Ends an incident, likewise.
    pub async fn end_until_answered(
        &self,
        number: &str,
        ending: Ending,
        sent_at: SystemTime,
        give_up: Instant,
    ) -> Option<Answered> {
        loop {
            if let Ok(answer) = self.end(number, ending, sent_at).await {
                return Some(answer);
            }
            if Instant::now() > give_up {
                return None;
            }
            sleep(REPEAT_AFTER).await;
        }
    }
}

/// A person on foot who may be asked for cardiac arrests.
pub fn profile(external_ref: &str) -> ResponderProfile {
    ResponderProfile {
        external_ref: external_ref.to_owned(),
        name: format!("Responder {external_ref}"),
        skills: vec!["cpr".to_owned()],
        credential_valid_until: Some(timestamp(SystemTime::now() + 365 * DAY)),
        travel_mode: TravelMode::Foot.into(),
        on_duty: true,
        quiet_hours: None,
    }
}

/// A cardiac arrest at a place, made now.
pub fn arrest(number: &str, place: Point2d) -> ReportIncidentRequest {
    cardiac_arrest(number, place)
}
