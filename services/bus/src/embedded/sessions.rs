//! Who is connected under which client id, and who listens. Says when a device comes and goes.
//!
//! When a phone reconnects, the end of its old connection is often noticed after the new one has begun. So connections
//! are counted, and a device is gone when its last one is.

use std::collections::HashMap;

use dispatch_core::ids::DeviceId;

/// The clients connected now.
#[derive(Default)]
pub(super) struct Sessions {
    clients: HashMap<String, Session>,
    by_device: HashMap<DeviceId, Vec<String>>,
}

struct Session {
    device: DeviceId,
    connections: u32,
    listening: bool,
}

impl Sessions {
    /// Whose the client id is at the moment.
    pub fn owner(&self, client_id: &str) -> Option<DeviceId> {
        self.clients.get(client_id).map(|session| session.device)
    }

    /// The client ids under which a device is connected.
    pub fn clients_of(&self, device: DeviceId) -> Vec<String> {
        self.by_device.get(&device).cloned().unwrap_or_default()
    }

    /// A connection began. `listening`: its session was resumed and holds the subscription already.
    pub fn connected(&mut self, device: DeviceId, client_id: &str, listening: bool) {
        let session = self.clients.entry(client_id.to_owned()).or_insert_with(|| {
            self.by_device.entry(device).or_default().push(client_id.to_owned());
            Session {
                device,
                connections: 0,
                listening,
            }
        });
        session.connections += 1;
        // A reconnecting phone that has yet to subscribe again was last known to listen.
        session.listening |= listening;
    }

    /// A client subscribed to or unsubscribed from its down topic. Returns its device.
    pub fn set_listening(&mut self, client_id: &str, listening: bool) -> Option<DeviceId> {
        let session = self.clients.get_mut(client_id)?;
        session.listening = listening;
        Some(session.device)
    }

    /// A connection ended. Returns the device if this was its last listening one.
    pub fn disconnected(&mut self, client_id: &str) -> Option<DeviceId> {
        let session = self.clients.get_mut(client_id)?;
        session.connections -= 1;
        if session.connections > 0 {
            return None;
        }
        let session = self.clients.remove(client_id)?;
        let others = self.by_device.get_mut(&session.device)?;
        others.retain(|other| other != client_id);
        if others.is_empty() {
            self.by_device.remove(&session.device);
        }
        (session.listening && !self.is_listening(session.device)).then_some(session.device)
    }

    /// Whether a device hears what is said to it.
    pub fn is_listening(&self, device: DeviceId) -> bool {
        let clients = self.by_device.get(&device).into_iter().flatten();
        clients
            .filter_map(|client_id| self.clients.get(client_id))
            .any(|session| session.listening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);

    #[test]
    fn the_late_end_of_an_old_connection_does_not_take_a_phone_away() {
        let mut sessions = Sessions::default();
        sessions.connected(DEVICE, "a", false);
        sessions.set_listening("a", true);
        sessions.connected(DEVICE, "a", false);
        sessions.set_listening("a", true);
        assert_eq!(sessions.disconnected("a"), None);
        assert!(sessions.is_listening(DEVICE));
        assert_eq!(sessions.disconnected("a"), Some(DEVICE));
        assert_eq!(sessions.owner("a"), None);
        assert!(sessions.clients_of(DEVICE).is_empty());
    }

    #[test]
    fn a_device_is_there_while_any_of_its_clients_listens() {
        let mut sessions = Sessions::default();
        sessions.connected(DEVICE, "a", true);
        sessions.connected(DEVICE, "b", true);
        sessions.connected(DEVICE, "c", false);
        assert_eq!(sessions.disconnected("c"), None);
        assert_eq!(sessions.disconnected("a"), None);
        assert_eq!(sessions.disconnected("b"), Some(DEVICE));
        assert_eq!(sessions.disconnected("b"), None);
    }
}
