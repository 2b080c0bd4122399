//! One round of the canary: report, wait for the phone, see that the service knows of its receipt, close.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use dispatch_core::{incident::CANARY, time::Timestamp};
use muster_loadtest::{
    Encoding, Fleet, FleetConfig, MessageKind, PhoneConfig, What,
    people::{answers::AnswerModel, place::Place},
    phone::Purpose,
};
use muster_proto::v1::{
    AlertState, CloseIncidentRequest, DeviceKind, Exercise, GetIncidentRequest, GetResponderRequest, ImportOutcome,
    ImportRespondersRequest, IncidentKey, IssueCredentialRequest, Location, PayloadEncoding, ReportIncidentRequest,
    ResponderProfile, Wgs84, get_incident_request::Name, issue_credential_request, location::Point,
    report_incident_request,
};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::CanaryConfig;
use crate::{
    control_room::{ControlRoom, refused},
    endpoints::write_private,
    report_time::{utc, wire},
    service,
};

/// A round that takes longer has failed (F46 of the reliability research).
const ROUND_WITHIN: Duration = Duration::from_secs(5);
/// How often the service is asked whether it knows of the receipt.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long the phone may take to connect before a round counts as failed all the same.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const DAY_MS: i64 = 86_400_000;
const VALID_FOR: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Its reference in the register.
const EXTERNAL_REF: &str = "muster-canary";
const CAD_SYSTEM: &str = "muster-canary";

/// What the phone's credential file holds.
#[derive(Serialize, Deserialize)]
struct Credential {
    device_id: String,
    password: String,
    up_topic: String,
    down_topic: String,
}

/// A canary that has been set up.
pub struct Canary {
    room: ControlRoom,
    phone: Fleet,
    place: (f64, f64),
}

impl Canary {
    /// Registers the canary's person and enrols their phone, unless that was done before, and connects it.
    pub async fn set_up(config: &CanaryConfig) -> anyhow::Result<Self> {
        let room = ControlRoom::connect(&config.endpoints).await?;
        let responder_id = register(&room).await?;
        let credential = match kept(&room, config, &responder_id).await? {
            Some(credential) => credential,
            None => {
                let issued = enrol(&room, responder_id).await?;
                write_private(&config.credential, &serde_json::to_vec_pretty(&issued)?)?;
                issued
            }
        };
        let (host, port) = config.broker.clone();
        let at_once = AnswerModel {
            accept_share: 0.0,
            decline_share: 1.0,
            answer_median: Duration::from_millis(10),
            ..AnswerModel::default()
        };
        let fleet = FleetConfig {
            answers: at_once,
            purpose: Purpose::Exercise,
            ..FleetConfig::new(host, port, 0)
        };
        let phone = PhoneConfig {
            person: 0,
            device_id: credential.device_id,
            password: credential.password,
            up_topic: credential.up_topic,
            down_topic: credential.down_topic,
            encoding: Encoding::Binary,
            home: Place::new(config.place.0, config.place.1)?,
        };
        Ok(Self {
            room,
            phone: Fleet::start(&fleet, vec![phone]),
            place: config.place,
        })
    }

    /// Goes round once; returns how long it took from the report until the service knew of the receipt.
    pub async fn round(&mut self) -> anyhow::Result<Duration> {
        ensure!(
            self.phone.wait_connected(1, CONNECT_WITHIN).await,
            "its phone is not connected"
        );
        // What an earlier round brought late.
        self.phone.drain();
        let began = Instant::now();
        let now = service::now();
        let key = IncidentKey {
            tenant: String::new(),
            cad_system: CAD_SYSTEM.to_owned(),
            cad_incident_number: now.unix_ms().to_string(),
            call_date: utc(now)[..10].to_owned(),
        };
        let outcome = timeout(ROUND_WITHIN, self.there_and_back(now, &key)).await;
        self.close(now, key).await;
        outcome.with_context(|| format!("not within {} s", ROUND_WITHIN.as_secs()))??;
        Ok(began.elapsed())
    }

    async fn there_and_back(&mut self, now: Timestamp, key: &IncidentKey) -> anyhow::Result<()> {
        let incident_id = self.report(now, key).await?;
        let alert_id = loop {
            let event = self.phone.next_event().await.context("its phone has ended")?;
            if let What::Received { alert_id, kind, .. } = event.what
                && kind == MessageKind::Alert
            {
                break alert_id;
            }
        };
        loop {
            let request = GetIncidentRequest {
                name: Some(Name::IncidentId(incident_id.clone())),
            };
            let answer = self.room.incidents().get_incident(request).await;
            let incident = answer.map_err(|status| refused("asking for the canary", &status))?;
            let alerts = incident.into_inner().incident.unwrap_or_default().alerts;
            let alert = alerts.iter().find(|alert| alert.alert_id == alert_id);
            let Some(alert) = alert else {
                bail!("its phone received an alert that is not the canary's");
            };
            if matches!(
                alert.state(),
                AlertState::Received | AlertState::Shown | AlertState::Declined
            ) {
                return Ok(());
            }
            sleep(ASK_EVERY).await;
        }
    }

    async fn report(&self, now: Timestamp, key: &IncidentKey) -> anyhow::Result<String> {
        let request = ReportIncidentRequest {
            request_id: format!("canary-{}", now.unix_ms()),
            key: Some(key.clone()),
            revision: 1,
            sent_at: Some(wire(now)),
            kind: CANARY.to_owned(),
            purpose: Some(report_incident_request::Purpose::Exercise(Exercise::default())),
            location: Some(Location {
                point: Some(Point::Wgs84(Wgs84 {
                    latitude_deg: self.place.0,
                    longitude_deg: self.place.1,
                })),
                accuracy_m: Some(0.0),
                address: None,
            }),
            call_connected_at: None,
            alert_although_late: false,
            ..ReportIncidentRequest::default()
        };
        let answer = self.room.incidents().report_incident(request).await;
        let answer = answer.map_err(|status| refused("reporting the canary", &status))?;
        let answer = answer.into_inner();
        ensure!(answer.alerts_planned == 1, "its phone was not asked");
        Ok(answer.incident_id)
    }

    async fn close(&self, now: Timestamp, key: IncidentKey) {
        let request = CloseIncidentRequest {
            request_id: format!("canary-end-{}", now.unix_ms()),
            key: Some(key),
            revision: 2,
            sent_at: Some(wire(now)),
        };
        if let Err(status) = self.room.incidents().close_incident(request).await {
            tracing::warn!(code = ?status.code(), "the canary could not be closed");
        }
    }
}

async fn register(room: &ControlRoom) -> anyhow::Result<String> {
    // Whole days, so that not every start changes the register.
    let valid_until = (service::now() + VALID_FOR).unix_ms() / DAY_MS * DAY_MS;
    let valid_until = Timestamp::from_unix_ms(valid_until);
    let profile = ResponderProfile {
        external_ref: EXTERNAL_REF.to_owned(),
        name: "Muster canary".to_owned(),
        skills: vec![CANARY.to_owned()],
        credential_valid_until: Some(wire(valid_until)),
        travel_mode: 0,
        on_duty: true,
        quiet_hours: None,
    };
    let request = ImportRespondersRequest {
        profiles: vec![profile],
    };
    let answer = room.responders().import_responders(request).await;
    let answer = answer.map_err(|status| refused("registering the canary", &status))?;
    let row = answer
        .into_inner()
        .rows
        .into_iter()
        .next()
        .context("an answer for one row")?;
    ensure!(
        matches!(
            row.outcome(),
            ImportOutcome::Created | ImportOutcome::Updated | ImportOutcome::Unchanged
        ),
        "registering the canary: {}",
        row.message
    );
    Ok(row.responder_id)
}

/// The credential kept from an earlier start, if the service still knows its device.
async fn kept(room: &ControlRoom, config: &CanaryConfig, responder_id: &str) -> anyhow::Result<Option<Credential>> {
    let Ok(text) = fs::read(&config.credential) else {
        return Ok(None);
    };
    let reading = || format!("reading {}", config.credential.display());
    let credential: Credential = serde_json::from_slice(&text).with_context(reading)?;
    let request = GetResponderRequest {
        responder_id: responder_id.to_owned(),
    };
    let answer = room.responders().get_responder(request).await;
    let answer = answer.map_err(|status| refused("asking for the canary's phone", &status))?;
    let devices = answer.into_inner().responder.unwrap_or_default().devices;
    let known = devices.iter().any(|device| device.device_id == credential.device_id);
    Ok(known.then_some(credential))
}

async fn enrol(room: &ControlRoom, responder_id: String) -> anyhow::Result<Credential> {
    let request = IssueCredentialRequest {
        responder_id,
        kind: DeviceKind::Muster.into(),
        encoding: PayloadEncoding::Binary.into(),
        purpose: Some(issue_credential_request::Purpose::Exercise(Exercise::default())),
    };
    let answer = room.responders().issue_credential(request).await;
    let issued = answer
        .map_err(|status| refused("enrolling the canary", &status))?
        .into_inner();
    Ok(Credential {
        device_id: issued.device_id,
        password: issued.password,
        up_topic: issued.up_topic,
        down_topic: issued.down_topic,
    })
}
