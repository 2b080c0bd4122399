//! Which policy rules: the most special one that fits. And which scenes are not for everybody because of where they are.

use std::collections::BTreeMap;

use super::{InvalidPolicy, Policy};
use crate::{ids::TenantId, incident::IncidentKind, position::Position, regions::Region, scene::SceneRule};

/// Regions with rules at most, looked through at each decision: a prison, an airfield and a town for each of three hundred
/// districts. Many places with one rule are one region of many polygons.
pub const REGIONS_MAX: usize = 1_000;
/// Corners of all of them at most, 16 bytes each.
pub const REGION_POINTS_MAX: usize = 1_000_000;

/// What is different in a region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegionRule {
    /// This policy rules. Whether a life depends on an incident is still a matter of its kind: see
    /// [`PolicyBook::is_life_threatening`].
    Policy(Box<Policy>),
    /// Any scene there is for these people at most.
    Scene(SceneRule),
}

/// A rule for incidents in a region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegionalRule {
    /// Of this control room; `None` = of any.
    pub tenant: Option<TenantId>,
    /// Of this kind; `None` = of any.
    pub kind: Option<IncidentKind>,
    /// Where.
    pub region: Region,
    /// What is different.
    pub rule: RegionRule,
}

/// A rule for a region that cannot be added.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidRegionalRule {
    /// Its policy cannot be used.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// There are as many as may be.
    #[error("more than {REGIONS_MAX} rules for regions; accepted is one for many polygons")]
    TooMany,
    /// They have as many corners as may be.
    #[error("regions of more than {REGION_POINTS_MAX} corners in all; simplify the outlines")]
    TooManyPoints,
}

/// All policies: a default, and others by control room, by kind, or by both; and rules for regions.
#[derive(Clone, Debug, Default)]
pub struct PolicyBook {
    default: Policy,
    special: BTreeMap<(Option<TenantId>, Option<IncidentKind>), Policy>,
    /// In the order in which they were added.
    regional: Vec<RegionalRule>,
}

impl PolicyBook {
    /// A book with this default.
    pub fn new(default: Policy) -> Result<Self, InvalidPolicy> {
        default.check()?;
        Ok(Self {
            default,
            special: BTreeMap::new(),
            regional: Vec::new(),
        })
    }

    /// Adds a policy for a control room, a kind, or both.
    pub fn add(
        &mut self,
        tenant: Option<TenantId>,
        kind: Option<IncidentKind>,
        policy: Policy,
    ) -> Result<(), InvalidPolicy> {
        policy.check()?;
        self.special.insert((tenant, kind), policy);
        Ok(())
    }

    /// Adds a rule for a region. Of two policies for one place the more special rules, of two as special the one added
    /// first; of two scene rules the stricter.
    pub fn add_region(&mut self, rule: RegionalRule) -> Result<(), InvalidRegionalRule> {
        if let RegionRule::Policy(policy) = &rule.rule {
            policy.check()?;
        }
        if self.regional.len() >= REGIONS_MAX {
            return Err(InvalidRegionalRule::TooMany);
        }
        let before: usize = self.regional.iter().map(|known| known.region.area().points()).sum();
        if before + rule.region.area().points() > REGION_POINTS_MAX {
            return Err(InvalidRegionalRule::TooManyPoints);
        }
        self.regional.push(rule);
        Ok(())
    }

    /// The policy where nothing special is said.
    pub fn default_policy(&self) -> &Policy {
        &self.default
    }

    /// The policy for an incident: that of a region its place is in, or else that of its control room and kind. Of either the
    /// most special that fits: control room and kind, then control room, then kind, then any. An incident without a place is
    /// in no region.
    pub fn policy(&self, tenant: &TenantId, kind: &IncidentKind, place: Option<Position>) -> &Policy {
        self.regional_policy(tenant, kind, place)
            .unwrap_or_else(|| self.policy_anywhere(tenant, kind))
    }

    /// The strictest rule of the regions that a place is in, for a scene there.
    pub fn scene_rule(&self, tenant: &TenantId, kind: &IncidentKind, place: Option<Position>) -> SceneRule {
        let rules = self.rules_at(tenant, kind, place).filter_map(|rule| match &rule.rule {
            RegionRule::Scene(scene) => Some(*scene),
            RegionRule::Policy(_) => None,
        });
        rules.max().unwrap_or(SceneRule::Everybody)
    }

    /// Whether a control room's reports of a kind go on while the store is in trouble. The same everywhere: what a life
    /// depends on must not hang on a place that may still be corrected.
    pub fn is_life_threatening(&self, tenant: &TenantId, kind: &IncidentKind) -> bool {
        self.policy_anywhere(tenant, kind).life_threatening
    }

    fn policy_anywhere(&self, tenant: &TenantId, kind: &IncidentKind) -> &Policy {
        let find = |tenant: Option<&TenantId>, kind: Option<&IncidentKind>| {
            self.special.get(&(tenant.cloned(), kind.cloned()))
        };
        find(Some(tenant), Some(kind))
            .or_else(|| find(Some(tenant), None))
            .or_else(|| find(None, Some(kind)))
            .unwrap_or(&self.default)
    }

    fn regional_policy(&self, tenant: &TenantId, kind: &IncidentKind, place: Option<Position>) -> Option<&Policy> {
        let policies = self.rules_at(tenant, kind, place).filter_map(|rule| match &rule.rule {
            RegionRule::Policy(policy) => Some(((rule.tenant.is_none(), rule.kind.is_none()), &**policy)),
            RegionRule::Scene(_) => None,
        });
        // The first of several that are as special.
        policies.min_by_key(|(general, _)| *general).map(|(_, policy)| policy)
    }

    /// The rules for a control room, kind and place. The service's own drill goes through wherever it takes place: its
    /// policy keeps it from everybody but its own phone, and a region must neither lift that nor silence it.
    fn rules_at<'book, 'words>(
        &'book self,
        tenant: &'words TenantId,
        kind: &'words IncidentKind,
        place: Option<Position>,
    ) -> impl Iterator<Item = &'book RegionalRule> {
        let place = place.filter(|_| !kind.is_canary());
        self.regional.iter().filter(move |rule| {
            rule.tenant.as_ref().is_none_or(|only| only == tenant)
                && rule.kind.as_ref().is_none_or(|only| only == kind)
                && place.is_some_and(|place| rule.region.area().contains(place))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regions::{Area, Polygon};

    #[test]
    fn the_most_special_policy_wins() {
        let tenant = TenantId::new("london").expect("valid");
        let kind = IncidentKind::new("cardiac_arrest").expect("valid");
        let named = |name: &str| Policy {
            name: name.to_owned(),
            ..Policy::default()
        };
        let mut book = PolicyBook::new(Policy::default()).expect("valid");
        assert_eq!(book.policy(&tenant, &kind, None).name, "default");
        book.add(None, Some(kind.clone()), named("kind")).expect("valid");
        assert_eq!(book.policy(&tenant, &kind, None).name, "kind");
        book.add(Some(tenant.clone()), None, named("tenant")).expect("valid");
        assert_eq!(book.policy(&tenant, &kind, None).name, "tenant");
        book.add(Some(tenant.clone()), Some(kind.clone()), named("both"))
            .expect("valid");
        assert_eq!(book.policy(&tenant, &kind, None).name, "both");
    }

    #[test]
    fn what_nobody_called_harmless_is_life_threatening() {
        let tenant = TenantId::new("london").expect("valid");
        let kind = |name: &str| IncidentKind::new(name).expect("valid");
        let fall = Policy {
            life_threatening: false,
            ..Policy::default()
        };
        let mut book = PolicyBook::default();
        book.add(None, Some(kind("fall")), fall).expect("valid");
        assert!(book.is_life_threatening(&tenant, &kind("cardiac_arrest")));
        assert!(!book.is_life_threatening(&tenant, &kind("fall")));
    }

    fn square(name: &str, south: f64, north: f64) -> Region {
        let corners = [(south, -1.0), (south, 1.0), (north, 1.0), (north, -1.0)];
        let corners = corners.map(|(latitude, longitude)| Position::from_degrees(latitude, longitude).expect("valid"));
        let area = Area::new(vec![Polygon::new(&corners, &[]).expect("valid")]).expect("valid");
        Region::new(name, area).expect("valid")
    }

    fn named(name: &str) -> RegionRule {
        RegionRule::Policy(Box::new(Policy {
            name: name.to_owned(),
            ..Policy::default()
        }))
    }

    #[test]
    fn a_region_goes_before_the_rest_and_the_more_special_before_the_first() {
        let (london, wales) = (
            TenantId::new("london").expect("valid"),
            TenantId::new("wales").expect("valid"),
        );
        let kind = |name: &str| IncidentKind::new(name).expect("valid");
        let mut book = PolicyBook::default();
        let mut add = |tenant: Option<&TenantId>, only: Option<&str>, south, name| {
            let rule = RegionalRule {
                tenant: tenant.cloned(),
                kind: only.map(kind),
                region: square(name, south, south + 1.0),
                rule: named(name),
            };
            book.add_region(rule).expect("valid");
        };
        add(None, None, 51.0, "any");
        add(None, None, 51.5, "any, later");
        add(None, Some("bleed"), 51.0, "bleed");
        add(Some(&london), None, 51.2, "london");
        book.add(Some(london.clone()), Some(kind("fall")), Policy::default())
            .expect("valid");
        let at = |latitude| Position::from_degrees(latitude, 0.0).ok();
        let name = |tenant, only, place| book.policy(tenant, &kind(only), place).name.as_str();
        assert_eq!(name(&london, "fall", at(50.9)), "default");
        assert_eq!(name(&london, "fall", None), "default");
        assert_eq!(name(&london, "fall", at(51.1)), "any", "before the rest");
        assert_eq!(name(&london, "fall", at(51.7)), "london", "the more special");
        assert_eq!(name(&wales, "fall", at(51.7)), "any", "the first");
        assert_eq!(name(&wales, "fall", at(52.3)), "any, later");
        assert_eq!(name(&wales, "bleed", at(51.7)), "bleed");
        assert_eq!(
            name(&london, "muster_canary", at(51.7)),
            "default",
            "the service's own drill"
        );
    }

    #[test]
    fn of_several_scene_rules_the_strictest_holds() {
        let (london, wales) = (
            TenantId::new("london").expect("valid"),
            TenantId::new("wales").expect("valid"),
        );
        let kind = IncidentKind::new("cardiac_arrest").expect("valid");
        let mut book = PolicyBook::default();
        for (tenant, south, rule) in [
            (None, 51.0, SceneRule::VettedOnly),
            (Some(london.clone()), 51.5, SceneRule::Nobody),
            (None, 51.6, SceneRule::Everybody),
        ] {
            let region = square("barred", south, south + 1.0);
            let (kind, rule) = (None, RegionRule::Scene(rule));
            let rule = RegionalRule {
                tenant,
                kind,
                region,
                rule,
            };
            book.add_region(rule).expect("valid");
        }
        let rule = |tenant, latitude| book.scene_rule(tenant, &kind, Position::from_degrees(latitude, 0.0).ok());
        assert_eq!(rule(&london, 50.9), SceneRule::Everybody);
        assert_eq!(rule(&london, 51.2), SceneRule::VettedOnly);
        assert_eq!(rule(&london, 51.7), SceneRule::Nobody);
        assert_eq!(rule(&wales, 51.7), SceneRule::VettedOnly);
        assert_eq!(book.scene_rule(&london, &kind, None), SceneRule::Everybody);
        let canary = IncidentKind::new(crate::incident::CANARY).expect("valid");
        let place = Position::from_degrees(51.7, 0.0).ok();
        assert_eq!(book.scene_rule(&london, &canary, place), SceneRule::Everybody);
    }

    #[test]
    fn a_region_does_not_say_what_a_life_depends_on() {
        let tenant = TenantId::new("london").expect("valid");
        let kind = IncidentKind::new("fall").expect("valid");
        let policy = Policy {
            life_threatening: false,
            ..Policy::default()
        };
        let mut book = PolicyBook::default();
        let rule = RegionalRule {
            tenant: None,
            kind: None,
            region: square("town", 51.0, 52.0),
            rule: RegionRule::Policy(Box::new(policy)),
        };
        book.add_region(rule.clone()).expect("valid");
        assert!(book.is_life_threatening(&tenant, &kind));
        for _ in 1..REGIONS_MAX {
            book.add_region(rule.clone()).expect("there is room");
        }
        assert_eq!(book.add_region(rule), Err(InvalidRegionalRule::TooMany));
    }
}
