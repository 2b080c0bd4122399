//! Measures what becomes of each class of requests when there is too much to do.
//!
//! ```text
//! muster serve --config loadtest/examples/overload/limits.toml --data-dir DIR &
//! cargo run --release -p muster-loadtest --example overload -- \
//!     --endpoints DIR/endpoints.json --rate-per-s 100 --multiples 1,5,10 --seconds 10
//! ```
//! First finds the capacity, by doubling the rate until a vital request takes longer than 100 ms (p99) or something is
//! refused; then asks multiples of it. Requests go out on a fixed schedule and latency counts from the moment each was
//! due, so that a service that stalls cannot hide it. A few phones move all the while. In the end every vital request that
//! was acknowledged is looked for. Exits with 3 if one is lost, or was never taken in however often it was tried.
//!
//! The client runs on the machine it measures: what it needs itself is missing to the service.

mod asks;
mod control_room;
mod run;
mod tally;

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use clap::Parser;
use muster_loadtest::{Encoding, Fleet, FleetConfig, PhoneConfig, people::place::Place};
use muster_proto::v1::{
    DeviceKind, IssueCredentialRequest, Live, PayloadEncoding, RegisterResponderRequest,
    issue_credential_request::Purpose,
};

use asks::Kind;
use control_room::{ControlRoom, Endpoints};
use run::{Ran, run};

/// The capacity is exceeded when the 99th percentile of vital requests is above this.
const VITAL_P99_MAX: Duration = Duration::from_millis(100);
/// How long each step of the search for the capacity takes.
const STEP_S: u64 = 5;
/// The search ends here: no control room asks this much.
const PER_S_MAX: u64 = 100_000;
/// Phones are to be connected within this.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// Exit code: a service level was missed.
const MISSED: u8 = 3;

/// Measures what becomes of each class of requests when there is too much to do.
#[derive(Parser)]
struct Arguments {
    /// endpoints.json of a running service.
    #[arg(long)]
    endpoints: PathBuf,
    /// Requests a second at which the search for the capacity begins.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(10..=PER_S_MAX))]
    rate_per_s: u64,
    /// Multiples of the capacity to ask.
    #[arg(long, value_delimiter = ',', default_value = "1,5,10")]
    multiples: Vec<u32>,
    /// How long each multiple is asked.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Phones that move meanwhile.
    #[arg(long, default_value_t = 20)]
    phones: u64,
    /// How often each phone says where it is, per second.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    positions_per_s: u64,
    /// Takes `--rate-per-s` for the capacity and does not search.
    #[arg(long)]
    no_search: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let endpoints = Endpoints::read(&arguments.endpoints)?;
    let room = ControlRoom::connect(&endpoints).await?;
    // Runs against the same service must not meet.
    let run_id = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut fleet = phones(&arguments, &endpoints, &room, run_id).await?;
    let capacity = if arguments.no_search {
        arguments.rate_per_s
    } else {
        search(&room, arguments.rate_per_s, run_id).await?
    };
    say(&format!("capacity {capacity} requests/s\n"))?;
    let mut table = tally::HEAD.to_owned();
    let mut verdicts = String::new();
    let mut missed = false;
    for &multiple in &arguments.multiples {
        let name = format!("{run_id}-{multiple}x");
        let ran = run(&room, &name, capacity * u64::from(multiple), arguments.seconds).await?;
        table += &ran.tally.lines(multiple);
        let never: u64 = Kind::ALL.iter().map(|&kind| ran.tally.row(kind).never).sum();
        missed |= ran.lost + never > 0;
        verdicts += &format!(
            "{multiple}x: vital lost {}, vital never taken in {never}; sent in {:.1} s\n",
            ran.lost,
            ran.sending.as_secs_f64()
        );
    }
    fleet.shutdown().await;
    say(&table)?;
    say(&verdicts)?;
    Ok(if missed {
        ExitCode::from(MISSED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Doubles the rate until it is too much; the last one that was not.
async fn search(room: &ControlRoom, from_per_s: u64, run_id: u64) -> anyhow::Result<u64> {
    let mut good = None;
    let mut per_s = from_per_s;
    while per_s <= PER_S_MAX {
        let ran = run(room, &format!("{run_id}-search-{per_s}"), per_s, STEP_S).await?;
        let p99 = vital_p99(&ran);
        let refused = ran.tally.has_refusals();
        say(&format!(
            "{per_s} requests/s: vital p99 {:.1} ms, refusals: {refused}\n",
            p99.as_secs_f64() * 1e3
        ))?;
        if p99 > VITAL_P99_MAX || refused {
            break;
        }
        good = Some(per_s);
        per_s *= 2;
    }
    good.with_context(|| format!("{from_per_s} requests/s are too many already; begin with fewer"))
}

fn vital_p99(ran: &Ran) -> Duration {
    let vital = Kind::ALL.into_iter().filter(|kind| kind.is_vital());
    vital.map(|kind| ran.tally.row(kind).ok_p99()).max().unwrap_or_default()
}

/// Enrols the phones and waits until they are connected.
async fn phones(
    arguments: &Arguments,
    endpoints: &Endpoints,
    room: &ControlRoom,
    run_id: u64,
) -> anyhow::Result<Fleet> {
    let broker = endpoints
        .mqtt
        .as_deref()
        .context("the service has no broker of its own")?;
    let (host, port) = broker.rsplit_once(':').context("the broker has no port")?;
    let mut phones = Vec::new();
    for number in 0..arguments.phones {
        phones.push(enrol(room, run_id, number).await?);
    }
    let config = FleetConfig {
        position_interval: Duration::from_secs(1) / u32::try_from(arguments.positions_per_s)?,
        ..FleetConfig::new(host, port.parse()?, run_id)
    };
    let count = phones.len();
    let fleet = Fleet::start(&config, phones);
    anyhow::ensure!(
        fleet.wait_connected(count, CONNECT_WITHIN).await,
        "the phones did not connect"
    );
    Ok(fleet)
}

async fn enrol(room: &ControlRoom, run_id: u64, number: u64) -> anyhow::Result<PhoneConfig> {
    let mut client = room.responders(number);
    let profile = asks::profile(&format!("{run_id}-phone-{number}"), SystemTime::now());
    let request = RegisterResponderRequest { profile: Some(profile) };
    let registered = client.register_responder(request).await?.into_inner();
    let request = IssueCredentialRequest {
        responder_id: registered.responder.unwrap_or_default().responder_id,
        kind: DeviceKind::Muster.into(),
        encoding: PayloadEncoding::Binary.into(),
        purpose: Some(Purpose::Live(Live {})),
    };
    let issued = client.issue_credential(request).await?.into_inner();
    let home = asks::place(number);
    Ok(PhoneConfig {
        person: number,
        device_id: issued.device_id,
        password: issued.password,
        up_topic: issued.up_topic,
        down_topic: issued.down_topic,
        encoding: Encoding::Binary,
        home: Place::new(home.latitude_deg, home.longitude_deg)?,
    })
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
