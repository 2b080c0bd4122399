//! The judge's own idea of what the journal says: slow, obvious, and made from the records alone. Each record is held
//! against the rules of the house as it is entered.

use std::collections::{BTreeMap, BTreeSet};

use dispatch_core::{
    alert::{MessageKind, Role},
    attendance::Attendance,
    command::Answer,
    ids::{AlertId, DeviceId, IncidentId, Reference, ResponderId, TenantId},
    incident::IncidentState,
    input::{DeliveryStage, Fingerprint},
    ledger::MessageOutcome,
    policy::{Policy, PolicyBook, Ranking},
    record::{Decision, Entry, Record},
    responder::{Device, ResponderProfile},
    time::Timestamp,
};

use super::{
    call_outs::expiry,
    pages::{AlertPage, End, IncidentPage, Recount},
};

/// A rule that was broken, and how.
pub type Broken = (&'static str, String);

/// Everything the records say.
pub struct Book {
    pub policies: PolicyBook,
    pub sequence: u64,
    pub last_at: Timestamp,
    pub epoch: u64,
    pub started_at: Timestamp,
    pub people: BTreeMap<ResponderId, ResponderProfile>,
    pub devices: BTreeMap<DeviceId, Device>,
    pub incidents: BTreeMap<IncidentId, IncidentPage>,
    pub alerts: BTreeMap<AlertId, AlertPage>,
    /// Alerts that are open, attended, or whose newest message is not settled.
    pub live: BTreeSet<AlertId>,
    pub answers: BTreeMap<(TenantId, Reference), (Fingerprint, Answer, u64)>,
    pub recount: Recount,
}

impl Book {
    /// An empty book.
    pub fn new(policies: PolicyBook) -> Self {
        Self {
            policies,
            sequence: 0,
            last_at: Timestamp::default(),
            epoch: 0,
            started_at: Timestamp::default(),
            people: BTreeMap::new(),
            devices: BTreeMap::new(),
            incidents: BTreeMap::new(),
            alerts: BTreeMap::new(),
            live: BTreeSet::new(),
            answers: BTreeMap::new(),
            recount: Recount::default(),
        }
    }

    /// The policy of an incident that was reported.
    pub fn policy(&self, page: &IncidentPage) -> Option<&Policy> {
        let place = page.place.map(|place| place.position);
        Some(self.policies.policy(&page.tenant, page.kind.as_ref()?, place))
    }

    pub fn alerts_of<'a>(&'a self, page: &'a IncidentPage) -> impl Iterator<Item = &'a AlertPage> {
        page.alerts.iter().filter_map(|id| self.alerts.get(id))
    }

    /// How many people count towards the number wanted.
    pub fn covering(&self, page: &IncidentPage) -> u32 {
        self.alerts_of(page).map(|alert| u32::from(alert.covers())).sum()
    }

    /// How many are still expected to answer in time.
    pub fn pending(&self, page: &IncidentPage) -> u32 {
        self.alerts_of(page).map(|alert| u32::from(alert.is_pending())).sum()
    }

    /// Enters a record. What it breaks is told.
    pub fn enter(&mut self, entry: &Entry) -> Result<(), Broken> {
        if entry.sequence != self.sequence + 1 {
            return Err((
                "I7 sequence",
                format!("record {} follows on {}", entry.sequence, self.sequence),
            ));
        }
        if entry.at < self.last_at {
            return Err((
                "I7 time",
                format!("record {} is older than the one before", entry.sequence),
            ));
        }
        (self.sequence, self.last_at) = (entry.sequence, entry.at);
        let (at, sequence) = (entry.at, entry.sequence);
        match &entry.record {
            Record::Started { epoch } => {
                self.recount.last_start = sequence;
                self.started(*epoch, at)
            }
            Record::ResponderPut(profile) => {
                self.people.insert(profile.responder, profile.clone());
                Ok(())
            }
            Record::DevicePut(device) => {
                self.devices.insert(device.device, *device);
                Ok(())
            }
            Record::DeviceRevoked(device) => {
                self.devices.remove(device);
                Ok(())
            }
            // The world has none.
            Record::TrunkPut { .. } | Record::TrunkRevoked(_) | Record::AedPut(_) | Record::AedRemoved(_) => Ok(()),
            Record::IncidentReported(report) => self.reported(report, at),
            Record::IncidentEnded { .. } | Record::IncidentStateChanged { .. } | Record::CouldNotAlert { .. } => {
                self.incident_record(&entry.record, at)
            }
            Record::Decided(decision) => self.decided(decision, at, sequence),
            Record::RequestAnswered {
                tenant,
                request,
                answer,
            } => {
                let key = (tenant.clone(), request.id.clone());
                self.answers
                    .insert(key, (request.fingerprint, answer.clone(), sequence));
                Ok(())
            }
            about_alert => self.alert_record(about_alert, at, sequence),
        }
    }

    fn started(&mut self, epoch: u64, at: Timestamp) -> Result<(), Broken> {
        if epoch <= self.epoch {
            return Err(("F11 epoch", format!("epoch {epoch} follows on {}", self.epoch)));
        }
        (self.epoch, self.started_at) = (epoch, at);
        for id in &self.live {
            if let Some(alert) = self.alerts.get_mut(id) {
                (alert.waits_since, alert.sent_at, alert.resends) = (at, at, 0);
            }
        }
        for incident in self.incidents.values_mut().filter(|page| page.state.is_active()) {
            incident.began = Some(at);
        }
        Ok(())
    }

    fn reported(&mut self, report: &dispatch_core::record::IncidentReported, at: Timestamp) -> Result<(), Broken> {
        let page = self
            .incidents
            .entry(report.incident)
            .or_insert_with(|| IncidentPage::heard_of(&report.key.tenant));
        if report.revision <= page.revision {
            let text = format!("revision {} was taken in after {}", report.revision, page.revision);
            return Err(("revision order", text));
        }
        if !page.state.is_open() {
            return Err(("revision order", "a report was taken in after the end".to_owned()));
        }
        (page.revision, page.reported_revision) = (report.revision, report.revision);
        (page.purpose, page.kind, page.place) = (Some(report.purpose), Some(report.kind.clone()), report.place);
        page.places.extend(report.place);
        page.call_out.clone_from(&report.call_out);
        page.note_wanted();
        if report.alerting && page.state == IncidentState::Recorded {
            (page.state, page.began) = (IncidentState::Searching, Some(at));
        }
        Ok(())
    }

    fn incident_record(&mut self, record: &Record, at: Timestamp) -> Result<(), Broken> {
        match record {
            Record::IncidentEnded {
                incident,
                key,
                revision,
                cause,
                ..
            } => {
                let page = self
                    .incidents
                    .entry(*incident)
                    .or_insert_with(|| IncidentPage::heard_of(&key.tenant));
                if *revision <= page.revision {
                    let text = format!("the ending of revision {revision} was taken in after {}", page.revision);
                    return Err(("revision order", text));
                }
                (page.revision, page.state, page.cause) = (*revision, cause.state(), Some(*cause));
            }
            Record::IncidentStateChanged { incident, state } => {
                let Some(page) = self.incidents.get_mut(incident) else {
                    return Err(("I7 records", format!("{incident} changes and is unknown")));
                };
                if page.state == IncidentState::Covered && *state == IncidentState::Searching {
                    (page.began, page.told) = (Some(at), false);
                }
                page.state = *state;
            }
            Record::CouldNotAlert { incident } => {
                if let Some(page) = self.incidents.get_mut(incident) {
                    page.told = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn decided(&mut self, decision: &Decision, at: Timestamp, sequence: u64) -> Result<(), Broken> {
        let Some(page) = self.incidents.get(&decision.incident).cloned() else {
            return Err(("I7 records", "a decision about nothing".to_owned()));
        };
        let Some(policy) = self.policy(&page).cloned() else {
            return Err(("I7 records", "a decision about a tombstone".to_owned()));
        };
        if decision.alerts.is_empty() {
            return Ok(());
        }
        if !matches!(page.state, IncidentState::Searching | IncidentState::Exhausted) {
            return Err(("I2 asking", format!("people are asked while {:?}", page.state)));
        }
        if decision.revision != page.revision {
            return Err(("revision order", "a decision by an older revision".to_owned()));
        }
        for plan in &decision.alerts {
            self.may_be_asked(&page, plan.responder, at)?;
            if plan.expires_at != expiry(&page, &policy, at) {
                let text = format!("an alert of {at} expires at {}", plan.expires_at);
                return Err(("waits: expiry", text));
            }
            let alert = AlertPage {
                incident: decision.incident,
                responder: plan.responder,
                expires_at: plan.expires_at,
                end: None,
                withdrawn_for: None,
                attendance: None,
                for_shift: plan.role == Role::Shift,
                shift: None,
                shift_ends_at: None,
                lapsed: false,
                stalled: false,
                stalled_once: false,
                reached: None,
                waits_since: at,
                version: 1,
                kind: MessageKind::Alert,
                stage: None,
                planned_at: at,
                sent_at: at,
                resends: 0,
                unheard: false,
                noted: BTreeSet::new(),
                outcome: None,
                versions: BTreeMap::from([(1, (MessageKind::Alert, sequence))]),
            };
            if self.alerts.insert(plan.alert, alert).is_some() {
                return Err(("I9 one outcome", format!("{} is planned twice", plan.alert)));
            }
            self.live.insert(plan.alert);
            *self.recount.planned.entry(MessageKind::Alert).or_default() += 1;
            if let Some(page) = self.incidents.get_mut(&decision.incident) {
                page.alerts.push(plan.alert);
                page.asked_at = Some(at);
            }
        }
        let page = &self.incidents[&decision.incident];
        if let Some(call_out) = &page.call_out {
            return self.check_wave(page, call_out, &policy, at);
        }
        let busy = self.covering(page) + self.pending(page);
        if busy > policy.alert_count || page.alerts.len() > policy.alerts_max as usize {
            return Err(("I8 bounds", format!("{busy} people are asked or going at a time")));
        }
        Ok(())
    }

    fn may_be_asked(&self, page: &IncidentPage, responder: ResponderId, at: Timestamp) -> Result<(), Broken> {
        for before in self.alerts_of(page).filter(|alert| alert.responder == responder) {
            if before.is_open() {
                return Err(("asked twice", format!("{responder} has an open alert already")));
            }
            let said_no = matches!(before.end, Some((End::Declined, _)));
            let tried = before.attendance.is_some_and(|attendance| {
                let in_vain = [Attendance::NotNeeded, Attendance::TooLate, Attendance::StoodDown];
                !in_vain.contains(&attendance)
            });
            if said_no || tried || before.wants_another_shift() {
                return Err(("asked again", format!("{responder} declined or went already")));
            }
        }
        let Some(person) = self.people.get(&responder) else {
            return Err(("I6 strangers", format!("{responder} is asked and is nobody")));
        };
        if person.tenant != page.tenant {
            return Err(("I6 strangers", format!("{responder} is of another control room")));
        }
        let skill = page.call_out.as_ref().and_then(|call_out| call_out.skill());
        if skill.is_some_and(|skill| !person.skills.contains(skill)) {
            return Err((
                "I6 strangers",
                format!("{responder} lacks the skill that is called for"),
            ));
        }
        if person.suspended || !person.on_duty || at >= person.credential_valid_until {
            return Err(("I6 strangers", format!("{responder} may not be asked")));
        }
        Ok(())
    }

    fn alert_record(&mut self, record: &Record, at: Timestamp, sequence: u64) -> Result<(), Broken> {
        let Some(id) = record.alert() else { return Ok(()) };
        let Some(page) = self.alerts.get(&id).cloned() else {
            return Err(("I7 records", format!("{id} is unknown")));
        };
        let incident = self.incidents[&page.incident].clone();
        let wanted = self.policy(&incident).map_or(0, |policy| policy.wanted);
        let covering = self.covering(&incident);
        let judged = self
            .policy(&incident)
            .is_some_and(|policy| policy.ranking == Ranking::Survival && covering >= policy.going_min);
        let room = match incident.state.is_active() && covering < wanted {
            _ if page.for_shift => self.room_in_shift(&incident, record, at),
            false => Room::None,
            true if judged => Room::IfWorthIt,
            true => Room::Free,
        };
        let resent = matches!(record, Record::MessageResent { .. });
        if resent && page.kind == MessageKind::Confirmed && !incident.state.is_open() {
            return Err((
                "I3 sent again",
                format!("{id}: where to go is told again after the end"),
            ));
        }
        let alert = self.alerts.get_mut(&id).ok_or(("I7 records", String::new()))?;
        let told = |broken: Broken| (broken.0, format!("{id}: {}", broken.1));
        apply(alert, record, at, sequence, room, &mut self.recount).map_err(told)?;
        alert.note_shift(record, &incident);
        self.file(id);
        Ok(())
    }

    fn file(&mut self, id: AlertId) {
        let alert = &self.alerts[&id];
        if alert.is_open() || alert.is_attended() || alert.is_unsettled() {
            self.live.insert(id);
        } else {
            self.live.remove(&id);
        }
    }

    /// Nobody is left going to an incident that has ended, but those with the patient.
    pub(super) fn check_ended(&self, id: IncidentId, page: &IncidentPage) -> Result<(), Broken> {
        let going =
            |alert: &AlertPage| alert.is_attended() && !alert.attendance.is_some_and(Attendance::is_with_patient);
        if !page.state.is_open() && self.alerts_of(page).any(going) {
            return Err(("I3 called off", format!("{id} has ended and somebody is still going")));
        }
        Ok(())
    }

    /// What must hold of an incident between two commits.
    pub fn check(&self, id: IncidentId) -> Result<(), Broken> {
        let Some(page) = self.incidents.get(&id) else {
            return Ok(());
        };
        let Some(policy) = self.policy(page) else { return Ok(()) };
        if page.call_out.is_some() {
            return self.check_call_out(id, page);
        }
        let covering = self.covering(page);
        // Somebody who was counted on no longer and comes after all is not sent home.
        let came_after_all = self
            .alerts_of(page)
            .map(|alert| u32::from(alert.stalled_once))
            .sum::<u32>();
        if covering > policy.wanted + came_after_all {
            return Err((
                "I4 wanted",
                format!("{id}: {covering} people go, {} are wanted", policy.wanted),
            ));
        }
        let open = self.alerts_of(page).filter(|alert| alert.is_open()).count();
        // Those who would be clearly sooner than one who goes may still answer.
        let may_improve = page.state == IncidentState::Covered && policy.improve_by.is_some();
        let asking = matches!(page.state, IncidentState::Searching | IncidentState::Exhausted);
        if !asking && !may_improve && open > 0 {
            return Err((
                "I3 called off",
                format!("{id} is {:?} and {open} alerts are open", page.state),
            ));
        }
        self.check_ended(id, page)?;
        let covered = page.state == IncidentState::Covered;
        // By survival fewer may be enough, if nobody else is worth an alert.
        let enough = match policy.ranking {
            Ranking::Survival => policy.going_min.max(1),
            Ranking::Nearest | Ranking::Soonest => policy.wanted,
        };
        let wrong = (covered && covering < enough) || (!covered && covering >= policy.wanted);
        if page.state.is_active() && wrong {
            return Err(("I4 covered", format!("{id} is {:?} with {covering} going", page.state)));
        }
        Ok(())
    }
}

/// Whether one more is wanted on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    None,
    /// If they add enough to survival, or can take a shift that wants people.
    IfWorthIt,
    Free,
}

fn apply(
    alert: &mut AlertPage,
    record: &Record,
    at: Timestamp,
    sequence: u64,
    room: Room,
    recount: &mut Recount,
) -> Result<(), Broken> {
    match *record {
        Record::MessageProgress { version, stage, .. } => {
            if version != alert.version || (stage != DeliveryStage::Failed && !alert.noted.insert(stage)) {
                return Err((
                    "I7 records",
                    format!("{stage:?} of version {version} is written down again"),
                ));
            }
            alert.stage = alert.stage.max(Some(stage));
            if stage >= DeliveryStage::Received {
                if alert.reached.is_none() {
                    (alert.reached, alert.waits_since) = (Some(at), at);
                }
                alert.settle(MessageOutcome::Heard, recount);
            }
        }
        Record::MessageResent { .. } => {
            let stale = at >= alert.message_expiry();
            if (alert.kind == MessageKind::Alert && !alert.is_open()) || stale {
                return Err(("I3 sent again", "an alert that is over is sent again".to_owned()));
            }
            alert.resends += 1;
            alert.sent_at = at;
        }
        Record::MessageUnheard { .. } => alert.unheard = true,
        Record::AlertLapsed { .. } => alert.lapsed = true,
        Record::AttendanceStalled { .. } if alert.for_shift => {
            return Err((
                "waits: stall",
                "somebody with a shift is counted as not coming".to_owned(),
            ));
        }
        Record::AttendanceStalled { .. } => (alert.stalled, alert.stalled_once) = (true, true),
        Record::MessageLapsed { version, .. } => {
            if version != alert.version || !alert.is_unsettled() || at < alert.message_expiry() {
                return Err((
                    "waits: lapse",
                    format!("version {version} is given up too early, or twice"),
                ));
            }
            alert.settle(MessageOutcome::Lapsed, recount);
        }
        Record::AlertAccepted {
            attendance, version, ..
        } => {
            if alert.attendance.is_some() || matches!(alert.end, Some((End::Declined, _))) {
                return Err(("I4 answers", "accepted after another answer".to_owned()));
            }
            let confirmed = attendance == Attendance::Confirmed;
            let fits = match room {
                Room::None => !confirmed,
                Room::IfWorthIt => !confirmed || alert.is_open(),
                Room::Free => confirmed == alert.is_open(),
            };
            if !fits {
                let text = format!(
                    "the answer is {attendance:?}, room for one more: {room:?}, open: {}",
                    alert.is_open()
                );
                return Err(("I4 first come", text));
            }
            if alert.is_open() {
                alert.ends(End::Accepted, sequence)?;
            }
            alert.reached.get_or_insert(at);
            alert.attendance = Some(attendance);
            answered(alert, recount);
            let kind = match attendance {
                Attendance::NotNeeded => MessageKind::NotNeeded,
                Attendance::TooLate => MessageKind::TooLate,
                _ => MessageKind::Confirmed,
            };
            alert.says(version, kind, at, sequence, recount)?;
        }
        Record::AlertDeclined { .. } => {
            alert.ends(End::Declined, sequence)?;
            alert.reached.get_or_insert(at);
            answered(alert, recount);
            alert.settle(MessageOutcome::Lapsed, recount);
        }
        Record::AlertExpired { .. } | Record::AlertUndeliverable { .. } => {
            let end = match alert.reached {
                Some(_) => End::Expired,
                None => End::Undeliverable,
            };
            if at < alert.expires_at || matches!(record, Record::AlertExpired { .. }) != (end == End::Expired) {
                return Err(("waits: expiry", format!("ends as {end:?} at {at}")));
            }
            alert.ends(end, sequence)?;
            alert.settle(MessageOutcome::Lapsed, recount);
        }
        Record::AlertWithdrawn { reason, version, .. } => {
            alert.ends(End::Withdrawn, sequence)?;
            alert.withdrawn_for = Some(reason);
            alert.says(version, MessageKind::StandDown(reason), at, sequence, recount)?;
        }
        Record::AlertRelocated { version, .. } => {
            let kind = if alert.is_open() {
                MessageKind::Alert
            } else {
                MessageKind::Confirmed
            };
            if kind == MessageKind::Confirmed && !alert.is_attended() {
                return Err(("I6 places", "a place is told to somebody who does not go".to_owned()));
            }
            alert.says(version, kind, at, sequence, recount)?;
        }
        Record::AttendanceChanged { attendance, .. } => {
            if !alert.attendance.is_some_and(|before| before.may_become(attendance)) {
                return Err(("I4 answers", format!("{:?} becomes {attendance:?}", alert.attendance)));
            }
            alert.attendance = Some(attendance);
            alert.stalled = false;
            if !attendance.is_active() && alert.kind == MessageKind::Confirmed {
                alert.settle(MessageOutcome::Lapsed, recount);
            }
        }
        Record::AttendanceStoodDown { reason, version, .. } => {
            if !alert.is_attended() || alert.attendance.is_some_and(Attendance::is_with_patient) {
                return Err(("I3 called off", format!("called off while {:?}", alert.attendance)));
            }
            alert.attendance = Some(Attendance::StoodDown);
            alert.says(version, MessageKind::StandDown(reason), at, sequence, recount)?;
        }
        _ => {}
    }
    Ok(())
}

/// An answer proves that the phone had the request, if only one version of it was ever sent.
fn answered(alert: &mut AlertPage, recount: &mut Recount) {
    if alert.kind == MessageKind::Alert && alert.version == 1 {
        alert.settle(MessageOutcome::Heard, recount);
    }
}
