//! The load while it goes on: hears desk, watch, trunk, faults and phones, and lets nothing wait for anything else.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::bail;
use muster_loadtest::{
    Fleet,
    progress::{Glance, Progress},
    result::{Ended, EventMark},
};
use tokio::{
    signal::unix::Signal,
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    counts::Key as Count,
    desk::{Desk, Told},
    faults::{self, Fault},
    hops::Key as Hop,
    observe::PositionsSeen,
    samples::{Moment, Samples},
    scenario::{EventKind, Scenario},
    service::Service,
    tally::Tally,
    trunk::TrunkCounters,
    watch::Seen,
};

/// Rates and levels are looked at this often.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// After the last incident should be over the run is waited for this long; a service that hangs must not hang us.
const DRAIN_GRACE: Duration = Duration::from_secs(90);
/// At the end the service may take this long with the last positions, and an alert this long to be accounted for.
pub const SETTLE_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at the counters of positions.
const COUNT_AGAIN: Duration = Duration::from_millis(200);

/// Everything that is heard while a run goes on.
pub struct Ears {
    /// How incidents get on.
    pub desk: mpsc::UnboundedReceiver<Told>,
    /// What the service tells.
    pub watch: mpsc::UnboundedReceiver<Seen>,
    /// When messages of the trunk were due, and when they were handed over.
    pub late: mpsc::UnboundedReceiver<(Instant, Instant)>,
    /// What is done to the service.
    pub faults: mpsc::UnboundedReceiver<Fault>,
    /// Ctrl-C.
    pub interrupt: Signal,
}

/// How a run is broken off.
pub struct Brakes {
    /// Turns true: everybody is called off at once.
    pub hurry: watch::Sender<bool>,
    /// Reports that are not due yet.
    pub reports: JoinHandle<anyhow::Result<()>>,
}

/// The load.
pub struct Load<'a> {
    /// What is asked for.
    pub scenario: &'a Scenario,
    /// The control room.
    pub desk: Desk,
    /// The phones.
    pub fleet: Fleet,
    /// Under test.
    pub service: Arc<Mutex<Service>>,
    /// What the trunk told.
    pub trunk: Arc<TrunkCounters>,
    /// What was found.
    pub tally: Tally,
    /// Rates and usage.
    pub samples: Samples,
    /// What was done to the service, by occurrence.
    pub events: BTreeMap<usize, EventMark>,
    /// The occurrence that cut the phones' connections, until they are all back.
    pub cut: Option<usize>,
    /// For whoever looks on.
    pub progress: Progress,
    /// The measured part begins.
    pub begin: Instant,
    /// The measured part ends; earlier after Ctrl-C.
    pub end: Instant,
}

impl Load<'_> {
    /// Listens until every incident is over, or Ctrl-C and a moment longer.
    pub async fn listen(&mut self, mut ears: Ears, brakes: &Brakes) -> anyhow::Result<Ended> {
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
                    brakes.reports.abort();
                    brakes.hurry.send_replace(true);
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
    pub async fn settle(&mut self) {
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
    pub fn hear_phones(&mut self) {
        for event in self.fleet.drain() {
            self.tally.phone(&event);
        }
    }

    /// Once nobody says anything any more: what was sent, and what the service took in. A service that was started again
    /// has begun to count again, and one counts a noisy sender's too, so that the second is not known.
    pub async fn count_positions(&mut self, seen: &PositionsSeen, before: u64) {
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
