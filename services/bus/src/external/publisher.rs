//! What we say to phones, and what the broker answers.

use std::{sync::Arc, time::Duration};

use dispatch_core::input::DeliveryStage;
use muster_engine::{
    inlet::Inlet,
    ports::{Clock, Outbound},
    registry::DeviceKind,
    stages::Stage,
};
use rumqttc::{
    AsyncClient, PublishNotice, PublishOptions, PublishResult,
    mqttbytes::v5::{PubAckReason, PublishProperties},
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::poll::Connection;
use crate::{
    down,
    queue::{Queued, report, report_unsent},
    topics::Region,
};

/// A broker that takes longer to acknowledge a message is taken for dead: the engine has published the alert again and
/// replaced the person by then, and a fresh connection may do better.
const ACKNOWLEDGEMENT_WAIT: Duration = Duration::from_secs(5);

/// Takes messages out of the queue and publishes them, in order.
pub(super) struct Publisher {
    pub client: AsyncClient,
    pub connected: watch::Receiver<Connection>,
    pub region: Region,
    pub clock: Arc<dyn Clock>,
    pub inlet: Inlet,
    /// Takes the count of a connection that does not acknowledge.
    pub stalled: watch::Sender<u64>,
}

impl Publisher {
    pub async fn run(self, mut queue: mpsc::Receiver<Queued>) {
        while let Some(Queued { outbound, since }) = queue.recv().await {
            let connection = self.connected.borrow().count;
            let published = self.publish(&outbound).await;
            Stage::Bus.took(since);
            match published {
                Ok(notice) => {
                    let (inlet, stalled) = (self.inlet.clone(), self.stalled.clone());
                    // As many as the client library holds at most: its requests and what is in flight.
                    tokio::spawn(async move {
                        if !conclude(&inlet, &outbound, notice).await {
                            stalled.send_replace(connection);
                        }
                    });
                }
                Err(reason) => report_unsent(&self.inlet, &outbound, reason).await,
            }
        }
    }

    async fn publish(&self, outbound: &Outbound) -> Result<PublishNotice, &'static str> {
        if outbound.to.kind != DeviceKind::Muster {
            return Err("not_alertable");
        }
        // An alert must not wait for a broker that may be away for long; the engine asks again or escalates.
        if !self.connected.borrow().up {
            return Err("not_connected");
        }
        let letter = down::letter(outbound, self.clock.now()).ok_or("expired")?;
        let properties = PublishProperties {
            message_expiry_interval: Some(letter.expiry_s),
            content_type: Some(letter.content_type.to_owned()),
            ..PublishProperties::default()
        };
        let options = PublishOptions::at_least_once().properties(properties);
        let topic = self.region.down(&outbound.to.topic_id);
        let sent = self.client.publish_tracked(topic, letter.payload, options).await;
        sent.map_err(|_| "client_stopped")
    }
}

/// Reports what becomes of a message; `false` = nothing did in good time.
async fn conclude(inlet: &Inlet, outbound: &Outbound, notice: PublishNotice) -> bool {
    let Ok(answer) = timeout(ACKNOWLEDGEMENT_WAIT, notice.wait_async()).await else {
        report_unsent(inlet, outbound, "unacknowledged").await;
        return false;
    };
    match answer {
        Ok(PublishResult::Qos1(ack))
            if matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) =>
        {
            metrics::counter!("muster_mqtt_sent_total").increment(1);
            report(inlet, outbound, DeliveryStage::BrokerAcked).await;
        }
        Ok(answer) => {
            tracing::warn!(?answer, "the broker refused a message");
            report_unsent(inlet, outbound, "refused").await;
        }
        Err(error) => {
            tracing::warn!(%error, "a message was lost on its way to the broker");
            report_unsent(inlet, outbound, "lost").await;
        }
    }
    true
}
