//! What control rooms ask of the service, and how they hear of it.

use dispatch_core::{ids::DeviceId, input::Input};
use muster_engine::{
    owner::Owner,
    registry::{DeviceKind, ResponderRow},
    requests::{
        Answered, Enrolment, IssuedDevice, OnConflict, Refused, Registered, RegistryRefusal, Request, ResponderPatch,
    },
};
use tokio::sync::oneshot::{self, Receiver};

use crate::world::{
    agenda::Ms,
    cast::{self, Said, tenant_name},
    rooms::About,
    stage::{Happening, World},
};

/// A reply that a control room waits for.
pub enum Waiting {
    /// To a report or an ending.
    Incident(Receiver<Result<Answered, Refused>>),
    /// To the registration of a person.
    Register(usize, Receiver<Result<Vec<Registered>, Refused>>),
    /// To the enrolment of a phone.
    Issue(usize, Receiver<Result<Result<IssuedDevice, RegistryRefusal>, Refused>>),
    /// To a change of a person.
    Update(Receiver<Result<Result<ResponderRow, RegistryRefusal>, Refused>>),
    /// To the end of a phone's access.
    Revoke(Receiver<Result<Result<(), RegistryRefusal>, Refused>>),
}

impl World<'_> {
    pub(super) fn handle_request(&mut self, request: usize, answer_after: Option<Ms>) {
        let about = self.requests[request].about.clone();
        let tenant = tenant_name(self.requests[request].tenant);
        let (asked, waiting) = match about {
            About::Incident(event) => {
                let (reply, heard) = oneshot::channel();
                let asked = match cast::said(self.plan, &event) {
                    Some(Said::Report(report, address)) => Request::Report { report, address, reply },
                    Some(Said::End(ending)) => Request::End { ending, reply },
                    None => return,
                };
                (asked, Waiting::Incident(heard))
            }
            About::Register(person) => {
                let (reply, heard) = oneshot::channel();
                let rows = vec![self.people[person].cast.registration.clone()];
                let on_conflict = OnConflict::Update;
                (
                    Request::Register {
                        rows,
                        on_conflict,
                        reply,
                    },
                    Waiting::Register(person, heard),
                )
            }
            About::Issue(phone) => {
                let (reply, heard) = oneshot::channel();
                let Some(enrolment) = self.enrolment(phone) else { return };
                (Request::Issue { enrolment, reply }, Waiting::Issue(phone, heard))
            }
            About::Duty(person, on) => {
                let patch = ResponderPatch {
                    on_duty: Some(on),
                    ..ResponderPatch::default()
                };
                let Some(asked) = self.update(tenant, person, patch) else {
                    return;
                };
                asked
            }
            About::Suspension(person, on) => {
                let patch = ResponderPatch {
                    suspended: Some(on),
                    ..ResponderPatch::default()
                };
                let Some(asked) = self.update(tenant, person, patch) else {
                    return;
                };
                asked
            }
            About::Revoke(device) => {
                let (reply, heard) = oneshot::channel();
                (Request::Revoke { tenant, device, reply }, Waiting::Revoke(heard))
            }
        };
        let about = self.requests[request].about.clone();
        self.note(format_args!("request {request} {about:?}"));
        let (at, now) = (self.now(), self.service.clock(self.now()));
        let Some(process) = self.service.process.as_mut() else {
            return;
        };
        process.answers.push((request, answer_after, waiting));
        if let (About::Incident(event), Some(now)) = (&self.requests[request].about, now) {
            self.judge.request_arrives(request, event, at, now);
        }
        self.act(|owner: &mut Owner, now| owner.handle_request(asked, now));
        self.hear_replies();
    }

    fn enrolment(&self, phone: usize) -> Option<Enrolment> {
        let handset = &self.handsets[phone];
        let person = &self.people[handset.person];
        Some(Enrolment {
            tenant: tenant_name(person.cast.tenant),
            responder: person.responder?,
            kind: DeviceKind::Muster,
            encoding: handset.cast.encoding,
            purpose: handset.cast.purpose,
        })
    }

    fn update(
        &self,
        tenant: dispatch_core::ids::TenantId,
        person: usize,
        patch: ResponderPatch,
    ) -> Option<(Request, Waiting)> {
        let (reply, heard) = oneshot::channel();
        let responder = self.people[person].responder?;
        let asked = Request::Update {
            tenant,
            responder,
            patch,
            reply,
        };
        Some((asked, Waiting::Update(heard)))
    }

    /// Hands on the answers that have left the service.
    pub(super) fn hear_answers(&mut self) {
        let Some(process) = self.service.process.as_mut() else {
            return;
        };
        let mut waiting = std::mem::take(&mut process.answers);
        let mut heard = Vec::new();
        waiting.retain_mut(|(request, answer_after, waiting)| match waiting.outcome() {
            None => true,
            Some(outcome) => {
                heard.push((*request, *answer_after, outcome));
                false
            }
        });
        process.answers = waiting;
        for (request, answer_after, outcome) in heard {
            self.hear_answer(request, answer_after, outcome);
        }
    }

    fn hear_answer(&mut self, request: usize, answer_after: Option<Ms>, outcome: Outcome) {
        let safe = self.disk.borrow().safe();
        match outcome {
            Outcome::Incident(outcome) => {
                self.note(format_args!("answer {request} {outcome:?}"));
                let about = self.requests[request].about.clone();
                if let About::Incident(event) = &about {
                    self.judge.answered(request, event, &outcome, safe);
                }
                if let Some(after) = answer_after {
                    self.agenda.after(after, Happening::Answer { request, outcome });
                }
            }
            Outcome::Registered(person, responder) => {
                self.request_done(request);
                self.people[person].responder = Some(responder);
                let tenant = self.people[person].cast.tenant;
                let phones: Vec<usize> = (0..self.handsets.len())
                    .filter(|&phone| self.handsets[phone].person == person)
                    .collect();
                for phone in phones {
                    self.ask(About::Issue(phone), tenant, 10);
                }
            }
            Outcome::Issued(phone, device) => {
                self.request_done(request);
                self.handsets[phone].device = Some(device);
                self.judge.enrolled(phone, &self.handsets[phone]);
                self.agenda.after(1, Happening::PhoneConnect { phone });
            }
            Outcome::Done => self.request_done(request),
            Outcome::Refused => {}
        }
    }

    /// What the bus says by itself about a message.
    pub(in crate::world) fn bus_says(&mut self, after: Ms, input: Input) {
        self.agenda.after(
            after,
            Happening::Arrive(crate::world::stage::Arrival::Bus(Box::new(input))),
        );
    }
}

enum Outcome {
    Incident(Result<Answered, Refused>),
    Registered(usize, dispatch_core::ids::ResponderId),
    Issued(usize, DeviceId),
    Done,
    Refused,
}

impl Waiting {
    fn outcome(&mut self) -> Option<Outcome> {
        Some(match self {
            Self::Incident(heard) => match heard.try_recv() {
                Ok(outcome) => Outcome::Incident(outcome),
                Err(oneshot::error::TryRecvError::Empty) => return None,
                Err(oneshot::error::TryRecvError::Closed) => Outcome::Refused,
            },
            Self::Register(person, heard) => match got(heard)? {
                Some(rows) => match rows.into_iter().next() {
                    Some(Ok((row, _))) => Outcome::Registered(*person, row.profile.responder),
                    _ => Outcome::Refused,
                },
                None => Outcome::Refused,
            },
            Self::Issue(phone, heard) => match got(heard)? {
                Some(Ok(issued)) => Outcome::Issued(*phone, issued.access.device.device),
                _ => Outcome::Refused,
            },
            Self::Update(heard) => got(heard)?.map_or(Outcome::Refused, |_| Outcome::Done),
            Self::Revoke(heard) => got(heard)?.map_or(Outcome::Refused, |_| Outcome::Done),
        })
    }
}

/// `None` = still waiting; `Some(None)` = refused, or nobody will answer.
fn got<T>(heard: &mut Receiver<Result<T, Refused>>) -> Option<Option<T>> {
    match heard.try_recv() {
        Ok(outcome) => Some(outcome.ok()),
        Err(oneshot::error::TryRecvError::Empty) => None,
        Err(oneshot::error::TryRecvError::Closed) => Some(None),
    }
}
