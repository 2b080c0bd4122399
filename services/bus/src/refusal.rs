//! Why something a phone did was refused: one counter, one label for each reason.

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such device, or the password is not its secret.
    BadCredentials,
    /// The client id is not the device's own, or holds characters that mean something in topics.
    ClientId,
    /// A will on another topic than the device's own.
    Will,
    /// A retained message or will.
    Retained,
    /// A publication to another topic than the device's own.
    Publish,
    /// A subscription to anything but the device's own down topic.
    Subscribe,
    /// The device's access has ended, or never was.
    NoAccess,
    /// More bytes than a phone may send at once.
    TooLarge,
    /// Not the JSON or protobuf it should be.
    Malformed,
    /// An alert id that is none.
    AlertId,
    /// Coordinates that are no place on the globe.
    Position,
    /// 0°N 0°E: a phone without a fix.
    NullIsland,
    /// No accuracy, or one that is negative, not finite or beyond 100 km.
    Accuracy,
    /// A time that is none.
    Time,
    /// A fix from the future.
    FixFromFuture,
    /// A trunk spoke of a person for whom it may not speak.
    NotTheirs,
}

impl Refusal {
    /// The label in `muster_mqtt_refused_total`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadCredentials => "bad_credentials",
            Self::ClientId => "client_id",
            Self::Will => "will",
            Self::Retained => "retained",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::NoAccess => "no_access",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::AlertId => "alert_id",
            Self::Position => "position",
            Self::NullIsland => "null_island",
            Self::Accuracy => "accuracy",
            Self::Time => "time",
            Self::FixFromFuture => "fix_from_future",
            Self::NotTheirs => "not_theirs",
        }
    }

    /// Counts it.
    pub fn count(self) {
        metrics::counter!("muster_mqtt_refused_total", "reason" => self.label()).increment(1);
    }
}

/// Counts a message that was understood and says nothing to act upon.
pub(crate) fn count_ignored(reason: &'static str) {
    metrics::counter!("muster_mqtt_ignored_total", "reason" => reason).increment(1);
}
