//! A control room: the gRPC clients with the development certificate, and short ways to say usual things.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result};
use muster_proto::{
    google::Timestamp,
    v1::{
        CloseIncidentRequest, DeviceKind, GetIncidentRequest, Incident, IncidentEnding, IncidentKey,
        IssueCredentialRequest, Live, Location, PayloadEncoding, RegisterResponderRequest, ReportIncidentRequest,
        ReportIncidentResponse, ResponderProfile, TravelMode, Wgs84, get_incident_request::Name,
        incident_service_client::IncidentServiceClient, issue_credential_request, location::Point,
        report_incident_request, responder_service_client::ResponderServiceClient,
    },
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::{service::Endpoints, wait::PATIENCE};

/// A day, the unit of credentials.
const DAY: Duration = Duration::from_secs(86_400);

/// A point on the WGS84 datum, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point2d {
    /// North positive.
    pub latitude_deg: f64,
    /// East positive.
    pub longitude_deg: f64,
}

/// A person and their phone as enrolled.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The person.
    pub responder_id: String,
    /// The phone; also its MQTT user name.
    pub device_id: String,
    /// Its MQTT password.
    pub password: String,
    /// Where it speaks.
    pub up_topic: String,
    /// Where it listens.
    pub down_topic: String,
}

/// A connected control room.
#[derive(Clone)]
pub struct ControlRoom {
    /// Incidents.
    pub incidents: IncidentServiceClient<Channel>,
    /// Responders.
    pub responders: ResponderServiceClient<Channel>,
}

impl ControlRoom {
    /// Connects with the development certificate.
    pub async fn connect(endpoints: &Endpoints) -> Result<Self> {
        let files = &endpoints.control_room;
        let identity = Identity::from_pem(fs::read(&files.certificate)?, fs::read(&files.key)?);
        let channel = channel(endpoints, Some(identity)).await?;
        Ok(Self {
            incidents: IncidentServiceClient::new(channel.clone()),
            responders: ResponderServiceClient::new(channel),
        })
    }

    /// Registers a person on foot who may be asked for cardiac arrests, and a live phone that speaks JSON.
    pub async fn enrol(&mut self, external_ref: &str) -> Result<Enrolled> {
        let profile = ResponderProfile {
            external_ref: external_ref.to_owned(),
            name: format!("Responder {external_ref}"),
            skills: vec!["cpr".to_owned()],
            credential_valid_until: Some(timestamp(SystemTime::now() + 365 * DAY)),
            travel_mode: TravelMode::Foot.into(),
            on_duty: true,
            quiet_hours: None,
        };
        let request = RegisterResponderRequest { profile: Some(profile) };
        let registered = self.responders.register_responder(request).await?.into_inner();
        let responder_id = registered.responder.context("a registered person")?.responder_id;
        let request = IssueCredentialRequest {
            responder_id: responder_id.clone(),
            kind: DeviceKind::Muster.into(),
            encoding: PayloadEncoding::Json.into(),
            purpose: Some(issue_credential_request::Purpose::Live(Live {})),
        };
        let issued = self.responders.issue_credential(request).await?.into_inner();
        Ok(Enrolled {
            responder_id,
            device_id: issued.device_id,
            password: issued.password,
            up_topic: issued.up_topic,
            down_topic: issued.down_topic,
        })
    }

    /// Sends a report. Sending the same one again is a retry.
    pub async fn report(&mut self, report: &ReportIncidentRequest) -> Result<ReportIncidentResponse, tonic::Status> {
        Ok(self.incidents.report_incident(report.clone()).await?.into_inner())
    }

    /// An incident as it stands.
    pub async fn incident(&mut self, number: &str) -> Result<Incident> {
        let request = GetIncidentRequest {
            name: Some(Name::Key(key(number))),
        };
        let found = self.incidents.get_incident(request).await?.into_inner();
        found.incident.context("an incident")
    }

    /// Closes an incident as its second revision.
    pub async fn close(&mut self, number: &str) -> Result<IncidentEnding> {
        let request = CloseIncidentRequest {
            request_id: format!("{number}-close"),
            key: Some(key(number)),
            revision: 2,
            sent_at: Some(timestamp(SystemTime::now())),
        };
        let closed = self.incidents.close_incident(request).await?.into_inner();
        closed.ending.context("an ending")
    }
}

/// Connects to the gRPC listener with this identity, or with none.
pub async fn channel(endpoints: &Endpoints, identity: Option<Identity>) -> Result<Channel> {
    let authority = Certificate::from_pem(fs::read(&endpoints.ca_certificate)?);
    let tls = ClientTlsConfig::new()
        .ca_certificate(authority)
        .domain_name("localhost");
    let tls = match identity {
        Some(identity) => tls.identity(identity),
        None => tls,
    };
    let endpoint = Channel::from_shared(format!("https://{}", endpoints.grpc))?
        .tls_config(tls)?
        .timeout(PATIENCE);
    Ok(endpoint.connect().await?)
}

/// The key of the incident with this number.
pub fn key(number: &str) -> IncidentKey {
    IncidentKey {
        tenant: String::new(),
        cad_system: "test-cad".to_owned(),
        cad_incident_number: number.to_owned(),
        call_date: "2026-01-31".to_owned(),
    }
}

/// A first report of a cardiac arrest, made now.
pub fn cardiac_arrest(number: &str, place: Point2d) -> ReportIncidentRequest {
    let point = Point::Wgs84(Wgs84 {
        latitude_deg: place.latitude_deg,
        longitude_deg: place.longitude_deg,
    });
    ReportIncidentRequest {
        request_id: format!("{number}-report"),
        key: Some(key(number)),
        revision: 1,
        sent_at: Some(timestamp(SystemTime::now())),
        kind: "cardiac_arrest".to_owned(),
        purpose: Some(report_incident_request::Purpose::Live(Live {})),
        location: Some(Location {
            point: Some(point),
            accuracy_m: None,
            address: None,
        }),
        call_connected_at: None,
        alert_although_late: false,
        ..ReportIncidentRequest::default()
    }
}

/// A moment as the wire has it.
pub fn timestamp(moment: SystemTime) -> Timestamp {
    let since = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("tests run after 1970");
    Timestamp {
        seconds: i64::try_from(since.as_secs()).expect("seconds fit"),
        nanos: i32::try_from(since.subsec_nanos()).expect("nanoseconds fit"),
    }
}
