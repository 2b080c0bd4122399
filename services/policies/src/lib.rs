//! Policies as text: TOML in and out, and the published rules of other systems as policies.
//!
//! ```text
//! TOML ──PolicySection──over(base)──> Policy ──check──> usable        Policy ──text──> TOML with every field
//! ```
//! A field left out keeps the value of the base. What a policy means, and which values it may have, stands in
//! [`dispatch_core::policy`].

mod field;
mod published;
mod scenes;
mod section;

use dispatch_core::policy::Policy;

pub use published::published;
pub use scenes::scene_rule;
pub use section::PolicySection;

/// A text that is no usable policy.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicyText {
    /// It is no TOML, or has a key that no policy has, or a value of the wrong type.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A value that a field cannot have.
    #[error("{0}")]
    Value(String),
    /// The fields do not fit together.
    #[error("{0}")]
    Check(#[from] dispatch_core::policy::InvalidPolicy),
}

/// The policy that a text describes; what it leaves out is as in the shipped one.
///
/// # Errors
/// Names the line or the field, the value, and what is accepted.
pub fn parse(text: &str) -> Result<Policy, InvalidPolicyText> {
    let section: PolicySection = toml::from_str(text)?;
    let policy = section.over(&Policy::default()).map_err(InvalidPolicyText::Value)?;
    policy.check()?;
    Ok(policy)
}

/// The text of a policy, with every field, so that it means the same whatever is shipped by then.
pub fn text(policy: &Policy) -> String {
    toml::to_string(&PolicySection::from(policy)).expect("a policy is a table of plain values")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_back_from_its_text() {
        let shipped = [Policy::default(), Policy::soonest()];
        for policy in shipped.into_iter().chain(published()) {
            assert_eq!(
                parse(&text(&policy)).expect("its own text"),
                policy,
                "{}",
                text(&policy)
            );
        }
    }

    #[test]
    fn a_text_says_every_field_so_that_another_base_changes_nothing() {
        let policy = Policy::default();
        let section: PolicySection = toml::from_str(&text(&policy)).expect("its own text");
        let mut other = Policy::soonest();
        other.scenes.hazards.clear();
        other.joint.guides = 2;
        other.ambulance_margin = None;
        other.time_zone = Some(chrono_tz::Europe::Paris);
        other.improve_by = None;
        assert_eq!(section.over(&other).expect("its own text"), policy);
    }

    #[test]
    fn wrong_values_are_named_with_what_is_accepted() {
        let refused = |text: &str| parse(text).expect_err("refused").to_string();
        assert!(refused("radius_m = 10").contains("radius_m is 10; accepted is 50 to 50000"));
        assert!(refused("ranking = 'best'").contains("survival"));
        assert!(refused("roles = ['dance']").contains("fetch_aed"));
        assert!(refused("time_zone = 'Mars/Olympus'").contains("time_zone is 'Mars/Olympus'"));
        assert!(refused("joint = { curve = 'larson' }").contains("larsen_1993"));
        assert!(refused("aeds = { handling_s = -1 }").contains("aeds.handling_s is -1"));
        assert!(refused("alert_cuont = 3").contains("alert_cuont"));
        assert!(refused("scenes = { hazards = { 'Big Fire' = 'nobody' } }").contains("'Big Fire'"));
    }
}
