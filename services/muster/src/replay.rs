//! `muster replay`: the policy laboratory with the shipped policies, defibrillator lists and street maps.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use clap::Args;
use dispatch_core::{
    aeds::{Aed, AedState, Locality, OpeningHours},
    ids::{AedId, TenantId},
    policy::Policy,
    position::Metres,
    roads::RoadGraph,
};
use muster_maps::{aeds, roads};
use muster_replay::{AedSite, Map, Streets, journey::Detour};

use crate::telemetry::complain;

/// Flags of `muster replay`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    study: muster_replay::Arguments,
    /// A policy, TOML, or the name of a shipped one: default, soonest, goodsam_london, east_midlands, hartslagnu,
    /// heartrunner, freiburg, vienna, plos_one_2026. Twice or more; the others are compared with the first. Left out: the
    /// default beside every published rule.
    #[arg(long = "policy", value_name = "FILE|NAME")]
    policies: Vec<String>,
    /// Adds settings of the default at other prices of an alert, which draw the frontier.
    #[arg(long)]
    frontier: bool,
    /// Defibrillators: a list as for `muster import aeds`.
    #[arg(long, value_name = "FILE")]
    aeds: Option<PathBuf>,
    /// Country whose public holidays their opening hours go by, such as GB.
    #[arg(long, requires = "time_zone")]
    country: Option<String>,
    /// Zone of the clock that their opening hours go by, such as Europe/London.
    #[arg(long, requires = "country")]
    time_zone: Option<String>,
    /// Streets: an OpenStreetMap extract, or a file that `muster import roads` wrote.
    #[arg(long, value_name = "FILE")]
    roads: Option<PathBuf>,
}

/// Settings along the frontier: the price of an alert in millionths of survival, how many are asked at a time, how many go.
const FRONTIER: [(u32, u32, u32); 7] = [
    (0, 24, 6),
    (100, 20, 4),
    (500, 10, 3),
    (1_000, 7, 2),
    (2_000, 5, 2),
    (6_000, 4, 2),
    (9_000, 3, 2),
];

/// Runs a study.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let policies = arguments.read_policies()?;
    let streets = arguments.roads.as_deref().map(read_streets).transpose()?;
    let map = Map {
        aeds: arguments.read_aeds()?,
        ways: match &streets {
            Some(graph) => Box::new(Streets::new(Arc::clone(graph))),
            None => Box::new(Detour),
        },
        streets,
    };
    muster_replay::run(&arguments.study, policies, map)
}

impl Arguments {
    fn read_policies(&self) -> anyhow::Result<Vec<Policy>> {
        let mut policies = if self.policies.is_empty() {
            let mut policies = vec![Policy::default()];
            policies.extend(muster_policies::published());
            policies
        } else {
            self.policies
                .iter()
                .map(|name| policy(name))
                .collect::<Result<_, _>>()?
        };
        if self.policies.len() == 1 && !self.frontier {
            bail!("--policy {}: name two or more, or leave --policy out", self.policies[0]);
        }
        if self.frontier {
            policies.extend(FRONTIER.map(at_price));
        }
        Ok(policies)
    }

    fn read_aeds(&self) -> anyhow::Result<Vec<AedSite>> {
        let Some(path) = &self.aeds else {
            return Ok(Vec::new());
        };
        let reading = || format!("reading {}", path.display());
        let bytes = fs::read(path).with_context(reading)?;
        let list = aeds::read(&bytes, aeds::Format::Guess).with_context(reading)?;
        for problem in &list.problems {
            complain(&format!("{}:{}: {}", path.display(), problem.line, problem.message));
        }
        let locality = match (&self.country, &self.time_zone) {
            (Some(country), Some(zone)) => Some(Locality::new(country, zone)?),
            _ if list.entries.iter().any(|entry| !entry.opening_hours.is_empty()) => bail!(
                "{}: there are opening hours; say whose holidays and whose clock they go by, for example --country GB \
                 --time-zone Europe/London",
                path.display()
            ),
            _ => None,
        };
        let tenant = TenantId::new("lab").expect("a literal in range");
        let site = |entry: aeds::AedEntry| {
            let hours = locality.and_then(|locality| OpeningHours::new(&entry.opening_hours, locality));
            AedSite::new(Aed {
                aed: AedId::derive(&tenant, &entry.external_ref),
                tenant: tenant.clone(),
                position: entry.position,
                accuracy: entry.accuracy.unwrap_or(Metres::new(20)),
                access: entry.access,
                opening: hours.filter(OpeningHours::is_understood),
                indoor: entry.indoor,
                level: entry.level,
                state: if entry.out_of_service {
                    AedState::OutOfService
                } else {
                    AedState::Available
                },
                confirmed_at: entry.confirmed_at,
            })
        };
        Ok(list.entries.into_iter().map(site).collect())
    }
}

/// A shipped policy by name, or one of a file.
fn policy(name: &str) -> anyhow::Result<Policy> {
    let shipped = [Policy::default(), Policy::soonest()];
    let mut shipped = shipped.into_iter().chain(muster_policies::published());
    if let Some(policy) = shipped.find(|policy| policy.name == name) {
        return Ok(policy);
    }
    let text = fs::read_to_string(name).with_context(|| {
        format!("--policy {name}: neither the name of a shipped policy nor a file that can be read")
    })?;
    muster_policies::parse(&text).with_context(|| format!("--policy {name}"))
}

/// Another setting of the default.
fn at_price((ppm, alert_count, wanted): (u32, u32, u32)) -> Policy {
    let mut policy = Policy {
        name: format!("default at {} %", f64::from(ppm) / 1e4),
        alert_count,
        wanted,
        ..Policy::default()
    };
    policy.joint.alert_price_ppm = ppm;
    policy.joint.going_price_ppm = policy.joint.going_price_ppm.min(ppm);
    policy
}

fn read_streets(path: &Path) -> anyhow::Result<Arc<RoadGraph>> {
    if let Ok(file) = roads::read(path) {
        return Ok(Arc::new(file.graph));
    }
    let import = roads::import(path).with_context(|| format!("reading {}", path.display()))?;
    complain(&import.report.to_string());
    Ok(Arc::new(import.graph))
}
