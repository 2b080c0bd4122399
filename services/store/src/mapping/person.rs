//! Responders and devices.

use dispatch_core::{
    responder::{Device, QuietHours, ResponderProfile, Skill, Skills},
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::{
    InvalidRecord, Word,
    fields::{id, tenant, wrong},
    words::word,
};

pub fn profile(profile: &ResponderProfile) -> stored::ResponderPut {
    stored::ResponderPut {
        responder: profile.responder.as_bytes().to_vec(),
        tenant: profile.tenant.as_str().to_owned(),
        skills: profile.skills.iter().map(str::to_owned).collect(),
        credential_valid_until_ms: profile.credential_valid_until.unix_ms(),
        travel_mode: profile.travel_mode.to_stored(),
        on_duty: profile.on_duty,
        suspended: profile.suspended,
        quiet_hours: profile.quiet_hours.map(|hours| {
            let (from_minute, to_minute) = hours.minutes();
            stored::QuietHours {
                from_minute: from_minute.into(),
                to_minute: to_minute.into(),
            }
        }),
    }
}

pub fn from_profile(profile: stored::ResponderPut) -> Result<ResponderProfile, InvalidRecord> {
    Ok(ResponderProfile {
        responder: id("ResponderPut.responder", &profile.responder)?,
        tenant: tenant("ResponderPut.tenant", &profile.tenant)?,
        skills: skills(&profile.skills)?,
        credential_valid_until: Timestamp::from_unix_ms(profile.credential_valid_until_ms),
        travel_mode: word("ResponderPut.travel_mode", profile.travel_mode)?,
        on_duty: profile.on_duty,
        suspended: profile.suspended,
        quiet_hours: profile.quiet_hours.map(from_quiet_hours).transpose()?,
    })
}

fn from_quiet_hours(hours: stored::QuietHours) -> Result<QuietHours, InvalidRecord> {
    let (from, to) = (u16::try_from(hours.from_minute), u16::try_from(hours.to_minute));
    let read = from.ok().zip(to.ok()).and_then(|(from, to)| QuietHours::new(from, to));
    read.ok_or_else(|| {
        let found = format_args!("{} to {}", hours.from_minute, hours.to_minute).to_string();
        wrong("ResponderPut.quiet_hours", found, "two minutes of a day, 0 to 1,439")
    })
}

fn skills(names: &[String]) -> Result<Skills, InvalidRecord> {
    let wanted = "1 to 32 characters of a-z 0-9 _";
    names
        .iter()
        .map(|name| Skill::new(name).ok_or_else(|| wrong("ResponderPut.skills", format_args!("'{name}'"), wanted)))
        .collect()
}

pub fn device(device: Device) -> stored::DevicePut {
    stored::DevicePut {
        device: device.device.as_bytes().to_vec(),
        responder: device.responder.as_bytes().to_vec(),
        purpose: device.purpose.to_stored(),
        alertable: device.alertable,
    }
}

pub fn from_device(device: stored::DevicePut) -> Result<Device, InvalidRecord> {
    Ok(Device {
        device: id("DevicePut.device", &device.device)?,
        responder: id("DevicePut.responder", &device.responder)?,
        purpose: word("DevicePut.purpose", device.purpose)?,
        alertable: device.alertable,
    })
}
