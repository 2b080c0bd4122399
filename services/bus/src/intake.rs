//! Everything phones and trunks publish comes through here, whichever bus carried it: topic and bytes in, [`Input`] out.
//!
//! Who a message is from is read from its topic: the broker has seen to it that nobody else publishes there.

use std::sync::{Arc, Mutex, PoisonError};

use dispatch_core::{ids::DeviceId, input::Input, time::Timestamp};
use muster_engine::{
    inlet::{Inlet, Stopped},
    ports::{Clock, Credentials},
    registry::DeviceKind,
};

use crate::{
    authorisation::device_named,
    budget::Budgets,
    owntracks,
    refusal::Refusal,
    topics::{Region, Topic},
    trunk, up,
};

/// Most bytes one message of a phone may have. Ours stay under 300; OwnTracks with a picture is the exception we do
/// not need.
pub(crate) const PAYLOAD_MAX: usize = 8 * 1024;

/// A publication of a phone.
pub(crate) struct Publication<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub retained: bool,
}

/// Why a publication was not taken in, so that it must not be acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotTaken {
    /// The engine has stopped.
    Stopped,
    /// An answer beyond the device's budget. Positions and receipts beyond it are given up instead.
    BeyondBudget,
}

impl From<Stopped> for NotTaken {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Reads publications and hands over what they mean.
pub(crate) struct Intake {
    region: Region,
    credentials: Arc<dyn Credentials>,
    clock: Arc<dyn Clock>,
    pub inlet: Inlet,
    /// Held for a few additions; the one lock on the way of a position.
    budgets: Mutex<Budgets>,
}

impl Intake {
    pub fn new(region: Region, credentials: Arc<dyn Credentials>, clock: Arc<dyn Clock>, inlet: Inlet) -> Self {
        Self {
            region,
            credentials,
            clock,
            inlet,
            budgets: Mutex::default(),
        }
    }

    /// Takes a publication in. Waits while the engine's lane is full, except for positions.
    pub async fn take(&self, publication: &Publication<'_>) -> Result<(), NotTaken> {
        self.hand_over(publication, false).await
    }

    /// The same, and waits until what follows from it is durable: for a broker that acknowledges afterwards.
    pub async fn take_durably(&self, publication: &Publication<'_>) -> Result<(), NotTaken> {
        self.hand_over(publication, true).await
    }

    async fn hand_over(&self, publication: &Publication<'_>, durably: bool) -> Result<(), NotTaken> {
        let topic = self.region.parse(publication.topic);
        if let Some(Topic::TrunkUp { topic_id }) = topic {
            return self.take_from_trunk(topic_id, publication).await;
        }
        match self.understood(topic, publication)? {
            Some(input) if durably => Ok(self.inlet.send_durably(input).await?),
            Some(input) => Ok(self.inlet.send(input).await?),
            None => Ok(()),
        }
    }

    /// What a publication means to the engine, if anything; a refused one and one beyond its device's budget are counted.
    fn understood(&self, topic: Option<Topic<'_>>, publication: &Publication<'_>) -> Result<Option<Input>, NotTaken> {
        match self.read(topic, publication) {
            Ok(Some((device, said, now))) => self.within_budget(device, said, now),
            Ok(None) => Ok(None),
            Err(refusal) => {
                refuse(refusal);
                Ok(None)
            }
        }
    }

    /// What a trunk says are positions, of which nothing is ever waited for.
    async fn take_from_trunk(&self, topic_id: &str, publication: &Publication<'_>) -> Result<(), NotTaken> {
        let said = self.read_trunk(topic_id, publication).unwrap_or_else(|refusal| {
            refuse(refusal);
            Vec::new()
        });
        for position in said {
            self.inlet.send(position).await?;
        }
        Ok(())
    }

    /// The positions of people for whom the trunk may speak; the others are refused one by one.
    fn read_trunk(&self, topic_id: &str, publication: &Publication<'_>) -> Result<Vec<Input>, Refusal> {
        if publication.payload.len() > PAYLOAD_MAX {
            return Err(Refusal::TooLarge);
        }
        let trunk = self.credentials.trunk_by_topic(topic_id).ok_or(Refusal::NoAccess)?;
        if publication.retained {
            return Err(Refusal::Retained);
        }
        let positions = trunk::read(publication.payload, self.clock.now())?;
        let allowed = positions.filter_map(|position| match position {
            Ok((responder, fix)) if self.credentials.speaks_for(&trunk, responder) => {
                Some(Input::TrunkFix { responder, fix })
            }
            Ok(_) => {
                refuse(Refusal::NotTheirs);
                None
            }
            Err(refusal) => {
                refuse(refusal);
                None
            }
        });
        Ok(allowed.collect())
    }

    fn read(
        &self,
        topic: Option<Topic<'_>>,
        publication: &Publication<'_>,
    ) -> Result<Option<(DeviceId, Input, Timestamp)>, Refusal> {
        if publication.payload.len() > PAYLOAD_MAX {
            return Err(Refusal::TooLarge);
        }
        let now = self.clock.now();
        match topic {
            Some(Topic::Up { topic_id }) => {
                let access = self.credentials.access_by_topic(topic_id).ok_or(Refusal::NoAccess)?;
                if access.kind != DeviceKind::Muster {
                    return Err(Refusal::Publish);
                }
                if publication.retained {
                    return Err(Refusal::Retained);
                }
                let said = up::parse(access.encoding, publication.payload)?;
                let device = access.device.device;
                Ok(up::input(device, said, now)?.map(|said| (device, said, now)))
            }
            Some(Topic::OwnTracks { user, .. }) => {
                let device = device_named(user).ok_or(Refusal::Publish)?;
                let access = self.credentials.access(device).ok_or(Refusal::NoAccess)?;
                if access.kind != DeviceKind::OwnTracks {
                    return Err(Refusal::Publish);
                }
                Ok(owntracks::input(device, publication.payload, now)?.map(|said| (device, said, now)))
            }
            Some(Topic::Down { .. } | Topic::TrunkUp { .. }) | None => Err(Refusal::Publish),
        }
    }

    fn within_budget(&self, device: DeviceId, said: Input, now: Timestamp) -> Result<Option<Input>, NotTaken> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        match (budgets.allow(device, &said, now), &said) {
            (true, _) => Ok(Some(said)),
            (false, Input::Reply { .. }) => Err(NotTaken::BeyondBudget),
            (false, _) => Ok(None),
        }
    }
}

fn refuse(refusal: Refusal) {
    refusal.count();
    tracing::debug!(reason = refusal.label(), "refused what a phone or trunk said");
}
