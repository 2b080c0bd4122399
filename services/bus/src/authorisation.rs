//! Who may do what on the embedded broker. Everything that is not allowed here is denied.
//!
//! ```text
//!             connect                           publish                       subscribe
//! Muster      client id begins with its id      its own .../up, not retained  its own .../down, exactly
//! OwnTracks   client id not another's           owntracks/{its id}/{anything} nothing
//! trunk       client id begins with its id      its own .../up, not retained  nothing
//! ```

use std::sync::Arc;

use dispatch_core::ids::{DeviceId, TrunkId};
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
/// How every trunk's id begins.
const TRUNK_PREFIX: &str = "trk-";

/// Who connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Client {
    Device(DeviceId),
    Trunk(TrunkId),
}

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
    /// Whether the client is who it says, under a client id that is its own.
    pub fn connect(&self, introduction: &Introduction<'_>) -> Result<Client, Refusal> {
        let username = introduction.username.ok_or(Refusal::BadCredentials)?;
        let password = introduction.password.ok_or(Refusal::BadCredentials)?;
        let client = client_named(username).ok_or(Refusal::BadCredentials)?;
        match client {
            Client::Device(device) => self.connect_device(introduction, device, password)?,
            Client::Trunk(trunk) => self.connect_trunk(introduction, trunk, password)?,
        }
        Ok(client)
    }

    fn connect_device(
        &self,
        introduction: &Introduction<'_>,
        device: DeviceId,
        password: &[u8],
    ) -> Result<(), Refusal> {
        let access = self
            .credentials
            .verify(device, password)
            .ok_or(Refusal::BadCredentials)?;
        if !may_use_client_id(&access, introduction.client_id) {
            return Err(Refusal::ClientId);
        }
        match &introduction.will {
            Some(will) => self.may_leave_will(&access, will),
            None => Ok(()),
        }
    }

    fn connect_trunk(&self, introduction: &Introduction<'_>, trunk: TrunkId, password: &[u8]) -> Result<(), Refusal> {
        let access = self.credentials.verify_trunk(trunk, password);
        let access = access.ok_or(Refusal::BadCredentials)?;
        let client_id = introduction.client_id;
        if !is_plain(client_id) || !client_id.starts_with(&access.trunk.to_string()) {
            return Err(Refusal::ClientId);
        }
        // It has nothing to say once it is gone.
        introduction.will.as_ref().map_or(Ok(()), |_| Err(Refusal::Will))
    }

    /// Whether the client may publish to this topic.
    pub fn publish(&self, client: Client, topic: &str) -> Result<(), Refusal> {
        match client {
            Client::Device(device) => {
                let access = self.credentials.access(device).ok_or(Refusal::NoAccess)?;
                self.may_publish(&access, topic)
            }
            Client::Trunk(trunk) => {
                let access = self.credentials.trunk(trunk).ok_or(Refusal::NoAccess)?;
                let own = matches!(self.region.parse(topic), Some(Topic::TrunkUp { topic_id }) if topic_id == access.topic_id);
                if own { Ok(()) } else { Err(Refusal::Publish) }
            }
        }
    }

    /// Whether the client may subscribe to this filter.
    pub fn subscribe(&self, client: Client, filter: &str) -> Result<(), Refusal> {
        let Client::Device(device) = client else {
            return Err(Refusal::Subscribe);
        };
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

/// The client whose id, as we write it, is this text.
pub(crate) fn client_named(text: &str) -> Option<Client> {
    if let Some(device) = device_named(text) {
        return Some(Client::Device(device));
    }
    let trunk: TrunkId = text.parse().ok()?;
    (trunk.to_string() == text).then_some(Client::Trunk(trunk))
}

/// Without characters that mean something in topics.
fn is_plain(client_id: &str) -> bool {
    !client_id
        .chars()
        .any(|c| matches!(c, '+' | '#' | '/') || c.is_control())
}

fn may_use_client_id(access: &DeviceAccess, client_id: &str) -> bool {
    if !is_plain(client_id) {
        return false;
    }
    let own = client_id.starts_with(&access.device.device.to_string());
    match access.kind {
        DeviceKind::Muster => own,
        DeviceKind::OwnTracks => own || !(client_id.starts_with(DEVICE_PREFIX) || client_id.starts_with(TRUNK_PREFIX)),
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
