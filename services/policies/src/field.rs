//! One value of a policy as TOML has it.

use std::{collections::BTreeSet, time::Duration};

use dispatch_core::{
    policy::{Ranking, RoleKind},
    position::Metres,
    responder::Skill,
    survival::{Link, SurvivalCurve},
};
use serde::{Deserialize, Serialize};

/// A value that TOML writes in a type of its own.
pub trait Field: Sized {
    /// What TOML has.
    type Text;
    /// For writing.
    fn to_text(&self) -> Self::Text;
    /// For reading; the error says what the value is and what is accepted.
    fn from_text(text: Self::Text) -> Result<Self, String>;
}

macro_rules! as_they_are {
    ($($type:ty),*) => {$(
        impl Field for $type {
            type Text = Self;

            fn to_text(&self) -> Self {
                self.clone()
            }

            fn from_text(text: Self) -> Result<Self, String> {
                Ok(text)
            }
        }
    )*};
}

as_they_are!(u32, u8, i32, bool, String);

impl Field for Metres {
    type Text = u32;

    fn to_text(&self) -> u32 {
        u32::try_from(self.mm() / 1_000).unwrap_or(u32::MAX)
    }

    fn from_text(text: u32) -> Result<Self, String> {
        Ok(Self::new(text))
    }
}

impl Field for Duration {
    type Text = f64;

    fn to_text(&self) -> f64 {
        self.as_secs_f64()
    }

    fn from_text(text: f64) -> Result<Self, String> {
        Self::try_from_secs_f64(text).map_err(|_| format!("{text}; accepted is a number of seconds"))
    }
}

/// Seconds, or `false` for not at all.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SecondsOrOff {
    /// So many.
    Seconds(f64),
    /// Not at all.
    Off(bool),
}

impl Field for Option<Duration> {
    type Text = SecondsOrOff;

    fn to_text(&self) -> SecondsOrOff {
        self.map_or(SecondsOrOff::Off(false), |span| {
            SecondsOrOff::Seconds(span.as_secs_f64())
        })
    }

    fn from_text(text: SecondsOrOff) -> Result<Self, String> {
        match text {
            SecondsOrOff::Seconds(seconds) => Duration::from_text(seconds).map(Some),
            SecondsOrOff::Off(false) => Ok(None),
            SecondsOrOff::Off(true) => Err("true; accepted is a number of seconds, or false for not at all".to_owned()),
        }
    }
}

impl Field for BTreeSet<Skill> {
    type Text = Vec<String>;

    fn to_text(&self) -> Vec<String> {
        self.iter().map(|skill| skill.as_str().to_owned()).collect()
    }

    fn from_text(text: Vec<String>) -> Result<Self, String> {
        let skill = |name: String| {
            Skill::new(&name).ok_or_else(|| format!("'{name}'; accepted is 1 to 32 characters of a-z 0-9 _"))
        };
        text.into_iter().map(skill).collect()
    }
}

/// The mean sun instead of a clock.
const BY_THE_SUN: &str = "sun";

impl Field for Option<chrono_tz::Tz> {
    type Text = String;

    fn to_text(&self) -> String {
        self.map_or(BY_THE_SUN, |zone| zone.name()).to_owned()
    }

    fn from_text(text: String) -> Result<Self, String> {
        if text == BY_THE_SUN {
            return Ok(None);
        }
        let zone = text.parse().map(Some);
        zone.map_err(|_| format!("'{text}'; accepted is a name such as Europe/London, or {BY_THE_SUN}"))
    }
}

/// Words, each with its value.
fn word_of<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> String {
    let word = words.iter().find(|(_, known)| *known == value);
    word.expect("every value has a word").0.to_owned()
}

/// The value of a word, or which words there are.
pub fn of_word<T: Copy>(words: &[(&str, T)], word: &str) -> Result<T, String> {
    let found = words.iter().find(|(known, _)| *known == word);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("'{word}'; accepted is {}", known.join(", "))
    })
}

const RANKINGS: [(&str, Ranking); 3] = [
    ("nearest", Ranking::Nearest),
    ("soonest", Ranking::Soonest),
    ("survival", Ranking::Survival),
];

impl Field for Ranking {
    type Text = String;

    fn to_text(&self) -> String {
        word_of(&RANKINGS, *self)
    }

    fn from_text(text: String) -> Result<Self, String> {
        of_word(&RANKINGS, &text)
    }
}

const ROLES: [(&str, RoleKind); 3] = [
    ("direct", RoleKind::Direct),
    ("fetch_aed", RoleKind::FetchAed),
    ("guide", RoleKind::Guide),
];

impl Field for Vec<RoleKind> {
    type Text = Vec<String>;

    fn to_text(&self) -> Vec<String> {
        self.iter().map(|&role| word_of(&ROLES, role)).collect()
    }

    fn from_text(text: Vec<String>) -> Result<Self, String> {
        text.iter().map(|word| of_word(&ROLES, word)).collect()
    }
}

/// A published curve by name, or a curve of one's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CurveText {
    /// One of [`SurvivalCurve::PUBLISHED`].
    Name(String),
    /// Its coefficients.
    Own(OwnCurve),
}

/// The coefficients of a curve.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnCurve {
    link: String,
    intercept_ppm: i32,
    cpr_ppm_per_min: i32,
    shock_ppm_per_min: i32,
    als_ppm_per_min: i32,
}

const LINKS: [(&str, Link); 2] = [("linear", Link::Linear), ("logistic", Link::Logistic)];

impl Field for SurvivalCurve {
    type Text = CurveText;

    /// Always the coefficients: a name may come to mean something else.
    fn to_text(&self) -> CurveText {
        CurveText::Own(OwnCurve {
            link: word_of(&LINKS, self.link),
            intercept_ppm: self.intercept_ppm,
            cpr_ppm_per_min: self.cpr_ppm_per_min,
            shock_ppm_per_min: self.shock_ppm_per_min,
            als_ppm_per_min: self.als_ppm_per_min,
        })
    }

    fn from_text(text: CurveText) -> Result<Self, String> {
        match text {
            CurveText::Name(name) => of_word(&Self::PUBLISHED, &name),
            CurveText::Own(own) => Ok(Self {
                link: of_word(&LINKS, &own.link).map_err(|problem| format!("a curve whose link is {problem}"))?,
                intercept_ppm: own.intercept_ppm,
                cpr_ppm_per_min: own.cpr_ppm_per_min,
                shock_ppm_per_min: own.shock_ppm_per_min,
                als_ppm_per_min: own.als_ppm_per_min,
            }),
        }
    }
}
