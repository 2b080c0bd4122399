//! The dispatcher: takes in what happens, decides, and gives out what is to be done.
//!
//! ```text
//! handle(input, now) ──> records ──apply──> state ──> deadlines
//!                          │                            │
//!                          └── Commit, then what follows from it <── handle_deadline(now)
//! ```

mod call_out;
mod control_room;
mod messages;
mod phones;
mod search;
mod waits;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    alert::Alert,
    choose::Streets,
    command::Command,
    deadlines::Deadlines,
    ids::{AlertId, IncidentId, ResponderId},
    incident::{Incident, Reported},
    index::Handle,
    input::Input,
    policy::{Policy, PolicyBook},
    position::{Fix, Position},
    record::{Entry, Record},
    responder::{Device, Purpose, ResponderProfile},
    roads::RoadGraph,
    roster::Presence,
    scene::SceneRule,
    state::{State, StateImage},
    time::Timestamp,
};

/// Decides. Owns all state; knows no clock, no network, no disk.
pub struct Dispatcher {
    state: State,
    policies: PolicyBook,
    deadlines: Deadlines,
    /// The moment of the input being handled.
    now: Timestamp,
    /// Records of the commit being made.
    turn: Vec<Entry>,
    /// What follows from the commit being made.
    follow_up: Vec<Command>,
    commands: VecDeque<Command>,
    /// The streets, if any are loaded.
    streets: Option<Streets>,
    /// Where people were when they accepted, to see whether they have set off; soft, like every position.
    set_off_from: BTreeMap<AlertId, Position>,
}

impl Dispatcher {
    /// A dispatcher that knows nothing yet.
    pub fn new(policies: PolicyBook) -> Self {
        Self {
            state: State::default(),
            policies,
            deadlines: Deadlines::default(),
            now: Timestamp::default(),
            turn: Vec::new(),
            follow_up: Vec::new(),
            commands: VecDeque::new(),
            streets: None,
            set_off_from: BTreeMap::new(),
        }
    }

    /// Measures ways along these streets from now on.
    pub fn load_streets(&mut self, graph: Arc<RoadGraph>) {
        self.streets = Some(Streets::new(graph));
    }

    /// Applies a record from the journal, in order, before the first input. The service then says
    /// [`Input::Started`].
    pub fn recover(&mut self, entry: &Entry) {
        self.state.apply(entry);
    }

    /// Takes up a state from a snapshot in place of the records it came from, before any [`Dispatcher::recover`].
    pub fn restore(&mut self, image: StateImage) {
        self.state = State::restore(image);
    }

    /// Enters a person from the register; for what a snapshot leaves out. Records of people that follow say the same.
    pub fn recover_person(&mut self, profile: ResponderProfile) {
        self.state.roster.put_responder(profile);
    }

    /// Enters a device from the register, after the person it belongs to.
    pub fn recover_device(&mut self, device: Device) {
        self.state.roster.put_device(device);
    }

    /// Puts a registered person where they were before a restart; soft, like every position.
    pub fn warm_up(&mut self, responder: ResponderId, fix: Fix) {
        self.state.roster.warm_up(responder, fix);
    }

    /// Takes in something that happened at `now`. A moment before the last one counts as the last one.
    pub fn handle(&mut self, input: Input, now: Timestamp) {
        self.begin(now);
        match input {
            Input::Report { token, report } => self.report(token, report),
            Input::End { token, ending } => self.end(token, ending),
            Input::PutResponder { profile } => self.put_responder(profile),
            Input::PutDevice { device } => self.record(Record::DevicePut(device)),
            Input::RevokeDevice { device } => self.revoke_device(device),
            Input::PutTrunk { trunk, tenant } => self.record(Record::TrunkPut { trunk, tenant }),
            Input::RevokeTrunk { trunk } => self.record(Record::TrunkRevoked(trunk)),
            Input::PutAed { aed } => self.put_aed(aed),
            Input::RemoveAed { aed } => {
                self.record(Record::AedRemoved(aed));
                self.give_up_aed(aed);
            }
            Input::Fix { device, fix } => {
                let moved = self.state.roster.take_fix(device, fix);
                self.locate(moved);
            }
            Input::TrunkFix { responder, fix } => {
                let moved = self.state.roster.take_fix_of(responder, fix);
                self.locate(moved);
            }
            Input::DeviceOnline { device } => self.device_online(device),
            Input::DeviceOffline { device } => self.state.roster.set_presence(device, Presence::Offline),
            Input::BrokerBack => self.broker_back(),
            Input::Delivery {
                device,
                alert,
                version,
                stage,
            } => self.delivery(device, alert, version, stage),
            Input::Reply { device, alert, reply } => self.reply(device, alert, reply),
            Input::Started => self.started(),
        }
        self.finish();
    }

    /// When [`Dispatcher::handle_deadline`] is next to be called, if ever.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    /// Acts on one deadline that is due at `now`; call again while [`Dispatcher::next_deadline`] is not after `now`.
    pub fn handle_deadline(&mut self, now: Timestamp) {
        self.begin(now);
        if let Some(due) = self.deadlines.take_due(self.now) {
            self.fall_due(due);
        }
        self.finish();
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// What is known.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn begin(&mut self, now: Timestamp) {
        self.now = self.now.max(now).max(self.state.last_at());
    }

    /// Looks up where on the streets somebody is who has moved, so that no incident waits for the lookup of a whole crowd.
    fn locate(&mut self, moved: Option<Handle>) {
        let (Some(streets), Some(handle)) = (&mut self.streets, moved) else {
            return;
        };
        if let Some((position, mode)) = self.state.roster.whereabouts(handle) {
            streets.locate(handle, position, mode);
        }
    }

    /// Makes the turn's records one commit and lets what follows out behind it.
    fn finish(&mut self) {
        if !self.turn.is_empty() {
            self.commands.push_back(Command::Commit(std::mem::take(&mut self.turn)));
        }
        self.commands.extend(self.follow_up.drain(..));
    }

    /// Writes down a fact and applies it; deadlines follow the state.
    fn record(&mut self, record: Record) {
        let alert = record.alert();
        let about_alert = || alert.and_then(|id| self.state.alert(id)).map(|alert| alert.incident);
        let incident = record.incident().or_else(about_alert);
        let entry = Entry {
            sequence: self.state.sequence() + 1,
            at: self.now,
            record,
        };
        self.state.apply(&entry);
        self.turn.push(entry);
        if let Some(alert) = alert {
            self.reschedule_alert(alert);
            if !self.state.alert(alert).is_some_and(Alert::is_attended) {
                self.set_off_from.remove(&alert);
            }
        }
        if let Some(incident) = incident {
            self.reschedule_forgetting(incident);
        }
    }

    fn incident(&self, id: IncidentId) -> &Incident {
        self.state.incident(id).expect("asked for only while it is known")
    }

    fn alert(&self, id: AlertId) -> &Alert {
        self.state.alert(id).expect("asked for only while it is known")
    }

    fn purpose_of(&self, incident: IncidentId) -> Purpose {
        let reported = self.incident(incident).reported.as_ref();
        reported.expect("only reported incidents have alerts").purpose
    }

    fn policy_of(&self, incident: IncidentId) -> &Policy {
        let incident = self.incident(incident);
        let reported = incident.reported.as_ref();
        self.policy_for(incident, reported.expect("only reported incidents are searched for"))
    }

    fn policy_for(&self, incident: &Incident, reported: &Reported) -> &Policy {
        self.policies
            .policy(&incident.key.tenant, &reported.kind, reported.position())
    }

    /// What is said of scenes where an incident is.
    fn region_rule(&self, incident: &Incident, reported: &Reported) -> SceneRule {
        self.policies
            .scene_rule(&incident.key.tenant, &reported.kind, reported.position())
    }
}
