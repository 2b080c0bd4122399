//! `muster demo`: real 999 calls replayed against a service of its own, with simulated phones.
//!
//! ```text
//! calls (real place and time) ──gRPC──> service ──MQTT──> fleet of phones (real connections, people by the model)
//!            └─> account, line by line <──watch──┘             │ logs
//! at the end: drain, then match the phones' logs with the journal, alert by alert
//! ```

mod account;
mod calls;
mod desk;
mod enrolment;
mod reckoning;
mod summary;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use muster_loadtest::{Fleet, FleetConfig, PhoneEvent};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    config::{Config, Mqtt, Overrides, load},
    control_room::ControlRoom,
    descriptors,
    service::{JOURNAL_FILE, Service},
    telemetry,
};
use account::Account;
use desk::Desk;
use summary::{Settings, Summary};

/// Descriptors a phone costs here: both ends of its connection are in this process.
const DESCRIPTORS_PER_PHONE: u64 = 2;
/// Phones connect at this rate, so that a start does not look like a reconnect storm.
const CONNECTS_PER_S: u32 = 500;
/// How long all phones may take to be there, beyond the time their rate needs.
const CONNECT_GRACE: Duration = Duration::from_secs(60);
/// After the last call everything has this long to settle.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);
/// How often the journal is looked at while draining.
const DRAIN_LOOK: Duration = Duration::from_millis(500);

/// Flags of `muster demo`.
#[derive(Args, Clone)]
pub struct Arguments {
    /// How long calls come in, such as 60s or 5m.
    #[arg(long, default_value = "60s", value_parser = duration)]
    duration: Duration,
    /// How many responders, each with a phone, 1 to 100000.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    responders: u64,
    /// How much faster than in reality calls come in, 1 to 1000000. Everything else runs in real time.
    #[arg(long, default_value_t = 7_200.0, value_parser = speed)]
    speed: f64,
    /// Decides where responders live, what they do, and which calls come.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What goes to standard output at the end.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Keeps the data of the demo here, for `muster audit show`; must not exist. Left out: a temporary directory.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// How the summary is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    let accepted = || format!("'{text}' is not a time; accepted is 1s to 24h, such as 60s or 5m");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(accepted()),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|seconds| (1..=86_400).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(accepted)
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| (1.0..=1e6).contains(speed));
    speed.ok_or_else(|| format!("'{text}' is not a speed; accepted is 1 to 1000000"))
}

/// Runs the demo; an unaccounted alert is a failure.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    telemetry::log("warn");
    descriptors::require(arguments.responders, DESCRIPTORS_PER_PHONE)?;
    let temporary = tempfile::tempdir().context("making a temporary directory")?;
    let data_dir = match &arguments.data_dir {
        Some(kept) if kept.exists() => bail!("{} exists already; the demo starts from nothing", kept.display()),
        Some(kept) => kept.clone(),
        None => temporary.path().join("data"),
    };
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let summary = runtime.block_on(replay(arguments, &data_dir))?;
    match arguments.output {
        Output::Text => telemetry::say(&summary.to_text()),
        Output::Json => telemetry::say(&serde_json::to_string(&summary)?),
    }
    match summary.unaccounted_alerts {
        0 => Ok(()),
        some => bail!("{some} alerts are not accounted for"),
    }
}

async fn replay(arguments: &Arguments, data_dir: &Path) -> anyhow::Result<Summary> {
    let counters = telemetry::counters()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let service = Service::start(&config(arguments, data_dir)?, counters).await?;
    let room = ControlRoom::connect(&service.endpoints).await?;
    let account = Account::new(arguments.duration);
    let kept = arguments.data_dir.as_ref();
    account.tell(&format!(
        "A service of its own: gRPC at {}, MQTT at {}, data in {}.",
        service.endpoints.grpc,
        service.endpoints.mqtt.map_or_else(String::new, |mqtt| mqtt.to_string()),
        kept.map_or_else(|| "a temporary directory".to_owned(), |kept| kept.display().to_string()),
    ));
    let mut fleet = tokio::select! {
        fleet = gather(arguments, &service, &room, &account) => fleet?,
        _ = interrupt.recv() => bail!("interrupted before the first call"),
    };
    let desk = Desk::open(&room, account, arguments).await?;
    let (desk, mut events) = take_calls(desk, &mut fleet, &mut interrupt).await?;

    let journal = data_dir.join(JOURNAL_FILE);
    desk.account()
        .tell("Calls end here. Closing every incident and waiting until all is settled.");
    desk.close_all().await?;
    settle(&desk, &journal, &mut fleet, &mut events).await?;
    fleet.shutdown().await;
    events.extend(fleet.drain());
    let incidents = desk.hang_up();
    service.stop().await?;

    let settings = Settings {
        responders: arguments.responders,
        speed: arguments.speed,
        seed: arguments.seed,
    };
    let reckoning = reckoning::reckon(&journal, &incidents, &events)?;
    Ok(Summary::new(settings, &incidents, fleet.summary(), &reckoning))
}

fn config(arguments: &Arguments, data_dir: &Path) -> anyhow::Result<Config> {
    let any_port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let overrides = Overrides {
        data_dir: Some(data_dir.to_owned()),
        grpc_listen: Some(any_port),
        mqtt_listen: Some(any_port),
        http_listen: Some(any_port),
        insecure_loopback: false,
        // The demo counts every alert there is.
        canary_every_s: Some(0),
        streets: None,
    };
    let mut config = load(None, overrides)?;
    if let Mqtt::Embedded { connections_max, .. } = &mut config.mqtt {
        *connections_max = (*connections_max).max(usize::try_from(arguments.responders)? + 100);
    }
    Ok(config)
}

/// Registers everybody, connects their phones, and waits until the service knows where they are.
async fn gather(
    arguments: &Arguments,
    service: &Service,
    room: &ControlRoom,
    account: &Account,
) -> anyhow::Result<Fleet> {
    let began = Instant::now();
    let phones = enrolment::enrol(room, arguments.responders, arguments.seed).await?;
    let broker = service.endpoints.mqtt.context("the demo runs on the embedded broker")?;
    let count = phones.len();
    account.tell(&format!(
        "{count} responders registered in {:.1} s, placed by where Londoners live. Connecting their phones.",
        began.elapsed().as_secs_f64()
    ));
    let fleet_config = FleetConfig {
        connects_per_s: CONNECTS_PER_S,
        ..FleetConfig::new(broker.ip().to_string(), broker.port(), arguments.seed)
    };
    let began = Instant::now();
    let fleet = Fleet::start(&fleet_config, phones);
    let wait = CONNECT_GRACE + Duration::from_secs(arguments.responders / u64::from(CONNECTS_PER_S));
    if !fleet.wait_connected(count, wait).await {
        bail!(
            "only {} of {count} phones connected within {} s",
            fleet.connected(),
            wait.as_secs()
        );
    }
    let mut located = service.engine.located();
    let all = located.wait_for(|&known| known >= count);
    let known = tokio::time::timeout(CONNECT_GRACE, all).await;
    known
        .context("not every phone said where it is in time")?
        .context("the service stopped")?;
    account.tell(&format!(
        "{count} phones connected over MQTT 5 and located in {:.1} s. Calls begin.",
        began.elapsed().as_secs_f64()
    ));
    Ok(fleet)
}

/// Takes calls until the time is up or Ctrl-C is pressed; returns what the phones logged meanwhile.
async fn take_calls(
    mut desk: Desk,
    fleet: &mut Fleet,
    interrupt: &mut Signal,
) -> anyhow::Result<(Desk, Vec<PhoneEvent>)> {
    let mut events = Vec::new();
    loop {
        tokio::select! {
            more = desk.next() => if !more? { break },
            Some(event) = fleet.next_event() => {
                desk.phone_event(&event);
                events.push(event);
            }
            _ = interrupt.recv() => {
                desk.account().tell("Interrupted: no more calls.");
                break;
            }
        }
    }
    Ok((desk, events))
}

/// Waits until every alert has ended and every last word has been acknowledged, or the time for that is up.
async fn settle(desk: &Desk, journal: &Path, fleet: &mut Fleet, events: &mut Vec<PhoneEvent>) -> anyhow::Result<()> {
    let until = Instant::now() + DRAIN_WITHIN;
    let mut look = tokio::time::interval(DRAIN_LOOK);
    loop {
        tokio::select! {
            Some(event) = fleet.next_event() => events.push(event),
            _ = look.tick() => {
                if reckoning::is_settled(journal, desk.incidents())? {
                    return Ok(());
                }
                if Instant::now() > until {
                    desk.account().tell("Not everything settled in time; see the summary.");
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_speeds_are_read_or_refused_in_words() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for wrong in ["", "s", "0s", "-1s", "5d", "25h", "99999999999999999999s", "1.5s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(speed("60"), Ok(60.0));
        for wrong in ["0", "NaN", "-3", "2e6", "fast"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
