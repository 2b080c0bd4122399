//! What the control room asks: each request made from its number alone, so that a retry repeats every field.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use muster_proto::{
    google::Timestamp,
    v1::{
        GetIncidentRequest, IncidentKey, ListIncidentsRequest, Live, Location, RegisterResponderRequest,
        ReportIncidentRequest, ResponderProfile, StandDownCause, StandDownIncidentRequest, Wgs84,
        get_incident_request::Name, location::Point, report_incident_request::Purpose,
    },
};
use tonic::Status;

use crate::control_room::ControlRoom;

/// What is asked; the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A cardiac arrest.
    Report,
    /// Calls everybody off.
    StandDown,
    /// A person for the register.
    Register,
    /// Half of them one incident, half of them a page of the list.
    Query,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Report, Self::StandDown, Self::Register, Self::Query];

    /// Whether a life may depend on it, so that a refusal is followed by another attempt.
    pub fn is_vital(self) -> bool {
        matches!(self, Self::Report | Self::StandDown)
    }

    /// As in the table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Report => "report (vital)",
            Self::StandDown => "stand-down (vital)",
            Self::Register => "registration",
            Self::Query => "query",
        }
    }
}

/// One request of a run.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The run's name; part of every reference, so that runs do not meet.
    pub run: String,
    /// What.
    pub kind: Kind,
    /// Which: the number of the incident, the person, or the query.
    pub number: u64,
    /// When it was made; the same in a retry.
    pub made_at: SystemTime,
}

impl Ask {
    /// Asks.
    pub async fn ask(&self, room: &ControlRoom) -> Result<(), Status> {
        let mut incidents = room.incidents(self.number);
        match self.kind {
            Kind::Report => incidents.report_incident(self.report()).await.map(drop),
            Kind::StandDown => incidents.stand_down_incident(self.stand_down()).await.map(drop),
            Kind::Register => {
                let mut responders = room.responders(self.number);
                responders.register_responder(self.registration()).await.map(drop)
            }
            Kind::Query if self.number.is_multiple_of(2) => incidents
                .list_incidents(ListIncidentsRequest::default())
                .await
                .map(drop),
            Kind::Query => {
                // There are as many queries as reports; one that asks for the newest would come before it.
                let name = Some(Name::Key(key(&self.run, self.number / 2)));
                match incidents.get_incident(GetIncidentRequest { name }).await {
                    // Asked before its report was taken in.
                    Err(status) if status.code() == tonic::Code::NotFound => Ok(()),
                    answer => answer.map(drop),
                }
            }
        }
    }

    fn report(&self) -> ReportIncidentRequest {
        ReportIncidentRequest {
            request_id: format!("{}-report-{}", self.run, self.number),
            key: Some(key(&self.run, self.number)),
            revision: 1,
            sent_at: Some(moment(self.made_at)),
            kind: "cardiac_arrest".to_owned(),
            purpose: Some(Purpose::Live(Live {})),
            location: Some(Location {
                point: Some(Point::Wgs84(place(self.number))),
                ..Location::default()
            }),
            ..ReportIncidentRequest::default()
        }
    }

    fn stand_down(&self) -> StandDownIncidentRequest {
        StandDownIncidentRequest {
            request_id: format!("{}-stand-down-{}", self.run, self.number),
            key: Some(key(&self.run, self.number)),
            revision: 2,
            sent_at: Some(moment(self.made_at)),
            cause: StandDownCause::CrewOnScene.into(),
        }
    }

    fn registration(&self) -> RegisterResponderRequest {
        RegisterResponderRequest {
            profile: Some(profile(&format!("{}-{}", self.run, self.number), self.made_at)),
        }
    }
}

/// A person who may be asked for a day.
pub fn profile(external_ref: &str, now: SystemTime) -> ResponderProfile {
    ResponderProfile {
        external_ref: external_ref.to_owned(),
        name: format!("Responder {external_ref}"),
        skills: vec!["cpr".to_owned()],
        credential_valid_until: Some(moment(now + Duration::from_secs(86_400))),
        on_duty: true,
        ..ResponderProfile::default()
    }
}

/// The incident of a run with this number.
pub fn key(run: &str, number: u64) -> IncidentKey {
    IncidentKey {
        cad_system: "overload".to_owned(),
        cad_incident_number: format!("{run}-{number}"),
        call_date: "2026-01-01".to_owned(),
        ..IncidentKey::default()
    }
}

/// Somewhere within some ten kilometres of the middle of London, spread evenly (the golden ratio and the root of two fill a
/// square without a pattern), so that few incidents compete for the same people.
pub fn place(number: u64) -> Wgs84 {
    #[allow(clippy::cast_precision_loss)]
    let number = number as f64;
    let spread = |step: f64| (number * step).fract() - 0.5;
    Wgs84 {
        latitude_deg: 51.51 + 0.2 * spread(0.618_033_988_7),
        longitude_deg: -0.12 + 0.3 * spread(0.414_213_562_4),
    }
}

fn moment(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}
