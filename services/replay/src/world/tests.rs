//! Stories about whole studies, small enough to run in a moment.

use std::time::Duration;

use dispatch_core::{
    incident::IncidentKind,
    policy::Policy,
    position::{Metres, Position},
    time::Timestamp,
};
use muster_people::place::Place;

use super::{
    Life, live_through,
    lives::{Lives, live_with},
};
use crate::{
    assumptions::Assumptions,
    findings::Findings,
    journey::Errand,
    study::{AedSite, Map, PastIncident, Resident, Study},
};

/// 2023-11-14, a Tuesday, 00:00 UTC.
const TUESDAY_MS: i64 = 1_699_920_000_000;

fn policy(name: &str, alert_count: u32, radius_m: u32) -> Policy {
    Policy {
        name: name.to_owned(),
        alert_count,
        wanted: alert_count.min(3),
        radius: Metres::new(radius_m),
        ..Policy::soonest()
    }
}

/// A town of six kilometres square: 900 people in a lattice, an incident each 25 minutes, some of them close together.
fn study(policies: Vec<Policy>) -> Study {
    let home = |n: u32| {
        let (row, column) = (f64::from(n / 30), f64::from(n % 30));
        Place::new(51.48 + row * 0.0018, -0.15 + column * 0.0029).expect("a literal in range")
    };
    let responders = (0..900).map(|n| Resident {
        home: home(n),
        mode: None,
    });
    let incident = |n: u32| {
        let (row, column) = (f64::from(n * 7 % 11), f64::from(n * 3 % 13));
        let position = Position::from_degrees(51.485 + row * 0.004, -0.14 + column * 0.005).expect("in range");
        PastIncident {
            number: u64::from(n) + 2,
            at: Timestamp::from_unix_ms(TUESDAY_MS + i64::from(n / 2) * 3_000_000 + i64::from(n % 2) * 90_000),
            position,
            accuracy: Metres::new(0),
            kind: IncidentKind::new("cardiac_arrest").expect("valid"),
            ambulance: None,
        }
    };
    Study {
        incidents: (0..120).map(incident).collect(),
        responders: responders.collect(),
        population: None,
        map: Map::default(),
        policies,
        curve: "larsen_1993",
        assumptions: Assumptions::default(),
        seed: 5,
    }
}

fn found(study: &Study) -> Findings {
    study.run(|_| {}).expect("a valid study")
}

fn json(findings: &Findings) -> String {
    serde_json::to_string(findings).expect("numbers and words")
}

#[test]
fn the_same_seed_finds_the_same_byte_for_byte_and_another_does_not() {
    let policies = || vec![policy("seven", 7, 1_200), policy("three", 3, 800)];
    let (once, again) = (found(&study(policies())), found(&study(policies())));
    assert_eq!(json(&once), json(&again));
    let other = found(&Study {
        seed: 6,
        ..study(policies())
    });
    assert_ne!(json(&once), json(&other));
    assert!(once.policies[0].totals.told_to_go > 50, "{:?}", once.policies[0].totals);
}

#[test]
fn a_policy_finds_the_same_alone_and_beside_farther_reaching_ones() {
    let alone = found(&study(vec![policy("seven", 7, 600)]));
    let beside = found(&study(vec![
        policy("far", 20, 5_000),
        policy("seven", 7, 600),
        policy("three", 3, 800),
    ]));
    let (alone, beside) = (&alone.policies[0], &beside.policies[1]);
    assert_eq!(alone.totals, beside.totals);
    assert_eq!(alone.burden, beside.burden);
    for (alone, beside) in alone.figures.iter().zip(&beside.figures) {
        assert_eq!(
            (alone.all, alone.day, alone.night),
            (beside.all, beside.day, beside.night)
        );
    }
}

#[test]
fn two_policies_that_are_alike_do_alike() {
    let findings = found(&study(vec![policy("one", 7, 1_200), policy("other", 7, 1_200)]));
    let [one, other] = &findings.policies[..] else {
        panic!("two policies");
    };
    assert_eq!(one.totals, other.totals);
    for figure in &other.figures {
        assert_eq!(
            (figure.difference.mean, figure.difference.ci95),
            (0.0, 0.0),
            "{}",
            figure.key
        );
    }
}

#[test]
fn every_alert_of_the_journal_is_accounted_for() {
    let study = study(vec![policy("seven", 7, 1_200), policy("one", 1, 500)]);
    let lives = live_through(&study, |_| {});
    for Life { outcomes, burden } in &lives.by_policy {
        let alerts: u32 = outcomes.iter().map(|outcome| outcome.alerts).sum();
        assert!(alerts > 100);
        assert_eq!(alerts, burden.iter().sum::<u32>());
        for outcome in outcomes {
            assert_eq!(outcome.alerts, outcome.accounted(), "{outcome:?}");
            assert_eq!(outcome.unsettled, 0, "{outcome:?}");
            // Somebody called off may reach the patient before the message reaches them.
            assert!(outcome.arrivals <= outcome.told_to_go, "{outcome:?}");
            assert!(outcome.called_off <= outcome.told_to_go, "{outcome:?}");
            assert!(outcome.redundant <= outcome.arrivals, "{outcome:?}");
            assert_eq!(outcome.arrivals > 0, outcome.first_with_patient.is_some());
        }
    }
}

#[test]
fn who_is_asked_accepts_at_the_published_rate() {
    // One at a time, nobody is called off before having answered, except by the ambulance.
    let mut study = study(vec![policy("one", 1, 1_500)]);
    study.policies[0].answer_wait = Duration::from_secs(120);
    study.policies[0].receipt_wait = Duration::from_secs(120);
    study.assumptions.ambulance.0 = Duration::from_secs(3_600);
    let totals = found(&study).policies[0].totals;
    let answered = totals.told_to_go + totals.declined + totals.expired + totals.undeliverable;
    let share = totals.told_to_go as f64 / answered as f64;
    assert!((0.20..0.38).contains(&share), "{share} {totals:?}");
    assert!(totals.undeliverable > 0);
}

#[test]
fn more_people_asked_means_help_sooner_and_more_arrivals_for_nothing() {
    let findings = found(&study(vec![policy("one", 1, 600), policy("ten", 10, 1_500)]));
    let ten = |key: &str| &findings.policies[1].figures[findings.place_of(key).expect("measured")];
    assert!(ten("covered").difference.mean > 0.0 && ten("covered").difference.is_beyond_chance());
    assert!(ten("first_help").difference.mean < 0.0);
    assert!(ten("alerts").difference.mean > 1.0);
    assert!(ten("survival_larsen_1993").difference.mean > 0.0);
    // Without defibrillators nobody shocks before the crew.
    assert_eq!(ten("aed_covered").all.mean, 0.0);
}

#[test]
fn what_cannot_be_studied_is_refused_by_name() {
    let same = study(vec![policy("a", 7, 1_200), policy("a", 3, 800)]);
    let text = same.check().expect_err("two of one name").to_string();
    assert_eq!(
        text,
        "policies: the name 'a' is there twice; accepted are different names"
    );
    assert!(study(vec![]).check().is_err());
    let mut disordered = study(vec![policy("a", 7, 1_200)]);
    disordered.incidents.swap(0, 5);
    assert!(disordered.check().is_err());
    let unknown = Study {
        curve: "cox_1972",
        ..study(vec![policy("a", 7, 1_200)])
    };
    assert!(unknown.check().expect_err("unknown").to_string().contains("'cox_1972'"));
}

/// Everybody is sent by way of the one defibrillator, in the middle of the town.
fn by_the_aed(missing: f64) -> (Study, Lives) {
    let mut study = study(vec![policy("seven", 7, 1_200)]);
    study.map.aeds = vec![AedSite::new(crate::study::aed_for_test([1; 16], 51.505, -0.11))];
    study.assumptions.missing_hours_known = missing;
    study.assumptions.ambulance.0 = Duration::from_secs(3_600);
    let lives = live_with(&study, |_, _| Errand::FetchAed(0), |_| {});
    (study, lives)
}

#[test]
fn a_defibrillator_that_is_there_gives_its_shock_before_the_crew() {
    let (study, lives) = by_the_aed(0.0);
    let outcomes = &lives.by_policy[0].outcomes;
    let cases = outcomes.iter().zip(&lives.circumstances);
    let shocked = cases.filter(|(outcome, here)| outcome.aed_before_crew(&study, here).is_some());
    assert!(shocked.count() > 80);
    for outcome in outcomes {
        assert_eq!(outcome.aed_not_there, 0);
        // Attached after reaching the patient, never before.
        assert!(outcome.aed_shock.is_none() || outcome.aed_shock > outcome.first_with_patient);
        assert!(outcome.aed_shock.is_none() || outcome.arrivals > 0);
    }
    let findings = Findings::of(&study, &lives);
    let shock = &findings.policies[0].figures[findings.place_of("aed_covered").expect("measured")];
    assert!(shock.all.mean > 60.0, "{shock:?}");
}

#[test]
fn whoever_finds_no_defibrillator_tells_the_core_and_still_comes() {
    let (_, lives) = by_the_aed(1.0);
    let outcomes = &lives.by_policy[0].outcomes;
    let sum = |count: fn(&crate::outcome::Outcome) -> u32| outcomes.iter().map(count).sum::<u32>();
    assert!(sum(|outcome| outcome.aed_not_there) > 100);
    assert!(outcomes.iter().all(|outcome| outcome.aed_shock.is_none()));
    assert!(sum(|outcome| outcome.arrivals) > 100);
    // The core had sent them straight, so it counts them as lost and asks others: more than the three wanted are told to go.
    assert!(outcomes.iter().any(|outcome| outcome.told_to_go > 3));
    assert_eq!(sum(|outcome| outcome.alerts), sum(|outcome| outcome.accounted()));
}
