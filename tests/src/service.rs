//! `muster serve` as a child process: started, killed, started again, stopped.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::wait::{self, PATIENCE};

/// What a service tells about itself once it is ready.
#[derive(Clone, Debug, Deserialize)]
pub struct Endpoints {
    /// Address of the gRPC listener, for example `127.0.0.1:4001`.
    pub grpc: String,
    /// Address of the MQTT listener.
    pub mqtt: String,
    /// Address of the probes and metrics.
    pub http: String,
    /// PEM file: who signed the server's certificate.
    pub ca_certificate: PathBuf,
    /// The development control room.
    pub control_room: ControlRoomFiles,
}

/// Where a control room's certificate lies.
#[derive(Clone, Debug, Deserialize)]
pub struct ControlRoomFiles {
    /// Its name.
    pub tenant: String,
    /// PEM file.
    pub certificate: PathBuf,
    /// PEM file.
    pub key: PathBuf,
}

/// A running service. Dropping it kills the process.
pub struct Service {
    /// Where it listens.
    pub endpoints: Endpoints,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `muster serve` on `data_dir`, listening on ports that the system chooses and without a canary, since tests
    /// count incidents; waits until it is ready.
    pub async fn start(data_dir: &Path) -> Result<Self> {
        Self::start_with(data_dir, &["--canary-every-s", "0"]).await
    }

    /// The same with these flags.
    pub async fn start_with(data_dir: &Path, flags: &[&str]) -> Result<Self> {
        let announced = data_dir.join("endpoints.json");
        // A killed service leaves its own behind; only the new one counts.
        fs::remove_file(&announced).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        let log = data_dir.with_extension("log");
        let mut child = serve(data_dir)
            .args(flags)
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()
            .context("starting the service")?;
        let endpoints = wait::until("the service announces its endpoints", async || {
            if let Some(status) = child.try_wait()? {
                bail!("the service ended with {status}: {}", tail(&log));
            }
            let Ok(text) = fs::read(&announced) else {
                return Ok(None);
            };
            Ok(Some(serde_json::from_slice(&text).context("endpoints.json")?))
        })
        .await?;
        Ok(Self { endpoints, child, log })
    }

    /// Kills the process without warning, as a crash or a power cut would, and waits until it is gone.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("killing the service")
    }

    /// Asks the process to stop and waits until it has.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        let id = self.child.id().context("the service has already ended")?;
        let sent = Command::new("kill").arg(id.to_string()).status().await?;
        ensure!(sent.success(), "kill ended with {sent}");
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended
            .with_context(|| format!("the service did not stop: {}", tail(&self.log)))?
            .context("waiting for the service")
    }

    /// Asks for a page over HTTP; the status code and the body.
    pub fn page(&self, path: &str) -> Result<(u16, String)> {
        page(self.endpoints.http.parse()?, path, PATIENCE)
    }
}

/// Asks a service for a page over HTTP, with this much patience for each step; the status code and the body.
pub fn page(http: SocketAddr, path: &str, patience: Duration) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&http, patience)?;
    stream.set_read_timeout(Some(patience))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the end of the header")?;
    let code = head.split(' ').nth(1).context("a status code")?.parse()?;
    Ok((code, body.to_owned()))
}

/// How a command ended and what it said.
pub struct Ended {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

/// Runs `muster` with these arguments to its end.
pub async fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Ended> {
    run_command(muster().args(arguments)).await
}

/// Starts a second service on `data_dir`, which is expected to refuse and end.
pub async fn serve_expecting_refusal(data_dir: &Path) -> Result<Ended> {
    run_command(&mut serve(data_dir)).await
}

async fn run_command(command: &mut Command) -> Result<Ended> {
    let ended = timeout(PATIENCE, command.stdin(Stdio::null()).output()).await;
    let output = ended.context("the command did not end")?.context("running muster")?;
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn serve(data_dir: &Path) -> Command {
    let mut command = muster();
    command.arg("serve").arg("--data-dir").arg(data_dir);
    for listener in ["--grpc-listen", "--mqtt-listen", "--http-listen"] {
        command.arg(listener).arg("127.0.0.1:0");
    }
    command
}

/// The binary under test, in surroundings of its own: the variables of whoever runs the tests do not configure it.
fn muster() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("MUSTER_") {
            command.env_remove(name);
        }
    }
    command.kill_on_drop(true);
    command
}

/// The binary lies beside the tests: `target/<profile>/muster` and `target/<profile>/deps/<test>`. It is not built from
/// here; `tests/run` and `cargo build` build it.
fn binary() -> PathBuf {
    if let Some(path) = env::var_os("CARGO_BIN_EXE_muster") {
        return path.into();
    }
    let test = env::current_exe().expect("a running test is a file");
    let profile_dir = test.parent().and_then(Path::parent).expect("tests lie in deps");
    let path = profile_dir.join("muster");
    assert!(path.exists(), "{} is missing: run `cargo build` first", path.display());
    path
}

/// The last lines of a log, for an error message.
fn tail(log: &Path) -> String {
    const LINES: usize = 20;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
