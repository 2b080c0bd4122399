//! A real Mosquitto as a child process, with a user and an access list for each device.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use muster_engine::registry::DeviceKind;
use tempfile::TempDir;
use tokio::{net::TcpStream, time::timeout};

use crate::world::{Enrolled, EnrolledTrunk, PATIENCE, REGION};

pub const BUS_USER: &str = "muster";
pub const BUS_PASSWORD: &str = "bus-secret";

pub struct Mosquitto {
    pub address: SocketAddr,
    directory: TempDir,
    child: Option<Child>,
}

impl Mosquitto {
    /// `None` when Mosquitto is not installed.
    pub async fn start(devices: &[Enrolled], trunk: &EnrolledTrunk) -> Option<Self> {
        if !is_installed() {
            use std::io::Write as _;
            // Past the harness's capture, so that a skip is seen.
            writeln!(std::io::stderr(), "SKIPPED: mosquitto is not installed").ok();
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        configure(directory.path(), address, devices, trunk);
        let mut mosquitto = Self {
            address,
            directory,
            child: None,
        };
        mosquitto.run().await;
        Some(mosquitto)
    }

    pub async fn run(&mut self) {
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(self.directory.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        let listening = async {
            while TcpStream::connect(self.address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, listening).await.expect("mosquitto listens in time");
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_installed() -> bool {
    let installed = |program| {
        let help = Command::new(program)
            .arg("-h")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        help.is_ok()
    };
    installed("mosquitto") && installed("mosquitto_passwd")
}

/// Mosquitto cannot choose a port itself, so one that is free now is taken.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

fn configure(directory: &Path, address: SocketAddr, devices: &[Enrolled], trunk: &EnrolledTrunk) {
    let passwords = directory.join("passwords");
    let acl = directory.join("acl");
    fs::write(&passwords, "").unwrap();
    let users = devices
        .iter()
        .map(|device| (device.username(), device.password.clone()));
    let others = [
        (BUS_USER.to_owned(), BUS_PASSWORD.to_owned()),
        (trunk.username(), trunk.password.clone()),
    ];
    for (user, password) in users.chain(others) {
        let added = Command::new("mosquitto_passwd")
            .arg("-b")
            .arg(&passwords)
            .args([user, password])
            .status();
        assert!(added.unwrap().success());
    }
    fs::write(&acl, access_list(devices, trunk)).unwrap();
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let config = format!(
        "listener {} {}\nuser {user}\nallow_anonymous false\npassword_file {}\nacl_file {}\n",
        address.port(),
        address.ip(),
        passwords.display(),
        acl.display(),
    );
    fs::write(directory.join("mosquitto.conf"), config).unwrap();
}

fn access_list(devices: &[Enrolled], trunk: &EnrolledTrunk) -> String {
    let mut list = format!(
        "user {BUS_USER}\ntopic read muster/v1/{REGION}/d/+/up\ntopic read muster/v1/{REGION}/t/+/up\ntopic read \
         owntracks/+/+\ntopic write muster/v1/{REGION}/d/+/down\n"
    );
    writeln!(list, "user {}\ntopic write {}", trunk.username(), trunk.up()).unwrap();
    for device in devices {
        writeln!(list, "user {}", device.username()).unwrap();
        match device.access.kind {
            DeviceKind::Muster => {
                writeln!(list, "topic write {}\ntopic read {}", device.up(), device.down()).unwrap();
            }
            DeviceKind::OwnTracks => writeln!(list, "topic write owntracks/{}/+", device.username()).unwrap(),
        }
    }
    list
}
