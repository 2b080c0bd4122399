//! A run as it might have been: ten minutes of a national day on two processors, in which the service was paused twice and
//! restarted once, and which missed a service level.

use std::sync::LazyLock;

use muster_loadtest::result::{
    Count, Ended, EventMark, FORMAT, Hop, HopSecond, Level, Machine, Percentile, RunResult, ScenarioFacts, Series,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Length of the run, seconds.
const LENGTH_S: u32 = 600;
/// Alerts measured each second.
const EACH_SECOND: u32 = 4;
const EVENTS: [Outage; 3] = [
    (150.0, 150.4, "service paused 400 ms"),
    (300.0, 300.4, "service paused 400 ms"),
    (430.0, 434.0, "service restarted"),
];

/// Begin, end, words of something done to the service.
type Outage = (f64, f64, &'static str);

/// The sample; the same every time.
pub fn run() -> RunResult {
    static RUN: LazyLock<RunResult> = LazyLock::new(|| run_with(&EVENTS));
    RUN.clone()
}

/// The same, but nothing was done to the service.
#[allow(dead_code, reason = "the example has no use for it")]
pub fn calm() -> RunResult {
    run_with(&[])
}

fn run_with(outages: &[Outage]) -> RunResult {
    let mut dice = ChaCha8Rng::seed_from_u64(4);
    let hops = [
        ("report_acknowledged", "report -> durable acknowledgement", 2.4, 0.25),
        (
            "report_published",
            "report -> last alert of the first wave published, by the service's clock",
            2.9,
            0.25,
        ),
        ("report_first_phone", "report -> first phone has it", 3.6, 0.3),
        ("report_last_phone", "report -> last phone of the first wave", 5.1, 0.35),
        (
            "report_accepted",
            "report -> first accept told to the control room",
            4300.0,
            0.5,
        ),
        ("report_confirmed", "report -> first phone told to go", 4310.0, 0.5),
        ("accept_confirmed", "accept on the phone -> told to go", 3.1, 0.3),
        ("stand_down_last_phone", "stand-down -> last phone called off", 4.4, 0.4),
        (
            "harness_lateness",
            "report due -> sent: the harness's own lateness",
            0.08,
            0.6,
        ),
    ];
    let hops: Vec<Hop> = hops
        .map(|(key, title, middle_ms, width)| hop(key, title, (middle_ms, width), outages, &mut dice))
        .into();
    RunResult {
        format: FORMAT,
        scenario: scenario(),
        started_at: "2026-03-14T09:30:00Z".into(),
        lasted_s: f64::from(LENGTH_S),
        ended: Ended::Completed,
        machine: Machine {
            cpus: 2,
            system: "linux x86_64".into(),
        },
        levels: vec![
            limit(&hops[0], 25.0),
            limit(&hops[3], 10.0),
            level("alerts_lost <= 0", "0", true),
        ],
        hops,
        counts: counts(),
        rates: vec![
            series("positions_per_s", "Positions sent", "1/s", 1667.0, 40.0, &mut dice),
            series("incidents_per_s", "Incidents reported", "1/s", 4.0, 1.8, &mut dice),
            series(
                "alerts_per_s",
                "Alerts received by phones",
                "1/s",
                80.0,
                20.0,
                &mut dice,
            ),
        ],
        service: vec![
            series("cpu_cores", "CPU of the service", "cores", 0.62, 0.08, &mut dice),
            series("memory_mib", "Memory of the service", "MiB", 214.0, 3.0, &mut dice),
        ],
        events: outages.iter().copied().map(event).collect(),
    }
}

fn scenario() -> ScenarioFacts {
    let facts = [
        ("responders", "100,000"),
        ("phones connected", "5,000"),
        ("positions wanted", "1,667/s over the trunk"),
        ("incidents wanted", "4/s, Poisson"),
    ];
    ScenarioFacts {
        name: "national-day".into(),
        description:
            "A working day over Great Britain: everybody reports a position once a minute, and incidents come as \
                      the ambulance services see them."
                .into(),
        seed: 7,
        duration_s: f64::from(LENGTH_S),
        target: "self".into(),
        service_version: Some("0.1.0".into()),
        facts: facts.map(|(key, value)| (key.into(), value.into())).into(),
    }
}

fn event((at_s, until_s, what): Outage) -> EventMark {
    EventMark {
        at_s,
        until_s: Some(until_s),
        what: what.into(),
    }
}

/// A service level of a hop's p99, judged.
fn limit(hop: &Hop, limit_ms: f64) -> Level {
    let p99 = hop.percentiles.iter().find(|point| point.share >= 0.99);
    let found_ms = p99.map_or(hop.max_ms, |point| point.ms);
    let wanted = format!("{} p99 <= {limit_ms} ms", hop.key);
    level(&wanted, &format!("{found_ms:.1} ms"), found_ms <= limit_ms)
}

fn level(wanted: &str, found: &str, met: bool) -> Level {
    Level {
        wanted: wanted.into(),
        found: found.into(),
        met,
    }
}

fn counts() -> Vec<Count> {
    let count = |key: &str, title: &str, value: u64, is_trouble: bool| Count {
        key: key.into(),
        title: title.into(),
        value,
        is_trouble,
    };
    vec![
        count("incidents_reported", "incidents reported", 2_400, false),
        count("alerts_planned", "alerts planned", 48_112, false),
        count("alerts_received", "alerts received by phones", 48_112, false),
        count("alerts_accepted", "alerts accepted", 9_871, false),
        count("positions_sent", "positions sent", 1_000_200, false),
        count("alerts_lost", "alerts lost", 0, true),
        count("alerts_twice", "alerts shown twice", 3, true),
        count("positions_lost", "positions lost", 0, true),
        count("errors", "requests refused or failed", 0, true),
    ]
}

/// Times spread log-normally about the middle, longer while something was done to the service.
fn hop(key: &str, title: &str, (middle_ms, width): (f64, f64), outages: &[Outage], dice: &mut ChaCha8Rng) -> Hop {
    let mut all = Vec::new();
    let mut over_time = Vec::new();
    for second in 0..LENGTH_S {
        let at_s = f64::from(second);
        let mut times: Vec<f64> = (0..EACH_SECOND)
            .map(|_| {
                let due_s = at_s + dice.random::<f64>();
                let outage = outages.iter().find(|event| (event.0..event.1).contains(&due_s));
                let held_ms = outage.map_or(0.0, |event| (event.1 - due_s) * 1e3);
                let ms = middle_ms * (bell(dice) * width).exp();
                rounded(if !key.starts_with("harness") { ms + held_ms } else { ms }, 1e3)
            })
            .collect();
        times.sort_by(f64::total_cmp);
        over_time.push(HopSecond {
            at_s,
            count: u64::from(EACH_SECOND),
            p50_ms: times[times.len() / 2 - 1],
            p99_ms: times[times.len() - 1],
            max_ms: times[times.len() - 1],
        });
        all.extend(times);
    }
    all.sort_by(f64::total_cmp);
    let count = all.len();
    let point = |(index, &ms): (usize, &f64)| Percentile {
        share: rounded((index + 1) as f64 / count as f64, 1e9),
        ms,
    };
    Hop {
        key: key.into(),
        title: title.into(),
        count: count as u64,
        mean_ms: rounded(all.iter().sum::<f64>() / count as f64, 1e3),
        max_ms: all[count - 1],
        percentiles: all.iter().enumerate().map(point).collect(),
        over_time,
    }
}

fn series(key: &str, title: &str, unit: &str, middle: f64, width: f64, dice: &mut ChaCha8Rng) -> Series {
    let restart = EVENTS[2];
    let points = (0..LENGTH_S).map(f64::from).map(|at_s| {
        let value = middle + bell(dice) * width;
        let is_away = (restart.0..restart.1).contains(&at_s);
        (at_s, if is_away { 0.0 } else { rounded(value.max(0.0), 1e3) })
    });
    Series {
        key: key.into(),
        title: title.into(),
        unit: unit.into(),
        points: points.collect(),
    }
}

/// About a standard normal number, with a heavier tail on the upper side, as services have it.
fn bell(dice: &mut ChaCha8Rng) -> f64 {
    let sum: f64 = (0..12).map(|_| dice.random::<f64>()).sum();
    let tail = if dice.random::<f64>() < 0.01 {
        3.0 * dice.random::<f64>()
    } else {
        0.0
    };
    sum - 6.0 + tail
}

/// To so many parts of one: longer numbers do not survive JSON to the last bit.
fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
