//! The service under test: one that was started beside the harness, or one that runs somewhere.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    control_room::Endpoints,
    scenario::{ASKED_PER_PLACE, Scenario},
};

/// A service with a large journal takes a while; this is far above it.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Thousands of sessions are told goodbye.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
/// How often the endpoints file is looked for.
const LOOK: Duration = Duration::from_millis(10);
/// Sessions beyond the phones: trunks, the noisy sender, visitors.
const SESSIONS_SPARE: u64 = 200;
/// Bytes of the service's own words shown when it fails.
const LAST_WORDS_MAX: usize = 2_000;

/// The service under test.
pub struct Service {
    /// Where it is reached.
    pub endpoints: Endpoints,
    process: Process,
}

enum Process {
    /// Ours.
    Own(Box<Own>),
    /// Somebody's on this machine.
    Known(Pid),
    /// Elsewhere.
    Unknown,
}

struct Own {
    binary: PathBuf,
    folder: TempDir,
    child: Child,
    endpoints: Endpoints,
}

impl Service {
    /// A service that runs already; with its process id it can be watched and paused too.
    pub fn at(endpoints: &Path, pid: Option<i32>) -> anyhow::Result<Self> {
        let process = match pid {
            None => Process::Unknown,
            Some(raw) => Process::Known(Pid::from_raw(raw).context("--pid is 0; accepted is a process id")?),
        };
        Ok(Self {
            endpoints: Endpoints::read(endpoints)?,
            process,
        })
    }

    /// Starts one of its own, in a temporary folder and on ports that the system chooses.
    pub async fn start(binary: &Path, scenario: &Scenario) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("muster-loadtest-").tempdir()?;
        fs::write(folder.path().join("muster.toml"), config(scenario))?;
        let any = "127.0.0.1:0";
        let (child, endpoints) = launch(binary, folder.path(), [any, any, any]).await?;
        let own = Own {
            binary: binary.to_owned(),
            folder,
            child,
            endpoints: endpoints.clone(),
        };
        Ok(Self {
            endpoints,
            process: Process::Own(Box::new(own)),
        })
    }

    /// Whether it is ours to kill and start again.
    pub fn is_own(&self) -> bool {
        matches!(self.process, Process::Own(_))
    }

    /// Its process, if it is on this machine and known.
    pub fn pid(&self) -> Option<Pid> {
        match &self.process {
            Process::Own(own) => own.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)),
            Process::Known(pid) => Some(*pid),
            Process::Unknown => None,
        }
    }

    /// Says so when it is ours and has ended by itself.
    pub fn require_running(&mut self) -> anyhow::Result<()> {
        if let Process::Own(own) = &mut self.process
            && let Some(status) = own.child.try_wait()?
        {
            bail!("{}", ended(status, &own.folder.path().join("log")));
        }
        Ok(())
    }

    /// Makes it stand still for a while.
    pub async fn pause(&self, length: Duration) -> anyhow::Result<()> {
        let pid = self.pid().context("the service's process is not known")?;
        kill_process(pid, Signal::STOP).context("stopping the service")?;
        // Goes on whatever becomes of this future.
        let _going_on = GoingOn(pid);
        sleep(length).await;
        Ok(())
    }

    /// Kills it as a crash would, and starts it again on the same data and ports.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let Process::Own(own) = &mut self.process else {
            bail!("the service is not ours to kill");
        };
        own.child.kill().await.context("killing the service")?;
        let endpoints = &own.endpoints;
        let mqtt = endpoints
            .mqtt
            .as_deref()
            .context("the service has a broker of its own")?;
        let http = endpoints.http.as_deref().context("the service has a port for probes")?;
        let listen = [endpoints.grpc.as_str(), mqtt, http];
        (own.child, _) = launch(&own.binary, own.folder.path(), listen).await?;
        Ok(())
    }

    /// Stops it if it is ours.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let pid = self.pid();
        let Process::Own(own) = &mut self.process else {
            return Ok(());
        };
        let log = own.folder.path().join("log");
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).context("asking the service to stop")?;
        }
        match timeout(STOPPED_WITHIN, own.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(status) => bail!("{}", ended(status?, &log)),
            Err(_) => bail!("the service did not stop within {} s", STOPPED_WITHIN.as_secs()),
        }
    }
}

/// Lets a process go on when dropped.
struct GoingOn(Pid);

impl Drop for GoingOn {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

/// gRPC, MQTT and HTTP.
async fn launch(binary: &Path, folder: &Path, listen: [&str; 3]) -> anyhow::Result<(Child, Endpoints)> {
    let (data, log) = (folder.join("data"), folder.join("log"));
    let announced = data.join("endpoints.json");
    // A killed service leaves its own behind; only the new one counts.
    match fs::remove_file(&announced) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut command = Command::new(binary);
    command
        .arg("serve")
        .args([Path::new("--config"), &folder.join("muster.toml")])
        .args([Path::new("--data-dir"), &data])
        .args(["--grpc-listen", listen[0], "--mqtt-listen", listen[1]])
        .args(["--http-listen", listen[2]])
        .env("MUSTER_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::options().create(true).append(true).open(&log)?)
        // Ctrl-C is for the harness: the service is stopped when it is done.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    let until = Instant::now() + READY_WITHIN;
    loop {
        if let Some(status) = child.try_wait()? {
            bail!("{}", ended(status, &log));
        }
        if announced.exists() {
            return Ok((child, Endpoints::read(&announced)?));
        }
        if Instant::now() > until {
            bail!("the service was not ready within {} s", READY_WITHIN.as_secs());
        }
        sleep(LOOK).await;
    }
}

fn ended(status: ExitStatus, log: &Path) -> String {
    let words = fs::read(log).unwrap_or_default();
    let last = &words[words.len().saturating_sub(LAST_WORDS_MAX)..];
    format!(
        "the service ended with {status}: {}",
        String::from_utf8_lossy(last).trim()
    )
}

/// What a scenario needs of the service: room for its phones, waves of its size, no drills that would be counted as
/// alerts, and no limit of requests in the way of the set-up.
fn config(scenario: &Scenario) -> String {
    let sessions = scenario.population.phones + SESSIONS_SPARE;
    let (asked, per_place) = (scenario.incidents.asked, ASKED_PER_PLACE);
    let trunks = if scenario.has_trunk() { "trunks = true\n" } else { "" };
    let wanted = asked.min(3);
    let alerts_max = (asked * 3).max(60);
    format!(
        "[mqtt]\nconnections_max = {sessions}\n{trunks}\n[canary]\nevery_s = 0\n\n[limits]\n\
         vital = {{ per_s = 10000, burst = 10000 }}\nreport = {{ per_s = 10000, burst = 10000 }}\n\
         register = {{ per_s = 100000, burst = 1000000 }}\nquery = {{ per_s = 10000, burst = 10000 }}\n\n\
         [policy]\nname = \"loadtest\"\nalert_count = {asked}\nwanted = {wanted}\nalerts_max = {alerts_max}\n\n\
         [policy.call_out]\nasked_per_place = {per_place}\n"
    )
}
