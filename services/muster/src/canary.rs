//! The canary: every half minute a drill of its own goes from a control room through every hop to a phone of its own and
//! back, and a dead-man timer puts the alarm up when none has come through for too long.
//!
//! ```text
//! round ──gRPC──> service ──MQTT──> canary's phone ──receipt──> service ──GetIncident──> round: well
//!                                                                                          │
//!                        alarm board <── dead-man timer (a thread of its own) <── last well ┘
//! ```
//! The worst outages on record were silent: Server Density's notifications were dropped for 24 h while every call returned
//! OK (2014). So nothing here looks at the service from inside; the canary is a client like any other, and the timer
//! needs neither the canary nor the runtime to be alive.

mod dead_man;
mod round;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use dispatch_core::{
    ids::TenantId,
    incident::{CANARY, IncidentKind},
    policy::{Policy, PolicyBook},
    position::Metres,
    responder::Skill,
};
use muster_engine::{alarms::AlarmBoard, ports::Clock};
use tokio::{sync::watch, task::JoinHandle};

use crate::endpoints::Endpoints;
use dead_man::DeadMan;
use round::Canary;

/// Time between two rounds unless configured: F46 of the reliability research.
pub const EVERY: Duration = Duration::from_secs(30);
/// Rounds that may fail before the alarm; one may fall into a reconnect of its own phone.
const SILENT_AFTER_ROUNDS: f64 = 1.5;
/// After a setup that failed.
const SETUP_REST: Duration = Duration::from_secs(2);

/// What the canary needs to know.
pub struct CanaryConfig {
    /// Time between rounds.
    pub every: Duration,
    /// Where the service is, and as whom to report.
    pub endpoints: Endpoints,
    /// Where phones connect: host and port.
    pub broker: (String, u16),
    /// A point within the service area, degrees.
    pub place: (f64, f64),
    /// Where its phone's credential is kept between starts.
    pub credential: PathBuf,
}

/// The policy of the canary's incidents: its own person and nobody else, whatever the control room's policy is.
pub fn add_policy(policies: &mut PolicyBook, tenant: &str) -> anyhow::Result<()> {
    let policy = Policy {
        name: CANARY.to_owned(),
        alert_count: 1,
        wanted: 1,
        going_min: 1,
        alerts_max: 1,
        candidates_max: 1,
        radius: Metres::new(1_000),
        skills_any: [Skill::new(CANARY).context("a skill")?].into(),
        // While the store is in trouble the canary waits, and tells so by its silence.
        life_threatening: false,
        // It tries the hops, not the choice.
        ..Policy::soonest()
    };
    policies.add(
        Some(TenantId::new(tenant)?),
        Some(IncidentKind::new(CANARY).context("a kind")?),
        policy,
    )?;
    Ok(())
}

/// Starts the canary of the tenant in `config`; it ends when `stop` turns true.
pub fn start(
    config: CanaryConfig,
    alarms: AlarmBoard,
    clock: Arc<dyn Clock>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<JoinHandle<()>> {
    let room = config.endpoints.control_room.as_ref();
    let tenant = TenantId::new(room.map_or("dev", |room| &room.tenant))?;
    let silent_after = config.every.mul_f64(SILENT_AFTER_ROUNDS);
    let dead_man = DeadMan::start(tenant, silent_after, alarms, clock, stop.clone())?;
    Ok(tokio::spawn(sing(config, dead_man, stop)))
}

async fn sing(config: CanaryConfig, dead_man: DeadMan, mut stop: watch::Receiver<bool>) {
    let song = async {
        let mut canary = loop {
            match Canary::set_up(&config).await {
                Ok(canary) => break canary,
                Err(error) => tracing::warn!(error = format!("{error:#}"), "the canary cannot be set up"),
            }
            tokio::time::sleep(SETUP_REST).await;
        };
        let mut rounds = tokio::time::interval(config.every);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            rounds.tick().await;
            match canary.round().await {
                Ok(took) => {
                    dead_man.is_well();
                    metrics::counter!("muster_canary_rounds_total", "outcome" => "well").increment(1);
                    metrics::histogram!("muster_canary_seconds").record(took);
                }
                Err(error) => {
                    metrics::counter!("muster_canary_rounds_total", "outcome" => "failed").increment(1);
                    tracing::warn!(error = format!("{error:#}"), "the canary did not come through");
                }
            }
        }
    };
    tokio::select! {
        () = song => {}
        _ = stop.wait_for(|&stop| stop) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_policy_fits_beside_the_shipped_one() {
        let mut policies = PolicyBook::default();
        add_policy(&mut policies, "dev").expect("accepted");
        let tenant = TenantId::new("dev").expect("valid");
        let canary = policies.policy(&tenant, &IncidentKind::new(CANARY).expect("valid"), None);
        assert_eq!((canary.name.as_str(), canary.wanted), (CANARY, 1));
    }
}
