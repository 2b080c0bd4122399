//! Control rooms: they say what the plan tells them, with a clock of their own, and repeat it with the same request id
//! until they hear that it is durable. Their lines lose, delay, double and fail.

use dispatch_core::ids::DeviceId;
use muster_engine::requests::{Answered, Refused};

use super::{
    agenda::Ms,
    cast::{self, QUIET_INCIDENT_END},
    dice::{Dice, Thing},
    plan::{Cause, Event, What},
    stage::{Arrival, Happening, World},
};

/// A control room gives up waiting for an answer after this and asks again.
const PATIENCE: Ms = 3_000;
/// It asks again at the latest after this.
const ASK_AGAIN_MAX: Ms = 30_000;
/// After the faults it asks again after this.
const ASK_AGAIN_HEALED: Ms = 2_000;
/// After this much of phase two the control rooms close what is still open.
const CLOSES_AFTER: Ms = 15 * 60_000;

/// One control room's lines.
#[derive(Default, Debug)]
pub struct Room {
    cut_off_until: Ms,
    newest_first: bool,
    trouble_until: Ms,
    queued: u64,
}

/// What a request is about.
#[derive(Clone, Debug)]
pub enum About {
    /// An event of the plan: a report or an ending.
    Incident(Event),
    /// A person is registered.
    Register(usize),
    /// A phone is enrolled.
    Issue(usize),
    /// A person's duty.
    Duty(usize, bool),
    /// A person's suspension.
    Suspension(usize, bool),
    /// A phone loses its access.
    Revoke(DeviceId),
}

/// One request, until it is answered for good.
#[derive(Debug)]
pub struct RoomRequest {
    pub about: About,
    pub tenant: u32,
    attempt: u32,
    done: bool,
    dice: Dice,
}

impl RoomRequest {
    /// Whether it has been answered for good.
    pub fn is_done(&self) -> bool {
        self.done
    }
}

impl World<'_> {
    /// At the beginning everybody is registered and enrolled.
    pub(super) fn enrol_everybody(&mut self) {
        for person in 0..self.people.len() {
            self.ask(
                About::Register(person),
                self.people[person].cast.tenant,
                10 + person as u64,
            );
        }
    }

    /// A new request, first sent after `wait`.
    pub(super) fn ask(&mut self, about: About, tenant: u32, wait: Ms) {
        let number = match &about {
            About::Incident(event) => event.ordinal,
            _ => (1 << 56) | self.requests.len() as u64,
        };
        let request = self.requests.len();
        self.requests.push(RoomRequest {
            about,
            tenant,
            attempt: 0,
            done: false,
            dice: Dice::new(self.plan.seed, Thing::Request, number),
        });
        self.agenda.after(wait, Happening::Try { request });
    }

    pub(super) fn say_of_incident(&mut self, index: usize) {
        let event = self.plan.events[index].clone();
        let (What::Report { incident, .. } | What::End { incident, .. }) = event.what else {
            return;
        };
        let tenant = incident % self.plan.tenants.max(1);
        self.judge.room_says(&event);
        self.ask(About::Incident(event), tenant, 0);
    }

    pub(super) fn change_register(&mut self, what: What) {
        let (about, person) = match what {
            What::Duty { person, on } => {
                let person = person as usize % self.people.len();
                (About::Duty(person, on), person)
            }
            What::Suspension { person, on } => {
                let person = person as usize % self.people.len();
                (About::Suspension(person, on), person)
            }
            What::Revoke { phone } => {
                let phone = phone as usize % self.handsets.len();
                let Some(device) = self.handsets[phone].device else {
                    return;
                };
                (About::Revoke(device), self.handsets[phone].person)
            }
            _ => return,
        };
        self.ask(about, self.people[person].cast.tenant, 0);
    }

    pub(super) fn trouble_room(&mut self, what: What) {
        let now = self.now();
        let rooms = self.rooms.len();
        match what {
            What::RoomCutOff {
                tenant,
                for_ms,
                newest_first,
            } => {
                let room = &mut self.rooms[tenant as usize % rooms];
                (room.cut_off_until, room.newest_first) = (now + for_ms, newest_first);
            }
            What::RoomTrouble { tenant, for_ms } => self.rooms[tenant as usize % rooms].trouble_until = now + for_ms,
            _ => {}
        }
    }

    pub(super) fn heal_rooms(&mut self) {
        for room in &mut self.rooms {
            (room.cut_off_until, room.trouble_until) = (0, 0);
        }
        for request in 0..self.requests.len() {
            if !self.requests[request].done {
                self.agenda.after(request as u64, Happening::Try { request });
            }
        }
    }

    pub(super) fn try_request(&mut self, request: usize) {
        let now = self.now();
        let asked = &mut self.requests[request];
        if asked.done {
            return;
        }
        let room = &mut self.rooms[asked.tenant as usize];
        if room.cut_off_until > now {
            // What waited is said in one go when the lines are back, in order or the other way round.
            room.queued = (room.queued + 1) % 1000;
            let place = if room.newest_first {
                1000 - room.queued
            } else {
                room.queued
            };
            let at = room.cut_off_until + place * 5;
            return self.agenda.at(at, Happening::Try { request });
        }
        asked.attempt += 1;
        let attempt = asked.attempt;
        let rolls: [u64; 4] = std::array::from_fn(|_| asked.dice.between(0, 999));
        let latencies: [u64; 2] = std::array::from_fn(|_| asked.dice.between(1, 40));
        let delay = asked.dice.between(0, 20_000);
        let in_trouble = room.trouble_until > now;
        let hit = |roll: usize, permille: u64| in_trouble && rolls[roll] < permille;
        let arrives = latencies[0] + if hit(0, 300) { delay } else { 0 };
        let answer_after = (!hit(1, 300)).then_some(latencies[1]);
        if !hit(2, 200) {
            let arrival = Arrival::Room { request, answer_after };
            self.agenda.after(arrives, Happening::Arrive(arrival));
        }
        if hit(3, 300) {
            let arrival = Arrival::Room { request, answer_after };
            self.agenda.after(arrives + delay / 10, Happening::Arrive(arrival));
        }
        self.agenda.after(PATIENCE, Happening::Timeout { request, attempt });
    }

    pub(super) fn request_timed_out(&mut self, request: usize, attempt: u32) {
        let asked = &self.requests[request];
        if asked.done || asked.attempt != attempt {
            return;
        }
        let wait = if self.healed {
            ASK_AGAIN_HEALED
        } else {
            (500 << attempt.min(6)).min(ASK_AGAIN_MAX)
        };
        self.agenda.after(wait, Happening::Try { request });
    }

    pub(super) fn request_answered(&mut self, request: usize, outcome: Result<Answered, Refused>) {
        // Anything but a durable answer is asked for again when the patience of the attempt is over.
        if outcome.is_ok_and(|answered| answered.durable) {
            self.requests[request].done = true;
        }
    }

    /// A request about the register was answered for good.
    pub(super) fn request_done(&mut self, request: usize) {
        self.requests[request].done = true;
    }

    /// Late in phase two, the control rooms close what nobody has closed.
    pub(super) fn end_what_is_open(&mut self) {
        let now = self.now();
        if now < self.plan.heal_at + CLOSES_AFTER || self.judge.rooms_have_closed() {
            return;
        }
        for (incident, revision) in self.judge.open_incidents() {
            let event = Event {
                at: now,
                ordinal: cast::CLOSING_ORDINAL + u64::from(incident),
                what: What::End {
                    incident,
                    revision: revision + 1,
                    cause: Cause::Closed,
                },
            };
            self.judge.room_says(&event);
            let tenant = incident % self.plan.tenants.max(1);
            self.ask(About::Incident(event), tenant, QUIET_INCIDENT_END);
        }
    }
}
