//! The table at the end of a run, and two runs side by side.

use muster_loadtest::{
    report::{compare, page, summary},
    result::{Count, Ended, Hop, Level, RunResult},
};

use crate::sample;

#[test]
fn the_summary_says_what_was_missed_and_what_is_trouble() {
    let summary = summary(&sample::run());
    for line in [
        "1 of 3 service levels MISSED",
        "  MISSED  report_last_phone p99 <= 10 ms    found 13.8 ms",
    ] {
        assert!(summary.lines().any(|other| other == line), "{line}\n{summary}");
    }
    let troubles: Vec<&str> = summary.lines().filter(|line| line.contains("TROUBLE")).collect();
    assert_eq!(troubles.len(), 1, "{summary}");
    assert!(troubles[0].starts_with("alerts shown twice"), "{summary}");
}

#[test]
fn a_run_that_ended_early_is_not_judged() {
    let run = RunResult {
        ended: Ended::Interrupted,
        lasted_s: 43.0,
        ..sample::run()
    };
    let text = summary(&run);
    assert!(text.contains("ENDED EARLY by Ctrl-C after 43 s of 10 min"), "{text}");
    assert!(text.contains("not judged"), "{text}");
    let page = page(&run);
    assert!(page.contains("not judged") && page.contains("after 43 s of 10 min"));
    assert!(!page.contains("\"verdict missed\"") && !page.contains("\"verdict met\""));
}

/// The marks of a hop's p50 and p99 in a comparison.
fn marks(text: &str, title: &str) -> [String; 2] {
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with(title)).collect();
    let mark = |line: &str| line.rsplit("  ").next().unwrap_or_default().trim().to_owned();
    [mark(lines[0]), mark(lines[1])]
}

fn slower(run: &RunResult, factor: f64) -> RunResult {
    let mut run = run.clone();
    for hop in &mut run.hops {
        hop.max_ms *= factor;
        hop.percentiles.iter_mut().for_each(|point| point.ms *= factor);
    }
    run
}

#[test]
fn only_what_chance_does_not_explain_is_marked() {
    let a = sample::calm();
    let title = "report -> first phone has it";
    assert_eq!(marks(&compare(&a, &a), title), ["same", "same"]);
    assert_eq!(marks(&compare(&a, &slower(&a, 1.04)), title), ["same", "same"]);
    assert_eq!(marks(&compare(&a, &slower(&a, 20.0)), title), ["WORSE", "WORSE"]);
    assert_eq!(marks(&compare(&slower(&a, 20.0), &a), title), ["better", "better"]);
    // So little more is beyond chance for the middle of 2,400, not for their last hundredth.
    assert_eq!(marks(&compare(&a, &slower(&a, 1.06)), title), ["WORSE", "same"]);
    let few = RunResult {
        hops: a
            .hops
            .iter()
            .map(|hop| Hop {
                count: 50,
                ..hop.clone()
            })
            .collect(),
        ..a.clone()
    };
    assert_eq!(marks(&compare(&few, &slower(&few, 20.0)), title), ["WORSE", "too few"]);
}

#[test]
fn what_cannot_be_compared_is_said_first() {
    let a = sample::run();
    assert!(!compare(&a, &a).contains("WARNING"));
    let mut b = a.clone();
    b.scenario.name = "stadium".into();
    b.machine.cpus = 64;
    b.hops.remove(0);
    b.counts.push(Count {
        key: "new".into(),
        title: "only counted now".into(),
        value: 1,
        is_trouble: true,
    });
    b.levels[0] = Level {
        met: false,
        found: "31 ms".into(),
        ..b.levels[0].clone()
    };
    let text = compare(&a, &b);
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("no {words:?} in\n{text}"));
    assert!(place("different scenarios") < place("different machines"));
    assert!(place("processors: 2 | 64") < place("milliseconds"));
    assert!(place("report -> durable acknowledgement") < place("only in a"));
    assert!(place("report_acknowledged p99 <= 25 ms: met (5.0 ms) | MISSED (31 ms)  WORSE") > place("counts"));
}
