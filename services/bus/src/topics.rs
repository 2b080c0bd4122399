//! The topics of phones and trunks, built and taken apart. Nothing here decides who may use them.

use std::fmt;

use dispatch_core::ids::is_name;

/// The subscription that brings every OwnTracks publication.
pub const OWNTRACKS_FILTER: &str = "owntracks/+/+";

/// A text that is not a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("region '{0}' is not 1 to 32 characters of a-z 0-9 -")]
pub struct InvalidRegion(String);

/// One segment of a topic, for routing when there are several owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Most characters a region may have.
    pub const LENGTH_MAX: usize = 32;

    /// Checks a region: 1 to 32 characters of `a-z 0-9 -`.
    pub fn new(name: &str) -> Result<Self, InvalidRegion> {
        if is_name(name, Self::LENGTH_MAX, |b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
        }) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidRegion(name.chars().take(80).collect()))
        }
    }

    /// The topic on which the device with this topic id speaks.
    pub fn up(&self, topic_id: &str) -> String {
        format!("muster/v1/{self}/d/{topic_id}/up")
    }

    /// The topic on which the device with this topic id listens.
    pub fn down(&self, topic_id: &str) -> String {
        format!("muster/v1/{self}/d/{topic_id}/down")
    }

    /// The topic on which the trunk with this topic id speaks.
    pub fn trunk_up(&self, topic_id: &str) -> String {
        format!("muster/v1/{self}/t/{topic_id}/up")
    }

    /// The subscriptions that bring what every device and every trunk of the region says.
    pub fn up_filters(&self) -> [String; 2] {
        [self.up("+"), self.trunk_up("+")]
    }

    /// What a topic of this region or of OwnTracks is; `None` for every other topic.
    pub fn parse<'a>(&self, topic: &'a str) -> Option<Topic<'a>> {
        let mut segments = topic.split('/');
        let mut next = || segments.next();
        let parsed = match (next()?, next()?, next()?) {
            ("owntracks", user, device) if !user.is_empty() && !device.is_empty() => Topic::OwnTracks { user, device },
            ("muster", "v1", region) if region == self.0 => match (next()?, next()?, next()?) {
                ("d", topic_id, "up") => Topic::Up { topic_id },
                ("d", topic_id, "down") => Topic::Down { topic_id },
                ("t", topic_id, "up") => Topic::TrunkUp { topic_id },
                _ => return None,
            },
            _ => return None,
        };
        next().is_none().then_some(parsed)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A topic taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    /// A device speaks.
    Up {
        /// Which device.
        topic_id: &'a str,
    },
    /// A device listens.
    Down {
        /// Which device.
        topic_id: &'a str,
    },
    /// A trunk speaks.
    TrunkUp {
        /// Which trunk.
        topic_id: &'a str,
    },
    /// An OwnTracks phone speaks.
    OwnTracks {
        /// The username.
        user: &'a str,
        /// What the person calls the phone.
        device: &'a str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_topics_come_apart_again() {
        let region = Region::new("north").expect("valid");
        assert_eq!(region.parse(&region.up("ab")), Some(Topic::Up { topic_id: "ab" }));
        assert_eq!(region.parse(&region.down("ab")), Some(Topic::Down { topic_id: "ab" }));
        assert_eq!(
            region.parse(&region.trunk_up("ab")),
            Some(Topic::TrunkUp { topic_id: "ab" })
        );
        let owntracks = Topic::OwnTracks {
            user: "dev-1",
            device: "phone",
        };
        assert_eq!(region.parse("owntracks/dev-1/phone"), Some(owntracks));
    }

    #[test]
    fn everything_else_is_no_topic_of_ours() {
        let region = Region::new("north").expect("valid");
        for topic in [
            "",
            "/",
            "muster/v1/south/d/ab/up",
            "muster/v1/north/d/ab/up/more",
            "muster/v1/north/d/ab",
            "muster/v1/north/x/ab/up",
            "muster/v1/north/t/ab/down",
            "owntracks/dev-1",
            "owntracks/dev-1/",
            "owntracks//phone",
            "owntracks/dev-1/phone/event",
            "$SYS/broker/uptime",
        ] {
            assert_eq!(region.parse(topic), None, "{topic}");
        }
    }

    #[test]
    fn a_region_is_one_plain_segment() {
        for wrong in ["", "a/b", "+", "#", "North", "x y", &"a".repeat(33)] {
            assert!(Region::new(wrong).is_err(), "{wrong}");
        }
    }
}
