//! Who may do what on the embedded broker. Everything that is not allowed here is denied.
//!
//! ```text
//!             connect                           publish                       subscribe
//! Muster      client id begins with its id      its own .../up, not retained  its own .../down, exactly
//! OwnTracks   client id not another device's    owntracks/{its id}/{anything} nothing
//! ```

use std::sync::Arc;

use dispatch_core::ids::DeviceId;
use muster_engine::{
    ports::Credentials,
    registry::{DeviceAccess, DeviceKind},
};

use crate::{
    refusal::Refusal,
    topics::{Region, Topic},
};

/// How every device id begins.
const DEVICE_PREFIX: &str = "dev-";

/// What a client says of itself when it connects.
pub(crate) struct Introduction<'a> {
    pub client_id: &'a str,
    pub username: Option<&'a str>,
    pub password: Option<&'a [u8]>,
    pub will: Option<Will<'a>>,
}

/// What the broker is asked to say when the client is gone.
pub(crate) struct Will<'a> {
    pub topic: &'a str,
    pub retained: bool,
}

/// The rules.
pub(crate) struct Authorisation {
    pub region: Region,
    pub credentials: Arc<dyn Credentials>,
}

impl Authorisation {
    /// Whether the client is the device it says, under a client id that is its own.
    pub fn connect(&self, introduction: &Introduction<'_>) -> Result<Arc<DeviceAccess>, Refusal> {
        let username = introduction.username.ok_or(Refusal::BadCredentials)?;
        let password = introduction.password.ok_or(Refusal::BadCredentials)?;
        let device = device_named(username).ok_or(Refusal::BadCredentials)?;
        let access = self
            .credentials
            .verify(device, password)
            .ok_or(Refusal::BadCredentials)?;
        if !may_use_client_id(&access, introduction.client_id) {
            return Err(Refusal::ClientId);
        }
        if let Some(will) = &introduction.will {
            self.may_leave_will(&access, will)?;
        }
        Ok(access)
    }

    /// Whether the device may publish to this topic.
    pub fn publish(&self, device: DeviceId, topic: &str) -> Result<(), Refusal> {
        let access = self.credentials.access(device).ok_or(Refusal::NoAccess)?;
        self.may_publish(&access, topic)
    }

    /// Whether the device may subscribe to this filter.
    pub fn subscribe(&self, device: DeviceId, filter: &str) -> Result<(), Refusal> {
        let access = self.credentials.access(device).ok_or(Refusal::NoAccess)?;
        // Compared as a whole, so that no wildcard, `$share` or `$SYS` can match.
        if access.kind == DeviceKind::Muster && self.region.down(&access.topic_id) == filter {
            Ok(())
        } else {
            Err(Refusal::Subscribe)
        }
    }

    fn may_publish(&self, access: &DeviceAccess, topic: &str) -> Result<(), Refusal> {
        let own = match (access.kind, self.region.parse(topic)) {
            (DeviceKind::Muster, Some(Topic::Up { topic_id })) => topic_id == access.topic_id,
            (DeviceKind::OwnTracks, Some(Topic::OwnTracks { user, .. })) => {
                device_named(user) == Some(access.device.device)
            }
            _ => false,
        };
        if own { Ok(()) } else { Err(Refusal::Publish) }
    }

    fn may_leave_will(&self, access: &DeviceAccess, will: &Will<'_>) -> Result<(), Refusal> {
        self.may_publish(access, will.topic).map_err(|_| Refusal::Will)?;
        if will.retained { Err(Refusal::Retained) } else { Ok(()) }
    }
}

/// The device whose id, as we write it, is this text.
pub(crate) fn device_named(text: &str) -> Option<DeviceId> {
    let device: DeviceId = text.parse().ok()?;
    // Ids also parse from capital digits; in topics and client ids there is one way to write them.
    (device.to_string() == text).then_some(device)
}

fn may_use_client_id(access: &DeviceAccess, client_id: &str) -> bool {
    if client_id
        .chars()
        .any(|c| matches!(c, '+' | '#' | '/') || c.is_control())
    {
        return false;
    }
    let own = client_id.starts_with(&access.device.device.to_string());
    match access.kind {
        DeviceKind::Muster => own,
        DeviceKind::OwnTracks => own || !client_id.starts_with(DEVICE_PREFIX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_one_name() {
        let device = DeviceId::from_bytes([0xab; 16]);
        assert_eq!(device_named(&device.to_string()), Some(device));
        assert_eq!(device_named(&device.to_string().replace('a', "A")), None);
    }
}
