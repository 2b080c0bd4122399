//! Which policy rules: the most special one that fits.

use std::collections::BTreeMap;

use super::{InvalidPolicy, Policy};
use crate::{ids::TenantId, incident::IncidentKind};

/// All policies: a default, and others by control room, by kind, or by both.
#[derive(Clone, Debug, Default)]
pub struct PolicyBook {
    default: Policy,
    special: BTreeMap<(Option<TenantId>, Option<IncidentKind>), Policy>,
}

impl PolicyBook {
    /// A book with this default.
    pub fn new(default: Policy) -> Result<Self, InvalidPolicy> {
        default.check()?;
        Ok(Self {
            default,
            special: BTreeMap::new(),
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

    /// The most special policy that fits: control room and kind, then control room, then kind, then the default.
    pub fn policy(&self, tenant: &TenantId, kind: &IncidentKind) -> &Policy {
        let find = |tenant: Option<&TenantId>, kind: Option<&IncidentKind>| {
            self.special.get(&(tenant.cloned(), kind.cloned()))
        };
        find(Some(tenant), Some(kind))
            .or_else(|| find(Some(tenant), None))
            .or_else(|| find(None, Some(kind)))
            .unwrap_or(&self.default)
    }

    /// Whether a control room's reports of a kind go on while the store is in trouble.
    pub fn is_life_threatening(&self, tenant: &TenantId, kind: &IncidentKind) -> bool {
        self.policy(tenant, kind).life_threatening
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_special_policy_wins() {
        let tenant = TenantId::new("london").expect("valid");
        let kind = IncidentKind::new("cardiac_arrest").expect("valid");
        let named = |name: &str| Policy {
            name: name.to_owned(),
            ..Policy::default()
        };
        let mut book = PolicyBook::new(Policy::default()).expect("valid");
        assert_eq!(book.policy(&tenant, &kind).name, "default");
        book.add(None, Some(kind.clone()), named("kind")).expect("valid");
        assert_eq!(book.policy(&tenant, &kind).name, "kind");
        book.add(Some(tenant.clone()), None, named("tenant")).expect("valid");
        assert_eq!(book.policy(&tenant, &kind).name, "tenant");
        book.add(Some(tenant.clone()), Some(kind.clone()), named("both"))
            .expect("valid");
        assert_eq!(book.policy(&tenant, &kind).name, "both");
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
}
