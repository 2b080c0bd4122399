//! Servers that take part: started here, on a socket in a folder of their own, and gone with it.

pub mod postgis;
pub mod redis_geo;

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server that has not answered by then never will.
const START_MAX: Duration = Duration::from_secs(60);
/// How often it is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(20);
/// How much of its log is shown when it does not start.
const LOG_SHOWN: usize = 2_000;

/// A running server, its folder, and its log.
pub struct Server {
    child: Child,
    folder: TempDir,
    /// How it is asked to stop at once.
    stop: Signal,
}

impl Server {
    /// Starts a command in a folder; it dies with this process, and may use every core even if this process may not.
    fn start(folder: TempDir, command: &[&str], stop: Signal) -> Result<Self> {
        let cores = fs::read_to_string("/sys/devices/system/cpu/online").context("reading which cores there are")?;
        let log = fs::File::create(folder.path().join("log")).context("making a log")?;
        let child = Command::new("taskset")
            .args(["-c", cores.trim(), "setpriv", "--pdeathsig", "TERM"])
            .args(command)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("sharing a log")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        Ok(Self { child, folder, stop })
    }

    /// Tries until the server answers.
    fn wait<T>(&mut self, mut answer: impl FnMut() -> Result<T>) -> Result<T> {
        let began = Instant::now();
        loop {
            let error = match answer() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let ended = self.child.try_wait().context("looking at the server")?;
            if let Some(status) = ended {
                bail!("the server ended with {status}: {}", self.log());
            }
            if began.elapsed() > START_MAX {
                return Err(error.context(format!("no answer for {START_MAX:?}: {}", self.log())));
            }
            thread::sleep(TRY_EVERY);
        }
    }

    fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_SHOWN)..]).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // One that has ended needs no signal.
            let _: Result<(), _> = kill_process(pid, self.stop);
        }
        drop(self.child.wait());
    }
}

/// A folder that other users may pass through: a database server does not run as root.
fn folder() -> Result<TempDir> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    tempfile::Builder::new()
        .prefix("muster-peers-")
        .permissions(mode)
        .tempdir()
        .context("making a folder for a server")
}

fn is_root() -> Result<bool> {
    Ok(fs::metadata("/proc/self").context("looking up the own user")?.uid() == 0)
}

/// Where a program is.
fn on_the_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")]);
    places.find_map(|place| Some(place.join(program)).filter(|program| program.exists()))
}

/// What starting a server here takes; its absence is a reason not to take part.
fn no_launcher() -> Option<String> {
    let missing = ["taskset", "setpriv"]
        .into_iter()
        .find(|tool| on_the_path(tool).is_none());
    missing.map(|tool| format!("{tool} (util-linux) is missing"))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
