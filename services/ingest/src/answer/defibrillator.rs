//! Defibrillators, and whether one can get at them now.

use dispatch_core::{
    aeds::{Access, Aed, AedState, OpeningHours, Openness},
    position::Metres,
    time::Timestamp,
};
use muster_engine::registry::{Address, AedRow};
use muster_proto::v1::{self as wire, location::Point};

/// A defibrillator as it is at `now`; `distance` when it is told near a point.
pub(crate) fn defibrillator(row: &AedRow, now: Timestamp, distance: Option<Metres>) -> wire::Defibrillator {
    wire::Defibrillator {
        defibrillator_id: row.aed.aed.to_string(),
        profile: Some(profile(row)),
        opening_hours_understood: row.aed.opening.is_some(),
        openness: openness(row.aed.openness(now)).into(),
        distance_m: distance.map(Metres::as_f64),
    }
}

fn profile(row: &AedRow) -> wire::DefibrillatorProfile {
    let aed = &row.aed;
    wire::DefibrillatorProfile {
        external_ref: row.external_ref.clone(),
        location: Some(location(aed, &row.address)),
        access: access(aed.access).into(),
        opening_hours: row.hours.as_ref().map(opening_hours),
        indoor: aed.indoor,
        level: aed
            .level
            .as_ref()
            .map(|level| level.as_str().to_owned())
            .unwrap_or_default(),
        out_of_service: aed.state == AedState::OutOfService,
        confirmed_at: aed.confirmed_at.map(super::moment),
        name: row.name.clone(),
        cabinet_code: row.cabinet_code.clone(),
    }
}

fn location(aed: &Aed, address: &Address) -> wire::Location {
    let parts = wire::Address {
        text: address.text.clone(),
        uprn: address.uprn.clone(),
        postcode: address.postcode.clone(),
        floor: address.floor.clone(),
        access_notes: address.access_notes.clone(),
    };
    wire::Location {
        point: Some(Point::Wgs84(wire::Wgs84 {
            latitude_deg: aed.position.latitude(),
            longitude_deg: aed.position.longitude(),
        })),
        accuracy_m: Some(aed.accuracy.as_f64()),
        address: Some(parts).filter(|parts| *parts != wire::Address::default()),
    }
}

fn opening_hours(hours: &OpeningHours) -> wire::OpeningHours {
    wire::OpeningHours {
        expression: hours.expression().to_owned(),
        country: hours.locality().country().to_owned(),
        time_zone: hours.locality().time_zone().to_owned(),
    }
}

fn access(access: Access) -> wire::DefibrillatorAccess {
    match access {
        Access::Unknown => wire::DefibrillatorAccess::Unspecified,
        Access::Public => wire::DefibrillatorAccess::Public,
        Access::Permissive => wire::DefibrillatorAccess::Permissive,
        Access::Private => wire::DefibrillatorAccess::Private,
    }
}

fn openness(openness: Openness) -> wire::Openness {
    match openness {
        Openness::Unknown => wire::Openness::Unspecified,
        Openness::Open => wire::Openness::Open,
        Openness::Closed => wire::Openness::Closed,
    }
}
