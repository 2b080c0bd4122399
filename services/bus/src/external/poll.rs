//! The connection to the broker: what comes in, and that it is there at all.

use std::fmt::Display;

use rumqttc::{
    ConnectionError, Event, EventLoop, NoticeFailureReason,
    mqttbytes::v5::{ConnectReturnCode, Packet, Publish},
};
use tokio::{sync::watch, time::sleep};

use super::RETRY_WAIT;
use crate::intake::{Intake, NotTaken, Publication};

/// The connection to the broker.
#[derive(Clone, Copy, Default)]
pub(super) struct Connection {
    pub up: bool,
    /// Grows with each connect.
    pub count: u64,
}

/// Owns the connection.
pub(super) struct PollLoop {
    pub event_loop: EventLoop,
    pub connection: watch::Sender<Connection>,
    pub intake: Intake,
    /// The count of the connection that takes messages and acknowledges none, if one does.
    pub stalled: watch::Receiver<u64>,
}

impl PollLoop {
    pub async fn run(mut self) {
        loop {
            let Connection { up, count } = *self.connection.borrow();
            let event = tokio::select! {
                event = self.event_loop.poll() => Some(event),
                // The library asks whether the broker lives only while it has nothing else to say to it, and waits
                // without end for a socket that takes no more. What it was doing is dropped with the connection.
                Ok(_) = self.stalled.wait_for(|stalled| *stalled == count), if up => None,
            };
            let Some(event) = event else {
                self.recover(&"it acknowledges nothing").await;
                continue;
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(ack))) if ack.code == ConnectReturnCode::Success => {
                    self.connected();
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => self.take(&publish).await,
                Ok(_) => {}
                Err(ConnectionError::RequestsDone) => return,
                Err(error) => self.recover(&error).await,
            }
        }
    }

    fn connected(&self) {
        tracing::info!("connected to the broker");
        self.connection.send_modify(|connection| {
            connection.up = true;
            connection.count += 1;
        });
    }

    /// Gives up the connection and waits a little before the next.
    async fn recover(&mut self, cause: &(dyn Display + Sync)) {
        tracing::warn!(%cause, "not connected to the broker");
        metrics::counter!("muster_mqtt_broker_lost_total").increment(1);
        self.connection.send_modify(|connection| connection.up = false);
        self.give_up();
        sleep(RETRY_WAIT).await;
        // Also what was handed over in the moment of the loss.
        self.give_up();
    }

    /// Fails what is under way. The library would send it again whenever the broker is back, with its whole life ahead of
    /// it once more; the engine knows better what is still worth saying.
    fn give_up(&mut self) {
        self.event_loop.clean();
        self.event_loop
            .drain_pending_as_failed(NoticeFailureReason::SessionReset);
    }

    async fn take(&self, publish: &Publish) {
        // The broker checked that it is UTF-8; a broker that does not is not believed.
        let topic = std::str::from_utf8(&publish.topic).unwrap_or_default();
        let publication = Publication {
            topic,
            payload: &publish.payload,
            retained: publish.retain,
        };
        match self.intake.take(&publication).await {
            // The broker has acknowledged it by now (docs/decisions/0008); what is given up is counted.
            Ok(()) | Err(NotTaken::BeyondBudget) => {}
            Err(NotTaken::Stopped) => tracing::debug!("the engine has stopped; a publication is dropped"),
        }
    }
}
