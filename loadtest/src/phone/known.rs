//! What a phone remembers about one alert.

use muster_people::answers::Reaction;
use muster_proto::v1::{Down, Reply, ReplyKind};

use crate::Moment;

/// One alert, from its first message on.
#[derive(Debug)]
pub(super) struct KnownAlert {
    /// The how-manieth alert of this phone.
    pub(super) ordinal: u64,
    /// What the person does about it.
    pub(super) reaction: Reaction,
    pub(super) epoch: u64,
    pub(super) version: u32,
    pub(super) expires_at: Moment,
    /// When the newest version comes on the screen.
    pub(super) show_at: Option<Moment>,
    /// The newest version is on the screen.
    pub(super) shown: bool,
    /// When the person answers.
    pub(super) answer_at: Option<Moment>,
    /// The last thing said about it.
    pub(super) said: Option<Reply>,
    /// Called off, or not needed: nothing more is said about it.
    pub(super) over: bool,
    /// Numbers of the shifts that it is about, in the order told; none = it is no call-out.
    pub(super) shifts: Vec<u32>,
}

impl KnownAlert {
    pub(super) fn new(ordinal: u64, reaction: Reaction) -> Self {
        Self {
            ordinal,
            reaction,
            epoch: 0,
            version: 0,
            expires_at: Moment::from_unix_ms(u64::MAX),
            show_at: None,
            shown: false,
            answer_at: None,
            said: None,
            over: false,
            shifts: Vec::new(),
        }
    }

    pub(super) fn take_version(&mut self, down: &Down, now: Moment) {
        self.epoch = down.owner_epoch;
        self.version = down.alert_version;
        self.expires_at = down
            .expires_at
            .as_ref()
            .map_or(Moment::from_unix_ms(u64::MAX), Moment::from_wire);
        self.show_at = Some(now.plus(self.reaction.shown_after));
        self.shown = false;
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        [self.show_at, self.answer_at].into_iter().flatten().min()
    }

    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.next_deadline().is_some_and(|at| at <= now)
    }

    /// Whether the person may still answer.
    pub(super) fn is_open(&self) -> bool {
        !self.over && self.said.is_none()
    }

    /// Whether the person has accepted and waits for word.
    pub(super) fn has_offered(&self, now: Moment) -> bool {
        let accepted = self
            .said
            .as_ref()
            .is_some_and(|reply| reply.kind() == ReplyKind::Accept);
        accepted && !self.over && self.expires_at > now
    }

    /// Whether the person has said no.
    pub(super) fn has_declined(&self) -> bool {
        self.said
            .as_ref()
            .is_some_and(|reply| reply.kind() == ReplyKind::Decline)
    }
}
