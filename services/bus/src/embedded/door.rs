//! The broker's questions about who may do what, answered by the rules of `authorisation`.

use std::{
    future::{Future, ready},
    net::SocketAddr,
    pin::Pin,
    sync::PoisonError,
};

use mqtt5::{
    Result,
    broker::auth::{AuthProvider, AuthResult},
    packet::connect::ConnectPacket,
    protocol::v5::reason_codes::ReasonCode,
};

use super::reception::Reception;
use crate::{
    authorisation::{Client, Introduction, Will, client_named},
    refusal::Refusal,
};

/// The number by which MQTT 3.1.1 names itself.
const MQTT_3_1_1: u8 = 4;

impl AuthProvider for Reception {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _client_addr: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Result<AuthResult>> + Send + 'a>> {
        Box::pin(async move {
            if !self.entrance.admit(&connect.client_id) {
                return Ok(AuthResult::fail(ReasonCode::ServerBusy));
            }
            let admitted = self.admit(connect).await;
            if admitted.is_err() {
                self.entrance.passed(&connect.client_id);
            }
            let answer = match admitted {
                Ok(username) => AuthResult::success_with_user(username),
                Err(refusal) => {
                    refusal.count();
                    AuthResult::fail(reason_code(refusal))
                }
            };
            Ok(answer)
        })
    }

    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        user_id: Option<&'a str>,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(ready(self.may_publish(user_id, topic)))
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        user_id: Option<&'a str>,
        topic_filter: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let client = user_id.and_then(client_named).ok_or(Refusal::NoAccess);
        let allowed = client.and_then(|client| self.authorisation.subscribe(client, topic_filter));
        Box::pin(ready(counted(allowed)))
    }
}

impl Reception {
    async fn admit(&self, connect: &ConnectPacket) -> std::result::Result<String, Refusal> {
        let client = self.authorisation.connect(&Introduction {
            client_id: &connect.client_id,
            username: connect.username.as_deref(),
            password: connect.password.as_deref(),
            will: connect.will.as_ref().map(|will| Will {
                topic: &will.topic,
                retained: will.retain,
            }),
        })?;
        let device = match client {
            Client::Device(device) => device,
            Client::Trunk(trunk) => return Ok(trunk.to_string()),
        };
        // An OwnTracks client id is free, so two phones may hit upon the same; the second must not throw out the first.
        let owner = self.sessions.lock().await.owner(&connect.client_id);
        if owner.is_some_and(|owner| owner != device) {
            return Err(Refusal::ClientId);
        }
        let mut older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
        if connect.protocol_version == MQTT_3_1_1 {
            older.insert(device);
        } else {
            older.remove(&device);
        }
        Ok(device.to_string())
    }

    fn may_publish(&self, user_id: Option<&str>, topic: &str) -> bool {
        let Some(client) = user_id.and_then(client_named) else {
            return counted(Err(Refusal::NoAccess));
        };
        if counted(self.authorisation.publish(client, topic)) {
            return true;
        }
        let Client::Device(device) = client else {
            return false;
        };
        // MQTT 3.1.1 has no way to say no: such a publication is acknowledged, and the reception drops it.
        self.older
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&device)
    }
}

fn counted(allowed: std::result::Result<(), Refusal>) -> bool {
    match allowed {
        Ok(()) => true,
        Err(refusal) => {
            refusal.count();
            false
        }
    }
}

fn reason_code(refusal: Refusal) -> ReasonCode {
    match refusal {
        Refusal::BadCredentials => ReasonCode::BadUsernameOrPassword,
        Refusal::ClientId => ReasonCode::ClientIdentifierNotValid,
        Refusal::Retained => ReasonCode::RetainNotSupported,
        _ => ReasonCode::NotAuthorized,
    }
}
