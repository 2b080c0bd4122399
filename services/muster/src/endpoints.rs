//! `endpoints.json`: where a running service is reached, for tools and tests on the same machine.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// Where a running service is reached. Written when it is ready, removed when it stops in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoints {
    /// gRPC, for control rooms.
    pub grpc: SocketAddr,
    /// MQTT, for phones; absent with an external broker.
    pub mqtt: Option<SocketAddr>,
    /// Probes and counters.
    pub http: SocketAddr,
    /// Who signed the service's certificate; absent with `--insecure-loopback`.
    pub ca_certificate: Option<PathBuf>,
    /// A control room's own certificate for trying things out; absent unless the service made its own.
    pub control_room: Option<ControlRoom>,
}

/// Credentials of a control room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ControlRoom {
    /// Which.
    pub tenant: String,
    /// Its certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl Endpoints {
    /// Where the file is in a data directory.
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("endpoints.json")
    }

    /// Writes the file whole or not at all, readable by the owner only.
    pub fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        write_private(&Self::path(data_dir), text.as_bytes())
    }

    /// Reads the file of a running service.
    pub fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let path = Self::path(data_dir);
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "reading {}; is `muster serve` running on this data directory?",
                path.display()
            )
        })?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }
}

/// Writes a file for the owner only, by way of a temporary one, so that no reader ever sees half of it.
pub fn write_private(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let writing = || format!("writing {}", path.display());
    let temporary = path.with_extension("new");
    // One left over from a crash may have other permissions.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).with_context(writing),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .with_context(writing)?;
    file.write_all(contents)
        .and_then(|()| file.sync_all())
        .with_context(writing)?;
    fs::rename(&temporary, path).with_context(writing)
}
