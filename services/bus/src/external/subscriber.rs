//! Asks the broker for what phones say.

use dispatch_core::input::Input;
use muster_engine::inlet::Inlet;
use rumqttc::{
    AsyncClient, SubscribeFilterInput,
    mqttbytes::{
        QoS,
        v5::{RetainForwardRule, SubscribeReasonCode},
    },
};
use tokio::{sync::watch, time::sleep};

use super::{RETRY_WAIT, poll::Connection};

/// Asks for the phones' publications after each connect, until the broker grants them.
pub(super) struct Subscriber {
    pub client: AsyncClient,
    pub connected: watch::Receiver<Connection>,
    pub ready: watch::Sender<bool>,
    pub inlet: Inlet,
    pub filters: [String; 3],
}

impl Subscriber {
    pub async fn run(mut self) {
        while let Ok(connection) = self
            .connected
            .wait_for(|connection| connection.up)
            .await
            .map(|now| *now)
        {
            if !self.subscribe().await {
                sleep(RETRY_WAIT).await;
                continue;
            }
            self.ready.send_replace(true);
            if self.inlet.send(Input::BrokerBack).await.is_err() {
                return;
            }
            let changed = |now: &Connection| !now.up || now.count != connection.count;
            if self.connected.wait_for(changed).await.is_err() {
                return;
            }
            self.ready.send_replace(false);
        }
    }

    async fn subscribe(&self) -> bool {
        let filters = self.filters.iter().map(|filter| {
            SubscribeFilterInput::new(filter.clone(), QoS::AtLeastOnce)
                // So that a retained publication is seen as one, and nothing old is served to us.
                .preserve_retain(true)
                .retain_forward_rule(RetainForwardRule::Never)
        });
        let granted = match self.client.subscribe_many_tracked(filters.collect::<Vec<_>>()).await {
            Ok(notice) => notice.wait_async().await,
            Err(error) => {
                tracing::error!(%error, "could not ask for what phones say");
                return false;
            }
        };
        match granted {
            Ok(ack)
                if ack
                    .return_codes
                    .iter()
                    .all(|code| matches!(code, SubscribeReasonCode::Success(_))) =>
            {
                true
            }
            Ok(ack) => {
                tracing::error!(codes = ?ack.return_codes, "the broker refuses to tell us what phones say");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "subscribing did not come to an end");
                false
            }
        }
    }
}
