//! People, their devices, and where these publish and listen.

use dispatch_core::responder::{Purpose, QuietHours, TravelMode};
use muster_engine::{
    ports::Calls,
    registry::{DeviceAccess, DeviceKind, Encoding, ResponderRow, TrunkAccess},
    requests::RegistrationOutcome,
};
use muster_proto::v1::{self as wire, device};

/// A person with their devices, and how often they were asked.
pub(crate) fn responder(row: &ResponderRow, devices: &[DeviceAccess], calls: Option<Calls>) -> wire::Responder {
    let profile = &row.profile;
    wire::Responder {
        responder_id: profile.responder.to_string(),
        profile: Some(wire::ResponderProfile {
            external_ref: row.external_ref.clone(),
            name: row.name.clone(),
            skills: profile.skills.iter().map(str::to_owned).collect(),
            credential_valid_until: Some(super::moment(profile.credential_valid_until)),
            travel_mode: travel_mode(profile.travel_mode).into(),
            on_duty: profile.on_duty,
            quiet_hours: profile.quiet_hours.map(quiet_hours),
        }),
        suspended: profile.suspended,
        devices: devices.iter().map(device).collect(),
        times_called: calls.map_or(0, |calls| calls.times),
        last_called_at: calls.map(|calls| super::moment(calls.last_at)),
    }
}

/// What became of a row of an import.
pub(crate) fn registration_outcome(outcome: RegistrationOutcome) -> wire::ImportOutcome {
    match outcome {
        RegistrationOutcome::Created => wire::ImportOutcome::Created,
        RegistrationOutcome::Unchanged => wire::ImportOutcome::Unchanged,
        RegistrationOutcome::Updated => wire::ImportOutcome::Updated,
    }
}

/// Where a device publishes and where it listens; an OwnTracks phone listens nowhere.
pub(crate) fn device_topics(access: &DeviceAccess, region: &str) -> (String, String) {
    match access.kind {
        DeviceKind::Muster => {
            let base = format!("muster/v1/{region}/d/{}", access.topic_id);
            (format!("{base}/up"), format!("{base}/down"))
        }
        DeviceKind::OwnTracks => (format!("owntracks/{}/phone", access.device.device), String::new()),
    }
}

/// Where a trunk publishes.
pub(crate) fn trunk_topic(access: &TrunkAccess, region: &str) -> String {
    format!("muster/v1/{region}/t/{}/up", access.topic_id)
}

fn device(access: &DeviceAccess) -> wire::Device {
    let kind = match access.kind {
        DeviceKind::Muster => wire::DeviceKind::Muster,
        DeviceKind::OwnTracks => wire::DeviceKind::Owntracks,
    };
    let encoding = match access.encoding {
        Encoding::Json => wire::PayloadEncoding::Json,
        Encoding::Binary => wire::PayloadEncoding::Binary,
    };
    let purpose = match access.device.purpose {
        Purpose::Live => device::Purpose::Live(wire::Live {}),
        Purpose::Exercise => device::Purpose::Exercise(wire::Exercise::default()),
    };
    wire::Device {
        device_id: access.device.device.to_string(),
        kind: kind.into(),
        encoding: encoding.into(),
        purpose: Some(purpose),
    }
}

fn quiet_hours(hours: QuietHours) -> wire::QuietHours {
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let (from, to) = hours.minutes();
    wire::QuietHours {
        from: time(from),
        to: time(to),
    }
}

fn travel_mode(mode: TravelMode) -> wire::TravelMode {
    match mode {
        TravelMode::Unknown => wire::TravelMode::Unspecified,
        TravelMode::Foot => wire::TravelMode::Foot,
        TravelMode::Bicycle => wire::TravelMode::Bicycle,
        TravelMode::Car => wire::TravelMode::Car,
    }
}

#[cfg(test)]
mod tests {
    use dispatch_core::{
        ids::{DeviceId, ResponderId, TenantId},
        responder::Device,
    };

    use super::*;

    #[test]
    fn topics_follow_the_kind_of_device() {
        let mut access = DeviceAccess {
            device: Device {
                device: DeviceId::from_bytes([1; 16]),
                responder: ResponderId::from_bytes([2; 16]),
                purpose: Purpose::Live,
                alertable: true,
            },
            tenant: TenantId::new("dev").expect("valid"),
            kind: DeviceKind::Muster,
            encoding: Encoding::Json,
            topic_id: "f".repeat(32),
            secret_hash: [0; 32],
        };
        let (up, down) = device_topics(&access, "london");
        assert_eq!(up, format!("muster/v1/london/d/{}/up", "f".repeat(32)));
        assert_eq!(down, format!("muster/v1/london/d/{}/down", "f".repeat(32)));
        access.kind = DeviceKind::OwnTracks;
        let (up, down) = device_topics(&access, "london");
        assert_eq!(
            (up, down),
            (format!("owntracks/dev-{}/phone", "01".repeat(16)), String::new())
        );
    }
}
