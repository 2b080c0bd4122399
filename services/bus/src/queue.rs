//! The queue between the engine, which never waits, and a broker, which may be slow. Reports what became of messages.

use std::time::Instant;

use dispatch_core::input::{DeliveryStage, Input};
use muster_engine::{inlet::Inlet, ports::Outbound};
use tokio::{runtime::Handle, sync::mpsc};

/// Messages waiting for the broker. A restart probes every phone of the largest fleet one broker carries (10,000), and
/// the alerts of the busiest minute come on top. When full, a message is reported as failed, so that the engine asks
/// somebody else instead of waiting.
pub(crate) const OUTBOUND_QUEUE: usize = 16_384;

/// A message, and since when it waits.
pub(crate) struct Queued {
    pub outbound: Outbound,
    pub since: Instant,
}

/// The end into which the engine puts messages.
pub(crate) struct OutboundQueue {
    sender: mpsc::Sender<Queued>,
    inlet: Inlet,
    runtime: Handle,
}

impl OutboundQueue {
    /// A queue, and the end from which a bus takes. Call within a runtime.
    pub fn new(inlet: Inlet) -> (Self, mpsc::Receiver<Queued>) {
        let (sender, receiver) = mpsc::channel(OUTBOUND_QUEUE);
        let runtime = Handle::current();
        (Self { sender, inlet, runtime }, receiver)
    }

    /// Puts a message in, or reports that it could not be taken. Never waits.
    pub fn put(&self, outbound: Outbound) {
        let since = Instant::now();
        let Err(error) = self.sender.try_send(Queued { outbound, since }) else {
            return;
        };
        let (mpsc::error::TrySendError::Full(queued) | mpsc::error::TrySendError::Closed(queued)) = error;
        metrics::counter!("muster_mqtt_unsent_total", "reason" => "queue_full").increment(1);
        let inlet = self.inlet.clone();
        self.runtime
            .spawn(async move { report(&inlet, &queued.outbound, DeliveryStage::Failed).await });
    }
}

/// Tells the engine how far a message got; a probe is about no alert, so nothing is told.
pub(crate) async fn report(inlet: &Inlet, outbound: &Outbound, stage: DeliveryStage) {
    let Some((alert, version)) = outbound.message.about else {
        return;
    };
    let input = Input::Delivery {
        device: outbound.message.device,
        alert,
        version,
        stage,
    };
    if inlet.send(input).await.is_err() {
        tracing::debug!("the engine has stopped; an outcome is not reported");
    }
}

/// Reports a message that was not sent.
pub(crate) async fn report_unsent(inlet: &Inlet, outbound: &Outbound, reason: &'static str) {
    metrics::counter!("muster_mqtt_unsent_total", "reason" => reason).increment(1);
    report(inlet, outbound, DeliveryStage::Failed).await;
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use dispatch_core::{
        command::{DownBody, DownMessage},
        ids::{AlertId, DeviceId, ResponderId, TenantId},
        responder::{Device, Purpose},
        time::Timestamp,
    };
    use muster_engine::{
        inlet::Observer,
        registry::{DeviceAccess, DeviceKind, Encoding},
    };
    use tokio::time::timeout;

    use super::*;

    fn outbound(version: u32) -> Outbound {
        let device = DeviceId::from_bytes([1; 16]);
        let access = DeviceAccess {
            device: Device {
                device,
                responder: ResponderId::from_bytes([1; 16]),
                purpose: Purpose::Live,
                alertable: true,
            },
            tenant: TenantId::new("dev").expect("valid"),
            kind: DeviceKind::Muster,
            encoding: Encoding::Json,
            topic_id: "ab".into(),
            secret_hash: [0; 32],
        };
        Outbound {
            to: Arc::new(access),
            message: DownMessage {
                device,
                about: Some((AlertId::from_bytes([2; 16]), version)),
                owner_epoch: 1,
                expires_at: Timestamp::from_unix_ms(1),
                purpose: Purpose::Live,
                body: DownBody::TooLate,
            },
            address: None,
            aed: None,
        }
    }

    #[tokio::test]
    async fn a_message_that_does_not_fit_is_reported_as_failed() {
        let (inlet, mut observer) = Observer::new();
        let (queue, _kept_full) = OutboundQueue::new(inlet);
        for _ in 0..OUTBOUND_QUEUE {
            queue.put(outbound(1));
        }
        queue.put(outbound(2));
        let failed = timeout(Duration::from_secs(20), observer.next()).await;
        assert!(matches!(
            failed.expect("told in time"),
            Some(Input::Delivery {
                version: 2,
                stage: DeliveryStage::Failed,
                ..
            })
        ));
    }
}
