//! The tally: puts together what the control room, its watch and the phones each saw of an incident.
//!
//! Every step carries the moment it happened at, so that the order in which the three are heard does not matter. Latency
//! counts from the moment a report was due. Whether an alert was lost is decided by its id: the control room's own view of
//! the incident against the phones' own logs.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use muster_loadtest::{Answered, CUT_BY_OWNER, MessageKind, PhoneEvent, What};
use muster_proto::v1::{Incident, IncidentAlert};

use crate::{
    counts::{Counts, Key as Count},
    desk::{Step, Told},
    hops::{Hops, Key as Hop},
    reckoning::{AlertLog, Reckoned},
    watch::{News, Seen},
};

/// Everything known of a run.
pub struct Tally {
    /// How long the hops took.
    pub hops: Hops,
    /// What was counted.
    pub counts: Counts,
    courses: Vec<Course>,
    alerts: HashMap<String, AlertLog>,
    unsettled: BTreeMap<usize, Reckoned>,
    settled: Reckoned,
    in_flight: u64,
    asked_wanted: u32,
    /// When the connections of all phones were last cut.
    cut_at: Option<Instant>,
    /// This process's clock against UTC, where the service's is the same; its own times can then be used.
    same_clock: Option<(Instant, SystemTime)>,
}

/// One incident.
struct Course {
    due: Instant,
    asked: Option<u32>,
    first_wave: Vec<String>,
    missing: usize,
    first_phone: Option<Instant>,
    last_phone: Option<Instant>,
    accept_told: bool,
    stood_down_due: Option<Instant>,
}

impl Tally {
    /// Incidents are due at these moments; each is to ask so many at first.
    pub fn new(hops: Hops, due: &[Instant], asked_wanted: u32, same_clock: bool) -> Self {
        let course = |&due| Course {
            due,
            asked: None,
            first_wave: Vec::new(),
            missing: 0,
            first_phone: None,
            last_phone: None,
            accept_told: false,
            stood_down_due: None,
        };
        let mut counts = Counts::default();
        for known in [
            Count::IncidentsReported,
            Count::IncidentsNotReported,
            Count::IncidentsShort,
            Count::ReportAttemptsFailed,
            Count::AcknowledgedNotDurable,
            Count::StandDownsFailed,
            Count::AlertsTwice,
            Count::IncidentsUnseen,
            Count::Accepts,
            Count::Declines,
            Count::Confirms,
            Count::ConnectionsLost,
            Count::ConnectionsCut,
            Count::PhonesUnable,
        ] {
            counts.set(known, 0);
        }
        Self {
            hops,
            counts,
            courses: due.iter().map(course).collect(),
            alerts: HashMap::new(),
            unsettled: BTreeMap::new(),
            settled: Reckoned::default(),
            in_flight: 0,
            asked_wanted,
            cut_at: None,
            same_clock: same_clock.then(|| (Instant::now(), SystemTime::now())),
        }
    }

    /// Incidents that were sent and are not over.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Alerts that look lost, as far as is known.
    pub fn lost(&self) -> u64 {
        self.settled.lost + self.unsettled.values().map(|reckoned| reckoned.lost).sum::<u64>()
    }

    /// Alerts that phones have had.
    pub fn alerts_on_phones(&self) -> u64 {
        self.hops.count(Hop::ReportEachPhone)
    }

    /// The connections of all phones were cut.
    pub fn cut(&mut self, at: Instant) {
        self.cut_at = Some(at);
    }

    /// They are all back; who connects from now on was lost by itself.
    pub fn all_back(&mut self) {
        self.cut_at = None;
    }

    /// The control room got a step further.
    pub fn desk(&mut self, told: Told) {
        let Some(course) = self.courses.get_mut(told.number) else {
            return;
        };
        match told.what {
            Step::Sent => {
                self.in_flight += 1;
                self.counts.add(Count::IncidentsDue, 1);
                self.hops.add(Hop::HarnessLateness, course.due, told.at);
            }
            Step::AttemptFailed => self.counts.add(Count::ReportAttemptsFailed, 1),
            Step::NotDurable => self.counts.add(Count::AcknowledgedNotDurable, 1),
            Step::Acknowledged { asked } => {
                course.asked = Some(asked);
                self.counts.add(Count::IncidentsReported, 1);
                self.counts
                    .add(Count::IncidentsShort, u64::from(asked < self.asked_wanted));
                self.hops.add(Hop::ReportAcknowledged, course.due, told.at);
            }
            Step::NotReported => {
                self.in_flight -= 1;
                self.counts.add(Count::IncidentsNotReported, 1);
            }
            Step::StoodDown { due } => course.stood_down_due = Some(due),
            Step::NotStoodDown => self.counts.add(Count::StandDownsFailed, 1),
            Step::Over(None) => {
                self.in_flight -= 1;
                self.counts.add(Count::IncidentsUnseen, 1);
            }
            Step::Over(Some(incident)) => {
                self.in_flight -= 1;
                self.over(told.number, &incident);
            }
        }
    }

    /// The watch told something.
    pub fn watched(&mut self, seen: Seen) {
        let Some(course) = self.courses.get_mut(seen.number) else {
            return;
        };
        match seen.what {
            News::FirstWave(ids) => self.first_wave(seen.number, ids),
            News::Accepted(id) => {
                if !course.accept_told {
                    course.accept_told = true;
                    self.hops.add(Hop::ReportAccepted, course.due, seen.at);
                }
                let log = self.alerts.entry(id).or_default();
                if log.accept_told.replace(seen.at).is_none()
                    && let Some(accepted) = log.accepted
                {
                    self.hops.add(Hop::AcceptTold, accepted, seen.at);
                }
            }
        }
    }

    /// A phone logged something.
    pub fn phone(&mut self, event: &PhoneEvent) {
        match &event.what {
            What::Received {
                alert_id,
                kind,
                duplicate,
                ..
            } => self.received(alert_id, *kind, *duplicate, event.at),
            What::Ignored { alert_id, .. } => {
                let log = self.alerts.entry(alert_id.clone()).or_default();
                log.on_phone.get_or_insert(event.at);
            }
            What::Answered { alert_id, answer } => {
                let accepted = *answer == Answered::Accept;
                let count = if accepted { Count::Accepts } else { Count::Declines };
                self.counts.add(count, 1);
                if accepted {
                    let log = self.alerts.entry(alert_id.clone()).or_default();
                    log.accepted = Some(event.at);
                    if let Some(told) = log.accept_told {
                        self.hops.add(Hop::AcceptTold, event.at, told);
                    }
                }
            }
            What::Connected { .. } => {
                if let Some(cut) = self.cut_at {
                    self.hops.add(Hop::PhoneBack, cut, event.at);
                }
            }
            What::Disconnected { reason } if reason == CUT_BY_OWNER => self.counts.add(Count::ConnectionsCut, 1),
            What::Disconnected { .. } => self.counts.add(Count::ConnectionsLost, 1),
            What::SubscriptionRefused { .. } | What::Unreadable { .. } | What::Unsent => {
                self.counts.add(Count::PhonesUnable, 1);
            }
            What::Shown { .. } | What::Progressed { .. } => {}
        }
    }

    fn received(&mut self, alert_id: &str, kind: MessageKind, duplicate: bool, at: Instant) {
        if kind == MessageKind::Probe {
            return;
        }
        let log = self.alerts.entry(alert_id.to_owned()).or_default();
        if duplicate && kind == MessageKind::Alert {
            log.twice = true;
        }
        if kind == MessageKind::Confirmed && log.confirmed.is_none() {
            log.confirmed = Some(at);
            self.counts.add(Count::Confirms, 1);
            if let Some(accepted) = log.accepted {
                self.hops.add(Hop::AcceptConfirmed, accepted, at);
            }
        }
        log.request |= kind == MessageKind::Alert;
        if kind == MessageKind::StandDown {
            log.stood_down.get_or_insert(at);
        }
        // A later word about an alert proves that the phone knows of it.
        if log.on_phone.is_none() {
            log.on_phone = Some(at);
            if let Some(number) = log.first_wave_of {
                self.phone_of_first_wave(number, at);
            }
        }
    }

    /// Who was asked first is known: by the watch, or at the latest by the last look.
    fn first_wave(&mut self, number: usize, ids: Vec<String>) {
        let Some(course) = self
            .courses
            .get_mut(number)
            .filter(|course| course.first_wave.is_empty())
        else {
            return;
        };
        course.missing = ids.len();
        course.first_wave.clone_from(&ids);
        for id in ids {
            let log = self.alerts.entry(id).or_default();
            log.first_wave_of = Some(number);
            if let Some(at) = log.on_phone {
                self.phone_of_first_wave(number, at);
            }
        }
    }

    fn phone_of_first_wave(&mut self, number: usize, at: Instant) {
        let Some(course) = self.courses.get_mut(number) else {
            return;
        };
        self.hops.add(Hop::ReportEachPhone, course.due, at);
        course.missing = course.missing.saturating_sub(1);
        course.first_phone = Some(course.first_phone.map_or(at, |first| first.min(at)));
        course.last_phone = Some(course.last_phone.map_or(at, |last| last.max(at)));
        if course.missing > 0 {
            return;
        }
        // An alert that never arrives leaves this unmeasured, and is counted as lost.
        if let (Some(first), Some(last)) = (course.first_phone, course.last_phone) {
            self.hops.add(Hop::ReportFirstPhone, course.due, first);
            self.hops.add(Hop::ReportLastPhone, course.due, last);
        }
    }

    /// The last look at an incident.
    fn over(&mut self, number: usize, incident: &Incident) {
        let asked = self.courses[number].asked.unwrap_or(0) as usize;
        let first_wave = incident.alerts.iter().take(asked);
        self.first_wave(number, first_wave.map(|alert| alert.alert_id.clone()).collect());
        let course = &self.courses[number];
        let logs = || {
            incident
                .alerts
                .iter()
                .filter_map(|alert| self.alerts.get(&alert.alert_id))
        };
        if let Some(confirmed) = logs().filter_map(|log| log.confirmed).min() {
            self.hops.add(Hop::ReportConfirmed, course.due, confirmed);
        }
        if let Some(due) = course.stood_down_due {
            // Those called off before, because enough were going, are another matter.
            let called_off = logs().filter_map(|log| log.stood_down).filter(|at| *at >= due).max();
            if let Some(last) = called_off {
                self.hops.add(Hop::StandDownLastPhone, due, last);
            }
        }
        let published = incident.alerts.iter().take(asked).map(|alert| self.instant_of(alert));
        if let Some(Some(last)) = published.max() {
            self.hops.add(Hop::ReportPublished, course.due, last);
        }
        self.reckon(number, &incident.alerts);
    }

    /// When an alert was with the broker, by the service's clock, where that is ours too.
    fn instant_of(&self, alert: &IncidentAlert) -> Option<Instant> {
        let (instant, utc) = self.same_clock?;
        // Where the broker is quick, its having it is all that is told.
        let at = alert.published_at.or(alert.broker_acked_at)?;
        let since_epoch = Duration::new(at.seconds.try_into().ok()?, at.nanos.try_into().ok()?);
        let anchor = utc.duration_since(UNIX_EPOCH).ok()?;
        match since_epoch.checked_sub(anchor) {
            Some(later) => instant.checked_add(later),
            None => instant.checked_sub(anchor.checked_sub(since_epoch)?),
        }
    }

    /// Matches the control room's view of an incident with the phones' logs. One that does not match yet is kept and can be
    /// matched again with a newer view.
    pub fn reckon(&mut self, number: usize, alerts: &[IncidentAlert]) {
        let first_wave = self.courses.get(number).map_or(0, |course| course.first_wave.len());
        let reckoned = Reckoned::of(alerts, first_wave, &self.alerts);
        self.unsettled.remove(&number);
        if reckoned.is_fine() {
            self.settled.add(&reckoned);
        } else {
            self.unsettled.insert(number, reckoned);
        }
    }

    /// Incidents that do not match yet.
    pub fn unsettled(&self) -> Vec<usize> {
        self.unsettled.keys().copied().collect()
    }

    /// Nothing more will be heard: what does not match now, never will.
    pub fn close(&mut self) {
        for reckoned in std::mem::take(&mut self.unsettled).values() {
            self.settled.add(reckoned);
        }
        let settled = &self.settled;
        for (key, value) in [
            (Count::AlertsPlanned, settled.planned),
            (Count::AlertsOnPhones, settled.on_phones),
            (Count::AlertsNeverSent, settled.never_sent),
            (Count::AlertsLost, settled.lost),
            (Count::AlertsUnaccounted, settled.unaccounted),
            (Count::AlertsTwice, settled.twice),
        ] {
            self.counts.set(key, value);
        }
    }
}
