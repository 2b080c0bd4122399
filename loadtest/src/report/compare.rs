//! Two runs side by side, as text: what differs between what was asked, then hops, counts and service levels.
//!
//! A percentile is marked only when chance hardly explains the difference. That looks at one run each: it knows nothing of
//! what differs from run to run on the same machine, so the text asks for a repetition.

use std::fmt::Write as _;

use crate::{
    report::{
        noise::{Mark, mark, rule},
        reading::at_share,
        summary::lasted,
        words::{NOTHING, ms, number, percentile, stretch, whole},
    },
    result::{Count, Hop, Level, RunResult},
};

/// The percentiles compared.
const COMPARED: [f64; 2] = [0.5, 0.99];
/// Width of the column of names.
const NAME_WIDTH: usize = 36;

/// Lays the second run beside the first; a text for a terminal, ending with a line break.
pub fn compare(a: &RunResult, b: &RunResult) -> String {
    let mut text = String::new();
    for (name, run) in [("a", a), ("b", b)] {
        let _ = writeln!(
            text,
            "{name}: {} of {}, {}",
            run.scenario.name,
            run.started_at,
            lasted(run)
        );
    }
    text += &differences(a, b);
    text += &hops(&a.hops, &b.hops);
    text += &counts(&a.counts, &b.counts);
    text += &levels(&a.levels, &b.levels);
    text
}

/// What was not the same to begin with.
fn differences(a: &RunResult, b: &RunResult) -> String {
    let mut text = String::new();
    let mut differ = |what: &str, a: &str, b: &str| {
        if a != b {
            let _ = writeln!(text, "  {what}: {a} | {b}");
        }
    };
    let (ours, theirs) = (&a.scenario, &b.scenario);
    differ("scenario", &ours.name, &theirs.name);
    differ("seed", &ours.seed.to_string(), &theirs.seed.to_string());
    differ("duration", &stretch(ours.duration_s), &stretch(theirs.duration_s));
    for key in keys(&ours.facts, &theirs.facts, |(key, _)| key) {
        let fact = |facts: &[(String, String)]| {
            let fact = facts.iter().find(|(other, _)| other == key);
            fact.map_or(NOTHING.to_owned(), |(_, value)| value.clone())
        };
        differ(key, &fact(&ours.facts), &fact(&theirs.facts));
    }
    differ("done to the service", &done(a), &done(b));
    differ("target", &ours.target, &theirs.target);
    differ("processors", &a.machine.cpus.to_string(), &b.machine.cpus.to_string());
    differ("system", &a.machine.system, &b.machine.system);
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| NOTHING.to_owned());
    let versions = (version(&ours.service_version), version(&theirs.service_version));
    differ("service version", &versions.0, &versions.1);
    let mut warning = String::new();
    if ours.name != theirs.name || ours.facts != theirs.facts {
        warning += "\nWARNING: these are different scenarios; the figures below answer different questions.\n";
    }
    if a.machine != b.machine {
        warning +=
            "\nWARNING: the load came from different machines; the figures below compare the machines as well.\n";
    }
    match text.is_empty() {
        true => "\nsame scenario, machine and service version\n".to_owned(),
        false => format!("{warning}\nwhat differs (a | b):\n{text}"),
    }
}

/// What was done to the service on purpose, in a few words.
fn done(run: &RunResult) -> String {
    let events: Vec<&str> = run.events.iter().map(|event| event.what.as_str()).collect();
    match events[..] {
        [] => "nothing".to_owned(),
        [only] => only.to_owned(),
        [first, ..] => format!("{first}, ... ({} in all)", events.len()),
    }
}

/// The keys of both sides, those of the first in their order, then what only the second has.
fn keys<'a, T>(a: &'a [T], b: &'a [T], key: impl Fn(&'a T) -> &'a String) -> Vec<&'a String> {
    let mut keys: Vec<&String> = a.iter().map(&key).collect();
    for other in b.iter().map(&key) {
        if !keys.contains(&other) {
            keys.push(other);
        }
    }
    keys
}

fn hops(a: &[Hop], b: &[Hop]) -> String {
    let mut text = format!(
        "\n{:<NAME_WIDTH$} {:>5} {:>10} {:>10} {:>8}\n",
        "milliseconds", "", "a", "b", "b / a"
    );
    for key in keys(a, b, |hop| &hop.key) {
        let find = |hops: &'_ [Hop]| hops.iter().position(|hop| &hop.key == key);
        match (find(a).map(|at| &a[at]), find(b).map(|at| &b[at])) {
            (Some(a), Some(b)) => text += &hop(a, b),
            (Some(only), None) => text += &format!("{:<NAME_WIDTH$} only in a\n", only.title),
            (None, Some(only)) => text += &format!("{:<NAME_WIDTH$} only in b\n", only.title),
            (None, None) => {}
        }
    }
    text += &rule();
    text
}

fn hop(a: &Hop, b: &Hop) -> String {
    let mut text = String::new();
    let mut line = |title: &str, what: &str, of_a: Option<f64>, of_b: Option<f64>, mark: &str| {
        let said = |value: Option<f64>| value.map_or(NOTHING.to_owned(), ms);
        let row = format!(
            "{title:<NAME_WIDTH$} {what:>5} {:>10} {:>10} {:>8}  {mark}",
            said(of_a),
            said(of_b),
            ratio(of_a, of_b)
        );
        text += row.trim_end();
        text.push('\n');
    };
    let mut title = a.title.as_str();
    for share in COMPARED {
        let mark = mark(a, b, share).word();
        line(title, &percentile(share), at_share(a, share), at_share(b, share), mark);
        title = "";
    }
    let max = |hop: &Hop| (hop.count > 0).then_some(hop.max_ms);
    line("", "max", max(a), max(b), "");
    if a.count != b.count {
        let counts = format!("{:>10} {:>10}", whole(a.count), whole(b.count));
        let _ = writeln!(text, "{:<NAME_WIDTH$} {:>5} {counts}", "", "count");
    }
    text
}

fn ratio(a: Option<f64>, b: Option<f64>) -> String {
    match (a, b) {
        (Some(a), Some(b)) if a > 0.0 && b.is_finite() => format!("x{}", number(b / a)),
        _ => NOTHING.to_owned(),
    }
}

fn counts(a: &[Count], b: &[Count]) -> String {
    let mut text = format!(
        "\n{:<NAME_WIDTH$} {:>5} {:>10} {:>10} {:>8}\n",
        "counts", "", "a", "b", "b / a"
    );
    for key in keys(a, b, |count| &count.key) {
        let find = |counts: &[Count]| counts.iter().find(|count| &count.key == key).cloned();
        let (of_a, of_b) = (find(a), find(b));
        let Some(either) = of_a.as_ref().or(of_b.as_ref()) else {
            continue;
        };
        let values = [&of_a, &of_b].map(|count| count.as_ref().map(|count| count.value));
        let said = values.map(|value| value.map_or(NOTHING.to_owned(), whole));
        let mark = match values {
            [Some(a), Some(b)] if either.is_trouble && b > a => Mark::Worse.word(),
            [Some(a), Some(b)] if either.is_trouble && b < a => Mark::Better.word(),
            _ => "",
        };
        let [first, second] = values.map(|value| value.map(|value| value as f64));
        let row = format!(
            "{:<NAME_WIDTH$} {:>5} {:>10} {:>10} {:>8}  {mark}",
            either.title,
            "",
            said[0],
            said[1],
            ratio(first, second)
        );
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

fn levels(a: &[Level], b: &[Level]) -> String {
    let mut text = "\nservice levels\n".to_owned();
    for wanted in keys(a, b, |level| &level.wanted) {
        let find = |levels: &[Level]| levels.iter().find(|level| &level.wanted == wanted).cloned();
        let said = |level: &Option<Level>| match level {
            None => "not asked for".to_owned(),
            Some(Level { met: true, found, .. }) => format!("met ({found})"),
            Some(Level { met: false, found, .. }) => format!("MISSED ({found})"),
        };
        let (of_a, of_b) = (find(a), find(b));
        let mark = match (
            of_a.as_ref().map(|level| level.met),
            of_b.as_ref().map(|level| level.met),
        ) {
            (Some(true), Some(false)) => "  WORSE",
            (Some(false), Some(true)) => "  better",
            _ => "",
        };
        let _ = writeln!(text, "  {wanted}: {} | {}{mark}", said(&of_a), said(&of_b));
    }
    if a.is_empty() && b.is_empty() {
        text += "  none asked for\n";
    }
    text
}
