//! The broker, the alerts that go out meanwhile, and the stopwatch.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    io::{BufRead, BufReader, Write, stdout},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use dispatch_core::{
    alert::StandDownReason,
    command::{DownBody, DownMessage},
    ids::{AlertId, DeviceId, ResponderId, TenantId},
    input::Input,
    responder::{Device, Purpose},
};
use muster_bus::{
    embedded::{EmbeddedBus, EmbeddedConfig},
    topics::Region,
};
use muster_engine::{
    clock::SystemClock,
    inlet::Observer,
    ports::{Clock, MessageBus, Outbound},
    registry::{DeviceAccess, DeviceKind, Directory, Encoding, RegistryChange, secret_hash},
};
use tokio::time::{MissedTickBehavior, interval};

use crate::client::Identity;

/// How long an alert lives; phones tell from it when it was sent.
pub const LIFE: Duration = Duration::from_secs(300);
/// Twenty alerts a second, many times the busiest hour of a large service.
const ALERTS: Duration = Duration::from_millis(50);
/// A fleet that is not back by then is given up.
const PATIENCE: Duration = Duration::from_secs(600);
const REGION: &str = "north";

/// The phone with this number, as it introduces itself.
pub fn identity(number: u32) -> Identity {
    let access = access(number);
    let region = Region::new(REGION).expect("a constant that is a region");
    Identity {
        client_id: access.device.device.to_string(),
        password: password(number),
        down: region.down(&access.topic_id),
    }
}

fn password(number: u32) -> String {
    format!("secret-{number}")
}

fn access(number: u32) -> DeviceAccess {
    let mut id = [0x5a; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    DeviceAccess {
        device: Device {
            device: DeviceId::from_bytes(id),
            responder: ResponderId::from_bytes(id),
            purpose: Purpose::Live,
            alertable: true,
        },
        tenant: TenantId::new("dev").expect("a constant that is a tenant"),
        kind: DeviceKind::Muster,
        encoding: Encoding::Binary,
        topic_id: format!("{number:032x}"),
        secret_hash: secret_hash(password(number).as_bytes()),
    }
}

/// Measures the three rounds.
pub async fn run(sessions: u32, spread: Duration) -> Result<(), Box<dyn Error>> {
    let directory = Arc::new(Directory::default());
    for number in 0..sessions {
        directory.apply(RegistryChange::PutDevice(access(number)));
    }
    let mut broker = Broker::start("0.0.0.0:0".parse()?, sessions, directory).await?;
    let mut fleet = Fleet::start(broker.bus.local_addr(), sessions, spread)?;
    broker.round("everybody connects", &mut fleet).await?;
    broker.restart().await?;
    broker.round("the broker restarts", &mut fleet).await?;
    fleet.order("break")?;
    broker.round("everybody resumes", &mut fleet).await
}

struct Broker {
    bus: EmbeddedBus,
    observer: Observer,
    clock: Arc<SystemClock>,
    directory: Arc<Directory>,
    sessions: u32,
    /// Who came since the round began.
    back: BTreeSet<DeviceId>,
}

impl Broker {
    async fn start(listen: SocketAddr, sessions: u32, directory: Arc<Directory>) -> Result<Self, Box<dyn Error>> {
        let (inlet, observer) = Observer::new();
        let clock = Arc::new(SystemClock::new());
        let config = EmbeddedConfig {
            listen,
            region: REGION.into(),
            connections_max: 2 * sessions as usize,
            keep_alive: None,
        };
        let bus = EmbeddedBus::start(config, Arc::clone(&directory) as _, Arc::clone(&clock) as _, inlet).await?;
        Ok(Self {
            bus,
            observer,
            clock,
            directory,
            sessions,
            back: BTreeSet::new(),
        })
    }

    async fn restart(&mut self) -> Result<(), Box<dyn Error>> {
        let listen = self.bus.local_addr();
        self.bus.shutdown().await;
        *self = Self::start(listen, self.sessions, Arc::clone(&self.directory)).await?;
        Ok(())
    }

    /// Waits until everybody is there, and says what it cost.
    async fn round(&mut self, what: &str, fleet: &mut Fleet) -> Result<(), Box<dyn Error>> {
        self.back.clear();
        let (began, cpu) = (Instant::now(), cpu_ms()?);
        let mut alerts = interval(ALERTS);
        alerts.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut number = 0;
        while self.back.len() < self.sessions as usize {
            tokio::select! {
                Some(input) = self.observer.next() => if let Input::DeviceOnline { device } = input {
                    self.back.insert(device);
                },
                _ = alerts.tick() => { number += 1; self.alert(number); }
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("only {} of {} came back", self.back.len(), self.sessions).into());
            }
        }
        let (took, cpu) = (began.elapsed(), cpu_ms()? - cpu);
        // What is on its way arrives before the fleet is asked.
        tokio::time::sleep(Duration::from_millis(500)).await;
        writeln!(
            stdout(),
            "{what}: {} sessions in {:.2} s, {:.2} s of CPU, {} MB; {}",
            self.sessions,
            took.as_secs_f64(),
            cpu as f64 / 1_000.0,
            resident_mb()?,
            fleet.told()?.trim(),
        )?;
        Ok(())
    }

    /// Alerts somebody who is there.
    fn alert(&self, number: u32) {
        let spread = number.wrapping_mul(2_654_435_761) as usize;
        let Some(device) = self.back.iter().nth(spread % self.back.len().max(1)) else {
            return;
        };
        let bytes = device.as_bytes();
        let to = access(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        self.bus.publish(Outbound {
            message: DownMessage {
                device: *device,
                about: Some((AlertId::from_bytes([0xa1; 16]), number)),
                owner_epoch: 1,
                expires_at: self.clock.now() + LIFE,
                purpose: Purpose::Live,
                body: DownBody::StandDown(StandDownReason::Enough),
            },
            to: Arc::new(to),
            address: None,
            aed: None,
        });
    }
}

struct Fleet {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Fleet {
    fn start(broker: SocketAddr, sessions: u32, spread: Duration) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--fleet", &broker.to_string()])
            .args(["--sessions", &sessions.to_string()])
            .args(["--spread-ms", &spread.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("the fleet takes orders")?;
        let answers = BufReader::new(child.stdout.take().ok_or("the fleet answers")?);
        Ok(Self { child, orders, answers })
    }

    fn order(&mut self, order: &str) -> std::io::Result<()> {
        writeln!(self.orders, "{order}")
    }

    fn told(&mut self) -> std::io::Result<String> {
        self.order("tell")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// CPU time of this process so far. Linux counts it in hundredths of a second.
fn cpu_ms() -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name, in parentheses, may hold anything; user and system time are the 12th and 13th words after it.
    let words = stat.rsplit(')').next().unwrap_or_default();
    let ticks = words.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? * 10)
}

fn resident_mb() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kb.parse::<u64>()? / 1_024)
}
