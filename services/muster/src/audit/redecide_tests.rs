#![allow(clippy::unwrap_used)]

use std::time::Duration;

use dispatch_core::{policy::Policy, record::Verdict};

use super::*;
use crate::audit::scene::{decided_by, policy, responder};

fn shelf(policy: &Policy) -> Shelf {
    Shelf::new([muster_policies::text(policy)])
}

#[test]
fn what_was_decided_comes_out_the_same() {
    let policy = policy();
    let mut audit = Audit::new(shelf(&policy), None, true);
    let lines = audit.decision(&decided_by(&policy));
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].ends_with("policy 1 'sample' version 5): same bits"),
        "{lines:?}"
    );
    assert_eq!(audit.summary(), ["1 decided again: 1 same bits, 0 otherwise"]);
    audit.verdict().unwrap();
}

#[test]
fn a_changed_record_is_told_by_name_and_is_an_error() {
    let policy = policy();
    let mut made = decided_by(&policy);
    let asked = made.alerts.pop().unwrap().responder;
    let mut audit = Audit::new(shelf(&policy), None, false);
    let lines = audit.decision(&made);
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with(&format!("    {asked}: not asked in the record; asked as number"))),
        "{lines:#?}"
    );
    assert!(audit.summary()[1].contains("no field differs"), "{:?}", audit.summary());
    let error = audit.verdict().unwrap_err().to_string();
    assert!(error.starts_with("1 decisions come out otherwise"), "{error}");
}

#[test]
fn another_policy_tells_what_it_would_have_done_and_is_no_error() {
    let policy = policy();
    let other = Policy {
        turnout_day: policy.turnout_day + Duration::from_secs(30),
        ..Policy::soonest()
    };
    let mut audit = Audit::new(shelf(&policy), Some(other), false);
    let lines = audit.decision(&decided_by(&policy));
    assert!(
        lines.iter().any(|line| line.contains("arrivals differ; the first: ")),
        "{lines:#?}"
    );
    let summary = audit.summary();
    assert!(
        summary.contains(&"    ranking: \"survival\" there, \"soonest\" here".to_owned()),
        "{summary:#?}"
    );
    audit.verdict().unwrap();
}

#[test]
fn a_policy_that_asks_fewer_people_asks_fewer() {
    let made = decided_by(&policy());
    let fewer = Policy {
        alert_count: 1,
        ..policy()
    };
    let mut audit = Audit::new(shelf(&policy()), Some(fewer), false);
    let lines = audit.decision(&made);
    let dropped = lines.iter().filter(|line| line.ends_with("; not asked now")).count();
    assert_eq!((made.alerts.len(), dropped), (3, 2), "{lines:#?}");
    assert!(audit.summary().contains(&"    alert_count: 3 there, 1 here".to_owned()));
}

#[test]
fn a_rule_that_a_recorded_policy_did_not_have_yet_is_named() {
    let policy = policy();
    // As written by a version that had no such field and decided by another figure.
    let text = muster_policies::text(&policy);
    let older: Vec<&str> = text.lines().filter(|line| !line.starts_with("notice_s")).collect();
    assert!(older.len() < text.lines().count());
    let made = decided_by(&Policy {
        notice: Duration::from_secs(60),
        ..policy
    });
    let mut audit = Audit::new(Shelf::new([older.join("\n")]), None, false);
    assert!(audit.decision(&made).len() > 1);
    let summary = audit.summary();
    assert!(
        summary[2].starts_with("    notice_s: not stated there, 6"),
        "{summary:#?}"
    );
    assert!(audit.verdict().is_err());
}

#[test]
fn decisions_from_before_are_counted_apart() {
    let policy = policy();
    let mut made = decided_by(&policy);
    made.policy.number = 0;
    made.candidates[0].verdict = Verdict::Suspended;
    for other in [None, Some(Policy::soonest())] {
        let mut audit = Audit::new(shelf(&policy), other, false);
        assert_eq!(audit.decision(&made), [""; 0]);
        assert_eq!(
            audit.summary().last().unwrap(),
            "1 recorded before decisions could be made again"
        );
        audit.verdict().unwrap();
    }
}

#[test]
fn a_policy_that_is_lost_or_not_understood_is_an_error_that_names_it() {
    let policy = policy();
    let mut made = decided_by(&policy);
    made.policy.number = 2;
    let mut audit = Audit::new(shelf(&policy), None, false);
    assert!(audit.decision(&made)[0].ends_with("its policy, number 2, is not in the journal"));
    assert!(audit.verdict().is_err());
    made.policy.number = 1;
    let mut audit = Audit::new(Shelf::new(["moon_phase = 3".to_owned()]), None, false);
    let lines = audit.decision(&made);
    assert!(
        lines[0].contains("its policy, number 1, cannot be read") && lines[0].contains("moon_phase"),
        "{lines:?}"
    );
    assert!(audit.verdict().is_err());
    assert_ne!(made.alerts[0].responder, responder(1), "who is off duty is not asked");
}
