//! The bench the recipes work on: a scratch directory, its mounts, and the commands of the system.
//!
//! Everything made here is undone when it is dropped. What survives even a kill of this process lies below the scratch
//! directory, named in `children` and in the table of mounts, so that `tests/faults/run` can undo it.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::outcome::skip;

/// What all recipes share.
pub struct Bench {
    /// The binary under test.
    pub binary: PathBuf,
    /// Below it lies everything a recipe makes.
    pub scratch: PathBuf,
    /// The form for continuous integration.
    pub short: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// Loopback address of this run. A private one, so that fixed ports collide with nobody's.
    pub address: Ipv4Addr,
}

impl Bench {
    /// One number or the other.
    pub fn pick<T>(&self, short: T, long: T) -> T {
        if self.short { short } else { long }
    }

    /// Writes down a process group for the clean-up after a kill of this process.
    pub fn remember_child(&self, group: u32) -> Result<()> {
        let mut list = File::options()
            .create(true)
            .append(true)
            .open(self.scratch.join("children"))?;
        writeln!(list, "{group}").context("remembering a child")
    }
}

/// A private loopback address for each recipe of a run: what a recipe leaves on its way out does not meet the next.
pub fn address_of(process: u32, recipe: u8) -> Ipv4Addr {
    let [_, _, middle, low] = process.to_be_bytes();
    // Never the first or last address of a network.
    Ipv4Addr::new(127, 64 + recipe, middle, low.clamp(1, 254))
}

/// A mounted file system; unmounted when dropped.
pub struct Mount {
    /// Where.
    pub at: PathBuf,
}

impl Mount {
    /// A file system in memory.
    pub fn memory(at: PathBuf, size: &str) -> Result<Self> {
        fs::create_dir_all(&at)?;
        let options = format!("size={size},mode=0700");
        Self::mounted(&at, ["-t", "tmpfs", "-o", &options, "muster-faults"])
    }

    /// An ext4 image. Nothing is written back unless the file system is told to sync.
    pub fn image(image: &Path, at: PathBuf) -> Result<Self> {
        fs::create_dir_all(&at)?;
        let image = image.to_str().context("a plain path")?;
        // The default writes back every 5 s; a long interval leaves only what was synced.
        Self::mounted(&at, ["-t", "ext4", "-o", "loop,commit=300", image])
    }

    fn mounted<const N: usize>(at: &Path, arguments: [&str; N]) -> Result<Self> {
        let mut all: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        all.push(at.as_os_str());
        let done = output("mount", all)?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            return Err(skip(format!("mounting is refused here: {}", said.trim())));
        }
        Ok(Self { at: at.to_owned() })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let gone = output("umount", [&self.at]).is_ok_and(|done| done.status.success());
        if !gone {
            // A process may still hold it for an instant; lazily, it goes with that process.
            let _ = output("umount", [OsStr::new("-l"), self.at.as_os_str()]);
        }
    }
}

/// Runs a command of the system to its end.
pub fn output(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Output> {
    Command::new(program.as_ref())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {}", program.as_ref().display()))
}

/// Runs a command of the system, which must succeed.
pub fn must(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
    let done = output(program, arguments)?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{program} ended with {}: {said}", done.status);
    Ok(())
}

/// Whether a program is installed.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Skips the recipe when a program is missing.
pub fn need(program: &str) -> Result<()> {
    if has(program) {
        return Ok(());
    }
    Err(skip(format!("{program} is not installed")))
}

/// Sends a signal to a process group.
pub fn signal_group(signal: &str, group: u32) {
    // It may have ended already; the caller looks at how.
    let _ = output("kill", [format!("-{signal}"), "--".to_owned(), format!("-{group}")]);
}
