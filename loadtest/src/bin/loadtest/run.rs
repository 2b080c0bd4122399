//! A run, from a service that is there to the result.
//!
//! ```text
//! metronome ─> desk: report .. stand down .. last look ──┐
//! metronome ─> trunk: positions                          ├─> load ─> tally ─> result
//! fleet: the phones' own logs ───────────────────────────┤
//! watch: what the service tells ─────────────────────────┘
//! ```
//! One task puts everything together; what is due goes out by tasks that wait for nothing but the metronome.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use muster_loadtest::{progress::Progress, result::RunResult};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{Mutex, mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    control_room::ControlRoom,
    crowd::Crowd,
    desk::Desk,
    faults::{self, Faults},
    hops::Hops,
    levels,
    load::{Brakes, Ears, Load, SETTLE_WITHIN},
    metronome,
    observe::{self, PositionsSeen},
    outcome,
    plan::Plan,
    samples::Samples,
    scenario::{EventKind, Scenario},
    service::Service,
    setup::{self, Stage},
    tally::Tally,
    trunk::{self, Trunk, TrunkCounters},
    watch as watching,
};

/// Over time, a hop is told in at most this many stretches: as many as a plot shows.
const STRETCHES_MAX: f64 = 300.0;
/// From the end of the set-up to the first event: the metronomes must be there first.
const LEAD: Duration = Duration::from_millis(200);

/// When the parts of a run begin and end.
struct Times {
    load_begin: Instant,
    begin: Instant,
    end: Instant,
    /// `begin`, for the result.
    started_at: SystemTime,
}

/// Where the service is, as far as a run needs it.
struct Where {
    target: String,
    host: String,
    port: u16,
    http: Option<String>,
}

/// Runs a scenario. The service is given back as it is left: what was found is kept even if it does not stop in order.
pub async fn run(
    scenario: &Scenario,
    service: Service,
    progress: Progress,
) -> anyhow::Result<(RunResult, Arc<Mutex<Service>>)> {
    require_possible(scenario, &service)?;
    let place = Where::of(&service)?;
    let room = ControlRoom::connect(&service.endpoints).await?;
    let seen = PositionsSeen::new(place.http.clone());
    let version = observe::version(place.http.as_deref()).await;
    // Runs against the same service must not meet.
    let run_id = format!("lt{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis());
    let plan = Arc::new(Plan::new(scenario)?);

    let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    let broker = (place.host.as_str(), place.port);
    let Stage {
        mut fleet,
        trunk,
        noisy,
        positions_before,
    } = tokio::select! {
        stage = setup::set(scenario, &plan, &room, &run_id, broker, &seen, |line| progress.line(line)) => stage?,
        _ = interrupt.recv() => bail!("interrupted before the first report; nothing was measured"),
    };
    // What it took to connect is not part of the load.
    fleet.drain();

    let times = Times::from_now(scenario);
    let due: Vec<Instant> = plan.calls.iter().map(|call| times.load_begin + call.after).collect();
    let stretch = Duration::from_secs_f64((scenario.duration_s / STRETCHES_MAX).ceil().max(1.0));
    let same_clock = service.pid().is_some();
    let hops = Hops::new(times.begin, stretch);
    let tally = Tally::new(hops, &due, scenario.asked(), same_clock);

    let (told, desk_ear) = mpsc::unbounded_channel();
    let (watched, watch_ear) = mpsc::unbounded_channel();
    let (late, late_ear) = mpsc::unbounded_channel();
    let (fault, fault_ear) = mpsc::unbounded_channel();
    let (hurry, hurried) = watch::channel(false);
    let desk = Desk {
        room,
        run: run_id,
        kind: scenario.incidents.kind.clone(),
        called_out: scenario.incidents.called_out,
        stand_down_after: Duration::from_secs_f64(scenario.incidents.stand_down_after_s),
        hurry: hurried,
        told,
    };
    let service = Arc::new(Mutex::new(service));
    // Aborted when dropped.
    let mut tasks = JoinSet::new();
    tasks.spawn(watching::watch(desk.clone(), watched));
    let mut faults = Faults::new(scenario, times.begin, Arc::clone(&service), fault);
    faults.noisy = noisy;
    tasks.spawn(faults.run());
    let counters = Arc::new(TrunkCounters::default());
    let mut telling = JoinSet::new();
    if let Some(trunk) = trunk {
        tell_positions(scenario, &times, trunk, &counters, late, &mut telling)?;
    }
    let reports = tokio::spawn(report_on_schedule(desk.clone(), Arc::clone(&plan), due));

    let mut load = Load {
        scenario,
        desk,
        fleet,
        service,
        trunk: counters,
        tally,
        samples: Samples::new(times.begin),
        events: BTreeMap::new(),
        cut: None,
        progress,
        begin: times.begin,
        end: times.end,
    };
    let ears = Ears {
        desk: desk_ear,
        watch: watch_ear,
        late: late_ear,
        faults: fault_ear,
        interrupt,
    };
    let ended = load.listen(ears, &Brakes { hurry, reports }).await?;

    load.settle().await;
    drop(tasks);
    load.trunk.stop.store(true, Ordering::Relaxed);
    let _ = timeout(SETTLE_WITHIN, async { while telling.join_next().await.is_some() {} }).await;
    load.fleet.shutdown().await;
    load.hear_phones();
    load.tally.close();
    load.count_positions(&seen, positions_before).await;
    load.progress.finish();
    let levels = levels::judge(&scenario.levels, &load.tally.hops, &load.tally.counts);
    let result = outcome::result(outcome::Found {
        scenario,
        target: place.target,
        version,
        started_at: times.started_at,
        lasted: load.end.saturating_duration_since(times.begin),
        ended,
        tally: &load.tally,
        samples: load.samples,
        events: load.events.into_values().collect(),
        levels,
    });
    Ok((result, load.service))
}

impl Times {
    fn from_now(scenario: &Scenario) -> Self {
        let warm_up = Duration::from_secs_f64(scenario.warm_up_s);
        let load_begin = Instant::now() + LEAD;
        let begin = load_begin + warm_up;
        Self {
            load_begin,
            begin,
            end: begin + Duration::from_secs_f64(scenario.duration_s),
            started_at: SystemTime::now() + LEAD + warm_up,
        }
    }
}

impl Where {
    fn of(service: &Service) -> anyhow::Result<Self> {
        let endpoints = &service.endpoints;
        let mqtt = endpoints.mqtt.as_deref();
        let mqtt = mqtt.context("the endpoints file names no mqtt address")?;
        let (host, port) = mqtt.rsplit_once(':').context("the mqtt address has no port")?;
        Ok(Self {
            target: if service.is_own() {
                "self".to_owned()
            } else {
                endpoints.grpc.clone()
            },
            host: host.to_owned(),
            port: port.parse().context("the port of the mqtt address")?,
            http: endpoints.http.clone(),
        })
    }
}

/// Faults that this service cannot be given are refused before anything is set up.
fn require_possible(scenario: &Scenario, service: &Service) -> anyhow::Result<()> {
    if faults::has(scenario, EventKind::Restart) && !service.is_own() {
        bail!("the scenario restarts the service, which only works with --self");
    }
    if faults::has(scenario, EventKind::Pause) && service.pid().is_none() {
        bail!("the scenario pauses the service, which only works with --self or with --pid on the same machine");
    }
    Ok(())
}

/// Positions of those without phones, from the beginning of the load to its end.
fn tell_positions(
    scenario: &Scenario,
    times: &Times,
    (trunk, crowd): (Trunk, Crowd),
    counters: &Arc<TrunkCounters>,
    late: mpsc::UnboundedSender<(Instant, Instant)>,
    telling: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    let per_message = scenario.positions.per_message;
    #[allow(clippy::cast_precision_loss)]
    let gap_s = per_message as f64 / scenario.positions.trunk_per_s;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = ((times.end - times.load_begin).as_secs_f64() / gap_s) as u64;
    let strikes = metronome::every(times.load_begin, Duration::from_secs_f64(gap_s), count)?;
    // Those sent to place people count too.
    counters.sent.store(trunk.sent, Ordering::Relaxed);
    let counters = Arc::clone(counters);
    telling.spawn(trunk::tell_on_schedule(
        trunk,
        crowd,
        per_message,
        strikes,
        counters,
        late,
    ));
    Ok(())
}

/// Each incident is seen through by a task of its own, begun when its report is due, whatever became of those before.
async fn report_on_schedule(desk: Desk, plan: Arc<Plan>, due: Vec<Instant>) -> anyhow::Result<()> {
    let mut strikes = metronome::at(due)?;
    for (number, call) in plan.calls.iter().enumerate() {
        let Some(due) = strikes.recv().await else { return Ok(()) };
        tokio::spawn(desk.clone().see_through(number, due, call.place));
    }
    Ok(())
}
