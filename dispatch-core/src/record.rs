//! What is written down: facts, in order. State is what applying them gives, live and in recovery alike, so a record
//! carries everything its application needs and nothing is read from a clock or a policy while applying.

use std::{sync::Arc, time::Duration};

use crate::{
    aeds::Aed,
    alert::{PlannedAlert, Role, StandDownReason},
    attendance::Attendance,
    call_out::{CallOut, ShiftNumber},
    choose::arrival::Arrival,
    coarse::{CoarseCell, DistanceBand},
    command::Answer,
    ids::{AedId, AlertId, DeviceId, IncidentId, IncidentKey, ResponderId, TenantId, TrunkId},
    incident::{EndCause, IncidentKind, IncidentState},
    input::{DeclineReason, DeliveryStage, Place, RequestId},
    policy::Policy,
    position::Metres,
    responder::{Device, Purpose, ResponderProfile, TravelMode},
    scene::Scene,
    time::Timestamp,
};

/// A record with its place in the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// From 1, without gaps; the resume token of a watch.
    pub sequence: u64,
    /// When, by Muster's clock; never runs backwards.
    pub at: Timestamp,
    /// What.
    pub record: Record,
}

/// A fact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// The service started to act. Open waits begin anew.
    Started {
        /// Higher than every owner's before, also of owners this journal has not heard of; phones ignore lower ones.
        epoch: u64,
    },
    /// A responder was registered or changed.
    ResponderPut(ResponderProfile),
    /// A device was enrolled.
    DevicePut(Device),
    /// A device lost its access.
    DeviceRevoked(DeviceId),
    /// A trunk was enrolled.
    TrunkPut {
        /// Which.
        trunk: TrunkId,
        /// Whose.
        tenant: TenantId,
    },
    /// A trunk lost its access.
    TrunkRevoked(TrunkId),
    /// A defibrillator was registered or changed.
    AedPut(Aed),
    /// A defibrillator was struck off.
    AedRemoved(AedId),
    /// A report was taken in.
    IncidentReported(IncidentReported),
    /// An incident was stood down or closed; for an unknown key this leaves a tombstone.
    IncidentEnded {
        /// Which.
        incident: IncidentId,
        /// Its key.
        key: IncidentKey,
        /// The ending's revision.
        revision: u32,
        /// By the dispatch system's clock.
        sent_at: Timestamp,
        /// Why.
        cause: EndCause,
    },
    /// The incident has ended and everything about it is settled: only a tombstone of it is kept in memory.
    IncidentForgotten {
        /// Which.
        incident: IncidentId,
    },
    /// The incident changed state by itself.
    IncidentStateChanged {
        /// Which.
        incident: IncidentId,
        /// To what.
        state: IncidentState,
    },
    /// A policy is used for the first time. Decisions name it by its number, counted from 1 in order of these records, so
    /// that they can be made again whatever the configuration says by then.
    PolicyAdopted(Box<Policy>),
    /// People were considered and some chosen.
    Decided(Decision),
    /// A message about an alert got further.
    MessageProgress {
        /// Which alert.
        alert: AlertId,
        /// Which version.
        version: u32,
        /// On which phone.
        device: DeviceId,
        /// How far.
        stage: DeliveryStage,
    },
    /// A message is sent again.
    MessageResent {
        /// Which alert.
        alert: AlertId,
        /// Which version.
        version: u32,
    },
    /// The phone did not acknowledge a confirmation or stand-down in time; the control room is told.
    MessageUnheard {
        /// Which alert.
        alert: AlertId,
        /// Which version.
        version: u32,
    },
    /// A message stopped being true before the phone acknowledged it: it is not sent any more.
    MessageLapsed {
        /// Which alert.
        alert: AlertId,
        /// Which version.
        version: u32,
    },
    /// The wait for a receipt or answer ran out; somebody else is asked.
    AlertLapsed {
        /// Which alert.
        alert: AlertId,
    },
    /// The person accepted, and what became of it.
    AlertAccepted {
        /// Which alert.
        alert: AlertId,
        /// [`Attendance::Confirmed`], [`Attendance::NotNeeded`] or [`Attendance::TooLate`].
        attendance: Attendance,
        /// The shift that they take in a call-out.
        shift: Option<ShiftNumber>,
        /// The version of the message that tells them.
        version: u32,
    },
    /// The person declined.
    AlertDeclined {
        /// Which alert.
        alert: AlertId,
        /// Why.
        reason: DeclineReason,
    },
    /// The alert expired after it had reached the phone.
    AlertExpired {
        /// Which alert.
        alert: AlertId,
    },
    /// The alert expired without reaching the phone.
    AlertUndeliverable {
        /// Which alert.
        alert: AlertId,
    },
    /// The alert is no longer needed.
    AlertWithdrawn {
        /// Which alert.
        alert: AlertId,
        /// Why.
        reason: StandDownReason,
        /// The version of the message that tells them.
        version: u32,
    },
    /// The place was corrected while the person was asked or on the way: they are told anew, in a new version.
    AlertRelocated {
        /// Which alert.
        alert: AlertId,
        /// The square the incident now lies in.
        cell: CoarseCell,
        /// The band of distances to its centre.
        band: DistanceBand,
        /// The version of the message that tells them.
        version: u32,
    },
    /// A person on the way got further or ended.
    AttendanceChanged {
        /// Which alert.
        alert: AlertId,
        /// How far.
        attendance: Attendance,
    },
    /// A person on the way is called off.
    AttendanceStoodDown {
        /// Which alert.
        alert: AlertId,
        /// Why.
        reason: StandDownReason,
        /// The version of the message that tells them.
        version: u32,
    },
    /// What somebody was asked to do has changed: they are told anew, in a new version.
    AlertReassigned {
        /// Which alert.
        alert: AlertId,
        /// To what.
        role: Role,
        /// The version of the message that tells them.
        version: u32,
    },
    /// Somebody accepted and has not moved for too long: counted as not coming, and not called off.
    AttendanceStalled {
        /// Which alert.
        alert: AlertId,
    },
    /// A person on scene asks for help.
    HelpNeeded {
        /// Which alert.
        alert: AlertId,
    },
    /// Nobody has been reached in time; the control room is told.
    CouldNotAlert {
        /// Which incident.
        incident: IncidentId,
    },
    /// A request was answered; a retry gets the same.
    RequestAnswered {
        /// Whose request.
        tenant: TenantId,
        /// Which.
        request: RequestId,
        /// What was answered.
        answer: Answer,
    },
}

/// A report as taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IncidentReported {
    /// Muster's name for it.
    pub incident: IncidentId,
    /// The control room's.
    pub key: IncidentKey,
    /// Its revision.
    pub revision: u32,
    /// The kind of emergency.
    pub kind: IncidentKind,
    /// Live or exercise.
    pub purpose: Purpose,
    /// Where; `None` = unknown.
    pub place: Option<Place>,
    /// By the dispatch system's clock.
    pub sent_at: Timestamp,
    /// By the dispatch system's clock.
    pub call_connected_at: Option<Timestamp>,
    /// What is known of the scene.
    pub scene: Scene,
    /// When the ambulance is expected, by Muster's clock; `None` = unknown.
    pub ambulance_at: Option<Timestamp>,
    /// Many people are wanted for shifts; `None` = the soonest few.
    pub call_out: Option<Arc<CallOut>>,
    /// People are asked; false = recorded only.
    pub alerting: bool,
}

/// Who was considered, who was chosen, and why. Everything that choosing looked at stands here, worked out and without
/// positions, so that [`decide`](crate::choose::decide) gives the same choice again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// For which incident.
    pub incident: IncidentId,
    /// At which revision.
    pub revision: u32,
    /// Counts up within the incident.
    pub wave: u32,
    /// By which policy.
    pub policy: PolicyRef,
    /// When.
    pub decided_at: Timestamp,
    /// Where the search was centred.
    pub place: Place,
    /// How many more people were sought, at most.
    pub sought: u32,
    /// How many had been asked for this incident before.
    pub asked_before: u32,
    /// How long ago Muster first heard of the incident.
    pub since_report: Duration,
    /// When the ambulance was expected; `None` = unknown.
    pub ambulance_at: Option<Timestamp>,
    /// The street graph that ways were taken from; `None` = straight lines and a detour.
    pub roads: Option<[u8; 32]>,
    /// What the call-out asked of choosing; `None` = not a call-out.
    pub call_out: Option<Calling>,
    /// Who had been asked and might still come, or was coming; nobody in a call-out, where places are counted instead.
    pub in_play: Vec<InPlay>,
    /// Everyone within reach, best first as ranked, at most the policy's `candidates_max`. In a call-out those in its area
    /// with its skill who had not been asked for it, nearest to the muster point first, until there are enough.
    pub candidates: Vec<Candidate>,
    /// Those chosen, best first.
    pub alerts: Vec<PlannedAlert>,
}

impl Decision {
    /// A first decision in which nobody has been considered yet.
    pub fn new(incident: IncidentId, place: Place, policy: PolicyRef, decided_at: Timestamp) -> Self {
        Self {
            incident,
            revision: 1,
            wave: 1,
            policy,
            decided_at,
            place,
            sought: 0,
            asked_before: 0,
            since_report: Duration::ZERO,
            ambulance_at: None,
            roads: None,
            call_out: None,
            in_play: Vec::new(),
            candidates: Vec::new(),
            alerts: Vec::new(),
        }
    }
}

/// What a call-out asks of choosing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calling {
    /// Those in their quiet hours are asked as well.
    pub wake: bool,
}

/// A policy by name and version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its number in this journal; 0 in records from before policies were written down.
    pub number: u32,
}

/// Somebody who had been asked for the incident before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InPlay {
    /// Who.
    pub responder: ResponderId,
    /// For what.
    pub role: Role,
    /// How likely it was that they would come, thousandths.
    pub chance_permille: u16,
    /// When they would be there, from the decision on.
    pub arrival: Arrival,
}

/// One person considered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Who.
    pub responder: ResponderId,
    /// Straight-line distance to the incident.
    pub distance: Metres,
    /// Accuracy of the fix used.
    pub accuracy: Metres,
    /// Age of the fix used.
    pub fix_age: Duration,
    /// How they travel.
    pub mode: TravelMode,
    /// The way by street; `None` = not known, or not looked at, since they cannot beat the ambulance even in a straight line.
    /// Whoever has farther to go than is of any use is taken to have that far to go.
    pub way: Option<Metres>,
    /// The two shortest ways by a defibrillator that may be fetched, shortest first.
    pub aeds: [Option<AedWay>; 2],
    /// How likely they are to accept, thousandths.
    pub acceptance_permille: u16,
    /// Alerts they have had within the policy's time.
    pub recent_alerts: u16,
    /// It is in their quiet hours: not to be woken unless they are among the soonest.
    pub quiet: bool,
    /// Estimated time from alert to arrival, straight to the patient, median.
    pub estimated_arrival: Duration,
    /// Yes, or a named no.
    pub verdict: Verdict,
}

impl Candidate {
    /// Somebody of whom nothing else is known.
    pub fn new(responder: ResponderId, verdict: Verdict) -> Self {
        Self {
            responder,
            distance: Metres::new(0),
            accuracy: Metres::new(0),
            fix_age: Duration::ZERO,
            mode: TravelMode::Unknown,
            way: None,
            aeds: [None; 2],
            acceptance_permille: 0,
            recent_alerts: 0,
            quiet: false,
            estimated_arrival: Duration::ZERO,
            verdict,
        }
    }
}

/// A way to the patient by a defibrillator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AedWay {
    /// Which one.
    pub aed: AedId,
    /// The whole way: to it and on to the patient.
    pub way: Metres,
    /// How likely it is to be there and within reach, thousandths.
    pub chance_permille: u16,
}

/// Yes, or a named no.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// Asked.
    Asked,
    /// Enough others can be there sooner, or are worth more.
    EnoughSooner,
    /// The ambulance surely comes sooner.
    AmbulanceSooner,
    /// In their quiet hours, and others are sooner.
    Quiet,
    /// Nobody is sent to such a scene.
    SceneExcluded,
    /// Only vetted people are sent to such a scene.
    NotVetted,
    /// Off duty.
    OffDuty,
    /// Out of service.
    Suspended,
    /// The credential has expired.
    CredentialExpired,
    /// Lacks a skill the policy asks for.
    LacksSkill,
    /// Has no device that may be asked for this purpose and understands alerts.
    NoDevice,
    /// Every such device is known to be disconnected.
    PhoneOffline,
    /// Going to, or asked for, another incident.
    Busy,
    /// Already asked for this incident.
    AlreadyAsked,
    /// Helped a short while ago.
    Resting,
    /// Has been asked often enough for a while.
    Fatigued,
}

impl Verdict {
    /// Whether the person may be asked, and only the choice between people decides.
    pub fn is_of_choice(self) -> bool {
        matches!(
            self,
            Self::Asked | Self::EnoughSooner | Self::AmbulanceSooner | Self::Quiet
        )
    }
}

impl Record {
    /// The name of the kind of record, for counters.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::ResponderPut(_) => "responder_put",
            Self::DevicePut(_) => "device_put",
            Self::DeviceRevoked(_) => "device_revoked",
            Self::TrunkPut { .. } => "trunk_put",
            Self::TrunkRevoked(_) => "trunk_revoked",
            Self::AedPut(_) => "aed_put",
            Self::AedRemoved(_) => "aed_removed",
            Self::IncidentReported(_) => "incident_reported",
            Self::IncidentEnded { .. } => "incident_ended",
            Self::IncidentForgotten { .. } => "incident_forgotten",
            Self::IncidentStateChanged { .. } => "incident_state_changed",
            Self::PolicyAdopted(_) => "policy_adopted",
            Self::Decided(_) => "decided",
            Self::MessageProgress { .. } => "message_progress",
            Self::MessageResent { .. } => "message_resent",
            Self::MessageUnheard { .. } => "message_unheard",
            Self::MessageLapsed { .. } => "message_lapsed",
            Self::AlertLapsed { .. } => "alert_lapsed",
            Self::AlertAccepted { .. } => "alert_accepted",
            Self::AlertDeclined { .. } => "alert_declined",
            Self::AlertExpired { .. } => "alert_expired",
            Self::AlertUndeliverable { .. } => "alert_undeliverable",
            Self::AlertWithdrawn { .. } => "alert_withdrawn",
            Self::AlertRelocated { .. } => "alert_relocated",
            Self::AttendanceChanged { .. } => "attendance_changed",
            Self::AttendanceStoodDown { .. } => "attendance_stood_down",
            Self::AlertReassigned { .. } => "alert_reassigned",
            Self::AttendanceStalled { .. } => "attendance_stalled",
            Self::HelpNeeded { .. } => "help_needed",
            Self::CouldNotAlert { .. } => "could_not_alert",
            Self::RequestAnswered { .. } => "request_answered",
        }
    }

    /// The incident a record is about, when it is about an incident as a whole.
    pub fn incident(&self) -> Option<IncidentId> {
        match *self {
            Self::IncidentReported(IncidentReported { incident, .. })
            | Self::IncidentEnded { incident, .. }
            | Self::IncidentForgotten { incident }
            | Self::IncidentStateChanged { incident, .. }
            | Self::Decided(Decision { incident, .. })
            | Self::CouldNotAlert { incident } => Some(incident),
            _ => None,
        }
    }

    /// The alert a record is about, when it is about one.
    pub fn alert(&self) -> Option<AlertId> {
        match *self {
            Self::MessageProgress { alert, .. }
            | Self::MessageResent { alert, .. }
            | Self::MessageUnheard { alert, .. }
            | Self::MessageLapsed { alert, .. }
            | Self::AlertLapsed { alert }
            | Self::AlertAccepted { alert, .. }
            | Self::AlertDeclined { alert, .. }
            | Self::AlertExpired { alert }
            | Self::AlertUndeliverable { alert }
            | Self::AlertWithdrawn { alert, .. }
            | Self::AttendanceChanged { alert, .. }
            | Self::AlertRelocated { alert, .. }
            | Self::AttendanceStoodDown { alert, .. }
            | Self::AlertReassigned { alert, .. }
            | Self::AttendanceStalled { alert }
            | Self::HelpNeeded { alert } => Some(alert),
            _ => None,
        }
    }
}
