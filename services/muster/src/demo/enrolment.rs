//! The people of the demo: placed by where Londoners live, registered and enrolled through gRPC like anybody else.

use std::time::Duration;

use anyhow::Context as _;
use muster_ingest::grid;
use muster_loadtest::{
    Encoding, PhoneConfig,
    people::{
        Person,
        place::Place,
        population::{Area, Population},
    },
};
use muster_proto::{
    google::Timestamp,
    v1::{
        DeviceKind, ImportOutcome, ImportRespondersRequest, IssueCredentialRequest, Live, PayloadEncoding,
        ResponderProfile, issue_credential_request::Purpose,
    },
};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::{
    control_room::{ControlRoom, patiently, refused},
    service,
};

const POPULATION: &str = include_str!("../../../../deploy/demo/london-population.csv");
/// Rows in one import, as the service accepts at most.
const BATCH: usize = 1_000;
/// Requests for credentials under way at a time.
const AT_A_TIME: usize = 64;
const VALID_FOR: Duration = Duration::from_secs(86_400);

#[derive(Deserialize)]
struct Row {
    easting_m: f64,
    northing_m: f64,
    residents: u32,
    radius_m: f64,
}

/// Registers `count` people and enrols a phone for each.
pub async fn enrol(room: &ControlRoom, count: u64, seed: u64) -> anyhow::Result<Vec<PhoneConfig>> {
    let population = population()?;
    let responders = register(room, count).await?;
    let mut phones = Vec::with_capacity(responders.len());
    let mut tasks = JoinSet::new();
    for (number, responder_id) in (0..).zip(responders) {
        if tasks.len() == AT_A_TIME {
            phones.push(tasks.join_next().await.context("there are tasks")???);
        }
        let home = population.home_of(Person { seed, number });
        tasks.spawn(enrol_phone(room.clone(), number, responder_id, home));
    }
    while let Some(phone) = tasks.join_next().await {
        phones.push(phone??);
    }
    phones.sort_by_key(|phone: &PhoneConfig| phone.person);
    Ok(phones)
}

fn population() -> anyhow::Result<Population> {
    let mut areas = Vec::new();
    for row in csv::Reader::from_reader(POPULATION.as_bytes()).into_deserialize() {
        let Row {
            easting_m,
            northing_m,
            residents,
            radius_m,
        } = row?;
        let (latitude_deg, longitude_deg) = grid::to_degrees(easting_m, northing_m)?;
        areas.push(Area {
            centre: Place::new(latitude_deg, longitude_deg)?,
            residents,
            radius_m,
        });
    }
    Ok(Population::new(areas)?)
}

async fn register(room: &ControlRoom, count: u64) -> anyhow::Result<Vec<String>> {
    let until = (service::now() + VALID_FOR).unix_ms() / 1_000;
    let profile = |number: u64| ResponderProfile {
        external_ref: format!("demo-{number}"),
        name: format!("Demo responder {number}"),
        skills: vec!["cpr".to_owned()],
        credential_valid_until: Some(Timestamp {
            seconds: until,
            nanos: 0,
        }),
        travel_mode: 0,
        on_duty: true,
        quiet_hours: None,
    };
    let mut ids = Vec::new();
    let numbers: Vec<u64> = (0..count).collect();
    for batch in numbers.chunks(BATCH) {
        let request = ImportRespondersRequest {
            profiles: batch.iter().copied().map(profile).collect(),
        };
        let answer = patiently(|| {
            let (mut client, request) = (room.responders(), request.clone());
            async move { client.import_responders(request).await }
        })
        .await
        .map_err(|status| refused("registering", &status))?;
        for row in answer.into_inner().rows {
            anyhow::ensure!(row.outcome() == ImportOutcome::Created, "registering: {}", row.message);
            ids.push(row.responder_id);
        }
    }
    Ok(ids)
}

async fn enrol_phone(room: ControlRoom, number: u64, responder_id: String, home: Place) -> anyhow::Result<PhoneConfig> {
    // Both encodings are in use.
    let (wire, encoding) = match number % 2 {
        0 => (PayloadEncoding::Binary, Encoding::Binary),
        _ => (PayloadEncoding::Json, Encoding::Json),
    };
    let request = IssueCredentialRequest {
        responder_id,
        kind: DeviceKind::Muster.into(),
        encoding: wire.into(),
        purpose: Some(Purpose::Live(Live {})),
    };
    let issued = patiently(|| {
        let (mut client, request) = (room.responders(), request.clone());
        async move { client.issue_credential(request).await }
    })
    .await
    .map_err(|status| refused("enrolling", &status))?;
    let issued = issued.into_inner();
    Ok(PhoneConfig {
        person: number,
        device_id: issued.device_id,
        password: issued.password,
        up_topic: issued.up_topic,
        down_topic: issued.down_topic,
        encoding,
        home,
    })
}
