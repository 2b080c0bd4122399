use super::*;
use crate::{
    findings::{Burden, Figure, MeasureWords, PolicyFindings, Times, Totals},
    measures::measures,
    statistics::Mean,
};

fn policy(name: &str, alerts: f64) -> PolicyFindings {
    let times = Times {
        happened: 1,
        p10_min: Some(2.0),
        p50_min: Some(3.0),
        p90_min: None,
        by_half_minute: vec![0.0, 10.0, 50.0],
    };
    let figure = |key: String| Figure {
        key,
        all: Mean {
            mean: alerts,
            ci95: 0.5,
        },
        day: Mean {
            mean: alerts,
            ci95: 0.5,
        },
        night: Mean {
            mean: alerts,
            ci95: 0.5,
        },
        difference: Mean { mean: 1.0, ci95: 0.5 },
    };
    PolicyFindings {
        name: name.to_owned(),
        version: 1,
        rule: "asks seven & more".to_owned(),
        figures: measures("larsen_1993")
            .into_iter()
            .map(|measure| figure(measure.key))
            .collect(),
        first_responder: times.clone(),
        aed: times,
        burden: Burden {
            gini_registered: 0.5,
            gini_asked: 0.25,
            never_asked: 40.0,
            most: 3,
            lorenz: vec![0.0, 0.2, 1.0],
        },
        totals: Totals {
            alerts: 12_345,
            ..Totals::default()
        },
    }
}

fn findings(names: &[&str], aeds: usize) -> Findings {
    let words = |measure: crate::measures::Measure| MeasureWords {
        key: measure.key,
        title: measure.title,
        unit: measure.unit,
        better: measure.better,
    };
    Findings {
        seed: 1,
        incidents: 3,
        incidents_by_night: 1,
        responders: 10,
        aeds,
        from_unix_ms: 1_483_228_800_000,
        to_unix_ms: 1_490_000_000_000,
        curve: "Larsen 1993".to_owned(),
        assumptions: vec!["Everybody is <well>.".to_owned()],
        measures: measures("larsen_1993").into_iter().map(words).collect(),
        policies: names
            .iter()
            .zip(1_u32..)
            .map(|(name, n)| policy(name, f64::from(n)))
            .collect(),
    }
}

/// What the page says, parsed as XML so that an open tag or a stray ampersand is found.
fn parsed(findings: &Findings) -> String {
    let page = page(findings);
    let body = page.strip_prefix("<!DOCTYPE html>").expect("a page");
    let body = body.replace("<meta charset=\"utf-8\">", "");
    let meta = |text: String| {
        let begin = text.find("<meta")?;
        let end = begin + text[begin..].find('>')? + 1;
        Some(text[..begin].to_owned() + &text[end..])
    };
    let mut rest = body;
    while let Some(next) = meta(rest.clone()) {
        rest = next;
    }
    let document = roxmltree::Document::parse(&rest).expect("well-formed");
    document
        .descendants()
        .filter_map(|node| node.text())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_page_names_every_policy_and_escapes_names() {
    let names = ["seven <b>&amp; replace", "\"three\"", "plain"];
    let findings = findings(&names, 4);
    let text = parsed(&findings);
    for name in names {
        assert!(text.contains(name), "{name}");
    }
    let page = page(&findings);
    assert!(!page.contains("<b>&amp; replace") && !page.contains("<well>"));
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    assert!(!page.contains("NaN") && !page.contains("inf"));
    assert!(text.contains("12,345") && text.contains("2017-01-01"));
}

#[test]
fn twelve_policies_and_one_fit() {
    let names: Vec<String> = (0..12).map(|n| format!("policy {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(parsed(&findings(&names, 0)).contains("policy 11"));
    let alone = parsed(&findings(&["alone"], 0));
    assert!(!alone.contains("Survival gained"));
    assert!(!alone.contains("has given a shock"));
}
