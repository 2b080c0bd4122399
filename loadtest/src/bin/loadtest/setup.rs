//! Everything before the first report: people enrolled, phones connected, everybody placed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use muster_loadtest::{Fleet, FleetConfig, people::answers::AnswerModel};
use rlimit::Resource;

use crate::{
    control_room::ControlRoom,
    crowd::Crowd,
    enrol::Enrolment,
    faults,
    observe::PositionsSeen,
    plan::{self, Plan},
    scenario::{EventKind, Scenario},
    trunk::Trunk,
};

/// Descriptors for everything that is not a phone.
const DESCRIPTORS_SPARE: u64 = 256;
/// How long all phones may take to be there, beyond the time their rate needs: an embedded broker slows down with each.
const CONNECT_GRACE: Duration = Duration::from_secs(180);
/// How long the service may take with the phones' first positions.
const PLACED_WITHIN: Duration = Duration::from_secs(5);
/// People placed by the trunk are told of this often.
const TELL_EVERY: u64 = 100_000;
/// Movement of the crowd has a stream of its own.
const CROWD_STREAM: u64 = 3;

/// What stands when the load begins.
pub struct Stage {
    /// The phones.
    pub fleet: Fleet,
    /// The trunk and those it speaks for.
    pub trunk: Option<(Trunk, Crowd)>,
    /// A phone that will go wild.
    pub noisy: Option<(muster_loadtest::PhoneConfig, String, u16)>,
    /// Positions the service had handled before the first of this run.
    pub positions_before: u64,
}

/// Sets the stage; `say` hears how it gets on.
pub async fn set(
    scenario: &Scenario,
    plan: &Arc<Plan>,
    room: &ControlRoom,
    run: &str,
    broker: (&str, u16),
    seen: &PositionsSeen,
    mut say: impl FnMut(&str),
) -> anyhow::Result<Stage> {
    require_descriptors(scenario.population.phones)?;
    let positions_before = seen.counted().await.unwrap_or_default().taken_in;
    let enrolment = Enrolment {
        room: room.clone(),
        run: run.to_owned(),
    };
    let began = Instant::now();
    let phones = enrolment.phones(&plan.phones).await?;
    let mut noisy = None;
    if faults::has(scenario, EventKind::NoisySender) {
        let home = *plan.phones.first().context("a scenario has a phone")?;
        noisy = Some((enrolment.stranger(0, home).await?, broker.0.to_owned(), broker.1));
    }
    let count = phones.len();
    say(&format!(
        "{count} people with phones enrolled in {:.1} s",
        began.elapsed().as_secs_f64()
    ));

    let mut trunk = None;
    if scenario.has_trunk() {
        trunk = Some(place(scenario, plan, &enrolment, broker, seen, &mut say).await?);
    } else if scenario.people_of_trunk() > 0 {
        let others = scenario.people_of_trunk();
        enrolment.people_of_trunk(others, |_| {}).await?;
        say(&format!(
            "{others} others registered, who never say where they are: the scenario has no trunk"
        ));
    }

    let began = Instant::now();
    let before = seen.handled().await;
    let fleet = Fleet::start(&fleet_config(scenario, broker), phones);
    let wait = CONNECT_GRACE + Duration::from_secs(count as u64 / u64::from(scenario.population.connects_per_s));
    if !fleet.wait_connected(count, wait).await {
        bail!(
            "only {} of {count} phones connected within {} s",
            fleet.connected(),
            wait.as_secs()
        );
    }
    if let Some(before) = before {
        seen.wait_handled(before + count as u64, PLACED_WITHIN).await;
    }
    say(&format!(
        "{count} phones connected in {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(Stage {
        fleet,
        trunk,
        noisy,
        positions_before,
    })
}

/// Registers those without phones and tells where each is, once.
async fn place(
    scenario: &Scenario,
    plan: &Arc<Plan>,
    enrolment: &Enrolment,
    broker: (&str, u16),
    seen: &PositionsSeen,
    say: &mut impl FnMut(&str),
) -> anyhow::Result<(Trunk, Crowd)> {
    let credential = enrolment
        .trunk()
        .await
        .context("the scenario needs a trunk: is [mqtt] trunks = true in the service's configuration?")?;
    let (began, others) = (Instant::now(), scenario.people_of_trunk());
    let mut told = 0;
    let ids = enrolment
        .people_of_trunk(others, |registered| {
            if registered >= told + TELL_EVERY {
                told = registered;
                say(&format!("{registered} of {others} people registered"));
            }
        })
        .await?;
    say(&format!(
        "{others} people without phones registered in {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    let began = Instant::now();
    let positions = &scenario.positions;
    let (homes, stream) = (Arc::clone(plan), plan::stream(scenario.seed, CROWD_STREAM));
    let mut crowd =
        tokio::task::spawn_blocking(move || Crowd::new(ids, |number| homes.home_without_phone(number), stream)).await?;
    let mut trunk = Trunk::connect(broker, &credential, positions.trunk_connections).await?;
    trunk
        .place(&mut crowd, positions.per_message, positions.placed_per_s, seen)
        .await?;
    say(&format!(
        "{} people placed in {:.1} s",
        crowd.len(),
        began.elapsed().as_secs_f64()
    ));
    Ok((trunk, crowd))
}

fn fleet_config(scenario: &Scenario, broker: (&str, u16)) -> FleetConfig {
    let default = AnswerModel::default();
    let answers = &scenario.answers;
    FleetConfig {
        position_interval: Duration::from_secs_f64(scenario.positions.phones_every_s),
        connects_per_s: scenario.population.connects_per_s,
        answers: AnswerModel {
            accept_share: answers.accept_share.unwrap_or(default.accept_share),
            decline_share: answers.decline_share.unwrap_or(default.decline_share),
            answer_median: answers.median_s.map_or(default.answer_median, Duration::from_secs_f64),
            ..default
        },
        ..FleetConfig::new(broker.0, broker.1, scenario.seed)
    }
}

/// A phone costs one descriptor here; running out of them halfway is worse than saying so at the start.
fn require_descriptors(phones: u64) -> anyhow::Result<()> {
    let limits = Resource::NOFILE.get();
    let (soft, hard) = limits.context("reading the limit of file descriptors")?;
    if soft < hard {
        let raised = Resource::NOFILE.set(hard, hard);
        raised.context("raising the limit of file descriptors")?;
    }
    let (needed, limit) = (phones + DESCRIPTORS_SPARE, hard.max(soft));
    if needed > limit {
        bail!(
            "{phones} phones need {needed} file descriptors, but this process may open {limit}: accepted is at most {} \
             phones, or a higher hard limit (ulimit -Hn)",
            limit.saturating_sub(DESCRIPTORS_SPARE)
        );
    }
    Ok(())
}
