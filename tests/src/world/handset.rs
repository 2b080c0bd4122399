//! A phone in the simulated world: the fleet's own state machine behind a connection, a clock that may be off, and sleep.

use std::{collections::VecDeque, time::Duration};

use dispatch_core::{ids::DeviceId, responder::Purpose};
use muster_engine::registry::Encoding;
use muster_loadtest::{
    Moment,
    phone::{Output, Phone, PhoneSettings},
};
use muster_people::{Person, answers::AnswerModel, place::Place};
use muster_proto::v1::{Down, ReplyKind, Up, up};
use prost::Message as _;

use super::{
    agenda::Ms,
    cast::{PhoneCast, true_time},
    dice::{Dice, Thing},
    plan::Plan,
};

/// Positions kept to be sent again when they are old.
const OLD_FIXES: usize = 4;

/// One phone and its person.
pub struct Handset {
    /// What it was enrolled as; `None` until it is.
    pub device: Option<DeviceId>,
    /// Whose it is.
    pub person: usize,
    /// What for, in which encoding, with which clock.
    pub cast: PhoneCast,
    /// Its number among all phones.
    pub number: usize,
    phone: Phone,
    /// The app and everything on it stand still until then.
    pub asleep_until: Ms,
    /// There is no network before this.
    pub offline_until: Ms,
    /// Counts up with each wake-up that is asked for; older ones are void.
    pub wake: u64,
    /// When it is to be woken.
    pub wakes_at: Option<Ms>,
    /// Connecting; how long between two tries.
    pub connecting: Dice,
    old_fixes: VecDeque<Up>,
    last_reply: Option<Up>,
    installs: u64,
}

impl Handset {
    /// A phone at its person's home.
    pub fn new(plan: &Plan, number: usize, person: usize, cast: PhoneCast, home: Place, now: Ms) -> Self {
        let mut handset = Self {
            device: None,
            person,
            cast,
            number,
            phone: phone(plan, number, 0, home, cast, now),
            asleep_until: 0,
            offline_until: 0,
            wake: 0,
            wakes_at: None,
            connecting: Dice::new(plan.seed, Thing::Connecting, number as u64),
            old_fixes: VecDeque::new(),
            last_reply: None,
            installs: 0,
        };
        handset.offline_until = handset.connecting.between(0, 5_000);
        handset
    }

    /// The app is installed anew somewhere else.
    pub fn reinstall(&mut self, plan: &Plan, home: Place, now: Ms) {
        self.installs += 1;
        self.phone = phone(plan, self.number, self.installs, home, self.cast, now);
        self.old_fixes.clear();
        self.last_reply = None;
    }

    /// Its own clock, as milliseconds since the epoch.
    pub fn clock_ms(&self, now: Ms) -> i64 {
        true_time(now).unix_ms() + self.cast.skew_ms
    }

    /// Connected and subscribed.
    pub fn ready(&mut self, now: Ms) {
        self.phone.handle_ready(moment(now, self.cast));
    }

    /// The connection is gone.
    pub fn lost(&mut self) {
        self.phone.handle_lost();
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Ms) {
        self.phone.handle_time(moment(now, self.cast));
    }

    /// A message arrived, as the app sees it.
    pub fn take(&mut self, down: &Down, now: Ms) {
        self.phone.handle_down(down, moment(now, self.cast));
    }

    /// Reads a payload.
    pub fn read(&self, bytes: &[u8]) -> Option<Down> {
        match self.cast.encoding {
            Encoding::Binary => Down::decode(bytes).ok(),
            Encoding::Json => serde_json::from_slice(bytes).ok(),
        }
    }

    /// Takes out the next thing it wants done.
    pub fn poll(&mut self) -> Option<Output> {
        let output = self.phone.poll_output();
        match &output {
            Some(Output::SendOnce(said)) if matches!(said.kind, Some(up::Kind::Position(_))) => {
                if self.old_fixes.len() == OLD_FIXES {
                    self.old_fixes.pop_front();
                }
                self.old_fixes.push_back(said.clone());
            }
            Some(Output::Send(said)) if matches!(said.kind, Some(up::Kind::Reply(_))) => {
                self.last_reply = Some(said.clone());
            }
            _ => {}
        }
        output
    }

    /// When it wants to be woken, in the world's time.
    pub fn next_wake(&self) -> Option<Ms> {
        let at = self.phone.next_deadline()?;
        // Rounded up: a phone woken before its time would ask again at once.
        let part = u64::from(!at.since(Moment::from_unix_ms(at.unix_ms())).is_zero());
        let at_ms = i64::try_from(at.unix_ms() + part).unwrap_or(i64::MAX);
        let in_world = at_ms.saturating_sub(self.clock_ms(0));
        Some(u64::try_from(in_world).unwrap_or(0).max(self.asleep_until))
    }

    /// Its bytes of something it says.
    pub fn write(&self, said: &Up) -> Vec<u8> {
        match self.cast.encoding {
            Encoding::Binary => said.encode_to_vec(),
            Encoding::Json => serde_json::to_vec(said).expect("plain data"),
        }
    }

    /// The oldest position it remembers.
    pub fn old_fix(&self) -> Option<Up> {
        self.old_fixes.front().cloned()
    }

    /// Whether its person is on the way or at work because of an alert.
    pub fn goes_about(&self, alert: &str) -> bool {
        self.phone.going_about() == Some(alert)
    }

    /// What it answered last.
    pub fn last_reply(&self) -> Option<Up> {
        self.last_reply.clone()
    }

    /// The opposite of what it answered last, about the same alert.
    pub fn other_reply(&self, dice: &mut Dice) -> Option<Up> {
        let mut said = self.last_reply.clone()?;
        if let Some(up::Kind::Reply(reply)) = said.kind.as_mut() {
            let kinds = [
                ReplyKind::Accept,
                ReplyKind::Decline,
                ReplyKind::WithPatient,
                ReplyKind::Finished,
                ReplyKind::CannotContinue,
                ReplyKind::NeedHelp,
                ReplyKind::EnRoute,
            ];
            reply.kind = dice.one_of(&kinds).into();
        }
        Some(said)
    }
}

fn moment(now: Ms, cast: PhoneCast) -> Moment {
    let ms = true_time(now).unix_ms().saturating_add(cast.skew_ms);
    Moment::from_unix_ms(u64::try_from(ms).unwrap_or(0))
}

fn phone(plan: &Plan, number: usize, install: u64, home: Place, cast: PhoneCast, now: Ms) -> Phone {
    let answers = AnswerModel {
        accept_share: f64::from(plan.accept_permille) / 1000.0,
        decline_share: f64::from(plan.decline_permille) / 1000.0,
        answer_median: Duration::from_millis(plan.answer_median_ms),
        turnout_day: Duration::from_secs(40),
        with_patient_median: Duration::from_secs(150),
        ..AnswerModel::default()
    };
    let settings = PhoneSettings {
        position_interval: Duration::from_secs(60),
        answers,
        utc_offset_hours: 0,
        purpose: match cast.purpose {
            Purpose::Live => muster_loadtest::phone::Purpose::Live,
            Purpose::Exercise => muster_loadtest::phone::Purpose::Exercise,
        },
    };
    let person = Person {
        seed: plan.seed,
        number: number as u64 + 1_000 * install,
    };
    Phone::new(person, home, settings, moment(now, cast))
}
