//! Runs this program again under valgrind's callgrind, and reads how many instructions each part of the work took.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::Size;

/// Counts within the function of this name. Two patterns, because callgrind takes only the first option of two that have
/// the same.
const COUNT_WITHIN: &str = "--toggle-collect=*work::counted*";
/// Closes a part of the profile when it returns.
const PART_AFTER: &str = "--dump-after=*::counted*";

/// What one operation costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    pub name: String,
    /// Instructions of one operation, on average.
    pub instructions: f64,
}

/// The version, if there is one.
pub fn version() -> Option<String> {
    let said = Command::new("valgrind").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Every operation's cost, in the order of the work.
pub fn costs(size: Size) -> Result<Vec<Cost>> {
    let folder = tempfile::tempdir().context("making a folder for the profile")?;
    let profile = folder.path().join("profile");
    let own = std::env::current_exe().context("finding this program")?;
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--quiet", "--tool=callgrind", COUNT_WITHIN, PART_AFTER])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(own)
        .args([
            "work",
            "--people",
            &size.people.to_string(),
            "--moves",
            &size.moves.to_string(),
        ]);
    if size.ageing_only {
        valgrind.arg("--ageing-only");
    }
    let said = valgrind
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("running valgrind")?;
    ensure!(said.status.success(), "valgrind ended with {}", said.status);
    let names = String::from_utf8(said.stdout).context("reading what was counted")?;
    let part = |(line, number): (&str, u32)| {
        let (operations, name) = line
            .split_once(' ')
            .with_context(|| format!("a part called '{line}'"))?;
        #[allow(clippy::cast_precision_loss)]
        let total = total(&folder.path().join(format!("profile.{number}")))? as f64;
        Ok(Cost {
            name: name.to_owned(),
            instructions: total / operations.parse::<f64>().context("reading a count")?,
        })
    };
    names.lines().zip(1..).map(part).collect()
}

/// The instructions of one part of a profile: its line `totals: N`.
fn total(part: &Path) -> Result<u64> {
    let text = fs::read_to_string(part).with_context(|| format!("reading {}", part.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total
        .with_context(|| format!("no total in {}", part.display()))?
        .trim()
        .parse()?;
    if total == 0 {
        bail!(
            "nothing was counted in {}: is the program stripped of its symbols?",
            part.display()
        );
    }
    Ok(total)
}
