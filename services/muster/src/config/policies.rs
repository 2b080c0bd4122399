//! The `[policy]` and `[[special_policy]]` sections of the configuration file.

use dispatch_core::{
    ids::TenantId,
    incident::IncidentKind,
    policy::{Policy, PolicyBook},
};
use muster_policies::PolicySection;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpecialPolicySection {
    tenant: Option<String>,
    incident_kind: Option<String>,
    policy: PolicySection,
}

/// The book that the sections describe.
pub(super) fn book(default: PolicySection, special: Vec<SpecialPolicySection>) -> Result<PolicyBook, String> {
    let default = default
        .over(&Policy::default())
        .map_err(|problem| format!("policy.{problem}"))?;
    let mut book = PolicyBook::new(default.clone()).map_err(|error| error.to_string())?;
    for section in special {
        let tenant = section
            .tenant
            .map(|name| TenantId::new(&name).map_err(|error| format!("special_policy.tenant: {error}")))
            .transpose()?;
        let kind = section
            .incident_kind
            .map(|name| {
                IncidentKind::new(&name).ok_or_else(|| {
                    format!("special_policy.incident_kind is '{name}'; accepted is 1 to 64 characters of a-z 0-9 _")
                })
            })
            .transpose()?;
        if tenant.is_none() && kind.is_none() {
            return Err("special_policy needs a tenant, an incident_kind, or both".to_owned());
        }
        let policy = section.policy.over(&default);
        let policy = policy.map_err(|problem| format!("special_policy.policy.{problem}"))?;
        book.add(tenant, kind, policy).map_err(|error| error.to_string())?;
    }
    Ok(book)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_life_threatening_unless_it_is_said_not_to_be() {
        let special: SpecialPolicySection =
            toml::from_str("incident_kind = 'fall'\npolicy = { life_threatening = false }").expect("valid");
        let book = book(PolicySection::default(), vec![special]).expect("valid");
        let tenant = TenantId::new("london").expect("valid");
        let kind = |name: &str| IncidentKind::new(name).expect("valid");
        assert!(book.is_life_threatening(&tenant, &kind("cardiac_arrest")));
        assert!(!book.is_life_threatening(&tenant, &kind("fall")));
        toml::from_str::<PolicySection>("life_threatening = 'perhaps'").expect_err("yes or no");
    }
}
