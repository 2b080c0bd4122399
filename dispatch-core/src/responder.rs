//! Responders and their devices as the core sees them: what decides whether somebody may be asked. Names and contact
//! details live in the registry and never come here.

use std::{collections::BTreeSet, fmt, sync::Arc};

use crate::{
    ids::{DeviceId, ResponderId, TenantId, is_name, is_policy_word},
    time::Timestamp,
};

/// Live or exercise. On the wire these are different branches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// A real emergency.
    Live,
    /// A drill.
    Exercise,
}

/// How a responder usually travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TravelMode {
    /// Not known.
    #[default]
    Unknown,
    /// On foot.
    Foot,
    /// By bicycle.
    Bicycle,
    /// By car.
    Car,
}

/// A skill such as `cpr`: 1 to 32 characters of `a-z 0-9 _`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Skill(String);

impl Skill {
    /// Checks a skill's name; `None` when it is not 1 to 32 characters of `a-z 0-9 _`.
    pub fn new(name: &str) -> Option<Self> {
        is_name(name, 32, is_policy_word).then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a person can do: a set of skills. Kept as one text that clones share, since a country's register is held in
/// memory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Skills(Arc<str>);

impl Skills {
    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace()
    }

    /// The names in order, separated by spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether one is among them.
    pub fn contains(&self, skill: &Skill) -> bool {
        self.iter().any(|name| name == skill.as_str())
    }

    /// Whether any of `wanted` is among them.
    pub fn any_of(&self, wanted: &BTreeSet<Skill>) -> bool {
        wanted.iter().any(|skill| self.contains(skill))
    }
}

impl From<BTreeSet<Skill>> for Skills {
    fn from(skills: BTreeSet<Skill>) -> Self {
        let names: Vec<&str> = skills.iter().map(Skill::as_str).collect();
        Self(names.join(" ").into())
    }
}

impl<const N: usize> From<[Skill; N]> for Skills {
    fn from(skills: [Skill; N]) -> Self {
        BTreeSet::from(skills).into()
    }
}

impl FromIterator<Skill> for Skills {
    fn from_iter<I: IntoIterator<Item = Skill>>(skills: I) -> Self {
        BTreeSet::from_iter(skills).into()
    }
}

impl Default for Skills {
    fn default() -> Self {
        [].into()
    }
}

impl fmt::Debug for Skills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Everything about a responder that choosing needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResponderProfile {
    /// Who.
    pub responder: ResponderId,
    /// Home control room.
    pub tenant: TenantId,
    /// What the person can do.
    pub skills: Skills,
    /// Never asked from this moment on.
    pub credential_valid_until: Timestamp,
    /// How the person usually travels.
    pub travel_mode: TravelMode,
    /// Whether the person wants to be asked now.
    pub on_duty: bool,
    /// Out of service by order of the control room.
    pub suspended: bool,
    /// When the person does not want to be woken; `None` = never.
    pub quiet_hours: Option<QuietHours>,
}

/// Hours of each day in which somebody is asked only when nobody else is sooner, by the clock on the wall.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct QuietHours {
    from_minute: u16,
    to_minute: u16,
}

/// Minutes in a day.
const DAY_MIN: u16 = 24 * 60;

impl QuietHours {
    /// From one minute of the day (0 to 1,439) to another; over midnight when the first is the later one. `None` when a
    /// minute is out of range or both are the same.
    pub fn new(from_minute: u16, to_minute: u16) -> Option<Self> {
        let fits = from_minute < DAY_MIN && to_minute < DAY_MIN && from_minute != to_minute;
        fits.then_some(Self { from_minute, to_minute })
    }

    /// The first and the first no longer quiet minute of the day.
    pub fn minutes(self) -> (u16, u16) {
        (self.from_minute, self.to_minute)
    }

    /// Whether a minute of the day is quiet.
    pub fn contain(self, minute: u16) -> bool {
        let (from, to) = self.minutes();
        if from < to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        }
    }
}

/// One enrolled device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device {
    /// Which.
    pub device: DeviceId,
    /// Whose.
    pub responder: ResponderId,
    /// What it may be asked for.
    pub purpose: Purpose,
    /// Whether it understands alerts; an OwnTracks phone does not.
    pub alertable: bool,
}
