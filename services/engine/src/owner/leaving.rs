//! Watches that messages leave: the worst outages on record were silent ones, in which everything looked well and nothing
//! went out (BT 999, 2023; PagerDuty, 2014).

use std::{collections::BTreeMap, time::Duration};

use dispatch_core::{ids::AlertId, time::Timestamp};

/// Messages that have waited this long while none left raise the alarm; half of the 10 s within which a control room is
/// to know.
pub const LEAVES_WITHIN: Duration = Duration::from_secs(5);

/// Phones acknowledge by themselves, within a second or two. When this many messages have found no phone that does, for
/// [`HEARD_WITHIN`], it is not the phones: a broker takes messages and delivers none.
const SILENT_MESSAGES: u64 = 10;
/// Just within the 10 s after which a control room is to know.
const HEARD_WITHIN: Duration = Duration::from_secs(9);
/// A silence that nobody speaks into tells nothing any more: no request lives longer.
const SILENCE_ENDS_AFTER: Duration = Duration::from_secs(300);

/// Messages decided upon that the bus has not yet handed to the broker, and those since the last that a phone confirmed.
#[derive(Default)]
pub struct Leaving {
    /// Newest version of each alert and since when it waits.
    waiting: BTreeMap<AlertId, (u32, Timestamp)>,
    last_left: Timestamp,
    silence: Option<Silence>,
}

/// Messages decided upon since a phone last confirmed one.
struct Silence {
    first: Timestamp,
    newest: Timestamp,
    messages: u64,
}

impl Leaving {
    /// A message was decided upon, for the first time or again.
    pub fn decided(&mut self, alert: AlertId, version: u32, now: Timestamp) {
        let entry = self.waiting.entry(alert).or_insert((version, now));
        if entry.0 != version {
            *entry = (version, now);
        }
        let silence = self.silence.get_or_insert(Silence {
            first: now,
            newest: now,
            messages: 0,
        });
        silence.newest = now;
        silence.messages += 1;
    }

    /// A phone confirmed a message, or its person said something.
    pub fn heard(&mut self) {
        self.silence = None;
    }

    /// The bus or the phone showed that a message left.
    pub fn left(&mut self, alert: AlertId, version: u32, now: Timestamp) {
        self.last_left = now;
        if self.waiting.get(&alert).is_some_and(|&(waiting, _)| waiting <= version) {
            self.waiting.remove(&alert);
        }
    }

    /// Forgets a silence into which nobody has spoken for long.
    pub fn age(&mut self, now: Timestamp) {
        self.silence = self
            .silence
            .take()
            .filter(|silence| silence.newest + SILENCE_ENDS_AFTER > now);
    }

    /// Forgets the messages of which `is_over` says that they are no longer wanted.
    pub fn forget(&mut self, mut is_over: impl FnMut(AlertId) -> bool) {
        self.waiting.retain(|&alert, _| !is_over(alert));
    }

    /// How many messages are stuck: decided since the last one left, the oldest of them [`LEAVES_WITHIN`] ago. Older ones
    /// do not count: that others have left since shows that the trouble is theirs alone. Messages that left and that no
    /// phone at all confirms are stuck too, if they are many.
    pub fn stuck(&self, now: Timestamp) -> u64 {
        let standing = self.standstill_at().filter(|&at| at <= now);
        let standing = standing.map_or(0, |_| self.since_last_left().count() as u64);
        let silent = self.silence_at().filter(|&at| at <= now).and(self.silence.as_ref());
        standing.max(silent.map_or(0, |silence| silence.messages))
    }

    /// When to look again, if nothing leaves or is heard until then.
    pub fn look_at(&self) -> Option<Timestamp> {
        [self.standstill_at(), self.silence_at()].into_iter().flatten().min()
    }

    fn standstill_at(&self) -> Option<Timestamp> {
        self.since_last_left().min().map(|oldest| oldest + LEAVES_WITHIN)
    }

    fn silence_at(&self) -> Option<Timestamp> {
        let silence = self.silence.as_ref();
        silence
            .filter(|silence| silence.messages >= SILENT_MESSAGES)
            .map(|silence| silence.first + HEARD_WITHIN)
    }

    fn since_last_left(&self) -> impl Iterator<Item = Timestamp> {
        let since = self.waiting.values().map(|&(_, since)| since);
        since.filter(|&since| since >= self.last_left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_messages_that_no_phone_confirms_are_alarming() {
        let at = Timestamp::from_unix_ms;
        let mut leaving = Leaving::default();
        for n in 0..10 {
            let alert = AlertId::from_bytes([n; 16]);
            leaving.decided(alert, 1, at(1_000));
            leaving.left(alert, 1, at(1_001));
        }
        assert_eq!(leaving.look_at(), Some(at(10_000)));
        assert_eq!((leaving.stuck(at(9_999)), leaving.stuck(at(10_000))), (0, 10));
        leaving.age(at(300_999));
        assert_eq!(leaving.stuck(at(300_999)), 10);
        leaving.age(at(301_000));
        assert_eq!((leaving.stuck(at(301_000)), leaving.look_at()), (0, None));
    }

    #[test]
    fn only_a_standstill_is_alarming() {
        let at = Timestamp::from_unix_ms;
        let alert = |n| AlertId::from_bytes([n; 16]);
        let mut leaving = Leaving::default();
        leaving.decided(alert(1), 1, at(1_000));
        leaving.decided(alert(2), 1, at(2_000));
        leaving.decided(alert(1), 1, at(3_000));
        assert_eq!(leaving.look_at(), Some(at(6_000)));
        assert_eq!(leaving.stuck(at(5_999)), 0);
        assert_eq!(leaving.stuck(at(6_000)), 2);
        // One that leaves shows that messages do; what still waits is a matter of its own.
        leaving.left(alert(2), 1, at(6_500));
        assert_eq!(leaving.stuck(at(60_000)), 0);
        // It does not hide a later standstill.
        leaving.decided(alert(3), 1, at(70_000));
        assert_eq!(leaving.stuck(at(75_000)), 1);
        // A new version of it waits anew, and the old one leaving does not stand for it.
        leaving.decided(alert(3), 2, at(71_000));
        leaving.left(alert(3), 1, at(70_500));
        assert_eq!(leaving.stuck(at(75_999)), 0);
        assert_eq!(leaving.stuck(at(76_000)), 1);
        leaving.forget(|over| over == alert(3));
        assert_eq!(leaving.stuck(at(80_000)), 0);
    }
}
