//! The broker between the service and the phones, with its faults: it keeps sessions, order and promises only as well as
//! its troubles of the moment allow.

use std::collections::VecDeque;

use super::{
    agenda::Ms,
    dice::{Dice, Thing},
    plan::Trouble,
};

/// Messages that a session keeps for a phone that is away; the oldest gives way (RESEARCH F22: at most 16).
const SESSION_QUEUE_MAX: usize = 16;

/// A message on its way to a phone.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The payload.
    pub bytes: Vec<u8>,
    /// The broker drops it after this.
    pub expires_at: Ms,
}

/// A phone as the broker knows it.
#[derive(Debug)]
pub struct Session {
    /// The present connection's number; `None` = not connected.
    pub connection: Option<u64>,
    /// The broker remembers the phone's subscription, connected or not.
    pub remembered: bool,
    waiting: VecDeque<Parcel>,
    last_down: Ms,
    last_up: Ms,
    down: Dice,
    up: Dice,
}

/// What the troubles of the moment do to one message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fate {
    /// Acknowledged and forgotten.
    pub forgotten: bool,
    /// Refused in the open.
    pub refused: bool,
    /// Delivered twice.
    pub doubled: bool,
    /// The connection is lost with it under way.
    pub disconnects: bool,
    /// When it arrives.
    pub arrives: Ms,
}

/// The broker.
pub struct Broker {
    /// By phone.
    pub sessions: Vec<Session>,
    /// Troubles: how, how often, until when.
    troubles: Vec<(Trouble, u32, Ms)>,
    /// It cannot be reached before this.
    pub away_until: Ms,
    connections: u64,
}

impl Broker {
    /// A broker that has seen none of its phones.
    pub fn new(seed: u64, phones: usize) -> Self {
        let session = |phone| Session {
            connection: None,
            remembered: false,
            waiting: VecDeque::new(),
            last_down: 0,
            last_up: 0,
            down: Dice::new(seed, Thing::Downlink, phone),
            up: Dice::new(seed, Thing::Uplink, phone),
        };
        Self {
            sessions: (0..phones as u64).map(session).collect(),
            troubles: Vec::new(),
            away_until: 0,
            connections: 0,
        }
    }

    /// A trouble begins.
    pub fn trouble(&mut self, how: Trouble, permille: u32, until: Ms) {
        self.troubles.push((how, permille, until));
    }

    /// All troubles end.
    pub fn heal(&mut self) {
        self.troubles.clear();
        self.away_until = 0;
    }

    /// A phone connects; returns the connection's number and what waited for it.
    pub fn connect(&mut self, phone: usize, now: Ms) -> (u64, Vec<Parcel>) {
        self.connections += 1;
        let session = &mut self.sessions[phone];
        session.connection = Some(self.connections);
        session.remembered = true;
        let waiting = session.waiting.drain(..).filter(|parcel| parcel.expires_at > now);
        (self.connections, waiting.collect())
    }

    /// Everybody's connection ends; sessions are remembered unless the broker forgets.
    pub fn drop_all(&mut self, forgets: bool) {
        for session in &mut self.sessions {
            session.connection = None;
            if forgets {
                session.remembered = false;
                session.waiting.clear();
            }
        }
    }

    /// Keeps a message for a phone that is away, if its session is remembered.
    pub fn keep(&mut self, phone: usize, parcel: Parcel) -> bool {
        let session = &mut self.sessions[phone];
        if !session.remembered {
            return false;
        }
        if session.waiting.len() == SESSION_QUEUE_MAX {
            session.waiting.pop_front();
        }
        session.waiting.push_back(parcel);
        true
    }

    /// What happens to the next message to a phone.
    pub fn down(&mut self, phone: usize, now: Ms) -> Fate {
        let troubles = self.now_and_until(now);
        let session = &mut self.sessions[phone];
        fate(&mut session.down, &mut session.last_down, &troubles, now)
    }

    /// What happens to the next message from a phone.
    pub fn up(&mut self, phone: usize, now: Ms) -> Fate {
        let troubles = self.now_and_until(now);
        let session = &mut self.sessions[phone];
        fate(&mut session.up, &mut session.last_up, &troubles, now)
    }

    fn now_and_until(&mut self, now: Ms) -> Vec<(Trouble, u32)> {
        self.troubles.retain(|(_, _, until)| *until > now);
        self.troubles
            .iter()
            .map(|&(how, permille, _)| (how, permille))
            .collect()
    }
}

/// Rolls for one message. The same number of rolls whatever the troubles, so that they do not shift the next message's.
fn fate(dice: &mut Dice, last: &mut Ms, troubles: &[(Trouble, u32)], now: Ms) -> Fate {
    let rolls: [u64; 6] = std::array::from_fn(|_| dice.between(0, 999));
    let latency = dice.between(2, 120);
    let delay = dice.between(500, 60_000);
    let hit = |how: Trouble| {
        let roll = rolls[how as usize];
        troubles
            .iter()
            .any(|&(trouble, permille)| trouble == how && roll < u64::from(permille))
    };
    let arrives = now + latency + if hit(Trouble::Delays) { delay } else { 0 };
    let arrives = if hit(Trouble::Reorders) {
        arrives + delay / 20
    } else {
        // Within a topic order is kept.
        *last = arrives.max(*last);
        *last
    };
    Fate {
        forgotten: hit(Trouble::Forgets),
        refused: hit(Trouble::Refuses),
        doubled: hit(Trouble::Doubles),
        disconnects: hit(Trouble::Disconnects),
        arrives,
    }
}
