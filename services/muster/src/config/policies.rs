//! The `[policy]` and `[[special_policy]]` sections of the configuration file.

use std::{collections::BTreeSet, time::Duration};

use dispatch_core::{
    ids::TenantId,
    incident::IncidentKind,
    policy::{Policy, PolicyBook},
    position::Metres,
    responder::Skill,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpecialPolicySection {
    tenant: Option<String>,
    incident_kind: Option<String>,
    policy: PolicySection,
}

/// Fields left out keep the value of the default policy.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicySection {
    name: Option<String>,
    version: Option<u32>,
    alert_count: Option<u32>,
    wanted: Option<u32>,
    alerts_max: Option<u32>,
    candidates_max: Option<u32>,
    radius_m: Option<u32>,
    skills_any: Option<Vec<String>>,
    detour_permille: Option<u32>,
    speeds: SpeedsSection,
    turnout_day_s: Option<f64>,
    turnout_night_s: Option<f64>,
    night_from_hour: Option<u8>,
    night_to_hour: Option<u8>,
    receipt_resend_s: Option<f64>,
    receipt_wait_s: Option<f64>,
    answer_wait_s: Option<f64>,
    could_not_alert_after_s: Option<f64>,
    alert_expiry_s: Option<f64>,
    search_again_after_s: Option<f64>,
    late_after_s: Option<f64>,
    attendance_max_s: Option<f64>,
    incident_max_s: Option<f64>,
    life_threatening: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SpeedsSection {
    unknown_mm_s: Option<u32>,
    foot_mm_s: Option<u32>,
    bicycle_mm_s: Option<u32>,
    car_mm_s: Option<u32>,
}

/// The book that the sections describe.
pub(super) fn book(default: PolicySection, special: Vec<SpecialPolicySection>) -> Result<PolicyBook, String> {
    let default = default.over(&Policy::default())?;
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
        let policy = section.policy.over(&default)?;
        book.add(tenant, kind, policy).map_err(|error| error.to_string())?;
    }
    Ok(book)
}

impl PolicySection {
    /// The policy with the fields of this section in place of those of `base`.
    fn over(self, base: &Policy) -> Result<Policy, String> {
        let mut policy = base.clone();
        let set = |field: &mut u32, value: Option<u32>| *field = value.unwrap_or(*field);
        policy.name = self.name.unwrap_or(policy.name);
        set(&mut policy.version, self.version);
        set(&mut policy.alert_count, self.alert_count);
        set(&mut policy.wanted, self.wanted);
        set(&mut policy.alerts_max, self.alerts_max);
        set(&mut policy.candidates_max, self.candidates_max);
        set(&mut policy.detour_permille, self.detour_permille);
        set(&mut policy.speeds.unknown, self.speeds.unknown_mm_s);
        set(&mut policy.speeds.foot, self.speeds.foot_mm_s);
        set(&mut policy.speeds.bicycle, self.speeds.bicycle_mm_s);
        set(&mut policy.speeds.car, self.speeds.car_mm_s);
        policy.radius = self.radius_m.map_or(policy.radius, Metres::new);
        policy.night_from_hour = self.night_from_hour.unwrap_or(policy.night_from_hour);
        policy.night_to_hour = self.night_to_hour.unwrap_or(policy.night_to_hour);
        policy.life_threatening = self.life_threatening.unwrap_or(policy.life_threatening);
        if let Some(names) = self.skills_any {
            let skill = |name: String| {
                Skill::new(&name).ok_or_else(|| {
                    format!("policy.skills_any has '{name}'; accepted is 1 to 32 characters of a-z 0-9 _")
                })
            };
            policy.skills_any = names.into_iter().map(skill).collect::<Result<BTreeSet<_>, _>>()?;
        }
        for (name, field, value) in [
            ("turnout_day_s", &mut policy.turnout_day, self.turnout_day_s),
            ("turnout_night_s", &mut policy.turnout_night, self.turnout_night_s),
            ("receipt_resend_s", &mut policy.receipt_resend, self.receipt_resend_s),
            ("receipt_wait_s", &mut policy.receipt_wait, self.receipt_wait_s),
            ("answer_wait_s", &mut policy.answer_wait, self.answer_wait_s),
            (
                "could_not_alert_after_s",
                &mut policy.could_not_alert_after,
                self.could_not_alert_after_s,
            ),
            ("alert_expiry_s", &mut policy.alert_expiry, self.alert_expiry_s),
            (
                "search_again_after_s",
                &mut policy.search_again_after,
                self.search_again_after_s,
            ),
            ("attendance_max_s", &mut policy.attendance_max, self.attendance_max_s),
            ("incident_max_s", &mut policy.incident_max, self.incident_max_s),
            ("late_after_s", &mut policy.late_after, self.late_after_s),
        ] {
            if let Some(seconds) = value {
                *field = Duration::try_from_secs_f64(seconds)
                    .map_err(|_| format!("policy.{name} is {seconds}; accepted is a number of seconds"))?;
            }
        }
        Ok(policy)
    }
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
