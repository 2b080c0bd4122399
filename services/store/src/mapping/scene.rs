//! What is known of a scene, and roles, which may name a defibrillator.

use dispatch_core::{
    alert::Role,
    ids::{AedId, AlertId},
    scene::{HAZARDS_MAX, Scene, SceneWord},
};
use muster_proto::journal::v1 as stored;

use super::{
    InvalidRecord,
    fields::{id, wrong},
};

pub fn scene(scene: &Scene) -> Option<stored::Scene> {
    let text = |word: &Option<SceneWord>| word.as_ref().map_or_else(String::new, SceneWord::to_string);
    (*scene != Scene::default()).then(|| stored::Scene {
        place_kind: text(&scene.place_kind),
        hazards: scene.hazards.iter().map(SceneWord::to_string).collect(),
        age_band: text(&scene.age_band),
    })
}

pub fn from_scene(scene: Option<stored::Scene>) -> Result<Scene, InvalidRecord> {
    let scene = scene.unwrap_or_default();
    if scene.hazards.len() > HAZARDS_MAX {
        return Err(wrong("Scene.hazards", scene.hazards.len(), "at most 16 words"));
    }
    let hazards = scene.hazards.iter();
    Ok(Scene {
        place_kind: optional_word("Scene.place_kind", &scene.place_kind)?,
        hazards: hazards
            .map(|text| word("Scene.hazards", text))
            .collect::<Result<_, _>>()?,
        age_band: optional_word("Scene.age_band", &scene.age_band)?,
    })
}

fn optional_word(field: &'static str, text: &str) -> Result<Option<SceneWord>, InvalidRecord> {
    (!text.is_empty()).then(|| word(field, text)).transpose()
}

fn word(field: &'static str, text: &str) -> Result<SceneWord, InvalidRecord> {
    SceneWord::new(text).ok_or_else(|| wrong(field, format_args!("'{text}'"), "1 to 32 characters of a-z 0-9 _"))
}

/// A role and the id of its defibrillator, empty when it has none.
pub fn role(role: Role) -> (i32, Vec<u8>) {
    let word = match role {
        Role::Direct => stored::Role::Direct,
        Role::FetchAed(_) => stored::Role::FetchAed,
        Role::Guide => stored::Role::Guide,
        Role::Shift => stored::Role::Shift,
    };
    let aed = role.aed().map_or_else(Vec::new, |aed: AedId| aed.as_bytes().to_vec());
    (word.into(), aed)
}

pub fn reassigned(alert: AlertId, to: Role, version: u32) -> stored::AlertReassigned {
    let (role, aed) = role(to);
    stored::AlertReassigned {
        alert: alert.as_bytes().to_vec(),
        role,
        aed,
        alert_version: version,
    }
}

pub fn from_role(field: &'static str, number: i32, aed: &[u8]) -> Result<Role, InvalidRecord> {
    match stored::Role::try_from(number) {
        Ok(stored::Role::Direct) => Ok(Role::Direct),
        Ok(stored::Role::FetchAed) => Ok(Role::FetchAed(id(field, aed)?)),
        Ok(stored::Role::Guide) => Ok(Role::Guide),
        Ok(stored::Role::Shift) => Ok(Role::Shift),
        Ok(stored::Role::Unspecified) | Err(_) => Err(wrong(field, number, "a value this Muster knows")),
    }
}
