//! The phones' side of the world: connecting, losing the connection, hearing and speaking through the broker.

use dispatch_core::{
    command::DownMessage,
    input::{DeliveryStage, Input},
};
use muster_engine::ports::Outbound;
use muster_loadtest::phone::Output;
use muster_proto::v1::Up;

use super::{
    agenda::Ms,
    broker::Parcel,
    dice::{Dice, Thing},
    plan::What,
    stage::{Arrival, Happening, World},
};

/// A broker notices a phone that is gone after at most this: one and a half times a keep-alive of a minute.
const LOSS_NOTICED_MAX: Ms = 90_000;

impl World<'_> {
    // --- towards the phones

    pub(super) fn hand_to_broker(&mut self, phone: usize, outbound: &Outbound, parcel: Parcel) {
        let now = self.now();
        let fate = self.broker.down(phone, now);
        let away = self.broker.away_until > now;
        if away || fate.refused {
            return self.progress(&outbound.message, DeliveryStage::Failed, 1);
        }
        self.progress(&outbound.message, DeliveryStage::Published, 0);
        self.progress(&outbound.message, DeliveryStage::BrokerAcked, 3);
        if fate.forgotten {
            return;
        }
        if fate.doubled {
            self.send_down(phone, parcel.clone(), fate.arrives);
        }
        self.send_down(phone, parcel, fate.arrives);
        if fate.disconnects {
            self.lose_connection(phone, true);
        }
    }

    fn progress(&mut self, message: &DownMessage, stage: DeliveryStage, after: Ms) {
        if let Some((alert, version)) = message.about {
            let device = message.device;
            self.bus_says(
                after,
                Input::Delivery {
                    device,
                    alert,
                    version,
                    stage,
                },
            );
        }
    }

    fn send_down(&mut self, phone: usize, parcel: Parcel, arrives: Ms) {
        match self.broker.sessions[phone].connection {
            Some(connection) => self.agenda.at(
                arrives,
                Happening::Deliver {
                    phone,
                    connection,
                    parcel,
                },
            ),
            None => {
                self.broker.keep(phone, parcel);
            }
        }
    }

    pub(super) fn deliver(&mut self, phone: usize, connection: u64, parcel: Parcel) {
        let now = self.now();
        match self.broker.sessions[phone].connection {
            // Under way when the connection broke, and not acknowledged: the broker sends it again, if it remembers.
            None => {
                self.broker.keep(phone, parcel);
                return;
            }
            Some(present) if present != connection => {
                if self.broker.sessions[phone].remembered {
                    self.send_down(phone, parcel, now + 1);
                }
                return;
            }
            Some(_) => {}
        }
        if parcel.expires_at <= now {
            return;
        }
        let Some(down) = self.handsets[phone].read(&parcel.bytes) else {
            return self
                .judge
                .violates("wire", format_args!("phone {phone} cannot read what it was sent"));
        };
        self.note(format_args!(
            "phone {phone} gets {} v{}",
            down.alert_id, down.alert_version
        ));
        self.judge.phone_gets(phone, &down);
        self.handsets[phone].take(&down, now);
        self.hear_phone(phone);
    }

    // --- from the phones

    /// Carries out what a phone wants done.
    pub(super) fn hear_phone(&mut self, phone: usize) {
        let now = self.now();
        while let Some(output) = self.handsets[phone].poll() {
            match output {
                Output::Log(what) => {
                    self.note(format_args!("phone {phone} {what:?}"));
                    let clock = self.handsets[phone].clock_ms(now);
                    self.judge.phone_logs(phone, &what, clock);
                }
                Output::SendOnce(said) => self.say(phone, &said, false),
                Output::Send(said) => self.say(phone, &said, true),
            }
        }
        self.plan_phone_wake(phone);
    }

    fn say(&mut self, phone: usize, said: &Up, acknowledged: bool) {
        let now = self.now();
        if self.broker.sessions[phone].connection.is_none() {
            return;
        }
        let fate = self.broker.up(phone, now);
        let bytes = self.handsets[phone].write(said);
        // A broker that is part of the service cannot acknowledge and forget; what is not acknowledged may get lost.
        let lost = (fate.forgotten && !(acknowledged && self.plan.broker_inside)) || (fate.refused && !acknowledged);
        let arrival = |bytes: Vec<u8>| {
            Happening::Arrive(Arrival::Phone {
                phone,
                bytes,
                acknowledged,
            })
        };
        if !lost {
            self.agenda.at(fate.arrives, arrival(bytes.clone()));
        }
        if fate.doubled {
            self.agenda.at(fate.arrives + 40, arrival(bytes));
        }
    }

    fn plan_phone_wake(&mut self, phone: usize) {
        let handset = &mut self.handsets[phone];
        let wakes_at = handset.next_wake();
        if wakes_at == handset.wakes_at {
            return;
        }
        handset.wakes_at = wakes_at;
        handset.wake += 1;
        let wake = handset.wake;
        if let Some(at) = wakes_at {
            self.agenda.at(at, Happening::PhoneWake { phone, wake });
        }
    }

    pub(super) fn wake_phone(&mut self, phone: usize, wake: u64) {
        let now = self.now();
        let handset = &mut self.handsets[phone];
        if handset.wake != wake {
            return;
        }
        handset.wakes_at = None;
        if handset.asleep_until <= now {
            handset.tick(now);
        }
        self.hear_phone(phone);
    }

    // --- connections

    pub(super) fn connect_phone(&mut self, phone: usize) {
        let now = self.now();
        let inside = self.plan.broker_inside;
        let handset = &mut self.handsets[phone];
        let Some(device) = handset.device else { return };
        if self.broker.sessions[phone].connection.is_some() {
            return;
        }
        let not_before = handset.offline_until.max(handset.asleep_until);
        let backoff = handset.connecting.between(50, if self.healed { 2_000 } else { 8_000 });
        if not_before > now {
            return self
                .agenda
                .at(not_before + backoff / 4, Happening::PhoneConnect { phone });
        }
        let reachable = self.broker.away_until <= now && (!inside || self.service.is_able());
        if !reachable {
            return self.agenda.after(backoff, Happening::PhoneConnect { phone });
        }
        if inside && !self.service.has_access(device) {
            // Refused for good.
            return;
        }
        let (connection, waiting) = self.broker.connect(phone, now);
        self.note(format_args!("phone {phone} connects as {connection}"));
        for parcel in waiting {
            let arrives = self.broker.down(phone, now).arrives;
            self.agenda.at(
                arrives,
                Happening::Deliver {
                    phone,
                    connection,
                    parcel,
                },
            );
        }
        self.handsets[phone].ready(now);
        self.hear_phone(phone);
    }

    /// A phone's connection ends; unless it was asked to leave, the broker notices sooner or later, and the phone tries
    /// again.
    pub(super) fn lose_connection(&mut self, phone: usize, again: bool) {
        if self.broker.sessions[phone].connection.take().is_none() {
            return;
        }
        self.note(format_args!("phone {phone} loses its connection"));
        self.handsets[phone].lost();
        let noticed = self.handsets[phone].connecting.between(0, LOSS_NOTICED_MAX);
        let retry = self.handsets[phone].connecting.between(50, 4_000);
        self.agenda.after(noticed, Happening::Will { phone });
        if again {
            self.agenda.after(retry, Happening::PhoneConnect { phone });
        }
        self.hear_phone(phone);
    }

    pub(super) fn notice_loss(&mut self, phone: usize) {
        // A phone that has connected again since took its old session over; nobody is told that it is gone.
        if self.broker.sessions[phone].connection.is_none()
            && let Some(device) = self.handsets[phone].device
        {
            self.bus_says(1, Input::DeviceOffline { device });
        }
    }

    /// The broker is gone, and every connection with it.
    pub(super) fn broker_gone(&mut self, forgets: bool) {
        for phone in 0..self.handsets.len() {
            let connected = self.broker.sessions[phone].connection.is_some();
            if connected {
                self.handsets[phone].lost();
                let retry = self.handsets[phone].connecting.between(50, 6_000);
                self.agenda.after(retry, Happening::PhoneConnect { phone });
                self.hear_phone(phone);
            }
        }
        self.broker.drop_all(forgets);
    }

    pub(super) fn restart_broker(&mut self, forgets: bool, for_ms: Ms) {
        let now = self.now();
        if self.plan.broker_inside {
            // It only restarts together with the service; its connections can still all break.
            return self.broker_gone(forgets);
        }
        self.broker_gone(forgets);
        self.broker.away_until = now + for_ms;
        // A broker says of each session it lost that the phone is gone.
        for phone in 0..self.handsets.len() {
            self.notice_loss(phone);
        }
    }

    // --- what befalls a phone

    pub(super) fn phone_mishap(&mut self, phone: u32, for_ms: Ms, sleeps: bool) {
        let now = self.now();
        let phone = phone as usize % self.handsets.len();
        let handset = &mut self.handsets[phone];
        handset.offline_until = now + for_ms;
        if sleeps {
            handset.asleep_until = now + for_ms;
        }
        self.lose_connection(phone, true);
    }

    pub(super) fn reinstall_phone(&mut self, phone: u32, moved_m: u32, ordinal: u64) {
        let now = self.now();
        let phone = phone as usize % self.handsets.len();
        let mut dice = Dice::new(self.plan.seed, Thing::Mishap, ordinal);
        let person = self.handsets[phone].person;
        let bearing = dice.between(0, 359) as u32;
        let home = self.people[person]
            .cast
            .home
            .towards(f64::from(bearing), f64::from(moved_m));
        self.lose_connection(phone, true);
        self.handsets[phone].reinstall(self.plan, home, now);
        self.judge.phone_reinstalled(phone);
        self.plan_phone_wake(phone);
    }

    pub(super) fn odd_word(&mut self, phone: u32, what: What, ordinal: u64) {
        let phone = phone as usize % self.handsets.len();
        let mut dice = Dice::new(self.plan.seed, Thing::Mishap, ordinal);
        let handset = &self.handsets[phone];
        let said = match what {
            What::OldFix { .. } => handset.old_fix(),
            What::SayAgain { .. } => handset.last_reply(),
            _ => handset.other_reply(&mut dice),
        };
        if let Some(said) = said {
            self.say(phone, &said, true);
        }
    }

    pub(super) fn heal_phones(&mut self) {
        let now = self.now();
        for phone in 0..self.handsets.len() {
            let handset = &mut self.handsets[phone];
            handset.offline_until = handset.offline_until.min(now);
            handset.asleep_until = handset.asleep_until.min(now);
            self.plan_phone_wake(phone);
            self.agenda.after(100 + phone as u64, Happening::PhoneConnect { phone });
        }
    }
}
