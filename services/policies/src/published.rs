//! The published rules of other systems, as far as they are published, as policies of ours. `deploy/policies` says what
//! is known of each and what had to be assumed.

use dispatch_core::policy::Policy;

use crate::parse;

const FILES: [(&str, &str); 7] = [
    (
        "goodsam_london",
        include_str!("../../../deploy/policies/goodsam_london.toml"),
    ),
    (
        "east_midlands",
        include_str!("../../../deploy/policies/east_midlands.toml"),
    ),
    ("hartslagnu", include_str!("../../../deploy/policies/hartslagnu.toml")),
    ("heartrunner", include_str!("../../../deploy/policies/heartrunner.toml")),
    ("freiburg", include_str!("../../../deploy/policies/freiburg.toml")),
    ("vienna", include_str!("../../../deploy/policies/vienna.toml")),
    (
        "plos_one_2026",
        include_str!("../../../deploy/policies/plos_one_2026.toml"),
    ),
];

/// All of them.
pub fn published() -> Vec<Policy> {
    let policy = |(name, text)| {
        let policy = parse(text).unwrap_or_else(|problem| panic!("the shipped policy {name}: {problem}"));
        assert_eq!(policy.name, name, "a shipped policy is called as its file");
        policy
    };
    FILES.map(policy).into()
}
