//! Enrolment through gRPC, like anybody else's: people into the register, credentials for phones and for the trunk.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use muster_loadtest::{Encoding, PhoneConfig, people::place::Place};
use muster_proto::v1::{
    DeviceKind, ImportOutcome, ImportRespondersRequest, IssueCredentialRequest, IssueTrunkCredentialRequest,
    IssueTrunkCredentialResponse, Live, PayloadEncoding, ResponderProfile, issue_credential_request::Purpose,
};
use tokio::task::JoinSet;

use crate::control_room::{ControlRoom, bounded, patiently, refused};

/// Rows in one import, as the service accepts at most.
const BATCH: u64 = 1_000;
/// Imports under way at a time: the service takes one after the other, and the next should be there when it is done.
const IMPORTS_AT_ONCE: usize = 4;
/// Requests for credentials under way at a time.
const CREDENTIALS_AT_ONCE: usize = 64;
/// People of a load test can be asked for a day; after that they are only rows in a register.
const VALID_FOR: Duration = Duration::from_secs(86_400);

/// Puts a load test's people into a register.
#[derive(Clone)]
pub struct Enrolment {
    /// Where.
    pub room: ControlRoom,
    /// The run's name: part of every reference, so that runs do not meet.
    pub run: String,
}

/// Who has a phone of their own, and who is spoken for.
#[derive(Clone, Copy)]
enum Group {
    Phone,
    Trunk,
}

impl Enrolment {
    /// People with phones, at these homes; `tell` hears how many are done.
    pub async fn phones(&self, homes: &[Place]) -> anyhow::Result<Vec<PhoneConfig>> {
        let ids = self.register(Group::Phone, homes.len() as u64, |_| {}).await?;
        let mut phones = Vec::with_capacity(homes.len());
        let mut tasks = JoinSet::new();
        for ((number, id), &home) in (0..).zip(ids).zip(homes) {
            if tasks.len() == CREDENTIALS_AT_ONCE {
                phones.push(tasks.join_next().await.context("there are tasks")???);
            }
            tasks.spawn(self.clone().phone(number, id, home));
        }
        while let Some(phone) = tasks.join_next().await {
            phones.push(phone??);
        }
        phones.sort_by_key(|phone: &PhoneConfig| phone.person);
        Ok(phones)
    }

    /// People without phones; their ids as the trunk says them. `tell` hears how many are done.
    pub async fn people_of_trunk(&self, count: u64, tell: impl FnMut(u64)) -> anyhow::Result<Vec<[u8; 16]>> {
        let ids = self.register(Group::Trunk, count, tell).await?;
        ids.iter().map(|id| bytes(id)).collect()
    }

    /// The credential of a trunk that may speak for the people without phones.
    pub async fn trunk(&self) -> anyhow::Result<IssueTrunkCredentialResponse> {
        let request = IssueTrunkCredentialRequest {
            external_ref_prefix: self.prefix(Group::Trunk),
        };
        let issued = patiently(|| {
            let (mut client, request) = (self.room.responders(0), bounded(request.clone()));
            async move { client.issue_trunk_credential(request).await }
        });
        let issued = issued.await.map_err(|status| refused("asking for a trunk", &status))?;
        Ok(issued.into_inner())
    }

    /// One more phone, of somebody who is not part of the plan.
    pub async fn stranger(&self, number: u64, home: Place) -> anyhow::Result<PhoneConfig> {
        let profile = profile(format!("{}-n{number}", self.run));
        let id = self.import(vec![profile], number).await?;
        let id = id.into_iter().next().context("one row was sent")?;
        self.clone().phone(number, id, home).await
    }

    fn prefix(&self, group: Group) -> String {
        let letter = match group {
            Group::Phone => 'p',
            Group::Trunk => 't',
        };
        format!("{}-{letter}", self.run)
    }

    async fn register(&self, group: Group, count: u64, mut tell: impl FnMut(u64)) -> anyhow::Result<Vec<String>> {
        let prefix = self.prefix(group);
        let mut batches = Vec::new();
        let mut tasks = JoinSet::new();
        let mut registered = 0;
        for (index, first) in (0..).zip((0..count).step_by(usize::try_from(BATCH)?)) {
            if tasks.len() == IMPORTS_AT_ONCE {
                let (index, ids): (u64, Vec<String>) = tasks.join_next().await.context("there are tasks")???;
                registered += ids.len() as u64;
                tell(registered);
                batches.push((index, ids));
            }
            let numbers = first..count.min(first + BATCH);
            let profiles = numbers.map(|number| profile(format!("{prefix}{number}"))).collect();
            let this = self.clone();
            tasks.spawn(async move { Ok::<_, anyhow::Error>((index, this.import(profiles, index).await?)) });
        }
        while let Some(batch) = tasks.join_next().await {
            batches.push(batch??);
        }
        tell(count);
        batches.sort_by_key(|(index, _)| *index);
        Ok(batches.into_iter().flat_map(|(_, ids)| ids).collect())
    }

    async fn import(&self, profiles: Vec<ResponderProfile>, index: u64) -> anyhow::Result<Vec<String>> {
        let request = ImportRespondersRequest { profiles };
        let answer = patiently(|| {
            let (mut client, request) = (self.room.responders(index), bounded(request.clone()));
            async move { client.import_responders(request).await }
        });
        let answer = answer.await.map_err(|status| refused("registering people", &status))?;
        let mut ids = Vec::with_capacity(request.profiles.len());
        for row in answer.into_inner().rows {
            if row.outcome() == ImportOutcome::Refused {
                bail!("registering people: {}", row.message);
            }
            ids.push(row.responder_id);
        }
        ensure!(
            ids.len() == request.profiles.len(),
            "registering people: {} rows were sent and {} answered",
            request.profiles.len(),
            ids.len()
        );
        Ok(ids)
    }

    async fn phone(self, number: u64, responder_id: String, home: Place) -> anyhow::Result<PhoneConfig> {
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
            let (mut client, request) = (self.room.responders(number), bounded(request.clone()));
            async move { client.issue_credential(request).await }
        });
        let issued = issued.await.map_err(|status| refused("enrolling a phone", &status))?;
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
}

fn profile(external_ref: String) -> ResponderProfile {
    ResponderProfile {
        name: format!("Load test {external_ref}"),
        external_ref,
        skills: vec!["cpr".to_owned()],
        credential_valid_until: Some(crate::desk::wire_time(SystemTime::now() + VALID_FOR)),
        on_duty: true,
        ..ResponderProfile::default()
    }
}

/// The 16 bytes of "rsp-" and 32 hexadecimal digits.
fn bytes(responder_id: &str) -> anyhow::Result<[u8; 16]> {
    let digits = responder_id.strip_prefix("rsp-").filter(|digits| digits.len() == 32);
    let number = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
    let number = number.with_context(|| format!("the service named a responder '{responder_id}'"))?;
    Ok(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_responder_is_named_by_sixteen_bytes() {
        let id = bytes("rsp-000102030405060708090a0b0c0d0eff").expect("valid");
        assert_eq!((id[0], id[1], id[15]), (0, 1, 255));
        for wrong in [
            "",
            "rsp-",
            "dev-000102030405060708090a0b0c0d0eff",
            "rsp-00",
            "rsp-zz0102030405060708090a0b0c0d0eff",
        ] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
