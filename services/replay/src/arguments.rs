//! `muster replay`: its flags, and from them a study.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use dispatch_core::{policy::Policy, survival::SurvivalCurve};
use muster_people::{Person, population::Population};

use crate::{
    assumptions::Assumptions,
    findings::Findings,
    inputs::{self, ReadError, Rows},
    page,
    progress::Shown,
    study::{Map, PastIncident, RESPONDERS_MAX, Resident, Study},
    table,
};

/// Flags of `muster replay`.
#[derive(Args, Clone)]
pub struct Arguments {
    /// Past incidents, CSV: time (such as 2017-01-31T14:05:00Z), lat and lon or easting and northing; optional accuracy_m,
    /// kind, ambulance_s.
    #[arg(long, value_name = "FILE")]
    incidents: PathBuf,
    /// Responders, CSV: lat and lon or easting and northing; optional mode (foot, bicycle, car). Left out: drawn from the
    /// population.
    #[arg(long, value_name = "FILE")]
    responders: Option<PathBuf>,
    /// Where people live, CSV: lat and lon or easting and northing, residents, radius_m. Left out: London, census of 2011.
    #[arg(long, value_name = "FILE")]
    population: Option<PathBuf>,
    /// Responders for each resident, 0 to 1. The default is an assumption, a fifth of the Netherlands' share.
    #[arg(long, default_value_t = 0.003, value_parser = share, conflicts_with = "responders")]
    responder_share: f64,
    /// How many responders, 1 to 1000000, instead of a share.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=RESPONDERS_MAX as i64), conflicts_with_all = ["responders", "responder_share"])]
    responder_count: Option<u32>,
    /// Only incidents from this moment on, such as 2017-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// Only incidents before this moment.
    #[arg(long, value_name = "TIME")]
    to: Option<jiff::Timestamp>,
    /// Mean time from the report to the ambulance at the scene, minutes, 1 to 120, where the file does not say.
    #[arg(long, default_value_t = 7.75, value_name = "MINUTES", value_parser = minutes)]
    ambulance_mean: f64,
    /// By which published curve survival is modelled first; the others stand beside it.
    #[arg(long, default_value = "valenzuela_1997", value_parser = curve)]
    survival_curve: &'static str,
    /// Leave out rows that cannot be used instead of refusing the file.
    #[arg(long)]
    skip_bad_rows: bool,
    /// Decides every draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What goes to standard output.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Also writes a page here.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// How the findings are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| format!("'{text}' is not a share; accepted is above 0 to 1"))
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text
        .parse::<f64>()
        .ok()
        .filter(|minutes| (1.0..=120.0).contains(minutes));
    minutes.ok_or_else(|| format!("'{text}' is not accepted; accepted are 1 to 120 minutes"))
}

fn curve(text: &str) -> Result<&'static str, String> {
    let names = SurvivalCurve::PUBLISHED.map(|(name, _)| name);
    let known = names.into_iter().find(|name| *name == text);
    known.ok_or_else(|| format!("'{text}' is not known; accepted are {}", names.join(", ")))
}

/// Runs a study of these policies, the first of which the others are compared with, and prints what it found.
///
/// # Errors
/// A file that cannot be read or holds bad rows, a study that cannot be run, a page that cannot be written.
pub fn run(arguments: &Arguments, policies: Vec<Policy>, map: Map) -> anyhow::Result<()> {
    let study = arguments.study(policies, map)?;
    study.check()?;
    let mut shown = Shown::new(study.incidents.len());
    let findings = study.run(|progress| shown.tell(progress))?;
    shown.finish();
    if let Some(path) = &arguments.html {
        std::fs::write(path, page::page(&findings)).with_context(|| format!("writing {}", path.display()))?;
    }
    arguments.print(&findings)
}

impl Arguments {
    /// The study that the flags ask for.
    ///
    /// # Errors
    /// A file that cannot be read or holds bad rows, and times between which nothing happened.
    pub fn study(&self, policies: Vec<Policy>, map: Map) -> anyhow::Result<Study> {
        let population = self.read_population()?;
        let responders = match &self.responders {
            Some(path) => self.rows(path, inputs::responders)?,
            None => self.drawn(&population),
        };
        let mut assumptions = Assumptions::default();
        assumptions.ambulance.0 = std::time::Duration::from_secs_f64(self.ambulance_mean * 60.0);
        Ok(Study {
            incidents: self.incidents()?,
            responders,
            // Those of a file need not live where the population does; without one, they say themselves where people live.
            population: (self.responders.is_none() || self.population.is_some()).then_some(population),
            map,
            policies,
            curve: self.survival_curve,
            assumptions,
            seed: self.seed,
        })
    }

    fn incidents(&self) -> anyhow::Result<Vec<PastIncident>> {
        let mut incidents = self.rows(&self.incidents, inputs::incidents)?;
        let (from, to) = (
            self.from.map(|at| at.as_millisecond()),
            self.to.map(|at| at.as_millisecond()),
        );
        incidents.retain(|incident| {
            let at = incident.at.unix_ms();
            from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to)
        });
        if incidents.is_empty() {
            bail!("{}: no incident between --from and --to", self.incidents.display());
        }
        Ok(incidents)
    }

    fn read_population(&self) -> anyhow::Result<Population> {
        let areas = match &self.population {
            Some(path) => self.rows(path, inputs::population)?,
            None => {
                inputs::population(inputs::LONDON.as_bytes(), false)
                    .expect("the shipped file is valid")
                    .rows
            }
        };
        Population::new(areas).context("reading the population")
    }

    fn drawn(&self, population: &Population) -> Vec<Resident> {
        let by_share = (population.residents() as f64 * self.responder_share).round();
        let count = self.responder_count.map_or(by_share as u64, u64::from);
        let home = |number| {
            population.home_of(Person {
                seed: self.seed,
                number,
            })
        };
        let count = count.clamp(1, RESPONDERS_MAX as u64);
        (0..count)
            .map(|number| Resident {
                home: home(number),
                mode: None,
            })
            .collect()
    }

    fn rows<T>(&self, path: &Path, read: impl Fn(File, bool) -> Result<Rows<T>, ReadError>) -> anyhow::Result<Vec<T>> {
        let reading = || format!("reading {}", path.display());
        let file = File::open(path).with_context(reading)?;
        let rows = read(file, self.skip_bad_rows).with_context(reading)?;
        let mut say = std::io::stderr().lock();
        // A closed standard error is no reason to stop.
        if rows.skipped_count > 0 {
            let _ = writeln!(say, "{}: {} rows left out", path.display(), rows.skipped_count);
            rows.skipped.iter().for_each(|row| drop(writeln!(say, "  {row}")));
        }
        if !rows.ignored.is_empty() {
            let _ = writeln!(
                say,
                "{}: columns passed over: {}",
                path.display(),
                rows.ignored.join(", ")
            );
        }
        Ok(rows.rows)
    }

    fn print(&self, findings: &Findings) -> anyhow::Result<()> {
        let text = match self.output {
            Output::Table => table::table(findings),
            Output::Json => serde_json::to_string(findings)? + "\n",
        };
        std::io::stdout()
            .lock()
            .write_all(text.as_bytes())
            .context("printing the findings")
    }
}
