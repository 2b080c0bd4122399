//! The reckoning after a recovery: what the control room was told and what the phones wrote down, matched id by id
//! against what the service knows now.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::Result;
use muster_proto::v1::{
    AlertState, AttendanceState, Incident, IncidentAlert, IncidentState, ReplyKind, WatchIncidentsResponse,
    watch_incidents_response::Event,
};
use tokio::time::sleep;

use crate::{
    desk::Desk,
    ledger::Story,
    log::{Kind, Line, What},
    outcome::Outcome,
    town::Town,
    watcher::{self, Told},
};

/// After the end of every incident and of every fault, all alerts have ended and all stand-downs have been heard
/// within this: an unheard message is repeated after 2, 4, 8 and 16 s.
const SETTLE_MAX: Duration = Duration::from_secs(40);
/// Time between two looks at whether everything has settled.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A message may cross its expiry on the way from one process to the other.
const LATE_MAX: Duration = Duration::from_secs(1);

/// What is matched.
pub struct Reckoning<'a> {
    /// To ask the service.
    pub desk: &'a Desk,
    /// The phones, with their log.
    pub town: &'a Town,
    /// What the control room did and was told.
    pub stories: BTreeMap<String, Story>,
    /// What its watch was told.
    pub told: Told,
    /// Whether the broker's acknowledgement of a reply means that it is on the disk: true of the embedded broker only.
    pub broker_speaks_for_disk: bool,
    /// Since when the store was in trouble, if it was: alerts may leave before they are on the disk, and be lost with it.
    pub in_trouble_since: Option<Instant>,
}

impl Reckoning<'_> {
    /// Waits until all has settled, then matches everything. What is found is added to the outcome.
    pub async fn add_to(&self, outcome: &mut Outcome) -> Result<()> {
        let mut known = BTreeMap::new();
        self.acknowledgements(outcome, &mut known).await?;
        self.settle(outcome, known).await?;
        // In this order: what the phones have written by now, the service knew before.
        let lines = self.town.log.lines();
        let events = watcher::replay(self.desk, self.last_sequence()).await?;
        let mut known = BTreeMap::new();
        for number in self.stories.keys() {
            let incident = self.desk.incident(number).await?;
            known.extend(incident.map(|incident| (number.clone(), incident)));
        }
        let alerts = by_alert(&known);

        outcome.incidents += self.stories.values().filter(|story| story.reported.is_some()).count();
        outcome.alerts += alerts_received(&lines).len();
        self.told_before(&events, outcome);
        self.everything_can_be_said_again(outcome).await;
        self.phones_know_nothing_else(&lines, &alerts, outcome);
        self.answers(&lines, &alerts, outcome);
        self.asked_once(&lines, &alerts, outcome);
        self.reached_or_reported(&lines, &alerts, &events, outcome);
        Ok(())
    }

    /// The highest sequence anybody was told.
    fn last_sequence(&self) -> u64 {
        let told = self.told.last().map_or(0, |(sequence, _)| *sequence);
        let answers = self.stories.values().flat_map(|story| [&story.reported, &story.ended]);
        let answered = answers.flatten().map(|answer| answer.sequence).max();
        told.max(answered.unwrap_or(0))
    }

    /// I1: each acknowledgement that claimed to be durable still holds.
    pub async fn acknowledgements(&self, outcome: &mut Outcome, known: &mut BTreeMap<String, Incident>) -> Result<()> {
        for (number, story) in &self.stories {
            let incident = self.desk.incident(number).await?;
            outcome.lost.extend(missing(number, story, incident.as_ref()));
            known.extend(incident.map(|incident| (number.clone(), incident)));
        }
        Ok(())
    }

    /// I1 for the watch: what was told is told again.
    fn told_before(&self, events: &[WatchIncidentsResponse], outcome: &mut Outcome) {
        let now: Told = events.iter().map(watcher::text).collect();
        let gone = self.told.difference(&now);
        outcome
            .lost
            .extend(gone.map(|(sequence, text)| format!("the watch told {sequence}, which is gone: {text}")));
    }

    /// A control room that repeats a request gets the same answer.
    async fn everything_can_be_said_again(&self, outcome: &mut Outcome) {
        for (number, story) in &self.stories {
            let Some(first) = story.reported.as_ref().filter(|answer| answer.durable) else {
                continue;
            };
            match self.desk.report(&story.report).await {
                Ok(again) if again.duplicate && again.sequence == first.sequence => {}
                Ok(again) => outcome.lost.push(format!(
                    "{number} reported again is {}, record {} instead of {}",
                    if again.duplicate {
                        "a duplicate"
                    } else {
                        "taken for new"
                    },
                    again.sequence,
                    first.sequence
                )),
                Err(status) => outcome
                    .broken
                    .push(format!("{number} cannot be reported again: {status}")),
            }
        }
    }

    /// Nothing leaves a socket before it is on the disk: an alert on a phone is one the service knows.
    fn phones_know_nothing_else(&self, lines: &[Line], alerts: &Alerts, outcome: &mut Outcome) {
        for line in lines {
            match &line.what {
                What::Got { alert_id, late, .. } => {
                    let early = self.in_trouble_since.is_some_and(|since| line.at >= since);
                    if !alerts.contains_key(alert_id) && !early {
                        outcome
                            .lost
                            .push(format!("phone {} has {alert_id}, which nobody knows", line.person));
                    }
                    if *late > LATE_MAX {
                        let text = format!("phone {} got {alert_id} {late:?} after its expiry", line.person);
                        outcome.broken.push(text);
                    }
                }
                What::Unreadable(what) => outcome.broken.push(format!("phone {}: {what}", line.person)),
                _ => {}
            }
        }
    }

    /// What a person was heard to say, and what they were told, still holds.
    fn answers(&self, lines: &[Line], alerts: &Alerts, outcome: &mut Outcome) {
        for line in lines {
            let (alert_id, holds, what) = match &line.what {
                What::Got {
                    alert_id,
                    kind: Kind::Confirmed,
                    ..
                } => (alert_id, attends as fn(&IncidentAlert) -> bool, "was told to go"),
                What::Heard { alert_id, kind } if self.broker_speaks_for_disk => match kind {
                    ReplyKind::Accept => (alert_id, attends as _, "was heard to accept"),
                    ReplyKind::Decline => (alert_id, has_ended as _, "was heard to decline"),
                    ReplyKind::Finished => (alert_id, attendance_has_ended as _, "was heard to finish"),
                    _ => continue,
                },
                _ => continue,
            };
            if let Some((number, alert)) = alerts.get(alert_id)
                && !holds(alert)
            {
                let (state, attendance) = (alert.state(), alert.attendance());
                outcome.lost.push(format!(
                    "person {} {what} ({alert_id} of {number}), now {state:?} and {attendance:?}",
                    line.person
                ));
            }
        }
    }

    /// Nobody is asked under two ids for one incident while the first alert is open: not called off, not expired.
    fn asked_once(&self, lines: &[Line], alerts: &Alerts, outcome: &mut Outcome) {
        let mut open: BTreeMap<(usize, &str), (&str, Instant)> = BTreeMap::new();
        for line in lines {
            let What::Got {
                alert_id, kind, left, ..
            } = &line.what
            else {
                continue;
            };
            let Some((number, _)) = alerts.get(alert_id) else {
                continue;
            };
            let place = (line.person, number.as_str());
            match kind {
                Kind::Alert => match open.insert(place, (alert_id, line.at + *left)) {
                    Some((first, expires_at)) if first != alert_id && line.at < expires_at => {
                        let text = format!("person {} for {number}: {first}, then {alert_id}", line.person);
                        outcome.asked_twice.push(text);
                    }
                    _ => {}
                },
                Kind::StandDown | Kind::Refused => {
                    open.remove(&place);
                }
                Kind::Confirmed => {}
            }
        }
    }

    /// I2: somebody was reached, or the control room was told that nobody was. I5: who was called off knows.
    fn reached_or_reported(
        &self,
        lines: &[Line],
        alerts: &Alerts,
        events: &[WatchIncidentsResponse],
        outcome: &mut Outcome,
    ) {
        let reached: BTreeSet<&str> = alerts_received(lines)
            .into_iter()
            .filter_map(|id| alerts.get(id).map(|(number, _)| number.as_str()))
            .collect();
        let mut could_not: BTreeSet<&str> = BTreeSet::new();
        for event in events {
            let number = event.key.as_ref().map_or("", |key| &key.cad_incident_number);
            if matches!(event.event, Some(Event::CouldNotAlert(_))) {
                could_not.insert(number);
            }
        }
        for (number, story) in &self.stories {
            let open_for = story.open_for().unwrap_or_default();
            let known = reached.contains(number.as_str()) || could_not.contains(number.as_str());
            if open_for > COULD_NOT_ALERT_AFTER && !known {
                outcome.broken.push(format!(
                    "{number} was open for {open_for:?}; nobody was reached and nobody said so"
                ));
            }
        }
        // By now every phone is connected and every message has been repeated.
        let deaf = self.called_off(lines, alerts);
        let text = |id: &str| format!("{id} was called off, and the phone has not heard");
        outcome.broken.extend(deaf.into_iter().map(text));
    }

    /// Alerts that a phone has, that were called off, and of which the phone has not heard.
    fn called_off<'l>(&self, lines: &'l [Line], alerts: &Alerts) -> BTreeSet<&'l str> {
        let off = |alert: &IncidentAlert| {
            alert.state() == AlertState::Withdrawn || alert.attendance() == AttendanceState::StoodDown
        };
        let mut waiting: BTreeSet<&str> = alerts_received(lines);
        waiting.retain(|id| alerts.get(*id).is_some_and(|(_, alert)| off(alert)));
        for line in lines {
            if let What::Got {
                alert_id,
                kind: Kind::StandDown | Kind::Refused,
                ..
            } = &line.what
            {
                waiting.remove(alert_id.as_str());
            }
        }
        waiting
    }

    /// Waits until every incident has ended and, in each, every alert and every attendance.
    async fn settle(&self, outcome: &mut Outcome, mut known: BTreeMap<String, Incident>) -> Result<()> {
        let begun = Instant::now();
        loop {
            let mut open: Vec<String> = known
                .iter()
                .flat_map(|(number, incident)| unsettled(number, incident))
                .collect();
            let alerts = by_alert(&known);
            let lines = self.town.log.lines();
            open.extend(
                self.called_off(&lines, &alerts)
                    .iter()
                    .map(|id| format!("{id} has not heard")),
            );
            if open.is_empty() {
                outcome
                    .notes
                    .push(format!("settled after {:.1} s", begun.elapsed().as_secs_f64()));
                return Ok(());
            }
            if begun.elapsed() > SETTLE_MAX {
                // Deafness is judged later, together with what the control room was told.
                outcome
                    .broken
                    .extend(known.iter().flat_map(|(number, incident)| unsettled(number, incident)));
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
            for (number, incident) in &mut known {
                if unsettled(number, incident).is_empty() {
                    continue;
                }
                if let Some(newer) = self.desk.incident(number).await? {
                    *incident = newer;
                }
            }
        }
    }
}

/// With no phone reached by then, the control room is to be told: the policy's 10 s, and 2 s on top for a machine that is
/// busy with faults.
const COULD_NOT_ALERT_AFTER: Duration = Duration::from_secs(12);

impl Story {
    /// How long it was open for the service: from the acknowledgement of the report to the end being sent.
    fn open_for(&self) -> Option<Duration> {
        let reported = self.reported.as_ref()?;
        Some(self.ended.as_ref()?.at - reported.at)
    }
}

type Alerts = BTreeMap<String, (String, IncidentAlert)>;

fn by_alert(known: &BTreeMap<String, Incident>) -> Alerts {
    let all = known
        .iter()
        .flat_map(|(number, incident)| incident.alerts.iter().map(move |alert| (number, alert)));
    all.map(|(number, alert)| (alert.alert_id.clone(), (number.clone(), alert.clone())))
        .collect()
}

fn alerts_received(lines: &[Line]) -> BTreeSet<&str> {
    let received = lines.iter().filter_map(|line| match &line.what {
        What::Got {
            alert_id,
            kind: Kind::Alert,
            ..
        } => Some(alert_id.as_str()),
        _ => None,
    });
    received.collect()
}

/// What was acknowledged about an incident and is not there.
fn missing(number: &str, story: &Story, incident: Option<&Incident>) -> Vec<String> {
    let mut lost = Vec::new();
    if let Some(told) = story.reported.as_ref().filter(|answer| answer.durable) {
        match incident {
            None => lost.push(format!("{number} was acknowledged and is not there")),
            Some(now) if now.incident_id != told.incident_id => {
                lost.push(format!("{number} is {} and was {}", now.incident_id, told.incident_id));
            }
            Some(now) if now.alerts.len() < told.alerts_planned as usize => {
                let (has, had) = (now.alerts.len(), told.alerts_planned);
                lost.push(format!("{number} has {has} alerts and had {had}"));
            }
            Some(_) => {}
        }
    }
    if story.ended.as_ref().is_some_and(|answer| answer.durable) {
        let over = incident.is_some_and(|now| {
            matches!(now.state(), IncidentState::StoodDown | IncidentState::Closed) && now.revision >= 2
        });
        if !over {
            let state = incident.map(Incident::state);
            lost.push(format!("the end of {number} was acknowledged and it is {state:?}"));
        }
    }
    lost
}

/// What is still going on in an incident that should have ended.
fn unsettled(number: &str, incident: &Incident) -> Vec<String> {
    let mut open = Vec::new();
    if !matches!(incident.state(), IncidentState::StoodDown | IncidentState::Closed) {
        open.push(format!("{number} is still {:?}", incident.state()));
    }
    for alert in &incident.alerts {
        if !has_ended(alert) || (attends(alert) && !attendance_has_ended(alert)) {
            let (id, state, attendance) = (&alert.alert_id, alert.state(), alert.attendance());
            open.push(format!("{id} of {number} has not ended: {state:?}, {attendance:?}"));
        }
    }
    open
}

fn has_ended(alert: &IncidentAlert) -> bool {
    alert.state() >= AlertState::Accepted
}

fn attends(alert: &IncidentAlert) -> bool {
    alert.attendance() != AttendanceState::Unspecified
}

fn attendance_has_ended(alert: &IncidentAlert) -> bool {
    alert.attendance() >= AttendanceState::Finished
}
