//! The page: well formed, in its place, whatever was measured.

use muster_loadtest::{
    report::{compare, page, summary},
    result::{Ended, EventMark, Hop, HopSecond, Percentile, RunResult, Series},
};

use crate::sample;

#[test]
fn the_sample_makes_a_whole_page() {
    let run = sample::run();
    let page = page(&run);
    assert_well_formed(&page);
    assert!(page.contains("1 of 3 service levels MISSED"));
    assert!(page.contains("report → last phone of the first wave: p99 ≤ 10 ms"));
    // Percentiles in two plots of two sizes, then a plot for each hop and each series.
    assert_eq!(
        page.matches("<svg ").count(),
        4 + run.hops.len() + run.rates.len() + run.service.len()
    );
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn a_run_without_measurements_is_shown_as_such() {
    let nothing = RunResult {
        hops: vec![Hop {
            percentiles: vec![],
            over_time: vec![],
            ..bare_hop(0, f64::NAN)
        }],
        rates: vec![Series {
            points: vec![],
            ..sample::run().rates[0].clone()
        }],
        ended: Ended::Interrupted,
        ..empty()
    };
    for run in [empty(), nothing] {
        assert_well_formed(&page(&run));
        for text in all_texts(&run) {
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}

#[test]
fn odd_measurements_make_a_page_all_the_same() {
    for ms in [0.0, 1e-9, 1.0, 1e9, f64::MAX, f64::NAN, f64::INFINITY] {
        let run = RunResult {
            hops: vec![bare_hop(1, ms), bare_hop(u64::MAX, ms)],
            rates: vec![Series {
                points: vec![(0.0, ms), (f64::NAN, 1.0)],
                ..sample::run().rates[0].clone()
            }],
            events: vec![EventMark {
                at_s: 1e9,
                until_s: Some(-1.0),
                what: "out of time ".repeat(40),
            }],
            ..empty()
        };
        assert_well_formed(&page(&run));
        for text in all_texts(&run) {
            assert!(!text.contains("NaN") && !text.contains("inf"), "{ms}: {text}");
        }
    }
}

#[test]
fn no_text_gets_out_of_its_place() {
    let nasty = "\"'></title></text><script>alert(1)</script>&amp;";
    let mut run = sample::run();
    run.scenario.name = nasty.into();
    run.scenario.description = nasty.into();
    run.scenario.target = nasty.into();
    run.scenario.service_version = Some(nasty.into());
    run.scenario.facts.push((nasty.into(), nasty.into()));
    run.started_at = nasty.into();
    run.machine.system = nasty.into();
    run.hops[0].title = nasty.into();
    run.hops[0].key = nasty.into();
    run.counts[0].title = nasty.into();
    run.rates[0].title = nasty.into();
    run.rates[0].unit = nasty.into();
    run.events[0].what = nasty.into();
    run.levels[0].found = nasty.into();
    run.levels[1].wanted = format!("{nasty} p99 <= 1 ms");
    assert_well_formed(&page(&run));
}

#[test]
fn a_long_run_stays_a_small_page() {
    let mut run = sample::run();
    let hours = (0..86_400).map(|second| HopSecond {
        at_s: f64::from(second),
        count: 1,
        p50_ms: f64::from(second % 97),
        p99_ms: f64::from(second % 97),
        max_ms: f64::from(second % 97),
    });
    run.hops[0].over_time = hours.collect();
    run.rates[0].points = (0..86_400)
        .map(|second| (f64::from(second), f64::from(second % 89)))
        .collect();
    let page = page(&run);
    assert_well_formed(&page);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

/// Parses as strictly as XML is parsed: everything closed, every attribute quoted, all text escaped, ids unique.
fn assert_well_formed(page: &str) {
    // The only elements that HTML leaves open.
    let mut xml = String::new();
    for (index, piece) in page.split("<meta ").enumerate() {
        match index {
            0 => xml += piece,
            _ => xml += &format!("<meta {}", piece.replacen('>', "/>", 1)),
        }
    }
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    let document = roxmltree::Document::parse_with_options(&xml, options).expect("well formed");
    let mut ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "every id once");
    for svg in document.descendants().filter(|node| node.has_tag_name("svg")) {
        let labels = svg.attribute("aria-labelledby").expect("named for who cannot see it");
        assert!(
            labels.split(' ').all(|label| ids.binary_search(&label).is_ok()),
            "{labels}"
        );
    }
    for bad in ["NaN", "inf", "http:", "https:", "<script"] {
        assert!(!page.contains(bad), "{bad} in the page");
    }
}

fn empty() -> RunResult {
    RunResult {
        lasted_s: 0.0,
        hops: vec![],
        counts: vec![],
        rates: vec![],
        service: vec![],
        events: vec![],
        levels: vec![],
        ..sample::run()
    }
}

fn bare_hop(count: u64, ms: f64) -> Hop {
    let second = HopSecond {
        at_s: 0.0,
        count,
        p50_ms: ms,
        p99_ms: ms,
        max_ms: ms,
    };
    Hop {
        key: "report_acknowledged".into(),
        title: "report -> durable acknowledgement".into(),
        count,
        mean_ms: ms,
        max_ms: ms,
        percentiles: vec![Percentile { share: 1.0, ms }],
        over_time: vec![second],
    }
}

fn all_texts(run: &RunResult) -> [String; 3] {
    [page(run), summary(run), compare(run, run)]
}
