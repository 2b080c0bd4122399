//! `muster serve` as a process group: started under a wrapper or not, killed, paused, and awaited until it is ready.
//!
//! Apart from [`muster_tests::service`], because here the ports stay the same over restarts and the way it ends matters.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use muster_tests::service::{Endpoints, page};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::bench::{Bench, signal_group};

/// Asking for everything afterwards, incident by incident, is more than a control room may.
const NO_BUDGET: &str = "[limits]
vital = { per_s = 1000000, burst = 1000000 }
query = { per_s = 1000000, burst = 1000000 }
";

/// A service that is not ready after this never will be. Far beyond every bound on recovery.
const START_WAIT: Duration = Duration::from_secs(60);
/// Time between two looks for a state.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A probe is answered at once or not at all.
const PROBE_WAIT: Duration = Duration::from_millis(500);
/// Default port of the control rooms' door; any would do at an address of our own.
const GRPC_PORT: u16 = 7443;
/// Of the phones' door.
pub const MQTT_PORT: u16 = 1883;
/// Of the probes.
const HTTP_PORT: u16 = 9464;

/// How to start the service.
#[derive(Clone)]
pub struct Setup<'a> {
    /// The bench it runs on.
    pub bench: &'a Bench,
    /// Where it keeps everything.
    pub data_dir: PathBuf,
    /// TOML put before the defaults.
    pub config: String,
    /// What is put before the command, `strace` for example.
    pub wrapper: Vec<String>,
    /// Another broker than the embedded one.
    pub broker: Option<SocketAddr>,
}

impl<'a> Setup<'a> {
    /// The plain service on a data directory.
    pub fn new(bench: &'a Bench, data_dir: PathBuf) -> Self {
        Self {
            bench,
            data_dir,
            config: String::new(),
            wrapper: vec![],
            broker: None,
        }
    }

    /// Where phones connect.
    pub fn mqtt(&self) -> SocketAddr {
        self.broker.unwrap_or_else(|| self.at(MQTT_PORT))
    }

    fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::from((self.bench.address, port))
    }

    /// Starts and waits until it is ready; also says how long that took.
    pub async fn start(&self) -> Result<(Running, Duration)> {
        let began = Instant::now();
        let mut running = self.launch()?;
        running.ready().await?;
        Ok((running, began.elapsed()))
    }

    /// Starts and does not wait.
    pub fn launch(&self) -> Result<Running> {
        fs::create_dir_all(&self.data_dir)?;
        // A killed service leaves its own behind; only the new one counts.
        let announced = self.data_dir.join("endpoints.json");
        let _ = fs::remove_file(&announced);
        let log = self.bench.scratch.join("service.log");
        let mut command = self.command()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()
            .context("starting the service")?;
        let group = child.id().context("a child just started")?;
        self.bench.remember_child(group)?;
        Ok(Running {
            child,
            group,
            announced,
            http: self.at(HTTP_PORT),
            log,
        })
    }

    fn command(&self) -> Result<Command> {
        let config = self.bench.scratch.join("muster.toml");
        let external = self.broker.map(|broker| {
            format!(
                "[mqtt.external]\nhost = \"{}\"\nport = {}\n",
                broker.ip(),
                broker.port()
            )
        });
        let external = external.unwrap_or_default();
        fs::write(&config, format!("{}\n{external}\n{NO_BUDGET}", self.config))?;
        let mut words = self.wrapper.clone();
        words.push(self.bench.binary.display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("serve").arg("--config").arg(config);
        command.arg("--data-dir").arg(&self.data_dir);
        command.arg("--grpc-listen").arg(self.at(GRPC_PORT).to_string());
        command.arg("--http-listen").arg(self.at(HTTP_PORT).to_string());
        if self.broker.is_none() {
            command.arg("--mqtt-listen").arg(self.at(MQTT_PORT).to_string());
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MUSTER_") {
                command.env_remove(name);
            }
        }
        command.kill_on_drop(true).process_group(0);
        Ok(command)
    }

    /// How a control room reaches the service that runs on the directory now.
    pub fn endpoints(&self) -> Result<Endpoints> {
        let text = fs::read(self.data_dir.join("endpoints.json")).context("reading endpoints.json")?;
        let mut announced: serde_json::Value = serde_json::from_slice(&text)?;
        // Absent with an external broker.
        announced["mqtt"] = self.mqtt().to_string().into();
        serde_json::from_value(announced).context("endpoints.json")
    }
}

/// A running service. Dropping it kills the whole group.
pub struct Running {
    child: Child,
    group: u32,
    announced: PathBuf,
    http: SocketAddr,
    log: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once it has been waited for, its number may be somebody else's.
        if self.child.id().is_some() {
            signal_group("KILL", self.group);
        }
    }
}

impl Running {
    /// Waits until the service has announced itself and says that it is ready.
    pub async fn ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !(self.announced.exists() && page(self.http, "/readyz", PROBE_WAIT).is_ok_and(|(code, _)| code == 200)) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the service ended with {status}: {}", tail(&self.log));
            }
            if begun.elapsed() > START_WAIT {
                bail!("the service is not ready after {START_WAIT:?}: {}", tail(&self.log));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Gets a signal ready, so that it takes a tenth of a millisecond to send and not the start of a process: an
    /// acknowledgement that came too early is only seen by what happens right after it.
    pub fn arm(&self, signal: &str) -> Result<Armed> {
        let shell = Command::new("sh")
            .arg("-c")
            .arg(format!("read -r go && kill -{signal} -{}", self.group))
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a shell")?;
        Ok(Armed { shell })
    }

    /// Ends it without warning.
    pub async fn kill(mut self) -> Result<()> {
        if self.child.id().is_some() {
            signal_group("KILL", self.group);
        }
        self.child.wait().await.context("waiting for a killed service")?;
        Ok(())
    }

    /// Asks it to stop, and says how it did.
    pub async fn stop(&mut self, patience: Duration) -> Result<ExitStatus> {
        signal_group("TERM", self.group);
        self.ended(patience)
            .await?
            .with_context(|| format!("the service did not stop within {patience:?}: {}", tail(&self.log)))
    }

    /// Freezes it.
    pub async fn pause(&self) -> Result<()> {
        self.arm("STOP")?.fire().await
    }

    /// Lets it go on.
    pub fn resume(&self) {
        signal_group("CONT", self.group);
    }

    /// How it ended, if it does within this time.
    pub async fn ended(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        match timeout(patience, self.child.wait()).await {
            Ok(status) => Ok(Some(status?)),
            Err(_) => Ok(None),
        }
    }
}

/// A signal that only waits to be sent.
pub struct Armed {
    shell: Child,
}

impl Armed {
    /// Sends it, and waits until it is sent.
    pub async fn fire(mut self) -> Result<()> {
        let mut go = self.shell.stdin.take().context("a shell that has not been used")?;
        go.write_all(b"\n").await?;
        let sent = self.shell.wait().await?;
        ensure!(sent.success(), "the signal was not sent: {sent}");
        Ok(())
    }
}

/// The last lines of a log, for an error message.
fn tail(log: &Path) -> String {
    const LINES: usize = 6;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
