//! The scene as the control room describes it, and who may be sent to such scenes. Words are data: a control room's own
//! system names them, and its policy says what each means.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::ids::{is_name, is_policy_word};

/// A word of a control room such as `care_home`: 1 to 32 characters of `a-z 0-9 _`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SceneWord(String);

impl SceneWord {
    /// Checks a word; `None` when it is not 1 to 32 characters of `a-z 0-9 _`.
    pub fn new(word: &str) -> Option<Self> {
        is_name(word, 32, is_policy_word).then(|| Self(word.to_owned()))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SceneWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// At most this many hazards are named for one scene; a call taker's screen has no room for more.
pub const HAZARDS_MAX: usize = 16;

/// What is known of a scene. Absent = not stated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scene {
    /// What kind of place it is, such as `home` or `care_home`.
    pub place_kind: Option<SceneWord>,
    /// Dangers and circumstances, such as `violence` or `expected_death`; at most [`HAZARDS_MAX`].
    pub hazards: BTreeSet<SceneWord>,
    /// The patient's age, such as `adult` or `under_8_years`.
    pub age_band: Option<SceneWord>,
}

/// Who may be sent; the later, the stricter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SceneRule {
    /// Everybody the policy asks.
    Everybody,
    /// Only people with one of the policy's vetted skills.
    VettedOnly,
    /// Nobody.
    Nobody,
}

/// What each word of a control room means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SceneRules {
    /// By kind of incident; a kind that is not here may have everybody.
    pub incident_kinds: BTreeMap<SceneWord, SceneRule>,
    /// By kind of place.
    pub place_kinds: BTreeMap<SceneWord, SceneRule>,
    /// By hazard.
    pub hazards: BTreeMap<SceneWord, SceneRule>,
    /// By age band.
    pub age_bands: BTreeMap<SceneWord, SceneRule>,
    /// For a place kind, hazard or age band that is in none of these: the control room said something that the policy does
    /// not understand.
    pub unknown_word: SceneRule,
}

impl Default for SceneRules {
    /// The published lists: New South Wales (GoodSAM), Berlin (KATRETTER), Denmark (HeartRunner), the United States
    /// (PulsePoint); RESEARCH-domain 1.3 names them. The words themselves are ours.
    fn default() -> Self {
        use SceneRule::{Everybody, Nobody, VettedOnly};
        let rules = |rules: &[(&str, SceneRule)]| {
            let word = |word| SceneWord::new(word).expect("a literal of the right form");
            rules.iter().map(|&(name, rule)| (word(name), rule)).collect()
        };
        Self {
            // KATRETTER: no traumatic arrest. NSW: no expected deaths. HeartRunner: no trauma, drowning, suicide.
            incident_kinds: rules(&[
                ("traumatic_arrest", Nobody),
                ("expected_death", Nobody),
                ("drowning", Nobody),
                ("suicide", Nobody),
            ]),
            // NSW: not to aged-care or health facilities; HeartRunner: no nursing home with trained staff. Custody is our
            // assumption: nobody gets in.
            place_kinds: rules(&[
                ("public", Everybody),
                ("home", Everybody),
                ("workplace", Everybody),
                ("other", Everybody),
                ("care_home", Nobody),
                ("health_facility", Nobody),
                ("custody", Nobody),
            ]),
            // All of them: no scene known to be unsafe. HeartRunner: no obvious death, no intoxication. That fire, gas and
            // traffic go to nobody is our reading of "unsafe"; that vetted people may go where there are drugs is our
            // assumption.
            hazards: rules(&[
                ("none", Everybody),
                ("unsafe", Nobody),
                ("violence", Nobody),
                ("weapon", Nobody),
                ("fire", Nobody),
                ("gas", Nobody),
                ("electricity", Nobody),
                ("chemical", Nobody),
                ("railway", Nobody),
                ("trauma", Nobody),
                ("suicide", Nobody),
                ("expected_death", Nobody),
                ("obvious_death", Nobody),
                ("traffic", VettedOnly),
                ("intoxication", VettedOnly),
                ("caller_not_with_patient", VettedOnly),
            ]),
            // KATRETTER: not infants under 4 weeks. HeartRunner: not under 8 years.
            age_bands: rules(&[
                ("adult", Everybody),
                ("over_8_years", Everybody),
                ("under_8_years", VettedOnly),
                ("under_4_weeks", Nobody),
            ]),
            // G6 of the governance list: what is not understood goes to the vetted only.
            unknown_word: VettedOnly,
        }
    }
}

impl SceneRules {
    /// The strictest rule that anything about an incident calls for; `region` is what is said of where it is.
    pub fn rule(&self, incident_kind: &str, scene: &Scene, region: SceneRule) -> SceneRule {
        let known = |rules: &BTreeMap<SceneWord, SceneRule>, word: &SceneWord| {
            rules.get(word).copied().unwrap_or(self.unknown_word)
        };
        let kind = SceneWord::new(incident_kind).and_then(|kind| self.incident_kinds.get(&kind).copied());
        let place = scene.place_kind.as_ref().map(|word| known(&self.place_kinds, word));
        let age = scene.age_band.as_ref().map(|word| known(&self.age_bands, word));
        let hazards = scene.hazards.iter().map(|word| known(&self.hazards, word));
        let all = [kind, place, age].into_iter().flatten().chain(hazards);
        all.max().unwrap_or(SceneRule::Everybody).max(region)
    }

    /// The words of a scene that the policy does not know, in order.
    pub fn unknown_words<'a>(&self, scene: &'a Scene) -> Vec<&'a SceneWord> {
        let place = scene
            .place_kind
            .iter()
            .filter(|word| !self.place_kinds.contains_key(*word));
        let hazards = scene.hazards.iter().filter(|word| !self.hazards.contains_key(*word));
        let age = scene.age_band.iter().filter(|word| !self.age_bands.contains_key(*word));
        place.chain(hazards).chain(age).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str) -> SceneWord {
        SceneWord::new(word).expect("valid")
    }

    #[test]
    fn the_strictest_word_rules() {
        let rules = SceneRules::default();
        let mut scene = Scene::default();
        assert_eq!(
            rules.rule("cardiac_arrest", &scene, SceneRule::Everybody),
            SceneRule::Everybody
        );
        scene.place_kind = Some(word("home"));
        assert_eq!(
            rules.rule("cardiac_arrest", &scene, SceneRule::Everybody),
            SceneRule::Everybody
        );
        scene.hazards.insert(word("intoxication"));
        assert_eq!(
            rules.rule("cardiac_arrest", &scene, SceneRule::Everybody),
            SceneRule::VettedOnly
        );
        scene.hazards.insert(word("violence"));
        assert_eq!(
            rules.rule("cardiac_arrest", &scene, SceneRule::Everybody),
            SceneRule::Nobody
        );
        let anywhere = |kind| rules.rule(kind, &Scene::default(), SceneRule::Everybody);
        assert_eq!(anywhere("traumatic_arrest"), SceneRule::Nobody);
        let region = |region| rules.rule("cardiac_arrest", &Scene::default(), region);
        assert_eq!(region(SceneRule::VettedOnly), SceneRule::VettedOnly);
    }

    #[test]
    fn what_is_not_understood_goes_to_the_vetted_only_and_is_named() {
        let rules = SceneRules::default();
        let scene = Scene {
            place_kind: Some(word("submarine")),
            hazards: [word("dragon"), word("none")].into(),
            age_band: Some(word("adult")),
        };
        assert_eq!(
            rules.rule("cardiac_arrest", &scene, SceneRule::Everybody),
            SceneRule::VettedOnly
        );
        assert_eq!(rules.unknown_words(&scene), [&word("submarine"), &word("dragon")]);
    }
}
