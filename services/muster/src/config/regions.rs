//! The `[[region_rule]]` sections of the configuration file: other rules within polygons, which stand in files of their own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use dispatch_core::{
    ids::TenantId,
    incident::IncidentKind,
    policy::{Policy, PolicyBook, RegionRule, RegionalRule},
    position::Position,
    regions::{Area, Region},
};
use muster_ingest::ServiceArea;
use muster_maps::regions::{UnreadableRegions, read_file};
use muster_policies::{PolicySection, scene_rule};
use serde::Deserialize;

/// Of the features that a file has, so many are named when one is looked for in vain.
const NAMES_TOLD: usize = 10;

/// As in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegionRuleSection {
    name: String,
    tenant: Option<String>,
    incident_kind: Option<String>,
    file: PathBuf,
    feature: Option<String>,
    scene: Option<String>,
    policy: Option<PolicySection>,
}

/// The sections, and what they are read against.
pub(super) struct RegionRules<'a> {
    pub sections: Vec<RegionRuleSection>,
    /// Where names of files start from.
    pub directory: &'a Path,
    /// Where incidents can be.
    pub service_area: &'a ServiceArea,
}

impl RegionRules<'_> {
    /// Adds the rules in the order of the sections; each file is read once.
    pub(super) fn add_to(self, book: &mut PolicyBook) -> Result<(), String> {
        let mut files = BTreeMap::new();
        for section in self.sections {
            let name = section.name.clone();
            let wrong = |problem: String| format!("region_rule '{name}': {problem}");
            let path = self.directory.join(&section.file);
            if !files.contains_key(&path) {
                let regions = read_file(&path).map_err(|error| wrong(unreadable(&path, &error)))?;
                files.insert(path.clone(), regions);
            }
            let rule = rule(section, &files[&path], book.default_policy()).map_err(wrong)?;
            if is_elsewhere(rule.region.area(), self.service_area) {
                return Err(wrong(format!(
                    "{} is wholly outside service_area; longitude comes first in GeoJSON and KML",
                    path.display()
                )));
            }
            book.add_region(rule).map_err(|error| wrong(error.to_string()))?;
        }
        Ok(())
    }
}

fn unreadable(path: &Path, error: &UnreadableRegions) -> String {
    // The message of the system, such as that there is no such file, is in the source.
    let cause = match error {
        UnreadableRegions::Io(cause) => format!(": {cause}"),
        _ => String::new(),
    };
    format!("file {}: {error}{cause}", path.display())
}

fn rule(section: RegionRuleSection, regions: &[Region], default: &Policy) -> Result<RegionalRule, String> {
    let tenant = section.tenant.as_deref().map(TenantId::new).transpose();
    let kind = section.incident_kind.map(|name| {
        IncidentKind::new(&name)
            .ok_or_else(|| format!("incident_kind is '{name}'; accepted is 1 to 64 characters of a-z 0-9 _"))
    });
    let area = area(regions, section.feature.as_deref())?;
    let region = Region::new(&section.name, area).map_err(|error| error.to_string())?;
    let rule = match (section.scene, section.policy) {
        (Some(scene), None) => RegionRule::Scene(scene_rule(&scene).map_err(|problem| format!("scene is {problem}"))?),
        (None, Some(policy)) => RegionRule::Policy(Box::new(own_policy(policy, default, region.name())?)),
        _ => return Err("accepted is either scene or policy; for both, two sections".to_owned()),
    };
    Ok(RegionalRule {
        tenant: tenant.map_err(|error| format!("tenant: {error}"))?,
        kind: kind.transpose()?,
        region,
        rule,
    })
}

/// The default policy with what the section says. Unless it says otherwise it is called after its region, so that decisions
/// show which region ruled.
fn own_policy(section: PolicySection, default: &Policy, region: &str) -> Result<Policy, String> {
    let base = Policy {
        name: region.to_owned(),
        ..default.clone()
    };
    let policy = section.over(&base).map_err(|problem| format!("policy.{problem}"))?;
    if policy.life_threatening != default.life_threatening {
        return Err(
            "policy.life_threatening is said by kind in [[special_policy]]; a region does not change it".to_owned(),
        );
    }
    Ok(policy)
}

/// All that the file draws, or the features of a name.
fn area(regions: &[Region], feature: Option<&str>) -> Result<Area, String> {
    let chosen = regions
        .iter()
        .filter(|region| feature.is_none_or(|name| region.name() == name));
    let areas: Vec<&Area> = chosen.map(Region::area).collect();
    if let (true, Some(feature)) = (areas.is_empty(), feature) {
        let names = regions.iter().take(NAMES_TOLD).map(Region::name);
        let names = names.collect::<Vec<_>>().join("', '");
        let more = if regions.len() > NAMES_TOLD { " and others" } else { "" };
        return Err(format!("feature is '{feature}'; the file has '{names}'{more}"));
    }
    Area::together(areas).map_err(|error| error.to_string())
}

/// Whether no incident can be in it: latitude and longitude swapped, most likely.
fn is_elsewhere(area: &Area, service_area: &ServiceArea) -> bool {
    let (latitude, longitude) = service_area.middle();
    // A region as large as the service area has its middle.
    let has_middle = Position::from_degrees(latitude, longitude).is_ok_and(|middle| area.contains(middle));
    !has_middle && !area.corners().any(|corner| service_area.contains(corner))
}

#[cfg(test)]
mod tests;
