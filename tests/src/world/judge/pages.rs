//! What the judge keeps of an incident, of an alert, and of the messages about alerts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use dispatch_core::{
    alert::{MessageKind, StandDownReason},
    attendance::Attendance,
    call_out::{CallOut, ShiftNumber},
    ids::{AlertId, IncidentId, ResponderId, TenantId},
    incident::{EndCause, IncidentKind, IncidentState},
    input::{DeliveryStage, Place},
    ledger::MessageOutcome,
    responder::Purpose,
    time::Timestamp,
};

use super::book::Broken;

/// An hour, for which a confirmation or stand-down stays true.
const DIRECTIONS_TRUE_FOR: Duration = Duration::from_secs(3600);

/// How an alert ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// The person offered to go.
    Accepted,
    /// The person said no.
    Declined,
    /// No answer.
    Expired,
    /// Never arrived.
    Undeliverable,
    /// No longer needed.
    Withdrawn,
}

/// An incident.
#[derive(Clone, Debug)]
pub struct IncidentPage {
    pub tenant: TenantId,
    pub purpose: Option<Purpose>,
    pub kind: Option<IncidentKind>,
    /// Every place it was ever reported at.
    pub places: Vec<Place>,
    pub place: Option<Place>,
    pub revision: u32,
    pub reported_revision: u32,
    pub state: IncidentState,
    pub cause: Option<EndCause>,
    pub began: Option<Timestamp>,
    pub told: bool,
    pub alerts: Vec<AlertId>,
    pub call_out: Option<Arc<CallOut>>,
    /// When people were last asked.
    pub asked_at: Option<Timestamp>,
    /// The most that was ever wanted of each shift.
    pub wanted_at_most: BTreeMap<ShiftNumber, u32>,
}

impl IncidentPage {
    /// An incident of which nothing is known but whose it is.
    pub fn heard_of(tenant: &TenantId) -> Self {
        Self {
            tenant: tenant.clone(),
            purpose: None,
            kind: None,
            places: Vec::new(),
            place: None,
            revision: 0,
            reported_revision: 0,
            state: IncidentState::Recorded,
            cause: None,
            began: None,
            told: false,
            alerts: Vec::new(),
            call_out: None,
            asked_at: None,
            wanted_at_most: BTreeMap::new(),
        }
    }
}

/// An alert.
#[derive(Clone, Debug)]
pub struct AlertPage {
    pub incident: IncidentId,
    pub responder: ResponderId,
    pub expires_at: Timestamp,
    /// How it ended, and by which record.
    pub end: Option<(End, u64)>,
    pub withdrawn_for: Option<StandDownReason>,
    pub attendance: Option<Attendance>,
    /// It asks to come for a shift; which they took, and when that ends.
    pub for_shift: bool,
    pub shift: Option<ShiftNumber>,
    pub shift_ends_at: Option<Timestamp>,
    pub lapsed: bool,
    /// Accepted and did not move for too long; and whether that ever was so.
    pub stalled: bool,
    pub stalled_once: bool,
    pub reached: Option<Timestamp>,
    pub waits_since: Timestamp,
    pub version: u32,
    pub kind: MessageKind,
    pub stage: Option<DeliveryStage>,
    pub planned_at: Timestamp,
    pub sent_at: Timestamp,
    pub resends: u32,
    pub unheard: bool,
    /// Stages written down for the newest message.
    pub noted: BTreeSet<DeliveryStage>,
    /// What became of the newest message.
    pub outcome: Option<MessageOutcome>,
    /// What each version says, and by which record.
    pub versions: BTreeMap<u32, (MessageKind, u64)>,
}

impl AlertPage {
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub fn is_pending(&self) -> bool {
        self.is_open() && !self.lapsed
    }

    /// Whether somebody still waits for the phone to have the newest message.
    pub fn is_unsettled(&self) -> bool {
        self.outcome.is_none()
    }

    /// Whether a phone has the newest message.
    pub fn is_heard(&self) -> bool {
        self.stage >= Some(DeliveryStage::Received)
    }

    /// Gives the newest message its outcome, if it has none; the one it then had is entered in the recount.
    pub fn settle(&mut self, outcome: MessageOutcome, recount: &mut Recount) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            *recount.settled.entry((self.kind, outcome)).or_default() += 1;
        }
    }

    /// When the newest message stops being true.
    pub fn message_expiry(&self) -> Timestamp {
        let hour = self.planned_at + DIRECTIONS_TRUE_FOR;
        match self.kind {
            MessageKind::Alert => self.expires_at,
            MessageKind::Confirmed => self.shift_ends_at.map_or(hour, |ends_at| ends_at.max(hour)),
            _ => hour,
        }
    }

    pub fn is_attended(&self) -> bool {
        self.attendance.is_some_and(Attendance::is_active)
    }

    pub fn covers(&self) -> bool {
        (self.is_attended() && !self.stalled) || self.attendance == Some(Attendance::Finished)
    }

    pub fn says(
        &mut self,
        version: u32,
        kind: MessageKind,
        at: Timestamp,
        sequence: u64,
        recount: &mut Recount,
    ) -> Result<(), Broken> {
        self.settle(MessageOutcome::Superseded, recount);
        *recount.planned.entry(kind).or_default() += 1;
        (self.outcome, self.noted) = (None, BTreeSet::new());
        // Versions given out before a start may have been lost with it, so they are not given out again.
        let written = self.versions.get(&self.version).map_or(0, |&(_, sequence)| sequence);
        let follows = match version.checked_sub(self.version) {
            Some(0) => false,
            Some(1) => written > recount.last_start,
            Some(step) => step > 1,
            None => false,
        };
        if !follows {
            return Err(("I3 versions", format!("version {version} follows on {}", self.version)));
        }
        self.versions.insert(version, (kind, sequence));
        (self.version, self.kind, self.stage, self.unheard) = (version, kind, None, false);
        (self.planned_at, self.sent_at, self.resends) = (at, at, 0);
        Ok(())
    }

    pub fn ends(&mut self, end: End, sequence: u64) -> Result<(), Broken> {
        if let Some((before, _)) = self.end {
            return Err(("I9 one outcome", format!("ended as {before:?} and again as {end:?}")));
        }
        self.end = Some((end, sequence));
        Ok(())
    }
}

/// Messages planned, and what became of them, counted from the records.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Recount {
    pub planned: BTreeMap<MessageKind, u64>,
    pub settled: BTreeMap<(MessageKind, MessageOutcome), u64>,
    /// Sequence of the newest start.
    pub last_start: u64,
}
