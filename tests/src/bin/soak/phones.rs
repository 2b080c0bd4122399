//! Phones and their people, by a script: each message is delivered, shown, answered after times drawn from the people
//! model, and a few are lost.

use std::{collections::VecDeque, time::Duration};

use dispatch_core::{
    alert::MessageKind,
    attendance::AbortReason,
    command::{DownBody, DownMessage},
    ids::{AlertId, DeviceId},
    input::{DeclineReason, DeliveryStage, Input, Reply},
    time::Timestamp,
};
use muster_people::{
    Person,
    answers::{Answer, AnswerModel, DayPart, DeclineReason as PeoplesReason, Reaction},
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::agenda::{Agenda, Event};

/// Alerts a phone remembers to tell duplicates; more than one person is asked about at a time.
const REMEMBERED_MAX: usize = 8;
/// Share of messages that never reach the phone. An assumption; the service sends them again.
const LOST: f64 = 0.03;
/// Share of those on their way who give up.
const GIVES_UP: f64 = 0.05;
/// Share of those at the scene who have a defibrillator.
const HAS_AED: f64 = 0.25;

/// What a phone or its person does; at the time it stands for in the agenda.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// Number of the person.
    pub who: usize,
    device: DeviceId,
    alert: AlertId,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Delivered { version: u32, stage: DeliveryStage },
    Answers(Reply),
    Goes(Reply),
}

/// One phone and its person.
struct Phone {
    person: Person,
    alerts_ever: u64,
    known: VecDeque<Known>,
    going: Option<AlertId>,
}

struct Known {
    alert: AlertId,
    version: u32,
    wanted: bool,
    reaction: Reaction,
}

/// Everybody's phones.
pub struct Phones {
    phones: Vec<Phone>,
    answers: AnswerModel,
}

impl Phones {
    /// A phone for each of so many people.
    pub fn new(people: u32, seed: u64) -> Self {
        let phone = |number| Phone {
            person: Person { seed, number },
            alerts_ever: 0,
            known: VecDeque::with_capacity(REMEMBERED_MAX),
            going: None,
        };
        Self {
            phones: (0..u64::from(people)).map(phone).collect(),
            answers: AnswerModel::default(),
        }
    }

    /// A message to a phone leaves the service.
    pub fn receive(
        &mut self,
        who: usize,
        message: &DownMessage,
        now: Timestamp,
        agenda: &mut Agenda,
        chance: &mut ChaCha8Rng,
    ) {
        let Some((alert, version)) = message.about else {
            return;
        };
        let ms = |ms: u64| Duration::from_millis(ms);
        let received = ms(chance.random_range(100..900));
        let mut post = Post {
            agenda,
            now,
            who,
            device: message.device,
            alert,
        };
        post.delivered(ms(5), version, DeliveryStage::Published);
        post.delivered(ms(15), version, DeliveryStage::BrokerAcked);
        if chance.random_bool(LOST) {
            return;
        }
        post.delivered(received, version, DeliveryStage::Received);
        let phone = &mut self.phones[who];
        let Some(reaction) = phone.take(alert, version, &self.answers, now) else {
            return;
        };
        let shown = received + reaction.shown_after;
        post.delivered(shown, version, DeliveryStage::Shown);
        match kind_of(&message.body) {
            Some(MessageKind::Alert) if version == 1 => post.answers(shown + reaction.answered_after, reaction.answer),
            Some(MessageKind::Confirmed) if phone.going.is_none() => {
                phone.going = Some(alert);
                post.goes(shown, &reaction, chance);
            }
            Some(MessageKind::Alert | MessageKind::Confirmed) | None => {}
            Some(_) => phone.call_off(alert),
        }
    }

    /// Somebody does what they meant to, if it still makes sense to them.
    pub fn act(&mut self, act: Act) -> Option<Input> {
        let Act {
            who,
            device,
            alert,
            what,
        } = act;
        let phone = &mut self.phones[who];
        match what {
            What::Delivered { version, stage } => Some(Input::Delivery {
                device,
                alert,
                version,
                stage,
            }),
            What::Answers(reply) => phone.wants(alert).then_some(Input::Reply { device, alert, reply }),
            What::Goes(reply) => {
                let goes = phone.going == Some(alert);
                if goes && matches!(reply, Reply::Finished | Reply::Abort(_)) {
                    phone.going = None;
                }
                goes.then_some(Input::Reply { device, alert, reply })
            }
        }
    }
}

impl Phone {
    /// Takes in a message; nothing when it is known already or older than what is known.
    fn take(&mut self, alert: AlertId, version: u32, answers: &AnswerModel, now: Timestamp) -> Option<Reaction> {
        if let Some(known) = self.known.iter_mut().find(|known| known.alert == alert) {
            let newer = version > known.version;
            known.version = known.version.max(version);
            return newer.then_some(known.reaction);
        }
        if self.known.len() == REMEMBERED_MAX {
            self.known.pop_front();
        }
        let hour = u32::try_from(now.unix_ms().rem_euclid(86_400_000) / 3_600_000).expect("less than 24");
        let reaction = answers.reaction(self.person, self.alerts_ever, DayPart::of_hour(hour));
        self.alerts_ever += 1;
        self.known.push_back(Known {
            alert,
            version,
            wanted: true,
            reaction,
        });
        Some(reaction)
    }

    fn wants(&self, alert: AlertId) -> bool {
        self.known.iter().any(|known| known.alert == alert && known.wanted)
    }

    fn call_off(&mut self, alert: AlertId) {
        if let Some(known) = self.known.iter_mut().find(|known| known.alert == alert) {
            known.wanted = false;
        }
        self.going = self.going.filter(|&going| going != alert);
    }
}

/// Puts what follows from one message into the agenda.
struct Post<'a> {
    agenda: &'a mut Agenda,
    now: Timestamp,
    who: usize,
    device: DeviceId,
    alert: AlertId,
}

impl Post<'_> {
    fn add(&mut self, after: Duration, what: What) {
        let act = Act {
            who: self.who,
            device: self.device,
            alert: self.alert,
            what,
        };
        self.agenda.add(self.now + after, Event::Phone(act));
    }

    fn delivered(&mut self, after: Duration, version: u32, stage: DeliveryStage) {
        self.add(after, What::Delivered { version, stage });
    }

    fn answers(&mut self, after: Duration, answer: Answer) {
        let reply = match answer {
            Answer::Silence => return,
            Answer::Accept => Reply::Accept,
            Answer::Decline(reason) => Reply::Decline(match reason {
                PeoplesReason::TooFar => DeclineReason::TooFar,
                PeoplesReason::Busy => DeclineReason::Busy,
                PeoplesReason::Unsafe => DeclineReason::Unsafe,
            }),
        };
        self.add(after, What::Answers(reply));
    }

    /// From the confirmation to the end.
    fn goes(&mut self, shown: Duration, reaction: &Reaction, chance: &mut ChaCha8Rng) {
        let mut after = shown + reaction.turnout;
        self.add(after, What::Goes(Reply::EnRoute));
        after += Duration::from_secs(chance.random_range(40..500));
        if chance.random_bool(GIVES_UP) {
            return self.add(after, What::Goes(Reply::Abort(AbortReason::CannotContinue)));
        }
        self.add(after, What::Goes(Reply::AtScene));
        after += reaction.reaches_patient_after;
        self.add(after, What::Goes(Reply::WithPatient));
        if chance.random_bool(HAS_AED) {
            self.add(after + Duration::from_secs(30), What::Goes(Reply::AedAttached));
        }
        self.add(after + reaction.finishes_after, What::Goes(Reply::Finished));
    }
}

fn kind_of(body: &DownBody) -> Option<MessageKind> {
    match body {
        DownBody::Alert { .. } => Some(MessageKind::Alert),
        DownBody::Confirmed { .. } => Some(MessageKind::Confirmed),
        DownBody::NotNeeded => Some(MessageKind::NotNeeded),
        DownBody::TooLate => Some(MessageKind::TooLate),
        DownBody::StandDown(reason) => Some(MessageKind::StandDown(*reason)),
        DownBody::Probe => None,
    }
}
