//! A run, from the start of the service to the result.
//!
//! ```text
//! metronome ─> desk: report .. stand down .. last look ──┐
//! metronome ─> trunk: positions                          ├─> tally ─> result
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
use muster_loadtest::{
    Fleet,
    progress::{Glance, Progress},
    result::{Ended, EventMark, RunResult},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Mutex, mpsc, watch},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    control_room::ControlRoom,
    counts::Key as Count,
    desk::{Desk, Told},
    faults::{self, Fault, Faults},
    hops::{Hops, Key as Hop},
    levels, metronome,
    observe::{self, PositionsSeen},
    outcome,
    plan::Plan,
    samples::{Moment, Samples},
    scenario::{EventKind, Scenario},
    service::Service,
    setup::{self, Stage},
    tally::Tally,
    trunk::{self, TrunkCounters},
    watch::{self as watching, Seen},
};

/// Rates and levels are looked at this often.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Over time, a hop is told in at most this many stretches: as many as a plot shows.
const STRETCHES_MAX: f64 = 300.0;
/// From the end of the set-up to the first event: the metronomes must be there first.
const LEAD: Duration = Duration::from_millis(200);
/// After the last incident should be over the run is waited for this long; a service that hangs must not hang us.
const DRAIN_GRACE: Duration = Duration::from_secs(90);
/// At the end the service may take this long with the last positions, and an alert this long to be accounted for.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at the counters of positions.
const COUNT_AGAIN: Duration = Duration::from_millis(200);

/// Everything that is heard while a run goes on.
struct Ears {
    desk: mpsc::UnboundedReceiver<Told>,
    watch: mpsc::UnboundedReceiver<Seen>,
    late: mpsc::UnboundedReceiver<(Instant, Instant)>,
    faults: mpsc::UnboundedReceiver<Fault>,
    interrupt: Signal,
}

/// A run that is going on.
struct Run<'a> {
    scenario: &'a Scenario,
    desk: Desk,
    fleet: Fleet,
    service: Arc<Mutex<Service>>,
    trunk: Arc<TrunkCounters>,
    tally: Tally,
    samples: Samples,
    /// By occurrence.
    events: BTreeMap<usize, EventMark>,
    /// The occurrence that cut the phones' connections, until they are all back.
    cut: Option<usize>,
    progress: Progress,
    begin: Instant,
    end: Instant,
}

/// Runs a scenario. The service is given back as it is left: what was found is kept even if it does not stop in order.
pub async fn run(
    scenario: &Scenario,
    service: Service,
    progress: Progress,
) -> anyhow::Result<(RunResult, Arc<Mutex<Service>>)> {
    let interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    require_possible(scenario, &service)?;
    let endpoints = service.endpoints.clone();
    let target = if service.is_own() {
        "self".to_owned()
    } else {
        endpoints.grpc.clone()
    };
    let room = ControlRoom::connect(&endpoints).await?;
    let seen = PositionsSeen::new(endpoints.http.clone());
    let broker = endpoints
        .mqtt
        .as_deref()
        .context("the endpoints file names no mqtt address")?;
    let (host, port) = broker.rsplit_once(':').context("the mqtt address has no port")?;
    let broker = (host, port.parse().context("the port of the mqtt address")?);
    // Runs against the same service must not meet.
    let run_id = format!("lt{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis());
    let plan = Arc::new(Plan::new(scenario)?);
    let version = observe::version(endpoints.http.as_deref()).await;

    let mut patience = signal(SignalKind::interrupt())?;
    let stage = tokio::select! {
        stage = setup::set(scenario, &plan, &room, &run_id, broker, &seen, |line| progress.line(line)) => stage?,
        _ = patience.recv() => bail!("interrupted before the first report; nothing was measured"),
    };
    drop(patience);
    let Stage {
        mut fleet,
        trunk,
        noisy,
        positions_before,
    } = stage;

    // What it took to connect is not part of the load.
    fleet.drain();
    let load_begin = Instant::now() + LEAD;
    let begin = load_begin + Duration::from_secs_f64(scenario.warm_up_s);
    let end = begin + Duration::from_secs_f64(scenario.duration_s);
    let started_at = SystemTime::now() + LEAD + Duration::from_secs_f64(scenario.warm_up_s);
    let due: Vec<Instant> = plan.calls.iter().map(|call| load_begin + call.after).collect();
    let stretch = Duration::from_secs_f64((scenario.duration_s / STRETCHES_MAX).ceil().max(1.0));
    let same_clock = service.pid().is_some();
    let tally = Tally::new(Hops::new(begin, stretch), &due, scenario.incidents.asked, same_clock);

    let (told, desk_ear) = mpsc::unbounded_channel();
    let (watched, watch_ear) = mpsc::unbounded_channel();
    let (late, late_ear) = mpsc::unbounded_channel();
    let (fault, fault_ear) = mpsc::unbounded_channel();
    let (hurry, hurried) = watch::channel(false);
    let desk = Desk {
        room,
        run: run_id,
        kind: scenario.incidents.kind.clone(),
        stand_down_after: Duration::from_secs_f64(scenario.incidents.stand_down_after_s),
        hurry: hurried,
        told,
    };
    let service = Arc::new(Mutex::new(service));
    let counters = Arc::new(TrunkCounters::default());
    // Aborted when dropped.
    let mut tasks = JoinSet::new();
    let mut telling = JoinSet::new();
    tasks.spawn(watching::watch(desk.clone(), watched));
    if let Some((trunk, crowd)) = trunk {
        let per_message = scenario.positions.per_message;
        #[allow(clippy::cast_precision_loss)]
        let gap = per_message as f64 / scenario.positions.trunk_per_s;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = ((end - load_begin).as_secs_f64() / gap) as u64;
        let strikes = metronome::every(load_begin, Duration::from_secs_f64(gap), count)?;
        counters.sent.store(trunk.sent, Ordering::Relaxed);
        let counters = Arc::clone(&counters);
        telling.spawn(trunk::tell_on_schedule(
            trunk,
            crowd,
            per_message,
            strikes,
            counters,
            late,
        ));
    }
    let mut faults = Faults::new(scenario, begin, Arc::clone(&service), fault);
    faults.noisy = noisy;
    tasks.spawn(faults.run());
    let reports = tokio::spawn(report_on_schedule(desk.clone(), Arc::clone(&plan), due));

    let ears = Ears {
        desk: desk_ear,
        watch: watch_ear,
        late: late_ear,
        faults: fault_ear,
        interrupt,
    };
    let mut run = Run {
        scenario,
        desk,
        fleet,
        service,
        trunk: counters,
        tally,
        samples: Samples::new(begin),
        events: BTreeMap::new(),
        cut: None,
        progress,
        begin,
        end,
    };
    let ended = run.listen(ears, &hurry, &reports).await?;
    reports.abort();
    run.settle().await;
    drop(tasks);
    run.trunk.stop.store(true, Ordering::Relaxed);
    let _ = timeout(SETTLE_WITHIN, async { while telling.join_next().await.is_some() {} }).await;
    run.fleet.shutdown().await;
    run.hear_phones();
    run.tally.close();
    run.count_positions(&seen, positions_before).await;
    run.progress.finish();
    let levels = levels::judge(&scenario.levels, &run.tally.hops, &run.tally.counts);
    let result = outcome::result(outcome::Found {
        scenario,
        target,
        version,
        started_at,
        lasted: run.end.saturating_duration_since(begin),
        ended,
        tally: &run.tally,
        samples: run.samples,
        events: run.events.into_values().collect(),
        levels,
    });
    Ok((result, run.service))
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

/// Each incident is seen through by a task of its own, begun when its report is due, whatever became of those before.
async fn report_on_schedule(desk: Desk, plan: Arc<Plan>, due: Vec<Instant>) -> anyhow::Result<()> {
    let mut strikes = metronome::at(due)?;
    for (number, call) in plan.calls.iter().enumerate() {
        let Some(due) = strikes.recv().await else { return Ok(()) };
        tokio::spawn(desk.clone().see_through(number, due, call.place));
    }
    Ok(())
}

impl Run<'_> {
    /// Listens until every incident is over, or Ctrl-C and a moment longer.
    async fn listen(
        &mut self,
        mut ears: Ears,
        hurry: &watch::Sender<bool>,
        reports: &tokio::task::JoinHandle<anyhow::Result<()>>,
    ) -> anyhow::Result<Ended> {
        let mut ended = Ended::Completed;
        let stand_down_after = Duration::from_secs_f64(self.scenario.incidents.stand_down_after_s);
        let mut give_up = self.end + stand_down_after + DRAIN_GRACE;
        let mut tick = interval(SAMPLE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                Some(event) = self.fleet.next_event() => self.tally.phone(&event),
                Some(told) = ears.desk.recv() => self.tally.desk(told),
                Some(seen) = ears.watch.recv() => self.tally.watched(seen),
                Some((due, done)) = ears.late.recv() => self.tally.hops.add(Hop::PositionsLateness, due, done),
                Some(fault) = ears.faults.recv() => self.heard_of(fault)?,
                _ = ears.interrupt.recv() => {
                    if ended == Ended::Interrupted {
                        bail!("interrupted twice; nothing is written");
                    }
                    ended = Ended::Interrupted;
                    self.progress.line("Interrupted: no more reports, everybody is called off. Ctrl-C again: at once.");
                    reports.abort();
                    hurry.send_replace(true);
                    self.end = self.end.min(Instant::now());
                    give_up = Instant::now() + DRAIN_GRACE;
                }
                now = tick.tick() => {
                    let now = now.into_std();
                    self.sample(now);
                    if let Ok(mut service) = self.service.try_lock() {
                        service.require_running()?;
                    }
                    let over = self.tally.in_flight() == 0 && self.cut.is_none();
                    // An incident that was due a moment ago is perhaps not sent yet.
                    if over && now > self.end + SAMPLE_EVERY {
                        return Ok(ended);
                    }
                    if now > give_up {
                        self.progress.line("Not everything is over in time; see the counts.");
                        return Ok(ended);
                    }
                }
            }
        }
    }

    fn heard_of(&mut self, fault: Fault) -> anyhow::Result<()> {
        let at_s = self.since_begin(Instant::now());
        match fault {
            Fault::Began { id, what } => {
                self.progress.line(&format!("{at_s:.1} s: {what}"));
                let mark = EventMark {
                    at_s,
                    until_s: None,
                    what,
                };
                self.events.insert(id, mark);
            }
            Fault::Ended { failed: Some(why), .. } => bail!("a fault of the scenario did not work: {why}"),
            Fault::Ended { id, noise, .. } => {
                if noise > 0 {
                    self.tally.counts.add(Count::NoiseSent, noise);
                }
                if let Some(mark) = self.events.get_mut(&id) {
                    mark.until_s = Some(at_s);
                }
            }
            Fault::CutConnections { id } => {
                self.tally.cut(Instant::now());
                self.cut = Some(id);
                self.fleet.drop_connections();
            }
        }
        Ok(())
    }

    /// Once a second: rates, what the service uses, and a glance for whoever looks on.
    fn sample(&mut self, now: Instant) {
        let connected = self.fleet.connected();
        if let Some(mark) = self.cut.filter(|_| connected as u64 == self.scenario.population.phones) {
            let at_s = self.since_begin(now);
            // Right after the cut they all still count as connected.
            if let Some(mark) = self.events.get_mut(&mark).filter(|mark| at_s > mark.at_s + 1.0) {
                mark.until_s = Some(at_s);
                let took = at_s - mark.at_s;
                self.progress.line(&format!(
                    "{at_s:.1} s: all {connected} phones are back, after {took:.0} s"
                ));
                self.cut = None;
                self.hear_phones();
                self.tally.all_back();
            }
        }
        let positions = self.trunk.sent.load(Ordering::Relaxed) + self.fleet.positions_sent();
        let pid = self.service.try_lock().ok().and_then(|service| service.pid());
        let incidents = self.tally.counts.of(Count::IncidentsReported);
        let alerts = self.tally.alerts_on_phones();
        let errors = self.errors();
        let moment = Moment {
            incidents,
            alerts,
            positions,
            errors,
            in_flight: self.tally.in_flight(),
            phones: connected as u64,
        };
        let positions_per_s = self.samples.add(now, &moment, pid);
        let glance = Glance {
            elapsed: now.saturating_duration_since(self.begin),
            incidents,
            in_flight: self.tally.in_flight(),
            positions_per_s,
            phones_connected: connected,
            report_ack_ms: self.tally.hops.glance_ms(Hop::ReportAcknowledged),
            report_to_last_phone_ms: self.tally.hops.glance_ms(Hop::ReportLastPhone),
            errors,
            lost: self.tally.lost(),
        };
        self.progress.tell(&glance);
    }

    fn errors(&self) -> u64 {
        let count = |key| self.tally.counts.of(key);
        count(Count::ReportAttemptsFailed)
            + count(Count::StandDownsFailed)
            + count(Count::ConnectionsLost)
            + count(Count::PhonesUnable)
            + self.trunk.unsent.load(Ordering::Relaxed)
    }

    /// Looks again at what does not match yet, until it does or time is up.
    async fn settle(&mut self) {
        self.hear_phones();
        let until = Instant::now() + SETTLE_WITHIN;
        loop {
            for number in self.tally.unsettled() {
                let looked = timeout(SETTLE_WITHIN, self.desk.look(number)).await;
                self.hear_phones();
                if let Ok(Some(incident)) = looked {
                    self.tally.reckon(number, &incident.alerts);
                }
            }
            if self.tally.unsettled().is_empty() || Instant::now() > until {
                return;
            }
            sleep(SAMPLE_EVERY).await;
        }
    }

    /// What phones have logged and nobody has heard yet.
    fn hear_phones(&mut self) {
        for event in self.fleet.drain() {
            self.tally.phone(&event);
        }
    }

    /// Once nobody says anything any more: what was sent, and what the service took in. A service that was started again
    /// has begun to count again, and one counts a noisy sender's too, so that the second is not known.
    async fn count_positions(&mut self, seen: &PositionsSeen, before: u64) {
        let sent = self.trunk.sent.load(Ordering::Relaxed) + self.fleet.positions_sent();
        let counts = &mut self.tally.counts;
        counts.set(Count::PositionsSent, sent);
        counts.set(Count::PositionsUnsent, self.trunk.unsent.load(Ordering::Relaxed));
        let obscured = [EventKind::Restart, EventKind::NoisySender];
        if obscured.into_iter().any(|kind| faults::has(self.scenario, kind)) {
            return;
        }
        let until = Instant::now() + SETTLE_WITHIN;
        while let Some(counted) = seen.counted().await {
            let taken_in = counted.taken_in.saturating_sub(before);
            counts.set(Count::PositionsTakenIn, taken_in);
            counts.set(Count::PositionsLost, sent.saturating_sub(taken_in));
            if taken_in >= sent || Instant::now() > until {
                return;
            }
            sleep(COUNT_AGAIN).await;
        }
    }

    fn since_begin(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.begin).as_secs_f64()
    }
}
