//! Scenarios: what a load test does, as its file says it. Read once, checked whole; nothing here runs anything.
//!
//! Every key is documented in `loadtest/README.md`; a key that is not known is refused.

mod check;
mod mistake;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

pub use mistake::InvalidScenario;

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, for the result.
    pub name: String,
    /// What it is about, one or two sentences.
    pub description: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Length of the measured part.
    pub duration_s: f64,
    /// The load runs this long before anything is measured; alerts lost then are lost all the same.
    #[serde(default)]
    pub warm_up_s: f64,
    /// Who there is.
    pub population: Population,
    /// How they tell where they are.
    #[serde(default)]
    pub positions: Positions,
    /// What happens.
    pub incidents: Incidents,
    /// How people answer; left out: published rates.
    #[serde(default)]
    pub answers: Answers,
    /// What is done to the service.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
    /// What must be reached.
    #[serde(default, rename = "level")]
    pub levels: Vec<LevelSection>,
    /// Where the file was; paths in it are relative to this.
    #[serde(skip)]
    folder: PathBuf,
}

/// Who there is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// People in the register, those with a phone among them.
    pub responders: u64,
    /// Those with a real MQTT connection.
    pub phones: u64,
    /// Where they live.
    #[serde(rename = "where")]
    pub place: Where,
    /// With `where = "place"`: its middle.
    pub latitude_deg: Option<f64>,
    /// With `where = "place"`: its middle.
    pub longitude_deg: Option<f64>,
    /// With `where = "place"`: how far from the middle people are.
    pub radius_m: Option<f64>,
    /// People with phones live this near to a site of incidents.
    #[serde(default = "near_m")]
    pub near_m: f64,
    /// Phones connect at this rate, at the start and when they come back.
    #[serde(default = "connects_per_s")]
    pub connects_per_s: u32,
}

/// Where people live.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// Greater London, by the census.
    London,
    /// Great Britain: its larger towns, and one person in five anywhere between.
    GreatBritain,
    /// One place.
    Place,
}

/// How people tell where they are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Positions {
    /// Each phone tells this often.
    pub phones_every_s: f64,
    /// The trunk tells this many positions a second, of all without a phone in turn; 0 = there is no trunk.
    pub trunk_per_s: f64,
    /// Positions in one message of the trunk.
    pub per_message: usize,
    /// Connections the trunk's messages are spread over.
    pub trunk_connections: usize,
    /// How fast people are placed by the trunk before the load begins.
    pub placed_per_s: f64,
}

/// What happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incidents {
    /// How they are spread over time.
    pub arrivals: Arrivals,
    /// With "even" and "poisson": how many a second.
    pub per_s: Option<f64>,
    /// With "even" and "poisson": at how many places.
    pub sites: Option<usize>,
    /// With "recorded": a file of times and places.
    pub file: Option<PathBuf>,
    /// With "recorded": this many times faster than it was.
    pub speed_up: Option<f64>,
    /// The kind of emergency.
    #[serde(default = "kind")]
    pub kind: String,
    /// People asked at a time: the policy's `alert_count`, set with `--self` and expected of any other service.
    #[serde(default = "asked")]
    pub asked: u32,
    /// So many people are called out to the place for a shift, in place of the soonest few being asked to a patient.
    pub called_out: Option<u32>,
    /// The control room calls everybody off this long after the report.
    #[serde(default = "stand_down_after_s")]
    pub stand_down_after_s: f64,
}

/// How incidents are spread over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// One in each interval, at a random moment of it.
    Even,
    /// As calls come in: independent of each other.
    Poisson,
    /// As they did.
    Recorded,
}

/// How people answer.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Share that says yes.
    pub accept_share: Option<f64>,
    /// Share that says no.
    pub decline_share: Option<f64>,
    /// Median time from the screen to the answer.
    pub median_s: Option<f64>,
}

/// Something done to the service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, counted from the beginning of the measured part.
    pub at_s: f64,
    /// What.
    pub kind: EventKind,
    /// With "pause": how long each time.
    pub for_ms: Option<u64>,
    /// With "noisy-sender": how long.
    pub for_s: Option<f64>,
    /// With "noisy-sender": messages a second.
    pub per_s: Option<f64>,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
    /// With `times` above 1: time from one to the next.
    pub every_s: Option<f64>,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The service stands still (SIGSTOP) and goes on (SIGCONT).
    Pause,
    /// The service is killed and started again.
    Restart,
    /// All phones lose their connections at once.
    DropConnections,
    /// One phone goes wild.
    NoisySender,
}

/// A service level as the file says it: one hop or one count.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelSection {
    /// Which hop.
    pub hop: Option<String>,
    /// Which count.
    pub count: Option<String>,
    /// With `hop`.
    pub p50_ms: Option<f64>,
    /// With `hop`.
    pub p90_ms: Option<f64>,
    /// With `hop`.
    pub p99_ms: Option<f64>,
    /// With `hop`: the 99.9th percentile.
    pub p999_ms: Option<f64>,
    /// With `hop`.
    pub max_ms: Option<f64>,
    /// With `count`.
    pub min: Option<u64>,
    /// With `count`.
    pub max: Option<u64>,
}

/// For each place in a shift so many people are asked: the policy's `call_out.asked_per_place`, set with `--self` and
/// expected of any other service.
pub const ASKED_PER_PLACE: u32 = 4;

/// A policy's radius is 1,200 m by default; half a kilometre leaves room for people who walk about.
fn near_m() -> f64 {
    500.0
}

/// Fast, and yet no reconnect storm.
fn connects_per_s() -> u32 {
    500
}

fn kind() -> String {
    "cardiac_arrest".to_owned()
}

/// The default of the service's policy.
fn asked() -> u32 {
    7
}

/// Long enough for the first to answer and be told to go, too short for anybody to set off.
fn stand_down_after_s() -> f64 {
    20.0
}

fn once() -> u32 {
    1
}

impl Default for Positions {
    fn default() -> Self {
        Self {
            phones_every_s: 30.0,
            trunk_per_s: 0.0,
            per_message: 100,
            trunk_connections: 1,
            placed_per_s: 100_000.0,
        }
    }
}

impl Scenario {
    /// Reads and checks a file; `duration` takes the place of its own.
    ///
    /// # Errors
    /// Names the file, the line, the key, what is wrong and what is accepted.
    pub fn read(path: &Path, duration: Option<Duration>) -> Result<Self, InvalidScenario> {
        let text = fs::read_to_string(path).map_err(|error| InvalidScenario::unreadable(path, &error))?;
        let mut scenario: Self =
            toml::from_str(&text).map_err(|error| InvalidScenario::of_toml(path, &text, &error))?;
        scenario.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        if let Some(duration) = duration {
            scenario.duration_s = duration.as_secs_f64();
        }
        check::check(&scenario).map_err(|mistake| InvalidScenario::of_value(path, &text, &mistake))?;
        Ok(scenario)
    }

    /// The file with recorded incidents, if there is one.
    pub fn recorded_file(&self) -> Option<PathBuf> {
        self.incidents.file.as_ref().map(|file| self.folder.join(file))
    }

    /// Whether positions come by trunk.
    pub fn has_trunk(&self) -> bool {
        self.positions.trunk_per_s > 0.0
    }

    /// How many people each report is to ask at once.
    pub fn asked(&self) -> u32 {
        let called_out = self.incidents.called_out;
        called_out.map_or(self.incidents.asked, |wanted| wanted * ASKED_PER_PLACE)
    }

    /// People without a phone: the trunk speaks for them.
    pub fn people_of_trunk(&self) -> u64 {
        self.population.responders.saturating_sub(self.population.phones)
    }
}

#[cfg(test)]
mod tests;
