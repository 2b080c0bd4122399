//! Configuration, read once: flag, `MUSTER_*` variable, TOML file, default, in this order. Unknown keys are refused,
//! and every value is checked before anything starts.

mod limits;
mod policies;
mod regions;
mod store;
pub mod streets;

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use dispatch_core::policy::PolicyBook;
use muster_ingest::{Limits, ServiceArea};
use muster_store::StoreOptions;
use serde::Deserialize;

use crate::canary::EVERY;
use limits::LimitsSection;
use muster_policies::PolicySection;
use policies::SpecialPolicySection;
use regions::{RegionRuleSection, RegionRules};
use store::StoreSection;
use streets::StreetsSection;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct InvalidConfig {
    /// The file, or the flag.
    origin: String,
    /// The key, what is wrong with its value, and what is accepted.
    problem: String,
}

impl InvalidConfig {
    fn new(origin: &str, problem: impl Into<String>) -> Self {
        Self {
            origin: origin.to_owned(),
            problem: problem.into(),
        }
    }
}

/// What `muster serve` runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where everything durable is kept.
    pub data_dir: PathBuf,
    /// How long that is kept, and what is done about a full disk.
    pub store: StoreOptions,
    /// This owner's segment in topics.
    pub region: String,
    /// For control rooms.
    pub grpc_listen: SocketAddr,
    /// Plaintext for control rooms on this machine; tenant `dev`.
    pub insecure_loopback: bool,
    /// Certificates; `None` = development certificates, on loopback only.
    pub tls: Option<TlsFiles>,
    /// For phones.
    pub mqtt: Mqtt,
    /// Whether there may be connections that tell where many people are.
    pub trunks: bool,
    /// For probes and counters.
    pub http_listen: SocketAddr,
    /// Where incidents can be.
    pub service_area: Option<ServiceArea>,
    /// The road file that ways are measured in; `None` = straight lines and a detour.
    pub streets: Option<PathBuf>,
    /// Who is asked.
    pub policies: PolicyBook,
    /// Time between two rounds of the canary; `None` = there is none.
    pub canary_every: Option<Duration>,
    /// What each control room may ask.
    pub limits: Limits,
}

/// PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The service's certificate, intermediates behind it.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Who signs control rooms' certificates.
    pub client_ca: PathBuf,
}

/// Which broker phones connect to.
#[derive(Clone, Debug)]
pub enum Mqtt {
    /// The one in this process.
    Embedded {
        /// Where it listens.
        listen: SocketAddr,
        /// How many phones may be connected.
        connections_max: usize,
    },
    /// One outside.
    External(ExternalBroker),
}

/// A broker outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalBroker {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Our name there; needs `password_file`.
    pub username: Option<String>,
    /// A file that holds our password.
    pub password_file: Option<PathBuf>,
    /// Our client id there.
    #[serde(default = "default_client_id")]
    pub client_id: String,
}

fn default_client_id() -> String {
    "muster".to_owned()
}

/// What the command line and the environment say over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--grpc-listen`
    pub grpc_listen: Option<SocketAddr>,
    /// `--mqtt-listen`
    pub mqtt_listen: Option<SocketAddr>,
    /// `--http-listen`
    pub http_listen: Option<SocketAddr>,
    /// `--insecure-loopback`
    pub insecure_loopback: bool,
    /// `--canary-every-s`
    pub canary_every_s: Option<u32>,
    /// `--streets`
    pub streets: Option<PathBuf>,
}

/// Great Britain with its coastal waters: the default area, since grid references are its own.
const GREAT_BRITAIN: ServiceArea = ServiceArea {
    south: 49.7,
    west: -8.8,
    north: 61.0,
    east: 2.0,
};
const CONNECTIONS_MAX: usize = 10_000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data_dir: Option<PathBuf>,
    region: Option<String>,
    grpc: GrpcSection,
    mqtt: MqttSection,
    http: HttpSection,
    service_area: Option<AreaSection>,
    streets: StreetsSection,
    store: StoreSection,
    limits: LimitsSection,
    policy: PolicySection,
    special_policy: Vec<SpecialPolicySection>,
    region_rule: Vec<RegionRuleSection>,
    canary: CanarySection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CanarySection {
    every_s: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GrpcSection {
    listen: Option<SocketAddr>,
    tls: Option<TlsFiles>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MqttSection {
    listen: Option<SocketAddr>,
    connections_max: Option<usize>,
    trunks: bool,
    external: Option<ExternalBroker>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpSection {
    listen: Option<SocketAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaSection {
    south: f64,
    west: f64,
    north: f64,
    east: f64,
}

/// `muster check-config`: reads and checks a file and the streets it names, starts nothing.
pub fn check(path: &Path) -> anyhow::Result<()> {
    let config = load(Some(path), Overrides::default())?;
    if let Some(file) = &config.streets {
        let graph = streets::read(file)?;
        crate::telemetry::say(&format!(
            "{}: fine; {} junctions, {} stretches",
            file.display(),
            graph.junctions().len(),
            graph.stretch_count()
        ));
    }
    crate::telemetry::say(&format!(
        "{}: fine; data in {}",
        path.display(),
        config.data_dir.display()
    ));
    Ok(())
}

/// Reads the file, if any, and lays the overrides over it.
pub fn load(path: Option<&Path>, overrides: Overrides) -> Result<Config, InvalidConfig> {
    let Some(path) = path else {
        return build("built-in configuration", Path::new(""), File::default(), overrides);
    };
    let origin = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| InvalidConfig::new(&origin, error.to_string()))?;
    let file = toml::from_str(&text).map_err(|error| InvalidConfig::new(&origin, error.to_string()))?;
    let directory = path.parent().unwrap_or(Path::new(""));
    build(&origin, directory, file, overrides)
}

/// `directory` is where the names of other files start from.
fn build(origin: &str, directory: &Path, file: File, overrides: Overrides) -> Result<Config, InvalidConfig> {
    let invalid = |problem: String| InvalidConfig::new(origin, problem);
    let default_listen = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mqtt_listen = overrides.mqtt_listen.or(file.mqtt.listen);
    let mqtt = match file.mqtt.external {
        Some(_) if mqtt_listen.is_some() => {
            return Err(invalid(
                "mqtt.listen and mqtt.external exclude each other: phones use one broker".to_owned(),
            ));
        }
        Some(external) => {
            if external.username.is_some() != external.password_file.is_some() {
                return Err(invalid(
                    "mqtt.external: username and password_file go together".to_owned(),
                ));
            }
            Mqtt::External(external)
        }
        None => Mqtt::Embedded {
            listen: mqtt_listen.unwrap_or_else(|| default_listen(1883)),
            connections_max: file.mqtt.connections_max.unwrap_or(CONNECTIONS_MAX),
        },
    };
    if let Mqtt::Embedded { connections_max, .. } = mqtt
        && !(1..=1_000_000).contains(&connections_max)
    {
        return Err(invalid(format!(
            "mqtt.connections_max is {connections_max}; accepted is 1 to 1000000"
        )));
    }
    let service_area = match file.service_area {
        None => GREAT_BRITAIN,
        Some(AreaSection {
            south,
            west,
            north,
            east,
        }) => ServiceArea {
            south,
            west,
            north,
            east,
        },
    };
    service_area
        .validate()
        .map_err(|error| invalid(format!("service_area: {error}")))?;
    let mut policies = policies::book(file.policy, file.special_policy).map_err(invalid)?;
    let region_rules = RegionRules {
        sections: file.region_rule,
        directory,
        service_area: &service_area,
    };
    region_rules.add_to(&mut policies).map_err(invalid)?;
    let region = file.region.unwrap_or_else(|| "local".to_owned());
    muster_bus::topics::Region::new(&region).map_err(|error| invalid(format!("region: {error}")))?;
    let config = Config {
        data_dir: overrides
            .data_dir
            .or(file.data_dir)
            .unwrap_or_else(|| "muster-data".into()),
        store: store::options(&file.store).map_err(invalid)?,
        region,
        grpc_listen: overrides
            .grpc_listen
            .or(file.grpc.listen)
            .unwrap_or_else(|| default_listen(7443)),
        insecure_loopback: overrides.insecure_loopback,
        tls: file.grpc.tls,
        mqtt,
        trunks: file.mqtt.trunks,
        http_listen: overrides
            .http_listen
            .or(file.http.listen)
            .unwrap_or_else(|| default_listen(9464)),
        service_area: Some(service_area),
        streets: overrides.streets.or(file.streets.file),
        policies,
        canary_every: canary_every(overrides.canary_every_s.or(file.canary.every_s)).map_err(invalid)?,
        limits: file.limits.limits().map_err(invalid)?,
    };
    config.check_safety().map_err(invalid)?;
    Ok(config)
}

/// Time between rounds of the canary; 0 = none.
fn canary_every(seconds: Option<u32>) -> Result<Option<Duration>, String> {
    match seconds {
        None => Ok(Some(EVERY)),
        Some(0) => Ok(None),
        Some(seconds @ 5..=3_600) => Ok(Some(Duration::from_secs(seconds.into()))),
        Some(seconds) => Err(format!(
            "canary.every_s is {seconds}; accepted is 5 to 3600, and 0 for no canary"
        )),
    }
}

impl Config {
    /// The rules that make the first start safe.
    fn check_safety(&self) -> Result<(), String> {
        let open = !self.grpc_listen.ip().is_loopback();
        if open && self.insecure_loopback {
            return Err(format!(
                "grpc.listen is {}; --insecure-loopback accepts a loopback address only",
                self.grpc_listen
            ));
        }
        if open && self.tls.is_none() {
            return Err(format!(
                "grpc.listen is {}; development certificates are for loopback, so grpc.tls must name certificate, key \
                 and client_ca",
                self.grpc_listen
            ));
        }
        if let Mqtt::External(ExternalBroker { host, .. }) = &self.mqtt {
            let loopback = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
            if !loopback {
                return Err(format!(
                    "mqtt.external.host is '{host}'; the connection to the broker is plain TCP and accepts a loopback \
                     address only: put a TLS tunnel before it"
                ));
            }
        }
        if let Mqtt::Embedded { listen, .. } = self.mqtt
            && !listen.ip().is_loopback()
        {
            return Err(format!(
                "mqtt.listen is {listen}; the embedded broker speaks plain TCP and accepts a loopback address only: put a \
                 TLS proxy before it or use mqtt.external"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use dispatch_core::{
        ids::TenantId,
        incident::IncidentKind,
        position::{Metres, Position},
        scene::SceneRule,
    };

    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let file = toml::from_str(text).map_err(|error| error.to_string())?;
        build("test", Path::new("../../deploy"), file, Overrides::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_is_a_safe_start() {
        let config = parse("").expect("valid");
        assert!(config.grpc_listen.ip().is_loopback() && config.http_listen.ip().is_loopback());
        assert!(!config.insecure_loopback);
    }

    #[test]
    fn the_example_is_valid() {
        parse(include_str!("../../../deploy/muster.example.toml")).expect("valid");
    }

    #[test]
    fn the_example_is_valid_with_its_regions() {
        let text = include_str!("../../../deploy/muster.example.toml");
        let (before, regions) = text.split_once("# [[region_rule]]").expect("an example");
        let regions = regions.replace("\n# ", "\n");
        let config = parse(&format!("{before}[[region_rule]]{regions}")).expect("valid");
        let (tenant, kind) = (TenantId::new("london"), IncidentKind::new("cardiac_arrest"));
        let (tenant, kind) = (tenant.expect("valid"), kind.expect("valid"));
        let at = |latitude, longitude| Position::from_degrees(latitude, longitude).ok();
        let town = config.policies.policy(&tenant, &kind, at(51.51, -0.12));
        assert_eq!((town.name.as_str(), town.radius), ("Example town", Metres::new(500)));
        let scene = |latitude, longitude| config.policies.scene_rule(&tenant, &kind, at(latitude, longitude));
        assert_eq!(scene(51.556, -0.118), SceneRule::Nobody);
        assert_eq!(scene(51.5562, -0.12), SceneRule::Everybody, "a hole");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("colour = 'red'", "colour"),
            ("[policy]\nradius = 3", "radius"),
            ("[policy]\nwanted = 9", "wanted is 9"),
            ("[policy]\nreceipt_wait_s = -1", "receipt_wait_s is -1"),
            ("[policy]\nskills_any = ['CPR!']", "CPR!"),
            ("[[special_policy]]\npolicy = {}", "special_policy needs"),
            ("[[special_policy]]\ntenant = 'Big Ben'\npolicy = {}", "Big Ben"),
            ("[grpc]\nlisten = '0.0.0.0:7443'", "grpc.tls"),
            ("[mqtt]\nlisten = '0.0.0.0:1883'", "plain TCP"),
            ("[mqtt]\nconnections_max = 0", "connections_max is 0"),
            ("[limits]\nvital = { per_s = 0, burst = 5 }", "limits.vital.per_s is 0"),
            ("[limits]\nquery = { per_s = 5 }", "burst"),
            (
                "[mqtt]\nlisten = '127.0.0.1:1'\n[mqtt.external]\nhost = 'b'\nport = 1",
                "exclude",
            ),
            (
                "[service_area]\nsouth = 1\nnorth = 0\nwest = 0\neast = 1",
                "service_area",
            ),
            ("region = 'a/b'", "region"),
            ("[canary]\nevery_s = 1", "every_s is 1"),
            ("[store]\nkeep_days = 1", "store.keep_days is 1"),
            ("[store]\nreserve_mib = 5000", "store.reserve_mib is 5000"),
            ("[store]\nkeep = 1", "keep"),
            ("[streets]\nmap = 'a'", "map"),
        ] {
            let problem = parse(text).expect_err(text);
            assert!(problem.contains(named), "{text}: {problem}");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let file = toml::from_str("[streets]\nfile = 'a'").expect("valid");
        let overrides = Overrides {
            streets: Some("b".into()),
            ..Overrides::default()
        };
        assert_eq!(
            build("test", Path::new("."), file, overrides).expect("valid").streets,
            Some("b".into())
        );
        let config = parse("[streets]\nfile = 'a'").expect("valid");
        assert_eq!(config.streets, Some("a".into()));
    }

    #[test]
    fn a_special_policy_starts_from_the_default_one() {
        let text = "[policy]\nalert_count = 9\n[[special_policy]]\nincident_kind = 'bleed'\n[special_policy.policy]\nname = 'bleed'\nradius_m = 500";
        let config = parse(text).expect("valid");
        let tenant = TenantId::new("london").expect("valid");
        let bleed = config
            .policies
            .policy(&tenant, &IncidentKind::new("bleed").expect("valid"), None);
        assert_eq!(
            (bleed.name.as_str(), bleed.alert_count, bleed.radius),
            ("bleed", 9, Metres::new(500))
        );
    }
}
