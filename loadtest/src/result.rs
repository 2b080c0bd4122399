//! What a run found: the form in which it is written to a file, compared and drawn. Nothing here measures or judges.
//!
//! Times are milliseconds, moments are seconds after the first scheduled event; fields are only ever added.

use serde::{Deserialize, Serialize};

/// The form's version; a reader refuses a higher one.
pub const FORMAT: u32 = 1;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`FORMAT`].
    pub format: u32,
    /// What was asked for.
    pub scenario: ScenarioFacts,
    /// When the run began, UTC, RFC 3339.
    pub started_at: String,
    /// How long the measured part took, seconds.
    pub lasted_s: f64,
    /// How it ended.
    pub ended: Ended,
    /// The machine the load came from.
    pub machine: Machine,
    /// The hops of an alert, in their order.
    pub hops: Vec<Hop>,
    /// What was sent, and what came of it.
    pub counts: Vec<Count>,
    /// Rates over time.
    pub rates: Vec<Series>,
    /// What the service used, when it could be seen; else empty.
    pub service: Vec<Series>,
    /// What happened to the service on purpose.
    pub events: Vec<EventMark>,
    /// The service levels and whether they were met.
    pub levels: Vec<Level>,
}

/// The scenario, as far as a reader needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioFacts {
    /// Its name.
    pub name: String,
    /// What it is about, one or two sentences.
    pub description: String,
    /// Seed of everything random in it.
    pub seed: u64,
    /// How long the measured part was to be, seconds.
    pub duration_s: f64,
    /// `self`, or the address of the deployment.
    pub target: String,
    /// The service's own version, when it tells.
    pub service_version: Option<String>,
    /// Responders in all, connected phones among them, positions and incidents wanted per second.
    pub facts: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// As planned.
    Completed,
    /// By Ctrl-C; what is here was measured until then.
    Interrupted,
}

/// The machine the load came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors it may use.
    pub cpus: usize,
    /// Operating system and processor family.
    pub system: String,
}

/// One hop of an alert: how long it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// Name in scenarios: `report_acknowledged`, `report_first_phone`, ...
    pub key: String,
    /// As a reader says it: "report -> durable acknowledgement".
    pub title: String,
    /// How often it was measured.
    pub count: u64,
    /// Mean, milliseconds.
    pub mean_ms: f64,
    /// Highest, milliseconds.
    pub max_ms: f64,
    /// Share of the measurements (0 to 1) at or below a time; rising, ends with 1.
    pub percentiles: Vec<Percentile>,
    /// By second of the run.
    pub over_time: Vec<HopSecond>,
}

/// A point of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentile {
    /// 0 to 1.
    pub share: f64,
    /// Milliseconds.
    pub ms: f64,
}

/// One hop within a stretch of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HopSecond {
    /// Start of the stretch.
    pub at_s: f64,
    /// Measurements that were scheduled in it.
    pub count: u64,
    /// Half are at or below, milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 are at or below, milliseconds.
    pub p99_ms: f64,
    /// Highest, milliseconds.
    pub max_ms: f64,
}

/// Something counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// Name in scenarios: `incidents_reported`, `alerts_lost`, `positions_sent`, ...
    pub key: String,
    /// As a reader says it.
    pub title: String,
    /// How many.
    pub value: u64,
    /// Whether anything above zero is trouble.
    pub is_trouble: bool,
}

/// Something measured again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Short name: `positions_per_s`, `cpu_cores`, ...
    pub key: String,
    /// As a reader says it.
    pub title: String,
    /// Unit of the values: "1/s", "cores", "MiB".
    pub unit: String,
    /// Moment and value.
    pub points: Vec<(f64, f64)>,
}

/// Something done to the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventMark {
    /// When it began.
    pub at_s: f64,
    /// When it was over, if it lasted.
    pub until_s: Option<f64>,
    /// What, in a few words.
    pub what: String,
}

/// A service level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// As the scenario says it: "report_first_phone p99 <= 25 ms".
    pub wanted: String,
    /// What was found, with its unit; "not measured" when there was nothing to measure.
    pub found: String,
    /// Whether it was met. What was not measured was not met.
    pub met: bool,
}
