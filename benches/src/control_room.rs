//! The core with everybody registered, enrolled and located, and a control room that reports incidents to it. Whoever
//! measures prepares an input, times [`ControlRoom::handle`] alone, and then lets the incident end. No journal and no
//! phones: commands are taken and dropped.

use std::time::Duration;

use dispatch_core::{
    command::{Command, DownBody},
    dispatcher::Dispatcher,
    ids::{AlertId, CallDate, DeviceId, IncidentId, IncidentKey, Reference, ResponderId, TenantId},
    incident::{EndCause, IncidentKind},
    input::{DeclineReason, Ending, Input, Place, Reply, Report, RequestId, RequestToken},
    policy::PolicyBook,
    position::{Fix, Metres, Position},
    responder::{Device, Purpose, ResponderProfile, Skill, TravelMode},
    time::Timestamp,
};

const START: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
/// Nobody's credential ends while this measures.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);
/// An ended incident is settled after an hour and forgotten ten minutes later; see `forget`.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(2 * 3_600);

/// Somebody who was asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// For which incident.
    pub incident: IncidentId,
    device: DeviceId,
    alert: AlertId,
}

/// The core and what drives it.
pub struct ControlRoom {
    dispatcher: Dispatcher,
    now: Timestamp,
    incidents: u32,
    asked: Vec<Asked>,
    commands: Vec<Command>,
}

impl ControlRoom {
    /// A service that knows where all these people are; all can resuscitate and are on duty.
    pub fn with(homes: &[Position]) -> Self {
        let mut room = Self {
            dispatcher: Dispatcher::new(PolicyBook::default()),
            now: START,
            incidents: 0,
            asked: Vec::new(),
            commands: Vec::new(),
        };
        for (person, &home) in (0..).zip(homes) {
            room.dispatcher.recover_person(profile(person));
            room.dispatcher.recover_device(device(person));
            room.handle(room.fix(person, home));
        }
        room.handle(Input::Started);
        assert_eq!(
            room.dispatcher.state().responders_located(),
            homes.len(),
            "everybody is located"
        );
        room
    }

    /// What is measured: takes in an input and gives out everything it leads to.
    pub fn handle(&mut self, input: Input) {
        self.dispatcher.handle(input, self.now);
        while let Some(command) = self.dispatcher.poll_command() {
            self.commands.push(command);
        }
    }

    /// The next fix of somebody's phone. Fixes must get newer, so time goes on with [`ControlRoom::pass`].
    pub fn fix(&self, person: u32, position: Position) -> Input {
        Input::Fix {
            device: device(person).device,
            fix: Fix {
                position,
                accuracy: Metres::new(10),
                taken_at: self.now,
            },
        }
    }

    /// The first report of the next incident, a cardiac arrest.
    pub fn report(&mut self, position: Position) -> Input {
        self.incidents += 1;
        Input::Report {
            token: RequestToken(u64::from(self.incidents)),
            report: Report {
                request: request("report", self.incidents),
                key: key(self.incidents),
                revision: 1,
                sent_at: self.now,
                kind: IncidentKind::new("cardiac_arrest").expect("a kind"),
                purpose: Purpose::Live,
                place: Some(Place {
                    position,
                    accuracy: Metres::new(0),
                }),
                call_connected_at: None,
                scene: Default::default(),
                ambulance_at: None,
                call_out: None,
                alert_although_late: false,
            },
        }
    }

    /// Who was sent an alert since the last call of this, or of [`ControlRoom::end`].
    pub fn asked(&mut self) -> &[Asked] {
        self.asked.clear();
        for command in self.commands.drain(..) {
            let Command::Publish(message) = command else { continue };
            if let (Some((alert, _)), DownBody::Alert { .. }) = (message.about, &message.body) {
                let known = self.dispatcher.state().alert(alert);
                self.asked.push(Asked {
                    incident: known.expect("it has just been planned").incident,
                    device: message.device,
                    alert,
                });
            }
        }
        &self.asked
    }

    /// The newest incident is over.
    pub fn end(&mut self) {
        let ending = Ending {
            request: request("end", self.incidents),
            key: key(self.incidents),
            revision: 2,
            sent_at: self.now,
            cause: EndCause::CrewOnScene,
        };
        let token = RequestToken(u64::from(self.incidents));
        self.handle(Input::End { token, ending });
        self.commands.clear();
    }

    /// Lets a second go by, without what falls due in it.
    pub fn pass(&mut self) {
        self.now = self.now + Duration::from_secs(1);
    }

    /// Lets time go by until the incidents that have ended are forgotten, so that one that measures for long does not
    /// fill the memory.
    pub fn forget(&mut self) {
        let end = self.now + FORGOTTEN_AFTER;
        while let Some(at) = self.dispatcher.next_deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.dispatcher.handle_deadline(self.now);
            while self.dispatcher.poll_command().is_some() {}
        }
        self.now = end;
        let left = self.dispatcher.state().incidents().count();
        assert_eq!(left, 0, "incidents that ended are forgotten");
    }
}

impl Asked {
    /// They will go.
    pub fn accepts(self) -> Input {
        self.replies(Reply::Accept)
    }

    /// They will not.
    pub fn declines(self) -> Input {
        self.replies(Reply::Decline(DeclineReason::Busy))
    }

    fn replies(self, reply: Reply) -> Input {
        Input::Reply {
            device: self.device,
            alert: self.alert,
            reply,
        }
    }
}

/// Scattered like real ids, which are random: neighbours in a list are no neighbours in a map.
fn bytes(person: u32) -> [u8; 16] {
    let scattered = u128::from(person).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    scattered.to_le_bytes()
}

fn profile(person: u32) -> ResponderProfile {
    ResponderProfile {
        responder: ResponderId::from_bytes(bytes(person)),
        tenant: TenantId::new("london").expect("a name"),
        skills: [Skill::new("cpr").expect("a skill")].into(),
        credential_valid_until: START + TEN_YEARS,
        travel_mode: TravelMode::Foot,
        on_duty: true,
        suspended: false,
        quiet_hours: None,
    }
}

fn device(person: u32) -> Device {
    Device {
        device: DeviceId::from_bytes(bytes(person)),
        responder: ResponderId::from_bytes(bytes(person)),
        purpose: Purpose::Live,
        alertable: true,
    }
}

fn key(number: u32) -> IncidentKey {
    IncidentKey {
        tenant: TenantId::new("london").expect("a name"),
        cad_system: Reference::new("cad").expect("a reference"),
        cad_incident_number: reference(&number.to_string()),
        call_date: CallDate::parse("2026-09-21").expect("a date"),
    }
}

fn request(what: &str, number: u32) -> RequestId {
    RequestId {
        id: reference(&format!("{what}-{number}")),
        fingerprint: [1; 32],
    }
}

fn reference(text: &str) -> Reference {
    Reference::new(text).expect("short and plain")
}
