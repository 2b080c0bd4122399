//! Which scenes are for whom. A table given replaces the base's whole table: a list of exclusions that silently kept
//! words from elsewhere could not be read.

use std::collections::BTreeMap;

use dispatch_core::scene::{SceneRule, SceneRules, SceneWord};
use serde::{Deserialize, Serialize};

use crate::field::of_word;

const RULES: [(&str, SceneRule); 3] = [
    ("everybody", SceneRule::Everybody),
    ("vetted_only", SceneRule::VettedOnly),
    ("nobody", SceneRule::Nobody),
];

type Words = BTreeMap<String, String>;

/// The rules by word.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScenesSection {
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_kinds: Option<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place_kinds: Option<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hazards: Option<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_bands: Option<Words>,
}

/// The rule of a name: `everybody`, `vetted_only` or `nobody`.
///
/// # Errors
/// Says what is accepted.
pub fn scene_rule(name: &str) -> Result<SceneRule, String> {
    of_word(&RULES, name)
}

impl ScenesSection {
    pub(crate) fn of(rules: &SceneRules) -> Self {
        let words = |rules: &BTreeMap<SceneWord, SceneRule>| {
            let words = rules.iter();
            Some(words.map(|(word, &rule)| (word.to_string(), name_of(rule))).collect())
        };
        Self {
            unknown_word: Some(name_of(rules.unknown_word)),
            incident_kinds: words(&rules.incident_kinds),
            place_kinds: words(&rules.place_kinds),
            hazards: words(&rules.hazards),
            age_bands: words(&rules.age_bands),
        }
    }

    pub(crate) fn over(self, base: &SceneRules) -> Result<SceneRules, String> {
        let mut rules = base.clone();
        if let Some(rule) = self.unknown_word {
            rules.unknown_word = scene_rule(&rule).map_err(|problem| format!("unknown_word is {problem}"))?;
        }
        for (name, words, rules) in [
            ("incident_kinds", self.incident_kinds, &mut rules.incident_kinds),
            ("place_kinds", self.place_kinds, &mut rules.place_kinds),
            ("hazards", self.hazards, &mut rules.hazards),
            ("age_bands", self.age_bands, &mut rules.age_bands),
        ] {
            if let Some(words) = words {
                *rules = read(name, words)?;
            }
        }
        Ok(rules)
    }
}

fn read(table: &str, words: Words) -> Result<BTreeMap<SceneWord, SceneRule>, String> {
    let read = |(word, rule): (String, String)| {
        let known = SceneWord::new(&word)
            .ok_or_else(|| format!("{table} has '{word}'; accepted is 1 to 32 characters of a-z 0-9 _"))?;
        let rule = scene_rule(&rule).map_err(|problem| format!("{table}.{word} is {problem}"))?;
        Ok((known, rule))
    };
    words.into_iter().map(read).collect()
}

fn name_of(rule: SceneRule) -> String {
    let name = RULES.iter().find(|(_, known)| *known == rule);
    name.expect("every rule has a name").0.to_owned()
}
